//! Whole values of code that developers write every day and that give an attacker nothing.

use super::beside::{opens_own, opens_table};
use super::chore::label_end;
use super::declared::is_declared;
use super::page::{UPLOADS, fills, includes, is_lesson, keeps_upload, opens_tab, tells};
use super::script::is_work;
use super::told::{is_report, is_told};
use super::unparsed::is_unparsed;
use super::within::HOSTILE;
use super::{SEVERE, STATEMENTS};
use crate::waf::detect::Hit;
use crate::waf::scan::{
    Needles, at, before, find, find_any, from, is_space, is_word, skip_space, span, trim, word,
};

/// Each finding asks anew, so nothing long may be read.
const MAX_TEXT: usize = 1000;
/// Fewest words that talk about the code before them.
const MIN_TOLD: usize = 3;
/// Longest command line that a call starts, in bytes.
const MAX_STARTED: usize = 200;

/// Rules about commands.
const COMMANDS: &[&str] = &["rce-001", "rce-002", "rce-006"];
/// Shells by their paths, which accounts, containers and terminals are set up with: nothing runs one for its path alone.
const SHELLS: &[&[u8]] = &[
    b"/bin/sh",
    b"/bin/bash",
    b"/bin/zsh",
    b"/bin/dash",
    b"/bin/ash",
    b"/bin/fish",
    b"/usr/bin/bash",
    b"/usr/bin/zsh",
    b"/usr/bin/fish",
];
/// Rules about what a function opens.
const FILES: &[&str] = &["lfi-001", "lfi-006", "code-001"];
/// Rules about a script that prints a message.
const TOLD: &[&str] = &["xss-001", "xss-002", "xss-007"];
/// Rules about queries of a database of documents.
const QUERIES: &[&str] = &["nosqli-002", "nosqli-003"];

/// Rules about templates and what they reach for.
const TEMPLATES: &[&str] = &["ssti-002", "ssti-003", "java-001"];

/// Whether the text is code as developers write it, and the finding nothing else; a label may stand before it.
pub(in crate::waf) fn is_idiom(text: &[u8], hit: &Hit) -> bool {
    if text.len() > MAX_TEXT {
        return false;
    }
    is_whole_idiom(text, hit)
        || label_end(text).is_some_and(|start| {
            hit.start >= start && {
                let within = Hit::new(hit.rule, hit.start - start, hit.end - start);
                is_whole_idiom(from(text, start), &within)
            }
        })
}

fn is_whole_idiom(text: &[u8], hit: &Hit) -> bool {
    let is_one_of = |rules: &[&str]| rules.contains(&hit.rule.id);
    is_one_of(COMMANDS) && (is_work(text) || is_work(untold(text)) || SHELLS.contains(&trim(text)))
        || hit.rule.id == "rce-001" && is_unparsed(text, hit)
        || is_one_of(FILES) && opens_own(text, hit)
        || is_one_of(QUERIES) && is_shell_query(text)
        || is_one_of(CALLS) && (is_foreign(text) || is_title(text, hit))
        || is_one_of(STARTED) && starts_work(text, hit)
        || hit.rule.id == "xss-006" && opens_tab(text)
        || is_one_of(UPLOADS) && keeps_upload(text, hit)
        || hit.rule.id == "node-001"
            && (gives_up(text, hit) || text.starts_with(b"require('fs')") && opens_table(text))
        || hit.rule.id == "python-001" && imports_os(text, hit)
        || is_declared(text, hit)
        || hit.rule.id == "php-001"
            && (fills(text) || includes(text) || is_lesson(text) || opens_no_code(text, hit))
        || is_one_of(TEMPLATES) && tells_time(text, hit)
        || is_one_of(TOLD) && tells(text, hit)
        || hit.rule.id == "xss-003" && minds_own(span(text, hit.start, MAX_TEXT))
        || hit.rule.id == "xss-006" && minds_own(text)
        || hit.rule.tags.first() == Some(&"sqli") && is_report(text)
        || (STATEMENTS.contains(&hit.rule.id) || hit.rule.id == "sqli-011") && is_told(text, hit)
}

