//! The stream of named values that body, header and URL readers hand to the inspector.

use super::scan::{Needles, span};
use super::{Part, rules};

/// Receives what was read of a request.
pub(super) trait Sink {
    /// One name or value; `name` is what the value is called, also for names themselves.
    fn field(&mut self, part: Part, name: &str, value: &[u8]);

    /// A bound that was exceeded, or a shape that no honest client sends.
    fn broken(&mut self, rule: &'static rules::Rule, part: Part, detail: &str);

    /// Whether enough was found that reading on is pointless.
    fn is_full(&self) -> bool;

    /// Whether what follows stands in a document that somebody shows rather than in a request.
    fn shows_document(&mut self, _is_shown: bool) {}

    /// Counts the bytes that a reader reads.
    fn reads(&mut self, _bytes: usize) {}
}

/// Last member of a dotted or bracketed name, lower-case: `user[New-Password]` is `new_password`.
pub(super) fn leaf(name: &str) -> String {
    let name = name.trim_end_matches(']').trim_end_matches('[');
    let last = name
        .rsplit(['.', '['])
        .find(|part| !part.is_empty())
        .unwrap_or(name);
    last.to_ascii_lowercase().replace('-', "_")
}

/// Names of fields whose text is a secret: exempt in relaxed mode, where any text is honest.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pass",
    "current_password",
    "new_password",
    "old_password",
    "confirm_password",
    "password_confirm",
    "password_confirmation",
    "currentpassword",
    "newpassword",
    "oldpassword",
    "confirmpassword",
    "passwordconfirmation",
    "kata_sandi",
    "sandi",
    "pin",
    "otp",
    "totp",
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "csrf_token",
    "_token",
    "captcha_token",
    "g_recaptcha_response",
    "cf_turnstile_response",
    "h_captcha_response",
    "client_secret",
    "code_verifier",
];

/// Whether the field holds a secret, by its name.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&leaf(name).as_str())
}

/// Whether the field is where a browser's report of a violated content policy quotes the script's
/// first bytes (CSP level 3, section 5.3).
pub(super) fn is_script_sample(name: &str) -> bool {
    name == "csp-report.script-sample" || name.ends_with("body.sample")
}

/// Names of settings that take the markup and scripts of a page's head or foot.
const MARKUP: &[&str] = &[
    "head_html",
    "head_code",
    "header_code",
    "header_scripts",
    "footer_scripts",
    "footer_code",
    "body_scripts",
    "custom_head",
    "custom_js",
    "custom_scripts",
    "tracking_code",
    "analytics_code",
    "gtm_snippet",
];

/// Whether the field asks for scripts, by its name.
pub(super) fn takes_scripts(name: &str) -> bool {
    MARKUP.contains(&leaf(name).as_str())
}

/// What such names end with, and of what their rest speaks: `checkout_head_html`, `tweet_embed`.
const MARKUP_KINDS: &[&[u8]] = &[
    b"html",
    b"code",
    b"script",
    b"scripts",
    b"snippet",
    b"js",
    b"javascript",
    b"embed",
    b"pixel",
    b"tags",
];
static MARKUP_PLACES: Needles<'static> = Needles::new(&[
    b"head",
    b"foot",
    b"track",
    b"analytic",
    b"embed",
    b"inject",
    b"custom",
    b"pixel",
    b"widget",
    b"gtm",
    b"adsense",
    b"banner",
    b"chat",
    b"tweet",
    b"video",
    b"map",
]);
/// What they begin with.
const MARKUP_STARTS: &[&[u8]] = &[b"codeinjection_", b"insert_header", b"insert_footer"];

/// Whether the name is like those of settings that take the markup of others' services.
pub(super) fn takes_snippets(name: &str) -> bool {
    let name = leaf(name);
    let name = name.as_bytes();
    let is_placed = |rest: &[u8]| MARKUP_PLACES.find(rest, 0).is_some();
    MARKUP_STARTS.iter().any(|start| name.starts_with(start))
        || MARKUP_KINDS
            .iter()
            .any(|kind| name.strip_suffix(*kind).is_some_and(is_placed))
}

/// Whether the field lists files that a push to a repository changes, sets a container up, or tells what a
/// machine or an editor works on: `commits.added`, `env.DATABASE_URL`, `alerts.labels.mountpoint`.
pub(super) fn configures(name: &str) -> bool {
    static PLACES: Needles<'static> = Needles::new(&[b".env.", b"alerts.labels."]);
    let ends = [
        "commits.added",
        "commits.modified",
        "commits.removed",
        ".mountPath",
        "textDocument.uri",
    ];
    ends.iter().any(|end| name.ends_with(end))
        || name.starts_with("env.")
        || name.starts_with("resourceSpans.")
        || name.starts_with("compilerOptions.")
        || name.starts_with("resourceLogs.")
        || name.starts_with("vars.")
        || name.starts_with("log.entries.")
        || name == "breadcrumbs.values.data.url"
        || name == "entries.name"
        || PLACES.find(name.as_bytes(), 0).is_some()
}

