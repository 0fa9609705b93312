//! Elements that run, load or redirect by themselves, and only with what they need for that: an
//! `<object>` without data is a word.

use super::tag::{Tag, is_foreign};
use crate::waf::detect::{Hit, Hits};
use crate::waf::meter::price;
use crate::waf::rules::Rule;
use crate::waf::rules::html as rules;
use crate::waf::scan::{
    at, before, find, from, is_space, is_word, position, span, trim, word, word_before,
};

/// Bytes after a script's tag looked at.
const REACH: usize = 512;

/// Finds what opens at angle brackets; in a name any element that could act counts.
pub(super) fn detect(text: &[u8], in_name: bool, hits: &mut Hits) {
    let mut index = 0;
    while let Some(open) = position(text, index, |byte| byte == b'<')
        && hits.meter.pays(price::TAG)
    {
        index = open + 1;
        let tag = Tag::at(text, open);
        if let Some(tag) = &tag {
            let has_values = usize::from(tag.attributes.contains(&b'='));
            hits.meter.charge(has_values, price::ATTRIBUTES);
            if tag.name == b"script" {
                hits.meter.charge(1, price::SCRIPT);
            }
        }
        if let Some((tag, rule)) = tag.and_then(|tag| Some((tag, judge(&tag, in_name)?))) {
            hits.push(Hit::new(rule, open, tag.end));
        }
    }
}