/// `process.on('uncaughtException', err => { console.error(err); process.exit(1); })`: a program that ends itself
/// when it cannot go on.
fn gives_up(text: &[u8], hit: &Hit) -> bool {
    let lead = span(text, 0, hit.start);
    let is_handler = find_any(
        lead,
        &[b"process.on(", b"catch", b"console.error(", b"if ("],
    )
    .is_some();
    let is_exit = from(text, hit.start).starts_with(b"process.exit(");
    is_exit
        && is_handler
        && find_any(text, &[b"require(", b"child_process", b"mainmodule"]).is_none()
}

/// What a program asks of its operating system that starts nothing and shows nothing.
const HARMLESS: &[&[u8]] = &[
    b"path",
    b"getcwd",
    b"makedirs",
    b"mkdir",
    b"sep",
    b"name",
    b"cpu_count",
    b"chdir",
    b"linesep",
    b"curdir",
];

/// `import os; base_dir = os.path.dirname(...)`
fn imports_os(text: &[u8], hit: &Hit) -> bool {
    let mut rest = from(text, hit.start);
    if !rest.starts_with(b"import os;") {
        return false;
    }
    let mut uses = 0;
    while let Some(start) = find(rest, b"os.", 0) {
        let member = word(rest, start + 3);
        let is_set = matches!(member, b"environ" | b"getenv")
            && matches!(at(rest, start + 3 + member.len()), b'.' | b'[' | b'(');
        if !is_word(before(rest, start)) {
            uses += 1;
            if !HARMLESS.contains(&member) && !is_set {
                return false;
            }
        }
        rest = from(rest, start + 3);
    }
    uses > 0
        && find_any(
            text,
            &[
                b"system",
                b"popen",
                b"subprocess",
                b"__import",
                b"__builtins",
                b"exec",
                b"eval",
                b"socket",
            ],
        )
        .is_none()
}

/// Rules about programs started from code.
const STARTED: &[&str] = &[
    "python-001",
    "node-001",
    "java-001",
    "ruby-001",
    "php-002",
    "code-002",
];

/// `subprocess.run(["git", "pull"], check=True)`, `execSync('npm ci')`: a call that starts what developers run every
/// day, with every word of it spelled out, and nothing else that the text does.
fn starts_work(text: &[u8], hit: &Hit) -> bool {
    let module = [
        &b"require('child_process')"[..],
        b"require(\"child_process\")",
    ]
    .iter()
    .find(|module| from(text, hit.start).starts_with(module))
    .map_or(0, |module| module.len());
    let Some(open) = find(text, b"(", hit.start + module) else {
        return false;
    };
    let is_list = at(text, open + 1) == b'[';
    let start = open + 1 + usize::from(is_list);
    let end = text.len().min(start + MAX_STARTED);
    let (mut line, mut index) = (Vec::new(), start);
    loop {
        let quote = at(text, index);
        if !matches!(quote, b'\'' | b'"') {
            return false;
        }
        let string = span(text, index + 1, end);
        let Some(length) = string.iter().position(|byte| *byte == quote) else {
            return false;
        };
        line.extend_from_slice(span(string, 0, length));
        index += length + 2;
        // `['ffmpeg', '-i', src]`: what a variable holds is an argument.
        let mut next = skip_space(text, index + 1);
        while is_list && at(text, index) == b',' && at(text, next).is_ascii_alphabetic() {
            let name = word(text, next);
            line.push(b' ');
            line.extend_from_slice(name);
            index = next + name.len();
            next = skip_space(text, index + 1);
        }
        if at(text, index) != b',' || !matches!(at(text, next), b'\'' | b'"') {
            break;
        }
        line.push(b' ');
        index = next;
    }
    let closes = if is_list { b']' } else { b')' };
    let is_closed = at(text, index) == closes || !is_list && at(text, index) == b',';
    let others = [span(text, 0, hit.start), from(text, index)];
    let acts = |part: &[u8]| {
        part.contains(&b'`') || find_any(part, &[b"system", b"exec", b"eval", b"popen"]).is_some()
    };
    is_closed
        && !line.starts_with(b"sh ")
        && !line.starts_with(b"bash ")
        && is_work(&line)
        && !others.into_iter().any(acts)
}

/// `kill -9 $(lsof -t -i:3000) kalau port 3000 kepakai`: without the words behind, which a shell would take
/// for arguments.
fn untold(text: &[u8]) -> &[u8] {
    let is_told =
        |byte: &u8| byte.is_ascii_alphanumeric() || is_space(*byte) || b",.?!".contains(byte);
    let end = text
        .iter()
        .rposition(|byte| !is_told(byte))
        .map_or(0, |last| last + 1);
    let words = from(text, end).split(|byte| is_space(*byte));
    let is_word = |word: &&[u8]| word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic);
    let is_talk = at(text, end) == b' ' && words.filter(is_word).count() >= MIN_TOLD;
    span(text, 0, if is_talk { end } else { 0 })
}

