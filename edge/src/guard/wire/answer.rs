//! The answer to a question. Ends are told as durations: clocks differ.

use super::{BadMessage, list, option, parts, unlist};
use crate::guard::{MAX_CLASSES, Subject, lease::Lease, text};

/// What becomes of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It passes and was counted in every class.
    Admitted,
    /// A class has no room; it was counted in none.
    Exhausted,
    /// A ban holds, or began with this very refusal.
    Banned {
        /// Until then; longer than 200 years: until it is lifted.
        for_ms: u64,
        /// Who is banned: the subject, or the IPv6 network around it.
        target: Subject,
        /// Why: the jail, `network`, or the operator's words.
        reason: String,
        /// Whether it began with this very message: whoever is told so logs it.
        began: bool,
    },
    /// The account is locked for this source.
    Locked {
        /// Until then.
        for_ms: u64,
        /// How long a wrong login takes.
        delay_ms: u32,
    },
}

/// How one class stands after a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What is left in the current window.
    pub remaining: u32,
    /// What is left in the current second, in a class with a burst.
    pub burst: Option<u32>,
    /// Until the next admission leaves the window. Zero when the window is empty.
    pub reset_ms: u64,
    /// Until another request of the same cost would pass; zero when it would at once.
    pub wait_ms: u64,
}

/// The shard's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What becomes of the request.
    pub verdict: Verdict,
    /// When it was decided, by the shard's clock: a refund names it.
    pub at_ms: u64,
    /// One per asked class, in order; none when banned or locked.
    pub standings: Vec<Standing>,
    /// One per standing: what the isolate may spend without asking.
    pub leases: Vec<Option<Lease>>,
}

impl Answer {
    /// Whether the request may pass.
    #[must_use]
    pub fn admitted(&self) -> bool {
        self.verdict == Verdict::Admitted
    }

    /// Whether there is anything to learn from it as the answer to a question ahead of need. If it lends
    /// nothing, it says nothing of the next requests: what is denied to them stays so.
    #[must_use]
    pub fn lends_or_stops(&self) -> bool {
        !self.admitted() || self.leases.iter().any(Option::is_some)
    }

    /// `2 at_ms verdict standings leases`; a verdict is `pass`, `limit`, `ban;for_ms;target;reason` (`jail;`… when
    /// the ban began just now) or `lock;for_ms;delay_ms`, a standing `remaining:reset_ms:wait_ms`, with `:burst`
    /// behind it where there is one, and a lease `id:size` or `-`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let verdict = match &self.verdict {
            Verdict::Admitted => "pass".to_owned(),
            Verdict::Exhausted => "limit".to_owned(),
            Verdict::Banned { .. } => banned_text(&self.verdict),
            Verdict::Locked { for_ms, delay_ms } => format!("lock;{for_ms};{delay_ms}"),
        };
        let standing = |s: &Standing| {
            let burst = s.burst.map_or_else(String::new, |left| format!(":{left}"));
            format!("{}:{}:{}{burst}", s.remaining, s.reset_ms, s.wait_ms)
        };
        let lease = |lease: &Option<Lease>| match lease {
            Some(lease) => format!("{}:{}", lease.id, lease.size),
            None => "-".to_owned(),
        };
        let lent = self.leases.iter().any(Option::is_some);
        let leases: &[_] = if lent { &self.leases } else { &[] };
        format!(
            "2 {} {verdict} {} {}",
            self.at_ms,
            list(&self.standings, standing),
            list(leases, lease)
        )
    }

    /// Reads the answer to a question about `count` classes.
    ///
    /// # Errors
    /// [`BadMessage`], also when it speaks of more or fewer classes.
    pub fn parse(text: &str, count: usize) -> Result<Self, BadMessage> {
        parse(text, count).ok_or(BadMessage)
    }
}

fn parse(text: &str, count: usize) -> Option<Answer> {
    let ["2", at_ms, verdict, standings, leases] = parts(text, ' ')? else {
        return None;
    };
    let standings = unlist(standings, MAX_CLASSES, |text| {
        let words: Vec<&str> = text.split(':').collect();
        let (remaining, reset_ms, wait_ms, burst) = match words.as_slice() {
            [remaining, reset_ms, wait_ms] => (remaining, reset_ms, wait_ms, None),
            [remaining, reset_ms, wait_ms, burst] => {
                (remaining, reset_ms, wait_ms, Some(burst.parse().ok()?))
            }
            _ => return None,
        };
        Some(Standing {
            remaining: remaining.parse().ok()?,
            burst,
            reset_ms: reset_ms.parse().ok()?,
            wait_ms: wait_ms.parse().ok()?,
        })
    })?;
    let mut leases = unlist(leases, MAX_CLASSES, |text| option(text, lease).ok())?;
    if leases.len() <= 1 && leases.iter().all(Option::is_none) {
        leases = vec![None; standings.len()];
    }
    let verdict = parse_verdict(verdict)?;
    let spoken = match verdict {
        Verdict::Admitted | Verdict::Exhausted => count,
        Verdict::Banned { .. } | Verdict::Locked { .. } => 0,
    };
    (standings.len() == spoken && leases.len() == spoken).then_some(Answer {
        verdict,
        at_ms: at_ms.parse().ok()?,
        standings,
        leases,
    })
}

fn lease(text: &str) -> Option<Lease> {
    let [id, size] = parts(text, ':')?;
    Some(Lease {
        id: id.parse().ok()?,
        size: size.parse().ok()?,
    })
}

/// A ban as a word; `-` for any other verdict.
pub(super) fn banned_text(verdict: &Verdict) -> String {
    let Verdict::Banned {
        for_ms,
        target,
        reason,
        began,
    } = verdict
    else {
        return "-".to_owned();
    };
    let word = if *began { "jail" } else { "ban" };
    format!("{word};{for_ms};{target};{}", text::encode(reason))
}

pub(super) fn parse_verdict(text: &str) -> Option<Verdict> {
    match text {
        "pass" => return Some(Verdict::Admitted),
        "limit" => return Some(Verdict::Exhausted),
        _ => {}
    }
    let words: Vec<&str> = text.split(';').collect();
    match words.as_slice() {
        [word @ ("ban" | "jail"), for_ms, target, reason] => Some(Verdict::Banned {
            for_ms: for_ms.parse().ok()?,
            target: target.parse().ok()?,
            reason: text::decode(reason)?,
            began: *word == "jail",
        }),
        ["lock", for_ms, delay_ms] => Some(Verdict::Locked {
            for_ms: for_ms.parse().ok()?,
            delay_ms: delay_ms.parse().ok()?,
        }),
        _ => None,
    }
}
