//! SQL tokens, as loosely as the five dialects read them together. White space and closed
//! comments vanish; MySQL's version comments (`/*!50000 ... */`) are read as the code they are.

use super::lexeme::{empty_exponent, is_latin_space, string_end, token};
use crate::waf::scan::{Needles, at, find, from, is_space, skip_space, skip_while, span, stands};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Past the last token.
    End,
    Number,
    /// A literal in quotes, or the head of the text up to the quote that ends it.
    Str,
    /// An identifier or a word of prose.
    Ident,
    /// `@x`, `@@x`.
    Var,
    /// `null`, `true`, `false`.
    Const,
    /// `=`, `<>`, `like`, `in`, `is`, `between` ...
    Cmp,
    /// `+`, `*`, `||` used as concatenation stays [`Kind::Logic`] ...
    Arith,
    /// `or`, `and`, `xor`, `&&`, `||`.
    Logic,
    Not,
    /// PostgreSQL's `::`.
    Cast,
    Open,
    Close,
    Comma,
    Semi,
    Dot,
    /// A comment that runs to the end of the text.
    Comment,
    Select,
    Union,
    /// `all`, `distinct`.
    All,
    From,
    Where,
    Having,
    /// `order`, `group`.
    Order,
    By,
    /// `limit`, `offset`, `fetch`, `for`.
    Limit,
    Insert,
    Into,
    Update,
    Set,
    Delete,
    /// `drop`, `truncate`, `alter`, `create`.
    Schema,
    /// `table`, `database`, `view` ...
    Object,
    /// `exec`, `execute`, `declare`, `shutdown`, `waitfor`.
    Exec,
    /// `as`, `then`, `else`, `when`, `case`, `join`, `on` ...
    Keyword,
    /// Anything that SQL does not know.
    Other,
}

impl Kind {
    /// Whether it is no word but a literal, an operator other than a logical one, or a delimiter.
    pub(super) const fn is_sign(self) -> bool {
        matches!(
            self,
            Self::Number
                | Self::Str
                | Self::Var
                | Self::Cmp
                | Self::Arith
                | Self::Cast
                | Self::Open
                | Self::Close
                | Self::Comma
                | Self::Semi
                | Self::Dot
                | Self::Comment
                | Self::Other
        )
    }
}

/// One token: `text[start..end]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Most tokens read at once, which bounds the memory; what follows is the next window's.
pub(super) const MAX_TOKENS: usize = 20_000;
/// Tokens that a window shares with the one before it: longer than anything that is looked for.
pub(super) const OVERLAP: usize = 256;

/// Bytes of a text for whose tokens room is made at first.
const MAX_FIRST: usize = 4096;

/// Proof that plus signs stand for spaces: a list of payloads was sent as it was written for URLs.
static PLUS_FOR_SPACE: Needles<'static> = Needles::new(&[
    b"+or+", b"+and+", b"+union", b"select+", b"+order+", b"+group+", b"+--", b"--+", b"/+",
    b"+/*", b"+where+", b"+from+",
]);

/// The tokens of `text`. With a `quote`, the text is read as if it stood inside that quote: the
/// first token is the string that the text's first such quote ends.
pub(super) fn tokens(text: &[u8], quote: Option<u8>) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len().min(MAX_FIRST) / 3 + 1);
    let mut index = 0;
    let plus_is_space = !text.contains(&b' ') && PLUS_FOR_SPACE.find(text, 0).is_some();
    if let Some(quote) = quote {
        // An application that escapes with backslashes doubles the attacker's own: `\\' or`.
        let end = string_end(text, 0, quote, false).unwrap_or(text.len());
        tokens.push(Token {
            kind: Kind::Str,
            start: 0,
            end,
        });
        index = end;
    }
    while index < text.len() && tokens.len() < MAX_TOKENS {
        let byte = at(text, index);
        if is_space(byte) || is_latin_space(text, index) || (byte == b'+' && plus_is_space) {
            index += 1;
            continue;
        }
        if byte == b'`' && quote == Some(b'`') {
            let end = string_end(text, index + 1, b'`', false).unwrap_or(text.len());
            tokens.push(Token {
                kind: Kind::Str,
                start: index,
                end,
            });
            index = end;
            continue;
        }
        if let Some(end) = vanishing(text, index) {
            index = end;
            continue;
        }
        let is_signed = tokens.is_empty()
            && matches!(byte, b'-' | b'+')
            && at(text, index + 1).is_ascii_digit();
        let mut token = token(text, index + usize::from(is_signed));
        token.start = index;
        index = token.end.max(index + 1);
        tokens.push(token);
        if quote.is_some() && tokens.len() == 2 && is_text(text, &token) {
            break;
        }
    }
    tokens
}

