//! `XPath` and `XQuery` injection: paths, axes and functions that only `XPath` has, where a value ended
//! or where they are all there is.
//!
//! People who scrape or test pages write `XPath` in forums; in a text of many words only the
//! break-out of a predicate counts.

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::meter::price;
use crate::waf::rules::xpath as rules;
use crate::waf::scan::{
    Needles, at, before, find_any, from, is_one_of, is_word, last_before, position, skip_space,
    skip_while, span, stands, trim, word,
};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "::",
    "name()",
    "text()",
    "node()",
    "comment()",
    "position()",
    "last()",
    "]|",
    "] |",
    "(//",
    "(/*",
    "/*[",
    "in //",
    "string-length(",
    "starts-with(",
    "contains(",
    "normalize-space(",
    "doc(",
    "(@*",
    "name(/",
    "codepoints-to-string",
    "substring-before(",
    "substring(",
    "(name(",
    "(../",
    "//*",
    "//@*",
    " //",
    "[@",
    "[name",
    "[position",
    "]/",
    "local-name(",
    "in doc",
    "count(",
    "[1]",
    "| //",
    "|//",
    " ./",
    " ../",
    "true()",
    "string-to-codepoints",
    "system-property",
    ":= doc(",
    "-case(name",
    "namespace-uri(",
    "doc-available(",
    "(@id",
    " @*",
    " .=",
    "or /*",
    "] or ",
    "boolean(",
    "not(//",
];

/// Shapes that no other language has.
static SHAPES: Needles<'static> = Needles::new(&[
    b"count(/*",
    b"count(/child",
    b"count(//",
    b"count(@",
    b"count(parent::",
    b"count(child::",
    b"count(..",
    b"string-length(//",
    b"string-length(/",
    b"string-length(name(",
    b"string-length(@",
    b"substring(//",
    b"substring(/",
    b"substring(name(",
    b"substring(local-name(",
    b"starts-with(name(",
    b"starts-with(/",
    b"starts-with(@",
    b"contains(name(",
    b"contains(../",
    b"starts-with(../",
    b"string-length(../",
    b"ancestor::",
    b"ancestor-or-self::",
    b"descendant::",
    b"descendant-or-self::",
    b"following-sibling::",
    b"preceding-sibling::",
    b"contains(*,",
    b"contains(/",
    b"contains(.,",
    b"name(/",
    b"local-name(/",
    b"doc('http",
    b"doc(\"http",
    b"doc('file",
    b"doc(\"file",
    b"doc('//",
    b"doc(\"//",
    b"doc(concat(",
    b"/child::",
    b"/following::",
    b"/preceding::",
    b"/parent::",
    b"/self::",
    b"/attribute::",
    b"parent::*",
    b"child::node()",
    b"descendant::node()",
    b"codepoints-to-string(",
    b"encode-for-uri(",
    b"unparsed-text(",
    b"in //",
    b"in doc(",
    b"/*[1]/",
    b"/text()=",
    b"/text())",
    b"position()=",
    b"position()<",
    b"position()>",
    b"position() =",
    b"]/text()",
    b"normalize-space(//",
    b"translate(//",
    b"string(//",
    b"concat(//",
    b"sum(//",
    b"sum(/",
    b"lower-case(name(",
    b"lower-case(//",
    b"upper-case(name(",
    b"namespace-uri(/",
    b"translate(name(",
    b"boolean(//",
    b"not(//",
    b"doc-available(",
    b"contains(@",
    b"string-length(local-name(",
    b"substring(@",
    b"matches(//",
    b"string-to-codepoints(",
    b"system-property('",
    b":= doc(",
    b"::node()",
]);

/// Words after which a longer text is somebody's explanation.
const MAX_WORDS: usize = 6;
/// Longest text in which a shape counts without a break-out.
const MAX_VALUE: usize = 400;

/// Names the rule that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        return;
    }
    let lower = text.lower;
    let is_value = lower.len() <= MAX_VALUE && !trim(lower).contains(&b'\n');
    let is_said = is_prose(broken_out(lower)) || is_call(lower) || selects(trim(lower));
    let found = if is_value && !is_said {
        whole(lower)
            .or_else(|| shape(lower))
            .or_else(|| union(lower, hits))
            .or_else(|| paths(lower))
            .or_else(|| call(lower))
    } else {
        union(lower, hits)
    };
    hits.extend(found.map(|start| Hit::new(&rules::EXPRESSION, start, start + 8)));
}

