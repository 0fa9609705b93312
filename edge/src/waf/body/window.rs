//! What is held of a value while its body passes.
//!
//! A value that fits is seen as a whole. A longer one is seen in windows that overlap, so that
//! an attack shorter than the overlap stands whole in one of them. Where a window ends depends
//! on the bytes alone, never on how they were cut into chunks.

use crate::waf::scan::{from, is_space, span};

/// Bytes that a window has in common with the one before it.
const OVERLAP: usize = 4 * 1024;
/// Bytes within which a window is made to start behind white space, so that the middle of a
/// word is not taken for the start of a value.
const SLACK: usize = 256;
/// Longest head of a data URL (`data:image/png;base64,`) that is kept in front of its windows.
const MAX_DATA_HEAD: usize = 64;

/// Bytes held back until their value ends or the window is full.
#[derive(Debug)]
pub(super) struct Window {
    bytes: Vec<u8>,
    limit: usize,
    /// Bytes at the start that were seen already.
    seen: usize,
}

impl Window {
    /// A window of `limit` bytes; `usize::MAX` for one that never fills.
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            seen: 0,
        }
    }

    /// Takes all of `bytes` and hands out each window that fills.
    pub(super) fn extend(&mut self, mut bytes: &[u8], mut full: impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            let room = self.limit.saturating_sub(self.bytes.len());
            self.bytes.extend_from_slice(span(bytes, 0, room));
            bytes = from(bytes, room);
            if self.bytes.len() >= self.limit {
                if !self.is_file() {
                    full(&self.bytes);
                }
                self.slide();
            }
        }
    }

    /// Ends the value: what was not seen yet, if anything, and whether the value fitted.
    pub(super) fn end(&mut self, last: impl FnOnce(&[u8], bool)) {
        let is_whole = self.seen == 0;
        if is_whole || (self.bytes.len() > self.seen && !self.is_file()) {
            last(&self.bytes, is_whole);
        }
        self.bytes.clear();
        self.seen = 0;
    }

    /// Takes the last bytes back.
    pub(super) fn pop(&mut self, count: usize) {
        self.bytes.truncate(self.bytes.len().saturating_sub(count));
        self.seen = self.seen.min(self.bytes.len());
    }

    /// Bytes until it is full; one at least.
    pub(super) const fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes.len())
    }

    /// What is held.
    pub(super) fn held(&self) -> &[u8] {
        &self.bytes
    }

    /// A later window of nothing but base64 is the middle of a file.
    fn is_file(&self) -> bool {
        let is_base64 = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
        };
        self.seen > 0 && self.bytes.iter().all(is_base64)
    }

    fn slide(&mut self) {
        let head = self.data_head();
        let start = self.bytes.len().saturating_sub(OVERLAP);
        let slack = span(&self.bytes, start, start + SLACK);
        let start = slack
            .iter()
            .position(|byte| is_space(*byte))
            .map_or(start, |space| start + space + 1);
        self.bytes.drain(head.min(start)..start);
        self.seen = self.bytes.len();
    }

    fn data_head(&self) -> usize {
        let head = span(&self.bytes, 0, MAX_DATA_HEAD);
        if !head.starts_with(b"data:") {
            return 0;
        }
        head.iter()
            .position(|byte| *byte == b',')
            .map_or(0, |comma| comma + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(limit: usize, chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut window, mut seen) = (Window::new(limit), Vec::new());
        for chunk in chunks {
            window.extend(chunk, |bytes| seen.push(bytes.to_vec()));
        }
        window.end(|bytes, _| seen.push(bytes.to_vec()));
        seen
    }

    #[test]
    fn what_fits_is_seen_as_a_whole() {
        assert_eq!(windows(usize::MAX, &[b"ab", b"", b"c"]), [b"abc".to_vec()]);
        assert_eq!(windows(10, &[]), [Vec::<u8>::new()]);
    }

    #[test]
    fn every_text_shorter_than_the_overlap_stands_in_one_window() {
        let text: Vec<u8> = (0..60_000_u32).map(|n| b" .,;"[n as usize % 4]).collect();
        for at in (0..50_000).step_by(777) {
            let mut text = text.clone();
            text.splice(at..at, vec![b'x'; OVERLAP - SLACK]);
            let whole = windows(16 * 1024, &[&text]);
            let found = whole.iter().filter(|window| {
                window
                    .split(|byte| *byte != b'x')
                    .any(|run| run.len() == OVERLAP - SLACK)
            });
            assert!(found.count() >= 1, "{at}");
            let pieces: Vec<_> = text.chunks(997).collect();
            assert_eq!(windows(16 * 1024, &pieces), whole);
        }
    }

    #[test]
    fn the_middle_of_a_file_in_base64_is_skipped() {
        let image = [&b"data:image/png;base64,"[..], &vec![b'A'; 100_000]].concat();
        let seen = windows(16 * 1024, &[&image]);
        assert!(
            seen.iter()
                .all(|window| window.starts_with(b"data:image/png;base64,AAA"))
        );
        assert_eq!(windows(16 * 1024, &[&vec![b'A'; 100_000]]).len(), 1);
    }
}