/// What a member of settings or of a machine's report names, on the machine of who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    File,
    Program,
    CommandLine,
    Address,
    /// A query in a language that only looks like SQL, or of an interface that takes whole ones.
    Query,
}

/// Such members, without underscores.
const FILES: &[&str] = &[
    "cwd",
    "workdir",
    "workingdir",
    "workingdirectory",
    "mountpoint",
    "mountpath",
    "hostpath",
    "logpath",
    "logfile",
    "logdir",
    "errorlog",
    "accesslog",
    "outfile",
    "errorfile",
    "pidfile",
    "backupdir",
    "uploaddir",
    "datadir",
    "documentroot",
    "docroot",
    "unitfile",
    "fragmentpath",
    "configfile",
    "envfile",
    "outdir",
    "extends",
    "device",
    "volumes",
    "binds",
    "unit",
    "exclude",
    "trace",
    "openfiles",
    "relativepath",
    "mount",
    "modules",
    "maps",
    "@filename",
    "@file",
    "@path",
    "@basedir",
];
/// Members of an error that a program reports, and those by which it says where.
const FAULTS: &[&str] = &[
    "exception",
    "error",
    "previous",
    "trace",
    "stack",
    "stacktrace",
    "backtrace",
    "frames",
];
const PLACES: &[&str] = &["file", "filename", "abspath", "path"];
const PROGRAMS: &[&str] = &[
    "shell",
    "loginshell",
    "interpreter",
    "executable",
    "exe",
    "binary",
    "phpbinary",
    "phppath",
    "pythonpath",
    "entrypoint",
    "command",
];
/// Where a program of the sender's own listens or what it talks to.
const ADDRESSES: &[&str] = &[
    "upstream",
    "upstreams",
    "backend",
    "backends",
    "broker",
    "brokers",
    "bootstrapservers",
    "databaseurl",
    "redisurl",
    "amqpurl",
    "mongouri",
    "listenaddr",
    "advertiseurl",
    "grpcendpoint",
    "otlpendpoint",
    "proxypass",
    "jdbcurl",
    "serverurls",
    // Where a message of SAML goes to, and where a service described in WSDL is.
    "@destination",
    "@assertionconsumerserviceurl",
    "@recipient",
    "@location",
    // `wsa:Address` (Web Services Addressing 1.0): where answers go to.
    "wsa",
];
const COMMAND_LINES: &[&str] = &["commandline", "cmdline", "execstart", "proctitle"];

/// What the member of a document names, by its name.
pub(super) fn owned(name: &str) -> Option<Own> {
    let parent = name.rsplit('.').nth(1).unwrap_or_default();
    let name = leaf(name).replace('_', "");
    let name = name.as_str();
    match () {
        () if FILES.contains(&name) => Some(Own::File),
        () if PLACES.contains(&name) && FAULTS.contains(&parent) => Some(Own::File),
        () if PROGRAMS.contains(&name) => Some(Own::Program),
        () if COMMAND_LINES.contains(&name) => Some(Own::CommandLine),
        () if ADDRESSES.contains(&name) => Some(Own::Address),
        // Salesforce's and Exchange's.
        () if name == "querystring" => Some(Own::Query),
        () => None,
    }
}

/// Where block editors keep the text and the code of a document: `ProseMirror`, Atlassian's format, Slate, Editor.js,
/// Quill, notebooks. A program that reads such a member shows or stores it.
const LEAVES: &[&str] = &[
    "content.content.text",
    "children.children.text",
    "blocks.data.code",
    "blocks.data.text",
    "ops.insert",
    "cells.source",
    // What is said to a language model.
    "messages.content",
    "messages.content.text",
    "messages.content.content",
    "contents.parts.text",
    // What pipelines of logs and of faults are handed (OTLP, Loki, Sentry): lines of whoever was logged.
    "logRecords.body.stringValue",
    "attributes.value.stringValue",
    "streams.values",
    "breadcrumbs.values.message",
    "exception.values.value",
    // Files of a snippet and of a commit.
    "files.content",
    "actions.content",
];

/// What names a program's text and nothing else, without underscores.
const SOURCES: &[&str] = &[
    "sourcecode",
    "programcode",
    "codesnippet",
    "kodesumber",
    "kodeprogram",
];

/// Whether the field is a leaf of a document that an editor keeps in JSON, or a program that a learner hands in.
pub(super) fn is_document_leaf(name: &str) -> bool {
    LEAVES.iter().any(|leaf| name.ends_with(leaf))
        || SOURCES.contains(&&*leaf(name).replace('_', ""))
}

