//! What is declared, checked against the database before anything is served.

use super::{
    Data,
    field::Fields,
    folding, keys,
    policy::{Caller, Claim, Policy},
    spool::Space,
    statement::{self, Sql},
    table::{Column, Rules, Table},
};
use crate::{
    config::{Data as Settings, DataTable, is_name},
    db::{As, Bound, CatalogColumn, DataFault, Db, DbError, Engine, Filling, Relation, Spoiler},
};
use gapura_shared::time::UnixMillis;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum BadData {
    /// Everything that is wrong with what is declared.
    #[error("{0}")]
    Faults(Faults),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// At least one fault, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl Data {
    /// Checks every declared table, every column and every condition.
    ///
    /// # Errors
    /// [`BadData`], with all faults at once.
    pub async fn start(
        settings: &Settings,
        fields: Option<Fields>,
        db: &Db,
    ) -> Result<Self, BadData> {
        let mut faults = Vec::new();
        let mut tables = BTreeMap::new();
        let mut warnings = Vec::new();
        let mut relations = Vec::with_capacity(settings.tables.len());
        for declared in &settings.tables {
            let name = &declared.name;
            if !is_name(name) {
                faults.push(format!(
                    "data.tables: {name:?} is a name that is not supported"
                ));
                continue;
            }
            match db.relation(name).await? {
                Some(relation) => relations.push((declared, relation)),
                None => faults.push(format!(
                    "data.tables.{name}: the database has no such table"
                )),
            }
        }
        for (declared, relation) in &relations {
            let name = &declared.name;
            if !declared.encrypted.is_empty() && fields.is_none() {
                faults.push(format!(
                    "data.tables.{name}: encrypted needs GAPURA_FIELD_KEYS in the environment"
                ));
            }
            let keys = relations.iter().flat_map(|(_, other)| &other.foreign_keys);
            let keys = keys.filter(|key| key.table == *name);
            let referenced: Vec<_> = keys.flat_map(|key| &key.references).collect();
            let mut table = Table::check(declared, settings, relation, &referenced, &mut faults);
            conditions(db, &mut table, &mut faults).await?;
            warnings.extend(folding::warnings(declared, relation));
            warnings.extend(generated(declared, relation));
            tables.insert(name.clone(), table);
        }
        if !settings.tables.is_empty() {
            let spoilers = db.spoilers().await?.into_iter();
            faults.extend(
                spoilers.map(|Spoiler { kind, name, fault }| format!("the {kind} {name} {fault}")),
            );
        }
        if !settings.database_roles.is_empty() && db.engine() != Engine::Postgres {
            faults.push("data.database_roles: only PostgreSQL has them".to_owned());
        }
        let encrypts = |table: &DataTable| !table.encrypted.is_empty();
        let used = settings.tables.iter().any(encrypts);
        let fields = fields.filter(|_| used);
        if let Some(fields) = &fields {
            faults.extend(keys::faults(fields, db).await?);
        }
        if faults.is_empty() {
            Ok(Self {
                tables,
                fields: fields.map(Arc::new),
                settings: settings.clone(),
                engine: db.engine(),
                warnings,
                space: Space::default(),
            })
        } else {
            Err(BadData::Faults(Faults(faults)))
        }
    }

    /// Makes the key known that fields are encrypted with from now on: what is there is of no use
    /// without it.
    ///
    /// # Errors
    /// [`BadData`], when another process was faster with another key of that id.
    pub async fn use_keys(&self, db: &Db, now: UnixMillis) -> Result<(), BadData> {
        let Some(fields) = &self.fields else {
            return Ok(());
        };
        keys::begin(fields, db, now).await?;
        let faults = keys::faults(fields, db).await?;
        if faults.is_empty() {
            Ok(())
        } else {
            Err(BadData::Faults(Faults(faults)))
        }
    }
}

/// A line for each column that clients cannot write although nothing in the configuration says so.
fn generated(declared: &DataTable, relation: &Relation) -> Vec<String> {
    let named = |column: &&CatalogColumn| {
        column.filling == Filling::Always
            && declared.columns.contains(&column.name)
            && !declared.read_only.contains(&column.name)
    };
    let line = |column: &CatalogColumn| {
        format!(
            "data.tables.{}: {}: nobody but the database writes it: it is read-only",
            declared.name, column.name
        )
    };
    relation.columns.iter().filter(named).map(line).collect()
}

