//! Code that an author shows without any fence, on lines of its own between sentences.
//!
//! A text is a discussion when one of its lines is a sentence, or when it is a listing. What a
//! server would evaluate and stands there as a line of code is shown, not injected: an injected
//! piece goes on where something else began, so it starts by closing that or by separating itself
//! from it, and it stands on the line of the value. A sentence on the same line spares nothing,
//! but for a statement of SQL that a question follows.
//!
//! A text that asks or tells something about software, in words of the trade, shows code within
//! its sentences too (`within.rs`).

mod beside;
mod chore;
mod closing;
mod declared;
mod embed;
mod fault;
mod idiom;
mod inert;
mod line;
mod lookup;
mod mention;
mod page;
mod script;
mod service;
mod setting;
mod subject;
mod told;
mod uncompiled;
mod unparsed;
mod upkeep;
mod within;
mod words;

use std::ops::Range;

pub(super) use self::idiom::is_idiom;
use self::line::{Line, goes_on, is_end};
pub(super) use self::lookup::looks_up;
pub(super) use self::script::is_work;
pub(super) use self::service::is_loaded;
use self::subject::Subject;
pub(super) use self::uncompiled::{is_labelled, is_uncompiled, needs_whole};
use super::detect::Hit;
use super::field::Own;
use super::scan::{Absent, Needles, at, before, is_space, is_word, span, trim};

/// Lines looked at; what comes after them is not spared.
const MAX_LINES: usize = 1024;
/// Longest finding that nothing stands beside, in bytes.
const MAX_BARE: usize = 32;
/// Deepest indentation of an expression.
const MAX_INDENT: usize = 32;
/// Lines of code that make a listing without a sentence.
const MIN_LISTING: usize = 3;
/// Shortest line of code that counts there.
const MIN_CODE: usize = 8;
/// The same between two fences.
const MIN_FENCED: usize = 2;

/// Rules about code that a discussion shows.
const SHOWN: &[&str] = &[
    "php-001",
    "php-002",
    "php-003",
    "java-001",
    "node-001",
    "python-001",
    "ruby-001",
    "code-001",
    "code-002",
    "rce-001",
    "rce-002",
    "rce-003",
    "rce-006",
    "rce-007",
    "rce-008",
    "ssti-003",
    "nosqli-002",
    "nosqli-003",
    "proto-pollution-001",
    "lfi-004",
    "obj-001",
    "xss-006",
    "xss-007",
    "session-002",
];
/// Rules about files beside or above a project's own, shown behind other code on their line.
const RELATIVE: &[&str] = &["lfi-001", "lfi-006"];
/// Rules about what a file of settings may hold besides.
const CONFIGURED: &[&str] = &[
    "lfi-001", "lfi-006", "ssti-001", "ssti-002", "ssrf-002", "ssrf-004",
];
/// Rules about statements, shown where the line or the lines before it begin as one.
const STATEMENTS: &[&str] = &[
    "sqli-001", "sqli-002", "sqli-003", "sqli-004", "sqli-005", "sqli-006", "sqli-007", "sqli-011",
    "sqli-013", "sqli-014",
];
/// Rules about expressions, shown where they begin the line and close nothing that they did not open.
const EXPRESSIONS: &[&str] = &["ldapi-001", "xpathi-001"];

/// Whether the finding is of what a language compiles as a whole, so that a sentence before or behind
/// it is a fault.
fn is_compiled(text: &[u8], hit: &Hit) -> bool {
    let code = span(text, hit.start, hit.end + MAX_INDENT);
    let is_url = code.starts_with(b"javascript:")
        && matches!(before(text, hit.start), 0 | b' ' | b'\n')
        && SCRIPT_COMMENTS.find(code, 0).is_none();
    hit.rule.tags.first() == Some(&"code") || is_url
}

/// Whether the finding is of what acts in a page or template wherever it stands.
fn is_rendered(hit: &Hit) -> bool {
    matches!(hit.rule.tags.first(), Some(&("xss" | "ssti")))
}

/// What hides from a script the words that follow it.
static SCRIPT_COMMENTS: Needles<'static> = Needles::new(&[b"//", b"/*", b"<!--", b"%0a"]);

/// What hides from a query the words that follow it.
static COMMENTS: Needles<'static> = Needles::new(&[b"--", b"/*", b"#"]);

