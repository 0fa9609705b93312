//! Rules that are literals: the prefilter finds them, and what stands around them decides.

use super::{Rule, code, html, jndi, nosql, path, probe, protocol, scanner, shell, sql, ssrf, xml};
use crate::waf::Part;
use crate::waf::detect::{Hit, Hits, Text};
use crate::waf::meter::price;
use crate::waf::scan::{Needles, at, before, is_word, position, skip_space, span, stands, trim};

/// What must stand around a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::waf) enum Edges {
    /// Anything.
    Any,
    /// No letter, digit or underscore on either side.
    Word,
    /// The end of a path segment after it, or a suffix such as `.bak` or `~`.
    Segment,
    /// The start of the text before it, and its end or a version after it.
    Whole,
    /// Nothing at all.
    Exact,
    /// Those of [`Edges::Segment`], and the start of the path before it, unless the path ends in a program: further
    /// down, a word such as `/solr` is an article about it.
    Root,
}

/// Where a literal counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::waf) enum Place {
    /// Anywhere but in uploaded files.
    Anywhere,
    /// In the path.
    Path,
    /// In the `User-Agent`.
    Agent,
    /// In any header.
    Header,
}

/// The literals of one row of [`literals`], each ended by a NUL: one string is much smaller than a table of strings.
#[derive(Debug)]
pub(in crate::waf) struct Row {
    texts: &'static str,
    rule: &'static Rule,
    edges: Edges,
    place: Place,
}

impl Row {
    /// A row of [`literals`].
    pub(in crate::waf) const fn new(
        texts: &'static str,
        rule: &'static Rule,
        edges: Edges,
        place: Place,
    ) -> Self {
        Self {
            texts,
            rule,
            edges,
            place,
        }
    }

    fn literals(&self) -> impl Iterator<Item = Literal> + use<> {
        let &Self {
            texts,
            rule,
            edges,
            place,
        } = self;
        texts.split_terminator('\0').map(move |text| Literal {
            text,
            rule,
            edges,
            place,
        })
    }
}

/// One literal, in lower case.
#[derive(Debug, Clone, Copy)]
pub(in crate::waf) struct Literal {
    pub(in crate::waf) text: &'static str,
    rule: &'static Rule,
    edges: Edges,
    place: Place,
}

impl Literal {
    /// Adds a hit when the literal at `start` counts there.
    pub(in crate::waf) fn check(&self, text: &Text<'_>, start: usize, hits: &mut Hits) {
        let end = start + self.text.len();
        if self.text.starts_with("<?") {
            hits.meter.charge(1, price::PAGE);
        }
        let is_file_head = || match self.text {
            "<?php" if stands(text.lower, end, b" ...") => true,
            "<?php" => opens_source(text.lower, end) || is_page(text.lower, start, end),
            "<?=" => is_page(text.lower, start, end),
            // `$_FILES[` reads what was uploaded, and `changed_files[0]` is a variable.
            "_files[" => {
                matches!(before(text.lower, start), b'$' | b'a'..=b'z' | b'_' | b'0'..=b'9')
            }
            _ => false,
        };
        // A token within a sentence is shown, and no credential.
        let is_shown = || {
            self.rule.id == protocol::UNSIGNED.id && {
                let token = trim(span(text.lower, 0, MAX_TOKEN));
                let token = token.strip_prefix(b"bearer ").unwrap_or(token);
                start > MAX_LEAD || token.contains(&b' ')
            }
        };
        if self.fits(text)
            && !is_shown()
            && self.stands_free(text.lower, start, end)
            && !is_file_head()
        {
            hits.push(Hit::new(self.rule, start, end));
        }
    }

    /// Whether it counts where the text stands.
    pub(in crate::waf) fn fits(&self, text: &Text<'_>) -> bool {
        let is_file = text.part == Part::File;
        match self.place {
            Place::Anywhere => !is_file,
            Place::Path => text.part == Part::Path && text.name.is_empty(),
            Place::Agent => text.part == Part::HeaderValue && text.name == "user-agent",
            Place::Header => text.part == Part::HeaderValue,
        }
    }

