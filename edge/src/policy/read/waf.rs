//! What a route asks of the firewall.

use super::section;
use crate::{
    policy::{
        keys,
        syntax::is_label,
        table::{Item, Table},
    },
    waf::{
        Compressed, Exclusion, Graphql, INSPECTION_BYTES, Mode, Oversize, PathPattern, Settings,
    },
};
use gapura_shared::limits::MAX_BODY_BYTES;

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

/// The exclusions of a table: those of every route, or those of one.
pub(super) fn exclusions(table: &Table<'_>) -> Vec<Exclusion> {
    table
        .read("exclude", |item| item.list(exclusion))
        .unwrap_or_default()
}

/// The settings of one route; `common` are exclusions that hold for all.
pub(super) fn settings(route: &Table<'_>, common: &[Exclusion]) -> Settings {
    let mut exclusions = exclusions(route);
    exclusions.extend_from_slice(common);
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
fn path(item: &Item<'_>) -> Option<PathPattern> {
    super::route::pattern(item).map(|pattern| PathPattern(pattern.to_string()))
}

fn exclusion(item: &Item<'_>) -> Option<Exclusion> {
    let table = item.table(keys::EXCLUDE)?;
    if keys::EXCLUDE.iter().all(|key| table.get(key).is_none()) {
        item.fault(format!(
            "must have one of {} at least",
            keys::EXCLUDE.join(", ")
        ));
    }
    let label = |key| table.read(key, |item| item.text_where(is_label, section::LABEL));
    Some(Exclusion {
        rule: label("rule"),
        tag: label("tag"),
        path: table.read("path", path),
        parameter: label("parameter"),
    })
}
