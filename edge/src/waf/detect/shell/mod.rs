//! Shell commands by their grammar: a separator or a substitution, then a command that exists, then
//! arguments that commands have and prose does not.

mod argument;
mod command;
mod context;
mod glob;
mod signs;
mod whole;
mod word;

use self::argument::Proof;
use self::command::Class;
use self::context::Head;
use self::word::Word;
use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::Rule;
use crate::waf::rules::shell as rules;
use crate::waf::scan::{
    at, before, find_any, is_space, is_word, skip_space, skip_while, span, stands,
};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    ";",
    "|",
    "&",
    "`",
    "$",
    "\n",
    "<(",
    ">(",
    "<<<",
    "/",
    "\\",
    "'",
    "\"",
    "^",
    "?",
    "*",
    " -",
    "{",
    "%",
    "cmd",
    "powershell",
    "net user",
    "n^et",
    "--",
    "-o",
    "-exec",
    "invoke-",
    "iex",
    "whoami",
    "ping ",
    "nslookup ",
    "wget ",
    "curl ",
    "dir ",
    "ls ",
    "cat ",
    "() ",
];

/// Hits after which a text is left: enough for every explanation.
const MAX_HITS: usize = 8;

/// Bytes within which a severe target belongs to a command.
const MAX_DISTANCE: usize = 120;

/// How a command was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// `;`, `|`, `&`, `&&`, `||`.
    Separator,
    /// A line break, also one spelled `\n`.
    Line,
    /// `$(`, `<(`, `>(`.
    Substitution,
    /// A backtick.
    Backtick,
}

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part == Part::File {
        return;
    }
    let mut scanner = Scanner {
        text: text.lower,
        part: text.part,
        name: text.name,
        first: skip_space(text.lower, 0),
        prose: None,
        severe: None,
        fed: None,
    };
    scanner.separated(hits);
    scanner.whole(hits);
    signs::detect(text.lower, &mut scanner.prose, hits);
    glob::detect(text.lower, hits);
}

struct Scanner<'t> {
    text: &'t [u8],
    part: Part,
    name: &'t str,
    /// The first byte that is no white space.
    first: usize,
    /// Whether the text is prose, once asked.
    prose: Option<bool>,
    /// The next severe sign, once asked.
    severe: Option<usize>,
    /// The first sign of what a shell could be fed, once asked.
    fed: Option<usize>,
}

/// Whether the text reads as written by a person for people.
pub(super) fn reads_as_prose(text: &[u8]) -> bool {
    context::is_prose(text)
}

/// Whether the text is prose; read once, when the first command asks.
fn is_prose(text: &[u8], known: &mut Option<bool>) -> bool {
    *known.get_or_insert_with(|| context::is_prose(text))
}

