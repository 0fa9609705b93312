//! The firewall in the real Worker: what the reference system lists is stopped,
//! however and wherever it is sent, and honest text passes.

use gapura_tests::{Edge, EdgeConfig, Request, Stack, harness};
use serde_json::{Value, json};
use std::fs;

/// One for each pattern of the reference system (`milkyhoop`, section 4).
const ATTACKS: [&str; 16] = [
    "1 UNION ALL SELECT username, password FROM users",
    "x' AND 1=(SELECT password FROM users LIMIT 1) AND '1'='1",
    "1; INSERT INTO users VALUES ('x','y')",
    "1; UPDATE users SET role='admin' WHERE 1=1",
    "1; DELETE FROM users WHERE 1=1",
    "1'; DROP TABLE users;--",
    "' OR '1'='1",
    "admin'-- ",
    "1'; WAITFOR DELAY '0:0:5'--",
    "1' UNION SELECT table_name FROM INFORMATION_SCHEMA.TABLES--",
    "<script>alert(document.cookie)</script>",
    "javascript:alert(1)//",
    "<img src=x onerror=alert(1)>",
    "<iframe src=https://evil.example></iframe>",
    "\"><svg onload=document.location='//evil.example'>",
    "';eval(atob('YWxlcnQoMSk='));prompt(1);'",
];

const SCANNERS: [&str; 12] = [
    "sqlmap/1.7.2#stable (https://sqlmap.org)",
    "Mozilla/5.00 (Nikto/2.1.6)",
    "Mozilla/5.0 (compatible; Nmap Scripting Engine)",
    "masscan/1.3",
    "Acunetix-Product",
    "Nessus SOAP",
    "Burp Suite Professional",
    "Mozilla/5.0 ZAP/2.14",
    "gobuster/3.6",
    "DirBuster-1.0-RC1",
    "Wfuzz/3.1.0",
    "Fuzz Faster U Fool (ffuf) v2.1.0",
];

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn multipart(value: &str) -> Request {
    let body = format!(
        "--b0undary\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n{value}\r\n--b0undary--\r\n"
    );
    Request::new("POST", "/echo/m").body("multipart/form-data; boundary=b0undary", body)
}

/// The value in every place of a request. In targets and forms one encoding belongs to the place.
fn everywhere(value: &str) -> Vec<(&'static str, Request)> {
    let sent = encoded(value);
    vec![
        ("path", Request::new("GET", &format!("/echo/{sent}"))),
        (
            "query",
            Request::new("GET", &format!("/echo/q?note={sent}")),
        ),
        (
            "header",
            Request::new("GET", "/echo/h").header("X-Note", value),
        ),
        (
            "cookie",
            Request::new("GET", "/echo/c").header("Cookie", &format!("note={sent}")),
        ),
        (
            "JSON",
            Request::new("POST", "/echo/j").json(&json!({"deep": [{"note": value}]})),
        ),
        (
            "form",
            Request::new("POST", "/echo/f")
                .body("application/x-www-form-urlencoded", format!("note={sent}")),
        ),
        ("multipart", multipart(value)),
    ]
}

/// Another client for every request: this is not about rates.
fn client(n: usize) -> String {
    format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255)
}

#[test]
fn the_reference_attacks_are_stopped_in_every_place_and_encoding() {
    let stack = Stack::start("");
    let mut n = 0;
    for attack in ATTACKS {
        for value in [
            attack.to_owned(),
            encoded(attack),
            encoded(&encoded(attack)),
        ] {
            for (place, request) in everywhere(&value) {
                n += 1;
                let stopped = stack.edge.send(&request.from(&client(n)));
                assert_eq!(
                    stopped.status,
                    403,
                    "{attack:?} as {value:?} in {place}: {}",
                    stopped.text()
                );
                assert_eq!(stopped.problem(), "waf-blocked");
            }
        }
    }
    assert_eq!(n, 16 * 3 * 7);
    assert!(
        !stack.origin.log().contains("status=200"),
        "nothing arrived"
    );
}

#[test]
fn scanners_are_turned_away_by_name() {
    let stack = Stack::start("");
    for (n, agent) in SCANNERS.iter().enumerate() {
        let ask = Request::new("GET", "/echo/a")
            .header("User-Agent", agent)
            .from(&client(n));
        assert_eq!(stack.edge.send(&ask).status, 403, "{agent}");
    }
    let browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36";
    let ask = Request::new("GET", "/echo/a").header("User-Agent", browser);
    assert_eq!(stack.edge.send(&ask).status, 200);
}

#[test]
fn probes_are_stopped_where_no_route_is() {
    let stack = Stack::start("");
    for (n, (path, status)) in [
        ("/.env", 403),
        ("/wp-login.php", 403),
        ("/nowhere?q=1%27%20or%201=1--", 403),
        ("/nowhere?q=now", 404),
    ]
    .iter()
    .enumerate()
    {
        let ask = Request::new("GET", path).from(&client(n));
        assert_eq!(stack.edge.send(&ask).status, *status, "{path}");
    }
}

#[test]
fn honest_text_passes() {
    let file = "tests/corpus/waf/tune/honest/reference.jsonl";
    let corpus = fs::read_to_string(harness::root().join(file)).unwrap();
    let stack = Stack::start("\n[limits]\nurl_bytes = 16384\n");
    let mut n = 0;
    for line in corpus.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let value = entry["text"].as_str().unwrap();
        for (place, request) in everywhere(value) {
            // Prose does not stand in paths, headers and cookies.
            if ["query", "JSON", "form", "multipart"].contains(&place) {
                n += 1;
                let passed = stack.edge.send(&request.from(&client(n)));
                assert_eq!(
                    passed.status,
                    200,
                    "{value:?} in {place}: {}",
                    stack.edge.log()
                );
            }
        }
    }
    assert!(n >= 600, "{n}");
}

