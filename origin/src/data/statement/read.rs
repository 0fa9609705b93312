//! Statements that read: rows as JSON that the database builds, tables within tables.
//!
//! Guarantees: a row is looked for among those that the caller's policy lets through, at every
//! level; each level answers at most as many rows as its table allows.

use super::{
    Level, Scope, filter, json,
    link::{Link, link},
    room::Room,
    sql::Sql,
    write::{self, Key},
};
use crate::{
    config::is_name,
    data::{
        dialect::{DialectError, Embed, Field, Item, Join, Read},
        error::DataError,
        policy::Policy,
        table::{Column, Table},
    },
    db::{Bound, Engine},
};

/// Where in a row the origin has something to decrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spot {
    /// A member that holds what was stored, and where.
    Field {
        /// The member's name.
        label: String,
        /// The table it is of.
        table: String,
        /// The column it is of.
        column: String,
    },
    /// Within a member that holds a row, or a list of them.
    Within {
        /// The member's name.
        label: String,
        /// There.
        spots: Vec<Self>,
    },
}

/// A column of CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Its name in the first line.
    pub(crate) label: String,
    /// Table and column, when it is to be decrypted.
    pub(crate) sealed: Option<(String, String)>,
}

/// One member of a row.
#[derive(PartialEq)]
enum Member<'a> {
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
enum Cast {
    Text,
    Integer,
    Number,
}

/// Rows of a table as JSON objects, a text each. With `only`, nothing but the rows of these keys,
/// each preceded by its key's columns. The statement fails where they need more than `room`.
///
/// # Errors
/// [`DataError`].
pub(crate) fn rows<'a>(
    sql: &mut Sql,
    scope: &Scope<'a>,
    table: &'a Table,
    read: &'a Read,
    only: Option<&[Key]>,
    room: Room,
) -> Result<Vec<Spot>, DataError> {
    let embedded = read.embedded();
    let mut writer = Writer::new(sql, scope);
    writer.room = room.shared_by(embedded);
    if embedded > 0 {
        room.begin(writer.sql);
    }
    let level = writer.level(table, &read.select);
    // The other engines send a row when the one before it has been taken.
    let runs_ahead = writer.sql.engine() == Engine::Sqlite;
    let is_held = runs_ahead && (embedded > 0 || only.is_some());
    if is_held {
        writer.sql.push("SELECT ");
        let keys = only.map_or(0, |_| table.key.len());
        writer.sql.list(0..keys, "", |sql, at| {
            sql.push(&format!("e.k{at}, "));
        });
        writer.sql.push("e.j FROM ");
        room.whole().open(writer.sql);
    }
    writer.sql.push("SELECT ");
    if only.is_some() {
        keys_of(writer.sql, &level);
        writer.sql.push(", ");
    }
    writer.sql.push("CAST(");
    let spots = writer.object(&level, read)?;
    writer.sql.push(text_type(writer.sql.engine()));
    writer.sql.push(" AS j");
    writer.which(&level, read, only)?;
    if is_held {
        let rows = match only {
            Some(keys) => u64::try_from(keys.len()).unwrap_or(u64::MAX),
            None => limit(table, read),
        };
        if only.is_some() {
            writer.sql.push(&format!(" LIMIT {rows}"));
        }
        room.whole().close(writer.sql, rows);
    }
    Ok(spots)
}

