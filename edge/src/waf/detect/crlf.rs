//! Line breaks that start a header: response splitting, request splitting, mail-header injection.
//!
//! Honest texts have lines too, and lines that look like headers ("Location: Ubud"). So a header
//! counts by its value, and where text may have lines, only as the second line after a first that
//! is no sentence.

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::field::leaf;
use crate::waf::meter::price;
use crate::waf::rules::Rule;
use crate::waf::rules::crlf as rules;
use crate::waf::scan::{
    at, before, from, is_one_of, is_space, is_word, position, skip_space, skip_while, span, stands,
    trim, word,
};

/// Without one of these nothing here can fire. The characters whose low bytes are CR and LF are
/// cut to them by servers that keep one byte of each.
pub(super) const TRIGGERS: &[&str] = &[
    "\n",
    "\r",
    "%0a",
    "%0d",
    "%e2%80%a8",
    "%e5%98%8",
    "\\r\\n",
    "\u{560a}",
    "\u{10a}",
];

/// Spellings of a line break besides the bytes themselves, which only an attack puts into a text.
const ENCODED: &[&[u8]] = &[
    b"%0d%0a",
    b"%0a",
    b"%0d",
    b"%e2%80%a8",
    b"%e5%98%8d%e5%98%8a",
    b"%e5%98%8a%e5%98%8d",
    b"\\r\\n",
    "\u{560d}\u{560a}".as_bytes(),
    "\u{560a}\u{560d}".as_bytes(),
    "\u{10d}\u{10a}".as_bytes(),
];

/// Longest line looked at.
const REACH: usize = 160;

/// A line after the first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Where the break before it stands.
    pub(super) start: usize,
    /// The line itself, from its first letter.
    pub(super) text: &'a [u8],
    /// What stands before the break.
    pub(super) lead: &'a [u8],
    /// The beginning of what comes after the line.
    pub(super) next: &'a [u8],
    /// Whether the break has no business here: in a URL, a header or a name, or spelled out.
    pub(super) is_odd: bool,
    /// Empty lines that come before.
    pub(super) blanks: usize,
    /// Whether white space leads to it, by which it goes on with a header's value and is none.
    pub(super) is_indented: bool,
}

impl Line<'_> {
    /// Whether an empty line comes before.
    const fn is_after_blank(&self) -> bool {
        self.blanks > 0
    }

    /// Whether what comes before is one token or nothing.
    pub(super) fn follows_token(&self) -> bool {
        let lead = trim(self.lead);
        // In a path as it was sent, a space is spelled out.
        !lead.iter().any(|byte| is_space(*byte)) && !lead.windows(3).any(|three| three == b"%20")
    }

    /// Whether what comes before is one line and no sentence.
    pub(super) fn follows_phrase(&self) -> bool {
        let lead = trim(self.lead);
        let spaces = lead.iter().filter(|byte| **byte == b' ').nth(2);
        spaces.is_none() && !lead.contains(&b'\n')
    }
}

/// The lines after the first, each with what stands before it. `lead` is cut so that looking at
/// it costs the same for every line.
pub(super) fn lines(text: &[u8], part: Part) -> impl Iterator<Item = Line<'_>> {
    let is_odd_place = part.is_name()
        || matches!(
            part,
            Part::Path | Part::Query | Part::HeaderValue | Part::Cookie | Part::FileName
        );
    // Found once, as the end of one line and the start of the next.
    let mut coming = next_break(text, 0);
    std::iter::from_fn(move || {
        let (start, length) = coming?;
        let mut end = start + length;
        let mut is_encoded = length > 1;
        let mut breaks = 0;
        while let Some(length) = break_at(text, end) {
            is_encoded |= length > 1;
            breaks +=
                usize::from(length > 2 || at(text, end) != b'\n' || at(text, end - 1) != b'\r');
            end += length;
        }
        // `%%0a0a`: what is left when one round of decoding split an escape.
        let line = skip_space(text, end);
        let is_indented = line > end + 1;
        let line =
            if before(text, start) == b'%' && matches!(span(text, line, line + 2), b"0a" | b"0d") {
                line + 2
            } else {
                line
            };
        coming = next_break(text, line);
        let close = coming.map_or(text.len(), |(close, _)| close);
        let first = span(text, line, close.min(line + REACH));
        Some(Line {
            start,
            text: first,
            next: trim(span(text, line + first.len(), line + first.len() + 24)),
            lead: if start > REACH {
                b"a b c d"
            } else {
                span(text, 0, start)
            },
            is_odd: is_odd_place || is_encoded,
            blanks: breaks,
            is_indented,
        })
    })
}