/// Whether the element shows code in a document: XHTML's and `DocBook`'s.
pub(super) fn is_listing(name: &str) -> bool {
    matches!(name, "code" | "programlisting" | "screen" | "literallayout")
}

/// Members beside which one tells in which language they are written.
const PROGRAM_TEXTS: &[&str] = &[
    "code", "source", "src", "script", "snippet", "program", "solution", "content", "text",
    "answer", "body", "c",
];
/// Languages, as such a member names them.
const LANGUAGES: &[&[u8]] = &[
    b"python",
    b"python3",
    b"py",
    b"javascript",
    b"js",
    b"typescript",
    b"ts",
    b"node",
    b"nodejs",
    b"java",
    b"c",
    b"cpp",
    b"c++",
    b"csharp",
    b"c#",
    b"go",
    b"golang",
    b"rust",
    b"php",
    b"ruby",
    b"kotlin",
    b"swift",
    b"scala",
    b"perl",
    b"lua",
    b"r",
    b"bash",
    b"shell",
    b"sh",
    b"powershell",
    b"sql",
    b"mysql",
    b"postgresql",
    b"sqlite",
    b"plsql",
    b"html",
    b"dart",
    b"haskell",
    b"elixir",
    b"matlab",
    b"octave",
    b"pascal",
    b"assembly",
];
/// What such a member is called, in JSON, forms and parts of forms.
static LANGUAGE_NAMES: Needles<'static> = Needles::new(&[
    b"\"language\"",
    b"\"lang\"",
    b"\"runtime\"",
    b"\"bahasa\"",
    b"\"syntax\"",
    b"language=",
    b"lang=",
    b"bahasa=",
]);
/// Longest body in which a language is looked for, in bytes.
const MAX_PROGRAM: usize = 64 * 1024;

/// Most members of such names of which it is asked what they hold.
const MAX_NAMES: usize = 16;

/// Whether the field can be a program, by its name.
pub(super) fn is_program_text(name: &str) -> bool {
    PROGRAM_TEXTS.contains(&leaf(name).as_str())
}

/// Whether the body tells which language a program in it is written in, as judges, notebooks and snippets are told.
pub(super) fn names_language(body: &[u8]) -> bool {
    let body = span(body, 0, MAX_PROGRAM);
    let mut index = 0;
    for _ in 0..MAX_NAMES {
        let Some((start, name)) = LANGUAGE_NAMES.find(body, index) else {
            break;
        };
        index = start + name.len();
        let rest = span(body, index, index + 24).to_ascii_lowercase();
        let value = rest
            .iter()
            .skip_while(|byte| matches!(byte, b' ' | b':' | b'"' | b'\r' | b'\n'))
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'#'))
            .copied()
            .collect::<Vec<_>>();
        if LANGUAGES.contains(&value.as_slice()) {
            return true;
        }
    }
    false
}

/// Whether the field is a command that a project names for its developers: `scripts.build`.
pub(super) fn is_project_script(name: &str) -> bool {
    name.strip_prefix("scripts.")
        .is_some_and(|script| !script.is_empty() && !script.contains('.'))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A sink that writes everything down.
    #[derive(Debug, Default, Clone, PartialEq, Eq)]
    pub(in crate::waf) struct Seen {
        pub(in crate::waf) fields: Vec<String>,
        pub(in crate::waf) broken: Vec<String>,
    }

    impl Sink for Seen {
        fn field(&mut self, part: Part, name: &str, value: &[u8]) {
            let value = String::from_utf8_lossy(value);
            self.fields.push(format!("{} {name}={value}", part.label()));
        }

        fn broken(&mut self, _: &'static rules::Rule, _: Part, detail: &str) {
            self.broken.push(detail.to_owned());
        }

        fn is_full(&self) -> bool {
            false
        }
    }

    #[test]
    fn secret_fields_are_known_by_their_last_name() {
        for name in [
            "password",
            "user.password",
            "user[new-password]",
            "Password",
            "refresh_token",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["email", "password.email", "passwords", "bypass", ""] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn fields_for_snippets_are_known_by_their_names() {
        for name in [
            "checkout_head_html",
            "settings[head_scripts]",
            "embed_code",
            "codeinjection_foot",
            "facebook-pixel-code",
        ] {
            assert!(takes_snippets(name), "{name}");
        }
        for name in [
            "html",
            "code",
            "body_html",
            "comment",
            "header",
            "embed.title",
        ] {
            assert!(!takes_snippets(name), "{name}");
        }
        assert!(is_document_leaf("value.children.children.text"));
        assert!(is_document_leaf("source_code") && is_document_leaf("run.sourceCode"));
        assert!(!is_document_leaf("content.text") && !is_document_leaf("text"));
        assert!(configures("head_commits.added") && configures("env.REDIS_URL"));
        assert!(!configures("added") && !configures("envelope.x") && !configures("env"));
    }
}
