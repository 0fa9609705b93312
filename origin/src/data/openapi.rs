//! The declared tables as an `OpenAPI` 3.1 document.
//!
//! Guarantees: it names what some role may do, and no column that is not exposed; what only the
//! database knows, it leaves to the database.

use super::{
    kind::Kind,
    table::{Column, Rules, Table},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The document's media type.
pub(crate) const MEDIA_TYPE: &str = "application/openapi+json";

const JSON: &str = "application/json";
const OBJECT: &str = "application/vnd.pgrst.object+json";
const CSV: &str = "text/csv";
const FORM: &str = "application/x-www-form-urlencoded";

/// Writes the document.
#[must_use]
pub(crate) fn document(tables: &BTreeMap<String, Table>) -> Value {
    let paths: Map<_, _> = tables
        .values()
        .map(|table| (format!("/{}", table.name), path(table)))
        .collect();
    let mut schemas: Map<_, _> = tables.values().flat_map(schemas).collect();
    schemas.insert("Error".into(), error());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gapura: tables",
            "description": "The dialect of PostgREST. What a role sees and writes of a table, its row policies say.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{ "url": super::PREFIX.trim_end_matches('/') }],
        "security": [{ "apikey": [], "bearer": [] }, { "apikey": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": parameters(),
            "responses": {
                "Error": {
                    "description": "Refused.",
                    "content": { JSON: { "schema": reference("schemas", "Error") } },
                },
            },
            "securitySchemes": {
                "apikey": { "type": "apiKey", "in": "header", "name": "apikey" },
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn references(names: &[&str]) -> Vec<Value> {
    names
        .iter()
        .map(|name| reference("parameters", name))
        .collect()
}

fn path(table: &Table) -> Value {
    let mut operations = Map::new();
    let mut offer = |methods: &[&str], roles: Vec<&str>, of: fn(&Table) -> Value| {
        for method in methods.iter().filter(|_| !roles.is_empty()) {
            let mut operation = of(table);
            if let Some(fields) = operation.as_object_mut() {
                fields.insert("tags".into(), json!([table.name]));
                fields.insert(
                    "operationId".into(),
                    format!("{method}_{}", table.name).into(),
                );
                let roles = format!("Roles: {}.", roles.join(", "));
                fields.insert("description".into(), roles.into());
            }
            operations.insert((*method).to_owned(), operation);
        }
    };
    offer(
        &["get", "head"],
        who(table, |rules| rules.select.is_some()),
        read,
    );
    offer(
        &["post"],
        who(table, |rules| rules.insert.is_some()),
        insert,
    );
    offer(
        &["patch"],
        who(table, |rules| rules.update.is_some()),
        update,
    );
    offer(
        &["delete"],
        who(table, |rules| rules.delete.is_some()),
        delete,
    );
    operations.into()
}

/// The roles that may do something.
fn who(table: &Table, may: impl Fn(&Rules) -> bool) -> Vec<&str> {
    let roles = table.roles.iter().filter(|(_, rules)| may(rules));
    roles.map(|(role, _)| role.as_str()).collect()
}

fn read(table: &Table) -> Value {
    let mut parameters = filters(table);
    parameters.extend(references(&[
        "select",
        "order",
        "limit",
        "offset",
        "range",
        "preferRead",
        "ifNoneMatch",
    ]));
    json!({
        "summary": format!("Rows of {}", table.name),
        "parameters": parameters,
        "responses": {
            "200": rows(table, "The rows."),
            "206": rows(table, "Some of the rows that were counted."),
            "304": { "description": "The one row is as it was." },
            "default": reference("responses", "Error"),
        },
    })
}

fn insert(table: &Table) -> Value {
    let row = reference("schemas", &format!("{}.insert", table.name));
    let parameters = [
        "select",
        "columns",
        "onConflict",
        "preferWrite",
        "idempotencyKey",
    ];
    json!({
        "summary": format!("Add rows to {}", table.name),
        "parameters": references(&parameters),
        "requestBody": {
            "required": true,
            "content": {
                JSON: { "schema": {
                    "anyOf": [row, { "type": "array", "items": row, "maxItems": table.max_rows }],
                } },
                CSV: { "schema": { "type": "string" } },
                FORM: { "schema": row },
            },
        },
        "responses": {
            "201": rows(table, "Written; the rows where they were asked for."),
            "default": reference("responses", "Error"),
        },
    })
}

fn update(table: &Table) -> Value {
    let row = reference("schemas", &format!("{}.update", table.name));
    json!({
        "summary": format!("Change rows of {}", table.name),
        "parameters": change(table),
        "requestBody": { "required": true, "content": { JSON: { "schema": row } } },
        "responses": changed(table),
    })
}

fn delete(table: &Table) -> Value {
    json!({
        "summary": format!("Delete rows of {}", table.name),
        "parameters": change(table),
        "responses": changed(table),
    })
}

fn change(table: &Table) -> Vec<Value> {
    let mut parameters = filters(table);
    parameters.extend(references(&[
        "select",
        "order",
        "limit",
        "preferWrite",
        "ifMatch",
    ]));
    parameters
}

fn changed(table: &Table) -> Value {
    json!({
        "200": rows(table, "The rows."),
        "204": { "description": "Done." },
        "default": reference("responses", "Error"),
    })
}

fn rows(table: &Table, description: &str) -> Value {
    let row = reference("schemas", &table.name);
    json!({
        "description": description,
        "content": {
            JSON: { "schema": { "type": "array", "items": row } },
            OBJECT: { "schema": row },
            CSV: { "schema": { "type": "string" } },
        },
    })
}

/// A condition for each column.
fn filters(table: &Table) -> Vec<Value> {
    let of_column = |column: &Column| {
        let description = match (column.encrypted, &column.blind_index) {
            (false, _) => format!("operator.value; a value is {}", column.kind.name()),
            (true, Some(_)) => "eq.value, in.(value,…) or is.null: the column is encrypted".into(),
            (true, None) => "is.null: the column is encrypted".into(),
        };
        json!({
            "name": column.name,
            "in": "query",
            "description": description,
            "schema": { "type": "string" },
        })
    };
    let mut filters: Vec<Value> = table.readable().map(of_column).collect();
    filters.extend(references(&["and", "or"]));
    filters
}

/// A row as it is read, added and changed.
fn schemas(table: &Table) -> [(String, Value); 3] {
    let writable = || table.columns.iter().filter(|column| column.is_writable());
    let needed = writable().filter(|column| is_needed(table, column));
    let needed: Vec<&str> = needed.map(|column| column.name.as_str()).collect();
    let changeable = writable().filter(|column| !table.key.contains(&column.name));
    [
        (table.name.clone(), row(table.readable(), &[])),
        (format!("{}.insert", table.name), row(writable(), &needed)),
        (format!("{}.update", table.name), row(changeable, &[])),
    ]
}

/// Whether nobody but the client can say it.
fn is_needed(table: &Table, column: &Column) -> bool {
    let is_made = column.kind == Kind::Uuid && table.key.contains(&column.name);
    !column.nullable && !column.has_default && column.default.is_none() && !is_made
}

fn row<'a>(columns: impl Iterator<Item = &'a Column>, needed: &[&str]) -> Value {
    let properties: Map<_, _> = columns
        .map(|column| (column.name.clone(), property(column)))
        .collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !needed.is_empty()
        && let Some(fields) = schema.as_object_mut()
    {
        fields.insert("required".into(), json!(needed));
    }
    schema
}

fn property(column: &Column) -> Value {
    let (name, format) = match column.kind {
        Kind::Text => ("string", None),
        Kind::Uuid => ("string", Some("uuid")),
        Kind::Integer => ("integer", Some("int64")),
        Kind::Number => ("number", None),
        Kind::Boolean => ("boolean", None),
        Kind::Timestamp => ("string", Some("date-time")),
        Kind::Date => ("string", Some("date")),
        // Any JSON.
        Kind::Json | Kind::Native => return json!({ "description": column.type_name }),
    };
    let mut property = Map::new();
    let types = if column.nullable {
        json!([name, "null"])
    } else {
        json!(name)
    };
    property.insert("type".into(), types);
    if let Some(format) = format {
        property.insert("format".into(), format.into());
    }
    property.insert("readOnly".into(), (!column.is_writable()).into());
    property.insert("writeOnly".into(), (!column.is_readable()).into());
    property.retain(|_, value| *value != Value::Bool(false));
    property.into()
}

fn parameters() -> Value {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer", "minimum": 0 });
    let parameter = |place: &str, name: &str, description: &str, schema: Value| json!({ "name": name, "in": place, "description": description, "schema": schema });
    json!({
        "select": parameter("query", "select", "Columns, renamed with `new:column`, cast with `column::type`, and tables that foreign keys lead to, as `table(columns)`.", text()),
        "order": parameter("query", "order", "`column.asc` or `column.desc`, with `.nullsfirst` or `.nullslast`.", text()),
        "limit": parameter("query", "limit", "Rows at most.", number()),
        "offset": parameter("query", "offset", "Rows to leave out first.", number()),
        "and": parameter("query", "and", "Conditions that all hold: `(a.eq.1,b.gt.2)`.", text()),
        "or": parameter("query", "or", "Conditions of which one holds: `(a.eq.1,b.gt.2)`.", text()),
        "columns": parameter("query", "columns", "The columns of the body that are written.", text()),
        "onConflict": parameter("query", "on_conflict", "The columns that tell whether a row is there already.", text()),
        "range": parameter("header", "Range", "`first-last`, counted from 0.", text()),
        "preferRead": parameter("header", "Prefer", "count=exact, count=planned, count=estimated, handling=strict", text()),
        "preferWrite": parameter("header", "Prefer", "return=minimal, return=representation, resolution=merge-duplicates, resolution=ignore-duplicates, missing=default, count=exact, tx=rollback, max-affected=…, handling=strict", text()),
        "ifMatch": parameter("header", "If-Match", "The `ETag` of the one row.", text()),
        "ifNoneMatch": parameter("header", "If-None-Match", "The `ETag` of the one row.", text()),
        "idempotencyKey": parameter("header", "Idempotency-Key", "What is sent again under the same key within a day is not written again.", json!({ "type": "string", "pattern": "^[!-~]{1,255}$" })),
    })
}

fn error() -> Value {
    let text = json!({ "type": "string" });
    let perhaps = json!({ "type": ["string", "null"] });
    json!({
        "type": "object",
        "properties": { "code": text, "message": text, "details": perhaps, "hint": perhaps },
        "required": ["code", "message", "details", "hint"],
    })
}

#[cfg(test)]
mod tests {
    use super::document;
    use crate::data::{
        kind::Kind,
        policy::Policy,
        table::{Access, Column, Rules, Table},
    };
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn column(name: &str, kind: Kind, access: Access) -> Column {
        Column {
            name: name.into(),
            kind,
            type_name: String::new(),
            nullable: false,
            has_default: false,
            access,
            encrypted: false,
            blind_index: None,
            default: None,
        }
    }

    fn notes(rules: Rules) -> Value {
        let mut phone = column("phone", Kind::Text, Access::Full);
        phone.nullable = true;
        phone.encrypted = true;
        let table = Table {
            name: "notes".into(),
            columns: vec![
                column("id", Kind::Uuid, Access::Full),
                column("title", Kind::Text, Access::Full),
                phone,
                column("pin", Kind::Text, Access::Write),
                column("made", Kind::Timestamp, Access::Read),
                column("extra", Kind::Json, Access::Full),
                column("inner", Kind::Text, Access::Hidden),
            ],
            key: vec!["id".into()],
            foreign_keys: Vec::new(),
            tenant: None,
            max_rows: 7,
            unfiltered: false,
            roles: BTreeMap::from([("user".into(), rules)]),
        };
        document(&BTreeMap::from([("notes".into(), table)]))
    }

    fn all() -> Rules {
        let policy = Policy::parse("1 = 1").ok();
        Rules {
            select: policy.clone(),
            insert: policy.clone(),
            update: policy.clone(),
            update_check: policy.clone(),
            delete: policy,
        }
    }

    #[test]
    fn names_what_some_role_may_do_alone() {
        let methods = |rules| {
            let document = notes(rules);
            let path = document["paths"]["/notes"].as_object().unwrap();
            path.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(methods(all()), ["get", "head", "post", "patch", "delete"]);
        let rules = Rules {
            delete: None,
            insert: None,
            update: None,
            ..all()
        };
        assert_eq!(methods(rules), ["get", "head"]);
        assert!(methods(Rules::default()).is_empty());
    }

    #[test]
    fn rows_hold_what_may_be_read_and_written() {
        let document = notes(all());
        let schemas = &document["components"]["schemas"];
        let names = |schema: &str| {
            let properties = schemas[schema]["properties"].as_object().unwrap();
            properties.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names("notes"), ["id", "title", "phone", "made", "extra"]);
        assert_eq!(
            names("notes.insert"),
            ["id", "title", "phone", "pin", "extra"]
        );
        assert_eq!(names("notes.update"), ["title", "phone", "pin", "extra"]);
        let insert = &schemas["notes.insert"];
        assert_eq!(insert["required"], json!(["title", "pin", "extra"]));
        let of = |name: &str| &insert["properties"][name];
        assert_eq!(of("id"), &json!({ "type": "string", "format": "uuid" }));
        assert_eq!(of("phone"), &json!({ "type": ["string", "null"] }));
        assert_eq!(of("pin"), &json!({ "type": "string", "writeOnly": true }));
        assert_eq!(
            schemas["notes"]["properties"]["made"],
            json!({ "type": "string", "format": "date-time", "readOnly": true })
        );
        assert!(!document.to_string().contains("inner"));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(at: &Value, root: &Value, met: &mut usize) {
            if let Some(to) = at.get("$ref").and_then(Value::as_str) {
                *met += 1;
                assert!(root.pointer(to.trim_start_matches('#')).is_some(), "{to}");
            }
            let members = at
                .as_object()
                .into_iter()
                .flat_map(|object| object.values());
            for inside in members.chain(at.as_array().into_iter().flatten()) {
                walk(inside, root, met);
            }
        }
        let (document, mut met) = (notes(all()), 0);
        walk(&document, &document, &mut met);
        assert!(met > 20, "{met}");
    }
}
