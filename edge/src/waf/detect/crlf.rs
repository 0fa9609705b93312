//! Line breaks that start a header: response splitting and mail-header injection.

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::field::leaf;
use crate::waf::rules::crlf as rules;
use crate::waf::scan::{at, from, is_space, skip_while, span, stands};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &["\n", "\r"];

/// Headers that an attacker gains by setting. A body's free text may quote them; a parameter that
/// ends in a header never holds a line break at all.
const RESPONSE: &[&[u8]] = &[
    b"set-cookie:",
    b"location:",
    b"content-type:",
    b"content-length:",
    b"transfer-encoding:",
    b"refresh:",
    b"access-control-",
    b"x-xss-protection:",
    b"link:",
    b"host:",
    b"x-forwarded-",
    b"x-injected",
    b"content-security-policy:",
];
const MAIL: &[&[u8]] = &[
    b"bcc:",
    b"cc:",
    b"to:",
    b"reply-to:",
    b"from:",
    b"subject:",
    b"mime-version:",
    b"content-transfer-encoding:",
    b"content-type:",
];

/// Fields that end in the head of a mail.
const MAIL_FIELDS: &[&str] = &[
    "email",
    "mail",
    "e_mail",
    "from",
    "to",
    "subject",
    "name",
    "reply_to",
    "sender",
    "recipient",
    "address",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if matches!(text.part, Part::File | Part::Text | Part::Xml) {
        return;
    }
    let mut index = 0;
    while let Some(found) = from(text.lower, index)
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r'))
    {
        let line_break = index + found;
        let line = skip_while(text.lower, line_break, is_space);
        index = line.max(line_break + 1);
        if let Some(rule) = judge(text, line) {
            hits.push(Hit::new(rule, line_break, line + 12));
            return;
        }
    }
}

fn judge(text: &Text<'_>, line: usize) -> Option<&'static crate::waf::rules::Rule> {
    let starts = |names: &[&[u8]]| names.iter().any(|name| stands(text.lower, line, name));
    let in_url = matches!(
        text.part,
        Part::Path | Part::Query | Part::HeaderValue | Part::Cookie
    );
    let status = stands(text.lower, line, b"http/")
        && at(text.lower, line + 5).is_ascii_digit()
        && has_status(text.lower, line);
    if status {
        return Some(&rules::SPLIT);
    }
    let is_mail = || {
        MAIL_FIELDS.contains(&leaf(text.name).as_str()) || (in_url && addressed(text.lower, line))
    };
    if starts(MAIL) && is_mail() {
        return Some(&rules::MAIL);
    }
    // Prose before the line: stop counting at the third space.
    let is_first = || {
        span(text.lower, 0, line)
            .iter()
            .filter(|byte| **byte == b' ')
            .nth(2)
            .is_none()
    };
    let sets_cookie = stands(text.lower, line, b"set-cookie:");
    (sets_cookie || (in_url && starts(RESPONSE) && is_first())).then_some(&rules::HEADER)
}

/// `HTTP/1.1 200`.
fn has_status(text: &[u8], line: usize) -> bool {
    let version = skip_while(text, line, |byte| !is_space(byte));
    (1..4).all(|offset| at(text, version + offset).is_ascii_digit())
}

/// Whether the line names a mail address.
fn addressed(text: &[u8], line: usize) -> bool {
    span(text, line, line + 80).contains(&b'@')
}
