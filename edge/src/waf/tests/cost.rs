//! What a request may cost.

use super::look;
use crate::waf::Body;
use crate::waf::meter::Meter;
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

/// What a body costs by the meter.
fn charged(kind: &str, body: &str) -> u32 {
    let headers = [("content-type".to_owned(), kind.to_owned())];
    let body = Body::Read {
        content_type: Some(kind),
        bytes: body.as_bytes(),
    };
    cost(&Request::post("/", &headers, body), &Settings::default())
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
        let spent = charged(kind, &source);
        assert!(spent < 120_000_000, "{kind}: {spent}");
    }
}

/// What people send that is long: a manual in Markdown, and as a page.
fn pages() -> [String; 2] {
    let manual = repeated("", include_str!("../../../../docs/waf.md"), SIZE - 2);
    let lines = manual.lines().map(|line| {
        let line = line.replace('&', "&amp;").replace('<', "&lt;");
        format!("<p class=\"a\">{line}</p>\n")
    });
    let page: String = lines.collect();
    let head = "<!DOCTYPE html><html lang=\"en\"><head><title>A manual</title></head><body>\n";
    [manual, repeated(head, &page, SIZE - 2)]
}

#[test]
fn a_long_page_passes_whatever_it_is_sent_as() {
    let form = "application/x-www-form-urlencoded";
    for text in pages() {
        for kind in ["text/plain", "text/markdown", "text/html", "", form] {
            let body = match kind {
                _ if kind == form => format!("a={}", text.replace('%', "%25").replace('&', "%26")),
                _ => text.clone(),
            };
            let report = posted(&Settings::default(), kind, &body);
            assert!(!is_too_dear(&report), "{kind}: {report}");
        }
    }
}

#[test]
fn what_is_spent_shows_while_a_view_is_read() {
    let allowance = Meter::default().allowance();
    for (kind, first, piece) in [
        ("application/x-www-form-urlencoded", "[", "php://"),
        ("application/json", "'", "/../data:"),
    ] {
        let spent = charged(kind, &repeated(first, piece, SIZE));
        assert!(spent >= allowance, "{piece}: {spent}");
        assert!(spent < allowance + allowance / 12, "{piece}: {spent}");
    }
}

#[test]
fn a_path_is_dearer_than_a_body() {
    let path = repeated("/a=", "<!DOCTYPE 0x41", SIZE);
    let report = look(&Settings::default(), &path, "", &[], None);
    assert!(is_too_dear(&report), "{report}");
    let path = repeated("/", "articles/a-title-of-many-words/", 8 * 1024);
    let report = look(&Settings::default(), &path, "", &[], None);
    assert!(!is_too_dear(&report), "{report}");
}

#[test]
fn what_costs_by_its_events_is_charged_for_them() {
    // Instructions that a byte of 16 KB was counted to take, less what such a text may cost more.
    for (first, piece, counted) in [
        ("", "(e)", 800),
        ("", "..\\%", 700),
        ("", "a/", 240),
        ("", "require('", 1_100),
        ("", "&&/bin/[base64\n", 1_500),
        ("a=", "javascript:", 700),
        ("", "eval(", 600),
        ("", "`''`", 1_000),
        ("", "having! &", 720),
        ("", " |ida", 510),
        ("", "php://", 510),
        ("", "rO0AB", 190),
        ("", "<svg/a=", 260),
        ("", "$ne", 160),
    ] {
        let size = 16 * 1024;
        let each = charged("text/plain", &repeated(first, piece, size)) as usize / size;
        assert!(each >= counted, "{piece}: {each}");
    }
}

#[test]
fn a_stream_may_cost_as_much_for_each_of_its_bytes() {
    let source = repeated("", include_str!("../inspect.rs"), 3 * SIZE);
    let headers = [("content-type".to_owned(), "text/plain".to_owned())];
    let request = Request::post("/", &headers, Body::Streamed);
    let settings = Settings::default();
    let mut stream = Stream::new(&request, &settings, inspect(&request, &settings));
    stream.push(source.as_bytes());
    stream.finish();
    assert!(!is_too_dear(stream.report()), "{}", stream.report());
}
