//! Whole statements and subqueries.

use super::names::{FLUSHED, FUNCTIONS, FURNITURE, LEAKS, SENSITIVE, SHOWN, TYPES};
use super::token::Kind;
use super::{Hits, Sql};
use crate::waf::rules::sql as rules;

/// Tokens of a statement that are searched for what it is about.
const MAX_STATEMENT: usize = 64;

impl Sql<'_> {
    /// Whether a statement may start at `index`.
    fn starts_statement(&self, index: usize) -> bool {
        match self.previous(index) {
            Kind::End => !self.listing,
            Kind::Semi => true,
            Kind::Open => self.opens_query(index - 1),
            // `1 and select ...` is wrong and tried.
            Kind::Logic => {
                index == 2 && self.kind(0) == Kind::Number
                    || index == self.lead.end + 1 && self.word(0).len() == 1
            }
            Kind::Str => {
                self.follows_breakout(index)
                    && (self.kind(index) == Kind::Exec
                        || self.kind(index) == Kind::Select && self.word(0).len() == 1)
            }
            _ => false,
        }
    }

    /// Whether the parenthesis at `open` stands where a subquery can.
    fn opens_query(&self, open: usize) -> bool {
        let start = (0..=open)
            .rev()
            .take(8)
            .find(|index| self.kind(*index) != Kind::Open);
        let Some(before) = start else { return true };
        match self.kind(before) {
            Kind::Logic
            | Kind::Cmp
            | Kind::Arith
            | Kind::Comma
            | Kind::Select
            | Kind::Not
            | Kind::From
            | Kind::Having
            | Kind::Keyword
            | Kind::Union
            | Kind::All
            | Kind::Semi
            | Kind::By
            | Kind::Where
            | Kind::Number => true,
            Kind::Ident | Kind::Object => {
                FUNCTIONS.contains(self.word(before)) || LEAKS.contains(self.word(before))
            }
            _ => false,
        }
    }

    /// Statements, each with its operands.
    pub(super) fn statement(&self, index: usize, hits: &mut Hits) {
        let stacked = self.previous(index) == Kind::Semi;
        let is_verb = matches!(
            self.kind(index),
            Kind::Select | Kind::Insert | Kind::Update | Kind::Delete | Kind::Schema | Kind::Exec
        );
        // Other verbs count behind a semicolon and at the start alone.
        if !(is_verb || stacked || index <= 2)
            || !self.starts_statement(index)
            || !self.is_anchored(index)
        {
            return;
        }
        if stacked && self.listing && !self.follows_value(index) {
            return;
        }
        let rule = match self.kind(index) {
            Kind::Select if !stacked || self.follows_value(index) => self.select(index),
            Kind::Insert => self.insert(self.skip_modifiers(index)),
            Kind::Update => self.update(index).then_some(&rules::UPDATE),
            Kind::Delete => self
                .delete(self.skip_modifiers(index), stacked)
                .then_some(&rules::DELETE),
            Kind::Schema => self.schema(index).then_some(&rules::DROP),
            Kind::Exec => self.exec(index).then_some(&rules::STACKED),
            _ => None,
        };
        let rule = rule.or_else(|| {
            let is_command = self.selects_call(index)
                || (stacked && self.merges(index))
                || (stacked && self.follows_value(index) && self.command(index))
                || self.is_stacked(index)
                || self.is_conditional(index)
                || self.acts_outside(index);
            is_command.then_some(&rules::STACKED)
        });
        let rule = rule.and_then(|rule| self.judge(index, rule));
        hits.extend(rule.map(|rule| self.hit(rule, index, index + 4)));
    }

    /// A whole statement that reads or writes an everyday table may be somebody's example: it is
    /// suspicious and no more; with placeholders it is a program's own.
    fn judge(
        &self,
        index: usize,
        rule: &'static crate::waf::rules::Rule,
    ) -> Option<&'static crate::waf::rules::Rule> {
        let is_plain = match self.kind(index) {
            Kind::Select => (0..MAX_STATEMENT).any(|at| self.kind(at) == Kind::From),
            Kind::Insert | Kind::Update | Kind::Delete => true,
            Kind::Schema => self.is_script(index),
            _ => false,
        };
        if index > 0 || self.quote.is_some() || !is_plain {
            return Some(rule);
        }
        let is_placeholder = |at: usize| {
            self.word(at) == b"?" || self.word(at).starts_with(b"$") && self.word(at).len() <= 3
        };
        if (0..MAX_STATEMENT).any(is_placeholder) {
            return None;
        }
        // `select id, name from account` is Salesforce's; what shops keep stands in everybody's examples.
        let is_record = self.word(1) == b"id" && self.kind(2) == Kind::Comma;
        let is_trade = self.kind(index) == Kind::Select
            && (0..MAX_STATEMENT).all(|at| {
                let word = self.word(at);
                matches!(word, b"orders" | b"customers")
                    || is_record && matches!(word, b"account" | b"email" | b"user")
                    || !self.names_secrets(at, at)
            });
        let is_meant = !is_trade && self.names_secrets(0, MAX_STATEMENT)
            || self.is_cut(self.tokens.len() - 1)
            || (1..MAX_STATEMENT).any(|at| matches!(self.kind(at), Kind::Select | Kind::Union));
        Some(if is_meant { rule } else { &rules::SELECT_WEAK })
    }

    /// A statement that sets a schema up, as manuals and migrations show it.
    fn is_script(&self, index: usize) -> bool {
        match self.word(index) {
            b"create" => !matches!(
                self.word(index + 1),
                b"user" | b"login" | b"role" | b"database"
            ),
            b"alter" => matches!(self.word(index + 1), b"table" | b"view" | b"index"),
            // `truncate table logs; vs delete from logs`.
            b"truncate" => {
                self.kind(index + 3) == Kind::Semi && self.kind(index + 4) == Kind::Ident
            }
            b"drop" => {
                matches!(self.word(index + 1), b"index" | b"view" | b"trigger")
                    || self.word(index + 2) == b"if"
                    || self.word(index + 1) == b"table" && FURNITURE.contains(&self.word(index + 2))
            }
            _ => false,
        }
    }

    fn insert(&self, index: usize) -> Option<&'static crate::waf::rules::Rule> {
        let stacked =
            index <= 2 && self.kind(1) == Kind::Semi || self.previous(index) == Kind::Semi;
        if self.kind(index + 1) != Kind::Into || !self.is_table(index + 2) {
            let is_begun = stacked && index <= 2 && self.kind(index + 1) == Kind::Into;
            return (is_begun && self.kind(index + 2) == Kind::End).then_some(&rules::INSERT);
        }
        let mut after = self.after_table(index + 2);
        if self.kind(after) == Kind::Open {
            after = self.closing.get(after).map_or(after, |close| close + 1);
        }
        let is_statement = matches!(self.kind(after), Kind::Select | Kind::Set)
            || self.word(after) == b"values"
            || self.word(after) == b"value";
        let is_known = SENSITIVE.contains(&self.word(index + 2)) && self.ends(after);
        (is_statement || is_known).then_some(&rules::INSERT)
    }

    /// The last of MySQL's words between a verb and its table: `delete low_priority quick from`.
    fn skip_modifiers(&self, verb: usize) -> usize {
        let is_other = |index: &usize| {
            !matches!(
                self.word(index + 1),
                b"low_priority" | b"high_priority" | b"delayed" | b"quick" | b"ignore"
            )
        };
        (verb..verb + 3).find(is_other).unwrap_or(verb)
    }

    fn update(&self, index: usize) -> bool {
        let after = self.after_table(index + 1);
        self.is_table(index + 1) && self.kind(after) == Kind::Set && {
            let column = after + 1;
            let equals = if self.kind(column + 1) == Kind::Dot {
                column + 3
            } else {
                column + 1
            };
            matches!(
                self.kind(column),
                Kind::Ident | Kind::Object | Kind::Keyword | Kind::Var
            ) && self.word(equals) == b"="
        }
    }

    fn delete(&self, index: usize, stacked: bool) -> bool {
        // MSSQL needs no `from`.
        let table = index + 1 + usize::from(self.kind(index + 1) == Kind::From);
        if table == index + 1 && !(stacked && SENSITIVE.contains(&self.word(table))) {
            return false;
        }
        if !self.is_table(table) {
            return false;
        }
        let after = self.after_table(table);
        match self.kind(after) {
            Kind::End => stacked || SENSITIVE.contains(&self.word(table)),
            Kind::Where => self.comparison(after + 1).is_some(),
            Kind::Semi | Kind::Comment => true,
            _ => false,
        }
    }

    /// `drop table x`, `truncate table x`, `alter table x add`, `create table x (`.
    fn schema(&self, index: usize) -> bool {
        let object = if matches!(self.word(index + 1), b"or") {
            index + 3
        } else {
            index + 1
        };
        if self.kind(object) != Kind::Object {
            // `truncate users` needs no object.
            return self.word(index) == b"truncate"
                && self.previous(index) == Kind::Semi
                && self.is_table(object)
                && matches!(
                    self.kind(object + 1),
                    Kind::End | Kind::Comment | Kind::Semi
                );
        }
        let mut name = object + 1;
        while matches!(self.kind(name), Kind::Keyword | Kind::Not) && name < object + 4 {
            name += 1;
        }
        if !self.is_table(name) {
            return false;
        }
        let mut after = name + 1;
        while self.kind(after) == Kind::Dot {
            after += 2;
        }
        // `Drop Table Ltd.` is no name of a table.
        if after > self.tokens.len() {
            return false;
        }
        match self.word(index) {
            b"alter" => {
                let changes = matches!(
                    self.word(after),
                    b"add"
                        | b"drop"
                        | b"modify"
                        | b"rename"
                        | b"alter"
                        | b"change"
                        | b"set"
                        | b"with"
                        | b"enable"
                );
                let is_stacked = self.previous(index) == Kind::Semi;
                changes || is_stacked && matches!(self.kind(after), Kind::End | Kind::Comment)
            }
            b"create" => {
                self.kind(after) == Kind::Open
                    || matches!(self.word(after), b"identified" | b"with" | b"returns")
                    || self.kind(after + 1) == Kind::Select
            }
            _ => {
                matches!(
                    self.kind(after),
                    Kind::End | Kind::Semi | Kind::Comment | Kind::Comma | Kind::Str
                ) || matches!(self.word(after), b"cascade" | b"restrict")
            }
        }
    }

    /// Server commands: `exec xp_...`, `declare @x`, `shutdown`.
    fn exec(&self, index: usize) -> bool {
        let next = self.word(index + 1);
        match self.word(index) {
            b"declare" => self.kind(index + 1) == Kind::Var && index + 2 < self.tokens.len(),
            b"shutdown" => {
                (self.previous(index) == Kind::Semi || self.word(index + 2) == b"nowait")
                    && (matches!(self.kind(index + 1), Kind::End | Kind::Comment | Kind::Semi)
                        || self.word(index + 1) == b"with")
            }
            // `exec sp_rename 'a', 'b'` alone is an administrator's.
            b"exec" | b"execute" if self.is_kept(index) => false,
            b"exec" | b"execute" => {
                next.starts_with(b"xp_")
                    || next == b"as"
                        && matches!(self.word(index + 2), b"login" | b"user" | b"caller")
                    || next.starts_with(b"sp_")
                    || next == b"master"
                    || (next == b"immediate"
                        && matches!(
                            self.kind(index + 2),
                            Kind::Str | Kind::Var | Kind::Open | Kind::End
                        ))
                    || (self.previous(index) == Kind::Semi && self.kind(index + 2) == Kind::End)
                    || (self.kind(index + 1) == Kind::Open
                        && matches!(self.kind(index + 2), Kind::Str | Kind::Var))
            }
            _ => false,
        }
    }

    /// Whether the text is nothing but the call of a procedure that changes no rights and starts nothing.
    fn is_kept(&self, index: usize) -> bool {
        let is_known = matches!(
            self.word(index + 1),
            b"sp_rename" | b"sp_executesql" | b"sp_helptext" | b"sp_who2" | b"sp_spaceused"
        );
        let takes = self.word(index + 1) != b"sp_executesql"
            || self.tokens.iter().any(|token| token.kind == Kind::Comma);
        index == 0
            && self.quote.is_none()
            && is_known
            && takes
            && (index + 2..self.tokens.len())
                .all(|at| self.kind(at) != Kind::Semi || self.kind(at + 1) == Kind::End)
    }

    /// Whether the semicolon before `index` ends a value and not a line of code.
    fn follows_value(&self, index: usize) -> bool {
        self.quote.is_some()
            || matches!(
                self.kind(0),
                Kind::Number | Kind::Const | Kind::Close | Kind::Semi | Kind::Str | Kind::Arith
            )
            || self.kind(1) == Kind::Close
            || (index == 2
                && self.kind(0) == Kind::Ident
                && !self.listing
                && self.kind(index) != Kind::Keyword)
            // `id asc; select 1`
            || (self.kind(index) == Kind::Select
                && index == 3
                && matches!(self.word(1), b"asc" | b"desc"))
            // `id=1;select 1`, `id is null;select 1`
            || (self.kind(index) == Kind::Select
                && !self.listing
                && self.kind(0) == Kind::Ident
                && self.kind(1) == Kind::Cmp
                && index == 4
                && matches!(self.kind(2), Kind::Number | Kind::Const))
    }

    /// `x'; security label ... --`: whatever the statement is, its verb stands behind the quote and the semicolon that
    /// end a value, and a comment cuts the rest off.
    fn is_stacked(&self, index: usize) -> bool {
        let verb = self.word(index);
        self.quote.is_some()
            && self.value
            && self.kind(1) == Kind::Semi
            && index == 2
            && self.is_cut(self.tokens.len() - 1)
            && (matches!(self.kind(index), Kind::Schema | Kind::Exec)
                || self.kind(index) == Kind::Select && self.kind(index + 2) == Kind::Open
                || VERBS.contains(&verb))
    }

    /// `call dbms_lock.sleep(5)`, `attach database 'a' as b`: statements that no
    /// manual shows without a word about them.
    fn acts_outside(&self, index: usize) -> bool {
        index == 0
            && match self.word(0) {
                b"call" => self.word(1).starts_with(b"dbms_") && self.kind(2) == Kind::Dot,
                b"attach" => {
                    self.word(1) == b"database"
                        && self.kind(2) == Kind::Str
                        && self.word(3) == b"as"
                        && self.ends(5)
                }
                b"copy" => (2..MAX_STATEMENT).any(|at| {
                    matches!(self.word(at - 1), b"to" | b"from")
                        && self.word(at) == b"program"
                        && self.kind(at + 1) == Kind::Str
                        && (self.kind(at + 2) == Kind::End
                            || self.kind(at + 2) == Kind::Semi && self.kind(at + 3) == Kind::End)
                }),
                b"bulk" => {
                    self.word(1) == b"insert"
                        && (3..6)
                            .any(|at| self.word(at) == b"from" && self.kind(at + 1) == Kind::Str)
                }
                b"pragma" => {
                    self.word(1) == b"table_info" && self.kind(2) == Kind::Open && self.ends(5)
                }
                b"prepare" => {
                    self.word(2) == b"from"
                        && (self.word(3) == b"concat" || self.word(3).starts_with(b"@"))
                }
                _ => false,
            }
    }

    /// `if (1=1) select 1`, all of it.
    fn is_conditional(&self, index: usize) -> bool {
        index == 0
            && self.word(0) == b"if"
            && self.close(1).is_some_and(|close| {
                matches!(
                    self.kind(close + 1),
                    Kind::Select | Kind::Exec | Kind::Schema
                )
            })
    }

    /// Statements that count only after the semicolon that ends somebody else's.
    fn command(&self, index: usize) -> bool {
        let (second, third) = (index + 1, index + 2);
        let ends = |at: usize| matches!(self.kind(at), Kind::End | Kind::Comment | Kind::Semi);
        let word = self.word(second);
        match self.word(index) {
            b"show" => SHOWN.contains(&word),
            b"use" | b"desc" | b"describe" | b"explain" => {
                self.kind(second) == Kind::Ident
                    && ends(third)
                    && (self.quote.is_some() || self.kind(0) == Kind::Number)
                    || word == b"master"
                    || word == b"mysql"
                    || self.kind(second) == Kind::Select
            }
            b"grant" | b"revoke" => {
                !self.is_entity(index) && self.follows(second, &[b"on", b"to", b"from"])
            }
            b"call" | b"pragma" | b"dbcc" => {
                self.kind(second) == Kind::Ident
                    && matches!(self.kind(third), Kind::Open | Kind::Dot | Kind::Cmp)
            }
            b"handler" => matches!(self.word(third), b"open" | b"read"),
            b"rename" => word == b"table",
            b"prepare" => self.kind(third) == Kind::From || self.word(third) == b"as",
            b"execute" | b"deallocate" => ends(third) && self.quote.is_some(),
            b"set" => {
                self.kind(second) == Kind::Var
                    || word == b"global"
                    || self.kind(0) == Kind::Number
                        && match word {
                            b"role" => ends(index + 3),
                            b"password" => matches!(self.word(third), b"for" | b"="),
                            _ => word == b"session" && self.word(index + 3) == b"=",
                        }
            }
            b"print" => {
                // Other languages print what stands in double quotes.
                self.kind(second) == Kind::Var
                    || (self.kind(second) == Kind::Str
                        && !self.word(second).starts_with(b"\"")
                        && ends(third))
            }
            b"vacuum" | b"rollback" | b"commit" => ends(second),
            b"values" => self.kind(second) == Kind::Open && self.quote.is_some(),
            b"create" => matches!(word, b"alias" | b"aggregate" | b"extension" | b"or"),
            b"reconfigure" => ends(second) || word == b"with",
            b"install" | b"uninstall" => matches!(word, b"plugin" | b"component"),
            b"attach" | b"detach" | b"backup" | b"restore" => self.kind(second) == Kind::Object,
            b"load" => matches!(word, b"data" | b"xml"),
            b"bulk" => self.kind(second) == Kind::Insert,
            b"merge" => self.kind(second) == Kind::Into,
            b"copy" => {
                self.kind(second) == Kind::Open
                    || self.follows(second, &[b"from", b"to", b"program"])
            }
            b"while" => self.comparison(second).is_some(),
            b"raiserror" => self.kind(second) == Kind::Open && self.kind(third) == Kind::Str,
            b"listen" | b"notify" | b"unlisten" => self.kind(second) == Kind::Ident && ends(third),
            b"kill" => self.kind(second) == Kind::Number && ends(third),
            b"begin" => {
                matches!(
                    self.kind(second),
                    Kind::Exec | Kind::Select | Kind::Insert | Kind::Update
                ) || self.kind(third) == Kind::Dot
            }
            b"if" => {
                self.branches(second)
                    || word == b"exists"
                    || (self.quote.is_some() || self.kind(0) == Kind::Number)
                        && self.comparison(second).is_some_and(|asked| {
                            !asked.has_name
                                && matches!(self.kind(asked.end), Kind::Select | Kind::Exec)
                        })
            }
            b"with" => self.word(third) == b"as" && self.kind(index + 3) == Kind::Open,
            b"do" => self.is_function(second) || self.kind(second) == Kind::Str,
            b"declare" => self.kind(second) == Kind::Ident && TYPES.contains(&self.word(third)),
            b"lock" | b"unlock" | b"flush" | b"reset" => FLUSHED.contains(&word),
            _ => self.kind(index) == Kind::Open && self.is_function(second),
        }
    }

    /// Whether the condition in parentheses at `open`, or what follows it, is SQL's: `if (1=1)`,
    /// `if (select ...)`, `if (x) waitfor`. The other languages have `if (` as well.
    fn branches(&self, open: usize) -> bool {
        let Some(close) = self.close(open) else {
            return self.kind(open) == Kind::Open
                && (open + 1..open + 4).any(|index| self.kind(index) == Kind::Select);
        };
        let is_query = |index: usize| {
            matches!(self.kind(index), Kind::Select | Kind::Exec | Kind::Schema)
                || self.is_function(index)
        };
        self.kind(open) == Kind::Open
            && (matches!(
                self.kind(close + 1),
                Kind::Select
                    | Kind::Exec
                    | Kind::Schema
                    | Kind::Insert
                    | Kind::Update
                    | Kind::Delete
                    | Kind::Set
            ) || (open + 1..close.min(open + 8)).any(is_query)
                || (self.kind(open + 1) == Kind::Number && self.kind(open + 2) == Kind::Cmp))
    }

    /// Whether one of the words stands among the next few tokens.
    fn follows(&self, start: usize, words: &[&[u8]]) -> bool {
        (start..start + 8).any(|index| words.contains(&self.word(index)))
    }
}

/// What statements of the dialects begin with besides the common ones.
const VERBS: &[&[u8]] = &[
    b"analyze",
    b"backup",
    b"begin",
    b"call",
    b"checkpoint",
    b"close",
    b"cluster",
    b"comment",
    b"commit",
    b"dbcc",
    b"deallocate",
    b"deny",
    b"detach",
    b"discard",
    b"fetch",
    b"flush",
    b"go",
    b"grant",
    b"import",
    b"kill",
    b"listen",
    b"load",
    b"lock",
    b"notify",
    b"open",
    b"pragma",
    b"purge",
    b"reassign",
    b"refresh",
    b"reindex",
    b"release",
    b"rename",
    b"reset",
    b"restore",
    b"revert",
    b"revoke",
    b"rollback",
    b"savepoint",
    b"script",
    b"runscript",
    b"security",
    b"set",
    b"show",
    b"throw",
    b"use",
    b"vacuum",
    b"while",
    b"with",
];
