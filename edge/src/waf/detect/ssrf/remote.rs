//! Remote file inclusion: a URL that names a script for the server to fetch and run.

use super::url::Url;
use crate::waf::Part;
use crate::waf::field::leaf;
use crate::waf::scan::{at, find, skip_while, span};

/// Endings of what a server would run, or be made to.
const SCRIPTS: &[&[u8]] = &[
    b".php", b".php3", b".php4", b".php5", b".php7", b".phtml", b".phar", b".inc", b".txt",
    b".asp", b".aspx", b".ashx", b".jsp", b".jspx", b".cfm", b".sh", b".pl", b".py", b".rb",
    b".cgi", b".exe", b".ps1", b".bat", b".hta", b".dat", b".log", b".dtd", b".lua", b".war",
];
/// Endings of pages that a server runs where they lie: nobody links to the source, but to the page.
const PAGES: &[&[u8]] = &[
    b".php", b".php3", b".php4", b".php5", b".php7", b".phtml", b".phar", b".inc", b".asp",
    b".aspx", b".jsp", b".jspx", b".cfm", b".lua",
];
/// Parts of names of parameters that honestly hold links to pages of others.
const LINKS: &[&str] = &[
    "url", "uri", "link", "href", "web", "site", "home", "redir", "return", "next", "continue",
    "callback", "ref", "back", "goto", "dest", "source", "origin", "service", "image", "avatar",
    "icon", "logo", "photo", "issuer", "audience", "share", "target", "to", "u", "r", "endpoint",
    "dl", "loc", "from", "guid", "sameas", "rl", "host", "domain", "id", "message", "comment",
    "descr", "note", "caption", "bio", "contact",
];
/// Labels of hosts with which attacks are written down.
const HOSTILE: &[&[u8]] = &[
    b"evil",
    b"attacker",
    b"attackers",
    b"hacker",
    b"malicious",
    b"evilsite",
    b"evilhost",
    b"bxss",
    b"acu",
    b"vulnweb",
];
/// Parameters whose value names a part of the application itself; not even a page of it.
const PARTS: &[&str] = &[
    "include",
    "inc",
    "require",
    "tpl",
    "skin",
    "module",
    "mod",
    "lang",
    "language",
    "plugin",
    "basepath",
    "base_path",
    "basedir",
    "include_path",
    "includedir",
    "incdir",
];
/// Those that name a file, which the root of a site is not.
const FILES: &[&str] = &[
    "file", "filename", "template", "folder", "dir", "layout", "read",
];
/// What parameters are called that name the feed or the hook of another site.
const SUBSCRIBED: &[&str] = &["rss", "feed", "hook", "webhook", "embed", "pingback"];
/// Endings of pictures and pages, where an attack hides one as the other.
const DISGUISES: &[&[u8]] = &[
    b".gif", b".jpg", b".jpeg", b".png", b".ico", b".bmp", b".html", b".htm", b".xml", b".css",
    b".js",
];
/// Names of files that attackers give to what they plant.
const PLANTED: &[&[u8]] = &[
    b"shell",
    b"cmd",
    b"c99",
    b"r57",
    b"r0nin",
    b"b374k",
    b"wso",
    b"webshell",
    b"backdoor",
    b"evil",
    b"exploit",
    b"payload",
    b"hack",
    b"rce",
    b"pwn",
    b"inject",
    b"malware",
    b"malicious",
    b"phpshell",
    b"rfi",
    b"reverse",
    b"bypass",
    b"injx",
    b"inc",
];
/// Parameters that name what is included.
const INCLUDED: &[&str] = &[
    "page",
    "file",
    "include",
    "inc",
    "template",
    "tpl",
    "layout",
    "theme",
    "skin",
    "module",
    "mod",
    "path",
    "dir",
    "root",
    "base",
    "basepath",
    "base_path",
    "document",
    "doc",
    "folder",
    "view",
    "content",
    "lang",
    "language",
    "locale",
    "action",
    "load",
    "plugin",
    "require",
    "src_path",
    "site_path",
    "absolute_path",
    "config",
    "conf",
    "display",
    "show",
    "main",
    "body",
    "pg",
    "cat",
    "style",
    "pdf",
    "site",
    "board",
    "section",
    "go",
    "process",
    "run",
    "read",
    "filename",
];

