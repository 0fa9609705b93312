//! Stage two: one pass over a view says which detectors may run and which sets of needles hold nothing that
//! stands in it, and fires the rules that are literals.
//!
//! Literals are found by a hash of their first three bytes, in one table for all. An automaton (Aho-Corasick's)
//! takes five times the instructions for a byte and half of the Worker's start to build.

use std::sync::LazyLock;

use super::detect::{self, Detector, Hits, Text};
use super::meter::price;
use super::rules::literal::{self, Literal};
use super::scan::{Absent, Needles, at, stands};
use super::{discussion, quote};

/// Set of detectors worth running, one bit each in the order of [`detect::DETECTORS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Signals(u32);

impl Signals {
    /// Whether the detector at this position of the table may fire.
    pub(super) const fn has(self, detector: usize) -> bool {
        self.0 & (1 << detector) != 0
    }
}

/// What it means that a literal stands in a view.
enum Meaning {
    /// Detectors may fire.
    Run(u32),
    /// A set of needles holds it.
    Hold(Absent),
    Fire(Literal),
}

/// A literal of at least three bytes.
struct Entry {
    /// The first three bytes.
    head: u32,
    rest: &'static [u8],
    meaning: Meaning,
    /// One more than the entry before it in the same slot.
    next: u16,
}

/// Slots for the first three bytes of literals; collisions only cost time.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 13;
/// Bytes by which a literal is found.
const HEAD: usize = 3;

struct Prefilter {
    slots: Box<[u16; SLOTS]>,
    entries: Vec<Entry>,
    /// Rules' literals of two bytes.
    brief: Vec<Literal>,
    /// Triggers of one or two bytes, which are everywhere. Each bit stands for a detector and a first byte, or any:
    /// as the first of two bytes and as the second.
    pairs: [(u64, u64); 256],
    /// What each of those bits asks for.
    asked: Vec<(u32, Option<u8>)>,
    /// All sets of needles that are looked for.
    sets: Absent,
}

/// Built on first use, not at the Worker's start. A build failure could only come from the
/// tables being too small; then every detector runs and literal rules are tried one by one.
static PREFILTER: LazyLock<Option<Prefilter>> = LazyLock::new(build);

fn build() -> Option<Prefilter> {
    let mut prefilter = Prefilter {
        slots: Box::new([0; SLOTS]),
        entries: Vec::new(),
        brief: Vec::new(),
        pairs: [(0, 0); 256],
        asked: Vec::new(),
        sets: Absent::NONE,
    };
    for (position, detector) in detect::DETECTORS.iter().enumerate() {
        for trigger in detector.triggers {
            let asked = 1 << position;
            match *trigger.as_bytes() {
                [byte] => prefilter.ask(None, byte, asked)?,
                [first, second] => prefilter.ask(Some(first), second, asked)?,
                _ => prefilter.add(trigger.as_bytes(), Meaning::Run(asked))?,
            }
        }
    }
    for needles in sets() {
        prefilter.sets.add(needles);
        for needle in needles.all() {
            prefilter.add(needle, Meaning::Hold(Absent::of(needles)))?;
        }
    }
    for literal in literal::all() {
        if literal.text.len() < HEAD {
            prefilter.brief.push(literal);
        } else {
            prefilter.add(literal.text.as_bytes(), Meaning::Fire(literal))?;
        }
    }
    Some(prefilter)
}

/// Sets of needles that detectors look for in a whole view.
fn sets() -> impl Iterator<Item = &'static Needles<'static>> {
    let all = detect::DETECTORS.iter().flat_map(|detector| detector.sets);
    all.copied().chain([&quote::SHELLS, &discussion::SEVERE])
}

impl Prefilter {
    fn add(&mut self, literal: &'static [u8], meaning: Meaning) -> Option<()> {
        let (first, rest) = literal.split_first_chunk::<HEAD>()?;
        let head = first
            .iter()
            .rev()
            .fold(0, |head, byte| head << 8 | u32::from(*byte));
        let next = self.slots.get_mut(slot(head))?;
        let number = u16::try_from(self.entries.len() + 1).ok()?;
        let next = std::mem::replace(next, number);
        self.entries.push(Entry {
            head,
            rest,
            meaning,
            next,
        });
        Some(())
    }

