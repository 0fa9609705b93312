//! A declared table: what the configuration says of it, checked against the database.
//!
//! Guarantees: every column that a statement names was seen in the database's schema and has a name
//! of letters, digits and `_`; what a role may do is known before the first request.

use super::{
    kind::Kind,
    policy::{Claim, Policy},
};
use crate::{
    config::{Data as Settings, DataRole, DataTable, is_name},
    db::{Filling, ForeignKey, Relation},
};
use std::collections::BTreeMap;

/// A table that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// In the database and in the URL.
    pub(crate) name: String,
    /// The exposed columns, then those that statements need besides.
    pub(crate) columns: Vec<Column>,
    /// The primary key's columns.
    pub(crate) key: Vec<String>,
    /// The columns of each unique index.
    pub(crate) unique: Vec<Vec<String>>,
    /// Leading to other tables.
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// The column with a row's tenant.
    pub(crate) tenant: Option<String>,
    /// Rows of one answer, and of one write.
    pub(crate) max_rows: u64,
    /// Whether updates and deletions need no filter.
    pub(crate) unfiltered: bool,
    /// What each role may do.
    pub(crate) roles: BTreeMap<String, Rules>,
}

/// A column of a served table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) kind: Kind,
    /// PostgreSQL's name of its type.
    pub(crate) type_name: String,
    /// Whether it may be NULL.
    pub(crate) nullable: bool,
    /// What the database writes into it by itself.
    pub(crate) filling: Filling,
    /// What clients may do with it.
    pub(crate) access: Access,
    /// Whether it is stored encrypted.
    pub(crate) encrypted: bool,
    /// Whether full-text search finds texts in it.
    pub(crate) searchable: bool,
    /// The column by which an encrypted one is found.
    pub(crate) blind_index: Option<String>,
    /// What it gets when the client does not say.
    pub(crate) default: Option<DefaultValue>,
}

/// What clients may do with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// They do not know of it.
    Hidden,
    /// Read it, filter and order by it.
    Read,
    /// Write it.
    Write,
    /// Both.
    Full,
}

impl Column {
    /// Whether clients may know of it.
    pub(crate) const fn is_exposed(&self) -> bool {
        !matches!(self.access, Access::Hidden)
    }

    /// Whether clients may read it, filter and order by it.
    pub(crate) const fn is_readable(&self) -> bool {
        matches!(self.access, Access::Read | Access::Full)
    }

    /// Whether clients may write it.
    pub(crate) const fn is_writable(&self) -> bool {
        matches!(self.access, Access::Write | Access::Full)
    }
}

/// A value that the origin gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefaultValue {
    /// Of whoever asks.
    Claim(Claim),
    /// A random UUID.
    Uuid,
    /// The moment of the request.
    Now,
}

/// What a role may do with a table; `None`: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Which rows are seen.
    pub(crate) select: Option<Policy>,
    /// Which rows may be added.
    pub(crate) insert: Option<Policy>,
    /// Which rows may be changed.
    pub(crate) update: Option<Policy>,
    /// How they must be when changed.
    pub(crate) update_check: Option<Policy>,
    /// Which rows may be deleted.
    pub(crate) delete: Option<Policy>,
}

impl Rules {
    /// Whether what is written may be judged by a column.
    fn are_about(&self, column: &String) -> bool {
        let judges = [&self.insert, &self.update_check];
        let mut named = judges
            .into_iter()
            .flatten()
            .filter_map(|policy| policy.columns.as_ref());
        named.any(|columns| columns.contains(column))
    }
}

/// JSON functions of the engines take so many members.
const MAX_COLUMNS: usize = 60;

impl Table {
    /// A column by its name.
    #[must_use]
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// What a role may do; nothing when it is not named.
    #[must_use]
    pub(crate) fn rules(&self, role: &str) -> Option<&Rules> {
        self.roles.get(role)
    }

    /// The columns of `*`.
    pub(crate) fn readable(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.is_readable())
    }

    /// The primary key's columns.
    pub(crate) fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().filter_map(|name| self.column(name))
    }

    /// Whether no two rows have the same values in these columns, all of them together.
    #[must_use]
    pub(crate) fn tells_apart(&self, columns: &[String]) -> bool {
        let mut indexes = self.unique.iter().chain([&self.key]);
        indexes.any(|index| {
            index.iter().all(|name| columns.contains(name))
                && columns.iter().all(|name| index.contains(name))
        })
    }

    /// Whether a column of it is.
    #[must_use]
    pub(crate) fn is_encrypted(&self) -> bool {
        self.columns.iter().any(|column| column.encrypted)
    }

    /// Whether rows stay with their tenant: its key is what their fields are encrypted with.
    #[must_use]
    pub(crate) fn keeps(&self, column: &Column) -> bool {
        self.tenant.as_ref() == Some(&column.name) && self.is_encrypted()
    }

    /// Checks a declaration against what the database says; adds each fault to `faults`. `referenced`
    /// are the columns that other tables' foreign keys lead to.
    #[must_use]
    pub(crate) fn check(
        declared: &DataTable,
        settings: &Settings,
        relation: &Relation,
        referenced: &[&String],
        faults: &mut Vec<String>,
    ) -> Self {
        let mut check = Check {
            declared,
            relation,
            referenced,
            faults,
        };
        check.lists();
        check.key();
        let roles = check.roles();
        let columns = check.columns(&roles);
        let max_rows = match declared.max_rows {
            0 => settings.max_rows,
            own => own,
        };
        Self {
            name: declared.name.clone(),
            columns,
            key: relation.key.clone(),
            unique: relation.unique.clone(),
            foreign_keys: relation.foreign_keys.clone(),
            tenant: declared.tenant.clone(),
            max_rows: max_rows.into(),
            unfiltered: declared.unfiltered,
            roles,
        }
    }
}

