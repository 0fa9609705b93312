//! Tests of the whole engine: the corpora, the rule table's samples, and the cross product of the
//! attacks that one of the reference systems lists with every part and encoding.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::rules::{self, Rule};
use super::{Body, Exclusion, Mode, Part, Report, Request, Settings, Verdict, inspect};

const HONEST: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/corpus/waf/honest.txt"
));
const ATTACKS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/corpus/waf/attacks.txt"
));

/// Where a payload is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Path,
    Query,
    Header,
    Cookie,
    Json,
    Form,
    Multipart,
}

const SPOTS: [Spot; 7] = [
    Spot::Path,
    Spot::Query,
    Spot::Header,
    Spot::Cookie,
    Spot::Json,
    Spot::Form,
    Spot::Multipart,
];

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => write!(out, "%{other:02X}").unwrap(),
        }
        out
    })
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn look(
    settings: &Settings,
    path: &str,
    query: &str,
    headers: &[(&str, &str)],
    body: Option<(&str, &[u8])>,
) -> Report {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let body = body.map_or(Body::None, |(kind, bytes)| Body::Read {
        content_type: Some(kind),
        bytes,
    });
    inspect(
        &Request {
            client: None,
            method: "POST",
            path,
            query,
            headers: &headers,
            body,
        },
        settings,
    )
}

/// Inspects a payload put into one spot as it stands; URL parts escape what a URL cannot hold.
fn put(settings: &Settings, spot: Spot, payload: &str) -> Report {
    let raw = |text: &str| {
        text.replace(' ', "%20")
            .replace('#', "%23")
            .replace('?', "%3F")
            .replace('\n', "%0A")
            .replace('\r', "%0D")
    };
    let query = raw(payload).replace('&', "%26").replace('+', "%2B");
    match spot {
        Spot::Path => look(settings, &format!("/items/{}", raw(payload)), "", &[], None),
        Spot::Query => look(settings, "/items", &format!("page=2&q={query}"), &[], None),
        Spot::Header => look(settings, "/items", "", &[("x-search", payload)], None),
        Spot::Cookie => look(
            settings,
            "/items",
            "",
            &[("cookie", &format!("a=b; q={payload}"))],
            None,
        ),
        Spot::Json => look(
            settings,
            "/items",
            "",
            &[],
            Some((
                "application/json",
                format!("{{\"a\":1,\"q\":{}}}", json(payload)).as_bytes(),
            )),
        ),
        Spot::Form => look(
            settings,
            "/items",
            "",
            &[],
            Some((
                "application/x-www-form-urlencoded",
                format!("a=1&q={query}").as_bytes(),
            )),
        ),
        Spot::Multipart => {
            let body = format!(
                "--XX\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n{payload}\r\n--XX--\r\n"
            );
            look(
                settings,
                "/items",
                "",
                &[],
                Some(("multipart/form-data; boundary=XX", body.as_bytes())),
            )
        }
    }
}

/// At least one concrete attack for each of the ten SQL and six XSS patterns of the reference system.
const LISTED: &[&str] = &[
    "1 UNION SELECT password FROM users",
    "1 UNION ALL SELECT NULL, version()",
    "SELECT name, password FROM users WHERE id = 1",
    "SELECT * FROM users",
    "INSERT INTO users VALUES (1, 'x')",
    "UPDATE users SET role = 'admin'",
    "1; UPDATE users SET role = 'admin' WHERE id = 7",
    "DELETE FROM users",
    "'; DELETE FROM orders",
    "DROP TABLE users",
    "DROP DATABASE shop",
    "1 OR 1=1",
    "1 AND 1=1",
    "' OR '1'='1",
    "' or 1 = 1",
    "admin'--",
    "admin' -- ",
    "1; WAITFOR DELAY '0:0:5'",
    "1 AND SLEEP(5)",
    "SLEEP(5)",
    "1 UNION SELECT table_name FROM INFORMATION_SCHEMA.tables",
    "' and 1 in (select 1 from pg_catalog.pg_user)--",
    "INFORMATION_SCHEMA",
    "pg_catalog",
    "<script>alert(1)</script>",
    "<script src=\"//evil.example/x.js\"></script>",
    "javascript:alert(1)",
    "javascript :alert(1)",
    "<img src=x onerror=alert(1)>",
    "\" onclick=\"alert(1)",
    "onload=alert(1)",
    "<iframe src=\"//evil.example\">",
    "< iframe src=x>",
    "document.cookie",
    "document.location='//evil.example'",
    "document.write(1)",
    "eval('x')",
    "alert(1)",
    "prompt('x')",
    "alert (1)",
];

