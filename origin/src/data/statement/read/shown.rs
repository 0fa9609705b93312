//! What is shown of a row: its members, each as JSON.

use super::{Spot, Writer, found::limit};
use crate::{
    config::is_name,
    data::{
        dialect::{DialectError, Field, Item, Read},
        error::DataError,
        kind::Kind,
        statement::{Level, filter, json, link::Link, sql::Sql},
        table::Column,
    },
    db::{Bound, Engine},
};

/// One member of a row.
#[derive(PartialEq)]
pub(super) enum Member<'a> {
    Column {
        label: &'a str,
        column: &'a Column,
        /// The path into its JSON.
        field: Option<&'a Field>,
        cast: Option<Cast>,
    },
    Embed {
        label: &'a str,
        read: &'a Read,
        link: Link<'a>,
    },
}

impl<'a> Member<'a> {
    const fn label(&self) -> &'a str {
        let (Self::Column { label, .. } | Self::Embed { label, .. }) = self;
        label
    }

    /// A column under its own name, as it is.
    const fn whole(column: &'a Column) -> Self {
        Self::Column {
            label: column.name.as_str(),
            column,
            field: None,
            cast: None,
        }
    }
}

/// Adds a member, once. Of two different ones of a name, one would be taken for the other, also where
/// fields are decrypted.
fn add<'a>(members: &mut Vec<Member<'a>>, member: Member<'a>) -> Result<(), DataError> {
    match members.iter().find(|one| one.label() == member.label()) {
        None => members.push(member),
        Some(same) if *same == member => {}
        Some(_) => return Err(DialectError::Twice(member.label().to_owned()).into()),
    }
    Ok(())
}

/// Types that every engine can cast to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cast {
    Text,
    Integer,
    Number,
}

