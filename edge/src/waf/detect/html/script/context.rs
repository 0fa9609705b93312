//! Where in a text code could run: from its start as long as it parses, after a quote that ends the
//! string it was put into, inside `${`, after a comment.

use crate::waf::scan::{
    Needles, at, before, from, is_space, is_word, last_before, skip_space, skip_while, span,
    stands, word, word_before,
};

/// What is known of the text before an index, kept up to date in one pass.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// Two words stood side by side since the start, or the whole ends in a sentence.
    is_prose: bool,
    /// The same since `start`.
    is_broken: bool,
    /// Where code could begin last.
    start: usize,
    /// What made it begin there: a quote, `$` or `*`.
    opener: u8,
    /// Whether an odd number of `'`, `"` and backticks stood so far.
    odd: [bool; 3],
    /// Whether a comment was opened that has not been closed.
    in_comment: bool,
    /// End of the last plain word.
    word_end: Option<usize>,
    /// Where the first line that holds something ends.
    first_line: usize,
}

impl Context {
    /// Of the text's start.
    pub(super) fn new(text: &[u8]) -> Self {
        Self {
            is_prose: ends_in_prose(text) || is_remark(text),
            first_line: skip_while(text, skip_space(text, 0), |byte| byte != b'\n'),
            ..Self::default()
        }
    }

    /// Notes the punctuation at `index`; the number of bytes read.
    pub(super) fn punctuation(&mut self, text: &[u8], index: usize) -> usize {
        match at(text, index) {
            quote @ (b'\'' | b'"' | b'`') => {
                let inside = is_letter(before(text, index)) && is_letter(at(text, index + 1));
                if quote != b'\'' || !inside {
                    if let Some(odd) = position(quote).and_then(|quote| self.odd.get_mut(quote)) {
                        *odd = !*odd;
                    }
                    self.begin(quote, index + 1);
                }
            }
            b'$' if at(text, index + 1) == b'{' => {
                self.begin(b'$', index + 2);
                return 2;
            }
            b'/' if at(text, index + 1) == b'*' => {
                self.in_comment = true;
                return 2;
            }
            // A comment that the text opened itself is none that it breaks out of.
            b'*' if at(text, index + 1) == b'/' => {
                if !std::mem::take(&mut self.in_comment) {
                    self.begin(b'*', index + 2);
                }
                return 2;
            }
            // Letters beyond ASCII make words too.
            0x80.. => self.words(text, index, index + 1),
            _ => {}
        }
        1
    }

    /// Notes the word at `index`.
    pub(super) fn word(&mut self, text: &[u8], index: usize, name: &[u8]) {
        if is_keyword(name) || name.iter().all(u8::is_ascii_digit) {
            self.word_end = None;
        } else {
            self.words(text, index, index + name.len());
        }
    }

    fn words(&mut self, text: &[u8], index: usize, end: usize) {
        let follows = self.word_end.is_some_and(|last| {
            last < index
                && span(text, last, index)
                    .iter()
                    .all(|byte| matches!(byte, b' ' | b'\t'))
        });
        self.is_prose |= follows;
        self.is_broken |= follows;
        self.word_end = Some(end);
    }

    fn begin(&mut self, opener: u8, start: usize) {
        self.opener = opener;
        self.start = start;
        self.is_broken = false;
        self.word_end = None;
    }

    /// Whether the text as a whole could be a program up to `index`.
    pub(super) fn is_raw(&self, text: &[u8], index: usize) -> bool {
        !self.is_prose && follows_operator(text, 0, index) && !is_function_body(text, index)
    }

    /// Whether what stands at `index` has broken out of a string, a template or a comment.
    pub(super) fn is_outside(&self, text: &[u8], index: usize) -> bool {
        if self.is_broken {
            return false;
        }
        let first = at(text, skip_space(text, self.start));
        match self.opener {
            b'$' => follows_operator(text, self.start, index),
            // The lines after a comment are a listing's own.
            b'*' => {
                let lead = span(text, self.start, index.min(self.start + 64));
                !lead.contains(&b'\n') && follows_operator(text, self.start, index)
            }
            0 => false,
            quote => {
                let is_odd = position(quote)
                    .and_then(|quote| self.odd.get(quote))
                    .is_some_and(|odd| *odd);
                // No string goes on behind a line break, so none that the application opened
                // before the text can end there.
                let is_string = quote == b'`' || self.start <= self.first_line;
                is_odd
                    && is_string
                    && self.start < index
                    && !is_word(first)
                    && follows_operator(text, self.start, index)
            }
        }
    }

    /// Whether `index` stands in the value of an attribute: `x="alert(1)"`.
    pub(super) fn is_attribute(&self, text: &[u8], index: usize) -> bool {
        let quote = self.start.saturating_sub(1);
        !self.is_broken
            && matches!(self.opener, b'\'' | b'"')
            && before(text, quote) == b'='
            && (self.start == index || follows_operator(text, self.start, index))
    }

