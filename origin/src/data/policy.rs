//! A row policy: a condition in SQL in which `auth.uid()`, `auth.tenant()`, `auth.role()` and
//! `auth.claim('…')` stand for values of whoever asks. They are bound, never pasted.

use std::fmt;

/// A value of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// `auth.uid()`, `auth.claim('sub')`: the account.
    Subject,
    /// `auth.role()`, `auth.claim('role')`.
    Role,
    /// `auth.tenant()`, `auth.claim('tenant_id')`.
    Tenant,
    /// `auth.claim('session_id')`.
    Session,
    /// `auth.claim('jti')`.
    TokenId,
    /// `auth.claim('aal')`.
    Assurance,
}

/// Who asks, as the edge proved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The account; `None` for a public key.
    pub(crate) subject: Option<String>,
    /// `anon` without a token.
    pub(crate) role: String,
    /// The tenant.
    pub(crate) tenant: Option<String>,
    /// The session.
    pub(crate) session: Option<String>,
    /// The token's own id.
    pub(crate) token_id: Option<String>,
    /// `aal1` or `aal2`.
    pub(crate) assurance: &'static str,
}

impl Caller {
    /// What the caller's token says.
    #[must_use]
    pub(crate) fn claim(&self, claim: Claim) -> Option<&str> {
        match claim {
            Claim::Subject => self.subject.as_deref(),
            Claim::Role => Some(&self.role),
            Claim::Tenant => self.tenant.as_deref(),
            Claim::Session => self.session.as_deref(),
            Claim::TokenId => self.token_id.as_deref(),
            Claim::Assurance => Some(self.assurance),
        }
    }
}

/// A part of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// SQL as it stands.
    Sql(String),
    /// A value to bind.
    Claim(Claim),
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// One after the other.
    pub(crate) pieces: Vec<Piece>,
    /// Whether the row alone decides, so that it can be asked of a row that is being written.
    pub(crate) is_row_local: bool,
    /// Values that are compared with PostgreSQL's `uuid`, which takes no text: found out when the
    /// origin starts.
    pub(crate) uuids: Vec<Claim>,
    /// The table's columns that it may be about, where it can be asked of a row before that is written:
    /// found out when the origin starts.
    pub(crate) columns: Option<Vec<String>>,
}

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPolicy {
    /// A value of whoever asks that there is not.
    #[error(
        "unknown {0}; there are auth.uid(), auth.tenant(), auth.role() and auth.claim('sub', 'role', 'tenant_id', 'session_id', 'jti' or 'aal')"
    )]
    Unknown(String),
    /// A quotation or a parenthesis that does not end, or ends too often.
    #[error("an unbalanced {0}")]
    Unbalanced(char),
    /// What ends a statement, hides a part of it or stands for a value.
    #[error("`{0}` has no place in a condition")]
    Forbidden(&'static str),
    /// Nothing.
    #[error("an empty condition")]
    Empty,
}

impl Policy {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`BadPolicy`]. Whether it is SQL, the database says when the origin starts.
    pub(crate) fn parse(text: &str) -> Result<Self, BadPolicy> {
        if text.trim().is_empty() {
            return Err(BadPolicy::Empty);
        }
        let mut read = Reading::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let taken = match first {
                '\'' | '"' | '`' => quoted(rest, first)?,
                '(' | ')' => read.parenthesis(first)?,
                _ if is_word(first) => read.word(rest)?,
                _ => forbidden(rest)
                    .map_or(Ok(first.len_utf8()), |it| Err(BadPolicy::Forbidden(it)))?,
            };
            let (head, tail) = rest.split_at_checked(taken).unwrap_or((rest, ""));
            if read.claimed {
                read.claimed = false;
            } else {
                read.sql.push_str(head);
            }
            rest = tail;
        }
        if read.depth > 0 {
            return Err(BadPolicy::Unbalanced('('));
        }
        read.flush();
        Ok(Self {
            pieces: read.pieces,
            is_row_local: !read.selects,
            uuids: Vec::new(),
            columns: None,
        })
    }

    /// Writes names in quotation marks as SQLite takes for nothing else: one in `"` that is no column would
    /// be a text there, and a condition with a slip of the pen true or false for every row.
    pub(crate) fn keep_names(&mut self) {
        for piece in &mut self.pieces {
            if let Piece::Sql(sql) = piece {
                *sql = with_backticks(sql);
            }
        }
    }

    /// Whether it may be about a column of `table`, the one whose rows it judges. A name that another
    /// table of a query within it has, too, counts as well.
    pub(crate) fn names(&self, table: &str, column: &str) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Sql(sql) => names(sql, table, column),
            Piece::Claim(_) => false,
        })
    }
}

