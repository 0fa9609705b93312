//! Looks for the bodies that cost the firewall most: climbs from random texts over pieces of every
//! grammar, and over pieces cut out of texts of the corpus, by the clock.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use gapura_waf_cost::request::{self, BODIES, PLACES, Place, Sent};
use gapura_waf_cost::shape::{FAMILIES, PIECES, repeated};

/// Texts tried before the best of them is climbed from.
const STARTS: usize = 60;
/// Changes in a row that gain nothing before the search starts afresh.
const PATIENCE: usize = 120;
/// A change must gain one part in so many, which the clock can tell.
const GAIN: u32 = 100;
/// Most pieces that are repeated.
const MAX_PIECES: usize = 8;
/// Longest piece cut out of a text of the corpus, in characters.
const LONGEST: usize = 24;

/// What is searched over: a text that begins with `first` and repeats `rest`.
#[derive(Debug, Clone)]
struct Text {
    place: Place,
    first: String,
    rest: Vec<String>,
}

impl Text {
    fn request(&self, size: usize) -> Sent {
        let mut rest = self.rest.concat();
        if rest.is_empty() {
            rest.push(' ');
        }
        request::placed(self.place, &repeated(&self.first, &rest, size))
    }
}

/// A generator of the field's usual kind (xorshift64, Marsaglia 2003): a search can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).map_or(0, |number| number % limit.max(1))
    }

    fn among<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Searches for so many seconds and calls `found` with the ten dearest, the dearest first.
pub(crate) fn dearest(
    seconds: u64,
    seed: u64,
    size: usize,
    corpus: &[String],
    mut found: impl FnMut(Duration, &str),
) {
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut search = Search {
        random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        corpus,
        size,
    };
    let mut summits = Vec::new();
    while Instant::now() < end {
        summits.push(search.climb(end));
    }
    summits.sort_by_key(|summit| Reverse(summit.0));
    summits.truncate(10);
    for (_, text) in &summits {
        let cost = super::fastest(&text.request(size), 20);
        found(cost, &format!("{text:?}"));
    }
}

struct Search<'a> {
    random: Random,
    corpus: &'a [String],
    size: usize,
}

impl Search<'_> {
    fn climb(&mut self, end: Instant) -> (Duration, Text) {
        let starts: Vec<_> = (0..STARTS).map(|_| self.fresh()).collect();
        let cost = |text| (super::fastest(&Text::request(text, self.size), 1), text);
        let best = starts.iter().map(cost).max_by_key(|start| start.0);
        let mut at = best.map_or_else(|| starts[0].clone(), |(_, text)| text.clone());
        let mut top = super::fastest(&at.request(self.size), 3);
        let mut failed = 0;
        while failed < PATIENCE && Instant::now() < end {
            let next = self.changed(&at);
            let sent = next.request(self.size);
            let enough = top + top / GAIN;
            // What one run says is dear may have been disturbed: it is asked again.
            if super::fastest(&sent, 1) > enough && super::fastest(&sent, 3) > enough {
                top = super::fastest(&sent, 3);
                at = next;
                failed = 0;
            } else {
                failed += 1;
            }
        }
        (top, at)
    }

    fn fresh(&mut self) -> Text {
        let place = *self.random.among(&PLACES[..BODIES]);
        if self.random.below(8) == 0 {
            let (first, rest) = *self.random.among(FAMILIES);
            let rest = vec![rest.to_owned()];
            return Text {
                place,
                first: first.to_owned(),
                rest,
            };
        }
        let first = match self.random.below(3) {
            0 => String::new(),
            _ => self.piece(),
        };
        let count = 1 + self.random.below(MAX_PIECES / 2);
        let rest = (0..count).map(|_| self.piece()).collect();
        Text { place, first, rest }
    }

    fn changed(&mut self, text: &Text) -> Text {
        let mut next = text.clone();
        let at = self.random.below(next.rest.len());
        match self.random.below(8) {
            0 => next.place = *self.random.among(&PLACES[..BODIES]),
            1 => next.first = self.piece(),
            2 | 3 if next.rest.len() < MAX_PIECES => next.rest.insert(at, self.piece()),
            4 if next.rest.len() > 1 => {
                next.rest.remove(at);
            }
            5 => next.rest[at] = self.cut(text.rest[at].as_str()),
            6 => next.rest.swap(0, at),
            _ => next.rest[at] = self.piece(),
        }
        next
    }

    fn piece(&mut self) -> String {
        if self.corpus.is_empty() || self.random.below(2) == 0 {
            return (*self.random.among(PIECES)).to_owned();
        }
        let text = self.random.among(self.corpus);
        self.cut(text)
    }

    /// Some characters of the text that stand side by side.
    fn cut(&mut self, text: &str) -> String {
        let from = self.random.below(text.chars().count());
        let length = 1 + self.random.below(LONGEST);
        text.chars().skip(from).take(length).collect()
    }
}
