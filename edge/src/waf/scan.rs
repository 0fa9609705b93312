//! Reading bytes without panics: every index may be out of range.

use std::sync::OnceLock;

/// Byte at `index`, or 0 outside; decoding removes NULs, so 0 means "nothing there".
pub(super) fn at(text: &[u8], index: usize) -> u8 {
    text.get(index).copied().unwrap_or(0)
}

/// Byte before `index`, or 0 at the start.
pub(super) fn before(text: &[u8], index: usize) -> u8 {
    index
        .checked_sub(1)
        .map_or(0, |previous| at(text, previous))
}

/// `text[start..end]`, clamped to what exists.
pub(super) fn span(text: &[u8], start: usize, end: usize) -> &[u8] {
    let end = end.min(text.len());
    text.get(start.min(end)..end).unwrap_or_default()
}

/// `text[start..]`, clamped.
pub(super) fn from(text: &[u8], start: usize) -> &[u8] {
    text.get(start..).unwrap_or_default()
}

/// Whether `needle` stands at `index`.
pub(super) fn stands(text: &[u8], index: usize, needle: &[u8]) -> bool {
    from(text, index).starts_with(needle)
}

/// First index of `needle` at or after `start`. Meant for needles of a few bytes.
pub(super) fn find(text: &[u8], needle: &[u8], start: usize) -> Option<usize> {
    let first = *needle.first()?;
    // Blocks pay where there are some.
    let is_short = text.len().saturating_sub(start) < 2 * BLOCK;
    let second = needle.get(1).filter(|_| !is_short);
    let mut index = start;
    loop {
        index = match second {
            Some(second) => pair(text, index, first, *second)?,
            None => position(text, index, |byte| byte == first)?,
        };
        if stands(text, index, needle) {
            return Some(index);
        }
        index += 1;
    }
}

/// Bytes tried at once, which compilers turn into vector instructions.
const BLOCK: usize = 32;

/// First index at or after `start` where these two bytes stand.
#[inline(never)]
fn pair(text: &[u8], start: usize, first: u8, second: u8) -> Option<usize> {
    let (heads, tails) = (from(text, start), from(text, start + 1));
    let count = |(head, tail): (&u8, &u8)| u8::from(*head == first) & u8::from(*tail == second);
    let is_clean = |(heads, tails): &(&[u8], &[u8])| {
        let pairs = heads.iter().zip(*tails);
        pairs.fold(0, |any, pair| any | count(pair)) == 0
    };
    let blocks = heads.chunks_exact(BLOCK).zip(tails.chunks_exact(BLOCK));
    let clean = BLOCK * blocks.take_while(is_clean).count();
    let mut rest = from(heads, clean).iter().zip(from(tails, clean));
    Some(start + clean + rest.position(|pair| count(pair) != 0)?)
}

/// Whether the byte is one of these, without a branch, so that [`position`] looks at whole blocks.
#[inline]
pub(super) fn is_one_of<const COUNT: usize>(byte: u8, bytes: [u8; COUNT]) -> bool {
    let is_any = |any, one: &u8| any | u8::from(byte == *one);
    bytes.iter().fold(0, is_any) != 0
}

/// First index at or after `start` whose byte is `wanted`, one of a few rare ones.
pub(super) fn position(text: &[u8], start: usize, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    /// Where one is followed by the next, whole blocks are too much.
    const NEAR: usize = 8;
    let rest = from(text, start);
    let near = span(rest, 0, NEAR).iter().position(|byte| wanted(*byte));
    if let Some(found) = near {
        return Some(start + found);
    }
    let is_clean = |block: &&[u8]| {
        block
            .iter()
            .fold(0, |any, byte| any | u8::from(wanted(*byte)))
            == 0
    };
    let mut clean = BLOCK * rest.chunks_exact(BLOCK).take_while(is_clean).count();
    let dirty = span(rest, clean, clean + BLOCK);
    clean += NEAR * dirty.chunks_exact(NEAR).take_while(is_clean).count();
    let found = from(rest, clean).iter().position(|byte| wanted(*byte))?;
    Some(start + clean + found)
}

/// First place where any of a few needles stands, and the needle. Many are better kept as static
/// [`Needles`].
pub(super) fn find_any<'n>(text: &[u8], needles: &[&'n [u8]]) -> Option<(usize, &'n [u8])> {
    needles.iter().fold(None, |first, needle| {
        let before = first.map_or(text, |(place, _)| span(text, 0, place + needle.len() - 1));
        find(before, needle, 0)
            .map(|place| (place, *needle))
            .or(first)
    })
}

