//! The rate classes.

use super::NAME;
use crate::policy::{
    Class, OnError, SubjectKind,
    document::File,
    keys,
    syntax::is_name,
    table::{Item, Table, quoted},
};

/// Highest limit of a strict class, which keeps the time of every admission: 8 KB.
const MAX_STRICT_LIMIT: u32 = 1_000;
/// Highest limit of other classes, which keep counts.
const MAX_LIMIT: u32 = 1_000_000;

/// All classes, by name.
pub(super) fn classes(root: &Table<'_>) -> Vec<Class> {
    let entries = root.entries("classes");
    entries
        .iter()
        .filter_map(|(name, item)| class(name, item))
        .collect()
}

fn class(name: &str, item: &Item<'_>) -> Option<Class> {
    if !is_name(name) {
        item.name_fault(format!("must have a name of {NAME}, is {}", quoted(name)));
    }
    let table = item.table(keys::CLASS)?;
    let strict = table.read("strict", Item::boolean).unwrap_or(false);
    let on_error = [("open", OnError::Open), ("closed", OnError::Closed)];
    let limit = table.require("limit", |item| limit(item, strict));
    let up_to = limit.unwrap_or(MAX_LIMIT);
    // A limit that an overlay lowers holds whatever the base has below its own.
    let over = table.get("limit").map(|limit| limit.file()) == Some(File::Overlay);
    let below = |key| {
        table.read(key, |item| {
            if over && item.file() == File::Base {
                return item.number(1..=MAX_LIMIT).map(|number| number.min(up_to));
            }
            item.number_up_to(1..=up_to, " (limit)")
        })
    };
    let class = Class {
        name: name.to_owned(),
        limit: limit.unwrap_or(1),
        window_s: table
            .require("window_s", |item| item.number(1..=86_400))
            .unwrap_or(1),
        burst: below("burst"),
        attack_limit: below("attack_limit"),
        subjects: table
            .read("subject", subjects)
            .unwrap_or_else(|| vec![SubjectKind::Ip]),
        strict,
        on_error: table
            .read("on_error", |item| item.choice(&on_error))
            .unwrap_or(OnError::Closed),
    };
    // What guards a login never fails open.
    if strict && class.on_error == OnError::Open {
        let open = table.get("on_error")?;
        open.fault("must be \"closed\" in a class with strict = true, is \"open\"");
    }
    Some(class)
}

fn limit(item: &Item<'_>, strict: bool) -> Option<u32> {
    if strict {
        item.number_up_to(1..=MAX_STRICT_LIMIT, " in a class with strict = true")
    } else {
        item.number(1..=MAX_LIMIT)
    }
}

/// One subject, or several of which each is counted by itself: `ip+account`.
fn subjects(item: &Item<'_>) -> Option<Vec<SubjectKind>> {
    let text = item.text()?;
    let mut subjects = Vec::new();
    for part in text.split('+') {
        let known = SubjectKind::NAMED.iter().find(|(name, _)| *name == part);
        match known {
            Some((_, kind)) if !subjects.contains(kind) => subjects.push(*kind),
            _ => {
                let names = SubjectKind::NAMED.map(|(name, _)| name).join(", ");
                item.fault(format!(
                    "must be different ones of {names}, joined by `+`, is {}",
                    quoted(text)
                ));
                return None;
            }
        }
    }
    Some(subjects)
}
