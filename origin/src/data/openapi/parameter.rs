//! Parameters of requests: the dialect, as far as `OpenAPI` can tell it.

use super::reference;
use crate::data::table::{Column, Table};
use serde_json::{Value, json};

const TEST: &str = r"^(not\.)?(eq|neq|gt|gte|lt|lte|like|ilike|in|is)(\((any|all)\))?\.";
const TEST_OF_TEXT: &str =
    r"^(not\.)?(eq|neq|gt|gte|lt|lte|like|ilike|in|is|fts|plfts|phfts|wfts)(\([A-Za-z0-9_-]+\))?\.";
const TEST_OF_INDEX: &str = r"^(not\.)?(eq|in|is)\.";
const TEST_OF_SEALED: &str = r"^(not\.)?is\.";

/// Those of every table, by their names in the document.
pub(super) fn references(names: &[&str]) -> Vec<Value> {
    names
        .iter()
        .map(|name| reference("parameters", name))
        .collect()
}

/// A condition for each column, and for several at once.
pub(super) fn filters(table: &Table) -> Vec<Value> {
    let of_column = |column: &Column| {
        let (pattern, description) = match (column.encrypted, &column.blind_index) {
            (false, _) => (
                if column.searchable {
                    TEST_OF_TEXT
                } else {
                    TEST
                },
                format!("operator.value; a value is {}", column.kind.name()),
            ),
            (true, Some(_)) => (
                TEST_OF_INDEX,
                "eq.value, in.(value,…) or is.null: the column is encrypted".to_owned(),
            ),
            (true, None) => (
                TEST_OF_SEALED,
                "is.null: the column is encrypted".to_owned(),
            ),
        };
        let schema = json!({ "type": "string", "pattern": pattern });
        query(&column.name, &description, &schema)
    };
    let mut filters: Vec<Value> = table.readable().map(of_column).collect();
    filters.extend(references(&["and", "or"]));
    filters
}

/// `select`
pub(super) fn select(table: &Table) -> Value {
    let columns: Vec<&str> = table
        .readable()
        .map(|column| column.name.as_str())
        .collect();
    example(
        query(
            "select",
            "Columns, renamed with `new:column`, cast with `column::type`, and tables that foreign keys lead to, as `table(columns)`.",
            &json!({ "type": "string" }),
        ),
        columns.join(","),
    )
}

/// `order`
pub(super) fn order(table: &Table) -> Value {
    let terms: Vec<String> = key(table).map(|name| format!("{name}.desc")).collect();
    example(
        query(
            "order",
            "`column.asc` or `column.desc`, with `.nullsfirst` or `.nullslast`.",
            &json!({ "type": "string" }),
        ),
        terms.join(","),
    )
}

/// `on_conflict`
pub(super) fn on_conflict(table: &Table) -> Value {
    example(
        query(
            "on_conflict",
            "The columns that tell whether a row is there already.",
            &json!({ "type": "string" }),
        ),
        key(table).collect::<Vec<_>>().join(","),
    )
}

/// The columns of the key that clients know of.
fn key(table: &Table) -> impl Iterator<Item = &str> {
    let columns = table.key_columns().filter(|column| column.is_readable());
    columns.map(|column| column.name.as_str())
}

/// What [`references`] lead to.
pub(super) fn shared() -> Value {
    let text = json!({ "type": "string" });
    let number = json!({ "type": "integer", "minimum": 0 });
    let tree = json!({ "type": "string", "pattern": r"^\(.*\)$" });
    let key = json!({ "type": "string", "pattern": "^[!-~]{1,255}$" });
    json!({
        "limit": example(query("limit", "Rows at most.", &number), 10),
        "offset": query("offset", "Rows to leave out first.", &number),
        "and": query("and", "Conditions that all hold: `(a.eq.1,b.gt.2)`.", &tree),
        "or": query("or", "Conditions of which one holds: `(a.eq.1,b.gt.2)`.", &tree),
        "columns": query("columns", "The columns of the body that are written.", &text),
        "range": example(header("Range", "`first-last`, counted from 0.", &text), "0-9"),
        "preferRead": example(
            header("Prefer", "count=exact, count=planned, count=estimated, handling=strict", &text),
            "count=exact",
        ),
        "preferWrite": example(
            header("Prefer", "return=minimal, return=representation, resolution=merge-duplicates, resolution=ignore-duplicates, missing=default, count=exact, tx=rollback, max-affected=…, handling=strict", &text),
            "return=representation",
        ),
        "ifMatch": header("If-Match", "The `ETag` of the one row.", &text),
        "ifNoneMatch": header("If-None-Match", "The `ETag` of the one row.", &text),
        "idempotencyKey": header("Idempotency-Key", "What is sent again under the same key within a day is not written again.", &key),
    })
}

fn query(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

fn header(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "header", "description": description, "schema": schema })
}

fn example(mut parameter: Value, example: impl Into<Value>) -> Value {
    let example = example.into();
    if example != ""
        && let Some(fields) = parameter.as_object_mut()
    {
        fields.insert("example".into(), example);
    }
    parameter
}