#[test]
fn a_route_can_look_without_stopping() {
    let stack = Stack::start(
        r#"
[[route]]
name = "looked-at"
path = "/looked/**"
rewrite = "/echo/**"
token = "none"
classes = []
waf = "detect"
"#,
    );
    let attack = "/looked/?q=%3Cscript%3Ealert(1)%3C/script%3E";
    assert_eq!(stack.edge.get(attack).status, 200);
    stack.edge.await_log("WAF_DETECTED");
}

#[test]
fn passwords_may_be_anything() {
    let stack = Stack::start("");
    let password = "' OR 1=1 -- <script>";
    let body = json!({"email": "odd@example.test", "password": password});
    let signed_up = stack
        .edge
        .send(&Request::new("POST", "/auth/v1/signup").json(&body));
    assert_eq!(signed_up.status, 200, "{}", signed_up.text());
    let login = Request::new("POST", "/auth/v1/token?grant_type=password").json(&body);
    assert_eq!(stack.edge.send(&login).status, 200);
    let attack = json!({"email": "admin'--", "password": "x"});
    let login = Request::new("POST", "/auth/v1/token?grant_type=password").json(&attack);
    assert_eq!(
        stack.edge.send(&login).status,
        403,
        "the other fields are looked at"
    );
}

#[test]
fn a_policy_adds_rules_and_exclusions() {
    let stack = Stack::start(
        r#"
[[rule]]
id = "old-app"
header = { name = "x-app-version", regex = '^[12]\.' }
action = "block"

[[rule]]
id = "free-coupon"
path = "/echo/shop/**"
parameter = "coupon"
literal = "Free-"
action = "block"

[[rule]]
id = "lab-network"
networks = ["203.0.113.0/24"]
action = "log"

[[exclude]]
tag = "sqli"
path = "/echo/notes"
parameter = "note"
"#,
    );
    let get = |target: &str, version: &str, client: &str| {
        let ask = Request::new("GET", target)
            .header("X-App-Version", version)
            .from(client);
        stack.edge.send(&ask).status
    };
    let attack = encoded("' OR '1'='1");
    for (target, version, client, wanted) in [
        ("/echo/a".to_owned(), "1.9", "198.51.100.1", 403),
        ("/echo/a".to_owned(), "3.0", "198.51.100.1", 200),
        (
            "/echo/shop/cart?coupon=free-42".to_owned(),
            "3.0",
            "198.51.100.1",
            403,
        ),
        (
            "/echo/shop/cart?coupon=%2566ree-42".to_owned(),
            "3.0",
            "198.51.100.1",
            403,
        ),
        (
            "/echo/shop/cart?name=free-42".to_owned(),
            "3.0",
            "198.51.100.1",
            200,
        ),
        (
            "/echo/cart?coupon=free-42".to_owned(),
            "3.0",
            "198.51.100.1",
            200,
        ),
        ("/echo/a".to_owned(), "3.0", "203.0.113.9", 200),
        (
            format!("/echo/notes?note={attack}"),
            "3.0",
            "198.51.100.1",
            200,
        ),
        (
            format!("/echo/notes?other={attack}"),
            "3.0",
            "198.51.100.1",
            403,
        ),
        (
            format!("/echo/other?note={attack}"),
            "3.0",
            "198.51.100.1",
            403,
        ),
    ] {
        let status = get(&target, version, client);
        assert_eq!(
            status,
            wanted,
            "{target} {version} {client}: {}",
            stack.edge.log()
        );
    }
    stack.edge.await_log("lab-network");
}

#[test]
fn the_log_explains_a_stop_in_development_and_the_answer_never_does() {
    let stack = Stack::start("");
    let target = "/echo/a?note=%2527%20OR%20%25271%2527%253D%25271";
    let ask = Request::new("GET", target).from("198.51.100.1");
    let production = Edge::start(&EdgeConfig {
        overlay: "version = 1\n[[route]]\nname = \"echo\"\npath = \"/echo/**\"\ntoken = \"none\"\n\
                  classes = []\n"
            .into(),
        ..EdgeConfig::for_origin(&stack.origin)
    });
    for edge in [&stack.edge, &production] {
        let stopped = edge.send(&ask);
        assert_eq!(stopped.status, 403, "{}", stopped.text());
        let problem = stopped.json();
        let id = problem["instance"].as_str().unwrap_or_default();
        assert!(id.starts_with("urn:gapura:request:"), "{problem}");
        let said = format!("{:?} {}", stopped.headers, stopped.text()).to_lowercase();
        for word in ["sqli", "rule", "score", "note", "1=1", "'1'"] {
            assert!(!said.contains(word), "{word} in {said}");
        }
        edge.await_log("WAF_BLOCKED");
    }
    for line in [
        "GET /echo/a: blocked (score ",
        "in query parameter `note`: \"«' OR '1'='1»\" after percent",
        "[[exclude]]",
        "path = \"/echo/a\"",
        "parameter = \"note\"",
    ] {
        stack.edge.await_log(line);
        assert!(!production.log().contains(line), "{}", production.log());
    }
}
