//! What holds for any text.

use super::{super::*, condition, eq, read};
use proptest::prelude::*;

/// Texts near the grammar: made of its own pieces.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "select=",
        "order=",
        "limit=",
        "or=",
        "and=",
        "not.",
        "columns=",
        "&",
        "=",
        "(",
        ")",
        ",",
        ".",
        "->",
        "->>",
        "::",
        ":",
        "!",
        "!inner",
        "\"",
        "\\",
        "*",
        "a",
        "t",
        "1",
        "-",
        "eq",
        "in",
        "is",
        "null",
        "like(any)",
        "{",
        "}",
        "fts",
        " ",
        "+",
        "%",
        "%22",
        "%ff",
        "ü",
        "...",
        "count()",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn never_panics(query in prop_oneof![".{0,200}", pieces()], header in ".{0,60}") {
        if let Err(error) = Query::parse(&query) {
            prop_assert!(!error.to_string().is_empty());
            prop_assert!(error.code().starts_with("PGRST1"));
        }
        let _ = (Window::from_range(&header), Prefer::parse([header.as_str()]));
        let _ = (Accept::parse(Some(&header)), ContentType::parse(Some(&header)));
    }

    /// Any name and any value get through, given the right quotes.
    #[test]
    fn quotes_carry_every_text(name in "[^\0]{1,15}", value in "[^\0]{0,40}") {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let encode = |text: String| {
            percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let alone = format!("{}={}", encode(quote(&name)), encode(format!("eq.{value}")));
        prop_assert_eq!(&read(&alone).filters, &[eq(&name, &value)]);
        let tree = format!("or={}", encode(format!("({}.eq.{},a.in.({}))", quote(&name), quote(&value), quote(&value))));
        prop_assert_eq!(
            &read(&tree).filters,
            &[Filter::Or(vec![eq(&name, &value), condition("a", Test::In(vec![value]))])]
        );
    }
}
