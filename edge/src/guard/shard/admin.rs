//! Strikes and bans, by the Guard and by hand.

use super::{Change, Part, Rows, Shard, Unanswered, Unread};
use crate::guard::{
    Ban, Jail, Lock, Subject,
    jail::Strikes,
    stored,
    wire::{ListedBan, Listing, Shown},
};
use gapura_shared::address::Network;
use std::collections::BTreeMap;

impl Shard {
    /// The ban that holds on a subject, and on whom it lies.
    pub(super) fn held(&self, subject: &Subject, now_ms: u64) -> Option<(Subject, &Ban)> {
        self.bans_on(subject, now_ms)
            .into_iter()
            .max_by_key(|held| held.1.until_ms)
    }

    fn bans_on(&self, subject: &Subject, now_ms: u64) -> Vec<(Subject, &Ban)> {
        let own = |subject: &Subject| {
            let ban = self.records.get(subject)?.rest.as_ref()?.ban.as_ref();
            ban.filter(|ban| ban.holds(now_ms))
                .map(|ban| (subject.clone(), ban))
        };
        let mut bans: Vec<_> = own(subject).into_iter().collect();
        if let (Some(family), Subject::Ip(network)) = (subject.family(), subject) {
            let rest = self
                .records
                .get(&family)
                .and_then(|record| record.rest.as_ref());
            let around = rest.and_then(|rest| rest.family.ban_around(*network, now_ms));
            bans.extend(around.map(|(network, ban)| (Subject::Ip(network), ban)));
            bans.extend(own(&family).filter(|_| family != *subject));
        }
        bans
    }

    /// Counts strikes, unless a ban holds already.
    pub(super) fn strike(
        &mut self,
        subject: &Subject,
        times: u32,
        jails: &[Jail],
        now_ms: u64,
        changes: &mut Vec<Change>,
    ) -> Result<(), Unanswered> {
        if self.held(subject, now_ms).is_some() {
            return Ok(());
        }
        let record = self.record(subject, now_ms)?;
        if let Some(ban) = record.rest_mut().strikes.strike(times, jails, now_ms) {
            return self.ban(subject, ban, now_ms, changes);
        }
        self.store(subject, now_ms, changes);
        Ok(())
    }

    /// Counts strikes of an IPv6 client for the networks around it, and bans those that bear no more.
    pub(super) fn strike_network(
        &mut self,
        subject: &Subject,
        times: u32,
        jails: &[Jail],
        now_ms: u64,
        changes: &mut Vec<Change>,
    ) {
        let (Subject::Ip(network), Some(family)) = (subject, subject.family()) else {
            return;
        };
        // What the client itself did is counted already: without room for more that is all.
        let Ok(record) = self.record(&family, now_ms) else {
            return;
        };
        let rest = record.rest_mut();
        if let Some(wide) = rest.family.strike(*network, times, jails, now_ms) {
            rest.widen(wide);
        }
        self.store(&family, now_ms, changes);
    }

    /// Sets a ban; in place of one that is there.
    pub(super) fn ban(
        &mut self,
        subject: &Subject,
        ban: Ban,
        now_ms: u64,
        changes: &mut Vec<Change>,
    ) -> Result<(), Unanswered> {
        let ipv6 = match (subject, subject.family()) {
            (Subject::Ip(network), Some(family)) => Some((*network, family)),
            _ => None,
        };
        if let Some((network, family)) = &ipv6
            && network.parts().1 == 56
        {
            let record = self.record(family, now_ms)?;
            record.rest_mut().family.ban(*network, ban, now_ms);
            self.store(family, now_ms, changes);
            return Ok(());
        }
        let (until_ms, by_hand) = (ban.until_ms, !ban.actor.is_empty());
        self.record(subject, now_ms)?.rest_mut().ban = Some(ban);
        self.store(subject, now_ms, changes);
        if let Some((network, family)) = ipv6
            && network.parts().1 == 64
            && !by_hand
        {
            let rest = self.record(&family, now_ms)?.rest_mut();
            if let Some(wide) = rest.family.note(network, until_ms, now_ms) {
                rest.widen(wide);
            }
            self.store(&family, now_ms, changes);
        }
        Ok(())
    }

