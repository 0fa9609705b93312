//! Templates, document stores, look-ups, directories, documents: what servers evaluate.

use super::{
    Mutation,
    random::{any_case, each_word, swap},
};

pub(crate) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "template spaces",
        classes: &["ssti"],
        mutate: |text, random| swap(text, "{{", &["{{ ", "{{\t", "{{-"], random),
    },
    Mutation {
        name: "template numbers",
        classes: &["ssti"],
        mutate: |text, random| swap(text, "7*7", &["8*8", "191*7", "7 * 7", "3*3*7"], random),
    },
    Mutation {
        name: "template members",
        classes: &["ssti"],
        mutate: |text, random| {
            text.contains("{{").then(|| {
                swap(
                    text,
                    ".__class__",
                    &[
                        "['__class__']",
                        "|attr('__class__')",
                        "[\"__class__\"]",
                        "['__cla'+'ss__']",
                    ],
                    random,
                )
            })?
        },
    },
    Mutation {
        name: "operators",
        classes: &["nosql"],
        mutate: |text, random| {
            // What any value meets: other operators that any value meets too.
            swap(text, "$ne", &["$gt", "$gte", "$nin"], random)
        },
    },
    Mutation {
        name: "look-ups nested",
        classes: &["jndi"],
        mutate: |text, random| {
            swap(
                text,
                "${jndi:",
                &[
                    "${${lower:j}ndi:",
                    "${j${::-n}di:",
                    "${${::-j}${::-n}${::-d}${::-i}:",
                    "${${env:X:-j}ndi:",
                    "${jn${upper:d}i:",
                ],
                random,
            )
        },
    },
    Mutation {
        name: "look-up schemes",
        classes: &["jndi"],
        mutate: |text, random| {
            swap(
                text,
                "ldap://",
                &["rmi://", "dns://", "ldaps://", "iiop://"],
                random,
            )
        },
    },
    Mutation {
        name: "filter attributes",
        classes: &["ldap"],
        mutate: |text, random| {
            swap(
                text,
                "uid=",
                &["cn=", "mail=", "sn=", "sAMAccountName="],
                random,
            )
        },
    },
    Mutation {
        name: "XPath conditions",
        classes: &["xpath"],
        mutate: |text, random| swap(text, "'1'='1", &["'2'='2", "'a'='a", "'x' = 'x"], random),
    },
    Mutation {
        name: "PHP case",
        classes: &["code"],
        mutate: |text, random| {
            // Names of PHP's functions know no case.
            let names = [
                "system",
                "exec",
                "shell_exec",
                "passthru",
                "phpinfo",
                "eval",
                "assert",
                "base64_decode",
            ];
            let is_php = text.contains("<?") || text.contains('$') || text.contains("phpinfo");
            let is_other = ["java", "os.", "require", "import", "process", "Kernel"];
            if !is_php || is_other.iter().any(|sign| text.contains(sign)) {
                return None;
            }
            Some(each_word(text, |word| {
                names.contains(&word).then(|| any_case(word, random))
            }))
        },
    },
    Mutation {
        name: "line ends",
        classes: &["crlf", "mail"],
        mutate: |text, random| swap(text, "\r\n", &["\n", "\r", "\r\n\t", "\r\n "], random),
    },
    Mutation {
        name: "entity names",
        classes: &["xxe"],
        mutate: |text, random| {
            swap(
                text,
                " system ",
                &["\tSYSTEM\t", "\nSYSTEM ", " SYSTEM  "],
                random,
            )
        },
    },
];
