//! Elements, event attributes and script URLs.

use super::script::is_code;
use crate::waf::detect::Hit;
use crate::waf::rules::html as rules;
use crate::waf::scan::{
    at, before, find, from, is_space, is_word, last_before, skip_space, skip_while, span, stands,
    trim, word, word_before,
};

/// Elements that run or embed something by themselves.
const ACTIVE: &[&[u8]] = &[
    b"iframe",
    b"frame",
    b"frameset",
    b"object",
    b"embed",
    b"applet",
    b"base",
    b"meta",
    b"portal",
    b"isindex",
    b"layer",
    b"ilayer",
    b"bgsound",
    b"animate",
    b"set",
    b"foreignobject",
];

/// Bytes after a bare tag that must be prose for it to be a mention.
const REACH: usize = 512;

/// Finds what stands inside and around angle brackets.
pub(super) fn detect(text: &[u8], hits: &mut Vec<Hit>) {
    let mut index = 0;
    while let Some(open) = from(text, index).iter().position(|byte| *byte == b'<') {
        let open = index + open;
        index = open + 1;
        if let Some(hit) = element(text, open) {
            hits.push(hit);
        }
    }
    handlers(text, hits);
    schemes(text, hits);
    data_urls(text, hits);
}

/// The element that opens at `open`, if it is one that acts.
fn element(text: &[u8], open: usize) -> Option<Hit> {
    // Browsers skip nothing between `<` and the name; broken sanitizers leave slashes and spaces.
    let start = skip_while(text, open + 1, |byte| {
        matches!(byte, b'/' | b'<') || (byte != b' ' && is_space(byte))
    });
    let start = spaced(text, start).unwrap_or(start);
    let name = word(text, start);
    let end = start + name.len();
    let name = if at(text, end) == b':' {
        word(text, end + 1)
    } else {
        name
    };
    let end = if at(text, end) == b':' {
        end + 1 + name.len()
    } else {
        end
    };
    if name.is_empty()
        || !(is_space(at(text, end))
            || matches!(
                at(text, end),
                b'>' | b'/' | 0 | b'<' | b'"' | b'\'' | b'`' | b'&' | b'\x0b'
            ))
    {
        return None;
    }
    let rule = match name {
        b"script" => &rules::SCRIPT,
        name if ACTIVE.contains(&name) => &rules::ELEMENT,
        b"style" | b"svg" | b"math" | b"link" | b"template" | b"form" | b"input" | b"button" => {
            return passive(text, open, end);
        }
        _ => return styled(text, open, end),
    };
    let rule = if is_mention(text, open, end) {
        &rules::MENTION
    } else {
        rule
    };
    Some(Hit::new(rule, open, end))
}

/// `< iframe src=x>`: no browser opens it, sanitizers that trim make it whole.
fn spaced(text: &[u8], start: usize) -> Option<usize> {
    let name = skip_space(text, start);
    let end = name + word(text, name).len();
    let is_active = matches!(
        word(text, name),
        b"script" | b"iframe" | b"object" | b"embed" | b"img" | b"svg"
    );
    (name > start && is_active && (at(text, end) == b'>' || tag_text(text, end).contains(&b'=')))
        .then_some(name)
}

/// Elements that are dangerous by an attribute alone.
fn passive(text: &[u8], open: usize, end: usize) -> Option<Hit> {
    let tag = tag_text(text, end);
    let is_active = find(tag, b"formaction", 0).is_some()
        || find(tag, b"stylesheet", 0).is_some()
        || find(tag, b"@import", 0).is_some();
    let sheet = span(text, end, end + 256);
    let imports = stands(text, open, b"<style")
        && [&b"@import"[..], b"expression(", b"javascript:"]
            .iter()
            .any(|sign| find(sheet, sign, 0).is_some());
    if is_active || imports {
        Some(Hit::new(&rules::ELEMENT, open, end))
    } else {
        styled(text, open, end)
    }
}

