//! The declared tables as an `OpenAPI` 3.1 document.
//!
//! Guarantees: it names what some role may do, and no column that is not exposed; what only the
//! database knows, it leaves to the database.

mod parameter;
#[cfg(test)]
mod tests;

use super::{
    kind::Kind,
    table::{Column, Rules, Table},
};
use crate::db::Filling;
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
            "parameters": parameter::shared(),
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
    let mut parameters = parameter::filters(table);
    parameters.push(parameter::select(table));
    parameters.push(parameter::order(table));
    parameters.extend(parameter::references(&[
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
    let mut parameters = vec![parameter::select(table), parameter::on_conflict(table)];
    parameters.extend(parameter::references(&[
        "columns",
        "preferWrite",
        "idempotencyKey",
    ]));
    json!({
        "summary": format!("Add rows to {}", table.name),
        "parameters": parameters,
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
    let mut parameters = parameter::filters(table);
    parameters.push(parameter::select(table));
    parameters.push(parameter::order(table));
    parameters.extend(parameter::references(&["limit", "preferWrite", "ifMatch"]));
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
    let is_filled = column.filling != Filling::Nothing || column.default.is_some();
    !column.nullable && !is_filled && !is_made
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

fn error() -> Value {
    let text = json!({ "type": "string" });
    let perhaps = json!({ "type": ["string", "null"] });
    json!({
        "type": "object",
        "properties": { "code": text, "message": text, "details": perhaps, "hint": perhaps },
        "required": ["code", "message", "details", "hint"],
    })
}
