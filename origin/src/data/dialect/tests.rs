//! Refusals first; then what clients send.

use super::*;
use limit::Limit;
use proptest::prelude::*;

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

/// A query that holds so much of something.
type Make<'a> = Box<dyn Fn(usize) -> String + 'a>;

/// The limit that a query exceeds.
fn exceeded(query: &str) -> Option<Limit> {
    match Query::parse(query) {
        Err(DialectError::TooMuch { limit }) => Some(limit),
        _ => None,
    }
}

#[test]
fn tells_what_was_expected_where() {
    for (query, message, details) in [
        (
            "a=foo.1",
            "\"failed to parse filter (foo.1)\" (line 1, column 1)",
            "unexpected \"f\" expecting operator (eq, gt, ...)",
        ),
        (
            "select=id,",
            "\"failed to parse select parameter (id,)\" (line 1, column 4)",
            "unexpected end of input expecting field name (* or [a..z0..9_$])",
        ),
        (
            "select=ü,(",
            "\"failed to parse select parameter (ü,()\" (line 1, column 3)",
            "unexpected \"(\" expecting field name (* or [a..z0..9_$])",
        ),
        (
            "or=(a.eq.1",
            "\"failed to parse logic tree ((a.eq.1)\" (line 1, column 8)",
            "unexpected end of input expecting \",\" or \")\"",
        ),
        (
            "order=a.up",
            "\"failed to parse order (a.up)\" (line 1, column 3)",
            "unexpected \"u\" expecting asc, desc, nullsfirst or nullslast",
        ),
    ] {
        let error = refusal(query);
        assert_eq!(error.to_string(), message, "{query}");
        assert_eq!(error.details().as_deref(), Some(details), "{query}");
        assert_eq!((error.code(), error.status()), ("PGRST100", 400));
    }
}

#[test]
fn refuses_what_has_no_grammar() {
    for query in [
        "select=a b:",
        "select=a)",
        "select=(a)",
        "select=a(b",
        "select=a(b))",
        "select=a!b!c(d)",
        "select=a!inner",
        "select=a::",
        "select=a->",
        "select=a->>b->c",
        "select=a->99999999999",
        "select=a::text;drop",
        "select=\"\"",
        "select=\"a",
        "select=\"a\\",
        "a",
        "a=1",
        "a=eq",
        "a=eq(x).1",
        "a=in(any).{1}",
        "a=not.not.eq.1",
        "a=in.1",
        "a=in.(1",
        "a=in.(1)2",
        "a=is.nil",
        "a=is.nullx",
        "a=like(any).(1)",
        "a=like(any).{1",
        "a=fts().x",
        "a;b=eq.1",
        "'a=eq.1",
        ".a=eq.1",
        "a.=eq.1",
        "=eq.1",
        "a->>=eq.1",
        "or=a.eq.1",
        "or=()",
        "or=(a.eq.1),",
        "or=(a.eq.1,)",
        "or=(a)",
        "or=(and())",
        "order=",
        "order=a,",
        "order=a.desc.asc",
        "order=a.nullsfirst.desc",
        "order=a.desc;",
        "limit=a",
        "limit=",
        "limit=1.5",
        "limit=123456789012345678901",
        "offset=+1",
        "columns=",
        "columns=a,,b",
        "columns=*",
        "on_conflict=a b,",
        "on_conflict=a)",
    ] {
        assert_eq!(refusal(query).code(), "PGRST100", "{query}");
    }
}

#[test]
fn refuses_what_is_not_text() {
    for query in ["a=eq.%", "a=eq.%ff", "%00=eq.1", "a=eq.%00"] {
        assert!(
            matches!(refusal(query), DialectError::Encoding(_)),
            "{query}"
        );
    }
}

#[test]
fn reads_once_what_may_be_given_once() {
    for query in [
        "select=a&select=b",
        "select=a&%73elect=b",
        "order=a&order=b",
        "limit=1&limit=1",
        "offset=1&offset=2",
        "columns=a&columns=a",
        "on_conflict=a&on_conflict=a",
        "select=t(a),t(b)",
        "select=x:t(a),x:u(b)",
        "select=t(a)&t.limit=1&t.limit=2",
    ] {
        assert!(matches!(refusal(query), DialectError::Twice(_)), "{query}");
    }
    // Conditions add up.
    let filters = read("a=gte.1&a=lt.9").filters;
    assert_eq!(filters.len(), 2);
}

