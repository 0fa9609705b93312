//! What query strings ask for.

use super::{super::*, column, condition, eq, field, not, read, refusal};

#[test]
fn reads_select() {
    let query = r#"select=id,name:title,created::date,data->tags->0->>label,"odd, (name)",first-name,full name"#;
    let into = |as_text| Field {
        name: "data".into(),
        json: vec![
            Step::Key("tags".into()),
            Step::Index(0),
            Step::Key("label".into()),
        ],
        as_text,
    };
    assert_eq!(
        read(query).select,
        [
            column("id"),
            Item::Column {
                field: field("title"),
                cast: None,
                alias: Some("name".into())
            },
            Item::Column {
                field: field("created"),
                cast: Some("date".into()),
                alias: None
            },
            Item::Column {
                field: into(true),
                cast: None,
                alias: None
            },
            column("odd, (name)"),
            column("first-name"),
            column("full name"),
        ]
    );
    assert_eq!(read("").select, [Item::All]);
    assert_eq!(read("select=").select, []);
    assert_eq!(read("select= * , id ").select, [Item::All, column("id")]);
    assert_eq!(into(false).label(), "label");
    let last_index = &read("select=x:a::text,data->a->-1").select;
    assert_eq!(last_index[0].label(), Some("x"));
    assert_eq!(last_index[1].label(), Some("a"));
}

#[test]
fn reads_embedded_tables_and_what_belongs_to_them() {
    let read = read(
        "select=*,tags:note_tags!note_id!inner(tag,note:notes(id)),author!left(*)&note_tags.order=tag.desc\
         &tags.limit=5&tags.offset=2&tags.note.id=eq.7&author.or=(a.eq.1,b.is.null)&id=neq.3&limit=9",
    );
    assert_eq!(read.filters.len(), 1);
    assert_eq!(read.window.limit, Some(9));
    let embeds: Vec<_> = read.embeds().collect();
    let [tags, author] = embeds.as_slice() else {
        panic!("{embeds:?}")
    };
    assert_eq!((tags.table.as_str(), tags.label()), ("note_tags", "tags"));
    assert_eq!(
        (tags.hint.as_deref(), tags.join),
        (Some("note_id"), Join::Inner)
    );
    assert_eq!(
        tags.read.window,
        Window {
            offset: 2,
            limit: Some(5)
        }
    );
    assert_eq!(
        tags.read.order,
        [Order {
            field: field("tag"),
            descending: true,
            nulls: None
        }]
    );
    let note = tags.read.embeds().next().unwrap();
    assert_eq!(note.read.filters, [eq("id", "7")]);
    assert_eq!(author.join, Join::Left);
    assert!(matches!(author.read.filters.as_slice(), [Filter::Or(two)] if two.len() == 2));
}