fn judge(tag: &Tag<'_>, in_name: bool) -> Option<&'static Rule> {
    if leads_out(tag) {
        return Some(&rules::ELEMENT);
    }
    if tag.name == b"script" {
        return script(tag);
    }
    if tag.is_closing() {
        return None;
    }
    let acts = || {
        matches!(
            tag.name,
            b"iframe" | b"object" | b"embed" | b"svg" | b"img" | b"base" | b"link" | b"meta"
        )
    };
    // `array<object>` is the name of a type.
    if in_name && acts() && !is_word(before(tag.text, tag.open)) {
        return Some(&rules::ELEMENT);
    }
    if tag.name == b"iframe" && !tag.attributes.contains(&b'=') {
        return Some(&rules::MENTION);
    }
    // Most tags need the value of an attribute to do anything.
    let is_bare = !tag.attributes.contains(&b'=');
    if is_bare && !matches!(tag.name, b"xss" | b"plaintext" | b"xmp") {
        return None;
    }
    (is_active(tag) || clobbers(tag) || dangles(tag)).then_some(&rules::ELEMENT)
}

/// Longest lead out of an attribute that is read, in bytes.
const MAX_LEAD_OUT: usize = 8;

/// `'"><b>`: a value that begins with the end of an attribute and of its tag, and goes on with markup.
fn leads_out(tag: &Tag<'_>) -> bool {
    let lead = trim(span(tag.text, 0, tag.open.min(MAX_LEAD_OUT)));
    tag.open <= MAX_LEAD_OUT
        && lead.ends_with(b">")
        && matches!(at(lead, 0), b'"' | b'\'')
        && lead.iter().all(|byte| b"\"'`>/)]; ".contains(byte))
}

/// Whether the element has the attributes with which it acts.
fn is_active(tag: &Tag<'_>) -> bool {
    let has = |names: &[&[u8]]| names.iter().any(|name| tag.has(name));
    let value = |name: &[u8]| tag.attribute(name).unwrap_or_default();
    match tag.name {
        b"iframe" => {
            has(&[b"srcdoc"])
                || (has(&[b"src"]) && !is_player(value(b"src")) && !is_page(value(b"src")))
        }
        b"frame" => has(&[b"src"]) && !is_page(value(b"src")),
        b"portal" | b"layer" | b"ilayer" | b"bgsound" | b"vmlframe" => has(&[b"src"]),
        b"object" => {
            has(&[b"classid"])
                || has(&[b"data"]) && !is_own_file(value(b"data")) && !is_document(tag, b"data")
                || value(b"type").ends_with(b"scriptlet")
        }
        b"embed" => {
            has(&[b"code"])
                || has(&[b"src"]) && !is_own_file(value(b"src")) && !is_document(tag, b"src")
        }
        b"applet" => has(&[b"code", b"codebase", b"archive", b"object"]),
        b"base" => is_foreign(value(b"href")),
        b"isindex" => tag.attributes.contains(&b'='),
        b"meta" => is_active_meta(tag),
        b"link" => is_active_link(tag),
        b"animate" | b"set" | b"animatetransform" | b"animatemotion" => {
            let target = value(b"attributename");
            target.ends_with(b"href") || target.starts_with(b"on")
        }
        b"form" => is_foreign_form(tag),
        b"a" => is_foreign(value(b"ping")),
        b"img" | b"image" => has(&[b"dynsrc", b"lowsrc"]),
        b"use" => is_foreign(value(b"href")) || is_foreign(value(b"xlink:href")),
        b"handler" | b"listener" => has(&[b"event", b"ev:event"]),
        b"import" | b"namespace" => {
            has(&[b"implementation"]) || (has(&[b"ns"]) && has(&[b"prefix"]))
        }
        b"stylesheet" => at(tag.text, tag.open + 1) == b'?' && is_foreign(value(b"href")),
        b"xml" => at(tag.text, tag.open + 1) == b'?' && is_stylesheet(tag),
        // What testers name the element that no browser knows.
        b"xss" => !is_word(before(tag.text, tag.open)) && at(tag.text, tag.end) != 0,
        b"plaintext" | b"xmp" => tag.open == 0 && tag.content().is_some(),
        _ => loads_by_library(tag),
    }
}

/// Elements that htmx, Angular or a component's name makes load what is elsewhere.
fn loads_by_library(tag: &Tag<'_>) -> bool {
    let value = |name: &[u8]| tag.attribute(name).unwrap_or_default();
    let inner = |name: &[u8]| {
        let value = value(name);
        value.strip_prefix(b"'").unwrap_or(value)
    };
    [&b"ng-include"[..], b"hx-get", b"hx-post"]
        .iter()
        .any(|name| is_foreign(inner(name)))
        || value(b"is") == b"script"
}

/// `<?xml-stylesheet href="javascript:..."?>`.
fn is_stylesheet(tag: &Tag<'_>) -> bool {
    tag.attributes.starts_with(b"-stylesheet") && tag.attribute(b"href").is_some_and(is_foreign)
}

/// A document that is declared as one, from elsewhere: browsers show it apart from the page.
fn is_document(tag: &Tag<'_>, name: &[u8]) -> bool {
    tag.attribute(b"type") == Some(b"application/pdf")
        && tag.attribute(name).is_some_and(|url| {
            url.starts_with(b"https://") && url.ends_with(b".pdf") && !url.contains(&b'@')
        })
}

/// A document or a film of the site's own: `/files/plan.pdf`.
fn is_own_file(url: &[u8]) -> bool {
    let is_path = |byte: &u8| is_word(*byte) || matches!(byte, b'/' | b'.' | b'-' | b' ');
    !url.starts_with(b"//")
        && url.iter().all(is_path)
        && [&b".pdf"[..], b".mp4", b".webm", b".mp3"]
            .iter()
            .any(|ending| url.ends_with(ending))
}

/// Where players, maps, forms and charts come from.
const PLAYERS: &str = "www.youtube.com/embed/ www.youtube-nocookie.com/embed/ youtube.com/embed/ \
     player.vimeo.com/video/ player.twitch.tv/ www.dailymotion.com/embed/ www.vidio.com/embed/ \
     www.google.com/maps/ www.google.com/maps? maps.google.com/maps? \
     www.openstreetmap.org/export/embed.html calendar.google.com/calendar/embed docs.google.com/ \
     drive.google.com/file/ lookerstudio.google.com/embed/ www.googletagmanager.com/ns.html?id= \
     www.facebook.com/plugins/ www.instagram.com/p/ www.tiktok.com/embed/ platform.twitter.com/embed/ \
     open.spotify.com/embed w.soundcloud.com/player/ embed.music.apple.com/ \
     bandcamp.com/embeddedplayer/ www.slideshare.net/slideshow/embed_code/ www.scribd.com/embeds/ \
     e.issuu.com/embed www.canva.com/design/ www.figma.com/embed codepen.io/ codesandbox.io/embed/ \
     app.powerbi.com/view public.tableau.com/views/ datawrapper.dwcdn.net/ giphy.com/embed/ \
     archive.org/embed/";

/// Whether the URL starts with one of the places that are listed.
#[inline(never)]
fn is_from(url: &[u8], places: &str) -> bool {
    let place = url.strip_prefix(b"https:").unwrap_or(url);
    place.strip_prefix(b"//").is_some_and(|place| {
        let mut places = places.split(' ');
        places.any(|start| place.starts_with(start.as_bytes()))
    })
}

/// Players that editors embed.
fn is_player(url: &[u8]) -> bool {
    is_from(url, PLAYERS)
}

/// A page of the site's own, or a place that its templates fill.
fn is_page(url: &[u8]) -> bool {
    let is_path = |byte: &u8| is_word(*byte) || matches!(byte, b'/' | b'.' | b'-');
    let is_template = url.starts_with(b"{$") || url.starts_with(b"{{ ") || url.starts_with(b"%s");
    is_template
        || (url.iter().all(is_path)
            && !url.starts_with(b"//")
            && (url.ends_with(b".html") || url.ends_with(b".htm")))
}

fn is_active_meta(tag: &Tag<'_>) -> bool {
    let equivalent = tag.attribute(b"http-equiv").unwrap_or_default();
    let charset = tag.attribute(b"charset").unwrap_or_default();
    let content = tag.attribute(b"content").unwrap_or_default();
    // A page that only loads itself again, or a template's.
    let is_idle = equivalent == b"refresh"
        && (is_own_page(content)
            || content.starts_with(b"{{ ")
            || content.iter().all(u8::is_ascii_digit))
        && content.len() > 1;
    ([&b"refresh"[..], b"set-cookie", b"link"].contains(&equivalent) && !is_idle)
        || content == b"unsafe-url"
        || charset.starts_with(b"utf-7")
        || charset.starts_with(b"x-imap")
        || charset.ends_with(b"mac-farsi")
        || find(content, b"utf-7", 0).is_some()
}

/// `0; url=Page.html#part`, `5; url=/home`: another page of the same site.
fn is_own_page(content: &[u8]) -> bool {
    let Some(target) = find(content, b"url=", 0).map(|start| from(content, start + 4)) else {
        return false;
    };
    let rooted = target.strip_prefix(b"/");
    let is_rooted = rooted.is_some_and(|path| path.first().is_some_and(u8::is_ascii_alphanumeric));
    let length = target
        .iter()
        .take_while(|byte| {
            is_word(**byte) || matches!(byte, b'-' | b'.') || is_rooted && **byte == b'/'
        })
        .count();
    let name = span(target, 0, length);
    (is_rooted || name.ends_with(b".html") || name.ends_with(b".htm"))
        && (length == target.len() || at(target, length) == b'#')
}

fn is_active_link(tag: &Tag<'_>) -> bool {
    let relation = tag.attribute(b"rel").unwrap_or_default();
    let target = tag.attribute(b"href").unwrap_or_default();
    let loads = [
        "stylesheet",
        "import",
        "preload",
        "prefetch",
        "manifest",
        "prerender",
    ]
    .iter()
    .any(|kind| find(relation, kind.as_bytes(), 0).is_some());
    let is_library = LIBRARIES.iter().any(|host| target.starts_with(host));
    loads
        && is_foreign(target)
        && !is_library
        && find(target, b"//fonts.googleapis.com/", 0).is_none()
}

/// A form that sends elsewhere what is typed into it.
fn is_foreign_form(tag: &Tag<'_>) -> bool {
    let action = tag.attribute(b"action").unwrap_or_default();
    let asks = || {
        let rest = span(tag.text, tag.end, tag.end + REACH);
        find(rest, b"password", 0).is_some()
    };
    is_foreign(action) && (!action.starts_with(b"http") || asks())
}

/// Names of DOM properties that an element with such a name or id hides from scripts.
fn clobbers(tag: &Tag<'_>) -> bool {
    const NAMES: &[&[u8]] = &[
        b"attributes",
        b"nodename",
        b"parentnode",
        b"childnodes",
        b"ownerdocument",
        b"getelementbyid",
        b"getelementsbytagname",
        b"queryselector",
        b"innerhtml",
        b"documentelement",
        b"currentscript",
        b"defaultview",
        b"createelement",
        b"cookie",
    ];
    matches!(
        tag.name,
        b"a" | b"img" | b"form" | b"input" | b"output" | b"object" | b"embed" | b"button"
    ) && [&b"id"[..], b"name"].iter().any(|attribute| {
        tag.attribute(attribute)
            .is_some_and(|value| NAMES.contains(&value))
    })
}

/// A URL whose quote never closes: it takes the rest of the page along.
fn dangles(tag: &Tag<'_>) -> bool {
    let is_last = tag.end + tag.attributes.len() == tag.text.len();
    let quote = tag
        .attributes
        .iter()
        .rposition(|byte| matches!(byte, b'"' | b'\''));
    let Some(quote) = quote.filter(|quote| is_last && before(tag.attributes, *quote) == b'=')
    else {
        return false;
    };
    let value = from(tag.attributes, quote + 1);
    let is_beacon = value.contains(&b'?') && is_foreign(value) && value.last() != Some(&b' ');
    is_beacon || (tag.name == b"base" && value.is_empty())
}

/// A script, by what it holds: a browser runs nothing that does not parse, and prose does not.
fn script(tag: &Tag<'_>) -> Option<&'static Rule> {
    let (text, open) = (tag.text, tag.open);
    let Some(content) = tag.content() else {
        let is_whole = at(text, tag.end) == b'<' || tag.attributes.contains(&b'=');
        let rule = if is_whole {
            &rules::SCRIPT
        } else {
            &rules::MENTION
        };
        return Some(rule);
    };
    // What comes after a closing tag is judged by itself.
    if tag.is_closing() {
        return Some(&rules::MENTION);
    }
    let rest = span(text, content, content + REACH);
    let closing = find(rest, b"</script", 0);
    if is_type_argument(tag, content) && closing.is_none() {
        return None;
    }
    let body = closing.map_or(rest, |end| span(rest, 0, end));
    // `<script type="module"></pre>`: what holds markup does not parse.
    let is_empty = trim(body).is_empty() || body.starts_with(b"</");
    let is_quoted = closing.is_none()
        && matches!(before(text, open), b'`' | b'"' | b'\'')
        && at(text, content) == before(text, open);
    if is_quoted && !tag.has(b"src") {
        return Some(&rules::MENTION);
    }
    if is_inert(tag) {
        return Some(&rules::MENTION);
    }
    if tag.attributes.contains(&b'=') {
        let is_shown = is_empty && shows_source(tag);
        let rule = if is_shown {
            &rules::MENTION
        } else {
            &rules::SCRIPT
        };
        return Some(rule);
    }
    // The tag alone runs nothing; with its end tag it asks whether it would.
    let is_bare = is_empty && (closing.is_none() || span(text, 0, open).contains(&b' '));
    // `html <script> async vs defer`: words side by side are no program either.
    let is_asked = closing.is_none()
        && at(body, 0) == b' '
        && before(text, open) == b' '
        && !trim(body).is_empty()
        && body
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'?'));
    if is_bare
        || is_asked
        || body.starts_with(b"</")
        || is_prose(body)
        || is_source(body)
        || declares(body)
        || counts_visit(body)
    {
        Some(&rules::MENTION)
    } else {
        Some(&rules::SCRIPT)
    }
}