/// Rows of a table as lines of CSV: a text for each column. With `only` as [`rows`].
///
/// # Errors
/// [`DataError`].
pub(crate) fn cells<'a>(
    sql: &mut Sql,
    scope: &Scope<'a>,
    table: &'a Table,
    read: &'a Read,
    only: Option<&[Key]>,
) -> Result<Vec<Cell>, DataError> {
    let mut writer = Writer::new(sql, scope);
    let level = writer.level(table, &read.select);
    let mut cells = Vec::new();
    let members = writer.members(&level, &read.select)?;
    if members.is_empty() {
        return Err(DataError::Unsupported("CSV of no column".into()));
    }
    writer.sql.push("SELECT ");
    if only.is_some() {
        keys_of(writer.sql, &level);
        writer.sql.push(", ");
    }
    for (at, member) in members.iter().enumerate() {
        let Member::Column {
            label,
            column,
            field,
            cast,
        } = member
        else {
            return Err(DataError::Unsupported(
                "CSV holds no tables within tables".into(),
            ));
        };
        if at > 0 {
            writer.sql.push(", ");
        }
        match (*field, column.encrypted) {
            (Some(field), _) => filter::inside(writer.sql, &level, column, field, true)?,
            (None, true) => {
                writer.sql.push("CAST(");
                seal(writer.sql, &level, column);
                writer.sql.push(text_type(writer.sql.engine()));
            }
            (None, false) if cast.is_some() => writer.cast(&level, column, None, *cast)?,
            (None, false) => json::text(writer.sql, &level.alias, column),
        }
        cells.push(Cell {
            label: (*label).to_owned(),
            sealed: column
                .encrypted
                .then(|| (table.name.clone(), column.name.clone())),
        });
    }
    writer.which(&level, read, only)?;
    Ok(cells)
}

/// How many rows there are, whatever the page.
///
/// # Errors
/// [`DataError`].
pub(crate) fn count<'a>(
    sql: &mut Sql,
    scope: &Scope<'a>,
    table: &'a Table,
    read: &'a Read,
) -> Result<(), DataError> {
    let mut writer = Writer::new(sql, scope);
    let level = writer.level(table, &read.select);
    writer.sql.push("SELECT ");
    writer.sql.as_text(|sql| {
        sql.push("COUNT(*)");
    });
    writer.from(&level)?;
    writer.conditions(&level, read)
}

/// The keys of rows to be changed or deleted, and their tenants: those that may be seen, that
/// `policy` lets through and that the filters name. One more than `most`, if there are as many. With
/// `versions`, PostgreSQL tells the version of each row, too.
///
/// # Errors
/// [`DataError`].
pub(crate) fn targets<'a>(
    sql: &mut Sql,
    scope: &Scope<'a>,
    table: &'a Table,
    read: &'a Read,
    policy: &Policy,
    most: u64,
    versions: bool,
) -> Result<(), DataError> {
    let mut writer = Writer::new(sql, scope);
    let mut level = writer.level(table, &read.select);
    // MariaDB locks no rows of a table within the table, and there PostgreSQL knows no versions.
    let is_direct = writer.sql.engine() != Engine::Sqlite;
    if is_direct {
        level.alias.clone_from(&table.name);
    }
    writer.sql.push("SELECT ");
    keys_of(writer.sql, &level);
    writer.sql.push(", ");
    match &table.tenant {
        Some(tenant) => writer.sql.as_text(|sql| {
            sql.of(&level.alias, tenant);
        }),
        None => writer.sql.push("''"),
    };
    if versions {
        writer.sql.push(", ");
        write::version(writer.sql);
    }
    writer.sql.push(" FROM ");
    if is_direct {
        let select = scope.policy(table, |rules| rules.select.as_ref())?;
        writer.sql.name(&table.name);
        writer.conditions(&level, read)?;
        writer.sql.push(" AND ").policy(select, scope.caller);
        writer.sql.push(" AND ").policy(policy, scope.caller);
    } else {
        writer.among(&level, Some(policy))?;
        writer.conditions(&level, read)?;
    }
    filter::order(writer.sql, &level, &read.order)?;
    let asked = read.window.limit.unwrap_or(u64::MAX);
    let most = asked.min(most.saturating_add(1));
    writer.sql.push(&format!(" LIMIT {most}"));
    writer.offset(read);
    Ok(())
}