const SCANNERS: &[&str] = &[
    "sqlmap",
    "nikto",
    "nmap",
    "masscan",
    "acunetix",
    "nessus",
    "burp",
    "zap",
    "gobuster",
    "dirbuster",
    "wfuzz",
    "ffuf",
];

#[test]
fn listed_attacks_are_stopped_in_every_part_and_encoding() {
    let settings = Settings::default();
    let mut passed = Vec::new();
    for attack in LISTED {
        for spot in SPOTS {
            let (once, twice) = (percent(attack), percent(&percent(attack)));
            for form in [*attack, once.as_str(), twice.as_str()] {
                if put(&settings, spot, form).verdict != Verdict::Blocked {
                    passed.push(format!("{spot:?} {form}"));
                }
            }
        }
    }
    assert!(
        passed.is_empty(),
        "{} passed:\n{}",
        passed.len(),
        passed.join("\n")
    );
}

#[test]
fn listed_scanners_are_stopped() {
    for name in SCANNERS {
        for agent in [
            name.to_uppercase(),
            format!("Mozilla/5.0 ({name}/1.2)"),
            format!("{name}/1.0"),
        ] {
            let report = look(
                &Settings::default(),
                "/",
                "",
                &[("user-agent", &agent)],
                None,
            );
            assert_eq!(report.verdict, Verdict::Blocked, "{agent}");
        }
    }
}

fn unescaped(line: &str) -> String {
    line.replace("\\n", "\n").replace("\\r", "\r")
}

