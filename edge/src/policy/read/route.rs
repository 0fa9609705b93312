//! The routes, and what they must agree on with the rest of the policy.

use super::{NAME, counted, section, waf};
use crate::policy::{
    Answer, BodyUse, Class, Limits, Pattern, Route, TokenNeed, Upstream,
    document::File,
    keys,
    syntax::{is_header_value, is_host, is_label, is_name},
    table::{Item, Table, quoted},
};
use gapura_shared::claims::Assurance;
use std::{collections::BTreeSet, ops::RangeInclusive};

/// Most routes of both texts together: each request may look at all of them.
const MAX_ROUTES: usize = 500;

/// What routes refer to.
pub(super) struct Context<'a> {
    pub(super) limits: &'a Limits,
    pub(super) upstream: &'a Upstream,
    pub(super) classes: &'a [Class],
    pub(super) waf: &'a waf::Common,
}

/// All routes; each also fits those in front of it.
pub(super) fn routes(root: &Table<'_>, context: &Context<'_>) -> Vec<Route> {
    let mut names = BTreeSet::new();
    let mut routes: Vec<(File, Route)> = Vec::new();
    root.read("route", |item| {
        let count = item.list(|_| Some(()))?.len();
        if count > MAX_ROUTES {
            item.fault(format!("must be at most {MAX_ROUTES} routes, is {count}"));
            return None;
        }
        item.list(|item| {
            let table = item.table(keys::ROUTE)?;
            let name = name(&table, &mut names);
            let route = route(&table, name, context)?;
            refuse_hidden(&table, item.file(), &route, &routes, context);
            routes.push((item.file(), route));
            Some(())
        })
    });
    routes.into_iter().map(|(_, route)| route).collect()
}

fn name(table: &Table<'_>, names: &mut BTreeSet<String>) -> Option<String> {
    table.require("name", |item| {
        let name = item.text_where(is_name, NAME)?;
        if !names.insert(name.clone()) {
            item.fault(format!(
                "is the name of another route too: {}",
                quoted(&name)
            ));
        }
        Some(name)
    })
}

/// Within one text, a route that is never reached is a mistake. An overlay may well
/// stand in front of a route of the base: that is how it replaces one.
fn refuse_hidden(
    table: &Table<'_>,
    file: File,
    route: &Route,
    earlier: &[(File, Route)],
    context: &Context<'_>,
) {
    let known = &context.limits.methods;
    let hiding = earlier
        .iter()
        .find(|(other, first)| *other == file && first.hides(route, known));
    if let (Some((_, first)), Some(path)) = (hiding, table.get("path")) {
        path.fault(format!(
            "is never reached: route `{}` takes all of it before",
            first.name
        ));
    }
}

/// Every key is read, also when a needed one is missing, so that all faults show.
fn route(table: &Table<'_>, name: Option<String>, context: &Context<'_>) -> Option<Route> {
    let path = table.require("path", outside);
    let token = table
        .read("token", token_need)
        .unwrap_or(TokenNeed::Required);
    let limits = context.limits;
    let body = [("read", BodyUse::Read), ("stream", BodyUse::Stream)];
    let revocation = [("copy", false), ("strict", true)];
    Some(Route {
        methods: table
            .read("methods", |item| methods(item, limits))
            .unwrap_or_else(|| limits.methods.clone()),
        host: table.read("host", |item| host(item, limits)),
        query: query(table),
        token,
        roles: table
            .read("roles", |item| roles(item, token))
            .unwrap_or_default(),
        assurance: table
            .read("aal", |item| assurance(item, token))
            .unwrap_or_default(),
        strict_revocation: table
            .read("revocation", |item| item.choice(&revocation))
            .unwrap_or(false),
        classes: counted::classes(table, context.classes),
        account: table
            .read("account", |item| counted::account(item, table))
            .unwrap_or_default(),
        waf: waf::settings(table, context.waf),
        body: table
            .read("body", |item| item.choice(&body))
            .unwrap_or(BodyUse::Read),
        url_bytes: table
            .read("url_bytes", section::url_bytes)
            .unwrap_or(limits.url_bytes),
        body_bytes: table
            .read("body_bytes", |item| {
                item.number_up_to(0..=limits.body_bytes, " (limits.body_bytes)")
            })
            .unwrap_or(limits.body_bytes),
        access: section::access(table),
        rewrite: table.read("rewrite", |item| rewrite(item, table, path.as_ref())),
        timeout_ms: table
            .read("timeout_ms", section::timeout_ms)
            .unwrap_or(context.upstream.timeout_ms),
        headers: section::written_headers(table, false).into_iter().collect(),
        answer: table.read("answer", |item| answer(item, 200..=599)),
        refused: table.read("refused", |item| refused(item, table)),
        name: name?,
        path: path?,
    })
}