async fn conditions(db: &Db, table: &mut Table, faults: &mut Vec<String>) -> Result<(), DbError> {
    let mut roles = std::mem::take(&mut table.roles);
    for (role, rules) in &mut roles {
        let Rules {
            select,
            insert,
            update,
            update_check,
            delete,
        } = rules;
        for (operation, policy) in [
            ("select", select),
            ("insert", insert),
            ("update", update),
            ("update_check", update_check),
            ("delete", delete),
        ] {
            let Some(policy) = policy else { continue };
            if db.engine() == Engine::Sqlite {
                policy.keep_names();
            }
            if let Some(name) = compared_number(db, table, policy).await? {
                faults.push(format!(
                    "data.tables.{}.roles.{role}.{operation}: {name} holds numbers, and MariaDB takes \
                     a text that it is compared with for a number: say CAST({name} AS CHAR)",
                    table.name
                ));
            } else if let Err(why) = condition(db, table, policy).await? {
                faults.push(format!(
                    "data.tables.{}.roles.{role}.{operation}: {why}",
                    table.name
                ));
            } else if matches!(operation, "insert" | "update_check")
                && !can_be_foreseen(db, table, policy).await?
            {
                policy.columns = None;
            }
        }
    }
    table.roles = roles;
    Ok(())
}

/// Asks the database whether a condition is one. PostgreSQL compares no text with a `uuid`: which of
/// the values must be one, it tells by what it takes.
async fn condition(
    db: &Db,
    table: &Table,
    policy: &mut Policy,
) -> Result<Result<(), String>, DbError> {
    let mut answer = Ok(());
    for uuids in [
        vec![],
        vec![Claim::Subject],
        vec![Claim::Subject, Claim::Tenant],
        vec![Claim::Tenant],
    ] {
        policy.uuids = uuids;
        match try_condition(db, table, policy).await {
            Ok(()) => return Ok(Ok(())),
            Err(error)
                if matches!(error.data_fault(), DataFault::Unavailable | DataFault::Slow) =>
            {
                return Err(error);
            }
            // Names of the schema and the operator's own text: nothing that a log may not hold.
            Err(error) if answer.is_ok() => answer = Err(error.to_string()),
            Err(_) => {}
        }
        if db.engine() != Engine::Postgres {
            break;
        }
    }
    Ok(answer)
}

/// A column of numbers next to a claim, on the engine that compares both as floats: every text that
/// begins with no digit would be 0.
async fn compared_number(
    db: &Db,
    table: &Table,
    policy: &Policy,
) -> Result<Option<String>, DbError> {
    if db.engine() != Engine::MySql {
        return Ok(None);
    }
    for name in policy.beside_claims() {
        let (owner, column) = name.rsplit_once('.').unwrap_or(("", &name));
        let columns = db.columns_named(column).await?;
        let own = columns.iter().find(|column| column.table == table.name);
        let is_own = owner == table.name || (owner.is_empty() && policy.is_row_local);
        let holds_numbers = match own {
            Some(own) if is_own => own.holds_numbers,
            _ => columns.iter().any(|column| column.holds_numbers),
        };
        if holds_numbers {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

async fn try_condition(db: &Db, table: &Table, policy: &Policy) -> Result<(), DbError> {
    let mut sql = Sql::new(db.engine());
    sql.push("SELECT 'x' FROM ")
        .name(&table.name)
        .push(" WHERE ");
    sql.policy(policy, &somebody()).push(" LIMIT 0");
    try_out(db, sql).await
}

/// Whether the database takes a condition about a row that is not there: it may be about a column
/// that only the table itself has.
async fn can_be_foreseen(db: &Db, table: &Table, policy: &Policy) -> Result<bool, DbError> {
    let names = policy.columns.as_deref().unwrap_or_default();
    let columns: Option<Vec<_>> = names.iter().map(|name| table.column(name)).collect();
    // One that is computed is not known before its row is written.
    let is_known = |column: &&Column| column.filling != Filling::Always;
    let Some(columns) = columns.filter(|all| all.iter().all(is_known)) else {
        return Ok(false);
    };
    if columns.is_empty() {
        return Ok(true);
    }
    let values = [columns.iter().map(|_| Bound::Null).collect()];
    let mut sql = Sql::new(db.engine());
    statement::foresee(&mut sql, table, &columns, &values, policy, &somebody());
    match try_out(db, sql).await {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.data_fault(), DataFault::Unavailable | DataFault::Slow) => {
            Err(error)
        }
        Err(_) => Ok(false),
    }
}

fn somebody() -> Caller {
    let uuid = "00000000-0000-0000-0000-000000000000";
    Caller {
        subject: Some(uuid.into()),
        role: "anon".into(),
        tenant: Some(uuid.into()),
        session: None,
        token_id: None,
        assurance: "aal1",
    }
}

async fn try_out(db: &Db, sql: Sql) -> Result<(), DbError> {
    let nobody = As {
        role: None,
        claims: "{}".into(),
    };
    let mut transaction = db.data_read(&nobody).await?;
    transaction.rows(&sql.finish()).await?;
    transaction.commit().await
}