/// Longest name of a script that is a tester's: `x.js`.
const MIN_SOURCE: usize = 6;
/// Types that browsers do not run: data, templates, and sources of other languages.
const INERT: &[&[u8]] = &[
    b"application/json",
    b"application/ld+json",
    b"text/x-template",
    b"text/x-handlebars",
    b"text/x-handlebars-template",
    b"text/x-jquery-tmpl",
    b"text/x-mathjax-config",
    b"text/template",
    b"text/html",
    b"text/plain",
    b"text/babel",
    b"importmap",
];

/// Whether the first attribute is such a type: the first of a name is the one that counts.
fn is_inert(tag: &Tag<'_>) -> bool {
    trim(tag.attributes).starts_with(b"type=")
        && is_space(at(tag.attributes, 0))
        && tag
            .attribute(b"type")
            .is_some_and(|kind| INERT.contains(&kind))
        && !tag.has(b"src")
}

/// Whether a script starts with what only a compiler's sources may: `import x from 'y'` or
/// `export default {` is a syntax error for a browser in a script without a type.
fn is_source(body: &[u8]) -> bool {
    let code = trim(body);
    let imported = code
        .strip_prefix(b"import ")
        .and_then(|rest| rest.first().copied())
        .unwrap_or(0);
    is_space(at(body, 0))
        && (imported.is_ascii_alphabetic()
            || matches!(imported, b'{' | b'*')
            || code.starts_with(b"export default"))
}