impl Policy {
    /// The column and the claim that it must equal, where the condition is that alone.
    pub(crate) fn own(&self) -> Option<(&str, Claim)> {
        let (column, claim) = match self.pieces.as_slice() {
            [Piece::Sql(sql), Piece::Claim(claim)] => (sql.trim_end().strip_suffix('=')?, *claim),
            [Piece::Claim(claim), Piece::Sql(sql)] => (sql.trim_start().strip_prefix('=')?, *claim),
            _ => return None,
        };
        let column = column.trim();
        let is_name = !column.is_empty() && column.chars().all(is_word);
        is_name.then_some((column, claim))
    }

    /// The names that stand next to a claim, but for what compares them; each as it is written, without
    /// quotation marks.
    pub(crate) fn beside_claims(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (at, piece) in self.pieces.iter().enumerate() {
            if !matches!(piece, Piece::Claim(_)) {
                continue;
            }
            let sql = |at: Option<usize>| match at.and_then(|at| self.pieces.get(at)) {
                Some(Piece::Sql(sql)) => words(sql),
                _ => Vec::new(),
            };
            let (before, after) = (sql(at.checked_sub(1)), sql(at.checked_add(1)));
            let is_name = |word: &&String| !COMPARING.contains(&word.to_ascii_uppercase().as_str());
            found.extend(before.iter().rev().find(is_name).cloned());
            found.extend(after.iter().find(is_name).cloned());
        }
        found
    }
}

/// What stands between two things that are compared.
const COMPARING: [&str; 7] = ["IN", "NOT", "LIKE", "SELECT", "DISTINCT", "ANY", "ALL"];

/// Names with their tables', and other words.
fn words(sql: &str) -> Vec<String> {
    let plain = sql.replace(['"', '`'], "");
    let words = plain.split(|c| !is_word(c) && c != '.' && c != '\'');
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Names in `"` as names in backticks.
fn with_backticks(sql: &str) -> String {
    let mut kept = String::with_capacity(sql.len());
    let mut mark = None;
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        match mark {
            None => {
                mark = Some(c).filter(|c| matches!(c, '\'' | '"' | '`'));
                kept.push(if c == '"' { '`' } else { c });
            }
            Some('"') if c == '"' => {
                if rest.next_if_eq(&'"').is_some() {
                    kept.push('"');
                } else {
                    mark = None;
                    kept.push('`');
                }
            }
            Some('"') if c == '`' => kept.push_str("``"),
            // A doubled mark ends one text and begins the next.
            Some(ends) => {
                mark = Some(ends).filter(|ends| *ends != c);
                kept.push(c);
            }
        }
    }
    kept
}

fn names(sql: &str, table: &str, column: &str) -> bool {
    // Every second part is a text in quotation marks.
    sql.split('\'').step_by(2).any(|part| {
        let plain = part.replace(['"', '`'], "");
        let mut before = "";
        plain.split_inclusive(|c| !is_word(c)).any(|word| {
            let (name, owner) = (word.trim_end_matches(|c| !is_word(c)), before);
            before = word;
            let owner = owner.strip_suffix('.');
            name.eq_ignore_ascii_case(column)
                && owner.is_none_or(|owner| owner.eq_ignore_ascii_case(table))
        })
    })
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Sql(sql) => f.write_str(sql)?,
                Piece::Claim(claim) => f.write_str(claim.text())?,
            }
        }
        Ok(())
    }
}

