//! Unix shells: other programs, quotes within words, white space without blanks, other paths.

use super::{
    Mutation,
    random::{Random, each_word, swap, words},
};

const CLASSES: &[&str] = &["shell"];

pub(crate) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "shell synonyms",
        classes: CLASSES,
        mutate: |text, random| {
            let to: &[&str] = &["tac", "less", "head", "tail", "nl", "more"];
            unix(text)?;
            words(
                text,
                &[
                    ("cat", to),
                    ("whoami", &["id"]),
                    ("id", &["whoami", "uname"]),
                ],
                random,
            )
        },
    },
    Mutation {
        name: "shell quotes",
        classes: CLASSES,
        mutate: quoted,
    },
    Mutation {
        name: "shell white space",
        classes: CLASSES,
        mutate: |text, random| {
            unix(text)?;
            swap(
                text,
                "cat /etc",
                &[
                    "cat${IFS}/etc",
                    "cat$IFS/etc",
                    "cat$IFS$9/etc",
                    "cat\t/etc",
                    "cat</etc",
                    "cat<>/etc",
                ],
                random,
            )
        },
    },
    Mutation {
        name: "shell paths",
        classes: CLASSES,
        mutate: |text, random| {
            unix(text)?;
            let to = [
                "/etc/./passwd",
                "//etc//passwd",
                "/e?c/passwd",
                "/etc/pass''wd",
                "/etc/p\\asswd",
                "/etc/pas*d",
                "/etc/../etc/passwd",
                "/etc/pass[w]d",
            ];
            swap(text, "/etc/passwd", &to, random)
        },
    },
    Mutation {
        name: "shell separators",
        classes: CLASSES,
        mutate: |text, random| {
            unix(text)?;
            let rest = text.strip_prefix(';')?;
            Some(format!(
                "{}{rest}",
                random.pick(&["|", "||", "&&", "&", "\n", ";;", "|&"])
            ))
        },
    },
];

/// Whether the text is for a Unix shell.
fn unix(text: &str) -> Option<()> {
    let lower = text.to_ascii_lowercase();
    let windows = [
        "powershell",
        "cmd",
        "c:\\",
        "dir ",
        "%",
        ".exe",
        "type ",
        "net ",
    ];
    (!windows.iter().any(|sign| lower.contains(sign))).then_some(())
}

/// A quote, a backslash or an empty variable within the names of programs.
fn quoted(text: &str, random: &mut Random) -> Option<String> {
    unix(text)?;
    let is_quoted = text.contains(['\'', '"', '`', '\\', '{', '$']);
    let programs = [
        "cat", "wget", "curl", "whoami", "uname", "nc", "bash", "ping", "sleep",
    ];
    let mut changed = false;
    let out = each_word(text, |word| {
        if is_quoted || !programs.contains(&word) {
            return None;
        }
        changed = true;
        let (a, b) = word.split_at(1);
        Some(format!(
            "{a}{}{b}",
            random.pick(&["''", "\"\"", "\\", "$@", "${x}"])
        ))
    });
    changed.then_some(out)
}