    /// Detectors for which `second` behind `first`, or behind anything, is a trigger.
    fn ask(&mut self, first: Option<u8>, second: u8, asked: u32) -> Option<()> {
        let is_same = |known: &(u32, Option<u8>)| *known == (asked, first);
        let bit = self.asked.iter().position(is_same).unwrap_or_else(|| {
            self.asked.push((asked, first));
            self.asked.len() - 1
        });
        let bit = 1_u64.checked_shl(u32::try_from(bit).ok()?)?;
        for (byte, (firsts, seconds)) in (0..=u8::MAX).zip(&mut self.pairs) {
            *firsts |= if first.is_none_or(|first| first == byte) {
                bit
            } else {
                0
            };
            *seconds |= if second == byte { bit } else { 0 };
        }
        Some(())
    }

    /// What its shortest triggers ask for.
    fn asks(&self, text: &[u8]) -> u32 {
        let of = |byte: u8| {
            self.pairs
                .get(usize::from(byte))
                .copied()
                .unwrap_or_default()
        };
        // Nothing stands before the first byte, and no trigger of two begins with a NUL.
        let (mut firsts, mut found) = (of(0).0, 0);
        for byte in text {
            let pair = of(*byte);
            found |= firsts & pair.1;
            firsts = pair.0;
        }
        let asked = self.asked.iter().enumerate();
        asked.fold(0, |all, (bit, (asked, _))| {
            if found >> bit & 1 == 0 {
                all
            } else {
                all | asked
            }
        })
    }
}

const fn slot(head: u32) -> usize {
    (head.wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOT_BITS)) as usize
}

/// Bytes of a view after which its scan is paid for: what it costs beyond its bytes shows on the way.
const CHARGED_EVERY: usize = 4096;

/// Scans the lower-cased view once.
pub(super) fn scan(text: &Text<'_>, hits: &mut Hits) -> Signals {
    let Some(prefilter) = PREFILTER.as_ref() else {
        return scan_slowly(text, hits);
    };
    let mut signals = Signals(prefilter.asks(text.lower));
    hits.absent = prefilter.sets;
    for literal in &prefilter.brief {
        try_everywhere(literal, text, hits);
    }
    let (mut head, mut walked, mut tried) = (0, 0, 0);
    for (end, byte) in text.lower.iter().enumerate() {
        if end % CHARGED_EVERY == CHARGED_EVERY - 1 {
            hits.meter.charge(walked, price::WALKED);
            hits.meter.charge(tried, price::TRIED);
            (walked, tried) = (0, 0);
            if hits.meter.is_spent() {
                break;
            }
        }
        head = head >> 8 | u32::from(*byte) << 16;
        let mut number = prefilter.slots.get(slot(head)).copied().unwrap_or(0);
        while let Some(entry) = usize::from(number)
            .checked_sub(1)
            .and_then(|index| prefilter.entries.get(index))
        {
            number = entry.next;
            walked += 1;
            if entry.head != head {
                continue;
            }
            let is_known = match entry.meaning {
                Meaning::Run(asked) => signals.0 & asked == asked,
                Meaning::Hold(set) => !hits.absent.holds(set),
                Meaning::Fire(_) => false,
            };
            if is_known || end + 1 < HEAD {
                continue;
            }
            tried += 1;
            // Most end here, without a call.
            let next = at(text.lower, end + 1);
            if entry.rest.first().is_some_and(|byte| *byte != next) {
                continue;
            }
            hits.meter.charge(1, price::MATCH);
            if !stands(text.lower, end + 1, entry.rest) {
                continue;
            }
            match &entry.meaning {
                Meaning::Run(asked) => signals.0 |= asked,
                Meaning::Hold(set) => hits.absent.remove(*set),
                Meaning::Fire(literal) => literal.check(text, end + 1 - HEAD, hits),
            }
        }
    }
    hits.meter.charge(walked, price::WALKED);
    hits.meter.charge(tried, price::TRIED);
    signals
}

fn try_everywhere(literal: &Literal, text: &Text<'_>, hits: &mut Hits) {
    let mut start = 0;
    while literal.fits(text)
        && let Some(found) = super::scan::find(text.lower, literal.text.as_bytes(), start)
    {
        literal.check(text, found, hits);
        start = found + 1;
    }
}