    fn stands_free(&self, text: &[u8], start: usize, end: usize) -> bool {
        match self.edges {
            Edges::Any => true,
            Edges::Word => !is_word(before(text, start)) && !is_word(at(text, end)),
            Edges::Segment => ends_segment(at(text, end)) && !goes_on(text, end),
            Edges::Whole => start == 0 && matches!(at(text, end), 0 | b'/'),
            Edges::Exact => start == 0 && end == text.len(),
            Edges::Root => {
                ends_segment(at(text, end))
                    && (start == 0 || PROGRAMS.iter().any(|ending| text.ends_with(ending)))
            }
        }
    }
}

/// Most of a token that is looked at.
const MAX_TOKEN: usize = 4096;
/// What stands at most before the algorithm of a token.
const MAX_LEAD: usize = 256;

/// What the source of a program begins with after `<?php` and a line break: what such a file does is
/// judged by its calls, so a post may quote it.
const SOURCE_HEADS: &[&[u8]] = &[
    b"/*",
    b"//",
    b"# ",
    b"declare(",
    b"declare (",
    b"namespace ",
    b"use ",
    b"class ",
    b"final ",
    b"abstract ",
    b"interface ",
    b"trait ",
    b"require __dir__",
    b"require_once __dir__",
    b"$",
];

/// What a page puts between its tags: conditions, loops and texts of a theme.
const TEMPLATE_HEADS: &[&[u8]] = &[
    b"if (",
    b"if(",
    b"elseif",
    b"else",
    b"endif",
    b"foreach",
    b"endforeach",
    b"while (",
    b"endwhile",
    b"_e(",
    b"the_",
    b"wp_",
    b"checked(",
    b"selected(",
    b"esc_",
    b"get_header",
    b"get_footer",
    b"get_sidebar",
];

/// Whether the open tag that ends at `end` begins the source of a program.
fn opens_source(text: &[u8], end: usize) -> bool {
    let next = skip_space(text, end);
    let heads = if span(text, end, next).contains(&b'\n') {
        SOURCE_HEADS
    } else {
        TEMPLATE_HEADS
    };
    let may_open = matches!(at(text, next), b'a'..=b'z' | b'_' | b'/' | b'#' | b'$');
    may_open && heads.iter().any(|head| stands(text, next, head))
}

/// Longest code of one tag that is read, in bytes.
const MAX_TAG: usize = 200;
/// What no page's own tag holds.
static HARMFUL: Needles<'static> = Needles::new(&[
    b"$_",
    b"globals",
    b"eval",
    b"assert",
    b"system",
    b"exec",
    b"passthru",
    b"popen",
    b"proc_",
    b"`",
    b"include",
    b"require",
    b"phpinfo",
    b"base64_",
    b"gzinflate",
    b"str_rot13",
    b"hex2bin",
    b"chr(",
    b"create_function",
    b"call_user",
    b"file_",
    b"fopen",
    b"fwrite",
    b"fputs",
    b"readfile",
    b"unlink",
    b"move_uploaded",
    b"md5(",
    b"passwd",
    b"shell",
    b"cmd",
    b"curl",
    b"://",
    b"\\x",
    b"${",
    b"}(",
    b")(",
    b"'.'",
    b"\".\"",
    b"getenv",
    b"php_uname",
    b"phpversion",
    b"ini_set",
    b"mail(",
    b"dl(",
    b"ffi",
    b"preg_replace",
    b"array_map",
    b"scandir",
    b"glob(",
    b"highlight_",
    b"show_source",
    b"sleep(",
    b"var_dump",
    b"die(",
    b"exit",
    b"socket",
    b"reflection",
    b"hacked",
    b"pwned",
    b"vuln",
    b"test",
    b"print_r",
    b"unserialize",
    b"session_",
    b"copy(",
    b"rename(",
    b"chmod",
    b"link(",
]);

/// Bytes of a page within which its first line ends.
const MAX_FIRST_LINES: usize = 256;