/// `//*`, `//user[name='a']`, `/users/user/text()`: nothing but a path.
fn whole(text: &[u8]) -> Option<usize> {
    let path = trim(text);
    let is_all = matches!(
        path,
        b"//*"
            | b"//@*"
            | b"//node()"
            | b"//text()"
            | b"//comment()"
            | b"//*[@*]"
            | b"attribute::*"
            | b"namespace::*"
            | b"child::*"
            | b"parent::*"
    );
    let step = skip_while(path, 1, |byte| is_word(byte) || byte == b'/');
    let is_named = stands(path, step, b"[@") && at(path, 0) == b'/';
    let is_chosen = (stands(path, 0, b"//") || is_named)
        && step > 2
        && at(path, step) == b'['
        && path.contains(&b']')
        && !path.contains(&b' ');
    let is_text = at(path, 0) == b'/' && path.ends_with(b"/text()");
    let is_joined =
        stands(path, 0, b"//") && find_any(path, &[b"| //", b"|//"]).is_some() && step > 2;
    (is_all || is_chosen || is_text || is_joined).then_some(0)
}

/// A shape that does not end somebody's longer name: `account(/`, `db.doc('http`.
fn shape(text: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        let (index, _) = SHAPES.find(from(text, start), 0)?;
        let index = start + index;
        let previous = before(text, index);
        let is_name = at(text, index).is_ascii_alphabetic();
        let is_free =
            !is_name || !(is_word(previous) || matches!(previous, b'.' | b'-' | b'\\' | b':'));
        // `creates files in /// the`, `used in // all`: comments of other languages.
        let is_comment = stands(text, index, b"in //")
            && !(at(text, index + 5).is_ascii_alphabetic() || at(text, index + 5) == b'*');
        if is_free && !is_comment {
            return Some(index);
        }
        start = index + 1;
    }
}

/// `']|//user`, `1=1]|/x[`: a predicate that the text did not open is closed, and a path follows.
fn union(text: &[u8], hits: &mut Hits) -> Option<usize> {
    let (mut depth, mut start) = (0_u32, 0);
    while let Some(index) = position(text, start, |byte| is_one_of(byte, *b"[]")) {
        start = index + 1;
        match at(text, index) {
            b'[' => depth += 1,
            _ if depth > 0 => depth -= 1,
            _ => {
                if !hits.meter.pays(price::PLACE) {
                    return None;
                }
                let bar = skip_space(text, index + 1);
                let path = skip_space(text, bar + 1);
                let is_path = at(text, bar) == b'|' && at(text, path) == b'/';
                let is_step = [&b"//"[..], b"/*", b"/.."]
                    .iter()
                    .any(|step| stands(text, index + 1, step));
                if is_path || is_step {
                    return Some(index);
                }
            }
        }
    }
    None
}

/// `'|//user|'`, `*|//secret`: nothing but paths and what closes the application's, one of them from anywhere.
fn paths(text: &[u8]) -> Option<usize> {
    let is_mark = |byte: &u8| matches!(byte, b'\'' | b'"' | b'(' | b')' | b'[' | b']' | b' ');
    let is_path = |part: &[u8]| {
        let path = part.iter().filter(|byte| !is_mark(byte));
        let mut depth = 0;
        path.clone()
            .all(|byte| is_word(*byte) || b"/*@.-".contains(byte))
            && path.clone().all(|byte| {
                depth = if *byte == b'/' { depth + 1 } else { 0 };
                depth < 3
            })
            && !trim(part)
                .windows(2)
                .any(|two| matches!(two, [b'a'..=b'z', b' ']))
    };
    let from_root = |part: &[u8]| {
        let start = skip_while(part, 0, |byte| is_mark(&byte));
        stands(part, start, b"//")
            && (at(part, start + 2).is_ascii_alphabetic()
                || matches!(at(part, start + 2), b'*' | b'@'))
    };
    let mut parts = text.split(|byte| *byte == b'|');
    (text.contains(&b'|') && parts.clone().any(from_root) && parts.all(is_path)).then_some(0)
}

/// `' or name()='x`, `1 and starts-with(a,'b')`: a function of `XPath` after `and` or `or`.
fn call(text: &[u8]) -> Option<usize> {
    static CALLS: Needles<'static> = Needles::new(&[
        b"./",
        b"../",
        b"true()",
        b"count(/",
        b"//",
        b"name()",
        b"text()",
        b"node()",
        b"comment()",
        b"position()",
        b"last()",
        b"string-length(",
        b"starts-with(",
        b"contains(",
        b"normalize-space(",
        b"local-name(",
        b"substring-before(",
    ]);
    let mut start = 0;
    loop {
        let (index, _) = CALLS.find(from(text, start), 0)?;
        let index = start + index;
        start = index + 1;
        if is_word(before(text, index)) || !follows_logic(text, index) {
            continue;
        }
        return Some(index);
    }
}

/// Whether `or`, `and` or `not(` stands before, and before that a value or the end of one.
fn follows_logic(text: &[u8], index: usize) -> bool {
    let head = trim(span(text, 0, index));
    let head = head.strip_suffix(b"not(").map_or(head, trim);
    let Some(rest) = head
        .strip_suffix(b"or")
        .or_else(|| head.strip_suffix(b"and"))
    else {
        return false;
    };
    match last_before(rest, rest.len()).map(|last| at(rest, last)) {
        None => true,
        Some(last) => {
            let closes = |byte: &u8| matches!(byte, b'\'' | b'"' | b')' | b' ');
            matches!(last, b'\'' | b'"')
                || rest.iter().all(closes)
                || (last.is_ascii_digit() && rest.ends_with(b" ") && !is_odata(rest))
        }
    }
}