struct Check<'a> {
    declared: &'a DataTable,
    relation: &'a Relation,
    referenced: &'a [&'a String],
    faults: &'a mut Vec<String>,
}

impl Check<'_> {
    fn fault(&mut self, text: &str) {
        self.faults
            .push(format!("data.tables.{}: {text}", self.declared.name));
    }

    fn exists(&self, name: &str) -> bool {
        self.relation
            .columns
            .iter()
            .any(|column| column.name == name)
    }

    /// What a column holds: as declared, else as the database says.
    fn kind(&self, name: &str) -> Option<Kind> {
        let stated = self.declared.types.iter();
        let mut stated = stated.filter(|(column, _)| column == name);
        let found = self.relation.columns.iter();
        let mut found = found.filter(|column| column.name == name);
        stated
            .find_map(|(_, kind)| Kind::parse(kind))
            .or_else(|| found.next()?.kind)
    }

    /// Every column that the declaration names is there, and exposed where it must be.
    fn lists(&mut self) {
        let declared = self.declared;
        if declared.columns.is_empty() {
            self.fault("columns must name at least one column");
        }
        if declared.columns.len() > MAX_COLUMNS {
            self.fault("columns must name at most 60 columns");
        }
        let firsts = |pairs: &'_ [(String, String)]| -> Vec<String> {
            pairs.iter().map(|(name, _)| name.clone()).collect()
        };
        let blind: Vec<String> = declared
            .blind_index
            .iter()
            .map(|(_, to)| to.clone())
            .collect();
        for (list, names) in [
            ("columns", declared.columns.clone()),
            ("types", firsts(&declared.types)),
            ("defaults", firsts(&declared.defaults)),
            ("blind_index", blind),
            ("tenant", declared.tenant.clone().into_iter().collect()),
        ] {
            for name in names {
                if !self.exists(&name) {
                    self.fault(&format!("{list}: the table has no column {name}"));
                }
            }
        }
        for (list, names) in [
            ("read_only", declared.read_only.clone()),
            ("write_only", declared.write_only.clone()),
            ("encrypted", declared.encrypted.clone()),
        ] {
            for name in names {
                if !declared.columns.contains(&name) {
                    self.fault(&format!("{list}: {name} is not among columns"));
                }
            }
        }
        for (name, to) in &declared.blind_index {
            if !declared.encrypted.contains(name) {
                self.fault(&format!("blind_index: {name} is not among encrypted"));
            }
            if declared.columns.contains(to) {
                self.fault(&format!("blind_index: {to} must not be among columns"));
            }
        }
    }

    /// Rows are told apart by their key; a field's encryption is bound to it.
    fn key(&mut self) {
        if self.relation.key.is_empty() {
            self.fault("the table has no primary key");
        }
        if !self.declared.encrypted.is_empty() {
            match self.relation.key.as_slice() {
                // One that the database counts up is not known yet when the row is encrypted.
                [key] if !matches!(self.kind(key), Some(Kind::Text | Kind::Uuid)) => {
                    self.fault("encrypted needs a primary key that holds text or a uuid");
                }
                [key] if self.is_made_by_the_database(key) => {
                    self.fault(&format!(
                        "encrypted: the database makes the key {key} when the row is encrypted already; \
                         `defaults` may say how it is made"
                    ));
                }
                [_] => {}
                _ => self.fault("encrypted needs a primary key of one column"),
            }
        }
        for name in self.relation.key.clone() {
            if self.kind(&name).is_none() {
                self.fault(&format!(
                    "the primary key {name} is of a type that cannot be exposed; `types` may say what it holds"
                ));
            }
        }
        let names = self.relation.key.iter().chain(&self.declared.tenant);
        for name in names.cloned().collect::<Vec<_>>() {
            if !is_name(&name) {
                self.fault(&format!(
                    "the column {name:?} has a name that is not supported"
                ));
            }
        }
    }

    /// Whether a text is made where nobody gives one.
    fn is_made_by_the_database(&self, name: &str) -> bool {
        let found = self.relation.columns.iter();
        let mut found = found.filter(|column| column.name == name);
        let declared = self.declared.defaults.iter();
        let mut declared = declared.filter(|(column, _)| column == name);
        self.kind(name) == Some(Kind::Text)
            && found.any(|column| column.filling != Filling::Nothing)
            && declared.next().is_none()
    }

    fn columns(&mut self, roles: &BTreeMap<String, Rules>) -> Vec<Column> {
        let relation = self.relation;
        let declared = self.declared;
        let referenced = self.referenced;
        let needed = |name: &String| {
            relation.key.contains(name)
                || referenced.contains(&name)
                || declared.tenant.as_ref() == Some(name)
                || declared.defaults.iter().any(|(column, _)| column == name)
                || declared.blind_index.iter().any(|(_, to)| to == name)
                || roles.values().any(|rules| rules.are_about(name))
                || relation
                    .foreign_keys
                    .iter()
                    .any(|key| key.columns.contains(name))
        };
        let exposed = declared.columns.iter();
        let others = relation.columns.iter().map(|column| &column.name);
        let others = others.filter(|name| !declared.columns.contains(name) && needed(name));
        let names: Vec<&String> = exposed.chain(others).collect();
        names
            .into_iter()
            .filter_map(|name| self.column(name))
            .collect()
    }

    fn column(&mut self, name: &str) -> Option<Column> {
        let declared = self.declared;
        let found = self
            .relation
            .columns
            .iter()
            .find(|column| column.name == name)?;
        let stated = declared.types.iter().find(|(column, _)| column == name);
        if let Some((_, kind)) = stated.filter(|(_, kind)| Kind::parse(kind).is_none()) {
            self.fault(&format!("types: {name}: unknown type {kind}"));
        }
        let kind = self.kind(name);
        let exposed = declared.columns.iter().any(|column| column == name);
        if kind.is_none() && exposed {
            self.fault(&format!(
                "columns: {name}: {:?} cannot be exposed; `types` may say what it holds",
                found.type_name
            ));
        }
        let has = |list: &[String]| list.iter().any(|column| column == name);
        let encrypted = has(&declared.encrypted);
        if encrypted && kind.is_some_and(|kind| kind != Kind::Text) {
            self.fault(&format!("encrypted: {name} must hold text"));
        }
        if encrypted && self.relation.key.iter().any(|key| key == name) {
            self.fault(&format!("encrypted: {name} is the primary key"));
        }
        let default = declared.defaults.iter().find(|(column, _)| column == name);
        let default = default.and_then(|(_, text)| {
            let value = default_value(text);
            if value.is_none() {
                self.fault(&format!(
                    "defaults: {name}: must be auth.uid(), auth.tenant(), auth.role(), auth.claim('…'), uuid() or now()"
                ));
            }
            value
        });
        let to = declared
            .blind_index
            .iter()
            .find(|(column, _)| column == name);
        let is_blind = declared.blind_index.iter().any(|(_, to)| to == name);
        let is_generated = found.filling == Filling::Always;
        let is_written = has(&declared.write_only) || encrypted || is_blind || default.is_some();
        if is_generated && is_written {
            self.fault(&format!("nobody but the database writes {name}"));
        }
        let read_only = has(&declared.read_only) || is_generated;
        Some(Column {
            name: name.to_owned(),
            kind: kind.unwrap_or(Kind::Text),
            type_name: found.type_name.clone(),
            nullable: found.nullable,
            filling: found.filling,
            access: match (exposed, read_only, has(&declared.write_only)) {
                (false, ..) => Access::Hidden,
                (true, false, false) => Access::Full,
                (true, true, false) => Access::Read,
                (true, false, true) => Access::Write,
                (true, true, true) => {
                    self.fault(&format!("{name} is both read_only and write_only"));
                    Access::Hidden
                }
            },
            encrypted,
            searchable: !encrypted && self.relation.searchable.iter().any(|column| column == name),
            blind_index: to.map(|(_, to)| to.clone()),
            default,
        })
    }

    fn roles(&mut self) -> BTreeMap<String, Rules> {
        let declared = self.declared;
        declared
            .roles
            .iter()
            .map(|role| (role.role.clone(), self.rules(role)))
            .collect()
    }

    fn rules(&mut self, role: &DataRole) -> Rules {
        let mut read = |operation: &str, text: &Option<String>| {
            let text = text.as_deref()?;
            match Policy::parse(text) {
                Ok(mut policy) => {
                    let columns = self.relation.columns.iter().map(|column| &column.name);
                    let named = columns.filter(|name| policy.names(&self.declared.name, name));
                    policy.columns = Some(named.cloned().collect());
                    Some(policy)
                }
                Err(bad) => {
                    self.fault(&format!("roles.{}.{operation}: {bad}", role.role));
                    None
                }
            }
        };
        let update = read("update", &role.update);
        Rules {
            select: read("select", &role.select),
            insert: read("insert", &role.insert),
            update_check: read("update_check", &role.update_check).or_else(|| update.clone()),
            update,
            delete: read("delete", &role.delete),
        }
    }
}

fn default_value(text: &str) -> Option<DefaultValue> {
    match text {
        "uuid()" => Some(DefaultValue::Uuid),
        "now()" => Some(DefaultValue::Now),
        _ => Claim::parse(text).map(DefaultValue::Claim),
    }
}