/// Whether there is a row of a table embedded at `outer`.
///
/// # Errors
/// [`DataError`].
pub(super) fn embeds<'a>(
    sql: &mut Sql,
    scope: &Scope<'a>,
    outer: &Level<'a>,
    embed: &'a Embed,
) -> Result<(), DataError> {
    let number = outer.alias.strip_prefix('t');
    let number: Option<usize> = number.and_then(|number| number.parse().ok());
    let mut writer = Writer {
        sql,
        scope,
        // Nothing of them is shown.
        room: Room::new(0),
        // Those further out have smaller numbers.
        aliases: number.map_or(0, |number| number + 1),
    };
    writer.exists(outer, embed)
}

struct Writer<'s, 'a> {
    sql: &'s mut Sql,
    scope: &'s Scope<'a>,
    room: Room,
    aliases: usize,
}

impl<'s, 'a> Writer<'s, 'a> {
    fn new(sql: &'s mut Sql, scope: &'s Scope<'a>) -> Self {
        Self {
            sql,
            scope,
            room: Room::new(0),
            aliases: 0,
        }
    }

    fn level(&mut self, table: &'a Table, select: &'a [Item]) -> Level<'a> {
        let alias = format!("t{}", self.aliases);
        self.aliases += 1;
        Level {
            table,
            alias,
            select,
        }
    }

    /// From where: a page of what is asked for, or the rows of these keys. Those were found before, and
    /// what has changed meanwhile may be what the filters asked for.
    fn which(
        &mut self,
        level: &Level<'a>,
        read: &'a Read,
        only: Option<&[Key]>,
    ) -> Result<(), DataError> {
        self.from(level)?;
        if let Some(keys) = only {
            self.sql.push(" WHERE ");
            write::is_one_of(self.sql, level.table, keys);
            return Ok(());
        }
        self.conditions(level, read)?;
        filter::order(self.sql, level, &read.order)?;
        self.page(level.table, read);
        Ok(())
    }

    fn from(&mut self, level: &Level<'a>) -> Result<(), DataError> {
        self.sql.push(" FROM ");
        self.among(level, None)
    }

    /// The rows that may be seen, in which conditions stand by the table's own name; with `also`,
    /// those of them that this lets through, too.
    fn among(&mut self, level: &Level<'a>, also: Option<&Policy>) -> Result<(), DataError> {
        let select = self
            .scope
            .policy(level.table, |rules| rules.select.as_ref())?;
        let table = level.table;
        self.sql.push("(SELECT ");
        self.sql.list(&table.columns, ", ", |sql, column| {
            sql.name(&column.name);
        });
        self.sql.push(" FROM ").name(&table.name).push(" WHERE ");
        self.sql.policy(select, self.scope.caller);
        if let Some(also) = also {
            self.sql.push(" AND ").policy(also, self.scope.caller);
        }
        self.sql.push(") AS ").push(&level.alias);
        Ok(())
    }

    /// `WHERE`: the filters, and that rows joined by `!inner` are there.
    fn conditions(&mut self, level: &Level<'a>, read: &'a Read) -> Result<(), DataError> {
        self.sql.push(" WHERE ");
        filter::all(self.sql, self.scope, level, &read.filters)?;
        for item in &read.select {
            if let Item::Embed(embed) = item
                && embed.join == Join::Inner
            {
                self.sql.push(" AND ");
                self.exists(level, embed)?;
            }
        }
        Ok(())
    }

    fn exists(&mut self, level: &Level<'a>, embed: &'a Embed) -> Result<(), DataError> {
        let (link, read) = (self.link(level.table, embed)?, &embed.read);
        let inner = self.level(link.table, &read.select);
        self.sql.push("EXISTS (SELECT 1");
        self.from(&inner)?;
        self.conditions(&inner, read)?;
        self.joined(level, &inner, &link);
        self.sql.push(")");
        Ok(())
    }

    fn joined(&mut self, outer: &Level<'a>, inner: &Level<'a>, link: &Link<'a>) {
        for (own, other) in &link.pairs {
            self.sql.push(" AND ").of(&inner.alias, other);
            self.sql.push(" = ").of(&outer.alias, own);
        }
    }

    fn page(&mut self, table: &Table, read: &Read) {
        self.sql.push(&format!(" LIMIT {}", limit(table, read)));
        self.offset(read);
    }

    fn offset(&mut self, read: &Read) {
        if read.window.offset > 0 {
            let offset = read.window.offset;
            self.sql.push(&format!(" OFFSET {offset}"));
        }
    }

    fn link(&self, from: &'a Table, embed: &Embed) -> Result<Link<'a>, DataError> {
        link(self.scope, from, &embed.table, embed.hint.as_deref())
    }

    fn members(&self, level: &Level<'a>, select: &'a [Item]) -> Result<Vec<Member<'a>>, DataError> {
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
    fn object(&mut self, level: &Level<'a>, read: &'a Read) -> Result<Vec<Spot>, DataError> {
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
                    if cast.is_some_and(|cast| cast != Cast::Text) {
                        return Err(DataError::Unsupported(format!(
                            "the column {} is encrypted: it is text",
                            column.name
                        )));
                    }
                    seal(self.sql, level, column);
                    return Ok(Some(Spot::Field {
                        label: (*label).to_owned(),
                        table: level.table.name.clone(),
                        column: column.name.clone(),
                    }));
                }
                match (*field, cast) {
                    (_, Some(_)) => self.cast(level, column, *field, *cast)?,
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

    fn cast(
        &mut self,
        level: &Level<'a>,
        column: &Column,
        inside: Option<&Field>,
        cast: Option<Cast>,
    ) -> Result<(), DataError> {
        self.sql.push("CAST(");
        match inside {
            Some(field) => filter::inside(self.sql, level, column, field, true)?,
            None => {
                self.sql.of(&level.alias, &column.name);
            }
        }
        self.sql.push(match (cast, self.sql.engine()) {
            (Some(Cast::Integer), Engine::MySql) => " AS SIGNED)",
            (Some(Cast::Integer), Engine::Sqlite) => " AS INTEGER)",
            (Some(Cast::Integer), Engine::Postgres) => " AS bigint)",
            (Some(Cast::Number), Engine::MySql) => " AS DOUBLE)",
            (Some(Cast::Number), Engine::Sqlite) => " AS REAL)",
            (Some(Cast::Number), Engine::Postgres) => " AS numeric)",
            (_, Engine::MySql) => " AS CHAR)",
            (_, Engine::Sqlite | Engine::Postgres) => " AS TEXT)",
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
            // It knows no table in a table that looks out of it: the list orders and ends itself. One that
            // was cut off is no JSON, and NULL.
            (Engine::MySql, true) => (
                "IFNULL(JSON_EXTRACT(COALESCE((SELECT JSON_ARRAYAGG(",
                ")",
                "), '[]'), '$'), ",
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
            // No float is as large; one that depends on no row would be asked for at once.
            self.sql.push("JSON_ARRAY(EXP(1000 + LENGTH(");
            self.sql.of(&outer.alias, own).push("))))");
        }
        Ok(spots)
    }
}

/// The rows of one page, or of one embedded list.
fn limit(table: &Table, read: &Read) -> u64 {
    read.window.limit.unwrap_or(u64::MAX).min(table.max_rows)
}

fn text_type(engine: Engine) -> &'static str {
    if engine == Engine::MySql {
        " AS CHAR)"
    } else {
        " AS TEXT)"
    }
}

fn keys_of(sql: &mut Sql, level: &Level<'_>) {
    sql.list(
        level.table.key_columns().enumerate(),
        ", ",
        |sql, (at, column)| {
            sql.as_text(|sql| {
                sql.of(&level.alias, &column.name);
            });
            sql.push(&format!(" AS k{at}"));
        },
    );
}

fn seal(sql: &mut Sql, level: &Level<'_>, column: &Column) {
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