/// Whether what follows the first quote is no operator or clause: then the quote is an apostrophe
/// or opens a string of somebody's code, and this reading is not worth going on with.
fn is_text(text: &[u8], token: &Token) -> bool {
    match token.kind {
        Kind::Ident => {
            at(text, skip_space(text, token.end)) != b'('
                && !matches!(text_of(text, token), b"collate" | b"returning")
        }
        // `'} or 1=1--` closes what JSON and its dialects opened.
        Kind::Other if matches!(at(text, token.start), b'}' | b']') => {
            let next = skip_space(text, token.end);
            ![&b"or "[..], b"and ", b"|| ", b"&& ", b"union "]
                .iter()
                .any(|join| stands(text, next, join))
        }
        Kind::Number | Kind::Other | Kind::Dot | Kind::Var | Kind::Const => true,
        _ => false,
    }
}

/// The end of a closed comment, of a version comment's opening or of a stray closing.
fn vanishing(text: &[u8], index: usize) -> Option<usize> {
    match (at(text, index), at(text, index + 1), at(text, index + 2)) {
        (b'/', b'*', b'!') => Some(skip_while(text, index + 3, |byte| byte.is_ascii_digit())),
        (b'/', b'*', _) => find(text, b"*/", index + 2).map(|end| end + 2),
        (b'*', b'/', _) => Some(index + 2),
        (b'#', ..) | (b'-', b'-', _) => {
            let end = skip_while(text, index, |byte| byte != b'\n');
            (end < text.len()).then_some(end)
        }
        (b'0'..=b'9', ..) => empty_exponent(text, index),
        _ => None,
    }
}

/// The text of a token.
pub(super) fn text_of<'a>(text: &'a [u8], token: &Token) -> &'a [u8] {
    span(text, token.start, token.end)
}

/// What stands in a string that the end of the text leaves open, when the token is one that
/// `quote` opened.
pub(super) fn open_string<'a>(text: &'a [u8], token: &Token, quote: u8) -> Option<&'a [u8]> {
    let is_open = token.kind == Kind::Str
        && at(text, token.start) == quote
        && string_end(text, token.start + 1, quote, true).is_none();
    is_open.then(|| from(text, token.start + 1))
}

/// What a comment token says after its marker.
pub(super) fn comment_text<'a>(text: &'a [u8], token: &Token) -> &'a [u8] {
    let marker = if at(text, token.start) == b'#' { 1 } else { 2 };
    from(span(text, 0, token.end), token.start + marker)
}

#[cfg(test)]
mod tests {
    use super::Kind::{
        Arith, Cast, Close, Cmp, Comment, Const, Ident, Logic, Not, Number, Open, Select, Str,
        Union, Var,
    };
    use super::*;

    fn kinds(text: &str, quote: Option<u8>) -> Vec<Kind> {
        tokens(text.as_bytes(), quote)
            .iter()
            .map(|token| token.kind)
            .collect()
    }

    #[test]
    fn reads_a_text_as_if_inside_quotes() {
        assert_eq!(
            kinds("1' or '1'='1", Some(b'\'')),
            [Str, Logic, Str, Cmp, Str]
        );
        assert_eq!(
            kinds("1' or '1'='1", None),
            [Number, Str, Number, Str, Number]
        );
        assert_eq!(kinds("it''s' or", Some(b'\'')), [Str, Logic]);
    }

    #[test]
    fn comments_vanish_unless_they_end_the_text() {
        assert_eq!(
            kinds("1/**/union/*x*/select", None),
            [Number, Union, Select]
        );
        assert_eq!(kinds("/*!50000union*/ select", None), [Union, Select]);
        assert_eq!(
            kinds("1#x\nunion select -- x", None),
            [Number, Union, Select, Comment]
        );
    }

    #[test]
    fn reads_operators_numbers_and_variables() {
        assert_eq!(
            kinds("@@version <=> 0x41 || !null", None),
            [Var, Cmp, Number, Logic, Not, Const]
        );
        assert_eq!(
            kinds("1e0or 1.5=x'41'", None),
            [Number, Logic, Number, Cmp, Str]
        );
        assert_eq!(
            kinds("1or(~1)", None),
            [Number, Logic, Open, Not, Number, Close]
        );
        assert_eq!(kinds("a-b", None), [Ident, Arith, Ident]);
    }

    #[test]
    fn reads_what_dialects_add() {
        assert_eq!(
            kinds("'{}'::jsonb @> $$a$$ -> [a b]", None),
            [Str, Cast, Ident, Cmp, Str, Arith, Ident]
        );
        assert_eq!(kinds("1.e(ascii 1.e(1", None), [Open, Ident, Open, Number]);
        assert_eq!(kinds("1+or+1", None), [Number, Logic, Number]);
        assert_eq!(kinds("1 + 1", None), [Number, Arith, Number]);
        assert_eq!(kinds("uni/**/on selselectect", None), [Union, Select]);
        assert_eq!(
            tokens(b"1\xa0or\xa01", None)
                .iter()
                .map(|token| token.kind)
                .collect::<Vec<_>>(),
            [Number, Logic, Number]
        );
    }
}