impl<'a> Writer<'_, 'a> {
    pub(super) fn members(
        &self,
        level: &Level<'a>,
        select: &'a [Item],
    ) -> Result<Vec<Member<'a>>, DataError> {
        let mut members = Vec::new();
        for item in select {
            match item {
                Item::All => {
                    for column in level.table.readable() {
                        add(&mut members, Member::whole(column))?;
                    }
                }
                Item::Column { field, cast, .. } => {
                    let column = filter::readable(level, field)?;
                    let cast = cast.as_deref().map(cast_of).transpose()?;
                    if column.encrypted && cast.is_some_and(|cast| cast != Cast::Text) {
                        return Err(DataError::Unsupported(format!(
                            "the column {} is encrypted: it is text",
                            column.name
                        )));
                    }
                    let label = item.label().unwrap_or_default();
                    let field = Some(field).filter(|field| !field.json.is_empty());
                    add(
                        &mut members,
                        Member::Column {
                            label,
                            column,
                            field,
                            cast,
                        },
                    )?;
                }
                Item::Embed(embed) => {
                    let (label, read) = (embed.label(), &embed.read);
                    let link = self.link(level.table, embed)?;
                    // One of no columns is there to be asked for alone.
                    if read.select.is_empty() {
                        continue;
                    }
                    add(&mut members, Member::Embed { label, read, link })?;
                }
            }
        }
        Ok(members)
    }

    /// A row as a JSON object.
    pub(super) fn object(
        &mut self,
        level: &Level<'a>,
        read: &'a Read,
    ) -> Result<Vec<Spot>, DataError> {
        let members = self.members(level, &read.select)?;
        let is_postgres = self.sql.engine() == Engine::Postgres;
        self.sql.push(match self.sql.engine() {
            // Its function for objects takes fifty members at most; a row may have more.
            Engine::Postgres => "(SELECT row_to_json(r) FROM (SELECT ",
            Engine::Sqlite => "json_object(",
            Engine::MySql => "JSON_OBJECT(",
        });
        let mut spots = Vec::new();
        for (at, member) in members.iter().enumerate() {
            if at > 0 {
                self.sql.push(", ");
            }
            let label = member.label();
            if !is_postgres {
                self.label(label);
                self.sql.push(", ");
            }
            spots.extend(self.member(level, member)?);
            if is_postgres {
                self.sql.push(" AS ").name(label);
            }
        }
        self.sql.push(if is_postgres { ") AS r)" } else { ")" });
        Ok(spots)
    }

    /// The name of a member, which a client may have chosen.
    fn label(&mut self, label: &str) {
        if is_name(label) {
            self.sql.literal(label);
        } else {
            self.sql.bind(Bound::Text(label.to_owned()));
        }
    }

    fn member(
        &mut self,
        level: &Level<'a>,
        member: &Member<'a>,
    ) -> Result<Option<Spot>, DataError> {
        match member {
            Member::Column {
                label,
                column,
                field,
                cast,
            } => {
                if column.encrypted {
                    seal(self.sql, level, column);
                    return Ok(Some(Spot::Field {
                        label: (*label).to_owned(),
                        table: level.table.name.clone(),
                        column: column.name.clone(),
                    }));
                }
                match (*field, cast) {
                    (_, Some(cast)) => self.cast(level, column, *field, *cast)?,
                    (Some(field), None) => {
                        filter::inside(self.sql, level, column, field, field.as_text)?;
                    }
                    (None, None) => json::value(self.sql, &level.alias, column),
                }
                Ok(None)
            }
            Member::Embed { label, read, link } => {
                let spots = self.embed(level, read, link)?;
                Ok((!spots.is_empty()).then(|| Spot::Within {
                    label: (*label).to_owned(),
                    spots,
                }))
            }
        }
    }

    /// A cast that means the same on every engine: a text is as in CSV, and what has no number is cast to
    /// none.
    pub(super) fn cast(
        &mut self,
        level: &Level<'a>,
        column: &Column,
        inside: Option<&Field>,
        cast: Cast,
    ) -> Result<(), DataError> {
        match (inside, cast, column.kind) {
            (None, Cast::Text, _) => {
                json::text(self.sql, &level.alias, column);
                return Ok(());
            }
            // It is one, with all of its digits.
            (None, _, Kind::Integer) | (None, Cast::Number, Kind::Number) => {
                self.sql.of(&level.alias, &column.name);
                return Ok(());
            }
            (None, _, Kind::Uuid | Kind::Timestamp | Kind::Date | Kind::Json) => {
                return Err(DataError::Unsupported(format!(
                    "{} holds no number",
                    column.name
                )));
            }
            _ => {}
        }
        self.sql.push("CAST(");
        if let Some(field) = inside {
            filter::inside(self.sql, level, column, field, true)?;
        } else {
            let around = match (column.kind, self.sql.engine()) {
                // SQLite would cut off what is behind the point.
                (Kind::Number, _) => ("ROUND(", ")"),
                // The one number that PostgreSQL makes of it.
                (Kind::Boolean, Engine::Postgres) => ("CAST(", " AS integer)"),
                _ => ("", ""),
            };
            self.sql.push(around.0).of(&level.alias, &column.name);
            self.sql.push(around.1);
        }
        self.sql.push(match (cast, self.sql.engine()) {
            (Cast::Integer, Engine::MySql) => " AS SIGNED)",
            (Cast::Integer, Engine::Sqlite) => " AS INTEGER)",
            (Cast::Integer, Engine::Postgres) => " AS bigint)",
            (Cast::Number, Engine::MySql) => " AS DOUBLE)",
            (Cast::Number, Engine::Sqlite) => " AS REAL)",
            (Cast::Number, Engine::Postgres) => " AS numeric)",
            (Cast::Text, Engine::MySql) => " AS CHAR)",
            (Cast::Text, Engine::Sqlite | Engine::Postgres) => " AS TEXT)",
        });
        Ok(())
    }

    fn embed(
        &mut self,
        outer: &Level<'a>,
        read: &'a Read,
        link: &Link<'a>,
    ) -> Result<Vec<Spot>, DataError> {
        let inner = self.level(link.table, &read.select);
        let engine = self.sql.engine();
        let (open, between, close) = match (engine, link.many) {
            (Engine::Postgres, false) => ("(SELECT ", "", " LIMIT 1)"),
            (Engine::Sqlite, false) => ("json((SELECT ", "", " LIMIT 1))"),
            (Engine::MySql, false) => ("JSON_EXTRACT((SELECT ", "", " LIMIT 1), '$')"),
            (Engine::Postgres, true) => {
                ("(SELECT COALESCE(json_agg(e.j), '[]') FROM ", " AS j", ")")
            }
            (Engine::Sqlite, true) => (
                "json((SELECT json_group_array(json(e.j)) FROM ",
                " AS j",
                "))",
            ),
            // It knows no table in a table that looks out of it: the list orders and ends itself. One that was
            // cut off for its length is longer than its share by its brackets: cut again, it is no JSON, and NULL.
            (Engine::MySql, true) => (
                "IFNULL(JSON_EXTRACT(CONVERT(LEFT(CAST(COALESCE((SELECT JSON_ARRAYAGG(",
                ")",
                "), '[]') AS BINARY), ",
            ),
        };
        let is_held = link.many && engine != Engine::MySql;
        self.sql.push(open);
        if is_held {
            self.room.open(self.sql);
            self.sql.push("SELECT ");
        }
        let spots = self.object(&inner, read)?;
        if engine == Engine::MySql && link.many {
            filter::order(self.sql, &inner, &read.order)?;
            let (offset, limit) = (read.window.offset, limit(link.table, read));
            self.sql.push(&format!(" LIMIT {offset}, {limit}"));
        }
        self.sql.push(between);
        self.from(&inner)?;
        self.conditions(&inner, read)?;
        self.joined(outer, &inner, link);
        if is_held {
            filter::order(self.sql, &inner, &read.order)?;
            self.page(link.table, read);
            self.room.close(self.sql, limit(link.table, read));
        }
        self.sql.push(close);
        if engine == Engine::MySql
            && link.many
            && let Some((own, _)) = link.pairs.first()
        {
            let share = self.room.share();
            self.sql.push(&format!("{share}) USING utf8mb4), '$'), "));
            // No float is as large; one that depends on no row would be asked for at once.
            self.sql.push("JSON_ARRAY(EXP(1000 + LENGTH(");
            self.sql.of(&outer.alias, own).push("))))");
        }
        Ok(spots)
    }
}

pub(super) fn seal(sql: &mut Sql, level: &Level<'_>, column: &Column) {
    let key = level.table.key.first().map_or("", String::as_str);
    json::sealed(
        sql,
        &level.alias,
        column,
        key,
        level.table.tenant.as_deref(),
    );
}

fn cast_of(name: &str) -> Result<Cast, DataError> {
    match name.to_ascii_lowercase().as_str() {
        "text" | "varchar" => Ok(Cast::Text),
        "int" | "int4" | "int8" | "integer" | "bigint" => Ok(Cast::Integer),
        "numeric" | "decimal" | "real" | "float" | "float8" | "double precision" => {
            Ok(Cast::Number)
        }
        _ => Err(DataError::Unsupported(
            "a cast must be to text, integer or numeric".into(),
        )),
    }
}
