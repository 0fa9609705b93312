//! What is refused, and how it is told.

use super::{super::*, refusal};
use limit::Limit;

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
    let cases: [(Limit, Make<'_>); 16] = [
        (
            limit::ITEMS,
            Box::new(|n| format!("select={}", repeat("a", n))),
        ),
        (
            limit::ITEMS,
            Box::new(|n| format!("select=t({})", repeat("a", n - 1))),
        ),
        (
            limit::EMBEDS,
            Box::new(|n| {
                let one = |n| format!("t{n}(u(a))");
                let pairs = (0..n / 2).map(one).collect::<Vec<_>>().join(",");
                let rest = if n % 2 == 0 { "" } else { ",v(a)" };
                format!("select={pairs}{rest}")
            }),
        ),
        (
            limit::COPIES,
            Box::new(|n| {
                let copies: Vec<_> = (0..n).map(|n| format!("c{n}:a->b")).collect();
                format!("select=a,c0:a->b,t({0}),{0}", copies.join(","))
            }),
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