/// `<?php short tag disabled`, `use <%@ page iselignored="false" %>`: words or a directive behind the only tag, which no
/// server runs.
fn opens_no_code(text: &[u8], hit: &Hit) -> bool {
    let tag = from(text, hit.start);
    let is_only = |mark: &[u8]| tag.windows(2).filter(|two| *two == mark).count() == 1;
    let is_directive = hit.start > 0
        && is_only(b"<%")
        && is_only(b"%>")
        && [&b"<%@ page "[..], b"<%@page ", b"<%@ taglib "]
            .iter()
            .any(|head| tag.starts_with(head));
    // `<?php or <? which one`: another tag within the first is a fault.
    let is_word = |byte: &u8| {
        byte.is_ascii_alphanumeric() || *byte >= 0x80 || matches!(byte, b' ' | b'-' | b'<' | b'?')
    };
    let is_talk = tag
        .strip_prefix(b"<?php ")
        .is_some_and(|words| words.len() > 2 && words.iter().all(is_word));
    is_directive || is_talk
}

/// `alert (2009 film)`: a number and a word in brackets, which no language compiles.
fn is_title(text: &[u8], hit: &Hit) -> bool {
    let mut inner = from(text, hit.start)
        .split(|byte| matches!(byte, b'(' | b')'))
        .skip(1);
    // A path has underscores for spaces: `Alert_(2009_film)`.
    let mut words = inner
        .next()
        .unwrap_or_default()
        .split(|byte| matches!(byte, b' ' | b'_'));
    let is_year = words
        .next()
        .is_some_and(|year| year.len() == 4 && year.iter().all(u8::is_ascii_digit));
    is_year
        && words.clone().next().is_some()
        && words.all(|word| !word.is_empty() && word.iter().all(u8::is_ascii_alphabetic))
        && inner.next().is_some_and(<[u8]>::is_empty)
        && inner.next().is_none()
}

/// `t(java.time.LocalDate).now()`, `{$smarty.now|date_format:"%d"}`: the date, which tells nobody a secret.
fn tells_time(text: &[u8], hit: &Hit) -> bool {
    [
        &b"t(java.time."[..],
        b"t(java.text.",
        b"{$smarty.now",
        b"$smarty.now",
        b"${pagecontext.request.contextpath}/",
    ]
    .iter()
    .any(|head| from(text, hit.start).starts_with(head))
}

/// Methods of that console that read.
const READING: &[&[u8]] = &[
    b"find",
    b"findone",
    b"aggregate",
    b"countdocuments",
    b"count",
    b"distinct",
];

/// Those that change what they find.
const WRITING: &[&[u8]] = &[b"updateone", b"updatemany", b"deleteone", b"deletemany"];
/// By what they choose: whatever an attack changes, it changes all of it.
static CHOOSING: Needles<'static> = Needles::new(&[b"$lt", b"$gt", b"$in", b"$exists"]);

/// `db.users.find({age: {$gt: 18}})`, `User.find({...})`: what the database's own console or a program takes, and
/// no value.
fn is_shell_query(text: &[u8]) -> bool {
    let text = trim(text);
    // `mongo: db.users.find(...)`
    let text = find(text, b"db.", 0)
        .filter(|start| is_label(span(text, 0, *start)))
        .map_or(text, |start| from(text, start));
    let text = text.strip_prefix(b"db.").unwrap_or(text);
    let mut names = text.split(|byte| *byte == b'.');
    let collection = names.next().unwrap_or_default();
    let call = names.next().unwrap_or_default();
    let end = call.iter().take_while(|byte| is_word(**byte)).count();
    collection.iter().all(|byte| is_word(*byte))
        && at(collection, 0).is_ascii_alphabetic()
        && !matches!(collection, b"this" | b"db")
        && (READING.contains(&span(call, 0, end))
            || WRITING.contains(&span(call, 0, end))
                && (CHOOSING.find(text, 0).is_some() || chooses_one(call))
                && find(text, b"admin", 0).is_none()
                && find(text, b"passw", 0).is_none())
        && text.contains(&b':')
        && !text.contains(&b';')
        && HOSTILE_QUERY.find(text, 0).is_none()
}