impl Scanner<'_> {
    /// Commands after separators and in substitutions.
    fn separated(&mut self, hits: &mut Vec<Hit>) {
        let (mut index, start) = (0, hits.len());
        let mut is_open = false;
        while index < self.text.len() && hits.len() < start + MAX_HITS {
            let Some((lead, after)) = lead(self.text, index) else {
                index += 1;
                continue;
            };
            if lead == Lead::Backtick {
                is_open = !is_open;
                if !is_open {
                    index = after;
                    continue;
                }
            }
            let start = skip_while(self.text, after, is_filler);
            if lead == Lead::Substitution && reads_file(self.text, start) {
                hits.push(Hit::new(&rules::SUBSTITUTION, index, start + 6));
            }
            if let Some(hit) = self.command(index, start, lead) {
                hits.push(hit);
            }
            // Separators among what was skipped lead to the same command.
            index = start.max(index + 1);
        }
    }

    /// The command at `start`, if one stands there with what a command needs.
    fn command(&mut self, lead_at: usize, start: usize, lead: Lead) -> Option<Hit> {
        let mut word = Word::read(self.text, start)?;
        if word.is_variable && !word.is_spaced {
            return self.variable(lead_at, &word, lead);
        }
        let mut class = word.class()?;
        if word.name() == b"." && lead != Lead::Separator {
            return None;
        }
        let mut proof = argument::proof(self.text, &word);
        let mut head = Head::of(self.text, self.first, lead_at);
        if let Some(inner) = unwrapped(self.text, &word, proof) {
            class = inner.class()?;
            proof = argument::proof(self.text, &inner);
            if class == Class::Word && proof < Proof::Soft {
                return None;
            }
            word = inner;
            word.is_wrapped = true;
            head = head.min(Head::Value);
        }
        let is_proven = match lead {
            Lead::Separator | Lead::Line => {
                self.follows(lead_at, &word, class, proof, (lead, head))
            }
            Lead::Substitution => self.substitutes(&word, class, proof, start),
            Lead::Backtick => self.quotes(lead_at, &word, class, proof),
        };
        if !is_proven {
            return None;
        }
        let is_severe = self.is_severe(lead_at);
        let is_quoted_command = !is_severe && is_prose(self.text, &mut self.prose);
        let rule = match lead {
            _ if is_quoted_command => &rules::MENTIONED,
            Lead::Substitution | Lead::Backtick => &rules::SUBSTITUTION,
            _ if word.is_evaded => &rules::EVASION,
            _ => &rules::COMMAND,
        };
        Some(Hit::new(rule, lead_at, word.end))
    }

    /// `a=c;b=at;$a$b /etc/passwd`: a command made of variables.
    fn variable(&mut self, lead_at: usize, word: &Word, lead: Lead) -> Option<Hit> {
        let start = skip_space(self.text, word.end);
        let is_path = stands(self.text, start, b"/etc/") || stands(self.text, start, b"/bin/");
        let is_flag =
            at(self.text, start) == b'-' && at(self.text, start + 1).is_ascii_alphabetic();
        let proof =
            (start > word.end && (is_path || is_flag)) || argument::ends(self.text, word.end);
        let fits =
            lead != Lead::Backtick && proof && (is_path || assigns(self.text, self.first, lead_at));
        fits.then(|| Hit::new(&rules::EVASION, lead_at, start))
    }

    /// A command after a separator.
    fn follows(
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
        if self.is_structured() && proof != Proof::Hard && class != Class::Recon {
            return false;
        }
        match proof {
            Proof::Hard => match class {
                Class::Tame => head == Head::Empty && lead == Lead::Separator,
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
            Class::Bare => head < Head::Few || self.is_sequence(lead_at),
            Class::Tool => head < Head::Value,
            Class::Word => is_lone(word.name()) && head < Head::Value,
            Class::Tame => false,
        };
        is_bounded && (class == Class::Recon || (!is_listed() && !joins()))
    }

    /// Whether the value starts with a command that developers quote, or flows into a filter such
    /// as `grep` and not from nothing.
    fn is_tame(&self, lead_at: usize, word: &Word, head: Head) -> bool {
        let is_filtered = at(self.text, lead_at) == b'|' && command::is_filter(word.name());
        let first = Word::read(span(self.text, self.first, lead_at), 0);
        first.and_then(|first| first.class()) == Some(Class::Tame)
            || (is_filtered && head > Head::Address)
    }

    /// Whether a command stands before this one as well: `cd ..;pwd`.
    fn is_sequence(&self, lead_at: usize) -> bool {
        let head = span(self.text, self.first, lead_at);
        Word::read(head, 0).is_some_and(|word| {
            word.class().is_some() && argument::proof(head, &word) > Proof::None
        })
    }

    /// A command whose first argument is a word: proven by what comes later, close by.
    fn reads_on(&mut self, lead_at: usize, word: &Word, class: Class, head: Head) -> bool {
        // `;docker run`: no honest value starts with a separator and a program glued to it.
        let is_start = lead_at == self.first
            && matches!(at(self.text, lead_at), b';' | b'&')
            && !is_space(at(self.text, lead_at + 1));
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

    /// Whether a dangerous target follows closely. Each search starts where the last one ended.
    fn is_severe(&mut self, lead_at: usize) -> bool {
        let next = match self.severe {
            Some(known) if known >= lead_at => known,
            _ => context::next_severe(self.text, lead_at),
        };
        self.severe = Some(next);
        next - lead_at < MAX_DISTANCE
    }

    /// Whether an interpreter stands at the end of a pipe into which flows what it could run.
    fn is_fed(&mut self, lead_at: usize, word: &Word) -> bool {
        at(self.text, lead_at) == b'|'
            && command::is_interpreter(word.name())
            && *self.fed.get_or_insert_with(|| first_feed(self.text)) < lead_at
    }

    /// `$(command)`.
    fn substitutes(&mut self, word: &Word, class: Class, proof: Proof, start: usize) -> bool {
        // `$("head")` selects elements in jQuery.
        let is_selector = word.is_quoted || matches!(before(self.text, start), b'"' | b'\'');
        match proof {
            Proof::Hard | Proof::Later | Proof::Soft => true,
            Proof::Ends => {
                let is_tame = matches!(word.name(), b"pwd" | b"date" | b"hostname")
                    || matches!(class, Class::Tame);
                let is_word = class == Class::Word && !is_tame;
                !is_selector
                    && !is_word
                    && !(is_tame && is_prose(self.text, &mut self.prose))
                    && !(is_tame && Head::of(self.text, self.first, start) > Head::Value)
            }
            Proof::None => class == Class::Recon && !is_selector,
        }
    }

    /// A command in backticks. A Markdown code span is spared when it stands free in a text.
    fn quotes(&self, lead_at: usize, word: &Word, class: Class, proof: Proof) -> bool {
        let rest = span(self.text, word.end, word.end + 300);
        let Some(length) = rest.iter().position(|byte| *byte == b'`') else {
            return false;
        };
        let closing = word.end + length;
        let previous = before(self.text, lead_at);
        let head = Head::of(self.text, self.first, lead_at);
        let is_cell = previous == b'|' && at(self.text, closing + 1) == b'|';
        let is_quoted = matches!(previous, b'"' | b'\'') && head < Head::Few;
        let is_glued = is_word(previous)
            || is_quoted
            || matches!(previous, b'=' | b'|' | b';' | b'&' | b'.' | b'/');
        let is_whole = head == Head::Empty && skip_space(self.text, closing + 1) >= self.text.len();
        let after_separator = lead_at
            .checked_sub(2)
            .is_some_and(|index| matches!(at(self.text, index), b';' | b'|' | b'&'))
            && is_space(previous)
            && head < Head::Few;
        ((is_glued && !is_cell) || is_whole || after_separator)
            && match proof {
                Proof::Hard | Proof::Later | Proof::Soft => class != Class::Tame,
                Proof::Ends => !matches!(class, Class::Tame | Class::Word),
                Proof::None => class == Class::Recon,
            }
    }

    /// The value as one command.
    fn whole(&mut self, hits: &mut Vec<Hit>) {
        let Some((rule, start, end)) = whole::judge(self.text, self.first) else {
            return;
        };
        self.severe = None;
        let is_mentioned = !self.is_severe(start) && is_prose(self.text, &mut self.prose);
        let rule: &'static Rule = if is_mentioned {
            &rules::MENTIONED
        } else {
            rule
        };
        hits.push(Hit::new(rule, start, end));
    }
}