impl Claim {
    const ALL: [Self; 6] = [
        Self::Subject,
        Self::Role,
        Self::Tenant,
        Self::Session,
        Self::TokenId,
        Self::Assurance,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Subject => "auth.uid()",
            Self::Role => "auth.role()",
            Self::Tenant => "auth.tenant()",
            Self::Session => "auth.claim('session_id')",
            Self::TokenId => "auth.claim('jti')",
            Self::Assurance => "auth.claim('aal')",
        }
    }

    /// The name in a token.
    const fn name(self) -> &'static str {
        match self {
            Self::Subject => "sub",
            Self::Role => "role",
            Self::Tenant => "tenant_id",
            Self::Session => "session_id",
            Self::TokenId => "jti",
            Self::Assurance => "aal",
        }
    }

    /// The whole of `text`, such as `auth.uid()`.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|claim| claim.text() == text)
            .or_else(|| {
                let name = text.strip_prefix("auth.claim('")?.strip_suffix("')")?;
                Self::ALL.into_iter().find(|claim| claim.name() == name)
            })
    }
}

#[derive(Default)]
struct Reading {
    pieces: Vec<Piece>,
    sql: String,
    depth: usize,
    selects: bool,
    /// What was read last is a claim, not SQL.
    claimed: bool,
}

impl Reading {
    fn flush(&mut self) {
        if !self.sql.is_empty() {
            self.pieces.push(Piece::Sql(std::mem::take(&mut self.sql)));
        }
    }

    const fn parenthesis(&mut self, it: char) -> Result<usize, BadPolicy> {
        if it == '(' {
            self.depth += 1;
        } else if let Some(depth) = self.depth.checked_sub(1) {
            self.depth = depth;
        } else {
            return Err(BadPolicy::Unbalanced(')'));
        }
        Ok(1)
    }

    /// A word, or a claim with its parentheses.
    fn word(&mut self, rest: &str) -> Result<usize, BadPolicy> {
        let word = rest.split(|c| !is_word(c)).next().unwrap_or_default();
        if word.eq_ignore_ascii_case("select") {
            self.selects = true;
        }
        if !word.eq_ignore_ascii_case("auth") || !rest.get(4..).is_some_and(|r| r.starts_with('.'))
        {
            return Ok(word.len());
        }
        let end = rest.find(')').map_or(rest.len(), |at| at + 1);
        let text = rest.get(..end).unwrap_or(rest);
        let claim = Claim::parse(text).ok_or_else(|| BadPolicy::Unknown(text.to_owned()))?;
        self.flush();
        self.pieces.push(Piece::Claim(claim));
        self.claimed = true;
        Ok(end)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Bytes up to the end of a quotation; a doubled mark is one inside.
fn quoted(rest: &str, mark: char) -> Result<usize, BadPolicy> {
    let mut inside = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = inside.next() {
        // MySQL would take it for an escape, the others for itself.
        if c == '\\' {
            return Err(BadPolicy::Forbidden("\\"));
        }
        if c == mark && inside.next_if(|(_, next)| *next == mark).is_none() {
            return Ok(at + 1);
        }
    }
    Err(BadPolicy::Unbalanced(mark))
}

fn forbidden(rest: &str) -> Option<&'static str> {
    [";", "--", "/*", "*/", "#", "$", "?", "@", "\\", "\0"]
        .into_iter()
        .find(|it| rest.starts_with(it))
}

#[cfg(test)]
mod tests {
    use super::{BadPolicy, Claim, Piece, Policy};
    use proptest::prelude::*;

    #[test]
    fn claims_are_told_from_sql_and_from_texts() {
        let policy = Policy::parse("user_id = auth.uid() OR note = 'auth.uid()'").unwrap();
        assert_eq!(
            policy.pieces,
            [
                Piece::Sql("user_id = ".into()),
                Piece::Claim(Claim::Subject),
                Piece::Sql(" OR note = 'auth.uid()'".into()),
            ]
        );
        assert!(policy.is_row_local);
        let policy = Policy::parse("tenant = auth.claim('tenant_id')").unwrap();
        assert_eq!(policy.pieces[1], Piece::Claim(Claim::Tenant));
    }

