//! The firewall's rules that a policy adds.

use super::{NAME, section, waf};
use crate::{
    policy::{
        keys,
        syntax::{is_header_name, is_label, is_name},
        table::{Item, Table, quoted},
    },
    waf::{Custom, Effect, Matcher, Regex, Subnet, ids},
};
use std::collections::BTreeSet;

/// Most rules of both texts together: each may be asked about every value of a request.
const MAX_RULES: usize = 64;

/// What a rule says that it does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Block,
    Score,
    Log,
}

/// All rules of the policy.
pub(super) fn rules(root: &Table<'_>) -> Vec<Custom> {
    let mut names = BTreeSet::new();
    root.read("rule", |item| {
        let count = item.list(|_| Some(()))?.len();
        if count > MAX_RULES {
            item.fault(format!("must be at most {MAX_RULES} rules, is {count}"));
            return None;
        }
        item.list(|item| rule(item, &mut names))
    })
    .unwrap_or_default()
}

/// Every key is read, also when a needed one is missing, so that all faults show.
fn rule(item: &Item<'_>, names: &mut BTreeSet<String>) -> Option<Custom> {
    let table = item.table(keys::RULE)?;
    let id = table.require("id", |item| id(item, names));
    let name = table.read("name", |item| item.text_where(is_label, section::LABEL));
    let custom = Custom {
        name: name.or_else(|| id.clone()).unwrap_or_default(),
        effect: effect(&table),
        path: table.read("path", waf::path),
        networks: table.read("networks", networks).unwrap_or_default(),
        header: table.read("header", header),
        value: matcher(&table),
        parameter: table.read("parameter", |item| {
            item.text_where(is_label, section::LABEL)
        }),
        id: id?,
    };
    let asks = ["path", "networks", "header", "literal", "regex"];
    if asks.iter().all(|key| table.get(key).is_none()) {
        item.fault(format!("must have one of {} at least", asks.join(", ")));
    }
    if let (None, Some(parameter)) = (&custom.value, table.get("parameter")) {
        parameter.fault("needs literal or regex: it says whose value is looked at");
    }
    Some(custom)
}

fn id(item: &Item<'_>, names: &mut BTreeSet<String>) -> Option<String> {
    let id = item.text_where(is_name, NAME)?;
    if ids().any(|known| known == id) || !names.insert(id.clone()) {
        item.fault(format!("is the id of another rule too: {}", quoted(&id)));
    }
    Some(id)
}

fn effect(table: &Table<'_>) -> Effect {
    let actions = [
        ("block", Action::Block),
        ("score", Action::Score),
        ("log", Action::Log),
    ];
    let action = table.require("action", |item| item.choice(&actions));
    let score = table.get("score");
    if let (Some(Action::Block | Action::Log), Some(score)) = (action, &score) {
        score.fault("needs action = \"score\"");
    }
    match action {
        Some(Action::Score) => {
            let points = table.require("score", |item| item.number(1..=100));
            Effect::Score(points.unwrap_or_default())
        }
        Some(Action::Block) => Effect::Block,
        Some(Action::Log) | None => Effect::Score(0),
    }
}

fn networks(item: &Item<'_>) -> Option<Vec<Subnet>> {
    if item.list(|_| Some(()))?.is_empty() {
        item.fault("must not be empty");
    }
    let networks = section::networks(item)?;
    let subnet = |network: &gapura_shared::address::Network| {
        let (base, prefix) = network.parts();
        Subnet { base, prefix }
    };
    Some(networks.iter().map(subnet).collect())
}

fn header(item: &Item<'_>) -> Option<(String, Option<Matcher>)> {
    let table = item.table(keys::HEADER)?;
    let name = table.require("name", |item| {
        item.text_where(is_header_name, section::HEADER_NAME)
    });
    let value = matcher(&table);
    Some((name?, value))
}

/// What `literal` and `regex` ask for.
fn matcher(table: &Table<'_>) -> Option<Matcher> {
    let literal = table.read("literal", |item| item.text_where(is_label, section::LABEL));
    let regex = table.read("regex", |item| {
        let text = item.text()?;
        let regex = Regex::parse(text);
        if let Err(why) = &regex {
            item.fault(format!("{why}, is {}", quoted(text)));
        }
        regex.ok()
    });
    Matcher::new(literal.as_deref(), regex)
}
