//! The Guard's settings, the jails, and who may operate them.

use super::{NAME, counted, route, section};
use crate::{
    policy::{
        Admin, Challenge, ChallengeMode, Class, Guard, GuardMode, Jail, Pattern, StrikeKind,
        TokenNeed, keys,
        syntax::{is_label, is_name},
        table::{Item, Table, quoted},
    },
    waf,
};
use gapura_shared::claims::Assurance;

/// Most jails: a strike may look at all of them, and an object takes no more.
const MAX_JAILS: usize = 16;
/// Most objects of a region.
const MAX_SHARDS: u32 = 1_024;
/// Longest ban, and longest time for which one is remembered: a year.
const YEAR_S: u32 = 31_536_000;
/// Within which strikes are counted at most, and for which bans are remembered by default.
const WEEK_S: u32 = 604_800;
/// What the challenge leaves alone by default: what programs fetch.
const WELL_KNOWN: [&str; 2] = ["/.well-known/**", "/auth/v1/.well-known/**"];

pub(super) fn guard(root: &Table<'_>, classes: &[Class]) -> Guard {
    let table = root.table("guard", keys::GUARD);
    let modes = [
        ("enforce", GuardMode::Enforce),
        ("detect", GuardMode::Detect),
    ];
    Guard {
        shards: table
            .read("shards", |item| item.number(1..=MAX_SHARDS))
            .unwrap_or(4),
        regional: table.read("regional", Item::boolean).unwrap_or(false),
        mode: table
            .read("mode", |item| item.choice(&modes))
            .unwrap_or(GuardMode::Enforce),
        never_ban: table
            .read("never_ban", section::networks)
            .unwrap_or_default(),
        classes: counted::classes(&table, classes),
        ledger_ms: table
            .read("ledger_ms", |item| item.number(100..=60_000))
            .unwrap_or(2_000),
        budget_ms: table
            .read("budget_ms", |item| item.number(5..=5_000))
            .unwrap_or(50),
        closed_budget_ms: table
            .read("closed_budget_ms", |item| item.number(5..=5_000))
            .unwrap_or(2_000),
    }
}

pub(super) fn jails(root: &Table<'_>) -> Vec<Jail> {
    let entries = root.entries("jails");
    if let (true, Some(item)) = (entries.len() > MAX_JAILS, root.get("jails")) {
        item.fault(format!(
            "must be at most {MAX_JAILS} jails, is {}",
            entries.len()
        ));
        return Vec::new();
    }
    entries
        .iter()
        .filter_map(|(name, item)| jail(name, item))
        .collect()
}

fn jail(name: &str, item: &Item<'_>) -> Option<Jail> {
    if !is_name(name) {
        item.name_fault(format!("must have a name of {NAME}, is {}", quoted(name)));
    }
    let table = item.table(keys::JAIL)?;
    let number = |key, most| {
        table
            .require(key, |item| item.number(1..=most))
            .unwrap_or(1)
    };
    let ban_s = number("ban_s", YEAR_S);
    Some(Jail {
        name: name.to_owned(),
        kinds: table
            .require("kinds", |item| item.list(kind))
            .unwrap_or_default(),
        strikes: number("strikes", 1_000),
        window_s: number("window_s", WEEK_S),
        ban_s,
        cap_s: table
            .read("cap_s", |item| item.number(ban_s..=YEAR_S))
            .unwrap_or(ban_s.max(WEEK_S)),
        forget_s: table
            .read("forget_s", |item| item.number(0..=YEAR_S))
            .unwrap_or(WEEK_S),
    })
}

/// A kind of strike; the class of attack must be one that the firewall has.
fn kind(item: &Item<'_>) -> Option<StrikeKind> {
    let text = item.text()?;
    let known = |kind: &StrikeKind| match kind {
        StrikeKind::Waf(Some(tag)) => waf::tags().any(|known| known == tag),
        _ => true,
    };
    let kind = StrikeKind::parse(text).filter(known);
    if kind.is_none() {
        let names = StrikeKind::NAMED.map(|(name, _)| name).join(", ");
        item.fault(format!(
            "must be one of {names}, or `waf:` and a tag of the firewall's rules, is {}",
            quoted(text)
        ));
    }
    kind
}

/// Absent unless the policy has the table: then there is no such API.
pub(super) fn admin(root: &Table<'_>) -> Option<Admin> {
    let table = root.read("admin", |item| item.table(keys::ADMIN))?;
    Some(Admin {
        allow: table.read("allow", section::networks).unwrap_or_default(),
        roles: table
            .read("roles", |item| item.some_texts(is_label, section::LABEL))
            .unwrap_or_else(|| vec!["admin".to_owned()]),
        assurance: table
            .read("aal", |item| route::assurance(item, TokenNeed::Required))
            .unwrap_or(Assurance::Aal1),
    })
}

pub(super) fn challenge(root: &Table<'_>) -> Challenge {
    let table = root.table("challenge", keys::CHALLENGE);
    let modes = [
        ("off", ChallengeMode::Off),
        ("attack", ChallengeMode::Attack),
        ("always", ChallengeMode::Always),
    ];
    let well_known = || {
        WELL_KNOWN
            .iter()
            .filter_map(|text| Pattern::parse(text).ok())
    };
    Challenge {
        mode: table
            .read("mode", |item| item.choice(&modes))
            .unwrap_or(ChallengeMode::Off),
        bits: table.read("bits", |item| item.number(1..=24)).unwrap_or(16),
        lifetime_s: table
            .read("lifetime_s", |item| item.number(300..=86_400))
            .unwrap_or(1_800),
        exempt: table
            .read("exempt", |item| item.list(route::pattern))
            .unwrap_or_else(|| well_known().collect()),
    }
}