/// `window.dataLayer = window.dataLayer || []; function gtag(){dataLayer.push(arguments)} gtag('js', new Date())`:
/// what Google's analytics asks for, and nothing else called or assigned.
fn counts_visit(body: &[u8]) -> bool {
    let code = trim(body);
    let is_its_own = |(index, byte): (usize, &u8)| match byte {
        b'(' => matches!(word_before(code, index), b"gtag" | b"push" | b"date"),
        b'`' | b'\\' | b'[' => from(code, index).starts_with(b"[]"),
        _ => true,
    };
    code.starts_with(b"window.datalayer")
        && code.split(|byte| *byte == b'=').count() == 2
        && code.iter().enumerate().all(is_its_own)
}

/// Whether the script does nothing but declare functions, which something else would have to call.
/// Comments, templates and regular expressions would hide where one ends.
fn declares(body: &[u8]) -> bool {
    let mut rest = trim(body);
    if rest.iter().any(|byte| matches!(byte, b'/' | b'`' | b'\\')) {
        return false;
    }
    while let Some(function) = rest.strip_prefix(b"function ") {
        let parameters = from(function, word(function, 0).len());
        let Some(open) = position(parameters, 0, |byte| byte == b'{') else {
            return false;
        };
        let is_plain = |byte: &u8| is_word(*byte) || b"(), ".contains(byte);
        if !span(parameters, 0, open).iter().all(is_plain) {
            return false;
        }
        let (mut index, mut depth, mut quote) = (open, 0_usize, 0);
        loop {
            match at(parameters, index) {
                0 => return false,
                byte if byte == quote => quote = 0,
                byte @ (b'"' | b'\'') if quote == 0 => quote = byte,
                b'{' if quote == 0 => depth += 1,
                b'}' if quote == 0 => depth -= 1,
                _ => {}
            }
            index += 1;
            if depth == 0 {
                break;
            }
        }
        rest = trim(from(parameters, index));
        if rest.is_empty() {
            return true;
        }
    }
    false
}

