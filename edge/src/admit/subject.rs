//! Whom a route counts, in which classes, and where they live.

use crate::{
    gate::Gate,
    guard::{self, AskedClass, Kind, Subject},
    policy::{Class, Counted, StrikeKind, SubjectKind},
    runtime::Runtime,
};
use gapura_shared::{identity::Principal, outcome::AccountId};

/// The kinds of subjects that are counted.
pub(super) fn kinds(gate: &Gate, all: &[Counted]) -> Vec<SubjectKind> {
    let mut kinds: Vec<SubjectKind> = Vec::new();
    for (class, _) in classes(gate, all) {
        kinds.extend(
            class
                .subjects
                .iter()
                .filter(|kind| !kinds.contains(kind))
                .copied()
                .collect::<Vec<_>>(),
        );
    }
    kinds
}

/// The classes that count one of these kinds, with their costs.
pub(super) fn counted<'a>(
    gate: &'a Gate,
    all: &[Counted],
    kinds: &[SubjectKind],
) -> Vec<(&'a Class, u32)> {
    let counts = |class: &Class| class.subjects.iter().any(|kind| kinds.contains(kind));
    classes(gate, all)
        .filter(|(class, _)| counts(class))
        .collect()
}

fn classes<'a>(gate: &'a Gate, all: &[Counted]) -> impl Iterator<Item = (&'a Class, u32)> {
    all.iter()
        .filter_map(|counted| Some((gate.policy.classes.get(counted.class)?, counted.cost)))
}

/// A class as the shard is asked about it.
pub(super) fn asked(class: &Class, cost: u32, under_attack: bool) -> AskedClass {
    let lowered = class.attack_limit.filter(|_| under_attack);
    let asked = AskedClass::from(class);
    let limit = lowered.unwrap_or(asked.limit);
    AskedClass {
        limit,
        burst: asked.burst.map(|burst| burst.min(limit)),
        cost,
        ..asked
    }
}

/// What a token says of a kind of subject.
pub(super) fn of(kind: SubjectKind, principal: &Principal) -> Option<Subject> {
    let (kind, name) = match kind {
        SubjectKind::User => (Kind::User, principal.subject.as_deref()),
        SubjectKind::Tenant => (Kind::Tenant, principal.tenant.as_deref()),
        SubjectKind::Key => {
            let id = principal
                .token_id
                .as_deref()
                .or(principal.session.as_deref());
            (Kind::Key, id)
        }
        SubjectKind::Ip | SubjectKind::Account => return None,
    };
    name.map(|name| Subject::named(kind, name))
}

/// An account.
#[must_use]
pub fn account(account: &AccountId) -> Subject {
    Subject::named(Kind::Account, account.as_str())
}

/// The shard in which a subject lives. An address decides its region; anybody with a name may
/// come from everywhere and lives in the one without.
pub fn shard<R: Runtime>(gate: &Gate, subject: &Subject, runtime: &R) -> String {
    let guard = &gate.policy.guard;
    let region = match subject {
        Subject::Ip(_) if guard.regional => runtime.place().continent,
        _ => String::new(),
    };
    subject.shard(&region, guard.shards)
}

/// The jails in which these strikes count.
#[must_use]
pub fn jails(gate: &Gate, kinds: &[StrikeKind]) -> Vec<guard::Jail> {
    let jails = gate.policy.jails.iter();
    let taken = jails.filter(|jail| kinds.iter().any(|kind| jail.takes(kind)));
    let jail = |jail: &crate::policy::Jail| guard::Jail {
        name: jail.name.clone(),
        strikes: jail.strikes,
        window_s: jail.window_s,
        ban_s: jail.ban_s,
        cap_s: jail.cap_s,
        forget_s: jail.forget_s,
    };
    taken.map(jail).collect()
}