fn scan_slowly(text: &Text<'_>, hits: &mut Hits) -> Signals {
    hits.absent = Absent::NONE;
    for literal in literal::all() {
        try_everywhere(&literal, text, hits);
    }
    Signals(u32::MAX)
}

/// The detectors that the pass asked for.
pub(super) fn chosen(signals: Signals) -> impl Iterator<Item = &'static Detector> {
    let all = detect::DETECTORS.iter().enumerate();
    all.filter_map(move |(position, detector)| signals.has(position).then_some(detector))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::waf::Part;
    use crate::waf::scan::find;

    fn scanned(lower: &[u8]) -> (Signals, Hits) {
        let mut hits = Hits::default();
        let text = Text {
            lower,
            part: Part::Query,
            name: "q",
        };
        (scan(&text, &mut hits), hits)
    }

    #[test]
    fn tables_are_built_of_literals_in_lower_case() {
        assert!(PREFILTER.is_some());
        let triggers = detect::DETECTORS
            .iter()
            .flat_map(|detector| detector.triggers);
        for pattern in triggers
            .copied()
            .chain(literal::all().map(|literal| literal.text))
        {
            assert_eq!(pattern, pattern.to_ascii_lowercase());
        }
    }

    #[test]
    fn sets_of_needles_have_numbers_of_their_own() {
        let mut all = Absent::NONE;
        for needles in sets() {
            assert!(!all.holds(Absent::of(needles)) && Absent::of(needles) != Absent::NONE);
            all.add(needles);
        }
    }

    proptest! {
        /// Whatever literals stand in a text, the table finds what looking for each by itself does.
        #[test]
        fn finds_what_a_search_for_each_literal_finds(picked in picked()) {
            let lower = picked.concat();
            let (signals, hits) = scanned(&lower);
            let text = Text { lower: &lower, part: Part::Query, name: "q" };
            let stands = |literal: &[u8]| find(&lower, literal, 0).is_some();
            for (position, detector) in detect::DETECTORS.iter().enumerate() {
                let asks = detector.triggers.iter().any(|trigger| stands(trigger.as_bytes()));
                prop_assert_eq!(signals.has(position), asks);
            }
            for needles in sets() {
                let is_absent = !needles.all().any(stands);
                prop_assert_eq!(hits.absent.holds(Absent::of(needles)), is_absent);
            }
            let mut slow = Hits::default();
            scan_slowly(&text, &mut slow);
            let places = |hits: &Hits| {
                let each = hits.iter().map(|hit| (hit.start, hit.end, hit.rule.id));
                each.collect::<std::collections::BTreeSet<_>>()
            };
            prop_assert_eq!(places(&hits), places(&slow));
        }
    }

    /// Literals, halves of literals and bytes between them.
    fn picked() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let triggers = detect::DETECTORS
            .iter()
            .flat_map(|detector| detector.triggers);
        let all: Vec<&[u8]> = triggers
            .map(|trigger| trigger.as_bytes())
            .chain(literal::all().map(|literal| literal.text.as_bytes()))
            .chain(sets().flat_map(Needles::all))
            .collect();
        let half = |(literal, cut): (&[u8], usize)| literal[..literal.len().min(cut)].to_vec();
        let piece = prop_oneof![
            proptest::sample::select(all.clone()).prop_map(<[u8]>::to_vec),
            (proptest::sample::select(all), 1_usize..6).prop_map(half),
            "[ -~]{0,3}".prop_map(|text| text.to_ascii_lowercase().into_bytes()),
        ];
        proptest::collection::vec(piece, 0..6)
    }

    #[test]
    fn clean_input_runs_no_detector() {
        for clean in ["jakarta", "my garden path 12", "2026-11-20", "budi_santoso"] {
            let (signals, hits) = scanned(clean.as_bytes());
            assert_eq!((signals, hits.len()), (Signals::default(), 0), "{clean}");
        }
    }

    #[test]
    fn fallback_finds_what_the_table_finds() {
        let text = Text {
            lower: b"${jndi:ldap://x/a}",
            part: Part::Query,
            name: "q",
        };
        let (mut fast, mut slow) = (Hits::default(), Hits::default());
        scan(&text, &mut fast);
        scan_slowly(&text, &mut slow);
        assert!(!fast.is_empty());
        assert_eq!(fast.len(), slow.len());
    }
}
