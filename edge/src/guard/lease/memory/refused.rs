//! How many requests a denial refused, those among them that the platform repeats by itself.

use std::{fmt, mem};

/// A refusal that is being repeated without a word to the isolate's memory.
///
/// Whoever needs the count ends it first and hears how often it was repeated: so counts, strikes
/// and what the log says are the same as if each request had come here.
pub struct Repetition(Box<dyn FnOnce() -> u32>);

impl Repetition {
    /// One that `end` ends; it says how often the refusal was repeated.
    pub fn new(end: impl FnOnce() -> u32 + 'static) -> Self {
        Self(Box::new(end))
    }
}

impl fmt::Debug for Repetition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Repetition")
    }
}

#[derive(Debug, Default)]
pub(super) struct Refused {
    count: u32,
    repeated: Option<Repetition>,
}

impl Refused {
    /// How many there were by now.
    pub(super) fn count(&mut self) -> u32 {
        let repeated = self.repeated.take().map_or(0, |repetition| repetition.0());
        self.count = self.count.saturating_add(repeated);
        self.count
    }

    /// Counts one more; how many that makes.
    pub(super) fn add(&mut self) -> u32 {
        self.count = self.count().saturating_add(1);
        self.count
    }

    pub(super) fn repeat(&mut self, repetition: Repetition) {
        self.count();
        self.repeated = Some(repetition);
    }

    /// How many there were, which is told once.
    pub(super) fn take(&mut self) -> u32 {
        mem::take(self).count()
    }
}
