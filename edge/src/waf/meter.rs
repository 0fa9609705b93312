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
/// of the native build, as all prices are: with what the dearest known ones cost beyond their charge,
/// below the 145 million that a core of 14.5 million a millisecond runs in ten.
const ALLOWANCE: u32 = 105_000_000;

/// What a request may cost that is stopped already: what follows changes no verdict.
const STOPPED: u32 = 64_000_000;

/// What is given back for each byte of a body that streams: the allowance of 128 KB is its share.
const PER_BYTE: u32 = ALLOWANCE / (128 * 1024);

/// Prices, in instructions of the native build.
pub(super) mod price {
    /// Bytes as dear as it is to ask of a view, however short, who shows it to whom.
    pub(in crate::waf) const START: usize = 32;
    /// A byte of a body, for each reading of it.
    pub(in crate::waf) const READ: u32 = 5;
    /// A byte of a path, which is read whole, resolved, and in its segments: few are longer than a kilobyte.
    pub(in crate::waf) const PATH: u32 = 850;
    /// A value, however short and harmless.
    pub(in crate::waf) const FIELD: u32 = 360;
    /// One that is looked at.
    pub(in crate::waf) const VALUE: u32 = 3_200;
    /// A byte of a view, to make it and to look for what decoding goes on from.
    pub(in crate::waf) const DECODED: u32 = 21;
    /// A byte of a view that decoding made, besides.
    pub(in crate::waf) const MADE: u32 = 5;
    /// A byte at which an escape may start.
    pub(in crate::waf) const ESCAPE: u32 = 600;
    /// A run of digits that may be base64.
    pub(in crate::waf) const RUN: u32 = 2_600;
    /// What may start a base64 text behind a slash in one.
    pub(in crate::waf) const SAMPLE: u32 = 600;
    /// A view in the prefilter, however short.
    pub(in crate::waf) const VIEW: u32 = 610;
    /// A byte of a view in the prefilter.
    pub(in crate::waf) const SCANNED: u32 = 49;
    /// A literal that the prefilter's table has where it looks.
    pub(in crate::waf) const WALKED: u32 = 43;
    /// One whose first bytes stand there.
    pub(in crate::waf) const TRIED: u32 = 3;
    /// One of which it finds more.
    pub(in crate::waf) const MATCH: u32 = 74;
    /// A byte of a view of which is asked who shows it to whom.
    pub(in crate::waf) const SPARED: u32 = 91;
    /// A finding of which that is asked.
    pub(in crate::waf) const SHOWN: u32 = 40_000;
    /// A place where something could start that is judged.
    pub(in crate::waf) const PLACE: u32 = 240;
    /// A byte that is read for SQL, in each context.
    pub(in crate::waf) const LEXED: u32 = 5;
    /// A token of SQL, in each context.
    pub(in crate::waf) const TOKEN: u32 = 360;
    /// A name among them, besides.
    pub(in crate::waf) const NAME: u32 = 180;
    /// A string among them, besides.
    pub(in crate::waf) const QUOTED: u32 = 69;
    /// A step in an expression of SQL.
    pub(in crate::waf) const STEP: u32 = 900;
    /// A tag.
    pub(in crate::waf) const TAG: u32 = 395;
    /// The attributes of one.
    pub(in crate::waf) const ATTRIBUTES: u32 = 590;
    /// A script's tag, behind which its end is looked for.
    pub(in crate::waf) const SCRIPT: u32 = 7_400;
    /// The tag of a server's code, around which a page is looked for.
    pub(in crate::waf) const PAGE: u32 = 6_000;
    /// The type of a document.
    pub(in crate::waf) const DOCUMENT: u32 = 5_000;
    /// What may be the handler of an event.
    pub(in crate::waf) const HANDLER: u32 = 8_600;
    /// A script's URL.
    pub(in crate::waf) const SCHEME: u32 = 18_000;
    /// A picture's URL that may hold a script.
    pub(in crate::waf) const PICTURE: u32 = 8_000;
    /// The name of a function that hardly any honest script calls.
    pub(in crate::waf) const STRONG: u32 = 5_500;
    /// That of another that scripts of attacks call.
    pub(in crate::waf) const KNOWN: u32 = 2_350;
    /// A place where a command could start.
    pub(in crate::waf) const COMMAND: u32 = 100;
    /// A word where a command could start.
    pub(in crate::waf) const WORD: u32 = 2_200;
    /// A byte of it.
    pub(in crate::waf) const LETTER: u32 = 120;
    /// A path with wildcards that every command is tried for.
    pub(in crate::waf) const PATTERN: u32 = 300_000;
    /// A path that a shell may fill in, whose folder is tried for all known ones.
    pub(in crate::waf) const GLOB: u32 = 1_300;
    /// One whose folder is known: its file is tried for all known ones.
    pub(in crate::waf) const GLOB_FILE: u32 = 1_150;
    /// A command whose arguments are looked at.
    pub(in crate::waf) const PROOF: u32 = 5_000;
    /// Two dots that may lead to another folder.
    pub(in crate::waf) const CLIMB: u32 = 1_300;
    /// A byte of what it leads to, where known files are looked for.
    pub(in crate::waf) const TARGET: u32 = 58;
    /// A slash behind which a known file may stand.
    pub(in crate::waf) const SLASH: u32 = 950;
    /// A URL whose host is judged.
    pub(in crate::waf) const URL: u32 = 16_000;
    /// An expression of a template.
    pub(in crate::waf) const EXPRESSION: u32 = 1_750;
    /// A directive of a server's.
    pub(in crate::waf) const DIRECTIVE: u32 = 3_400;
    /// A look-up of a server's language.
    pub(in crate::waf) const LOOKUP: u32 = 1_700;
    /// A byte of one.
    pub(in crate::waf) const SPELLED: u32 = 115;
    /// An empty line.
    pub(in crate::waf) const BREAK: u32 = 50;
    /// A line.
    pub(in crate::waf) const LINE: u32 = 920;
    /// A string whose next one is looked for.
    pub(in crate::waf) const STRING: u32 = 200;
    /// What strings side by side spell.
    pub(in crate::waf) const JOINED: u32 = 2_450;
    /// The head of a serialised object.
    pub(in crate::waf) const STORED: u32 = 3_550;
    /// A call.
    pub(in crate::waf) const CALL: u32 = 1_500;
    /// A call of what brackets and quotes spell.
    pub(in crate::waf) const GROUPS: u32 = 2_650;
    /// The arguments of a call that attacks make.
    pub(in crate::waf) const ARGUMENTS: u32 = 6_800;
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

    /// Charges for so many pieces of work that have not begun; whether the allowance covers them. Where it
    /// does not, what is left of it is gone.
    pub(super) fn affords(&mut self, count: usize, price: u32) -> bool {
        self.charge(count, price);
        let is_covered = !self.is_spent();
        self.spent = self.spent.min(self.allowance);
        is_covered
    }

    /// Gives back the share of so many bytes of a body that streams.
    pub(super) fn refill(&mut self, bytes: usize) {
        self.spent = self.spent.saturating_sub(share(bytes));
    }

    /// What may be spent.
    pub(super) const fn allowance(self) -> u32 {
        self.allowance
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
    fn what_is_not_begun_is_not_charged_beyond_the_allowance() {
        let mut meter = Meter::default();
        assert!(meter.affords(2, ALLOWANCE / 3));
        assert!(!meter.affords(2, ALLOWANCE / 3) && meter.spent() == ALLOWANCE);
    }

    #[test]
    fn a_longer_body_may_cost_more() {
        let mut meter = Meter::of(1 << 20);
        assert!(meter.pays(7 * ALLOWANCE));
        assert!(!meter.pays(2 * ALLOWANCE));
    }
}