#[test]
fn names_what_is_not_served() {
    for (query, feature) in [
        ("a=match.^x", "the operator match"),
        ("a=not.imatch.^x", "the operator imatch"),
        ("a=cs.{1}", "the operator cs"),
        ("or=(a.ov.{1,2},b.eq.1)", "the operator ov"),
        ("a=isdistinct.1", "the operator isdistinct"),
        (
            "select=...t(a)",
            "spreading an embedded table into its parent",
        ),
        (
            "select=t(a)&order=t(a).desc",
            "ordering by a column of an embedded table",
        ),
    ] {
        let error = refusal(query);
        assert_eq!((error.code(), error.status()), ("PGRST127", 400));
        assert_eq!(error.details().as_deref(), Some(feature), "{query}");
    }
    for query in [
        "select=count()",
        "select=a.sum()",
        "select=s:a->b.max()::int",
    ] {
        assert_eq!(refusal(query).code(), "PGRST123", "{query}");
    }
}

#[test]
fn every_limit_holds_to_the_last_one() {
    let repeat = |text: &str, count: usize| vec![text; count].join(",");
    let nested = |depth: usize| {
        format!(
            "or=({}a.eq.1{})",
            "and(".repeat(depth - 1),
            ")".repeat(depth - 1)
        )
    };
    let cases: [(Limit, Make<'_>); 14] = [
        (
            limit::ITEMS,
            Box::new(|n| format!("select={}", repeat("a", n))),
        ),
        (
            limit::ITEMS,
            Box::new(|n| format!("select=t({})", repeat("a", n - 1))),
        ),
        (
            limit::EMBED_DEPTH,
            Box::new(|n| format!("select={}a{}", "t(".repeat(n), ")".repeat(n))),
        ),
        (
            limit::NAME_BYTES,
            Box::new(|n| format!("{}=eq.1", "a".repeat(n))),
        ),
        (
            limit::NAME_BYTES,
            Box::new(|n| format!("select=a::{}", "t".repeat(n))),
        ),
        (
            limit::JSON_STEPS,
            Box::new(|n| format!("order=a{}", "->b".repeat(n))),
        ),
        (limit::CONDITIONS, Box::new(|n| vec!["a=eq.1"; n].join("&"))),
        (
            limit::CONDITIONS,
            Box::new(|n| format!("a=eq.1&or=({})", repeat("a.eq.1", n - 1))),
        ),
        (
            limit::CONDITIONS,
            Box::new(|n| format!("a=like(any).{{{}}}", repeat("x", n))),
        ),
        (limit::LOGIC_DEPTH, Box::new(nested)),
        (
            limit::LIST_VALUES,
            Box::new(|n| format!("a=in.({})", repeat("1", n))),
        ),
        (
            limit::VALUE_BYTES,
            Box::new(|n| format!("a=eq.{}", "1".repeat(n))),
        ),
        (
            limit::ORDER_TERMS,
            Box::new(|n| format!("select=t(a)&order=a&t.order={}", repeat("a", n - 1))),
        ),
        (
            limit::COLUMNS,
            Box::new(|n| format!("columns={}", repeat("a", n))),
        ),
    ];
    for (limit, make) in cases {
        assert!(Query::parse(&make(limit.most)).is_ok(), "{limit}");
        assert_eq!(exceeded(&make(limit.most + 1)), Some(limit));
    }
}

/// What guards the stack is not the limit of a server before us.
#[test]
fn depth_costs_no_stack() {
    for open in ["select=t(", "or=(and(", "or=(not.or(", "a=in.("] {
        let deep = open.to_owned() + &open.split_at(open.find('=').unwrap() + 1).1.repeat(100_000);
        assert!(Query::parse(&deep).is_err());
    }
}

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
fn paths_lead_to_embedded_tables_alone() {
    for query in [
        "note_tags.tag=eq.a",
        "select=t(a)&u.limit=1",
        "select=t(a)&t.u.a=eq.1",
        "select=t(a)&t.t.or=(a.eq.1)",
        "select=x:t(a)&a.b.c.d.order=a",
    ] {
        let error = refusal(query);
        assert_eq!((error.code(), error.status()), ("PGRST108", 400), "{query}");
        assert!(error.hint().is_some());
    }
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

#[test]
fn reads_the_range_header() {
    let window = |offset, limit| Window { offset, limit };
    for (header, expected) in [
        ("0-24", Some(window(0, Some(25)))),
        (" items=5-5", Some(window(5, Some(1)))),
        ("7-", Some(window(7, None))),
        ("bytes=0-1", None),
        ("-5", None),
        ("a-b", None),
        ("0-1,5-6", None),
        ("", None),
    ] {
        assert_eq!(Window::from_range(header), Ok(expected), "{header}");
    }
    let whole = Window::from_range("0-18446744073709551615").unwrap();
    assert_eq!(whole.unwrap().limit, Some(i64::MAX as u64));
    assert_eq!(
        Window::from_range("24-0"),
        Err(DialectError::Range(BadRange::Backwards))
    );

    for (one, other, both) in [
        (window(0, None), window(3, None), window(3, None)),
        (window(0, Some(10)), window(5, Some(10)), window(5, Some(5))),
        (window(0, Some(5)), window(7, None), window(7, Some(0))),
    ] {
        assert_eq!(one.intersect(other), both);
        assert_eq!(other.intersect(one), both);
    }
}

#[test]
fn reads_preferences() {
    let prefer = Prefer::parse([
        "return=representation, count=exact",
        "resolution=merge-duplicates",
        "return=minimal,foo",
    ])
    .unwrap();
    assert_eq!(prefer.returning, Some(Returning::Representation));
    assert_eq!(
        prefer.applied().as_deref(),
        Some("resolution=merge-duplicates, return=representation, count=exact")
    );
    assert_eq!(Prefer::parse([]).unwrap().applied(), None);
    let every = "resolution=ignore-duplicates, missing=default, return=headers-only, count=planned, \
                 tx=rollback, handling=strict, max-affected=5";
    assert_eq!(
        Prefer::parse([every]).unwrap().applied().as_deref(),
        Some(every)
    );

    let error = Prefer::parse(["foo, handling=strict", "max-affected=x"]).unwrap_err();
    assert_eq!((error.code(), error.status()), ("PGRST122", 400));
    assert_eq!(
        error.details().as_deref(),
        Some("Invalid preferences: foo, max-affected=x")
    );
    assert!(Prefer::parse(["foo, handling=lenient"]).is_ok());
}

#[test]
fn chooses_the_form_of_the_answer() {
    for (header, form) in [
        ("", Accept::Json),
        ("*/*", Accept::Json),
        ("application/json, text/plain", Accept::Json),
        ("text/html, */*;q=0.1", Accept::Json),
        ("application/json;q=0.5, text/csv", Accept::Csv),
        ("text/csv;q=0, application/json;q=0.001", Accept::Json),
        ("application/vnd.pgrst.object+json", Accept::Object),
        (
            "application/vnd.pgrst.object+json;nulls=stripped, text/csv",
            Accept::Csv,
        ),
    ] {
        assert_eq!(Accept::parse(Some(header)), Ok(form), "{header}");
    }
    assert_eq!(Accept::parse(None), Ok(Accept::Json));
    for header in [
        "text/html",
        "text/csv;q=0",
        "text/csv;q=2",
        "application/geo+json",
        "application/vnd.pgrst.plan+text",
    ] {
        let error = Accept::parse(Some(header)).unwrap_err();
        assert_eq!((error.code(), error.status()), ("PGRST107", 406));
    }
}

#[test]
fn knows_the_form_of_the_body() {
    for (header, form) in [
        ("application/json", ContentType::Json),
        ("Application/JSON; charset=UTF-8", ContentType::Json),
        ("text/csv", ContentType::Csv),
        ("application/x-www-form-urlencoded", ContentType::Form),
    ] {
        assert_eq!(ContentType::parse(Some(header)), Ok(form), "{header}");
    }
    assert_eq!(ContentType::parse(None), Ok(ContentType::Json));
    for header in [
        "text/plain",
        "text/csv; charset=iso-8859-1",
        "application/jsonp",
    ] {
        let error = ContentType::parse(Some(header)).unwrap_err();
        assert_eq!((error.code(), error.status()), ("PGRST102", 400));
    }
}

/// An error is not a way to have a page written back.
#[test]
fn errors_quote_little() {
    let long = "x".repeat(5000);
    for error in [
        refusal(&format!("a=is.{long}")),
        refusal(&format!("select=t({long}")),
        refusal(&format!("limit={long}")),
        Accept::parse(Some(&long)).unwrap_err(),
        ContentType::parse(Some(&long)).unwrap_err(),
        Prefer::parse(["handling=strict", &long]).unwrap_err(),
    ] {
        let told = [Some(error.to_string()), error.details(), error.hint()];
        assert!(told.into_iter().flatten().map(|t| t.len()).sum::<usize>() < 400);
    }
}

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
