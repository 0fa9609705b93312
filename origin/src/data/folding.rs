//! Columns of MySQL whose texts compare without regard to case: there `'a' = 'A'`, for filters and
//! for row policies alike.

use super::kind::Kind;
use crate::{
    config::{DataRole, DataTable},
    db::{CatalogColumn, Relation},
};

/// A warning for each such column that is exposed, or decides who sees what.
pub(crate) fn warnings(declared: &DataTable, relation: &Relation) -> Vec<String> {
    let mut warnings = Vec::new();
    for column in relation.columns.iter().filter(|column| column.folds) {
        let is_exposed = declared.columns.contains(&column.name) && !is_opaque(declared, column);
        let is_blind = declared
            .blind_index
            .iter()
            .any(|(_, to)| *to == column.name);
        let place = match (decides(declared, &column.name), is_exposed || is_blind) {
            (Some(role), _) => format!("in a policy of {role}"),
            (None, true) => "in filters".to_owned(),
            (None, false) => continue,
        };
        warnings.push(format!(
            "data.tables.{}: {}: {place}, 'a' is 'A' in its collation; one that ends in _bin tells them apart",
            declared.name, column.name
        ));
    }
    warnings
}

/// Whether its texts have one form alone, or are encrypted.
fn is_opaque(declared: &DataTable, column: &CatalogColumn) -> bool {
    let stated = declared.types.iter().find(|(name, _)| *name == column.name);
    let kind = stated.and_then(|(_, kind)| Kind::parse(kind));
    kind.or(column.kind) != Some(Kind::Text) || declared.encrypted.contains(&column.name)
}

/// The first role one of whose conditions names the column.
fn decides<'a>(declared: &'a DataTable, column: &str) -> Option<&'a str> {
    let names = |role: &&DataRole| {
        let all = [
            &role.select,
            &role.insert,
            &role.update,
            &role.update_check,
            &role.delete,
        ];
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        all.into_iter().flatten().any(|text| {
            let mut words = text.split(|c| !is_word(c));
            words.any(|word| word.eq_ignore_ascii_case(column))
        })
    };
    let role = declared.roles.iter().find(names);
    role.map(|role| role.role.as_str())
}

#[cfg(test)]
mod tests {
    use super::warnings;
    use crate::{
        config::{DataRole, DataTable},
        data::Kind,
        db::{CatalogColumn, Filling, Relation},
    };

    fn column(name: &str, folds: bool) -> CatalogColumn {
        CatalogColumn {
            name: name.into(),
            type_name: "varchar(9)".into(),
            kind: Some(Kind::Text),
            nullable: false,
            filling: Filling::Nothing,
            folds,
        }
    }

    #[test]
    fn warns_of_what_is_exposed_or_decides() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let declared = DataTable {
            name: "notes".into(),
            columns: names(&["id", "title", "exact", "phone", "owner"]),
            types: vec![("id".into(), "uuid".into())],
            encrypted: names(&["phone"]),
            blind_index: vec![("phone".into(), "phone_index".into())],
            roles: vec![DataRole {
                role: "user".into(),
                select: Some("`Owner` = auth.uid() AND state <> 'gone'".into()),
                ..DataRole::default()
            }],
            ..DataTable::default()
        };
        let mut columns: Vec<_> = [
            "id",
            "title",
            "phone",
            "phone_index",
            "owner",
            "state",
            "gon",
        ]
        .map(|name| column(name, true))
        .into();
        columns.push(column("exact", false));
        let relation = Relation {
            columns,
            key: names(&["id"]),
            unique: Vec::new(),
            foreign_keys: Vec::new(),
            searchable: Vec::new(),
        };
        let warned = warnings(&declared, &relation);
        let of: Vec<&str> = warned
            .iter()
            .filter_map(|text| text.split(": ").nth(1))
            .collect();
        assert_eq!(of, ["title", "phone_index", "owner", "state"]);
        assert!(warned[2].contains("in a policy of user"), "{warned:?}");
        assert!(warned[0].contains("in filters"), "{warned:?}");
    }
}