/// `style="width:expression(..)"` and `-moz-binding`.
fn styled(text: &[u8], open: usize, end: usize) -> Option<Hit> {
    let tag = tag_text(text, end);
    let style = find(tag, b"style", 0)?;
    let is_active = ["expression(", "-moz-binding", "behavior:"]
        .iter()
        .any(|sign| find(tag, sign.as_bytes(), style).is_some());
    is_active.then(|| Hit::new(&rules::STYLE, open, end))
}

/// The attributes of a tag: up to its end, within reach, so that `<<<<` stays linear.
fn tag_text(text: &[u8], start: usize) -> &[u8] {
    let window = span(text, start, start + 256);
    span(
        window,
        0,
        skip_while(window, 0, |byte| !matches!(byte, b'>' | b'<')),
    )
}

/// "the `<script>` element": a bare tag, and then prose without a sign of code.
fn is_mention(text: &[u8], open: usize, end: usize) -> bool {
    if trim(span(text, end, end + REACH)).is_empty() {
        return true;
    }
    if at(text, end) != b'>' {
        return false;
    }
    let rest = trim(span(text, end + 1, end + REACH));
    let quoted = rest
        .strip_prefix(b"`")
        .or_else(|| rest.strip_prefix(b"\""))
        .unwrap_or(rest);
    let is_spaced = is_space(at(text, end + 1)) || quoted.len() < rest.len();
    let code = |byte: &u8| matches!(byte, b'(' | b'=' | b'<' | b'[' | b'{');
    // A code span in Markdown may be followed by another one.
    let in_span = before(text, open) == b'`'
        && at(text, end + 1) == b'`'
        && find(quoted, b"</script", 0).is_none();
    is_spaced
        && !quoted.is_empty()
        && !quoted
            .iter()
            .any(|byte| code(byte) && !(in_span && *byte == b'<'))
}

/// Event attributes: inside a tag any `on...=`; outside, a known one whose value is code or which
/// follows a quote that ends an attribute.
fn handlers(text: &[u8], hits: &mut Vec<Hit>) {
    let mut index = 0;
    let mut tag_open = false;
    while index < text.len() {
        match at(text, index) {
            b'<' if at(text, index + 1).is_ascii_alphabetic()
                || matches!(at(text, index + 1), b'!' | b'?' | b'/') =>
            {
                tag_open = true;
            }
            b'o' if at(text, index + 1) == b'n' && !is_word(before(text, index)) => {
                if let Some(end) = handler(text, index, tag_open) {
                    hits.push(Hit::new(&rules::HANDLER, index, end));
                    return;
                }
            }
            _ => {}
        }
        index += 1;
    }
}

/// End of the handler that starts at `start`.
fn handler(text: &[u8], start: usize, tag_open: bool) -> Option<usize> {
    let name = word(text, start);
    let equals = skip_space(text, start + name.len());
    if at(text, equals) != b'=' || name.len() < 5 || at(text, equals + 1) == b'=' {
        return None;
    }
    let value = skip_space(text, equals + 1);
    let breaks_out = last_before(text, start)
        .is_some_and(|last| matches!(at(text, last), b'"' | b'\'' | b'`' | b'/' | b'>'));
    let is_known = EVENTS.contains(&from(name, 2))
        || EVENT_PREFIXES
            .iter()
            .any(|prefix| from(name, 2).starts_with(prefix));
    let runs = if tag_open {
        at(text, value) != 0
    } else {
        is_known && (breaks_out || is_code(span(text, value, value + 200)))
    };
    runs.then_some(value)
}

const EVENT_PREFIXES: &[&[u8]] = &[
    b"mouse",
    b"key",
    b"pointer",
    b"touch",
    b"drag",
    b"animation",
    b"transition",
    b"before",
    b"webkit",
    b"content",
];

