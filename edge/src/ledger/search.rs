//! Listing bans in pages, those of the operator and those of the jails in one order.

use super::{Entry, Key, Ledger};
use gapura_shared::time::UnixSeconds;
use serde::{Deserialize, Serialize};

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// Part of the target, of the reason or of who made it, any case; empty: all.
    pub text: String,
    /// The kind of target, such as `ip`.
    pub kind: Option<String>,
    /// Most bans in the answer.
    pub limit: usize,
    /// The last id of the page before.
    pub after: Option<String>,
}

/// One ban, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    /// Its id, which is also its target: `ip:192.0.2.0/24`.
    pub id: String,
    /// `operator`, `list:` and the name of a list, or `jail:` and that of a jail.
    pub source: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// Since when.
    pub since: u64,
    /// Until when; `None`: for good.
    pub until: Option<u64>,
}

/// Some bans in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The bans.
    pub bans: Vec<Ban>,
    /// What to ask for next as `after`; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Search {
    /// Whether a ban is looked for. The text must be in lower case.
    #[must_use]
    pub fn finds(&self, ban: &Ban) -> bool {
        let holds = |part: &str| part.to_lowercase().contains(&self.text);
        let kind = ban.id.split(':').next();
        self.kind
            .as_deref()
            .is_none_or(|wanted| kind == Some(wanted))
            && self
                .after
                .as_deref()
                .is_none_or(|after| ban.id.as_str() > after)
            && (self.text.is_empty() || holds(&ban.id) || holds(&ban.reason) || holds(&ban.actor))
    }
}

impl Ledger {
    /// The operator's bans that are looked for, one page of them.
    #[must_use]
    pub fn search(&self, search: &Search, now: UnixSeconds) -> Page {
        let bans = self.bans(now).filter(|ban| search.finds(ban));
        let bans: Vec<_> = bans.take(search.limit.saturating_add(1)).collect();
        merge(vec![Page { bans, next: None }], search.limit)
    }

    /// All of the operator's bans that still count, by id.
    pub fn bans(&self, now: UnixSeconds) -> impl Iterator<Item = Ban> + '_ {
        self.live(now)
            .filter_map(|(key, entry)| Some(Ban::of(key.strip_prefix("ban:")?, entry)))
    }

    /// Until when the site is under attack, and who said so; `None`: it is not.
    #[must_use]
    pub fn attack(&self, now: UnixSeconds) -> Option<&Entry> {
        self.get(&Key::Attack, now)
    }
}

impl Ban {
    /// The ban of this id that an entry keeps.
    #[must_use]
    pub fn of(id: &str, entry: &Entry) -> Self {
        let note = entry.note.as_ref();
        let list = note.and_then(|note| note.list.as_ref());
        Self {
            id: id.to_owned(),
            source: list.map_or_else(|| "operator".to_owned(), |list| format!("list:{list}")),
            reason: note.map_or_else(String::new, |note| note.reason.to_string()),
            actor: note.map_or_else(String::new, |note| note.actor.to_string()),
            since: note.map_or(0, |note| note.since.0),
            until: entry.until.map(|until| until.0),
        }
    }
}

/// The first `limit` bans of several pages of the same search: of the Ledger and of
/// every shard. Each page must have been asked for with this limit.
#[must_use]
pub fn merge(pages: Vec<Page>, limit: usize) -> Page {
    let more = pages.iter().any(|page| page.next.is_some());
    let mut bans: Vec<Ban> = pages.into_iter().flat_map(|page| page.bans).collect();
    bans.sort_unstable_by(|a, b| (&a.id, &a.source).cmp(&(&b.id, &b.source)));
    let cut = cut(&bans, limit);
    let more = more || cut < bans.len();
    bans.truncate(cut);
    let last = bans.last().map(|ban| ban.id.clone());
    Page {
        bans,
        next: last.filter(|_| more),
    }
}

/// Where the page ends: bans of one target are not torn apart, since the next page
/// begins behind their id.
fn cut(bans: &[Ban], limit: usize) -> usize {
    let last = limit.checked_sub(1).and_then(|last| bans.get(last));
    let Some(last) = last else {
        return bans.len().min(limit);
    };
    let same = bans.iter().skip(limit).take_while(|ban| ban.id == last.id);
    limit.saturating_add(same.count())
}
