//! What reading a request costs, counted where the work is done.
//!
//! Every part of the firewall is linear in what it reads, but some bytes cost a hundred times what
//! others do: a tag is judged where a letter is passed over, a sentence is looked for around each
//! finding. So the work is counted as it is done, and a request on which more is spent than any
//! honest one needs is stopped ([`super::rules::protocol::WORK`]).
//!
//! Deterministic: no clock. The same bytes are charged the same on every machine. The prices are
//! estimates, from profiles (callgrind) of real texts and of the dearest that a search put together:
//! real ones cost a little less than they are charged, the dearest found up to 1.7 times as much.

/// What one request may cost: that of a body of 128 KB with what stands before it. In instructions
/// of the native build, as all prices are.
const ALLOWANCE: u32 = 200_000_000;

/// What a request may cost that is stopped already: what follows changes no verdict.
const STOPPED: u32 = 64_000_000;

/// What is given back for each byte of a body that streams: the allowance of 128 KB is its share.
const PER_BYTE: u32 = ALLOWANCE / (128 * 1024);

/// Prices, in instructions of the native build.
pub(super) mod price {
    /// A byte of a body, for each reading of it.
    pub(in crate::waf) const READ: u32 = 12;
    /// A value, however short.
    pub(in crate::waf) const VALUE: u32 = 600;
    /// A byte of a view, to make it and to look for what decoding goes on from.
    pub(in crate::waf) const DECODED: u32 = 30;
    /// A byte of a view that decoding made, besides.
    pub(in crate::waf) const MADE: u32 = 60;
    /// A byte of a view in the prefilter.
    pub(in crate::waf) const SCANNED: u32 = 85;
    /// A byte of a view of which is asked who shows it to whom.
    pub(in crate::waf) const SPARED: u32 = 190;
    /// A finding of which that is asked.
    pub(in crate::waf) const SHOWN: u32 = 2_000;
    /// A token of SQL, in each context.
    pub(in crate::waf) const TOKEN: u32 = 380;
    /// A step in an expression of SQL.
    pub(in crate::waf) const STEP: u32 = 80;
    /// A tag.
    pub(in crate::waf) const TAG: u32 = 250;
    /// A place where a command could start.
    pub(in crate::waf) const COMMAND: u32 = 400;
    /// An expression of a template.
    pub(in crate::waf) const EXPRESSION: u32 = 600;
    /// A line.
    pub(in crate::waf) const LINE: u32 = 270;
    /// A string whose next one is looked for.
    pub(in crate::waf) const STRING: u32 = 150;
    /// A call.
    pub(in crate::waf) const CALL: u32 = 250;
    /// The arguments of a call that attacks make.
    pub(in crate::waf) const ARGUMENTS: u32 = 5_000;
}

/// What was spent on a request, and what may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    spent: u32,
    allowance: u32,
    is_halved: bool,
}

impl Default for Meter {
    fn default() -> Self {
        Self::of(0)
    }
}

impl Meter {
    /// For a request with a body of so many bytes: a route may read longer ones than most.
    pub(super) fn of(bytes: usize) -> Self {
        Self {
            spent: 0,
            allowance: ALLOWANCE.max(share(bytes)),
            is_halved: false,
        }
    }

    /// For a route whose policy lets a request cost what it will.
    pub(super) const fn lift(&mut self) {
        self.is_halved = true;
        self.allowance = u32::MAX;
    }

    /// For a body that is read in two ways: each may cost half.
    ///
    /// Its type lies or it is malformed, which is rare among honest ones, while the dearest of all
    /// inputs are among these: two sets of values for every detector.
    pub(super) const fn halve(&mut self) {
        if !self.is_halved {
            self.is_halved = true;
            self.allowance /= 2;
        }
    }

    /// Charges so many pieces of work at this price.
    pub(super) fn charge(&mut self, count: usize, price: u32) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.spent = self.spent.saturating_add(count.saturating_mul(price));
    }

    /// Charges one piece of work; whether the allowance covers it.
    pub(super) fn pays(&mut self, price: u32) -> bool {
        self.charge(1, price);
        !self.is_spent()
    }

    /// Gives back the share of so many bytes of a body that streams.
    pub(super) fn refill(&mut self, bytes: usize) {
        self.spent = self.spent.saturating_sub(share(bytes));
    }

    /// What was spent.
    pub(super) const fn spent(self) -> u32 {
        self.spent
    }

    /// Whether nothing is left.
    pub(super) const fn is_spent(self) -> bool {
        self.spent >= self.allowance
    }

    /// Whether a request that is stopped is read no further.
    pub(super) const fn is_enough(self) -> bool {
        self.spent >= STOPPED
    }
}

fn share(bytes: usize) -> u32 {
    u32::try_from(bytes)
        .unwrap_or(u32::MAX)
        .saturating_mul(PER_BYTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_given_back_to_a_body_that_streams_alone_and_never_more() {
        let mut meter = Meter::default();
        assert!(meter.pays(ALLOWANCE - 1) && !meter.is_spent());
        assert!(!meter.pays(1) && meter.is_spent());
        meter.refill(1);
        assert_eq!(meter.spent(), ALLOWANCE - PER_BYTE);
        meter.refill(usize::MAX);
        assert_eq!(meter.spent(), 0);
        meter.charge(usize::MAX, 2);
        assert!(meter.is_spent());
    }

    #[test]
    fn what_is_read_in_two_ways_may_cost_half_once() {
        let mut meter = Meter::default();
        meter.halve();
        meter.halve();
        assert!(meter.pays(ALLOWANCE / 2 - 1));
        assert!(!meter.pays(1));
        let mut lifted = Meter::default();
        lifted.lift();
        lifted.halve();
        assert!(lifted.pays(10 * ALLOWANCE));
    }

    #[test]
    fn a_longer_body_may_cost_more() {
        let mut meter = Meter::of(1 << 20);
        assert!(meter.pays(7 * ALLOWANCE));
        assert!(!meter.pays(2 * ALLOWANCE));
    }
}
