//! Texts that are all there is of a program and would do nothing.

use crate::waf::detect::Hit;
use crate::waf::scan::{at, find, from, is_space, trim};

/// Interpreters and clients that do nothing without what follows their last option.
const PROGRAMS: &[&[u8]] = &[
    b"perl", b"python", b"python3", b"ruby", b"node", b"php", b"nc", b"netcat", b"ncat", b"bash",
    b"sh",
];
/// Files that tell nothing but which system runs; words behind one ask about it.
const SHARED: &[&[u8]] = &[
    b"/dev/null",
    b"/etc/os-release",
    b"/etc/lsb-release",
    b"/proc/cpuinfo",
    b"/proc/meminfo",
];
/// Words of a shell that no file is called.
const KEYWORDS: &[&[u8]] = &[b"for", b"while", b"if", b"until", b"case", b"function"];
/// Directories of a project whose files anyone may see.
const PUBLIC: &[&[u8]] = &[
    b"assets",
    b"components",
    b"css",
    b"fonts",
    b"images",
    b"img",
    b"js",
    b"static",
    b"styles",
];

/// Whether the text is all there is and does nothing: a program without the code that it would run, a
/// tag with nothing in it, a picture.
pub(super) fn is_inert(text: &[u8], hit: &Hit) -> bool {
    let is_one_of = |rules: &[&str]| rules.contains(&hit.rule.id);
    let mut words = text
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let last = words.next_back().unwrap_or(second);
    let is_option = |word: &[u8]| {
        let letters = word.strip_prefix(b"-").unwrap_or_default();
        !letters.is_empty()
            && letters.iter().all(u8::is_ascii_alphabetic)
            && !letters.contains(&b'i')
    };
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-');
    if is_one_of(&["rce-001", "rce-006"]) {
        return first == b"cat"
                && SHARED.contains(&second)
                && (second == b"/dev/null" || last != second)
                && !text.iter().any(|byte| b"`$;|&".contains(byte))
            || PROGRAMS.contains(&first) && is_option(last) && text.iter().all(is_plain)
            // A shell takes the keyword for a file, and what comes after is a fault.
            || first == b"bash" && KEYWORDS.contains(&second) && at(text, text.len() - 1) != b'`'
            || text == b"powershell -executionpolicy bypass";
    }
    if is_one_of(&["lfi-001", "lfi-006"]) {
        return is_public(text);
    }
    // `${jndi: look-ups`: a scheme would have to follow.
    if is_one_of(&["jndi-001"]) {
        const OPENING: &[u8] = b"${jndi:";
        return find(text, OPENING, 0).is_some_and(|start| {
            let rest = from(text, start + OPENING.len());
            is_space(at(rest, 0)) && !rest.iter().any(|byte| matches!(byte, b'$' | b'}'))
        });
    }
    if is_one_of(&["ssti-003"]) {
        return sets_literal(text, hit);
    }
    // `line 1 is just <?php`
    let tag = find(text, b"<?", 0);
    if is_one_of(&["php-001"]) && tag.is_some_and(|tag| matches!(from(text, tag), b"<?" | b"<?php"))
    {
        return true;
    }
    // `<?= ?>`
    let code = find(text, b"<?", 0).map_or(text, |tag| from(text, tag + 2));
    let code = code
        .strip_prefix(b"php")
        .or_else(|| code.strip_prefix(b"="))
        .unwrap_or(code);
    is_one_of(&["php-001"]) && trim(code).starts_with(b"?>") && find(code, b"<?", 0).is_none()
}

/// `Velocity #set($x = 5) not visible in #foreach`: a number is kept, and nothing is put out.
fn sets_literal(text: &[u8], hit: &Hit) -> bool {
    let code = from(text, hit.start).strip_prefix(b"#set($");
    let mut parts = code.unwrap_or_default().split(|byte| *byte == b')');
    let (set, rest) = (parts.next().unwrap_or_default(), parts.next());
    let mut sides = set.split(|byte| *byte == b'=').map(trim);
    let is_name = |side: &[u8]| !side.is_empty() && side.iter().all(u8::is_ascii_alphanumeric);
    sides.next().is_some_and(is_name)
        && sides.next().is_some_and(is_name)
        && sides.next().is_none()
        && rest.is_some_and(|rest| is_space(at(rest, 0)))
        && parts.next().is_none()
        && text.split(|byte| *byte == b'$').nth(2).is_none()
}

/// Whether the text is the path of a page's own picture, style or script, not far above.
fn is_public(text: &[u8]) -> bool {
    let rest = text
        .strip_prefix(b"../../")
        .or_else(|| text.strip_prefix(b"../"));
    rest.is_some_and(|rest| {
        let directory = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
        PUBLIC.contains(&directory)
            && rest.windows(2).all(|pair| pair != b"..")
            && rest.iter().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_')
            })
            && !rest.ends_with(b".php")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::rules::{shell, template};

    #[test]
    fn a_program_without_code_does_nothing() {
        let does_nothing = |text: &str| is_inert(text.as_bytes(), &Hit::new(&shell::COMMAND, 0, 1));
        assert!(does_nothing("perl -pi -e"));
        assert!(!does_nothing("perl -e system"));
        assert!(!does_nothing("ls -la"));
        assert!(!does_nothing("bash -i"));
    }

    #[test]
    fn a_number_that_is_kept_does_nothing() {
        let does_nothing = |text: &str| {
            let start = text.find("#set").unwrap();
            is_inert(
                text.as_bytes(),
                &Hit::new(&template::DIRECTIVE, start, start + 6),
            )
        };
        assert!(does_nothing(
            "velocity #set($x = 5) not visible in #foreach"
        ));
        for text in [
            "velocity #set($x = 7*7) shows",
            "#set($x=5)$x",
            "#set($x=5) ${x}",
            "#set($x = 5) #evaluate(x)",
            "#set($e='a') x",
        ] {
            assert!(!does_nothing(text), "{text}");
        }
    }

    #[test]
    fn pictures_are_public() {
        assert!(is_public(b"../../assets/img"));
        assert!(!is_public(b"../../../../assets/img"));
        assert!(!is_public(b"../../assets/../x"));
        assert!(!is_public(b"../../etc/passwd"));
    }
}