/// Literals looked for together. Their index is made on first use.
#[derive(Debug)]
pub(super) struct Needles<'n> {
    literals: &'n [&'n [u8]],
    index: OnceLock<Index>,
    /// Its bit in [`Absent`]; none of a set that the prefilter does not know.
    bit: u64,
}

/// Sets of needles of which none stands in a view, as the prefilter found: they need not be looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Absent(u64);

impl Absent {
    /// Nothing is known to be.
    pub(super) const NONE: Self = Self(0);

    /// This one.
    pub(super) const fn of(needles: &Needles<'_>) -> Self {
        Self(needles.bit)
    }

    /// This one too.
    pub(super) const fn add(&mut self, needles: &Needles<'_>) {
        self.0 |= needles.bit;
    }

    /// Not these.
    pub(super) const fn remove(&mut self, sets: Self) {
        self.0 &= !sets.0;
    }

    /// Whether any of these is.
    pub(super) const fn holds(self, sets: Self) -> bool {
        self.0 & sets.0 != 0
    }

    /// [`Needles::find`] in the view, or a part of it.
    pub(super) fn find<'n>(
        self,
        needles: &Needles<'n>,
        text: &[u8],
        start: usize,
    ) -> Option<(usize, &'n [u8])> {
        if self.holds(Self::of(needles)) {
            return None;
        }
        needles.find(text, start)
    }
}

/// Where in the list to look.
#[derive(Debug)]
struct Index {
    /// For each of the first three bytes, the groups of needles that have a byte there, as bits.
    groups: [[u8; 256]; 3],
    /// By the first two bytes, one more than the position of the last needle that has them.
    heads: [u8; PAIRS],
    /// For each needle, one more than the position of the one before it with the same start.
    chain: [u8; MAX_NEEDLES],
}

/// Slots for the first two bytes of needles; collisions only cost time.
const PAIRS: usize = 512;
/// Most needles looked for together.
const MAX_NEEDLES: usize = 255;
/// Places looked at together, each with the two bytes behind it.
const PLACES: usize = 8;

impl Index {
    fn of(needles: &[&[u8]]) -> Self {
        let mut this = Self {
            groups: [[0; 256]; 3],
            heads: [0; PAIRS],
            chain: [0; MAX_NEEDLES],
        };
        let numbers = 1..=u8::MAX;
        for ((needle, link), number) in needles.iter().zip(&mut this.chain).zip(numbers) {
            let [first, second, ..] = **needle else {
                continue;
            };
            if let Some(head) = this.heads.get_mut(slot(first, second)) {
                *link = std::mem::replace(head, number);
            }
            let group = 1 << ((first ^ first >> 3) & 7);
            for (place, table) in this.groups.iter_mut().enumerate() {
                // Any byte may follow a needle of two.
                let bytes = match needle.get(place).map(|byte| usize::from(*byte)) {
                    Some(byte) => table.get_mut(byte..=byte),
                    None => table.get_mut(..),
                };
                for groups in bytes.into_iter().flatten() {
                    *groups |= group;
                }
            }
        }
        this
    }

    /// The groups whose needles may start with these bytes.
    #[inline]
    fn group(&self, first: u8, second: u8, third: u8) -> u8 {
        let [firsts, seconds, thirds] = &self.groups;
        let of = |table: &[u8; 256], byte| table.get(usize::from(byte)).copied().unwrap_or(0);
        of(firsts, first) & of(seconds, second) & of(thirds, third)
    }

    /// Whether a needle may start in the first [`PLACES`] of these bytes.
    #[inline]
    fn may_start(&self, bytes: [u8; PLACES + 2]) -> bool {
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9] = bytes;
        let head = self.group(b0, b1, b2) | self.group(b1, b2, b3) | self.group(b2, b3, b4);
        let rest = self.group(b3, b4, b5) | self.group(b4, b5, b6) | self.group(b5, b6, b7);
        head | rest | self.group(b6, b7, b8) | self.group(b7, b8, b9) != 0
    }
}