    /// Lifts the bans and locks on a subject, in a network the bans of all in it; how many there were.
    pub(super) fn lift(
        &mut self,
        subject: &Subject,
        now_ms: u64,
        changes: &mut Vec<Change>,
    ) -> usize {
        let mut lifted = 0;
        let mut inside = vec![subject.clone()];
        if let (Subject::Ip(network), Some(family)) = (subject, subject.family()) {
            let rest = self
                .records
                .get_mut(&family)
                .and_then(|record| record.rest.as_mut());
            if let Some(rest) = rest {
                lifted += rest.family.lift(*network, now_ms);
                self.store(&family, now_ms, changes);
            }
            let within =
                |other: &&Subject| matches!(other, Subject::Ip(other) if covers(*network, *other));
            inside.extend(self.records.keys().filter(within).cloned());
        }
        for subject in inside {
            let rest = self
                .records
                .get_mut(&subject)
                .and_then(|record| record.rest.as_mut());
            if let Some(rest) = rest {
                lifted += usize::from(rest.ban.take().is_some_and(|ban| ban.holds(now_ms)));
                rest.strikes = Strikes::default();
                lifted += rest.locks.lift(now_ms);
                self.store(&subject, now_ms, changes);
            }
        }
        lifted
    }

    /// What is known of a subject.
    pub(super) fn show(&self, subject: &Subject, now_ms: u64) -> String {
        let bans = self.bans_on(subject, now_ms);
        let bans = bans
            .into_iter()
            .map(|(target, ban)| ListedBan::new(&target, ban))
            .collect();
        let mut shown = Shown {
            bans,
            ..Shown::default()
        };
        let mut record = self.records.get(subject).cloned().unwrap_or_default();
        record.expire(now_ms);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let windows = record.counters.iter();
        shown.windows = windows
            .map(|(name, counter)| (name.to_string(), counter.used()))
            .collect();
        if let Some(rest) = record.rest {
            shown.banned_before = rest.strikes.bans;
            let strikes = rest.strikes.jails.into_iter();
            shown.strikes = strikes
                .map(|(name, (_, times))| (name, count(times.len())))
                .collect();
            let source = |lock: &Lock| {
                lock.source
                    .map_or_else(|| "*".to_owned(), |source| source.to_string())
            };
            let locks = rest.locks.locks.iter();
            shown.locks = locks.map(|lock| (source(lock), lock.until_ms)).collect();
        }
        serde_json::to_string(&shown).unwrap_or_default()
    }
}

/// A page of the bans that hold: all are stored.
pub(super) fn list(
    rows: &impl Rows,
    search: &str,
    after: Option<&Subject>,
    limit: u32,
    now_ms: u64,
) -> Result<String, Unread> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let after = after.map(Subject::to_string).unwrap_or_default();
    let mut page = BTreeMap::new();
    rows.each(Part::Bans, &mut |key, row| {
        let (Ok(subject), Ok((record, _))) = (key.parse::<Subject>(), stored::from_row(row)) else {
            return;
        };
        let Some(rest) = record.rest else {
            return;
        };
        let networks = rest.family.networks.iter();
        let networks = networks.map(|(network, ban)| (Subject::Ip(*network), ban));
        let own = rest.ban.iter().map(|ban| (subject.clone(), ban));
        for (subject, ban) in own.chain(networks).filter(|(_, ban)| ban.holds(now_ms)) {
            let listed = ListedBan::new(&subject, ban);
            if listed.subject > after && meets(&listed, search) {
                page.insert(listed.subject.clone(), listed);
            }
            if page.len() > limit.saturating_add(1) {
                page.pop_last();
            }
        }
    })?;
    let more = page.len() > limit;
    let bans = page.into_values().take(limit).collect();
    Ok(serde_json::to_string(&Listing { bans, more }).unwrap_or_default())
}

pub(super) fn covers(outer: Network, inner: Network) -> bool {
    outer != inner && outer.parts().1 <= inner.parts().1 && outer.contains(inner.parts().0)
}

fn meets(ban: &ListedBan, search: &str) -> bool {
    [&ban.subject, &ban.reason, &ban.actor]
        .iter()
        .any(|text| text.contains(search))
}
