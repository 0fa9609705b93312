//! SQL injection by token folding: the text is read in three contexts (as it stands, inside
//! single and inside double quotes), and each reading is searched for shapes that are SQL and
//! not prose: a keyword alone never counts, its operands must be there too.
//!
//! Prose survives because a statement must start where a statement can, lists must be lists, and
//! what follows a complete condition must be the end, a comment or another clause.

mod boolean;
mod call;
mod expression;
mod names;
mod statement;
mod token;

use self::token::{Kind, Token, tokens};
use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::scan::{span, trim};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "select",
    "union",
    "insert",
    "replace",
    "update",
    "delete",
    "drop",
    "truncate",
    "alter",
    "create",
    "or",
    "and",
    "having",
    "||",
    "&&",
    "--",
    "#",
    "/*",
    "order",
    "group",
    "exec",
    "declare",
    "shutdown",
    "waitfor",
    "sleep",
    "benchmark",
    "information_schema",
    "pg_",
    "sqlite_",
    "sys",
    "mysql",
    "master",
    "dbms_",
    "utl_",
    "extractvalue",
    "updatexml",
    "load_file",
    "outfile",
    "dumpfile",
    "xp_",
    "'",
    "\"",
    "rlike",
    "randomblob",
    "procedure",
    "all_",
];

/// One reading of a text.
struct Sql<'a> {
    text: &'a [u8],
    tokens: Vec<Token>,
    /// Index of the closing parenthesis for each opening one, the number of tokens elsewhere.
    closing: Vec<usize>,
    /// Whether the text is read as if it stood inside quotes.
    quoted: bool,
}

/// Names the rules that any of the readings breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    // A file name with a bracket or a user agent with semicolons is no query.
    if matches!(text.part, Part::File) {
        return;
    }
    Sql::new(text.lower, None).detect(hits);
    for quote in *b"'\"" {
        if text.lower.contains(&quote) {
            Sql::new(text.lower, Some(quote)).detect(hits);
        }
    }
}

impl<'a> Sql<'a> {
    fn new(text: &'a [u8], quote: Option<u8>) -> Self {
        let tokens = tokens(text, quote);
        let closing = closing(&tokens);
        Self {
            text,
            tokens,
            closing,
            quoted: quote.is_some(),
        }
    }

    fn detect(&self, hits: &mut Vec<Hit>) {
        for index in 0..self.tokens.len() {
            self.union(index, hits);
            self.statement(index, hits);
            self.condition(index, hits);
            self.function(index, hits);
            self.clause(index, hits);
        }
        self.comment(hits);
        self.arithmetic(hits);
    }

    /// Kind of the token at `index`, [`Kind::End`] outside.
    fn kind(&self, index: usize) -> Kind {
        self.tokens.get(index).map_or(Kind::End, |token| token.kind)
    }

    /// Kind of the token before `index`, [`Kind::End`] at the start.
    fn previous(&self, index: usize) -> Kind {
        index
            .checked_sub(1)
            .map_or(Kind::End, |index| self.kind(index))
    }

    fn word(&self, index: usize) -> &'a [u8] {
        self.tokens
            .get(index)
            .map_or(&[], |token| token::text_of(self.text, token))
    }

    fn hit(&self, rule: &'static crate::waf::rules::Rule, first: usize, last: usize) -> Hit {
        let start = self.tokens.get(first).map_or(0, |token| token.start);
        let end = self
            .tokens
            .get(last)
            .map_or(self.text.len(), |token| token.end);
        Hit::new(rule, start, end)
    }

    /// Whether the token before `index` (closing parentheses skipped) is the string that the
    /// text's own quote ended: the place where an injection starts.
    fn follows_breakout(&self, index: usize) -> bool {
        let mut index = index;
        while index > 0 && self.kind(index - 1) == Kind::Close {
            index -= 1;
        }
        self.quoted && index == 1
    }

    /// Whether a comment at this token says nothing, as the one that cuts a query's rest off.
    fn is_cut(&self, index: usize) -> bool {
        let said = self
            .tokens
            .get(index)
            .map_or(&[][..], |token| token::comment_text(self.text, token));
        // MySQL's `#` needs no space, so what follows it is more often a tag than a comment.
        let longest = if self.word(index).starts_with(b"#") {
            0
        } else {
            3
        };
        self.kind(index) == Kind::Comment && trim(said).len() <= longest
    }

    /// Whether the string before the break-out is short enough to be a value, not prose.
    fn head_is_value(&self) -> bool {
        let head = self.word(0);
        head.len() <= 40
            && trim(span(head, 0, head.len().saturating_sub(1)))
                .split(|byte| *byte == b' ')
                .count()
                <= 2
    }
}

/// Matches parentheses in one pass.
fn closing(tokens: &[Token]) -> Vec<usize> {
    let mut closing = vec![tokens.len(); tokens.len()];
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => open.push(index),
            Kind::Close => {
                if let Some(slot) = open.pop().and_then(|start: usize| closing.get_mut(start)) {
                    *slot = index;
                }
            }
            _ => {}
        }
    }
    closing
}
