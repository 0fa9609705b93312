//! Reproducible choices, and the ways to rewrite text that the mutations share.

/// A xorshift generator: the same seed, the same choices.
pub(crate) struct Random(u64);

impl Random {
    /// A generator; the seed must not be 0.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end
    }

    /// Whether an event of this rarity happens.
    pub(crate) fn one_in(&mut self, rarity: usize) -> bool {
        self.below(rarity) == 0
    }

    /// One of these.
    pub(crate) fn pick<'t>(&mut self, among: &[&'t str]) -> &'t str {
        among[self.below(among.len())]
    }
}

/// Replaces every place where `from` stands, in either case, by one of `to`; `None` where it does not.
pub(crate) fn swap(text: &str, from: &str, to: &[&str], random: &mut Random) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut out = String::new();
    let mut last = 0;
    for (at, found) in lower.match_indices(from) {
        out.push_str(&text[last..at]);
        out.push_str(random.pick(to));
        last = at + found.len();
    }
    out.push_str(&text[last..]);
    (last > 0).then_some(out)
}

/// Replaces whole words, in either case: pairs of a word and what may stand for it.
pub(crate) fn words(text: &str, pairs: &[(&str, &[&str])], random: &mut Random) -> Option<String> {
    let mut changed = false;
    let out = each_word(text, |word| {
        let lower = word.to_ascii_lowercase();
        let (_, to) = pairs.iter().find(|(from, _)| *from == lower)?;
        changed = true;
        Some(random.pick(to).to_owned())
    });
    changed.then_some(out)
}

/// The text with every identifier replaced where `replace` says so.
pub(crate) fn each_word(text: &str, mut replace: impl FnMut(&str) -> Option<String>) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = if is_word(c) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            c.len_utf8()
        };
        let (word, tail) = rest.split_at(end);
        out.push_str(&replace(word).unwrap_or_else(|| word.to_owned()));
        rest = tail;
    }
    out
}

/// The word in mixed case.
pub(crate) fn any_case(word: &str, random: &mut Random) -> String {
    let flip = |c: char| {
        if random.one_in(2) {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    };
    word.chars().map(flip).collect()
}