    #[test]
    fn a_condition_that_is_ones_own_row_is_told_from_others() {
        let own = |text: &str| {
            let policy = Policy::parse(text).unwrap();
            policy
                .own()
                .map(|(column, claim)| (column.to_owned(), claim))
        };
        let user = Some(("user_id".to_owned(), Claim::Subject));
        assert_eq!(own("user_id = auth.uid()"), user);
        assert_eq!(own("auth.uid()= user_id "), user);
        for other in [
            "user_id <> auth.uid()",
            "user_id != auth.uid()",
            "user_id >= auth.uid()",
            "auth.uid() => user_id",
            "NOT user_id = auth.uid()",
            "user_id = auth.uid() AND open",
            "open OR user_id = auth.uid()",
            "user_id || '' = auth.uid()",
            "-user_id = auth.uid()",
            "(user_id = auth.uid())",
            "auth.uid() = auth.role()",
        ] {
            assert_eq!(own(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_compared_with_a_claim_is_known() {
        for (text, names) in [
            ("user_id = auth.uid()", &["user_id"][..]),
            ("auth.uid() = (`t`.user_id)", &["t.user_id"]),
            ("a = 1 AND (b <> auth.uid() OR c)", &["b", "OR"]),
            ("auth.tenant() IN (SELECT m.of FROM m)", &["m.of"]),
            ("CAST(user_id AS CHAR) = auth.uid()", &["CHAR"]),
            ("'user_id' = auth.uid()", &["'user_id'"]),
        ] {
            assert_eq!(
                Policy::parse(text).unwrap().beside_claims(),
                names,
                "{text}"
            );
        }
    }

    #[test]
    fn names_are_nothing_else() {
        for (text, kept) in [
            ("\"a\" = 'b'", "`a` = 'b'"),
            ("\"a\"\"b`\".\"c\"", "`a\"b```.`c`"),
            (
                "a = '\"x\"' AND b = 'it''s \"y\"'",
                "a = '\"x\"' AND b = 'it''s \"y\"'",
            ),
            ("`a\"b` = \"é\"", "`a\"b` = `é`"),
        ] {
            assert_eq!(super::with_backticks(text), kept, "{text}");
        }
    }

    #[test]
    fn one_that_asks_other_rows_is_known() {
        let text = "EXISTS (SELECT 1 FROM notes n WHERE n.id = note_id)";
        assert!(!Policy::parse(text).unwrap().is_row_local);
        assert!(Policy::parse("selected = 1").unwrap().is_row_local);
    }

    #[test]
    fn columns_are_told_from_those_of_other_tables() {
        let text = "EXISTS (SELECT 1 FROM notes n WHERE n.id = note_id AND n.title <> 'tag') \
            AND (\"Tags\".Code=1)";
        let policy = Policy::parse(text).unwrap();
        for (column, is_named) in [
            ("note_id", true),
            ("code", true),
            ("id", false),
            ("title", false),
            ("tag", false),
            ("note", false),
        ] {
            assert_eq!(policy.names("tags", column), is_named, "{column}");
        }
    }

    #[test]
    fn what_could_reach_beyond_the_condition_is_refused() {
        for (text, fault) in [
            ("1=1) OR (1=1", BadPolicy::Unbalanced(')')),
            ("(1=1", BadPolicy::Unbalanced('(')),
            ("a = 'x", BadPolicy::Unbalanced('\'')),
            ("1=1; DROP TABLE x", BadPolicy::Forbidden(";")),
            ("1=1 -- x", BadPolicy::Forbidden("--")),
            ("1=1 /* x", BadPolicy::Forbidden("/*")),
            ("a = $1", BadPolicy::Forbidden("$")),
            ("a = ?", BadPolicy::Forbidden("?")),
            (r"a = 'x\' OR 1=1", BadPolicy::Forbidden("\\")),
            (" ", BadPolicy::Empty),
            (
                "a = auth.email()",
                BadPolicy::Unknown("auth.email()".into()),
            ),
            (
                "a = auth.claim('x')",
                BadPolicy::Unknown("auth.claim('x')".into()),
            ),
        ] {
            assert_eq!(Policy::parse(text), Err(fault), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_says_what_it_read(text in "(auth\\.uid\\(\\)|'|\"|\\(|\\)| |a|é|=|select){0,12}") {
            if let Ok(policy) = Policy::parse(&text) {
                prop_assert_eq!(policy.to_string(), text);
            }
        }
    }
}