fn next_break(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut index = start;
    loop {
        index = position(text, index, is_start)?;
        if let Some(length) = break_at(text, index) {
            return Some((index, length));
        }
        index += 1;
    }
}

/// Whether a break, or one of [`ENCODED`], may start with this byte.
fn is_start(byte: u8) -> bool {
    is_one_of(byte, [b'\n', b'\r', b'%', b'\\', 0xc4, 0xe5])
}

/// Length of the break that stands at `index`.
fn break_at(text: &[u8], index: usize) -> Option<usize> {
    match at(text, index) {
        b'\n' | b'\r' => Some(1),
        first @ (b'%' | b'\\' | 0xc4 | 0xe5) => {
            let head = [first, at(text, index + 1)];
            let mut spelled = ENCODED
                .iter()
                .filter(|spelling| spelling.starts_with(&head));
            let found = spelled.find(|spelling| stands(text, index, spelling));
            found.map(|spelling| spelling.len())
        }
        _ => None,
    }
}

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File || lists_headers(text) {
        return;
    }
    for line in lines(text.lower, text.part) {
        hits.meter.charge(line.blanks, price::BREAK);
        if !hits.meter.pays(price::LINE) {
            return;
        }
        if let Some(rule) = judge(text, &line) {
            hits.push(Hit::new(
                rule,
                line.start,
                line.start + line.text.len().min(40),
            ));
        }
    }
}

/// Whether a member that is called so lists headers and nothing else, the first line included, as clients do that send
/// several requests in one.
fn lists_headers(text: &Text<'_>) -> bool {
    let is_listed = matches!(text.part, Part::Form | Part::Json)
        && matches!(
            &*leaf(text.name),
            "headers" | "requestheaders" | "responseheaders"
        );
    is_listed
        && trim(text.lower).split(|byte| *byte == b'\n').all(|line| {
            let name = skip_while(line, 0, |byte| is_word(byte) || byte == b'-');
            name > 0 && at(line, name) == b':'
        })
}

fn judge(text: &Text<'_>, line: &Line<'_>) -> Option<&'static Rule> {
    let may_split =
        line.follows_phrase() && !is_header_like(line.lead) && (line.is_odd || !greets(line));
    if line.is_after_blank() && ends_chunks(line.lead) && is_versioned(line.text) {
        return Some(&rules::SPLIT);
    }
    let ends_head = matches!(trim(line.text), b"http/1.1" | b"http/1.0" | b"http/2");
    if may_split && (is_status(line.text) || is_request(line) || ends_head) {
        return Some(&rules::SPLIT);
    }
    if ends_request(line.lead) && header_name(line.text).is_some() {
        return Some(&rules::SPLIT);
    }
    if line.is_odd && is_whole_request(line.lead) && header_name(line.text).is_some() {
        return Some(&rules::SPLIT);
    }
    let in_path = text.part == Part::Path && line.follows_token() && is_tight_header(line.text);
    if line.is_odd && line.is_after_blank() && line.follows_phrase() && is_markup(line) {
        return Some(&rules::SPLIT);
    }
    if is_mail_header(text, line) || is_mail_body(line) {
        return Some(&rules::MAIL);
    }
    let in_name = text.part.is_name() && header_name(line.text).is_some();
    // The empty line ends the head, so no header follows it.
    let is_head = line.is_odd || !line.is_after_blank();
    (in_name || in_path || (may_split && is_head && !line.is_indented && is_response_header(line)))
        .then_some(&rules::HEADER)
}

/// `Hello all,`: whether the first line ends as one of a letter does.
fn greets(line: &Line<'_>) -> bool {
    matches!(
        trim(line.lead),
        [.., b'a'..=b'z', b',' | b':' | b'?' | b'!' | b'.']
    )
}

/// `x HTTP/1.1`: the end of a request line whose beginning the server wrote.
fn ends_request(lead: &[u8]) -> bool {
    let lead = trim(lead);
    let target = skip_while(lead, 0, |byte| !is_space(byte));
    matches!(from(lead, target), b" http/1.1" | b" http/1.0")
}