impl<'n> Needles<'n> {
    /// At most 255 needles of at least two bytes.
    pub(super) const fn new(needles: &'n [&'n [u8]]) -> Self {
        Self {
            literals: needles,
            index: OnceLock::new(),
            bit: 0,
        }
    }

    /// The same, of at least three bytes each, for the prefilter to look for: each set has a number of its own.
    pub(super) const fn numbered(number: u32, needles: &'n [&'n [u8]]) -> Self {
        Self {
            literals: needles,
            index: OnceLock::new(),
            bit: 1 << number,
        }
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(self.literals))
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &'n [u8]> {
        self.literals.iter().copied()
    }

    /// Whether the word is one of them.
    pub(super) fn contains(&self, word: &[u8]) -> bool {
        self.starting(at(word, 0), at(word, 1))
            .any(|needle| needle == word)
    }

    /// Those that may start with these two bytes.
    pub(super) fn starting(&self, first: u8, second: u8) -> impl Iterator<Item = &'n [u8]> {
        self.chained(self.index(), first, second)
    }

    fn chained(&self, index: &Index, first: u8, second: u8) -> impl Iterator<Item = &'n [u8]> {
        let mut number = index.heads.get(slot(first, second)).copied().unwrap_or(0);
        std::iter::from_fn(move || {
            let position = usize::from(number).checked_sub(1)?;
            number = index.chain.get(position).copied().unwrap_or(0);
            self.literals.get(position).copied()
        })
    }

    /// First place at or after `start` where one of them stands, and which.
    #[inline(never)]
    pub(super) fn find(&self, text: &[u8], start: usize) -> Option<(usize, &'n [u8])> {
        let index = self.index();
        let mut place = start;
        while place + 1 < text.len() {
            let end = match from(text, place).first_chunk() {
                Some(bytes) if !index.may_start(*bytes) => {
                    place += PLACES;
                    continue;
                }
                Some(_) => place + PLACES,
                None => text.len(),
            };
            let found = (place..end).find_map(|place| self.stands(index, text, place));
            if found.is_some() {
                return found;
            }
            place = end;
        }
        None
    }

    fn stands(&self, index: &Index, text: &[u8], place: usize) -> Option<(usize, &'n [u8])> {
        let (first, second, third) = (at(text, place), at(text, place + 1), at(text, place + 2));
        if index.group(first, second, third) == 0 {
            return None;
        }
        let mut likely = self.chained(index, first, second);
        let needle = likely.find(|needle| {
            // Most that begin with the same two bytes end here, without a call.
            needle.get(2).is_none_or(|byte| *byte == third) && stands(text, place, needle)
        })?;
        Some((place, needle))
    }
}

const fn slot(first: u8, second: u8) -> usize {
    (first as usize * 31 + second as usize) % PAIRS
}

/// Whether the byte may be part of an identifier.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether the byte is white space or another control character that parsers skip.
pub(super) const fn is_space(byte: u8) -> bool {
    byte <= b' ' && byte != 0
}

/// Index of the first byte at or after `start` that is no white space.
pub(super) fn skip_space(text: &[u8], start: usize) -> usize {
    skip_while(text, start, is_space)
}

/// Index of the last byte before `end` that is no white space, if any.
pub(super) fn last_before(text: &[u8], end: usize) -> Option<usize> {
    span(text, 0, end).iter().rposition(|byte| !is_space(*byte))
}

/// Index of the first byte at or after `start` for which `keep` does not hold.
pub(super) fn skip_while(text: &[u8], start: usize, keep: impl Fn(u8) -> bool) -> usize {
    start
        + from(text, start)
            .iter()
            .take_while(|byte| keep(**byte))
            .count()
}

/// The identifier that starts at `start`; empty when none does.
pub(super) fn word(text: &[u8], start: usize) -> &[u8] {
    span(text, start, skip_while(text, start, is_word))
}

/// The identifier that ends at `end`; empty when none does.
pub(super) fn word_before(text: &[u8], end: usize) -> &[u8] {
    let head = span(text, 0, end);
    let length = head.iter().rev().take_while(|byte| is_word(**byte)).count();
    from(head, head.len() - length)
}

/// Without white space at both ends.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let start = skip_space(text, 0);
    last_before(text, text.len()).map_or(&[], |last| span(text, start, last + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_outside_are_empty() {
        assert_eq!(at(b"a", 7), 0);
        assert_eq!(before(b"a", 0), 0);
        assert_eq!(span(b"abc", 2, 99), b"c");
        assert_eq!(span(b"abc", 9, 2), b"");
        assert_eq!(from(b"abc", 9), b"");
        assert_eq!(find(b"abc", b"abcd", 0), None);
        assert_eq!(find(b"aab", b"ab", 0), Some(1));
        assert_eq!(find(b"ab", b"ab", 1), None);
        assert_eq!(find_any(b"xaab", &[b"zz", b"ab"]), Some((2, &b"ab"[..])));
        assert_eq!(find_any(b"xabd", &[b"abc", b"abd"]), Some((1, &b"abd"[..])));
    }

    #[test]
    fn finds_words_on_both_sides() {
        assert_eq!(word(b"x alert(1)", 2), b"alert");
        assert_eq!(word_before(b"x alert(1)", 7), b"alert");
        assert_eq!(trim(b" \t a b \n"), b"a b");
        assert_eq!(trim(b" \n"), b"");
    }
}
