//! Java's classes where an expression language or a deserialiser would reach for them, and the
//! look-ups of Log4j (CVE-2021-44228).

use crate::waf::detect::{Hit, Text};
use crate::waf::field::leaf;
use crate::waf::rules::{code as rules, jndi};
use crate::waf::scan::{at, before, find, from, is_word, span, stands, word};

/// Packages from which attacks take classes.
const PACKAGES: &[&[u8]] = &[b"java.", b"javax."];
/// Their last names; `java.lang.string` is in every stack trace and harmless.
const CLASSES: &[&[u8]] = &[
    b"runtime",
    b"processbuilder",
    b"system",
    b"class",
    b"thread",
    b"scriptenginemanager",
    b"initialcontext",
    b"urlclassloader",
    b"fileinputstream",
    b"fileoutputstream",
    b"scanner",
    b"eventhandler",
    b"xmldecoder",
    b"inet4address",
    b"inetsocketaddress",
    b"filereader",
    b"printwriter",
    b"processimpl",
];
/// Classes of libraries that turn deserialisation into execution.
const GADGETS: &[&[u8]] = &[
    b"java.",
    b"javax.",
    b"com.sun.",
    b"com.mchange.",
    b"com.alibaba.",
    b"com.caucho.",
    b"com.ibatis.",
    b"ch.qos.logback.",
    b"br.com.",
    b"oracle.",
    b"org.apache.",
    b"org.springframework.",
    b"org.hibernate.",
    b"org.jboss.",
    b"org.h2.",
    b"org.mortbay.",
    b"org.quartz.",
    b"org.aspectj.",
    b"lcom.sun.",
];
/// How far a look-up's end is looked for.
const MAX_LOOKUP: usize = 80;

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    classes(text.lower, hits);
    typed_json(text, hits);
    executes_string(text.lower, hits);
    lookups(text.lower, hits);
}

/// `java.lang.Runtime` followed by what uses it, unless a stack trace names it (`at java…`).
fn classes(text: &[u8], hits: &mut Vec<Hit>) {
    for package in PACKAGES {
        let mut index = 0;
        while let Some(start) = find(text, package, index) {
            index = start + package.len();
            let path = from(text, start)
                .iter()
                .take(120)
                .take_while(|byte| is_word(**byte) || **byte == b'.')
                .count();
            let end = start + path;
            if !is_word(before(text, start))
                && !span(text, 0, start).ends_with(b"at ")
                && uses_class(span(text, start, end), text, end)
            {
                hits.push(Hit::new(&rules::JAVA, start, end));
                return;
            }
            index = index.max(end);
        }
    }
}

fn uses_class(path: &[u8], text: &[u8], end: usize) -> bool {
    let mut parts = path.split(|byte| *byte == b'.');
    let Some(position) = parts.position(|part| CLASSES.contains(&part)) else {
        return false;
    };
    let has_member = path
        .split(|byte| *byte == b'.')
        .nth(position + 1)
        .is_some_and(|member| !member.is_empty());
    let next = at(text, end);
    if has_member {
        return matches!(next, b'(' | b'[' | b')' | b'@' | b'\'' | b'"');
    }
    let is_whole =
        end == text.len() && matches!(before(text, end - path.len()), 0 | b'=' | b':' | b'>');
    is_whole
        || matches!(
            next,
            b'(' | b')' | b'@' | b'[' | b'{' | b'"' | b'\'' | b';' | b']'
        )
}

/// fastjson's and Jackson's `"@type"`, and .NET's `"$type"`, with a class to instantiate.
fn typed_json(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if matches!(&*leaf(text.name), "@type" | "@class" | "$type") && is_gadget(text.lower) {
        hits.push(Hit::new(&rules::SERIALIZED, 0, text.lower.len().min(60)));
        return;
    }
    for key in [
        &b"\"@type\""[..],
        b"\"@class\"",
        b"\"$type\"",
        b"'@type'",
        b"'$type'",
    ] {
        if let Some(start) = find(text.lower, key, 0) {
            let rest = from(text.lower, start + key.len());
            let value = rest
                .iter()
                .take(8)
                .position(u8::is_ascii_alphanumeric)
                .map_or(&[][..], |first| from(rest, first));
            if is_gadget(value) {
                hits.push(Hit::new(&rules::SERIALIZED, start, start + key.len()));
                return;
            }
        }
    }
}

fn is_gadget(class: &[u8]) -> bool {
    GADGETS.iter().any(|package| class.starts_with(package))
        || class.starts_with(b"system.") && class.contains(&b',')
}

/// Groovy's `"id".execute()`.
fn executes_string(text: &[u8], hits: &mut Vec<Hit>) {
    if let Some(start) = find(text, b".execute()", 0)
        && matches!(before(text, start), b'"' | b'\'' | b']')
    {
        hits.push(Hit::new(&rules::JAVA, start, start + 10));
    }
}

/// `${jndi:…}` however it is spelled: a look-up within a look-up, or one that names a default
/// character, is only ever written to hide something.
fn lookups(text: &[u8], hits: &mut Vec<Hit>) {
    let mut index = 0;
    while let Some(start) = find(text, b"${", index) {
        index = start + 2;
        let body = span(text, index, index + MAX_LOOKUP);
        let end = body
            .iter()
            .position(|byte| matches!(byte, b'}' | b'\n'))
            .unwrap_or(body.len());
        let inner = span(body, 0, end);
        let prefix = word(inner, 0);
        let is_lookup = at(inner, prefix.len()) == b':';
        let hides = is_lookup
            && find(inner, b":-", prefix.len() + usize::from(!prefix.is_empty()))
                .is_some_and(|default| inner.len() - default <= 8);
        let nests = is_lookup
            && find(inner, b"${", 0).is_some()
            && !matches!(prefix, b"self" | b"file" | b"opt");
        let names = is_lookup
            && matches!(
                prefix,
                b"lower"
                    | b"upper"
                    | b"k8s"
                    | b"jndi"
                    | b"docker"
                    | b"script"
                    | b"dns"
                    | b"marker"
                    | b"sd"
            );
        if prefix == b"jndi" && is_lookup {
            hits.push(Hit::new(&jndi::LOOKUP, start, index + end));
            return;
        }
        // Configuration files read the environment too; a value that is nothing else asks for it.
        let is_whole = start == 0
            && end + 3 >= text.len()
            && matches!(
                prefix,
                b"env" | b"sys" | b"java" | b"ctx" | b"main" | b"bundle" | b"web" | b"spring"
            )
            && is_lookup;
        if is_whole || hides || nests || names || stands(inner, 0, b"${") && inner.contains(&b':') {
            hits.push(Hit::new(&jndi::NESTED, start, index + end));
            return;
        }
    }
}
