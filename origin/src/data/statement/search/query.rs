//! What a full-text search looks for: PostgreSQL's four ways to write it, and the words of the engines
//! that are not PostgreSQL.
//!
//! Guarantees: total; a word holds letters, digits, `_` and what is no ASCII, so that none can be an
//! operator of an engine.
//!
//! Sources: `to_tsquery` and its like, <https://www.postgresql.org/docs/current/textsearch-controls.html>;
//! <https://www.sqlite.org/fts5.html#full_text_query_syntax>;
//! <https://mariadb.com/kb/en/full-text-index-overview/#in-boolean-mode>.

use crate::data::{
    dialect::{Search, limit::LOGIC_DEPTH},
    error::DataError,
};

/// What must be in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextQuery {
    /// These words in this order; most often one.
    Phrase {
        /// One at least.
        words: Vec<String>,
        /// The one word may go on.
        is_start: bool,
    },
    /// Not this.
    Not(Box<Self>),
    /// All of them: two at least.
    All(Vec<Self>),
    /// One of them: two at least.
    Any(Vec<Self>),
}

impl TextQuery {
    /// Reads what a client wrote; `None`, where that holds no word: it finds nothing.
    ///
    /// # Errors
    /// [`DataError`], of operators alone: whatever else is written are words.
    pub(super) fn parse(syntax: Search, text: &str) -> Result<Option<Self>, DataError> {
        Ok(match syntax {
            Search::Operators => Operators { text, rest: text }.query()?,
            Search::Words => together(words(text).map(phrase).collect(), Self::All),
            Search::Phrase => phrase(text),
            Search::Web => web(text),
        })
    }

    /// Whether there is something in it that must not be there.
    pub(super) fn negates(&self) -> bool {
        match self {
            Self::Phrase { .. } => false,
            Self::Not(_) => true,
            Self::All(all) | Self::Any(all) => all.iter().any(Self::negates),
        }
    }

    /// For FTS5; nothing in it may be negated.
    pub(super) fn fts5(&self) -> String {
        match self {
            Self::Phrase { words, is_start } => {
                let star = if *is_start { "*" } else { "" };
                format!("\"{}\"{star}", words.join(" "))
            }
            Self::All(all) => bracketed(all, " AND ", Self::fts5),
            Self::Any(all) => bracketed(all, " OR ", Self::fts5),
            Self::Not(inner) => inner.fts5(),
        }
    }

    /// For MariaDB's boolean mode; nothing in it may be negated.
    pub(super) fn boolean(&self) -> String {
        match self {
            Self::Phrase { words, is_start } => match words.as_slice() {
                [word] => format!("+{word}{}", if *is_start { "*" } else { "" }),
                words => format!("+\"{}\"", words.join(" ")),
            },
            Self::All(all) => "+".to_owned() + &bracketed(all, " ", Self::boolean),
            // One without a plus may be there.
            Self::Any(all) => {
                let may = |one: &Self| one.boolean().trim_start_matches('+').to_owned();
                "+".to_owned() + &bracketed(all, " ", may)
            }
            Self::Not(inner) => inner.boolean(),
        }
    }
}

fn bracketed(all: &[TextQuery], between: &str, write: impl Fn(&TextQuery) -> String) -> String {
    let all: Vec<String> = all.iter().map(write).collect();
    format!("({})", all.join(between))
}

/// The words of a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| {
        let is_of_word = if c.is_ascii() {
            c.is_ascii_alphanumeric() || c == '_'
        } else {
            !c.is_whitespace() && !c.is_control()
        };
        !is_of_word
    });
    parts.filter(|part| part.chars().any(char::is_alphanumeric))
}

/// The words of a text, one after the other.
fn phrase(text: &str) -> Option<TextQuery> {
    let words: Vec<String> = words(text).map(str::to_owned).collect();
    let is_start = false;
    (!words.is_empty()).then_some(TextQuery::Phrase { words, is_start })
}

/// Those of them that hold words.
pub(super) fn together(
    all: Vec<Option<TextQuery>>,
    join: impl Fn(Vec<TextQuery>) -> TextQuery,
) -> Option<TextQuery> {
    let mut all: Vec<TextQuery> = all.into_iter().flatten().collect();
    if all.len() > 1 {
        Some(join(all))
    } else {
        all.pop()
    }
}

/// `cat or "a dog" -mouse`
fn web(text: &str) -> Option<TextQuery> {
    let mut rest = text.trim_start();
    let (mut groups, mut group) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let bare = rest.trim_start_matches('-');
        let is_negated = (rest.len() - bare.len()) % 2 == 1;
        let quoted = bare.strip_prefix('"');
        let (part, after) = match quoted {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => bare.split_at(bare.find(is_end).unwrap_or(bare.len())),
        };
        rest = after.trim_start();
        let is_or = quoted.is_none() && part.eq_ignore_ascii_case("or");
        if is_or && !is_negated && !group.is_empty() && !rest.is_empty() {
            groups.push(together(std::mem::take(&mut group), TextQuery::All));
        } else if let Some(phrase) = phrase(part) {
            group.push(Some(if is_negated {
                TextQuery::Not(Box::new(phrase))
            } else {
                phrase
            }));
        }
    }
    groups.push(together(group, TextQuery::All));
    together(groups, TextQuery::Any)
}

