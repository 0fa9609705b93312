//! The adversarial pass: attack texts of the corpora, rewritten so that they still do the same,
//! at mode normal. Of the texts that are stopped as they stand, at least [`KEPT_PERCENT`] of the
//! rewritten ones must be stopped too.
//!
//! Every mutation that applies to a text is tried alone, and [`MIXED`] times some of them one
//! after the other, in an encoding every second time. The seed is fixed: two runs try the same texts. Whole requests are left as
//! they are: what their bodies mean is not known here.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code: a panic is a failed test"
)]

mod encode;
mod html;
mod path;
mod random;
mod server;
mod shell;
mod sql;

use gapura_edge::{
    cli::{
        Count,
        corpus::{self, Content},
        place::Place,
    },
    waf::{self, Settings, Verdict},
};
use random::Random;
use std::{collections::BTreeMap, path::Path};

/// Least share of the mutated attacks that must be stopped, in percent.
const KEPT_PERCENT: f64 = 95.0;
/// Mixed mutations of each text.
const MIXED: usize = 2;
/// Longest text that is mutated, in bytes: padded ones are of no other kind.
const MAX_BYTES: usize = 4096;
/// Texts shown that were stopped before their mutation alone.
const SHOWN: usize = 60;

/// Rewrites an attack, or `None` where it does not apply.
type Mutate = fn(&str, &mut Random) -> Option<String>;

/// A way to rewrite attacks of some classes.
struct Mutation {
    name: &'static str,
    /// Classes whose texts mean the same afterwards; empty: all.
    classes: &'static [&'static str],
    mutate: Mutate,
}

/// Every mutation.
fn mutations() -> impl Iterator<Item = &'static Mutation> {
    [
        encode::MUTATIONS,
        sql::MUTATIONS,
        html::MUTATIONS,
        shell::MUTATIONS,
        path::MUTATIONS,
        server::MUTATIONS,
    ]
    .into_iter()
    .flatten()
}

/// Mutated texts by the name of the mutation, and how many of them were stopped.
#[derive(Default)]
struct Outcome {
    by_name: BTreeMap<&'static str, (usize, usize)>,
    by_class: BTreeMap<String, (usize, usize)>,
    missed: Vec<String>,
}

impl Outcome {
    fn note(&mut self, name: &'static str, class: &str, place: Place, text: &str) {
        let kept = is_stopped(place, text);
        for (tried, stopped) in [
            self.by_name.entry(name).or_default(),
            self.by_class.entry(class.to_owned()).or_default(),
        ] {
            *tried += 1;
            *stopped += usize::from(kept);
        }
        if !kept {
            self.missed
                .push(format!("{class} {name} {place:?}: {text:?}"));
        }
    }

    /// The share that was stopped: of all, or without those that were merely encoded where that
    /// is less.
    fn percent(&self) -> f64 {
        let is_encoding = |name: &str| encode::MUTATIONS.iter().any(|m| m.name == name);
        let share = |counts: Vec<(usize, usize)>| {
            let mut sum = Count::default();
            for (tried, stopped) in counts {
                sum.requests += tried;
                sum.stopped += stopped;
            }
            sum.percent()
        };
        let all = self.by_name.values().copied().collect();
        let rewritten = self.by_name.iter().filter(|(name, _)| !is_encoding(name));
        share(all).min(share(rewritten.map(|(_, count)| *count).collect()))
    }

    fn table(&self) -> String {
        let names = self.by_name.iter().map(|(name, count)| (*name, count));
        let classes = self
            .by_class
            .iter()
            .map(|(class, count)| (class.as_str(), count));
        let rows = names.chain(classes).map(|(label, (tried, stopped))| {
            let passed = tried - stopped;
            format!("{label:<24}{tried:>8}{stopped:>8}{passed:>8}\n")
        });
        let head = format!("{:<24}{:>8}{:>8}{:>8}", "", "tried", "stopped", "passed");
        let rows: String = rows.collect();
        format!("{:.2} % kept\n{head}\n{rows}", self.percent())
    }
}

fn is_stopped(place: Place, text: &str) -> bool {
    let message = place.request(text);
    waf::inspect(&message.view(), &Settings::default()).verdict == Verdict::Blocked
}

/// Mutates every text of one half.
fn run(half: &str) -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/corpus/waf")
        .join(half)
        .join("attacks");
    let mut outcome = Outcome::default();
    let mut random = Random::new(0x6761_7075_7261);
    for (_, file) in corpus::files(&folder).unwrap() {
        for entry in corpus::read(&file).unwrap() {
            if let Content::Text(text, places) = &entry.content {
                let place = places[random.below(places.len())];
                if text.len() <= MAX_BYTES && is_stopped(place, text) {
                    mutate(&entry.class, text, place, &mut random, &mut outcome);
                }
            }
        }
    }
    outcome
}

fn mutate(class: &str, text: &str, place: Place, random: &mut Random, outcome: &mut Outcome) {
    let fits = |m: &&Mutation| m.classes.is_empty() || m.classes.contains(&class);
    let fitting: Vec<_> = mutations().filter(fits).collect();
    for mutation in &fitting {
        if let Some(mutated) = (mutation.mutate)(text, random).filter(|mutated| mutated != text) {
            outcome.note(mutation.name, class, place, &mutated);
        }
    }
    for _ in 0..MIXED {
        let mut mixed = text.to_owned();
        for mutation in fitting
            .iter()
            .filter(|mutation| !mutation.classes.is_empty())
        {
            if random.one_in(2) {
                mixed = (mutation.mutate)(&mixed, random).unwrap_or(mixed);
            }
        }
        if random.one_in(2) {
            let encoding = &encode::MUTATIONS[random.below(encode::MUTATIONS.len())];
            mixed = (encoding.mutate)(&mixed, random).unwrap_or(mixed);
        }
        if mixed != text {
            outcome.note("mixed", class, place, &mixed);
        }
    }
}

#[test]
fn mutated_attacks_to_tune_on_are_stopped() {
    let outcome = run("tune");
    let missed: Vec<_> = outcome.missed.iter().take(SHOWN).cloned().collect();
    let table = outcome.table();
    println!("{table}");
    assert!(
        outcome.percent() >= KEPT_PERCENT,
        "{}\n{table}",
        missed.join("\n")
    );
}

/// Counts alone are shown: nobody tunes on what fails here.
#[test]
fn mutated_attacks_to_report_on_are_stopped() {
    let outcome = run("report");
    let table = outcome.table();
    println!("{table}");
    assert!(outcome.percent() >= KEPT_PERCENT, "{table}");
}
