//! What a request may cost.

use super::look;
use crate::waf::Body;
use crate::waf::{Exclusion, Mode, Report, Request, Settings, Stream, Verdict, cost, inspect};

/// Bytes of a body that a route reads as a whole.
const SIZE: usize = 128 * 1024;

fn repeated(first: &str, piece: &str, size: usize) -> String {
    let rest = piece.chars().cycle().take(size - first.len());
    first.chars().chain(rest).collect()
}

/// Read as XML, where it is thousands of tags, and as text, and nothing in it is an attack.
fn dear() -> String {
    let piece = "eout 10 sh -c 'id'(name)%41<!--\n;t(1)</scri</script><%";
    repeated("<", piece, SIZE)
}

fn posted(settings: &Settings, kind: &str, body: &str) -> Report {
    look(settings, "/", "", &[], Some((kind, body.as_bytes())))
}

fn is_too_dear(report: &Report) -> bool {
    report
        .findings
        .iter()
        .any(|finding| finding.rule == "proto-016")
}

#[test]
fn what_is_dearer_than_any_honest_request_is_stopped() {
    let report = posted(&Settings::default(), "application/json", &dear());
    assert!(is_too_dear(&report), "{report}");
    assert_eq!(report.verdict, Verdict::Blocked);
}

#[test]
fn who_excludes_the_rule_has_everything_read() {
    let exclusion = Exclusion {
        rule: Some("proto-016".to_owned()),
        ..Exclusion::default()
    };
    let settings = Settings {
        mode: Mode::Normal,
        exclusions: vec![exclusion],
        ..Settings::default()
    };
    let attack = dear() + "<q>1' union select password from users--</q>";
    let report = posted(&settings, "application/json", &attack);
    let rules: Vec<_> = report
        .findings
        .iter()
        .map(|finding| &finding.rule)
        .collect();
    assert!(!is_too_dear(&report), "{report}");
    assert!(
        rules.iter().any(|rule| rule.starts_with("sqli")),
        "{report}"
    );
}

#[test]
fn a_source_file_is_far_from_it() {
    let source = repeated("", include_str!("../inspect.rs"), SIZE);
    for kind in ["text/plain", "application/octet-stream", ""] {
        let headers = [("content-type".to_owned(), kind.to_owned())];
        let request = Request {
            method: "POST",
            path: "/",
            query: "",
            client: None,
            headers: &headers,
            body: Body::Read {
                content_type: Some(kind),
                bytes: source.as_bytes(),
            },
        };
        let spent = cost(&request, &Settings::default());
        assert!(spent < 154_000_000, "{kind}: {spent}");
    }
}

#[test]
fn a_stream_may_cost_as_much_for_each_of_its_bytes() {
    let source = repeated("", include_str!("../inspect.rs"), 3 * SIZE);
    let headers = [("content-type".to_owned(), "text/plain".to_owned())];
    let request = Request {
        method: "POST",
        path: "/",
        query: "",
        client: None,
        headers: &headers,
        body: Body::Streamed,
    };
    let settings = Settings::default();
    let mut stream = Stream::new(&request, &settings, inspect(&request, &settings));
    stream.push(source.as_bytes());
    stream.finish();
    assert!(!is_too_dear(stream.report()), "{}", stream.report());
}
