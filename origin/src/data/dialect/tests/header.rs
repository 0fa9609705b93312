//! `Range`, `Prefer`, `Accept` and `Content-Type`.

use super::super::*;

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