/// What attacks are after and examples need not show; with one of these, nothing is a discussion.
pub(super) static SEVERE: Needles<'static> = Needles::numbered(
    16,
    &[
        b"mainmodule",
        b"get_admin_log",
        b"graphic-context",
        b"/etc/passwd",
        b"/etc/shadow",
        b"/dev/tcp",
        b"169.254.",
        b"metadata.google",
        b"jndi:",
        b"bash -i",
        b"nc -e",
        b"mkfifo",
        b"whoami",
        b"|sh",
        b"| sh",
        b"|bash",
        b"| bash",
        b"win.ini",
        b"boot.ini",
        b"base64 -d",
        b"-enc ",
        b"xp_cmdshell",
        b"sys_exec",
        b"into outfile",
        b"load_file",
        b"phpinfo",
        b"('id')",
        b"(['id'])",
        b"(\"id\")",
        b"([\"id\"])",
        b"`id`",
        b"uname -a",
        b"passthru",
        b"shell_exec",
        b"base64_decode",
        b"(base64",
        b"eval($",
        b"system($",
        b"exec($_",
        b"assert(",
        b"__globals__",
        b"__subclasses__",
        b"__builtins__",
        b"interact.sh",
        b"burpcollaborator",
        b"!!python/",
        b"!!java",
        b"!!com.",
        b"!ruby/",
    ],
);

/// Rules about what a setting may name: relative files, programs, the developer's own machine.
const NAMED: &[&str] = &[
    "lfi-001", "lfi-003", "lfi-004", "lfi-006", "rce-001", "rce-002", "node-001", "ssrf-002",
    "ssrf-004",
];
/// Most steps up to a file that a setting names.
const MAX_STEPS: usize = 3;

/// Whether a value of a document that is shown can be what settings hold: it breaks out of nothing,
/// climbs no further than a project does, and attacks are not after it.
pub(super) fn holds_setting(text: &[u8]) -> bool {
    let steps = text.windows(3).filter(|step| step == b"../").count();
    steps <= MAX_STEPS && !line::is_break_out(trim(text)) && SEVERE.find(text, 0).is_none()
}

/// Whether the finding is of what settings name.
pub(super) fn names_setting(hit: &Hit) -> bool {
    NAMED.contains(&hit.rule.id)
}

/// Whether the finding is of a file or an address.
pub(super) fn names_place(hit: &Hit) -> bool {
    names_setting(hit) && matches!(hit.rule.tags.first(), Some(&("lfi" | "ssrf")))
}

/// Whether the finding is of no more than the member says that it names: a file, the path of a program alone, a
/// command line that begins with one.
pub(super) fn is_owned(own: Own, text: &[u8], hit: &Hit) -> bool {
    let is_path = at(text, 0) == b'/';
    match own {
        Own::File => hit.rule.tags.first() == Some(&"lfi") && names_setting(hit),
        Own::Program => {
            hit.rule.id == "rce-001" && is_path && text.iter().copied().all(is_path_byte)
        }
        Own::CommandLine => hit.rule.id == "rce-001" && is_path,
        Own::Address => hit.rule.id == "ssrf-002",
        Own::Query => {
            matches!(hit.rule.id, "sqli-002" | "sqli-003") && text.starts_with(b"select ")
        }
    }
}

fn is_path_byte(byte: u8) -> bool {
    is_word(byte) || b"/.-+".contains(&byte)
}

/// What a snippet of somebody's service never does.
static PROBING: Needles<'static> = Needles::new(&[
    b"alert",
    b"prompt",
    b"confirm(",
    b"document.cookie",
    b"eval",
    b"fromcharcode",
    b"atob",
    b"javascript:",
    b"onerror",
]);

/// Whether markup for a page's head or foot can be that of a service.
pub(super) fn is_snippet(text: &[u8]) -> bool {
    PROBING.find(text, 0).is_none()
}

/// Whether code stands before a file that is not far above it.
fn names_relative(text: &[u8], lead: &[u8], hit: &Hit) -> bool {
    let path = span(text, hit.start, hit.end + MAX_INDENT);
    let steps = path.windows(3).filter(|step| step == b"../").count();
    !trim(lead).is_empty() && steps <= MAX_STEPS
}

/// Rules about what acts only as the start of a document or of a stored object.
const LED: &[&str] = &["obj-001", "xxe-001", "xxe-002"];
/// Shortest word that leads to such an example.
const MIN_WORD: usize = 3;

/// Whether the text begins with a word, or a call with its string, where the finding would have to
/// begin to act.
pub(super) fn is_led(text: &[u8], hit: &Hit) -> bool {
    let head = span(text, 0, hit.start);
    let word = head
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'.')
        .count();
    let is_call = head.ends_with(b"('") || head.ends_with(b"(\"");
    LED.contains(&hit.rule.id) && word >= MIN_WORD && (is_call || is_space(at(text, word)))
}