#[test]
fn reads_operators() {
    let like = |pattern: &str, ignore_case| Test::Like {
        pattern: pattern.into(),
        ignore_case,
    };
    let search = |syntax, config: Option<&str>, text: &str| Test::Search {
        syntax,
        config: config.map(str::to_owned),
        text: text.into(),
    };
    let list = |values: &[&str]| Test::In(values.iter().map(|&v| v.to_owned()).collect());
    for (value, test) in [
        ("eq.", Test::Compare(Comparison::Eq, String::new())),
        ("neq.a.b", Test::Compare(Comparison::Neq, "a.b".into())),
        ("gt.1", Test::Compare(Comparison::Gt, "1".into())),
        ("gte.(a,b)", Test::Compare(Comparison::Gte, "(a,b)".into())),
        ("lt.\"1\"", Test::Compare(Comparison::Lt, "\"1\"".into())),
        (
            "lte.a%26b%2Bc+d",
            Test::Compare(Comparison::Lte, "a&b+c d".into()),
        ),
        ("like.*a_\\*", like("%a_\\%", false)),
        ("ilike.%25B", like("%B", true)),
        ("in.()", list(&[])),
        ("in.(1,2)", list(&["1", "2"])),
        ("in.(\"a,b\",\"c)\",d\"e)", list(&["a,b", "c)", "d\"e"])),
        ("in.(\"a\\\"b\\\\\",,\"\")", list(&["a\"b\\", "", ""])),
        ("in.(\"a\"b,c)", list(&["\"a\"b", "c"])),
        ("is.null", Test::Is(Is::Null)),
        ("is.NOT_NULL", Test::Is(Is::NotNull)),
        ("is.true", Test::Is(Is::True)),
        ("is.false", Test::Is(Is::False)),
        ("is.unknown", Test::Is(Is::Unknown)),
        ("fts.a%26b", search(Search::Operators, None, "a&b")),
        (
            "plfts(english).a",
            search(Search::Words, Some("english"), "a"),
        ),
        ("phfts(pt-br).a", search(Search::Phrase, Some("pt-br"), "a")),
        ("wfts.a or", search(Search::Web, None, "a or")),
    ] {
        let expected = condition("c", test);
        assert_eq!(
            read(&format!("c={value}")).filters,
            std::slice::from_ref(&expected),
            "{value}"
        );
        assert_eq!(read(&format!("c=not.{value}")).filters, [not(expected)]);
    }
    assert_eq!(
        read("c=eq(any).{1,\"2,}\"}").filters,
        [Filter::Or(vec![eq("c", "1"), eq("c", "2,}")])]
    );
    assert!(matches!(
        read("c=not.ilike(all).{a*,*b}").filters.as_slice(),
        [Filter::Not(all)] if matches!(&**all, Filter::And(two) if two.len() == 2)
    ));
}

#[test]
fn reads_trees_of_conditions() {
    assert_eq!(
        read("or=(a.eq.1,not.and(b.eq.\"x,)\", c.not.eq.3 ,or(d.eq.),e->>f.in.(\"1\",2)))").filters,
        [Filter::Or(vec![
            eq("a", "1"),
            not(Filter::And(vec![
                eq("b", "x,)"),
                not(eq("c", "3 ")),
                Filter::Or(vec![eq("d", "")]),
                Filter::Condition(Condition {
                    field: Field {
                        name: "e".into(),
                        json: vec![Step::Key("f".into())],
                        as_text: true
                    },
                    test: Test::In(vec!["1".into(), "2".into()]),
                }),
            ])),
        ])]
    );
    assert_eq!(
        read("not.or=(a.eq.1)").filters,
        [not(Filter::Or(vec![eq("a", "1")]))]
    );
    assert!(matches!(
        read("and=(a.eq.1)").filters.as_slice(),
        [Filter::And(_)]
    ));
    // In quotes they are columns.
    assert_eq!(
        read("\"or\"=eq.1&\"limit\"=eq.2").filters,
        [eq("or", "1"), eq("limit", "2")]
    );
    assert_eq!(
        read("or=(\"and\".eq.1)").filters,
        [Filter::Or(vec![eq("and", "1")])]
    );
}

#[test]
fn reads_order_columns_and_windows() {
    let query =
        Query::parse("order=a,b.desc.nullslast, c.nullsfirst,d->e.asc&offset=0&limit=0&columns=\"a\",b&on_conflict=id,k")
            .unwrap();
    let terms: Vec<_> = query
        .read
        .order
        .iter()
        .map(|o| (o.field.label(), o.descending, o.nulls))
        .collect();
    assert_eq!(
        terms,
        [
            ("a", false, None),
            ("b", true, Some(Nulls::Last)),
            ("c", false, Some(Nulls::First)),
            ("e", false, None)
        ]
    );
    assert_eq!(
        query.read.window,
        Window {
            offset: 0,
            limit: Some(0)
        }
    );
    assert_eq!(query.columns, Some(vec!["a".into(), "b".into()]));
    assert_eq!(query.on_conflict, Some(vec!["id".into(), "k".into()]));
    for (query, bad) in [
        ("limit=-1", BadRange::NegativeLimit),
        ("offset=-9", BadRange::NegativeOffset),
    ] {
        assert_eq!(refusal(query), DialectError::Range(bad));
        assert_eq!(
            (refusal(query).code(), refusal(query).status()),
            ("PGRST103", 416)
        );
    }
    assert_eq!(
        read("limit=18446744073709551615").window.limit,
        Some(i64::MAX as u64)
    );
}