/// Whether the tag between `start` and `end` stands within a page that is quoted: behind markup or
/// other code rather than where a value begins or breaks out, and nothing in it does harm.
fn is_page(text: &[u8], start: usize, end: usize) -> bool {
    // A page's first lines tell; reading all of it for each tag would not be linear.
    let first = trim(span(text, 0, start.min(MAX_FIRST_LINES)));
    let near = trim(span(text, start.saturating_sub(MAX_FIRST_LINES), start));
    let code = code_of(span(text, end, end + MAX_TAG));
    let is_told = !near.is_empty() && is_sentence(code);
    let is_shown = opens_element(first)
        || position(first, 0, |byte| byte == b'\n').is_some()
        || near.ends_with(b"?>");
    let is_number = || code.iter().all(|byte| !byte.is_ascii_alphabetic());
    let goes_on = || text.len() > end + code.len() + 2 || text.contains(&b'\n');
    let is_within = || {
        (is_shown && (!is_number() || trim(code).is_empty()) || prints_variable(code)) && goes_on()
    };
    (is_told || is_within()) && HARMFUL.find(code, 0).is_none()
}

/// The code of a tag: up to where it is closed, or to the next tag, which is judged by itself.
fn code_of(tail: &[u8]) -> &[u8] {
    let ends = |three: &[u8]| matches!(three, [b'?', b'>', _] | b"<?=" | b"<?p");
    let length = match tail.strip_suffix(b"?>") {
        None => tail.windows(3).position(ends),
        Some(code) => tail.windows(3).position(ends).or(Some(code.len())),
    };
    span(tail, 0, length.unwrap_or(tail.len()))
}

/// Whether words of prose follow a tag that a sentence names.
fn is_sentence(code: &[u8]) -> bool {
    let words = code
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    let is_plain = |word: &[u8]| word.iter().all(u8::is_ascii_alphabetic);
    let first = words.clone().next();
    let count = words.clone().take(3).count();
    at(code, 0) == b' '
        && count > 1
        && words.take(3).filter(|word| is_plain(word)).count() == count
        && !matches!(first, Some(b"echo" | b"print"))
}

/// `echo $name`, which does nothing but show what a page holds already.
fn prints_variable(code: &[u8]) -> bool {
    let code = trim(code);
    let code = code.strip_prefix(b"echo ").unwrap_or(code);
    let name = code.strip_suffix(b";").unwrap_or(code);
    trim(name)
        .strip_prefix(b"$")
        .is_some_and(|name| !name.is_empty() && name.iter().all(|byte| is_word(*byte)))
}

/// Whether the text starts with an element or an attribute of a page: `<td>`, `<a href="`.
fn opens_element(head: &[u8]) -> bool {
    at(head, 0) == b'<' && at(head, 1).is_ascii_alphabetic()
}

/// Endings of what a server runs.
const PROGRAMS: &[&[u8]] = &[
    b".php", b".jsp", b".do", b".action", b".aspx", b".asp", b".cgi",
];

/// `/error.log in nginx`: words that somebody looks up, and no file's name.
fn goes_on(text: &[u8], end: usize) -> bool {
    at(text, end) == b' ' && at(text, end + 1).is_ascii_alphabetic()
}

const fn ends_segment(byte: u8) -> bool {
    matches!(
        byte,
        0 | b'/' | b'.' | b'?' | b';' | b'~' | b'\\' | b' ' | b'#'
    )
}

/// Declares the literals of one class: rule, edges, place, texts.
macro_rules! literals {
    ($($rule:path, $edges:ident, $place:ident: [$($text:literal),+ $(,)?];)+) => {
        /// The literals of this class.
        pub(in crate::waf) static LITERALS: &[super::literal::Row] = &[$(
            super::literal::Row::new(
                concat!($($text, "\0"),+),
                &$rule,
                super::literal::Edges::$edges,
                super::literal::Place::$place,
            ),
        )+];
    };
}
pub(super) use literals;

/// Every literal; the rows of a class stand in its own file.
pub(in crate::waf) fn all() -> impl Iterator<Item = Literal> {
    [
        code::LITERALS,
        html::LITERALS,
        jndi::LITERALS,
        nosql::LITERALS,
        path::LITERALS,
        probe::LITERALS,
        protocol::LITERALS,
        scanner::LITERALS,
        shell::LITERALS,
        sql::LITERALS,
        ssrf::LITERALS,
        xml::LITERALS,
    ]
    .into_iter()
    .flatten()
    .flat_map(Row::literals)
}
