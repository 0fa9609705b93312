//! SQL tokens, as loosely as the five dialects read them together. White space and closed
//! comments vanish; MySQL's version comments (`/*!50000 ... */`) are read as the code they are.

use crate::waf::scan::{at, find, from, is_space, is_word, skip_while, span};

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

/// One token: `text[start..end]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Most tokens read of one value; an attack that needs more has long been seen.
const MAX_TOKENS: usize = 20_000;

/// The tokens of `text`. With a `quote`, the text is read as if it stood inside that quote: the
/// first token is the string that the text's first such quote ends.
pub(super) fn tokens(text: &[u8], quote: Option<u8>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut index = 0;
    if let Some(quote) = quote {
        let end = string_end(text, 0, quote);
        tokens.push(Token {
            kind: Kind::Str,
            start: 0,
            end,
        });
        index = end;
    }
    while index < text.len() && tokens.len() < MAX_TOKENS {
        let byte = at(text, index);
        if is_space(byte) {
            index += 1;
            continue;
        }
        if let Some(end) = vanishing(text, index) {
            index = end;
            continue;
        }
        let token = token(text, index);
        index = token.end.max(index + 1);
        tokens.push(token);
    }
    tokens
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
        _ => None,
    }
}

fn token(text: &[u8], start: usize) -> Token {
    let one = |kind| Token {
        kind,
        start,
        end: start + 1,
    };
    match at(text, start) {
        quote @ (b'\'' | b'"') => Token {
            kind: Kind::Str,
            start,
            end: string_end(text, start + 1, quote),
        },
        b'`' => backtick(text, start),
        b'0'..=b'9' => number(text, start),
        b'.' if at(text, start + 1).is_ascii_digit() => number(text, start),
        byte if is_word(byte) || byte >= 0x80 => word(text, start),
        b'@' => Token {
            kind: Kind::Var,
            start,
            end: skip_while(text, start, |byte| {
                is_word(byte) || matches!(byte, b'@' | b'.')
            }),
        },
        b'#' => Token {
            kind: Kind::Comment,
            start,
            end: text.len(),
        },
        b'-' if at(text, start + 1) == b'-' => Token {
            kind: Kind::Comment,
            start,
            end: text.len(),
        },
        b'/' if at(text, start + 1) == b'*' => Token {
            kind: Kind::Comment,
            start,
            end: text.len(),
        },
        b'(' => one(Kind::Open),
        b')' => one(Kind::Close),
        b',' => one(Kind::Comma),
        b';' => one(Kind::Semi),
        b'.' => one(Kind::Dot),
        b'|' | b'&' | b'<' | b'>' | b'=' | b'!' | b'+' | b'-' | b'*' | b'/' | b'%' | b'^'
        | b'~' | b':' => operator(text, start),
        _ => one(Kind::Other),
    }
}

/// End of the string whose text starts at `start`: after its quote, doubled and escaped ones
/// skipped, or the end of the text.
fn string_end(text: &[u8], start: usize, quote: u8) -> usize {
    let mut index = start;
    while index < text.len() {
        match at(text, index) {
            b'\\' => index += 2,
            byte if byte == quote && at(text, index + 1) == quote && index > start => index += 2,
            byte if byte == quote => return index + 1,
            _ => index += 1,
        }
    }
    text.len()
}

/// MySQL's quoted identifier; a lone backtick is nothing.
fn backtick(text: &[u8], start: usize) -> Token {
    let end = skip_while(text, start + 1, |byte| {
        is_word(byte) || matches!(byte, b'.' | b'$')
    });
    let closed = at(text, end) == b'`';
    Token {
        kind: if closed { Kind::Ident } else { Kind::Other },
        start,
        end: if closed { end + 1 } else { start + 1 },
    }
}

fn number(text: &[u8], start: usize) -> Token {
    if at(text, start) == b'0' && at(text, start + 1) == b'x' {
        let end = skip_while(text, start + 2, |byte| byte.is_ascii_hexdigit());
        return Token {
            kind: Kind::Number,
            start,
            end,
        };
    }
    let mut end = skip_while(text, start, |byte| byte.is_ascii_digit());
    if at(text, end) == b'.' && at(text, end + 1) != b'.' {
        end = skip_while(text, end + 1, |byte| byte.is_ascii_digit());
    }
    if at(text, end) == b'e' && at(text, end + 1).is_ascii_digit() {
        end = skip_while(text, end + 1, |byte| byte.is_ascii_digit());
    }
    Token {
        kind: Kind::Number,
        start,
        end,
    }
}