/// The lines of a discussion, and what it is about; empty when the text is none.
#[derive(Debug, Default)]
pub(super) struct Discussion {
    /// By where they start.
    lines: Vec<(usize, Line)>,
    subject: Subject,
    /// What stands behind a break-out, up to the end of its paragraph.
    closings: Vec<Range<usize>>,
    is_severe: bool,
    /// Whether lines of code are shown; else lines that set something are.
    is_shown: bool,
    /// Whether the text is a configuration file.
    is_configuration: bool,
}

impl Discussion {
    /// Reads a lower-cased view, of which the prefilter knows what does not stand in it.
    pub(super) fn of(text: &[u8], absent: Absent) -> Self {
        let mut lines = Vec::new();
        let mut settings = setting::Count::default();
        let mut is_severe = false;
        let (mut start, mut sentences, mut codes) = (0, 0_usize, 0_usize);
        // A statement and a list go on over lines; a break-out spoils those after it.
        let mut block = Line::Empty;
        for line in text.split(|byte| *byte == b'\n').take(MAX_LINES) {
            let kind = match (block, Line::of(trim(line))) {
                (Line::Empty | Line::Sentence, Line::BreakOut) if is_end(trim(line)) => Line::Empty,
                (Line::BreakOut | Line::Statement, Line::Code) => block,
                (Line::Code | Line::Statement, Line::BreakOut) if goes_on(trim(line)) => block,
                (_, kind) => kind,
            };
            sentences += usize::from(matches!(
                kind,
                Line::Sentence | Line::Asked | Line::Prompt | Line::Logged
            ));
            let is_code = matches!(kind, Line::Code | Line::Statement);
            codes += usize::from(is_code && trim(line).len() >= MIN_CODE);
            settings.take(trim(line));
            is_severe |= kind != Line::Logged && absent.find(&SEVERE, line, 0).is_some();
            block = kind;
            lines.push((start, kind));
            start += line.len() + 1;
        }
        let is_configuration = settings.is_file();
        let head = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_shown = sentences > 0
            || codes >= MIN_LISTING
            || (line::is_fence(head) || head.starts_with(b"#!/")) && codes >= MIN_FENCED;
        let subject = Subject::of(text);
        if !is_shown && !is_configuration && !subject.is_prose() {
            return Self::default();
        }
        Self {
            lines,
            subject,
            closings: closing::ranges(text),
            is_severe,
            is_shown,
            is_configuration,
        }
    }

    /// Whether the finding is code that the author shows.
    pub(super) fn shows(&self, text: &[u8], written: &[u8], hit: &Hit) -> bool {
        // Nothing stands beside it that could tell of it.
        if text.len() <= MAX_BARE
            && trim(span(text, 0, hit.start)).is_empty()
            && trim(span(text, hit.end, text.len())).is_empty()
            && !text.contains(&b'\n')
        {
            return false;
        }
        let after = self.lines.partition_point(|(start, _)| *start <= hit.start);
        let Some((start, kind)) = after.checked_sub(1).and_then(|last| self.lines.get(last)) else {
            return false;
        };
        let end = self.lines.get(after).map_or(text.len(), |(next, _)| *next);
        if *kind == Line::Logged {
            return hit.rule.tags.first() != Some(&"xss");
        }
        let sets = self.is_configuration && setting::sets(trim(span(text, *start, end)));
        let is_line = (self.is_shown || sets) && !self.is_severe;
        is_line && Self::shows_line(text, hit, *start, *kind)
            || is_line && *kind == Line::Code && sets && CONFIGURED.contains(&hit.rule.id)
            || *kind != Line::BreakOut
                && (!self.closes(hit) || self.subject.is_lesson())
                && within::shows(self.subject, self.is_severe, text, hit, *start)
            || (self.subject.is_question()
                || self.subject.is_report() && !STATEMENTS.contains(&hit.rule.id))
                && *kind != Line::BreakOut
                && mention::mentions(text, hit, *start, end)
            || self.subject.is_report()
                && *kind != Line::BreakOut
                && self.is_embedded(text, written, hit, (*start, end))
    }

