//! The grammars of the dialect, refusals first.

mod header;
mod properties;
mod query;
mod refusal;

use super::*;

fn read(query: &str) -> Read {
    let query = Query::parse(query);
    query.unwrap().read
}

fn refusal(query: &str) -> DialectError {
    let query = Query::parse(query);
    query.unwrap_err()
}

fn field(name: &str) -> Field {
    Field {
        name: name.into(),
        json: Vec::new(),
        as_text: false,
    }
}

fn column(name: &str) -> Item {
    Item::Column {
        field: field(name),
        cast: None,
        alias: None,
    }
}

fn condition(name: &str, test: Test) -> Filter {
    Filter::Condition(Condition {
        field: field(name),
        test,
    })
}

fn eq(name: &str, value: &str) -> Filter {
    condition(name, Test::Compare(Comparison::Eq, value.into()))
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}
