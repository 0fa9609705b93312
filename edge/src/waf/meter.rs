//! What reading a request costs, counted where the work is done.
//!
//! Every part of the firewall is linear in what it reads, but some bytes cost a hundred times what
//! others do: a tag is judged where a letter is passed over, a sentence is looked for around each
//! finding. So the work is counted as it is done, and a request on which more is spent than any
//! honest one needs is stopped ([`super::rules::protocol::WORK`]).
//!
//! Deterministic: no clock. The same bytes are charged the same on every machine. The prices are
//! fitted to instructions counted by stage (an emulator's) of real texts and of what a search over pieces of
//! all grammars put together: so that none costs much more than it is charged, and the dearest real ones are
//! charged as little as that allows. A price therefore also covers what comes with what it is named for.

/// What one request may cost: that of a body of 128 KB with what stands before it. In instructions
/// of the native build, as all prices are; well below the 200 million that a core runs in ten
/// milliseconds, for what costs more than it is charged. With less, long real texts are stopped.
const ALLOWANCE: u32 = 165_000_000;

/// What a request may cost that is stopped already: what follows changes no verdict.
const STOPPED: u32 = 64_000_000;

/// What is given back for each byte of a body that streams: the allowance of 128 KB is its share.
const PER_BYTE: u32 = ALLOWANCE / (128 * 1024);

/// Prices, in instructions of the native build.
pub(super) mod price {
    /// Bytes as dear as it is to start in a view, however short: for each detector, the prefilter and
    /// the question who shows it to whom.
    pub(in crate::waf) const START: usize = 32;
    /// A byte of a body, for each reading of it.
    pub(in crate::waf) const READ: u32 = 18;
    /// A value, however short.
    pub(in crate::waf) const VALUE: u32 = 1_400;
    /// A byte of a view, to make it and to look for what decoding goes on from.
    pub(in crate::waf) const DECODED: u32 = 6;
    /// A byte of a view that decoding made, besides.
    pub(in crate::waf) const MADE: u32 = 17;
    /// What may start a base64 text behind a slash.
    pub(in crate::waf) const SAMPLE: u32 = 400;
    /// A byte of a view in the prefilter.
    pub(in crate::waf) const SCANNED: u32 = 70;
    /// A literal whose first bytes the prefilter finds.
    pub(in crate::waf) const TRIED: u32 = 10;
    /// One of which it finds more.
    pub(in crate::waf) const MATCH: u32 = 45;
    /// A byte of a view of which is asked who shows it to whom.
    pub(in crate::waf) const SPARED: u32 = 90;
    /// A finding of which that is asked.
    pub(in crate::waf) const SHOWN: u32 = 7_500;
    /// A token of SQL, in each context.
    pub(in crate::waf) const TOKEN: u32 = 320;
    /// A step in an expression of SQL.
    pub(in crate::waf) const STEP: u32 = 210;
    /// A tag.
    pub(in crate::waf) const TAG: u32 = 920;
    /// What may be the handler of an event.
    pub(in crate::waf) const HANDLER: u32 = 4_300;
    /// A script's URL.
    pub(in crate::waf) const SCHEME: u32 = 13_000;
    /// The name of a function that scripts of attacks call.
    pub(in crate::waf) const KNOWN: u32 = 3_000;
    /// A place where a command could start.
    pub(in crate::waf) const COMMAND: u32 = 1_000;
    /// A word that a command may be.
    pub(in crate::waf) const WORD: u32 = 320;
    /// A path with wildcards that every command is tried for.
    pub(in crate::waf) const PATTERN: u32 = 90_000;
    /// A path that a shell may fill in, whose folder is tried for all known ones.
    pub(in crate::waf) const GLOB: u32 = 1_000;
    /// One whose folder is known: its file is tried for all known ones.
    pub(in crate::waf) const GLOB_FILE: u32 = 1_000;
    /// A command whose arguments are looked at.
    pub(in crate::waf) const PROOF: u32 = 4_550;
    /// Two dots that may lead to another folder.
    pub(in crate::waf) const CLIMB: u32 = 750;
    /// A byte of what it leads to, where known files are looked for.
    pub(in crate::waf) const TARGET: u32 = 40;
    /// A slash behind which a known file may stand.
    pub(in crate::waf) const SLASH: u32 = 500;
    /// A URL whose host is judged.
    pub(in crate::waf) const URL: u32 = 13_500;
    /// An expression of a template.
    pub(in crate::waf) const EXPRESSION: u32 = 5_000;
    /// A line.
    pub(in crate::waf) const LINE: u32 = 1_500;
    /// A string whose next one is looked for.
    pub(in crate::waf) const STRING: u32 = 630;
    /// A call.
    pub(in crate::waf) const CALL: u32 = 2_150;
    /// A call of what brackets and quotes spell.
    pub(in crate::waf) const GROUPS: u32 = 2_200;
    /// The arguments of a call that attacks make.
    pub(in crate::waf) const ARGUMENTS: u32 = 4_100;
}

/// What was spent on a request, and what may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    spent: u32,
    allowance: u32,
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
        }
    }

    /// For a route whose policy lets a request cost what it will.
    pub(super) const fn lift(&mut self) {
        self.allowance = u32::MAX;
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
    fn a_longer_body_may_cost_more() {
        let mut meter = Meter::of(1 << 20);
        assert!(meter.pays(7 * ALLOWANCE));
        assert!(!meter.pays(2 * ALLOWANCE));
    }
}