    /// Whether `index` stands within backticks.
    pub(super) fn is_in_backticks(&self) -> bool {
        self.odd.last().is_some_and(|odd| *odd)
    }
}

/// `* alert( xml.name );`: a line of a comment, or of a list.
fn is_remark(text: &[u8]) -> bool {
    at(text, 0) == b'*' && at(text, 1) == b' '
}

/// Most bytes of the end that are looked at for words.
const TAIL: usize = 80;
/// Plain words side by side that no program has.
const MIN_PROSE: usize = 3;

/// What opens or ends a comment.
static COMMENTS: Needles<'static> = Needles::new(&[b"//", b"/*", b"<!--", b"-->"]);

/// Whether the text ends in words outside of strings and comments: a syntax error as a whole.
fn ends_in_prose(text: &[u8]) -> bool {
    let tail = span(text, text.len().saturating_sub(TAIL), text.len());
    let is_end = |byte: u8| {
        !(byte.is_ascii_alphabetic()
            || byte >= 0x80
            || matches!(byte, b' ' | b'\n' | b'\r' | b',' | b'.' | b'?' | b'!'))
    };
    let start = tail.iter().rposition(|byte| is_end(*byte));
    let Some(start) = start.filter(|start| !matches!(at(tail, *start), b'\'' | b'"' | b'`')) else {
        return false;
    };
    let words = from(tail, start + 1)
        .split(|byte| is_space(*byte))
        .filter(|word| word.len() > 1 && !is_keyword(word))
        .count();
    let is_comment = || COMMENTS.find(text, 0).is_some();
    words >= MIN_PROSE && !is_comment()
}

fn position(quote: u8) -> Option<usize> {
    [b'\'', b'"', b'`'].iter().position(|other| *other == quote)
}

fn is_letter(byte: u8) -> bool {
    is_word(byte) || byte >= 0x80
}

/// Whether an expression could start at `index`: after an operator, a bracket, or nothing since
/// `start`.
fn follows_operator(text: &[u8], start: usize, index: usize) -> bool {
    let head = span(text, index.saturating_sub(64), index);
    let Some(last) = last_before(head, head.len()) else {
        return true;
    };
    let at_start = index - head.len() + last < start;
    at_start
        || follows_keyword(head, last + 1)
        || matches!(
            at(head, last),
            b';' | b'='
                | b'('
                | b','
                | b'+'
                | b'-'
                | b'*'
                | b'/'
                | b'>'
                | b'<'
                | b'{'
                | b'}'
                | b':'
                | b'!'
                | b'~'
                | b'?'
                | b'&'
                | b'|'
                | b'['
                | b'^'
                | b'%'
                | b')'
                | b']'
        )
}

/// `new Function`, `throw alert(1)`.
fn follows_keyword(head: &[u8], end: usize) -> bool {
    end < head.len()
        && matches!(
            word_before(head, end),
            b"new"
                | b"throw"
                | b"return"
                | b"typeof"
                | b"void"
                | b"delete"
                | b"in"
                | b"instanceof"
                | b"await"
        )
}

/// `function f() { alert(1); }` as people write it defines and does not run.
fn is_function_body(text: &[u8], index: usize) -> bool {
    let head = span(text, index.saturating_sub(64), index);
    head.windows(3)
        .any(|window| matches!(window, b") {" | b"=> "))
}

/// Words that may stand beside another in a program.
pub(in crate::waf::detect::html) fn is_keyword(name: &[u8]) -> bool {
    matches!(
        name,
        b"var"
            | b"let"
            | b"const"
            | b"return"
            | b"new"
            | b"typeof"
            | b"throw"
            | b"in"
            | b"of"
            | b"if"
            | b"else"
            | b"function"
            | b"void"
            | b"delete"
            | b"instanceof"
            | b"case"
            | b"do"
            | b"try"
            | b"while"
            | b"for"
            | b"await"
            | b"async"
            | b"yield"
            | b"import"
    )
}

/// Whether prose goes on at `end`: a space and a word that is no operator.
pub(super) fn goes_on(text: &[u8], end: usize) -> bool {
    // In a path as it was sent, a space is spelled out.
    let is_spelled = stands(text, end, b"%20");
    let next = if is_spelled {
        end + 3
    } else {
        skip_space(text, end)
    };
    let name = word(text, next);
    (is_spelled || is_space(at(text, end)))
        && name.first().is_some_and(u8::is_ascii_alphabetic)
        && !matches!(name, b"in" | b"instanceof" | b"of")
        && !matches!(at(text, end), b'\n' | b'\r')
}