/// Plain words before a tag that make the text a document about scripts.
const MIN_WORDS: usize = 6;

/// Where libraries are loaded from that documents tell to include.
const LIBRARIES: &[&[u8]] = &[
    b"https://cdn.jsdelivr.net/",
    b"https://unpkg.com/",
    b"https://cdnjs.cloudflare.com/ajax/libs/",
    b"https://code.jquery.com/",
    b"https://ajax.googleapis.com/ajax/libs/",
    b"https://cdn.skypack.dev/",
    b"https://esm.sh/",
    b"https://cdn.tailwindcss.com",
    b"https://stackpath.bootstrapcdn.com/",
];

/// Whether a script without a body has no source either, or, in a longer text or a fence, one of
/// the page's own or of a public library: instructions on how to include it.
fn shows_source(tag: &Tag<'_>) -> bool {
    let source = [&b"src"[..], b"href", b"xlink:href"]
        .iter()
        .find_map(|name| tag.attribute(name));
    let Some(source) = source else {
        return !tag.has(b"runat") && !tag.attributes.contains(&b'/');
    };
    if source.starts_with(b"{%") || source.starts_with(b"{{") {
        return true;
    }
    let lead = span(tag.text, tag.open.saturating_sub(REACH), tag.open);
    let is_own = source.ends_with(b".js") && !is_foreign(source);
    let is_library = LIBRARIES.iter().any(|host| source.starts_with(host));
    let is_path = |byte: &u8| is_word(*byte) || matches!(byte, b'/' | b'.' | b'-');
    let is_named =
        is_own && (source.len() > MIN_SOURCE || source == b"app.js") && source.iter().all(is_path);
    let is_widget = is_from(source, WIDGETS);
    // A file whose content is given away beforehand.
    let is_fixed = is_library && tag.has(b"integrity");
    let is_talked_of = is_own && source.iter().all(is_path) && is_said(tag);
    is_named
        || is_widget
        || is_talked_of
        || is_fixed
        || (is_own || is_library) && (tag.text.starts_with(b"```") || is_prose_lead(lead))
}

