//! SQL being written, in the words of one engine.
//!
//! Guarantees: whatever a client sent becomes a bound value; names are quoted and come from the
//! database's own schema.

use crate::{
    data::{
        kind::Kind,
        policy::{Caller, Piece, Policy},
        table::Column,
    },
    db::{Bound, Engine, Statement},
};

/// A statement being written.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    engine: Engine,
    text: String,
    values: Vec<Bound>,
}

impl Sql {
    /// Nothing yet.
    #[must_use]
    pub(crate) const fn new(engine: Engine) -> Self {
        Self {
            engine,
            text: String::new(),
            values: Vec::new(),
        }
    }

    /// Whose words it is in.
    #[must_use]
    pub(crate) const fn engine(&self) -> Engine {
        self.engine
    }

    /// SQL as it stands.
    pub(crate) fn push(&mut self, sql: &str) -> &mut Self {
        self.text.push_str(sql);
        self
    }

    /// A name, quoted.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        let mark = match self.engine {
            Engine::MySql => '`',
            Engine::Sqlite | Engine::Postgres => '"',
        };
        self.text.push(mark);
        // None has one inside: see `config::is_name`. Doubled all the same.
        for c in name.chars() {
            if c == mark {
                self.text.push(mark);
            }
            self.text.push(c);
        }
        self.text.push(mark);
        self
    }

    /// A column of an alias.
    pub(crate) fn of(&mut self, alias: &str, column: &str) -> &mut Self {
        self.name(alias).push(".").name(column)
    }

    /// A text of ours, such as the key of a member: never a client's.
    pub(crate) fn literal(&mut self, text: &str) -> &mut Self {
        self.text.push('\'');
        for c in text.chars() {
            if c == '\'' {
                self.text.push(c);
            }
            self.text.push(c);
        }
        self.text.push('\'');
        self
    }

    /// A value as text, whatever it is compared with.
    pub(crate) fn bind(&mut self, value: Bound) -> &mut Self {
        self.bind_as(value, "text")
    }

    /// A value of JSON, for PostgreSQL.
    pub(crate) fn bind_json(&mut self, json: String) -> &mut Self {
        self.bind_as(Bound::Text(json), "jsonb")
    }

    /// A value of a column.
    pub(crate) fn bind_of(&mut self, column: &Column, value: Bound) -> &mut Self {
        let value = match value {
            // The engine would take it for the time of its own zone.
            Bound::Text(text)
                if column.kind == Kind::Timestamp && self.engine == Engine::Postgres =>
            {
                Bound::Text(text + "+00")
            }
            other => other,
        };
        match value {
            // As a float it would lose digits; as a text it would be compared as a float.
            Bound::Number(text) if self.engine == Engine::MySql && is_decimal(&text) => {
                self.push("CAST(").bind(Bound::Text(text));
                self.push(" AS DECIMAL(65, 30))")
            }
            value => self.bind_as(value, &column.type_name),
        }
    }

    /// PostgreSQL is told the type; the others know it from the value.
    fn bind_as(&mut self, value: Bound, type_name: &str) -> &mut Self {
        self.values.push(value);
        if self.engine == Engine::Postgres {
            // Through text: else the engine would ask for the binary form of the type.
            let at = self.values.len().to_string();
            self.push("CAST($").push(&at).push("::text AS ");
            self.push(type_name).push(")");
        } else {
            self.text.push('?');
        }
        self
    }

    /// `parts`, with `between` in between.
    pub(crate) fn list<T>(
        &mut self,
        parts: impl IntoIterator<Item = T>,
        between: &str,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                self.push(between);
            }
            write(self, part);
        }
        self
    }

    /// A condition, with whoever asks in it.
    pub(crate) fn policy(&mut self, policy: &Policy, caller: &Caller) -> &mut Self {
        self.push("(");
        for piece in &policy.pieces {
            match piece {
                Piece::Sql(sql) => self.push(sql),
                Piece::Claim(claim) => {
                    let value = caller.claim(*claim);
                    let value = value.map_or(Bound::Null, |text| Bound::Text(text.to_owned()));
                    let is_uuid = policy.uuids.contains(claim);
                    self.bind_as(value, if is_uuid { "uuid" } else { "text" })
                }
            };
        }
        self.push(")")
    }

    /// `'y'` or `'n'`: a condition as a column.
    pub(crate) fn flag(&mut self, condition: impl FnOnce(&mut Self)) -> &mut Self {
        self.push("CASE WHEN ");
        condition(self);
        self.push(" THEN 'y' ELSE 'n' END")
    }

    /// An expression as text.
    pub(crate) fn as_text(&mut self, expression: impl FnOnce(&mut Self)) -> &mut Self {
        self.push("CAST(");
        expression(self);
        self.push(match self.engine {
            Engine::MySql => " AS CHAR)",
            Engine::Sqlite | Engine::Postgres => " AS TEXT)",
        })
    }

    /// Done.
    #[must_use]
    pub(crate) fn finish(self) -> Statement {
        Statement {
            sql: self.text,
            values: self.values,
        }
    }
}

/// Whether MySQL has all its digits: 35 before the point, 30 behind it.
fn is_decimal(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits =
        |text: &str, most| text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    !whole.is_empty() && is_digits(whole, 35) && is_digits(part, 30)
}