/// The gate's own paths never reach a route.
fn outside(item: &Item<'_>) -> Option<Pattern> {
    let pattern = pattern(item)?;
    if pattern.to_string().starts_with("/_gapura/") {
        item.fault("is the gate's own: no route gets what is below /_gapura/");
    }
    Some(pattern)
}

pub(super) fn pattern(item: &Item<'_>) -> Option<Pattern> {
    let text = item.text()?;
    let pattern = Pattern::parse(text);
    if let Err(why) = &pattern {
        item.fault(format!("{why}, is {}", quoted(text)));
    }
    pattern.ok()
}

fn token_need(item: &Item<'_>) -> Option<TokenNeed> {
    item.choice(&[
        ("none", TokenNeed::None),
        ("optional", TokenNeed::Optional),
        ("required", TokenNeed::Required),
    ])
}

fn methods(item: &Item<'_>, limits: &Limits) -> Option<Vec<String>> {
    let must = format!("one of limits.methods ({})", limits.methods.join(", "));
    item.some_texts(
        |text| limits.methods.iter().any(|method| method == text),
        &must,
    )
}

fn host(item: &Item<'_>, limits: &Limits) -> Option<String> {
    let host = item.text_where(is_host, section::HOST)?;
    if !limits.hosts.is_empty() && !limits.hosts.contains(&host) {
        let hosts = limits.hosts.join(", ");
        item.fault(format!(
            "must be one of limits.hosts ({hosts}), is {}",
            quoted(&host)
        ));
    }
    Some(host)
}

fn query(table: &Table<'_>) -> Vec<(String, String)> {
    let entries = table.entries("query");
    let conditions = entries.iter().filter_map(|(name, item)| {
        if !is_label(name) {
            item.name_fault(format!("must have a name of {}", section::LABEL));
        }
        Some(((*name).to_owned(), item.text()?.to_owned()))
    });
    conditions.collect()
}

fn roles(item: &Item<'_>, token: TokenNeed) -> Option<Vec<String>> {
    let roles = item.texts(is_label, section::LABEL)?;
    if !roles.is_empty() && token != TokenNeed::Required {
        item.fault("needs token = \"required\": without a token there is no role");
    }
    Some(roles)
}

pub(super) fn assurance(item: &Item<'_>, token: TokenNeed) -> Option<Assurance> {
    let level = item.choice(&[("aal1", Assurance::Aal1), ("aal2", Assurance::Aal2)])?;
    if level > Assurance::Aal1 && token != TokenNeed::Required {
        item.fault("needs token = \"required\": without a token there is no factor");
    }
    Some(level)
}

fn rewrite(item: &Item<'_>, table: &Table<'_>, path: Option<&Pattern>) -> Option<Pattern> {
    let target = pattern(item)?;
    if path.is_some_and(|path| !target.is_rewrite_of(path)) {
        item.fault("must have as many `*` as path, and `**` at its end if path has it");
    }
    if table.get("answer").is_some() {
        item.fault("has no effect beside answer");
    }
    Some(target)
}

/// A locked login is told apart from a wrong one by nothing: it is a refusal too.
fn refused(item: &Item<'_>, route: &Table<'_>) -> Option<Answer> {
    if route.get("account").is_none() {
        item.fault("has no effect without account");
    }
    answer(item, 400..=499)
}

fn answer(item: &Item<'_>, range: RangeInclusive<u16>) -> Option<Answer> {
    let table = item.table(keys::ANSWER)?;
    let status = table.require("status", |item| item.number(range));
    let content_type = table.read("content_type", |item| {
        let fits = |text: &str| !text.is_empty() && is_header_value(text);
        item.text_where(fits, section::HEADER_VALUE)
    });
    let body = table.read("body", |item| {
        let text = item.text()?;
        // Their answers have no body (RFC 9110 §15); the platform refuses to make one.
        if let Some(status @ (204 | 205 | 304)) = status
            && !text.is_empty()
        {
            item.fault(format!("must be empty: an answer {status} has no body"));
        }
        Some(text.to_owned())
    });
    Some(Answer {
        status: status?,
        content_type: content_type.unwrap_or_else(|| "text/plain; charset=utf-8".into()),
        body: body.unwrap_or_default(),
    })
}