/// `updateOne({ email: "a@example.com" }, ...)`: one, by what it is.
fn chooses_one(call: &[u8]) -> bool {
    let filter = call
        .strip_prefix(b"updateone(")
        .or_else(|| call.strip_prefix(b"deleteone("));
    let filter = trim(filter.unwrap_or_default());
    let name = trim(from(filter, 1));
    filter.starts_with(b"{") && (at(name, 0).is_ascii_alphabetic() || name.starts_with(b"_id:"))
}

/// Whether words that lead to an example are all of the text.
fn is_label(lead: &[u8]) -> bool {
    lead.strip_suffix(b": ").is_some_and(|words| {
        words
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || *byte == b' ')
    })
}

/// What such a query does in attacks.
pub(super) static HOSTILE_QUERY: Needles<'static> =
    Needles::new(&[b"$where", b"function", b"eval", b"foreach"]);

/// What a handler does in attacks, besides [`HOSTILE`].
static HOSTILE_HANDLER: Needles<'static> = Needles::new(&[
    b"cookie",
    b"location",
    b"settimeout",
    b"setinterval",
    b"function(",
    b"xmlhttp",
    b"beacon",
    b"storage",
    b"document.w",
    b"document.d",
    b"document.b",
    b"html",
    b"script",
    b"write(",
    b"top.",
    b"self.",
    b"parent.",
    b"frames.",
    b"$.get",
    b"throw",
    b"//",
    b"`",
    b"&",
    b"#@",
    b"%",
    b"||",
]);

/// Whether every handler of the markup asks for a confirmation, minds its own field or calls functions of the
/// page: `onclick="return confirm('Sure?')"`, `onclick="remove(5)"`.
fn minds_own(markup: &[u8]) -> bool {
    let mut handlers = 0_usize;
    for index in 0..markup.len() {
        if before(markup, index) == 0 && index > 0 || is_word(before(markup, index)) {
            continue;
        }
        let name = word(markup, index);
        let sign = index + name.len();
        if name.starts_with(b"on") && name.len() > 2 && at(markup, sign) == b'=' {
            handlers += 1;
            let code = span(markup, sign + 1, markup.len());
            let code = code.strip_prefix(b"\\").unwrap_or(code);
            let quote = at(code, 0);
            let is_fine = match quote {
                b'"' | b'\'' => is_own(from(code, 1), quote),
                _ => is_own(code, 0),
            };
            if !is_fine {
                return false;
            }
        }
    }
    let mut index = 0;
    while let Some((start, word)) = HOSTILE.find(markup, index) {
        index = start + word.len();
        if !word.starts_with(b"location") || !from(markup, index).starts_with(b"this.value") {
            return false;
        }
    }
    handlers > 0
}

/// Whether the code of a handler, up to its closing quote, does no more than that.
fn is_own(code: &[u8], quote: u8) -> bool {
    let is_end = |byte: &u8| match quote {
        0 => is_space(*byte) || *byte == b'>',
        quote => *byte == quote,
    };
    let end = code.iter().position(is_end).unwrap_or(code.len());
    let code = span(code, 0, end);
    [
        &b"this.value"[..],
        b"location = this.value",
        b"location=this.value",
        b"location.href=this.value",
        b"location.href = this.value",
        b"window.location=this.value",
        b"window.location.href=this.value",
    ]
    .iter()
    .any(|start| code.starts_with(start))
        || code.first().is_some_and(u8::is_ascii_alphabetic)
            && HOSTILE_HANDLER.find(code, 0).is_none()
}

/// Rules that calls of other languages resemble.
const CALLS: &[&str] = &[
    "php-002",
    "node-001",
    "python-001",
    "code-002",
    "xss-007",
    "java-001",
];

/// What Go, Rust and C# start programs by, and what an example starts.
const COMPILED: &[&[u8]] = &[
    b"fmt.print",
    b" := exec.command(\"",
    b"exec.command(\"ls\"",
    b"std::process::command::new(\"",
    b"process.start(\"notepad",
    b"process.start(\"https://",
    b"'return a + b')",
];

