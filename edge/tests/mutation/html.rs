//! HTML and JavaScript: case of names, separators in tags, other sinks, names in pieces.

use super::{
    Mutation,
    random::{any_case, swap, words},
};

const CLASSES: &[&str] = &["xss"];

pub(crate) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "HTML case",
        classes: CLASSES,
        mutate: |text, random| in_tags(text, |name| Some(any_case(name, random)), " "),
    },
    Mutation {
        name: "HTML separators",
        classes: CLASSES,
        mutate: |text, random| {
            let space = random.pick(&["/", "\t", "\n", "\u{c}", "\r\n", "  "]);
            in_tags(text, |_| None, space)
        },
    },
    Mutation {
        name: "script synonyms",
        classes: CLASSES,
        mutate: |text, random| words(text, &[("alert", &["confirm", "prompt"])], random),
    },
    Mutation {
        name: "script wrapped",
        classes: CLASSES,
        mutate: |text, random| {
            let to = [
                "(alert)(",
                "window.alert(",
                "top['alert'](",
                "self[`alert`](",
                "[alert][0](",
                "alert?.(",
                "window['al'+'ert'](",
                "alert.call(null,",
                "globalThis.alert(",
            ];
            // Behind a dot or a quote it is part of another expression.
            let is_plain = text
                .match_indices("alert(")
                .all(|(at, _)| !text[..at].ends_with(['.', '\'', '"', '`', '[', '\\', '+', '(']));
            is_plain.then(|| swap(text, "alert(", &to, random))?
        },
    },
    Mutation {
        name: "script escapes",
        classes: CLASSES,
        mutate: |text, random| swap(text, "alert(", &["\\u0061lert(", "al\\u{65}rt("], random),
    },
    Mutation {
        name: "script comments",
        classes: CLASSES,
        mutate: |text, random| {
            swap(
                text,
                "alert(",
                &["alert/**/(", "alert (", "alert\n("],
                random,
            )
        },
    },
    Mutation {
        name: "scheme in pieces",
        classes: CLASSES,
        mutate: |text, random| {
            // In an attribute alone: a scheme at the start of a value is no HTML.
            let to = [
                "java\tscript:",
                "JaVaScRiPt:",
                "java&#10;script:",
                "&#106;avascript:",
                "javascript&colon;",
                "\u{1}javascript:",
            ];
            text.contains('<')
                .then(|| swap(text, "javascript:", &to, random))?
        },
    },
];

/// Rewrites the names of tags and attributes, and the spaces between them, of every tag that ends.
fn in_tags(
    text: &str,
    mut rename: impl FnMut(&str) -> Option<String>,
    space: &str,
) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        out.push_str(before);
        let is_tag = tag[1..]
            .trim_start_matches('/')
            .starts_with(|c: char| c.is_ascii_alphabetic());
        let end = tag.find('>').filter(|_| is_tag);
        let Some(end) = end else {
            out.push('<');
            rest = &tag[1..];
            continue;
        };
        changed = true;
        let mut quote = None;
        let mut is_value = false;
        let mut name = String::new();
        for c in tag[..end].chars() {
            let is_name = quote.is_none() && !is_value && (c.is_ascii_alphabetic() || c == '-');
            if is_name {
                name.push(c);
                continue;
            }
            out.push_str(&rename(&name).unwrap_or_else(|| name.clone()));
            name.clear();
            match (quote, c) {
                (Some(open), c) if c == open => {
                    quote = None;
                    is_value = false;
                }
                (None, '\'' | '"' | '`') => quote = Some(c),
                (None, '=') => is_value = true,
                (None, ' ') => {
                    is_value = false;
                    out.push_str(space);
                    continue;
                }
                _ => {}
            }
            out.push(c);
        }
        out.push_str(&rename(&name).unwrap_or(name));
        rest = &tag[end..];
    }
    out.push_str(rest);
    changed.then_some(out)
}
