//! Java's classes where an expression language or a deserialiser would reach for them.

use crate::waf::Part;
use crate::waf::detect::{Hit, Hits, Text};
use crate::waf::field::leaf;
use crate::waf::rules::code as rules;
use crate::waf::scan::{Needles, at, before, find, from, is_word, span};

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
    b"jdk.",
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
/// Last names of classes that act as soon as a deserialiser has filled them, after their dot.
pub(super) static ACTING: Needles<'static> = Needles::numbered(
    5,
    &[
        b".jdbcrowsetimpl",
        b".templatesimpl",
        b".drivermanagerconnectionsource",
        b".jndiconnectionsource",
        b".badattributevalueexpexception",
        b".jndirefforwardingdatasource",
        b".wrapperconnectionpooldatasource",
        b".propertypathfactorybean",
        b".methodinvokingfactorybean",
        b".defaultbeanfactorypointcutadvisor",
        b".classpathxmlapplicationcontext",
        b".filesystemxmlapplicationcontext",
        b".jndidatasourcefactory",
        b".simplejndibeanfactory",
        b".jndiconfiguration",
        b".jndiobjectfactory",
        b".scriptenginemanager",
        b".urlclassloader",
        b".unicastremoteobject",
        b".remoteobjectinvocationhandler",
        b".annotationinvocationhandler",
        b".beancomparator",
        b".tiedmapentry",
        b".lazymap",
        b".chainedtransformer",
        b".convertedclosure",
        b".groovyclassloader",
        b".imageio$containsfilter",
        b".nativestring",
        b".base64data",
        b".servicefinder$serviceiterator",
        b".rmiconnectorserver",
        b".ldapattribute",
        b".signedobject",
        b".hotswappabletargetsource",
        b".swinglazyvalue",
        b".proxylazyvalue",
        b".poolbackeddatasource",
        b".jndirealmfactory",
        b".hikariconfig",
        b".basicdatasource",
    ],
);

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    classes(text.lower, hits);
    typed_json(text, hits);
    executes_string(text.lower, hits);
    gadget(text.lower, hits);
}

/// `java.lang.Runtime` followed by what uses it, unless a stack trace names it (`at java…`).
fn classes(text: &[u8], hits: &mut Hits) {
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
                && !is_mentioned(text, start, end)
                && uses_class(span(text, start, end), text, end)
            {
                hits.push(Hit::new(&rules::JAVA, start, end));
                return;
            }
            index = index.max(end);
        }
    }
}

/// An import, or a frame of a stack trace.
fn is_mentioned(text: &[u8], start: usize, end: usize) -> bool {
    let head = span(text, 0, start);
    let rest = span(text, end, end + 60);
    let is_source = |source: &&[u8]| find(rest, source, 0).is_some();
    head.ends_with(b"at ")
        || head.ends_with(b"import ")
        || head.ends_with(b"import static ")
        || at(rest, 0) == b'('
            && [
                &b".java:"[..],
                b"(native method)",
                b"(unknown source)",
                b".java)",
            ]
            .iter()
            .any(is_source)
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

/// Keys of JSON that name the class to make.
pub(super) static KEYS: Needles<'static> = Needles::numbered(
    6,
    &[
        b"\"@type\"",
        b"\"@class\"",
        b"\"$type\"",
        b"\"__type\"",
        b"'@type'",
        b"'$type'",
    ],
);

/// fastjson's and Jackson's `"@type"`, and .NET's `"$type"`, with a class to instantiate.
fn typed_json(text: &Text<'_>, hits: &mut Hits) {
    // An attribute of XML is called so too.
    if text.part != Part::Xml
        && matches!(&*leaf(text.name), "@type" | "@class" | "$type" | "__type")
        && is_gadget(text.lower)
    {
        hits.push(Hit::new(&rules::SERIALIZED, 0, text.lower.len().min(60)));
        return;
    }
    let Some((first, _)) = hits.absent.find(&KEYS, text.lower, 0) else {
        return;
    };
    for key in KEYS.all() {
        if let Some(start) = find(text.lower, key, first) {
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
        || (class.starts_with(b"system.") || class.starts_with(b"microsoft."))
            && class.contains(&b',')
}

/// Groovy's `"id".execute()`.
fn executes_string(text: &[u8], hits: &mut Hits) {
    if let Some(start) = find(text, b".execute()", 0)
        && matches!(before(text, start), b'"' | b'\'' | b']')
    {
        hits.push(Hit::new(&rules::JAVA, start, start + 10));
    }
}

/// A class that acts, by its full name, as a string or a tag of its own: a stack trace and an
/// import name it too, but do not end it so.
fn gadget(text: &[u8], hits: &mut Hits) {
    const MAX_PACKAGE: usize = 80;
    let mut index = 0;
    while let Some((dot, class)) = hits.absent.find(&ACTING, text, index) {
        let end = dot + class.len();
        index = end;
        let package = span(text, dot.saturating_sub(MAX_PACKAGE), dot);
        let length = package
            .iter()
            .rev()
            .take_while(|byte| is_word(**byte) || **byte == b'.')
            .count();
        let start = dot - length;
        let is_quoted = matches!(
            before(text, start),
            0 | b'"' | b'\'' | b'<' | b'!' | b'=' | b'['
        ) && matches!(
            at(text, end),
            0 | b'"' | b'\'' | b'>' | b' ' | b';' | b'[' | b']'
        );
        if length > 0 && is_quoted && !span(text, end, end + 2).eq(b"; ") {
            hits.push(Hit::new(&rules::SERIALIZED, start, end));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::Part;

    fn is_found(text: &str) -> bool {
        let mut hits = Hits::default();
        let lower = text.to_ascii_lowercase();
        let text = Text {
            lower: lower.as_bytes(),
            part: Part::Query,
            name: "q",
        };
        detect(&text, &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn finds_classes_that_are_used() {
        for attack in [
            "java.lang.Runtime.getRuntime().exec('id')",
            "T(java.lang.ProcessBuilder)",
            "com.sun.rowset.JdbcRowSetImpl",
            "[\"ch.qos.logback.core.db.DriverManagerConnectionSource\"",
            "['id'].execute()",
        ] {
            assert!(is_found(attack), "{attack}");
        }
    }

    #[test]
    fn leaves_traces_and_imports_alone() {
        for honest in [
            "import java.util.Scanner;",
            "at java.base/java.lang.Thread.run(Thread.java:1583)",
            "at java.lang.Thread.run(Unknown Source)",
            "new ClassPathXmlApplicationContext(\"beans.xml\")",
            "org.springframework.context.support.ClassPathXmlApplicationContext.<init>(X.java:9)",
        ] {
            assert!(!is_found(honest), "{honest}");
        }
    }
}
