//! Denials that are over, until the log has them.
//!
//! Bound: [`MAX_OVER`] are kept; what comes on top is not told. Memory is looked through at most
//! every [`LOOK_MS`], and only once a denial has ended.

use super::known::Known;
use crate::guard::{Subject, wire::Verdict};
use std::collections::HashMap;

/// Denials that wait for the log.
const MAX_OVER: usize = 1_000;
/// How many are told at a time.
const MAX_TOLD: usize = 16;
/// Least time between two looks through memory.
const LOOK_MS: u64 = 1_000;

/// A denial that is over. A ban that lasts longer than a minute is one denial for each: then the
/// shard is asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Who was refused.
    pub subject: Subject,
    /// Banned, or exhausted.
    pub verdict: Verdict,
    /// The exhausted class.
    pub class: Option<String>,
    /// How many requests were refused out of memory.
    pub count: u32,
    /// How many of them count as strikes that nobody reported yet.
    pub unreported: u32,
}

/// What ended of a subject.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) verdict: Verdict,
    pub(super) class: Option<String>,
    pub(super) count: u32,
    pub(super) unreported: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Over {
    denied: Vec<Denied>,
    /// Bans that began with an answer.
    begun: Vec<Verdict>,
    look_ms: u64,
}

impl Default for Over {
    fn default() -> Self {
        Self {
            denied: Vec::new(),
            begun: Vec::new(),
            look_ms: u64::MAX,
        }
    }
}

impl Over {
    /// Something ends then.
    pub(super) fn expect(&mut self, until_ms: u64) {
        self.look_ms = self.look_ms.min(until_ms);
    }

    pub(super) fn note(&mut self, subject: &Subject, ended: Option<Ended>) {
        if let Some(ended) = ended.filter(|_| self.denied.len() < MAX_OVER) {
            self.denied.push(Denied {
                subject: subject.clone(),
                verdict: ended.verdict,
                class: ended.class,
                count: ended.count,
                unreported: ended.unreported,
            });
        }
    }

    /// Ends what is over by now; when the rest ends.
    pub(super) fn end(&mut self, subject: &Subject, known: &mut Known, now_ms: u64) -> u64 {
        for ended in known.end(now_ms) {
            self.note(subject, Some(ended));
        }
        known.denied_until_ms()
    }

    pub(super) fn look(&mut self, subjects: &mut HashMap<Subject, Known>, now_ms: u64) {
        if now_ms < self.look_ms {
            return;
        }
        let ends = subjects
            .iter_mut()
            .map(|(subject, known)| self.end(subject, known, now_ms));
        let next_ms = ends.min().unwrap_or(u64::MAX);
        self.look_ms = next_ms.max(now_ms.saturating_add(LOOK_MS));
    }

    pub(super) fn begin(&mut self, verdict: &Verdict) {
        if self.begun.len() < MAX_OVER && matches!(verdict, Verdict::Banned { began: true, .. }) {
            self.begun.push(verdict.clone());
        }
    }

    pub(super) fn take_begun(&mut self) -> Vec<Verdict> {
        std::mem::take(&mut self.begun)
    }

    pub(super) fn take(&mut self) -> Vec<Denied> {
        let kept = self.denied.len().saturating_sub(MAX_TOLD);
        self.denied.split_off(kept)
    }
}
