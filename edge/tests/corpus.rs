//! The firewall against its corpora at mode normal: the share of attacks that it stops and of
//! honest requests that it stops too. Each text is put into all of its places, one in
//! [`ENCODED_EVERY`] also in every encoding, so that an unoptimised build takes seconds;
//! `gapura-waf test --all` does all of it.
//!
//! Of the half that is reported nothing but counts is printed: nobody tunes on what fails there.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "test code: a panic is a failed test"
)]

use gapura_edge::{
    cli::{
        Tally,
        corpus::{self, Content, Kind, Spread},
    },
    waf::Settings,
};
use std::{borrow::Cow, path::Path};

/// Least share of the attacks that must be stopped, in percent.
const ATTACKS_PERCENT: f64 = 96.0;
/// Greatest share of the honest requests that may be stopped, in percent.
const HONEST_PERCENT: f64 = 1.0;
/// One attack text in so many is tried in every encoding.
const ENCODED_EVERY: usize = 10;
/// Misses shown of the half that detectors are tuned on.
const SHOWN: usize = 40;

/// Runs one half of one kind.
fn tally(half: &str, kind: Kind) -> Tally {
    let folder = match kind {
        Kind::Attacks => "attacks",
        Kind::Honest => "honest",
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/corpus/waf")
        .join(half)
        .join(folder);
    let settings = Settings::default();
    let mut tally = Tally::default();
    for (_, file) in corpus::files(&path).unwrap() {
        let origin = file.file_name().unwrap().to_string_lossy().into_owned();
        for (index, entry) in corpus::read(&file).unwrap().iter().enumerate() {
            let is_encoded = kind == Kind::Attacks && index % ENCODED_EVERY == 0;
            let spread = match &entry.content {
                Content::Text(..) if is_encoded => Spread::Encodings,
                _ => Spread::Places,
            };
            let origin = format!("{origin}:{}", index + 1);
            tally.take(kind, entry, spread, &origin, |_| Cow::Borrowed(&settings));
        }
    }
    println!("{half}\n{}", tally.table());
    tally
}

fn shown(tally: &Tally) -> String {
    let misses = tally.misses.iter().take(SHOWN).cloned();
    misses.collect::<Vec<_>>().join("\n")
}

#[test]
fn attacks_to_tune_on_are_stopped() {
    let tally = tally("tune", Kind::Attacks);
    let percent = tally.total(Kind::Attacks).percent();
    assert!(
        percent >= ATTACKS_PERCENT,
        "{}\n{}",
        shown(&tally),
        tally.table()
    );
}

#[test]
fn honest_requests_to_tune_on_pass() {
    let tally = tally("tune", Kind::Honest);
    let percent = tally.total(Kind::Honest).percent();
    assert!(
        percent <= HONEST_PERCENT,
        "{}\n{}",
        shown(&tally),
        tally.table()
    );
}

#[test]
fn attacks_to_report_on_are_stopped() {
    let tally = tally("report", Kind::Attacks);
    let percent = tally.total(Kind::Attacks).percent();
    assert!(percent >= ATTACKS_PERCENT, "{}", tally.table());
}

#[test]
fn honest_requests_to_report_on_pass() {
    let tally = tally("report", Kind::Honest);
    let percent = tally.total(Kind::Honest).percent();
    assert!(percent <= HONEST_PERCENT, "{}", tally.table());
}

/// What the reference systems stop, as it stands and percent-encoded once more, without exception.
#[test]
fn reference_attacks_are_stopped_and_reference_texts_pass() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/waf/tune");
    let settings = Settings::default();
    let mut tally = Tally::default();
    for (kind, file) in [
        (Kind::Attacks, "attacks/reference.jsonl"),
        (Kind::Honest, "honest/reference.jsonl"),
    ] {
        for entry in corpus::read(&path.join(file)).unwrap() {
            let encoded = entry.requests(Spread::Encodings).into_iter();
            let plain = encoded.filter(|(how, _)| how.ends_with("/none") || how.ends_with("/url"));
            for (how, message) in
                plain.filter(|(how, _)| kind == Kind::Attacks || how.ends_with("/none"))
            {
                tally.judge(kind, &entry, file, &how, &message, &settings);
            }
        }
    }
    assert!(tally.total(Kind::Attacks).requests >= 2000);
    assert!(tally.total(Kind::Honest).requests >= 800);
    assert!(tally.misses.is_empty(), "{}", shown(&tally));
}
