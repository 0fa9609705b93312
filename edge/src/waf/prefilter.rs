//! Stage two: one Aho-Corasick pass over a view says which detectors may run, and fires the
//! rules that are literals.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use super::detect::{self, Detector, Hits, Text};
use super::meter::price;
use super::rules::literal::{self, Literal};

/// Set of detectors worth running, one bit each in the order of [`detect::DETECTORS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Signals(u32);

impl Signals {
    /// Whether the detector at this position of the table may fire.
    pub(super) const fn has(self, detector: usize) -> bool {
        self.0 & (1 << detector) != 0
    }
}

/// What one pattern of the automaton means.
enum Meaning {
    Run(u32),
    Fire(Literal),
}

struct Prefilter {
    automaton: AhoCorasick,
    meanings: Vec<Meaning>,
    /// What each byte alone asks for: punctuation is everywhere, and a table tells it faster.
    bytes: [u32; 256],
}

/// Built on first use, not at the Worker's start. A build failure could only come from the
/// tables being too large; then every detector runs and literal rules are tried one by one.
static PREFILTER: LazyLock<Option<Prefilter>> = LazyLock::new(build);

fn build() -> Option<Prefilter> {
    let (mut patterns, mut meanings) = (Vec::new(), Vec::new());
    let mut bytes = [0; 256];
    for (position, detector) in detect::DETECTORS.iter().enumerate() {
        for trigger in detector.triggers {
            if let [byte] = trigger.as_bytes() {
                let asked: &mut u32 = bytes.get_mut(usize::from(*byte))?;
                *asked |= 1 << position;
                continue;
            }
            patterns.push(*trigger);
            meanings.push(Meaning::Run(1 << position));
        }
    }
    for literal in literal::all() {
        patterns.push(literal.text);
        meanings.push(Meaning::Fire(literal));
    }
    let mut builder = AhoCorasickBuilder::new();
    // The text is in lower case and so are the patterns: both cases would double the table.
    builder.match_kind(MatchKind::Standard);
    let automaton = builder.build(&patterns).ok()?;
    Some(Prefilter {
        automaton,
        meanings,
        bytes,
    })
}

/// Scans the lower-cased view once.
pub(super) fn scan(text: &Text<'_>, hits: &mut Hits) -> Signals {
    let Some(prefilter) = PREFILTER.as_ref() else {
        return scan_slowly(text, hits);
    };
    let asked = |byte: &u8| prefilter.bytes.get(usize::from(*byte)).copied();
    let bytes = text.lower.iter().filter_map(asked);
    let mut signals = Signals(bytes.fold(0, |all, asked| all | asked));
    for found in prefilter.automaton.find_overlapping_iter(text.lower) {
        hits.meter.charge(1, price::MATCH);
        match prefilter.meanings.get(found.pattern().as_usize()) {
            Some(Meaning::Run(bit)) => signals.0 |= bit,
            Some(Meaning::Fire(literal)) => literal.check(text, found.start(), hits),
            None => {}
        }
    }
    signals
}

fn scan_slowly(text: &Text<'_>, hits: &mut Hits) -> Signals {
    for literal in literal::all() {
        let mut start = 0;
        while let Some(found) = super::scan::find(text.lower, literal.text.as_bytes(), start) {
            literal.check(text, found, hits);
            start = found + 1;
        }
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
    use super::*;
    use crate::waf::Part;

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
    fn automaton_builds_of_patterns_in_lower_case() {
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
    fn clean_input_runs_no_detector() {
        for clean in ["jakarta", "my garden path 12", "2026-11-20", "budi_santoso"] {
            let (signals, hits) = scanned(clean.as_bytes());
            assert_eq!((signals, hits.len()), (Signals::default(), 0), "{clean}");
        }
    }

    #[test]
    fn fallback_finds_what_the_automaton_finds() {
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