/// Whether a word of a web search ends before it.
fn is_end(c: char) -> bool {
    c.is_whitespace() || c == '"'
}

/// `cat & (dog | !'a mouse') & hors:*`
struct Operators<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Operators<'_> {
    fn query(mut self) -> Result<Option<TextQuery>, DataError> {
        if self.text.trim().is_empty() {
            return Ok(None);
        }
        let query = self.any(1)?;
        if self.rest.is_empty() {
            Ok(query)
        } else {
            Err(self.fail())
        }
    }

    fn fail(&self) -> DataError {
        DataError::InvalidValue {
            kind: "tsquery",
            value: self.text.to_owned(),
        }
    }

    fn eat(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(sign) {
            Some(rest) => self.rest = rest,
            None => return false,
        }
        true
    }

    fn any(&mut self, depth: usize) -> Result<Option<TextQuery>, DataError> {
        LOGIC_DEPTH.check(depth)?;
        let mut all = vec![self.all(depth)?];
        while self.eat("|") {
            all.push(self.all(depth)?);
        }
        Ok(together(all, TextQuery::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Option<TextQuery>, DataError> {
        let mut all = vec![self.near(depth)?];
        while self.eat("&") {
            all.push(self.near(depth)?);
        }
        Ok(together(all, TextQuery::All))
    }

    /// `a <-> b`
    fn near(&mut self, depth: usize) -> Result<Option<TextQuery>, DataError> {
        let mut query = self.one(depth)?;
        while self.eat("<") {
            self.rest = self.rest.strip_prefix("->").ok_or_else(|| {
                DataError::Unsupported("of the distances between words, <-> is served alone".into())
            })?;
            query = match (query, self.one(depth)?) {
                (None, next) => next,
                (query, None) => query,
                (
                    Some(TextQuery::Phrase {
                        mut words,
                        is_start: false,
                    }),
                    Some(TextQuery::Phrase {
                        words: next,
                        is_start: false,
                    }),
                ) => {
                    words.extend(next);
                    let is_start = false;
                    Some(TextQuery::Phrase { words, is_start })
                }
                _ => {
                    return Err(DataError::Unsupported(
                        "<-> is served between words alone".into(),
                    ));
                }
            };
        }
        Ok(query)
    }

    fn one(&mut self, depth: usize) -> Result<Option<TextQuery>, DataError> {
        let mut is_negated = false;
        while self.eat("!") {
            is_negated = !is_negated;
        }
        let query = if self.eat("(") {
            let query = self.any(depth.saturating_add(1))?;
            if !self.eat(")") {
                return Err(self.fail());
            }
            query
        } else {
            self.operand()?
        };
        Ok(if is_negated {
            query.map(|query| TextQuery::Not(Box::new(query)))
        } else {
            query
        })
    }

    /// `word`, `'some words'`, `word:*`
    fn operand(&mut self) -> Result<Option<TextQuery>, DataError> {
        let quoted = self.eat("'");
        let text = if quoted {
            let (text, rest) = self.rest.split_once('\'').ok_or_else(|| self.fail())?;
            self.rest = rest;
            text
        } else {
            let end = |c: char| c.is_whitespace() || "&|!():'".contains(c);
            let at = self.rest.find(end).unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at(at);
            self.rest = rest;
            if text.is_empty() {
                return Err(self.fail());
            }
            text
        };
        let query = phrase(text);
        if !self.rest.starts_with(':') {
            self.rest = self.rest.trim_start();
            return Ok(query);
        }
        if !self.eat(":*") {
            return Err(DataError::Unsupported(
                "of what may stand behind a word, :* is served alone".into(),
            ));
        }
        self.rest = self.rest.trim_start();
        match query {
            Some(TextQuery::Phrase { words, .. }) if words.len() > 1 => Err(
                DataError::Unsupported(":* is served behind one word alone".into()),
            ),
            Some(TextQuery::Phrase { words, .. }) => {
                let is_start = true;
                Ok(Some(TextQuery::Phrase { words, is_start }))
            }
            other => Ok(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TextQuery;
    use crate::data::dialect::Search;
    use proptest::prelude::*;

    /// As FTS5 would get it, with `NOT` for what is negated.
    fn shown(query: &TextQuery) -> String {
        let all = |all: &[TextQuery], between: &str| {
            let all: Vec<String> = all.iter().map(shown).collect();
            format!("({})", all.join(between))
        };
        match query {
            TextQuery::Not(inner) => format!("NOT {}", shown(inner)),
            TextQuery::All(parts) => all(parts, " AND "),
            TextQuery::Any(parts) => all(parts, " OR "),
            TextQuery::Phrase { .. } => query.fts5(),
        }
    }

    fn read(syntax: Search, text: &str) -> String {
        match TextQuery::parse(syntax, text) {
            Ok(query) => query.as_ref().map_or_else(|| "nothing".into(), shown),
            Err(error) => {
                let shape = error.shape(true);
                assert_eq!(shape.status, 400);
                shape.code.to_owned()
            }
        }
    }

    #[test]
    fn reads_words_and_phrases() {
        let plain = |text| read(Search::Words, text);
        assert_eq!(plain("cat  dog"), r#"("cat" AND "dog")"#);
        assert_eq!(
            plain("it's a-b +c -d"),
            r#"("it" AND "s" AND "a" AND "b" AND "c" AND "d")"#
        );
        assert_eq!(plain(" & | ! \" * \u{201c} "), "nothing");
        assert_eq!(plain("日本語 café"), r#"("日本語" AND "café")"#);
        assert_eq!(read(Search::Phrase, "a \"dog\" & cat"), r#""a dog cat""#);
        assert_eq!(read(Search::Phrase, ""), "nothing");
    }

    #[test]
    fn reads_what_is_asked_as_of_the_web() {
        for (text, query) in [
            ("cat dog", r#"("cat" AND "dog")"#),
            ("cat OR dog mouse", r#"("cat" OR ("dog" AND "mouse"))"#),
            ("\"a cat\" -dog", r#"("a cat" AND NOT "dog")"#),
            ("-\"a cat\" --dog", r#"(NOT "a cat" AND "dog")"#),
            ("or cat", r#"("or" AND "cat")"#),
            ("cat or", r#"("cat" AND "or")"#),
            ("\"cat", r#""cat""#),
            ("a\"b c\"d", r#"("a" AND "b c" AND "d")"#),
            ("well-known", r#""well known""#),
            ("- * ()", "nothing"),
        ] {
            assert_eq!(read(Search::Web, text), query, "{text}");
        }
    }

    #[test]
    fn reads_operators() {
        for (text, query) in [
            ("cat", r#""cat""#),
            ("cat & dog | mouse", r#"(("cat" AND "dog") OR "mouse")"#),
            ("cat & (dog | mouse)", r#"("cat" AND ("dog" OR "mouse"))"#),
            ("!cat", r#"NOT "cat""#),
            ("!!cat&dog", r#"("cat" AND "dog")"#),
            ("'a cat' & hors:*", r#"("a cat" AND "hors"*)"#),
            ("a <-> cat & dog", r#"("a cat" AND "dog")"#),
            ("'-' & cat", r#""cat""#),
            ("  ", "nothing"),
            ("cat dog", "22P02"),
            ("cat &", "22P02"),
            ("| cat", "22P02"),
            ("(cat", "22P02"),
            ("cat)", "22P02"),
            ("'cat", "22P02"),
            ("!", "22P02"),
            ("cat:A", "PGRST100"),
            ("a <2> b", "PGRST100"),
            ("a <-> (b | c)", "PGRST100"),
            ("'a b':*", "PGRST100"),
        ] {
            assert_eq!(read(Search::Operators, text), query, "{text}");
        }
        assert_eq!(read(Search::Operators, &"(".repeat(9000)), "PGRST100");
    }

    #[test]
    fn is_written_for_mariadb() {
        for (text, query) in [
            ("cat", "+cat"),
            ("cat & dog:*", "+(+cat +dog*)"),
            ("cat | 'a dog'", "+(cat \"a dog\")"),
            ("cat & (dog | mouse & fox)", "+(+cat +(dog (+mouse +fox)))"),
        ] {
            let parsed = TextQuery::parse(Search::Operators, text).unwrap().unwrap();
            assert_eq!(parsed.boolean(), query, "{text}");
        }
    }

    proptest! {
        /// Of what a client writes, nothing but words gets to an engine.
        #[test]
        fn holds_no_operator_of_a_client(text in "[a-c +<>()~*\"@%'\\\\{}:^&|!-]{0,40}|\\PC{0,40}") {
            for syntax in [Search::Operators, Search::Words, Search::Phrase, Search::Web] {
                if let Ok(Some(query)) = TextQuery::parse(syntax, &text) {
                    each_word(&query);
                }
            }
        }
    }

    fn each_word(query: &TextQuery) {
        match query {
            TextQuery::Phrase { words, .. } => {
                assert!(!words.is_empty());
                for word in words {
                    assert!(!word.is_empty());
                    let is_plain = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || c == '_';
                    assert!(word.chars().all(is_plain), "{word}");
                }
            }
            TextQuery::Not(inner) => each_word(inner),
            TextQuery::All(all) | TextQuery::Any(all) => {
                assert!(all.len() > 1);
                all.iter().for_each(each_word);
            }
        }
    }
}
