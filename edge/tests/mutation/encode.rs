//! Encodings that applications and their frameworks undo, whatever the text means.

use super::{Mutation, random::Random};
use gapura_edge::cli::place::{Encoding, percent};
use std::fmt::Write as _;

pub(crate) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "percent",
        classes: &[],
        mutate: |text, _| Some(percent(text)),
    },
    Mutation {
        name: "percent, some",
        classes: &[],
        mutate: |text, random| Some(some(text, random)),
    },
    Mutation {
        name: "percent, twice",
        classes: &[],
        mutate: |text, _| Some(Encoding::DoubleUrl.apply(text)),
    },
    Mutation {
        name: "base64",
        classes: &[],
        // Shorter ones are words as well.
        mutate: |text, _| (text.len() >= 12).then(|| Encoding::Base64.apply(text)),
    },
    Mutation {
        name: "entities",
        classes: &[],
        mutate: |text, _| Some(Encoding::Html.apply(text)),
    },
    Mutation {
        name: "JavaScript escapes",
        classes: &[],
        mutate: |text, _| Some(Encoding::JavaScript.apply(text)),
    },
    Mutation {
        name: "%u",
        classes: &[],
        mutate: |text, _| {
            let units = text.encode_utf16().map(|unit| format!("%u{unit:04x}"));
            Some(units.collect())
        },
    },
];

/// Half of the characters that are no letters, and some letters, in hex of either case.
fn some(text: &str, random: &mut Random) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let rarity = if c.is_ascii_alphanumeric() { 6 } else { 2 };
        if c.is_ascii() && (c == '%' || random.one_in(rarity)) {
            // Writing to a string cannot fail.
            let _ = if random.one_in(2) {
                write!(out, "%{:02x}", u32::from(c))
            } else {
                write!(out, "%{:02X}", u32::from(c))
            };
        } else {
            out.push(c);
        }
    }
    out
}
