//! Commands after separators: what stands before, what follows, and whether both fit.

use super::argument::{self, Proof};
use super::command::{self, Class};
use super::context::{self, Head};
use super::lead::{self, Lead};
use super::scanner::Scanner;
use super::word::{MAX_WORD, Word};
use crate::waf::Part;
use crate::waf::scan::{at, is_space, span, stands, trim};

/// Longest line that is a command and no comment.
const MAX_TERSE: usize = 80;

impl Scanner<'_> {
    /// A command after a separator.
    pub(super) fn follows(
        &mut self,
        lead_at: usize,
        word: &Word,
        class: Class,
        proof: Proof,
        (lead, head): (Lead, Head),
    ) -> bool {
        // `pip install flask; python app.py`
        if self.is_tame(lead_at, word, head) && class != Class::Recon && !self.is_severe(lead_at) {
            return false;
        }
        if self.is_structured()
            && lead_at > self.first
            && proof != Proof::Hard
            && class != Class::Recon
        {
            return false;
        }
        match proof {
            Proof::Hard => match class {
                Class::Tame => head == Head::Empty && lead == Lead::Separator,
                Class::Word if head > Head::Few && command::is_setting(word.name()) => {
                    self.is_severe(lead_at)
                }
                _ if lead == Lead::Line => {
                    head < Head::Few || class == Class::Recon || self.is_severe(lead_at)
                }
                _ => true,
            },
            Proof::Later if class != Class::Tame => head < Head::Text,
            Proof::Soft | Proof::Later => match class {
                Class::Tame => self.reads_on(lead_at, word, class, head),
                Class::Word => head < Head::Few,
                _ => head < Head::Text,
            },
            Proof::Ends => {
                self.stands_alone(lead_at, word, class, head, lead) || self.is_fed(lead_at, word)
            }
            Proof::None => self.reads_on(lead_at, word, class, head),
        }
    }

    /// Headers whose grammar uses the separators, and cookies read as a whole.
    fn is_structured(&self) -> bool {
        (self.part == Part::HeaderValue && matches!(self.name, "user-agent" | "content-type"))
            || (self.part == Part::Cookie && self.name.is_empty())
    }

    /// A command with nothing after it.
    fn stands_alone(
        &self,
        lead_at: usize,
        word: &Word,
        class: Class,
        head: Head,
        lead: Lead,
    ) -> bool {
        let is_listed = || {
            !word.is_wrapped
                && lead != Lead::Line
                && context::is_listed(self.text, lead_at, word.end)
                && !(class == Class::Bare && head == Head::Few && self.has_option(lead_at))
        };
        let joins = || {
            at(self.text, lead_at) == b'&'
                && at(self.text, lead_at + 1) != b'&'
                && context::joins_parameters(self.text, self.first, lead_at)
        };
        let is_command = word.is_program || word.is_evaded;
        let is_bounded = match class {
            _ if is_command => {
                head < Head::Text
                    || (at(self.text, lead_at) == b'|' && command::is_interpreter(word.name()))
            }
            Class::Recon => head < Head::Text && !(lead == Lead::Line && head == Head::Few),
            Class::Bare if lead == Lead::Line => head < Head::Value,
            Class::Bare => {
                head < Head::Few
                    || self.is_sequence(lead_at)
                    || head == Head::Few && self.has_option(lead_at)
            }
            Class::Tool => head < Head::Value,
            Class::Word => command::is_lone(word.name()) && head < Head::Value,
            Class::Tame => false,
        };
        is_bounded && (class == Class::Recon || (!is_listed() && !joins()))
    }

    /// Whether the value starts with a command that developers quote, with a prompt, a build step or a
    /// loop of their script, or flows into a filter such
    /// as `grep` and not from nothing.
    fn is_tame(&mut self, lead_at: usize, word: &Word, head: Head) -> bool {
        let is_filtered = at(self.text, lead_at) == b'|' && command::is_filter(word.name());
        if is_filtered && head > Head::Address {
            return true;
        }
        if lead_at < self.first + MAX_WORD {
            return self.starts_tame(lead_at);
        }
        // What the value starts with stays the same from here on.
        if let Some(known) = self.tame {
            return known;
        }
        let is_tame = self.starts_tame(lead_at);
        self.tame = Some(is_tame);
        is_tame
    }

    fn starts_tame(&self, lead_at: usize) -> bool {
        let first = Word::read(span(self.text, self.first, lead_at), 0);
        let starts: [&[u8]; 5] = [b"$ ", b"run ", b"run: ", b"for ", b"while "];
        let shown = |start: &&[u8]| {
            let next = || Word::read(self.text, self.first + start.len());
            stands(self.text, self.first, start)
                && (matches!(*start, b"for " | b"while ")
                    || next().and_then(|word| word.class()).is_some())
        };
        first.and_then(|first| first.class()) == Some(Class::Tame) || starts.iter().any(shown)
    }

    /// Whether a command stands before this one as well: `cd ..;pwd`.
    fn is_sequence(&self, lead_at: usize) -> bool {
        let head = span(self.text, self.first, lead_at);
        Word::read(head, 0).is_some_and(|word| {
            word.class().is_some() && argument::proof(head, &word) > Proof::None
        })
    }

    /// Whether an option stands before: `x.png -version|id`.
    fn has_option(&self, lead_at: usize) -> bool {
        let head = span(self.text, self.first, lead_at);
        head.windows(3)
            .any(|three| matches!(three, [b' ', b'-', letter] if letter.is_ascii_alphabetic()))
    }

    /// A command whose first argument is a word: proven by what comes later, close by.
    fn reads_on(&mut self, lead_at: usize, word: &Word, class: Class, head: Head) -> bool {
        // `;docker run`, `; git clone x`: no honest value starts with a separator and a program.
        let is_start = lead_at == self.first
            && matches!(at(self.text, lead_at), b';' | b'&')
            && (!is_space(at(self.text, lead_at + 1))
                || matches!(class, Class::Tame | Class::Recon) && self.is_terse(word));
        let is_tool = class == Class::Tool && !command::is_interpreter(word.name());
        if is_tool && head == Head::Empty && is_space(at(self.text, word.end)) {
            return at(self.text, lead_at) != b'\n'
                && !context::is_listed(self.text, lead_at, word.end);
        }
        if is_start && is_space(at(self.text, word.end)) {
            return matches!(class, Class::Tool | Class::Tame | Class::Recon);
        }
        let is_known = match class {
            Class::Recon => true,
            Class::Tool | Class::Bare => head < Head::Text,
            Class::Word => head < Head::Few,
            Class::Tame => false,
        };
        is_known
            && at(self.text, word.end) != b'='
            && is_space(at(self.text, word.end))
            && self.is_severe(lead_at)
    }

    /// A line of a few words that starts with no word of a sentence: `; make sure` is a comment.
    fn is_terse(&self, word: &Word) -> bool {
        let (name, line) = (word.name(), trim(self.text));
        let acts = || {
            [&b" start"[..], b" stop", b" restart"]
                .iter()
                .any(|end| line.ends_with(end))
        };
        let next = span(self.text, word.end, self.text.len());
        let says = |word: &[u8]| {
            matches!(
                word,
                b"is"
                    | b"are"
                    | b"was"
                    | b"has"
                    | b"will"
                    | b"and"
                    | b"or"
                    | b"for"
                    | b"to"
                    | b"users"
            )
        };
        let is_said = next
            .split(|byte| is_space(*byte))
            .find(|word| !word.is_empty())
            .is_some_and(says);
        !(is_said || matches!(name, b"make" | b"go"))
            && (name != b"service" || acts())
            && line.len() < MAX_TERSE
            && !line.contains(&b'\n')
            && line.split(|byte| is_space(*byte)).count() <= 7
    }

    /// Whether an interpreter stands at the end of a pipe into which flows what it could run.
    fn is_fed(&mut self, lead_at: usize, word: &Word) -> bool {
        at(self.text, lead_at) == b'|'
            && command::is_interpreter(word.name())
            && *self.fed.get_or_insert_with(|| lead::first_feed(self.text)) < lead_at
    }
}
