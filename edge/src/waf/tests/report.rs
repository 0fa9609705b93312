//! Reports of clean and of hostile requests.

use super::{Spot, look, put};
use crate::waf::{Part, Settings, Verdict};

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