/// Whether this URL, in a field of this name, is there to be included. `is_address` says that its
/// host is a bare address.
pub(super) fn is_included(url: &Url<'_>, part: Part, name: &str, is_address: bool) -> bool {
    if !matches!(url.scheme, b"" | b"http" | b"https" | b"ftp" | b"ftps") {
        return false;
    }
    if is_shown(url) {
        return false;
    }
    let end = skip_while(url.rest, 0, |byte| !matches!(byte, b'?' | b'#' | 0));
    let path = span(url.rest, 0, end);
    // `x.jsp;.txt`: parameters of the path.
    let path = span(path, 0, skip_while(path, 0, |byte| byte != b';'));
    let query = span(url.rest, end, url.rest.len());
    let file = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let stem = file.split(|byte| *byte == b'.').next().unwrap_or_default();
    let is_script = ends_in(path, SCRIPTS);
    let is_cut = !query.is_empty()
        && query
            .iter()
            .all(|byte| matches!(byte, b'?' | b'%' | b'0' | b'#'));
    let ends_in_null = at(url.rest, end) == 0 && end < url.rest.len();
    let is_commanded = [&b"cmd="[..], b"act=cmd", b"exec=", b"command="]
        .iter()
        .any(|sign| query.windows(sign.len()).any(|window| window == *sign));
    let leaf = leaf(name);
    // Attributes of XML name services and schemas; what its document type fetches is judged apart.
    let is_link = is_link(&leaf) || part == Part::Xml && leaf.starts_with('@');
    let is_page = ends_in(path, PAGES);
    // `/Pages/Teachers.aspx`: what is planted lies near the root.
    let is_deep = path.split(|byte| *byte == b'/').count() > 2
        && ends_in(path, &[b".asp", b".aspx", b".jsp", b".cfm"]);
    // `?id=5` asks a page; `?` and `?a=` make one of what is appended.
    let is_open = is_cut || query.is_empty() || query.ends_with(b"=");
    let is_short = !stem.is_empty() && stem.len() <= 2;
    let is_hostile = url
        .authority
        .split(|byte| matches!(byte, b'.' | b'@' | b':' | b'-'))
        .any(|label| HOSTILE.contains(&label));
    let is_bare = url.scheme.is_empty();
    let is_root = leaf.ends_with("_root") || leaf.ends_with("_path") || leaf.ends_with("_dir");
    let is_inner = is_root
        && [
            "inc", "lib", "plugin", "theme", "templ", "skin", "mos", "abs",
        ]
        .iter()
        .any(|part| leaf.starts_with(part));
    let includes = is_root || INCLUDED.contains(&leaf.as_str());
    let is_published = is_public(url) || is_deep && !includes;
    let is_file = is_script || ends_in(path, DISGUISES);
    let is_query = matches!(part, Part::Query | Part::Form | Part::Multipart);
    let is_part = is_query && !is_bare && (is_inner || PARTS.contains(&leaf.as_str()));
    let is_no_file = is_query
        && !is_bare
        && matches!(path, b"" | b"/")
        && query.is_empty()
        && FILES.contains(&leaf.as_str());
    match () {
        () if is_part || is_no_file || (is_hostile && includes) => true,
        () if is_file && (ends_in_null || is_commanded) => true,
        // `http://host/x.gif?` cuts off what the script would append.
        () if is_cut && (is_script || (is_file && includes) || path.is_empty()) => true,
        () if query == b"?" && (!is_link || leaf == "id") && !is_bare => true,
        () if name.starts_with("globals[") || (is_hostile && is_file) => true,
        () if is_hostile && !is_bare && !is_link => true,
        () if is_page && !is_link && is_open && !is_published => {
            is_short
                || is_hostile
                || includes
                || PLANTED.iter().any(|name| find(stem, name, 0).is_some())
        }
        () if is_script
            && (is_short && is_page && !is_link || matches!(url.scheme, b"ftp" | b"ftps")) =>
        {
            true
        }
        () if url.scheme == b"ftps" && !is_link => true,
        () if url.authority.ends_with(b"pastebin.com") && path.starts_with(b"/raw") && !is_link => {
            true
        }
        () if includes && (is_address || path.starts_with(b"/raw/")) => true,
        () if is_script && is_address => true,
        // Nobody links to a bare address but in what he searches for.
        () if is_address && is_query && !is_bare && !is_link && path.len() > 1 => !matches!(
            leaf.as_str(),
            "q" | "query" | "search" | "keyword" | "s" | "text" | "term"
        ),
        () if is_script && PLANTED.contains(&stem) => true,
        () if is_script && includes => !matches!(url.scheme, b""),
        () => is_root && is_file,
    }
}

/// Whether the host shows its files as pages, and runs or hands over none.
fn is_shown(url: &Url<'_>) -> bool {
    (matches!(
        url.authority,
        b"github.com" | b"gitlab.com" | b"img.shields.io" | b"l.facebook.com" | b"l.instagram.com"
    ) || url.authority.ends_with(b".php.net"))
        && !url.rest.windows(5).any(|part| part == b"/raw/")
}

/// Whether the host belongs to an authority or a school, to whose pages people link.
fn is_public(url: &Url<'_>) -> bool {
    [
        &b".gov"[..],
        b".edu",
        b".mil",
        b".int",
        b".go.id",
        b".ac.id",
        b".sch.id",
        b".ac.uk",
        b".us",
    ]
    .iter()
    .any(|end| url.authority.ends_with(end))
}

/// Whether a parameter of this name honestly holds a link.
fn is_link(leaf: &str) -> bool {
    LINKS.iter().chain(SUBSCRIBED).any(|part| {
        if part.len() > 2 {
            leaf.contains(part)
        } else {
            leaf == *part || leaf.rsplit('_').next() == Some(part)
        }
    })
}

fn ends_in(path: &[u8], endings: &[&[u8]]) -> bool {
    endings.iter().any(|ending| path.ends_with(ending))
}