/// `GET /admin HTTP/1.1` before any line break, where no text has lines.
fn is_whole_request(lead: &[u8]) -> bool {
    let lead = trim(lead);
    let target = skip_space(lead, word(lead, 0).len());
    matches!(
        word(lead, 0),
        b"get" | b"post" | b"put" | b"head" | b"gpost"
    ) && matches!(at(lead, target), b'/' | b'h')
        && (lead.ends_with(b" http/1.1") || lead.ends_with(b" http/1.0"))
}

/// `X:y`: a name and a value without a space.
fn is_tight_header(line: &[u8]) -> bool {
    header_name(line).is_some_and(|name| {
        let value = from(line, name.len());
        value.len() > 1 && !value.iter().any(|byte| is_space(*byte))
    })
}

/// `HTTP/1.1 200`.
fn is_status(line: &[u8]) -> bool {
    let version = skip_while(line, 0, |byte| !is_space(byte));
    line.starts_with(b"http/") && (1..4).all(|offset| at(line, version + offset).is_ascii_digit())
}

/// `GET /admin HTTP/1.1`, or less of it where no line may stand.
fn is_request(line: &Line<'_>) -> bool {
    let method = word(line.text, 0);
    let is_method = matches!(
        method,
        b"get"
            | b"gpost"
            | b"post"
            | b"put"
            | b"head"
            | b"delete"
            | b"options"
            | b"patch"
            | b"trace"
            | b"connect"
    );
    let target = skip_space(line.text, method.len());
    let is_versioned = || is_versioned(line.text);
    is_method
        && target > method.len()
        && (matches!(at(line.text, target), b'/' | b'h') && (is_versioned() || line.is_odd))
        && (is_versioned() || at(line.text, target) == b'/')
}

fn is_versioned(line: &[u8]) -> bool {
    line.windows(8).any(|window| window.starts_with(b" http/"))
}

/// `0` on a line of its own: the last chunk of a body.
fn ends_chunks(lead: &[u8]) -> bool {
    let lead = trim(lead);
    lead == b"0" || lead.ends_with(b"\n0")
}

/// The body that follows an empty line, where the text before had none of its own markup.
fn is_markup(line: &Line<'_>) -> bool {
    let names: [&[u8]; 8] = [
        b"html", b"body", b"head", b"script", b"svg", b"h1", b"iframe", b"img",
    ];
    at(line.text, 0) == b'<'
        && names.iter().any(|name| stands(line.text, 1, name))
        && !line.lead.contains(&b'<')
}

/// Whether the first line is a header or a status itself: a quoted exchange, no value.
fn is_header_like(lead: &[u8]) -> bool {
    let lead = trim(lead);
    let name = header_name(lead).unwrap_or_default();
    lead.windows(5).any(|window| window == b"http/")
        || (!name.is_empty() && at(lead, name.len() + 1) == b' ')
}

/// The name of a header, when the line starts with one.
fn header_name(line: &[u8]) -> Option<&[u8]> {
    let end = skip_while(line, 0, |byte| is_word(byte) || byte == b'-');
    let colon = skip_space(line, end);
    (end > 0 && at(line, colon) == b':').then(|| span(line, 0, end))
}

/// Families of header names that are no words.
const FAMILIES: &[&[u8]] = &[
    b"x-",
    b"content-",
    b"access-control-",
    b"set-cookie",
    b"transfer-",
    b"cache-control",
    b"www-auth",
    b"proxy-",
    b"strict-transport",
    b"last-modified",
    b"user-agent",
    b"remote-addr",
    b"if-mod",
    b"if-none",
    b"accept-",
    b"header",
    b"injected",
    b"crlf",
    b"clear-site",
];

