//! What one of the reference systems lists.

use super::{SPOTS, look, percent, put};
use crate::waf::{Settings, Verdict};

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