fn lines(corpus: &'static str) -> impl Iterator<Item = &'static str> {
    corpus
        .lines()
        .filter(|line| !line.starts_with("# ") && !line.is_empty())
}

#[test]
fn honest_corpus_passes() {
    assert!(lines(HONEST).count() >= 150);
    let settings = Settings::default();
    let mut stopped = Vec::new();
    for line in lines(HONEST) {
        for spot in [Spot::Query, Spot::Form, Spot::Json, Spot::Multipart] {
            let report = put(&settings, spot, &unescaped(line));
            if report.verdict == Verdict::Blocked {
                stopped.push(format!("{spot:?} {line}\n{report}"));
            }
        }
    }
    assert!(
        stopped.is_empty(),
        "{} stopped:\n{}",
        stopped.len(),
        stopped.join("\n")
    );
}

#[test]
fn attack_corpus_is_stopped() {
    assert!(lines(ATTACKS).count() >= 200);
    let settings = Settings::default();
    let mut passed = Vec::new();
    for (class, payload) in lines(ATTACKS).map(|line| line.split_once('\t').unwrap()) {
        let payload = if class == "lfi" {
            payload.to_owned()
        } else {
            unescaped(payload)
        };
        for spot in [Spot::Query, Spot::Form, Spot::Json, Spot::Multipart] {
            for form in [payload.clone(), percent(&payload)] {
                if put(&settings, spot, &form).verdict != Verdict::Blocked {
                    passed.push(format!("{class} {spot:?} {form}"));
                }
            }
        }
    }
    assert!(
        passed.is_empty(),
        "{} passed:\n{}",
        passed.len(),
        passed.join("\n")
    );
}

/// Inspects one sample of the rule table.
fn sample(text: &str) -> Report {
    let settings = Settings {
        mode: Mode::Detect,
        ..Settings::default()
    };
    let (kind, rest) = text
        .strip_prefix('@')
        .and_then(|text| text.split_once(' '))
        .unwrap_or(("", text));
    match kind {
        "path" => look(&settings, rest, "", &[], None),
        "agent" => look(&settings, "/", "", &[("user-agent", rest)], None),
        "header" => {
            let (name, value) = rest.split_once(' ').unwrap();
            look(&settings, "/", "", &[(name, value)], None)
        }
        "name" => look(
            &settings,
            "/",
            &format!("{}=x", rest.replace('$', "%24")),
            &[],
            None,
        ),
        "graphql" => {
            let body = format!("{{\"query\":{}}}", json(rest));
            look(
                &settings,
                "/graphql",
                "",
                &[],
                Some(("application/json", body.as_bytes())),
            )
        }
        "upload" | "file" => {
            let (file, content) = if kind == "upload" {
                (rest, "x")
            } else {
                ("a.txt", rest)
            };
            let body = format!(
                "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{file}\"\r\n\r\n{content}\r\n--XX--\r\n"
            );
            look(
                &settings,
                "/",
                "",
                &[],
                Some(("multipart/form-data; boundary=XX", body.as_bytes())),
            )
        }
        _ => put(&settings, Spot::Query, text),
    }
}

fn fires(rule: &Rule, text: &str) -> bool {
    sample(text)
        .findings
        .iter()
        .any(|finding| finding.rule == rule.id)
}

#[test]
fn every_rule_fires_on_its_attacks_and_not_on_its_near_miss() {
    let mut faults = Vec::new();
    for rule in rules::all().filter(|rule| rule.samples.attack != "@elsewhere") {
        let samples = &rule.samples;
        for attack in [samples.attack, samples.encoded] {
            if !fires(rule, attack) {
                faults.push(format!("{} misses {attack}\n{}", rule.id, sample(attack)));
            }
        }
        let honest = sample(samples.honest);
        if fires(rule, samples.honest) || honest.score >= honest.threshold {
            faults.push(format!(
                "{} near miss {}\n{honest}",
                rule.id, samples.honest
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn rule_ids_are_unique() {
    let mut ids: Vec<_> = rules::all().map(|rule| rule.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn bounds_that_are_exceeded_stop_the_request() {
    let settings = Settings::default();
    let form = "a=1&".repeat(1001);
    let deep = "[".repeat(65);
    let parts = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n".repeat(300);
    for (kind, body) in [
        ("application/x-www-form-urlencoded", form.as_str()),
        ("application/json", &deep),
        ("multipart/form-data; boundary=XX", &parts),
        ("multipart/form-data", "x"),
        ("multipart/form-data; boundary=YY", &parts),
    ] {
        let report = look(&settings, "/", "", &[], Some((kind, body.as_bytes())));
        assert_eq!(report.verdict, Verdict::Blocked, "{kind}");
        assert!(
            report
                .findings
                .iter()
                .any(|finding| finding.rule.starts_with("proto-0")),
            "{report}"
        );
    }
}

#[test]
fn bodies_whose_type_lies_or_is_missing_are_read() {
    let attack = br#"{"q":"' or '1'='1"}"#;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "image/png",
        "",
        "application/unknown",
    ] {
        let report = look(&Settings::default(), "/", "", &[], Some((kind, attack)));
        assert_eq!(report.verdict, Verdict::Blocked, "{kind}");
    }
    let xml = b"<a><b>1' or '1'='1</b></a>";
    assert_eq!(
        look(&Settings::default(), "/", "", &[], Some(("text/xml", xml))).verdict,
        Verdict::Blocked
    );
}

#[test]
fn keys_operators_and_uploads_are_inspected() {
    let stopped = |kind: &str, body: &[u8]| {
        look(&Settings::default(), "/", "", &[], Some((kind, body))).verdict == Verdict::Blocked
    };
    assert!(stopped("application/json", br#"{"user":{"$ne":null}}"#));
    assert!(stopped("application/json", br#"{"__proto__":{"a":1}}"#));
    assert!(stopped(
        "application/json",
        br#"{"constructor":{"prototype":{"a":1}}}"#
    ));
    assert!(stopped(
        "application/json",
        br#"{"a":"{\"b\":\"' or 1=1--\"}"}"#
    ));
    assert!(!stopped(
        "application/json",
        br#"{"$schema":"x","$ref":"y"}"#
    ));
}

#[test]
fn modes_and_exclusions_decide() {
    let report = |settings: &Settings| put(settings, Spot::Query, "' or '1'='1");
    let with = |mode| Settings {
        mode,
        ..Settings::default()
    };
    assert_eq!(report(&with(Mode::Strict)).verdict, Verdict::Blocked);
    assert_eq!(report(&with(Mode::Relaxed)).verdict, Verdict::Blocked);
    assert_eq!(report(&with(Mode::Detect)).verdict, Verdict::Logged);
    assert_eq!(report(&with(Mode::Off)).verdict, Verdict::Clean);
    let exclusion = Exclusion {
        tag: Some("sqli".into()),
        parameter: Some("q".into()),
        ..Exclusion::default()
    };
    let excluded = Settings {
        exclusions: vec![exclusion],
        ..Settings::default()
    };
    assert_eq!(report(&excluded).verdict, Verdict::Clean);
}

#[test]
fn relaxed_spares_passwords_alone() {
    let relaxed = Settings {
        mode: Mode::Relaxed,
        ..Settings::default()
    };
    let body = |json: &str| {
        look(
            &relaxed,
            "/auth/v1/token",
            "",
            &[],
            Some(("application/json", json.as_bytes())),
        )
        .verdict
    };
    assert_eq!(
        body(r#"{"email":"a@example.com","password":"' or 1=1--<script>"}"#),
        Verdict::Clean
    );
    assert_eq!(
        body(r#"{"email":"' or 1=1--","password":"x"}"#),
        Verdict::Blocked
    );
}

#[test]
fn browser_requests_are_clean() {
    let headers = [
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        ),
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("accept-language", "id-ID,id;q=0.9,en;q=0.8"),
        (
            "sec-ch-ua",
            "\"Not/A)Brand\";v=\"8\", \"Chromium\";v=\"126\"",
        ),
        (
            "referer",
            "https://www.google.com/search?q=rock+'n'+roll&oq=a+or+b&sourceid=chrome",
        ),
        ("origin", "http://localhost:3000"),
        (
            "cookie",
            "_ga=GA1.2.3.4; session=BAh7CEkiD3Nl--4e2f; prefs=%7B%22theme%22%3A%22dark%22%7D; sb-access-token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        ),
        ("if-none-match", "W/\"abc\""),
        ("x-client-info", "supabase-js-web/2.45.0"),
        ("x-forwarded-for", "203.0.113.7, 10.0.0.1"),
    ];
    let report = look(
        &Settings::default(),
        "/rest/v1/messages",
        "select=id,name&order=created_at.desc&user_id=eq.7&limit=20",
        &headers,
        None,
    );
    assert_eq!(report.verdict, Verdict::Clean, "{report}");
}

#[test]
fn findings_are_explained_and_bounded() {
    let report = put(
        &Settings::default(),
        Spot::Query,
        &format!("{}' or '1'='1", "x".repeat(30)),
    );
    let finding = report.findings.first().unwrap();
    assert_eq!(
        (finding.target.part, finding.target.name.as_str()),
        (Part::Query, "q")
    );
    assert!(finding.decoded.contains("'1'='1"), "{finding}");
    let long = put(
        &Settings::default(),
        Spot::Json,
        &"<script>\u{7}alert(1)</script>".repeat(500),
    );
    assert!(
        long.findings
            .iter()
            .all(|finding| finding.decoded.chars().count() <= 200)
    );
    assert!(
        long.findings
            .iter()
            .all(|finding| !finding.decoded.contains('\u{7}'))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn inspect_never_panics(
        path in any::<String>(), query in any::<String>(), value in any::<String>(),
        body in proptest::collection::vec(any::<u8>(), 0..400), kind in 0_usize..6,
    ) {
        let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/xml", "", "image/png"];
        let headers = [("cookie", value.as_str()), ("referer", &value), ("x-a", &value)];
        let report = look(&Settings::default(), &path, &query, &headers, Some((kinds[kind], &body)));
        prop_assert!(report.findings.len() <= 32);
    }

    #[test]
    fn inspect_never_panics_on_hostile_shapes(text in "[-'\"`()<>{}$#%&|;:=./\\\\*@!,\\[\\] a-z0-9\n]{0,120}|(select|union|or|from|,|\\(|'|\\)| |1|=|--|/\\*){0,60}") {
        for spot in SPOTS {
            let _ = put(&Settings::default(), spot, &text);
        }
    }
}