    /// Whether a sentence of the line reads on through the finding, or past what would have to be all
    /// of a program or the end of a query.
    fn is_embedded(&self, text: &[u8], written: &[u8], hit: &Hit, line: (usize, usize)) -> bool {
        let is_query = hit.rule.tags.first() == Some(&"sqli");
        let index = if is_query {
            self.code_start(hit)
        } else {
            hit.start
        };
        let end = if is_query {
            index
        } else {
            index.max(hit.end.saturating_sub(1))
        };
        let follows = || embed::is_followed(text, written, end, line, is_query);
        embed::is_embedded(text, written, (index, end), line, is_query)
            || self.subject.discusses()
                && (embed::is_ended(text, (index, end), line)
                    || is_rendered(hit) && follows()
                    || is_compiled(text, hit) && embed::is_prefaced(text, index, line.0))
            || is_compiled(text, hit) && (embed::is_led(text, index, line.0) || follows())
            || self.breaks(text, hit) && follows()
    }

    /// Where the code of a finding of SQL starts: with the quotation mark that it breaks out by, if any.
    fn code_start(&self, hit: &Hit) -> usize {
        let after = self
            .closings
            .partition_point(|range| range.start < hit.start);
        let closing = self.closings.get(after).map(|range| range.start);
        closing
            .filter(|closing| *closing < hit.end)
            .unwrap_or(hit.start)
    }

    /// Whether words that follow the finding break the query that it would have to end.
    fn breaks(&self, text: &[u8], hit: &Hit) -> bool {
        let rest = span(text, hit.start, hit.end + MAX_INDENT);
        hit.rule.tags.first() == Some(&"sqli")
            && !self.closes(hit)
            && COMMENTS.find(rest, 0).is_none()
    }

    /// Whether the finding stands behind the end of a string that began before the text. One of SQL
    /// starts where that string does.
    fn closes(&self, hit: &Hit) -> bool {
        let is_query = hit.rule.tags.first() == Some(&"sqli");
        let end = if is_query { hit.end } else { hit.start + 1 };
        let after = self
            .closings
            .partition_point(|range| range.end <= hit.start);
        self.closings
            .get(after)
            .is_some_and(|range| range.start < end)
    }

    /// Whether it is, on a line of its own.
    fn shows_line(text: &[u8], hit: &Hit, start: usize, kind: Line) -> bool {
        let is_one_of = |rules: &[&str]| rules.contains(&hit.rule.id);
        match kind {
            Line::Code => {
                let lead = span(text, start, hit.start);
                let is_first = lead.len() <= MAX_INDENT && trim(lead).is_empty();
                is_one_of(SHOWN)
                    || is_first && is_one_of(EXPRESSIONS)
                    || is_one_of(RELATIVE) && names_relative(text, lead, hit)
                    || within::is_harmless_markup(text, hit)
                    || hit.rule.tags.first() == Some(&"xss") && within::is_argument(lead)
            }
            Line::Prompt => is_one_of(SHOWN) || hit.rule.tags.first() == Some(&"sqli"),
            Line::Statement => is_one_of(SHOWN) || is_one_of(STATEMENTS),
            Line::Asked => is_one_of(STATEMENTS),
            Line::Empty | Line::Logged | Line::Sentence | Line::BreakOut => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(text: &str) -> Vec<Line> {
        let discussion = Discussion::of(text.as_bytes(), Absent::NONE);
        discussion.lines.iter().map(|(_, kind)| *kind).collect()
    }

    #[test]
    fn a_break_out_spoils_what_follows_it() {
        let text = "how is this?\n'; x\nsystem(1);\n\nsystem(2);";
        assert_eq!(
            kinds(text),
            [
                Line::Sentence,
                Line::BreakOut,
                Line::BreakOut,
                Line::Empty,
                Line::Code
            ]
        );
        let listing = "f(x) {\n  'a',\n}\nis this the way?";
        assert_eq!(
            kinds(listing),
            [Line::Code, Line::Code, Line::Code, Line::Sentence]
        );
    }

    #[test]
    fn nothing_is_shown_without_a_sentence_or_beside_what_attacks_are_after() {
        assert!(kinds("system('ls');\nx").is_empty());
        assert!(Discussion::of(b"why is this?\nsystem('id');", Absent::NONE).is_severe);
        assert!(!Discussion::of(b"why is this?\nsystem('ls');", Absent::NONE).is_severe);
    }

    proptest! {
        #[test]
        fn lines_are_ordered_and_within(text in "[a-z '\";|()\n\r]{0,200}") {
            let discussion = Discussion::of(text.as_bytes(), Absent::NONE);
            prop_assert!(discussion.lines.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(discussion.lines.iter().all(|(start, _)| *start <= text.len()));
        }
    }
}
