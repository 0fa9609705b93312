//! What an isolate remembers of one subject: the ban that stops it, and its classes.

use super::{
    REMEMBER_MS, Refusal,
    held::{Held, MAX_HELD, Spent},
    over::Ended,
    refused::{Refused, Repetition},
};
use crate::guard::{
    LEASE_MS, MAX_CLASSES,
    lease::{Lease, NO_LEASE},
    wire::{AskedClass, Return, Standing, Verdict},
};

#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) seen_ms: u64,
    pub(super) stop: Option<Stop>,
    /// A ban that another copy of the isolate holds, and tells at each request; here its refusals are counted.
    pub(super) barred: Option<Stop>,
    /// Until then no ban is looked for where no class asks.
    pub(super) free_ms: u64,
    pub(super) classes: Vec<(Box<str>, Held)>,
}

/// A ban.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) verdict: Verdict,
    /// When it ends, and until when that is believed.
    pub(super) until_ms: u64,
    pub(super) believed_ms: u64,
    pub(super) refused: Refused,
}

impl Stop {
    fn verdict(&self, now_ms: u64) -> Verdict {
        let mut verdict = self.verdict.clone();
        if let Verdict::Banned { for_ms, .. } = &mut verdict {
            *for_ms = self.until_ms.saturating_sub(now_ms);
        }
        verdict
    }

    fn refuse(&mut self, now_ms: u64) -> Refusal {
        Refusal {
            verdict: self.verdict(now_ms),
            class: None,
            count: self.refused.add(),
            same_ms: self.believed_ms.saturating_sub(now_ms),
        }
    }

    /// What it was, if it refused anybody.
    pub(super) fn ended(mut self) -> Option<Ended> {
        let count = self.refused.take();
        (count > 0).then_some(Ended {
            verdict: self.verdict,
            class: None,
            count,
            unreported: 0,
        })
    }
}

impl Known {
    pub(super) fn find(&self, class: &AskedClass) -> Option<&Held> {
        self.classes
            .iter()
            .find(|known| *known.0 == *class.name)
            .map(|known| &known.1)
    }

    pub(super) fn find_mut(&mut self, class: &AskedClass) -> Option<&mut Held> {
        let mut classes = self.classes.iter_mut();
        classes
            .find(|known| *known.0 == *class.name)
            .map(|known| &mut known.1)
    }

    pub(super) fn is_useful(&self, now_ms: u64) -> bool {
        let useful = |held: &Held| {
            held.leases.iter().any(|lease| lease.until_ms > now_ms)
                || held.denied.is_some_and(|denied| denied.1 > now_ms)
        };
        self.free_ms > now_ms
            || self.stops().any(|stop| stop.believed_ms > now_ms)
            || self.classes.iter().any(|class| useful(&class.1))
    }

    fn stops(&self) -> impl Iterator<Item = &Stop> {
        self.stop.iter().chain(&self.barred)
    }

    /// The ban that is remembered.
    pub(super) fn held(&self, now_ms: u64) -> Option<Verdict> {
        let stop = self.stop.as_ref()?;
        (now_ms < stop.believed_ms).then(|| stop.verdict(now_ms))
    }

    pub(super) fn stopped(&mut self, now_ms: u64) -> Option<Refusal> {
        let stop = self.stop.as_mut()?;
        if now_ms >= stop.believed_ms {
            return None;
        }
        self.seen_ms = now_ms;
        Some(stop.refuse(now_ms))
    }

    /// Counts a refusal by a ban of which nothing more is known here than who is `stopped` by it.
    pub(super) fn bar(&mut self, banned: Verdict, now_ms: u64) -> (Refusal, Option<Ended>) {
        self.seen_ms = now_ms;
        let over = self.barred.take_if(|stop| now_ms >= stop.believed_ms);
        let stop = self.barred.get_or_insert_with(|| Stop {
            verdict: banned.clone(),
            until_ms: now_ms.saturating_add(REMEMBER_MS),
            believed_ms: now_ms.saturating_add(REMEMBER_MS),
            refused: Refused::default(),
        });
        stop.verdict = banned;
        (stop.refuse(now_ms), over.and_then(Stop::ended))
    }

    /// The denial of these classes that lasts longest, if there is one.
    pub(super) fn denied(&mut self, classes: &[AskedClass], now_ms: u64) -> Option<Refusal> {
        let denied = classes
            .iter()
            .filter_map(|class| Some((self.find(class)?.denied_ms(class, now_ms)?, class)));
        let (_, class) = denied.max_by_key(|(wait_ms, _)| *wait_ms)?;
        let held = self.find_mut(class)?;
        let count = held.refused.add();
        Some(Refusal {
            verdict: Verdict::Exhausted,
            class: Some((class.name.clone(), held.standing(now_ms))),
            count,
            same_ms: held.same_ms(now_ms),
        })
    }