/// Whether a comparison in `OData`'s words ends here: `Price gt 20`.
fn is_odata(text: &[u8]) -> bool {
    let mut words = trim(text).rsplit(|byte| *byte == b' ');
    let operator = words.nth(1).unwrap_or_default();
    matches!(operator, b"eq" | b"ne" | b"gt" | b"ge" | b"lt" | b"le") && words.next().is_some()
}

/// `//div[@class='a']`: what tests and scrapers look for in a page, which no store of XML holds.
fn selects(path: &[u8]) -> bool {
    const ELEMENTS: &[&[u8]] = &[
        b"a",
        b"button",
        b"div",
        b"form",
        b"h1",
        b"h2",
        b"h3",
        b"img",
        b"input",
        b"label",
        b"li",
        b"option",
        b"p",
        b"section",
        b"select",
        b"span",
        b"table",
        b"td",
        b"textarea",
        b"tr",
        b"ul",
    ];
    let Some(step) = path.strip_prefix(b"//") else {
        return false;
    };
    let name = word(step, 0);
    ELEMENTS.contains(&name)
        && at(step, name.len()) == b'['
        && !path.contains(&b'|')
        && !stands(path, path.len().saturating_sub(6), b"text()")
}

/// `find_element(By.XPATH, "//a")`, `document.evaluate('//a')`: a program that looks pages over.
fn is_call(text: &[u8]) -> bool {
    static CALLS: Needles<'static> = Needles::new(&[
        b"by.xpath",
        b".xpath(",
        b"xpath:",
        b"xpath=",
        b"xpath -",
        b"$x(",
        b".evaluate(",
        b"selectnodes(",
        b"selectsinglenode(",
        b"findall(",
        b"findnodes(",
    ]);
    CALLS.find(text, 0).is_some_and(|(call, _)| {
        // Strings before it are whole: what breaks out leaves one open.
        let head = span(text, 0, call);
        [b'\'', b'"']
            .iter()
            .all(|quote| head.split(|byte| byte == quote).count() % 2 == 1)
    })
}

/// What the first quote of the text leaves of it, where a condition follows: `... thanks' or count(//a)=1 or 'a'='b`.
fn broken_out(text: &[u8]) -> &[u8] {
    let Some(quote) = text.iter().position(|byte| matches!(byte, b'\'' | b'"')) else {
        return text;
    };
    let rest = from(text, quote + 1);
    let joins = [&b" or "[..], b" and ", b"or ", b"and "]
        .iter()
        .any(|join| rest.starts_with(join));
    // An odd number of quotes: the application closes the last.
    let opens = text
        .get(quote)
        .is_some_and(|quote| rest.split(|byte| byte == quote).count() % 2 == 0);
    if joins && opens { rest } else { text }
}

/// Whether the text has more words in a row than a path has names.
fn is_prose(text: &[u8]) -> bool {
    let mut run = 0;
    for word in text.split(|byte| matches!(byte, b' ' | b'\n')) {
        let is_plain = word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic);
        run = if is_plain { run + 1 } else { 0 };
        if run >= MAX_WORDS {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(text: &str) -> bool {
        let mut hits = Hits::default();
        let text = Text {
            lower: text.as_bytes(),
            part: Part::Query,
            name: "q",
        };
        detect(&text, &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn finds_paths_and_functions() {
        for attack in [
            "' or count(/*)=1 or '1'='2",
            "x' or name()='username' or 'x'='y",
            "')] | //user/*[contains(*,'",
            "'] | //* | //*['",
            "1 or 1=1]|//comment()|/x[1=1",
            "' and starts-with(name(/*[1]),'u') and '1'='1",
            "' and doc('file:///etc/passwd')/* and '1'='1",
            "for $u in //user return concat($u/name,':',$u/password)",
            "count(/child::node())",
            "/*[1]/*[1]/text()",
            "and string-length(account)=5",
            "' or not(contains(a,'b')) or '",
            "substring(//user[userid=5]/username,2,1)='a'",
        ] {
            assert!(fires(attack), "{attack}");
        }
    }

    #[test]
    fn spares_what_resembles_them() {
        for honest in [
            "count (/ or *) the items",
            "db.collection('users').doc('http-logs')",
            "self::assertSame(1, parent::find())",
            "a::before, a::after { content: '' }",
            "std::count(begin, end)",
            "| name | path |\n| [x] | /usr/bin |",
            "src/**/*.rs and docs/*.md",
            "if (text.contains('a') and name() or b)",
            "I use driver.find_element(By.XPATH, \"//div[contains(@class,'x')]\") and it says that the element cannot be found",
            "discount(10) or account(/x)",
            "https://example.com//a",
        ] {
            assert!(!fires(honest), "{honest}");
        }
    }
}
