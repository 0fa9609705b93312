//! What each role may do with each table, to be looked over.

use super::{
    policy::Policy,
    table::{Rules, Table},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One operation of one role on one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Right {
    /// The table.
    pub table: String,
    /// The role; `anon` without a token.
    pub role: String,
    /// `select`, `insert`, `update`, `update_check` or `delete`.
    pub operation: &'static str,
    /// For which rows; `None`: refused.
    pub condition: Option<String>,
}

/// Of every role that some table names.
pub(crate) fn rights(tables: &BTreeMap<String, Table>) -> Vec<Right> {
    let roles: BTreeSet<&String> = tables.values().flat_map(|one| one.roles.keys()).collect();
    let nothing = Rules::default();
    let mut rights = Vec::new();
    for table in tables.values() {
        for role in &roles {
            let allowed = table.rules(role).unwrap_or(&nothing);
            for (operation, policy) in operations(allowed) {
                rights.push(Right {
                    table: table.name.clone(),
                    role: (*role).clone(),
                    operation,
                    condition: policy.map(ToString::to_string),
                });
            }
        }
    }
    rights
}

fn operations(rules: &Rules) -> [(&'static str, Option<&Policy>); 5] {
    [
        ("select", rules.select.as_ref()),
        ("insert", rules.insert.as_ref()),
        ("update", rules.update.as_ref()),
        ("update_check", rules.update_check.as_ref()),
        ("delete", rules.delete.as_ref()),
    ]
}

/// In columns, `-` for what is refused.
#[must_use]
pub(crate) fn table_of(rights: &[Right]) -> String {
    let mut lines = vec![["table", "role", "operation", "condition"]];
    lines.extend(rights.iter().map(|right| {
        let condition = right.condition.as_deref().unwrap_or("-");
        [&right.table, &right.role, right.operation, condition]
    }));
    let width = |at: usize| {
        let cells = lines.iter().filter_map(|line| line.get(at));
        cells.map(|cell| cell.len()).max().unwrap_or_default()
    };
    let (first, second, third) = (width(0), width(1), width(2));
    let lines = lines.iter().map(|[table, role, operation, condition]| {
        // A condition may have lines of its own.
        let condition = condition.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{table:first$}  {role:second$}  {operation:third$}  {condition}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Right, table_of};

    #[test]
    fn what_is_refused_is_shown_too() {
        let right = |operation, condition: Option<&str>| Right {
            table: "notes".into(),
            role: "user".into(),
            operation,
            condition: condition.map(str::to_owned),
        };
        assert_eq!(
            table_of(&[right("select", Some("a =\n  1")), right("delete", None)]),
            "table  role  operation  condition\n\
             notes  user  select     a = 1\n\
             notes  user  delete     -"
        );
    }
}