/// Code of languages that no server evaluates, Go and Lua, and what clears a console.
fn is_foreign(text: &[u8]) -> bool {
    let name = text
        .iter()
        .take_while(|byte| is_word(**byte) || b", ".contains(byte))
        .count();
    let clears = || {
        let mut calls = text
            .windows(7)
            .enumerate()
            .filter(|(_, call)| *call == b"system(");
        let is_console = |(index, _): (usize, &[u8])| {
            let argument = span(text, index + 8, text.len());
            let rest = [&b"cls"[..], b"clear", b"pause"]
                .iter()
                .find_map(|word| argument.strip_prefix(*word));
            rest.is_some_and(|rest| {
                matches!(at(rest, 0), b'\'' | b'"') || rest.starts_with(b"||clear")
            })
        };
        calls.next().is_some_and(is_console) && calls.all(is_console)
    };
    // R and Python evaluate what their own user wrote.
    let is_own = || {
        [&b"eval(substitute("[..], b"eval(input("]
            .iter()
            .any(|call| find(text, call, 0).is_some())
            && HOSTILE_QUERY.find(text, 0).is_none()
    };
    name > 2 && span(text, name, text.len()).starts_with(b":= ")
        || COMPILED.iter().any(|call| find(text, call, 0).is_some())
            && SEVERE.find(text, 0).is_none()
        || find(text, b"\" .. ", 0).is_some() && SEVERE.find(text, 0).is_none()
        || clears()
        || is_own()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::rules::{code, html, nosql, path};

    #[test]
    fn tells_idioms_from_attacks() {
        let is_found = |text: &str, needle: &str, rule| {
            let start = text.find(needle).unwrap();
            is_idiom(
                text.as_bytes(),
                &Hit::new(rule, start, start + needle.len()),
            )
        };
        for (text, needle, rule) in [
            (
                "use include __dir__ . '/../config/db.php';",
                "..",
                &path::TRAVERSAL,
            ),
            (
                "db.users.find({age: {$gt: 18}}).limit(10)",
                "$gt",
                &nosql::OPERATOR_TEXT,
            ),
            (
                "user.find({ age: { $gt: 17 } }).sort('-age')",
                "$gt",
                &nosql::OPERATOR_TEXT,
            ),
            ("import os\nos.system('clear')", "os.system", &code::PYTHON),
            ("system(\"pause\");", "system", &code::PHP_CALL),
            ("cmd := exec.command(\"ls\")", "exec", &code::NODE),
            (
                "<a onclick=\"return confirm('sure?')\">",
                "onclick",
                &html::HANDLER,
            ),
            (
                "<input oninput=\"this.value = math.min(1, 2)\">",
                "oninput",
                &html::HANDLER,
            ),
            ("<a onclick=\"remove(5)\">", "onclick", &html::HANDLER),
            (
                "<img onerror=\"this.onerror=null;this.src='/no.png'\">",
                "onerror",
                &html::HANDLER,
            ),
            (
                "<select onchange=\"location=this.value\">",
                "onchange",
                &html::HANDLER,
            ),
        ] {
            assert!(is_found(text, needle, rule), "{text}");
        }
        for (text, needle, rule) in [
            ("../config/db.php", "..", &path::TRAVERSAL),
            ("'../config/db.php'", "..", &path::TRAVERSAL),
            (
                "include '../../../../config/db.php'",
                "..",
                &path::TRAVERSAL,
            ),
            ("db.users.drop({a: 1})", "drop", &nosql::CODE),
            ("this.find({a: {$gt: 1}})", "$gt", &nosql::OPERATOR_TEXT),
            ("{a: {$gt: 1}}.find({a: 1})", "$gt", &nosql::OPERATOR_TEXT),
            (
                "db.users.find({$where: 'sleep(1)'})",
                "$where",
                &nosql::OPERATOR_TEXT,
            ),
            ("system(\"pause & id\");", "system", &code::PHP_CALL),
            (
                "os.system('clear'); os.system('ls')",
                "os.system",
                &code::PYTHON,
            ),
            (
                "<a onclick=\"return confirm(document.cookie)\">",
                "onclick",
                &html::HANDLER,
            ),
            (
                "<a onclick=\"location=this.value\" onload=\"location='//x'\">",
                "onclick",
                &html::HANDLER,
            ),
            (
                "<a onclick=\"return confirm('x')\" onload=top.f()>",
                "onclick",
                &html::HANDLER,
            ),
            (
                "<a onclick=\"this.value\" onload=\"alert(1)\">",
                "onclick",
                &html::HANDLER,
            ),
        ] {
            assert!(!is_found(text, needle, rule), "{text}");
        }
    }
}
