//! What a route asks of the firewall.

use super::{rule, section};
use crate::{
    policy::{
        keys,
        syntax::is_label,
        table::{Item, Table, quoted},
    },
    waf::{
        Compressed, Custom, Exclusion, Graphql, INSPECTION_BYTES, Mode, Oversize, PathPattern,
        Settings, ids, tags,
    },
};
use gapura_shared::limits::MAX_BODY_BYTES;
use std::sync::Arc;

const MODES: &[(&str, Mode)] = &[
    ("strict", Mode::Strict),
    ("normal", Mode::Normal),
    ("relaxed", Mode::Relaxed),
    ("detect", Mode::Detect),
    ("off", Mode::Off),
];

const OVERSIZE: &[(&str, Oversize)] = &[("refuse", Oversize::Refuse), ("stream", Oversize::Stream)];

const COMPRESSED: &[(&str, Compressed)] = &[
    ("refuse", Compressed::Refuse),
    ("inspect", Compressed::Inspect),
];

/// What the firewall is told for every route.
#[derive(Default)]
pub(super) struct Common {
    exclusions: Vec<Exclusion>,
    rules: Arc<[Custom]>,
}

/// What the whole policy says of the firewall.
pub(super) fn common(root: &Table<'_>) -> Common {
    let rules: Arc<[Custom]> = rule::rules(root).into();
    Common {
        exclusions: exclusions(root, &rules),
        rules,
    }
}

/// The settings where no route says otherwise.
pub(super) fn usual(common: &Common) -> Settings {
    Settings {
        exclusions: common.exclusions.clone(),
        rules: Arc::clone(&common.rules),
        ..Settings::default()
    }
}

/// The exclusions of a table; what they name must exist.
fn exclusions(table: &Table<'_>, rules: &[Custom]) -> Vec<Exclusion> {
    table
        .read("exclude", |item| item.list(|item| exclusion(item, rules)))
        .unwrap_or_default()
}

/// The settings of one route.
pub(super) fn settings(route: &Table<'_>, common: &Common) -> Settings {
    let mut exclusions = exclusions(route, &common.rules);
    exclusions.extend_from_slice(&common.exclusions);
    Settings {
        mode: route
            .read("waf", |item| item.choice(MODES))
            .unwrap_or_default(),
        paranoia: route
            .read("paranoia", |item| item.number(1..=4))
            .unwrap_or(1),
        exclusions,
        inspection_bytes: route
            .read("inspection_bytes", |item| {
                item.number(1_024..=MAX_BODY_BYTES)
            })
            .unwrap_or(INSPECTION_BYTES),
        oversize: route
            .read("oversize", |item| item.choice(OVERSIZE))
            .unwrap_or_default(),
        compressed: route
            .read("compressed_bodies", |item| item.choice(COMPRESSED))
            .unwrap_or_default(),
        graphql: graphql(route),
        rules: Arc::clone(&common.rules),
    }
}

fn graphql(route: &Table<'_>) -> Graphql {
    let table = route.table("graphql", keys::GRAPHQL);
    let usual = Graphql::default();
    let number = |key| table.read(key, |item| item.number(1..=1_000));
    Graphql {
        depth: number("depth").unwrap_or(usual.depth),
        aliases: number("aliases").unwrap_or(usual.aliases),
        introspection: table
            .read("introspection", Item::boolean)
            .unwrap_or(usual.introspection),
    }
}

/// A pattern of the routes' language, kept as text.
pub(super) fn path(item: &Item<'_>) -> Option<PathPattern> {
    super::route::pattern(item).map(|pattern| PathPattern(pattern.to_string()))
}

fn exclusion(item: &Item<'_>, rules: &[Custom]) -> Option<Exclusion> {
    let table = item.table(keys::EXCLUDE)?;
    if keys::EXCLUDE.iter().all(|key| table.get(key).is_none()) {
        item.fault(format!(
            "must have one of {} at least",
            keys::EXCLUDE.join(", ")
        ));
    }
    let mut ids: Vec<&str> = ids().collect();
    ids.extend(rules.iter().map(|rule| rule.id.as_str()));
    let tags: Vec<_> = tags().collect();
    Some(Exclusion {
        rule: table.read("rule", |item| known(item, &ids)),
        tag: table.read("tag", |item| known(item, &tags)),
        path: table.read("path", path),
        parameter: table.read("parameter", |item| {
            item.text_where(is_label, section::LABEL)
        }),
    })
}

/// A name that the firewall has: an exclusion of anything else would silently exclude nothing.
fn known(item: &Item<'_>, names: &[&str]) -> Option<String> {
    let text = item.text()?;
    if !names.contains(&text) {
        let nearest = keys::nearest(text, names).unwrap_or_default();
        item.fault(format!(
            "is not known; the nearest is `{nearest}`, is {}",
            quoted(text)
        ));
    }
    Some(text.to_owned())
}