/// Scripts of services that editors embed, which run nothing that their address would tell them.
const WIDGETS: &str = "platform.twitter.com/widgets.js www.instagram.com/embed.js www.tiktok.com/embed.js \
     embed.reddit.com/widgets.js assets.pinterest.com/js/pinit.js connect.facebook.net/ \
     www.googletagmanager.com/gtag/js?id= pagead2.googlesyndication.com/pagead/js/ js.stripe.com/ \
     app.midtrans.com/snap/ challenges.cloudflare.com/turnstile/ static.cloudflareinsights.com/ \
     plausible.io/js/ embed.tawk.to/ consent.cookiebot.com/ \
     code.jquery.com/jquery- cdn.jsdelivr.net/npm/bootstrap cdn.jsdelivr.net/npm/chart.js \
     cdn.jsdelivr.net/npm/sweetalert2";

/// Whether words stand before the script and behind it: `html <script src="app.js"></script> not loading`.
fn is_said(tag: &Tag<'_>) -> bool {
    let is_words = |text: &[u8]| {
        text.len() > 3
            && text
                .iter()
                .all(|byte| byte.is_ascii_alphabetic() || is_space(*byte))
    };
    let end = find(from(tag.text, tag.end), b"</script>", 0).map_or(0, |start| tag.end + start + 9);
    is_words(span(tag.text, 0, tag.open)) && end > 0 && is_words(from(tag.text, end))
}

fn is_prose_lead(lead: &[u8]) -> bool {
    super::attribute::is_prose(lead, MIN_WORDS)
}

/// `Vec<Script>`, `::<Script>::new()`.
fn is_type_argument(tag: &Tag<'_>, content: usize) -> bool {
    let previous = before(tag.text, tag.open);
    (is_word(previous) || previous == b':')
        && tag.attributes.is_empty()
        && matches!(
            at(tag.text, content),
            0 | b' '
                | b'\n'
                | b'('
                | b':'
                | b','
                | b';'
                | b')'
                | b'>'
                | b'.'
                | b'['
                | b'?'
                | b'&'
                | b'|'
                | b'{'
        )
}

/// Whether what a script holds cannot be one: a sentence goes on after the tag.
fn is_prose(body: &[u8]) -> bool {
    let trimmed = trim(body);
    // No program starts with these, and the tag of one is not quoted.
    if matches!(at(body, 0), b',' | b'.' | b')' | b'?' | b':' | b']') {
        return true;
    }
    let is_open = is_space(at(body, 0)) && !matches!(at(body, 0), b'\n' | b'\r' | b'\t');
    is_open && is_sentence(trimmed)
}

/// One word alone, or two of them side by side, which is no JavaScript.
fn is_sentence(text: &[u8]) -> bool {
    let first = word(text, 0);
    let second = from(text, first.len());
    !first.is_empty()
        // No program starts with `in`.
        && (first == b"in" || !super::script::is_keyword(first))
        && (second.is_empty()
            || (at(second, 0) == b' ' && at(second, 1).is_ascii_alphabetic())
            || matches!(
                second,
                [b' ', b'(' | b'-' | b'<' | b'`', ..] | [b'.' | b',', b' ', ..]
            ))
}
