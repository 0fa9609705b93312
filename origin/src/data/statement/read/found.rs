//! Which rows a statement is about: those of the policy that the filters name, a page of them.

use super::Writer;
use crate::data::{
    dialect::{Embed, Item, Join, Read},
    error::DataError,
    policy::Policy,
    statement::{
        Level, filter,
        link::{Link, link},
        search,
        write::{self, Key},
    },
    table::Table,
};

impl<'a> Writer<'_, 'a> {
    /// From where: a page of what is asked for, or the rows of these keys. Those were found before, and
    /// what has changed meanwhile may be what the filters asked for.
    pub(super) fn which(
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

    pub(super) fn from(&mut self, level: &Level<'a>) -> Result<(), DataError> {
        self.sql.push(" FROM ");
        self.among(level, None)
    }

    /// The rows that may be seen, in which conditions stand by the table's own name; with `also`,
    /// those of them that this lets through, too.
    pub(super) fn among(
        &mut self,
        level: &Level<'a>,
        also: Option<&Policy>,
    ) -> Result<(), DataError> {
        let select = self
            .scope
            .policy(level.table, |rules| rules.select.as_ref())?;
        let table = level.table;
        self.sql.push("(SELECT ");
        self.sql.list(&table.columns, ", ", |sql, column| {
            sql.name(&column.name);
        });
        search::row(self.sql, table);
        self.sql.push(" FROM ").name(&table.name).push(" WHERE ");
        self.sql.policy(select, self.scope.caller);
        if let Some(also) = also {
            self.sql.push(" AND ").policy(also, self.scope.caller);
        }
        self.sql.push(") AS ").push(&level.alias);
        Ok(())
    }

    /// `WHERE`: the filters, and that rows joined by `!inner` are there.
    pub(super) fn conditions(
        &mut self,
        level: &Level<'a>,
        read: &'a Read,
    ) -> Result<(), DataError> {
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

    pub(super) fn exists(&mut self, level: &Level<'a>, embed: &'a Embed) -> Result<(), DataError> {
        let (link, read) = (self.link(level.table, embed)?, &embed.read);
        let inner = self.level(link.table, &read.select);
        self.sql.push("EXISTS (SELECT 1");
        self.from(&inner)?;
        self.conditions(&inner, read)?;
        self.joined(level, &inner, &link);
        self.sql.push(")");
        Ok(())
    }

    pub(super) fn joined(&mut self, outer: &Level<'a>, inner: &Level<'a>, link: &Link<'a>) {
        for (own, other) in &link.pairs {
            self.sql.push(" AND ").of(&inner.alias, other);
            self.sql.push(" = ").of(&outer.alias, own);
        }
    }

    pub(super) fn page(&mut self, table: &Table, read: &Read) {
        self.sql.push(&format!(" LIMIT {}", limit(table, read)));
        self.offset(read);
    }

    pub(super) fn offset(&mut self, read: &Read) {
        if read.window.offset > 0 {
            let offset = read.window.offset;
            self.sql.push(&format!(" OFFSET {offset}"));
        }
    }

    pub(super) fn link(&self, from: &'a Table, embed: &Embed) -> Result<Link<'a>, DataError> {
        link(self.scope, from, &embed.table, embed.hint.as_deref())
    }
}

/// The rows of one page, or of one embedded list.
pub(super) fn limit(table: &Table, read: &Read) -> u64 {
    read.window.limit.unwrap_or(u64::MAX).min(table.max_rows)
}