fn word(text: &[u8], start: usize) -> Token {
    let end = skip_while(text, start, |byte| {
        is_word(byte) || byte == b'$' || byte >= 0x80
    });
    let word = span(text, start, end);
    // `x'41'`, `n'a'`, `b'1'`, `e'a'`: a prefix of the string.
    if end == start + 1
        && matches!(word, b"x" | b"n" | b"b" | b"e" | b"q")
        && at(text, end) == b'\''
    {
        return Token {
            kind: Kind::Str,
            start,
            end: string_end(text, end + 1, b'\''),
        };
    }
    Token {
        kind: keyword(word),
        start,
        end,
    }
}

fn operator(text: &[u8], start: usize) -> Token {
    let byte = at(text, start);
    let is_symbol = |byte| matches!(byte, b'|' | b'&' | b'<' | b'>' | b'=' | b'!');
    // No operator is longer than three; an unbounded run would make `&&&&...` quadratic.
    let run = skip_while(span(text, 0, start + 3), start, is_symbol);
    let kind = match span(text, start, run) {
        b"||" | b"&&" => Kind::Logic,
        b"=" | b"==" | b"<" | b">" | b"<=" | b">=" | b"<>" | b"!=" | b"<=>" | b"!<" | b"!>" => {
            Kind::Cmp
        }
        b"|" | b"&" | b"<<" | b">>" => Kind::Arith,
        b"!" | b"!!" => Kind::Not,
        b"" => {
            return Token {
                kind: arithmetic(byte),
                start,
                end: start + 1,
            };
        }
        // `=!1`, `&&!0`: the operator, then a negation.
        [b'=', b'!', ..] => {
            return Token {
                kind: Kind::Cmp,
                start,
                end: start + 1,
            };
        }
        [b'&', b'&', ..] | [b'|', b'|', ..] => {
            return Token {
                kind: Kind::Logic,
                start,
                end: start + 2,
            };
        }
        _ => Kind::Other,
    };
    Token {
        kind,
        start,
        end: run,
    }
}

const fn arithmetic(byte: u8) -> Kind {
    match byte {
        b':' => Kind::Other,
        b'~' => Kind::Not,
        _ => Kind::Arith,
    }
}

fn keyword(word: &[u8]) -> Kind {
    match word {
        b"or" | b"and" | b"xor" => Kind::Logic,
        b"not" | b"binary" => Kind::Not,
        b"like" | b"rlike" | b"regexp" | b"ilike" | b"glob" | b"is" | b"in" | b"between"
        | b"similar" => Kind::Cmp,
        b"div" | b"mod" => Kind::Arith,
        b"null" | b"true" | b"false" => Kind::Const,
        b"select" => Kind::Select,
        b"union" | b"intersect" | b"except" => Kind::Union,
        b"all" | b"distinct" | b"distinctrow" => Kind::All,
        b"from" => Kind::From,
        b"where" => Kind::Where,
        b"having" => Kind::Having,
        b"order" | b"group" => Kind::Order,
        b"by" => Kind::By,
        b"limit" | b"offset" | b"fetch" => Kind::Limit,
        b"insert" | b"replace" => Kind::Insert,
        b"into" => Kind::Into,
        b"update" => Kind::Update,
        b"set" => Kind::Set,
        b"delete" => Kind::Delete,
        b"drop" | b"truncate" | b"alter" | b"create" => Kind::Schema,
        b"table" | b"database" | b"schema" | b"view" | b"index" | b"procedure" | b"function"
        | b"trigger" | b"user" | b"role" | b"column" | b"login" => Kind::Object,
        b"exec" | b"execute" | b"declare" | b"shutdown" | b"waitfor" => Kind::Exec,
        b"as" | b"then" | b"else" | b"when" | b"case" | b"join" | b"on" | b"values" | b"if"
        | b"exists" | b"cascade" | b"inner" | b"left" | b"right" | b"cross" | b"using" => {
            Kind::Keyword
        }
        _ => Kind::Ident,
    }
}

/// The text of a token.
pub(super) fn text_of<'a>(text: &'a [u8], token: &Token) -> &'a [u8] {
    span(text, token.start, token.end)
}

/// What a comment token says after its marker.
pub(super) fn comment_text<'a>(text: &'a [u8], token: &Token) -> &'a [u8] {
    let marker = if at(text, token.start) == b'#' { 1 } else { 2 };
    from(span(text, 0, token.end), token.start + marker)
}

#[cfg(test)]
mod tests {
    use super::Kind::{
        Arith, Close, Cmp, Comment, Const, Ident, Logic, Not, Number, Open, Select, Str, Union, Var,
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
}