const EVENTS: &[&[u8]] = &[
    b"abort",
    b"activate",
    b"afterprint",
    b"afterscriptexecute",
    b"auxclick",
    b"begin",
    b"blur",
    b"bounce",
    b"cancel",
    b"canplay",
    b"canplaythrough",
    b"change",
    b"click",
    b"close",
    b"contextmenu",
    b"copy",
    b"cuechange",
    b"cut",
    b"dblclick",
    b"durationchange",
    b"drop",
    b"end",
    b"ended",
    b"error",
    b"finish",
    b"focus",
    b"focusin",
    b"focusout",
    b"formdata",
    b"fullscreenchange",
    b"hashchange",
    b"input",
    b"invalid",
    b"load",
    b"loadeddata",
    b"loadedmetadata",
    b"loadend",
    b"loadstart",
    b"message",
    b"messageerror",
    b"offline",
    b"online",
    b"pagehide",
    b"pageshow",
    b"paste",
    b"pause",
    b"play",
    b"playing",
    b"popstate",
    b"progress",
    b"propertychange",
    b"ratechange",
    b"readystatechange",
    b"repeat",
    b"reset",
    b"resize",
    b"scroll",
    b"scrollend",
    b"search",
    b"securitypolicyviolation",
    b"seeked",
    b"seeking",
    b"select",
    b"selectionchange",
    b"selectstart",
    b"show",
    b"start",
    b"storage",
    b"submit",
    b"suspend",
    b"timeupdate",
    b"toggle",
    b"unhandledrejection",
    b"unload",
    b"volumechange",
    b"waiting",
    b"wheel",
    b"zoom",
];

/// `javascript:` and `vbscript:`, white space inside as browsers allow it.
fn schemes(text: &[u8], hits: &mut Vec<Hit>) {
    let mut index = 0;
    while let Some(colon) = from(text, index).iter().position(|byte| *byte == b':') {
        let colon = index + colon;
        index = colon + 1;
        let Some(start) = [&b"javascript"[..], b"vbscript", b"livescript"]
            .iter()
            .find_map(|scheme| ends_with(text, colon, scheme))
        else {
            continue;
        };
        let starts_url = !is_word(before(text, start));
        let code = span(text, colon + 1, colon + 400);
        let is_attribute = matches!(before(text, start), b'=' | b'"' | b'\'' | b'(')
            && !is_space(at(text, colon + 1));
        if starts_url
            && (is_code(code) || is_attribute || (start == 0 && trim(code).starts_with(b"//")))
        {
            hits.push(Hit::new(&rules::SCHEME, start, colon + 1));
            return;
        }
    }
}

/// Start of `scheme` when it ends before `end`, control characters inside skipped.
fn ends_with(text: &[u8], end: usize, scheme: &[u8]) -> Option<usize> {
    let mut index = end;
    let mut skipped = 0;
    for letter in scheme.iter().rev() {
        while is_space(before(text, index)) && skipped < 32 {
            index -= 1;
            skipped += 1;
        }
        if before(text, index) != *letter {
            return None;
        }
        index -= 1;
    }
    Some(index)
}

/// `data:text/html` and other types that browsers run.
fn data_urls(text: &[u8], hits: &mut Vec<Hit>) {
    let mut index = 0;
    while let Some(start) = find(text, b"data:", index) {
        index = start + 5;
        let media = skip_space(text, index);
        let runs = [
            &b"text/html"[..],
            b"image/svg",
            b"application/xhtml",
            b"text/xml",
            b"text/javascript",
            b"application/javascript",
        ];
        let follows = word_before(text, start).is_empty();
        let is_url = span(text, media, media + 80).contains(&b',');
        // Badges carry SVG logos in image URLs, where no script runs.
        let is_badge = before(text, start) == b'=' && stands(text, media, b"image/svg");
        if follows && !is_badge && is_url && runs.iter().any(|kind| stands(text, media, kind)) {
            hits.push(Hit::new(&rules::DATA_URL, start, media + 10));
            return;
        }
    }
}