/// A header with a value of its kind: `Location: Ubud` is an address, `Location: //x` a redirect.
fn is_response_header(header: &Line<'_>) -> bool {
    let line = header.text;
    let Some(name) = header_name(line) else {
        return false;
    };
    let value = trim(from(line, skip_space(line, name.len()) + 1));
    let has = |byte: u8| value.contains(&byte);
    match name {
        b"set-cookie" => has(b'=') || header.is_odd && !value.is_empty(),
        b"location" | b"referer" | b"origin" => {
            let is_host = || header.is_odd && has(b'.') && !has(b' ');
            matches!(at(value, 0), b'/' | b'\\')
                || value.windows(3).any(|window| window == b"://")
                || is_host()
        }
        b"proxy" => value.windows(3).any(|window| window == b"://"),
        b"content-length" | b"refresh" => at(value, 0).is_ascii_digit(),
        b"content-type" => has(b'/'),
        b"link" => at(value, 0) == b'<',
        b"host" => {
            !has(b' ') && (has(b'.') || has(b':') || value == b"localhost" || value.len() == 1)
        }
        b"cookie" | b"pragma" => has(b'=') || value == b"no-cache",
        b"etag" => matches!(at(value, 0), b'"' | b'w') || header.is_odd && header.follows_token(),
        b"status" => header.is_odd && trim(header.lead).is_empty() && at(value, 0).is_ascii_digit(),
        b"server" | b"p3p" | b"vary" | b"expires" | b"allow" | b"via" | b"upgrade" => {
            header.is_odd && header.follows_token() && !value.is_empty()
        }
        b"authorization" => [&b"basic "[..], b"bearer ", b"digest "]
            .iter()
            .any(|scheme| value.starts_with(scheme)),
        b"connection" => matches!(value, b"close" | b"keep-alive" | b"upgrade"),
        // `content-visibility: auto;` and `headers: 'x',` are style sheets and objects.
        _ => {
            FAMILIES.iter().any(|family| name.starts_with(family))
                && !value.is_empty()
                && (header.is_odd || !matches!(value, [.., b';' | b',' | b'{' | b'[']))
        }
    }
}

/// An address, an empty line and text, where no lines are: the head of a mail ends there.
fn is_mail_body(line: &Line<'_>) -> bool {
    let lead = trim(line.lead);
    let domain = lead.iter().position(|byte| *byte == b'@');
    line.is_odd
        && line.is_after_blank()
        && line.follows_token()
        && domain.is_some_and(|at_sign| at_sign > 0 && from(lead, at_sign).contains(&b'.'))
        && !line.text.contains(&b'@')
        && !line.text.is_empty()
}

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

/// `Bcc: a@example.com` after an address, or after one token where a subject was asked for.
fn is_mail_header(text: &Text<'_>, line: &Line<'_>) -> bool {
    let Some(name) = header_name(line.text) else {
        return false;
    };
    let value = from(line.text, name.len() + 1);
    let is_addressed = value.contains(&b'@');
    let follows_address = line.lead.contains(&b'@')
        && (line.follows_token() || line.follows_phrase() && trim(line.lead).ends_with(b">"));
    let in_mail_field = || line.follows_phrase() && MAIL_FIELDS.contains(&leaf(text.name).as_str());
    // A whole head: `From: a@b.example`, and one copy of it that nobody sees.
    if name == b"bcc" && is_addressed && line.follows_phrase() && !greets(line) {
        return true;
    }
    if is_header_like(line.lead) || trim(value).is_empty() && !line.is_odd {
        return false;
    }
    match name {
        b"resent-to" | b"resent-cc" | b"resent-bcc" | b"message-id"
            if line.follows_token() && (line.is_odd || is_addressed) =>
        {
            true
        }
        b"bcc" | b"cc" => {
            (is_addressed || line.is_odd || follows_address)
                && (line.follows_token() || follows_address || in_mail_field())
                || is_addressed && line.is_odd && line.follows_phrase()
        }
        b"to"
        | b"reply-to"
        | b"from"
        | b"sender"
        | b"return-path"
        | b"disposition-notification-to"
        | b"errors-to" => is_addressed && (line.follows_token() || in_mail_field()),
        // A request's own value has one line; what it is called ends in a mail.
        b"subject" | b"message-id"
            if line.is_odd && line.follows_token() && text.part == Part::Query =>
        {
            !value.is_empty()
        }
        b"mime-version" => line.follows_token() || in_mail_field(),
        b"subject"
        | b"content-type"
        | b"content-transfer-encoding"
        | b"x-mailer"
        | b"x-priority"
        | b"importance"
        | b"list-unsubscribe"
        | b"return-receipt-to"
        | b"resent-to"
        | b"resent-from"
        | b"resent-cc"
        | b"resent-bcc" => follows_address || in_mail_field() && name != b"subject",
        _ => false,
    }
}