    /// Notes that the refusals of a class, or by the ban, are repeated from now on.
    pub(super) fn repeat(&mut self, class: Option<&str>, repetition: Repetition) {
        let refused = match class {
            None => self.stop.as_mut().map(|stop| &mut stop.refused),
            Some(class) => {
                let mut classes = self.classes.iter_mut();
                let held = classes.find(|known| *known.0 == *class);
                held.map(|known| &mut known.1.refused)
            }
        };
        if let Some(refused) = refused {
            refused.repeat(repetition);
        }
    }

    pub(super) fn give_back(
        &mut self,
        class: &AskedClass,
        lends: bool,
        now_ms: u64,
    ) -> Vec<Return> {
        let Some(held) = self.find_mut(class) else {
            return Vec::new();
        };
        let back = |id, spent| Return {
            class: class.name.clone(),
            id,
            spent,
        };
        let leases = held.leases.drain(..);
        let mut returns: Vec<_> = leases
            .map(|lease| back(lease.lease.id, lease.used))
            .collect();
        let asked = held.ask(class.cost, !returns.is_empty(), now_ms);
        returns.extend(asked.filter(|_| lends).map(|asked| back(NO_LEASE, asked)));
        returns
    }

    /// What a question for the next leases tells of these classes.
    pub(super) fn ask_ahead(&mut self, classes: &[AskedClass], now_ms: u64) -> Vec<Return> {
        let mut returns = Vec::new();
        for class in classes {
            let told = self
                .find_mut(class)
                .map_or_else(Vec::new, |held| held.ask_ahead(now_ms));
            returns.extend(told.into_iter().map(|(id, spent)| Return {
                class: class.name.clone(),
                id,
                spent,
            }));
        }
        returns
    }

    /// Ends the denials that are over by now.
    pub(super) fn end(&mut self, now_ms: u64) -> Vec<Ended> {
        let mut ended = Vec::new();
        for stop in [&mut self.stop, &mut self.barred] {
            let over = stop.take_if(|stop| now_ms >= stop.believed_ms);
            ended.extend(over.and_then(Stop::ended));
        }
        for (name, held) in &mut self.classes {
            if held.denied.is_some_and(|denied| now_ms >= denied.1) {
                ended.extend(held.end_denial(name));
            }
        }
        ended
    }

    /// When the first denial ends.
    pub(super) fn denied_until_ms(&self) -> u64 {
        let classes = self.classes.iter().filter_map(|class| class.1.denied);
        let stops = self.stops().map(|stop| stop.believed_ms);
        let ends = classes.map(|denied| denied.1).chain(stops);
        ends.min().unwrap_or(u64::MAX)
    }

    pub(super) fn learn(
        &mut self,
        class: &AskedClass,
        standing: Standing,
        lease: Option<Lease>,
        admitted: bool,
        sent_ms: u64,
    ) -> Option<Ended> {
        let held = match self
            .classes
            .iter()
            .position(|known| *known.0 == *class.name)
        {
            Some(index) => self.classes.get_mut(index),
            None if self.classes.len() < MAX_CLASSES => {
                let held = Held::new(standing, class.cost, sent_ms);
                self.classes.push((class.name.as_str().into(), held));
                self.classes.last_mut()
            }
            None => None,
        };
        let (name, held) = held?;
        // What is repeated would tell how it stood before.
        held.refused.count();
        held.standing = standing;
        held.at_ms = sent_ms;
        held.strict = class.strict;
        let refused = !admitted && standing.wait_ms > 0;
        let wait_ms = standing.wait_ms.min(REMEMBER_MS);
        let goes_on = refused && held.denied.is_some_and(|denied| sent_ms < denied.1);
        let ended = if goes_on { None } else { held.end_denial(name) };
        held.denied = refused.then(|| (class.cost, sent_ms.saturating_add(wait_ms)));
        if let Some(lease) = lease.filter(|_| held.leases.len() < MAX_HELD) {
            let until_ms = sent_ms.saturating_add(LEASE_MS);
            held.leases.push(Spent {
                lease,
                used: 0,
                until_ms,
            });
            (held.asked, held.lending_ms) = (0, None);
        }
        ended
    }
}