/// Whether the value before `end` assigns a variable, as in `a=c;b=at`.
fn assigns(text: &[u8], first: usize, end: usize) -> bool {
    let start = skip_while(text, first, |byte| {
        matches!(byte, b';' | b'|' | b'&' | b' ')
    });
    let name = skip_while(text, start, is_word);
    let value = at(text, name + 1);
    name > start
        && end - start < 80
        && at(text, start).is_ascii_alphabetic()
        && at(text, name) == b'='
        && (is_word(value) || matches!(value, b'$' | b'\'' | b'"'))
}

/// The command that a wrapper such as `sudo`, `timeout 5` or `do` runs.
fn unwrapped(text: &[u8], word: &Word, proof: Proof) -> Option<Word> {
    if !command::is_wrapper(word.name()) || matches!(proof, Proof::Ends) {
        return None;
    }
    let mut inner = Word::read(text, skip_space(text, word.end));
    if inner.is_some_and(|inner| inner.name().iter().all(u8::is_ascii_digit)) {
        inner = Word::read(text, skip_space(text, inner?.end));
    }
    inner.filter(|inner| inner.class().is_some())
}

/// Everyday words that are also what attackers run alone, after nothing or a number.
fn is_lone(name: &[u8]) -> bool {
    matches!(
        name,
        b"env"
            | b"w"
            | b"who"
            | b"hostname"
            | b"set"
            | b"ver"
            | b"uptime"
            | b"date"
            | b"reboot"
            | b"shutdown"
            | b"halt"
            | b"groups"
            | b"route"
            | b"mount"
            | b"calc"
            | b"history"
            | b"last"
    )
}

/// `$(</etc/passwd)`
fn reads_file(text: &[u8], start: usize) -> bool {
    let path = skip_space(text, start + 1);
    at(text, start) == b'<' && at(text, path) == b'/' && at(text, path + 1).is_ascii_alphabetic()
}

/// Where the first thing stands that a shell could be fed with.
fn first_feed(text: &[u8]) -> usize {
    let signs: [&[u8]; 9] = [
        b"echo", b"base64", b"curl", b"wget", b"http", b"printf", b"xxd", b"rev", b"cat ",
    ];
    find_any(text, &signs).map_or(usize::MAX, |(index, _)| index)
}

/// A separator at `index`, and where the command after it starts.
fn lead(text: &[u8], index: usize) -> Option<(Lead, usize)> {
    let next = at(text, index + 1);
    match at(text, index) {
        b'&' | b'|' if next == at(text, index) => Some((Lead::Separator, index + 2)),
        b'$' if next == b'(' && at(text, index + 2) != b'(' => {
            Some((Lead::Substitution, index + 2))
        }
        b'<' | b'>' if next == b'(' => Some((Lead::Substitution, index + 2)),
        b'`' => Some((Lead::Backtick, index + 1)),
        b'\n' => Some((Lead::Line, index + 1)),
        b'\\' if matches!(next, b'n' | b'r') => Some((Lead::Line, index + 2)),
        b';' if context::closes_entity(text, index) => None,
        b';' | b'|' | b'&' if before(text, index) != at(text, index) => {
            Some((Lead::Separator, index + 1))
        }
        _ => None,
    }
}

/// What may stand between a separator and its command.
const fn is_filler(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'(' | b'{' | b'!' | b'@')
}
