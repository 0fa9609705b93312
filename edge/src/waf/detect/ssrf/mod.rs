//! Server-side request forgery and remote file inclusion: a value that is a URL, and whose host no
//! outsider should name, or whose file the server is meant to run.

mod host;
mod remote;
mod url;

use self::host::Kind;
use self::url::Url;
use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::field::leaf;
use crate::waf::meter::price;
use crate::waf::rules::Rule;
use crate::waf::rules::ssrf as rules;
use crate::waf::scan::{Needles, at, before, is_word, span};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "://",
    "//",
    "\\\\",
    "http:",
    "https:",
    "ftp:",
    "169.254.",
    "metadata.",
];

/// Schemes of other protocols, which libraries such as curl follow.
const ODD_SCHEMES: &[&[u8]] = &[
    b"gopher",
    b"gophers",
    b"dict",
    b"ldap",
    b"ldaps",
    b"ldapi",
    b"tftp",
    b"sftp",
    b"scp",
    b"smb",
    b"smbs",
    b"jar",
    b"netdoc",
    b"telnet",
    b"rmi",
    b"iiop",
    b"corbaname",
    b"memcached",
    b"fastcgi",
    b"unix",
    b"svn+ssh",
    b"dns",
    b"nis",
    b"nds",
    b"finger",
    b"http+unix",
    b"cloudstorage",
];
/// Schemes that are honest with an honest host.
const OTHER_SCHEMES: &[&[u8]] = &[
    b"",
    b"http",
    b"https",
    b"ws",
    b"wss",
    b"ftp",
    b"ftps",
    b"rtsp",
    b"rtmp",
    b"ssh",
    b"git",
    b"mongodb",
    b"postgres",
    b"postgresql",
    b"amqp",
    b"nats",
    b"mqtt",
    b"irc",
    b"feed",
    b"tcp",
    b"udp",
    b"sqlserver",
    b"imap",
    b"imaps",
    b"pop3",
    b"pop3s",
    b"smtp",
    b"smtps",
    b"mysql",
    b"redis",
    b"rediss",
    b"mssql",
    b"oracle",
    b"webdav",
    b"webdavs",
    b"dav",
    b"davs",
    b"h2",
    b"mariadb",
    b"elasticsearch",
    b"nfs",
    b"afp",
    b"svn",
    b"rsync",
];

/// Parameters that honestly name the client's own machine while developing (RFC 8252 §7.3),
/// without underscores.
const REDIRECTS: &[&str] = &[
    "redirecturi",
    "redirecturl",
    "redirectto",
    "redirect",
    "postlogoutredirecturi",
    "origin",
    "returnto",
    "returnurl",
    "return",
    "callbackurl",
    "callback",
    "siteurl",
    "referrer",
    "referer",
    "emailredirectto",
    "successurl",
    "cancelurl",
    "next",
    "continue",
    "appurl",
    "baseurl",
    "dl",
    "pageurl",
    "documentreferrer",
    "dr",
    "currenturl",
    "href",
    "redirecturis",
    "relaystate",
    "allowedorigins",
    "corsorigins",
    "weborigins",
];

/// Ports of services that browsers have no business with; a redirect to one is no redirect.
const SERVICES: &[u16] = &[
    21, 22, 23, 25, 53, 110, 111, 135, 139, 143, 389, 445, 873, 1433, 1521, 2049, 2375, 2376, 2379,
    3306, 5432, 5984, 6379, 8500, 9200, 9300, 10250, 11211, 27017,
];

/// Ports on which nothing but front ends under development listen (Vite, Angular, Astro, Hugo, Expo);
/// their pages report their own address in previews and analytics.
const DEVELOPMENT: &[u16] = &[1313, 4173, 4200, 4321, 5173, 5174, 19006];

/// Hosts of metadata services that count anywhere in a value.
static METADATA: Needles<'static> = Needles::numbered(
    12,
    &[
        b"169.254.169.254",
        b"metadata.google.internal",
        b"100.100.100.200",
        b"fd00:ec2::254",
    ],
);

/// What is looked for in a whole view.
pub(super) static SETS: &[&Needles<'static>] = &[&METADATA];

/// Headers that name hosts and addresses by their own grammar.
const HEADERS: &[&str] = &[
    "referer",
    "origin",
    "user-agent",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-real-ip",
    "from",
    "content-security-policy",
    "link",
    "dpop",
    "x-forwarded-host",
    "x-forwarded-server",
    "alt-used",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File || (text.part == Part::HeaderValue && HEADERS.contains(&text.name)) {
        return;
    }
    let lower = text.lower;
    if let Some((start, name)) = hits.absent.find(&METADATA, lower, 0) {
        let is_host = matches!(before(lower, start), 0 | b'/' | b'@' | b'[' | b'\\');
        // A bare address is what an inventory lists; with a path or behind slashes it is asked.
        let is_url = start > 0 || !matches!(at(lower, name.len()), 0 | b' ');
        if is_host && is_url && !super::shell::reads_as_prose(lower) {
            hits.push(Hit::new(&rules::METADATA, start, start + name.len()));
            return;
        }
    }
    let Some(url) = Url::read(lower) else { return };
    if is_literal(lower, &url) {
        return;
    }
    if url.scheme.is_empty() && (text.part == Part::Path || !names_host(&url)) {
        return;
    }
    hits.meter.charge(1, price::URL);
    if let Some(rule) = judge(&url, text) {
        hits.push(Hit::new(rule, url.start, url.start + 60));
    }
}

/// Servers to which an application connects by a URL with its account: `postgres://app:pw@db/x`. What fetches for
/// an attacker speaks none of them, or to whom has no account.
const CONNECTED: &[&[u8]] = &[
    b"amqp",
    b"amqps",
    b"mariadb",
    b"mongodb",
    b"mysql",
    b"nats",
    b"postgres",
    b"postgresql",
    b"redis",
    b"rediss",
    b"rtsp",
    b"sftp",
    b"smtp",
    b"smtps",
    b"sqlserver",
];

/// `redis://localhost:6379/0`: a database by its number on a server by its name, as a setting has it.
fn names_database(url: &Url<'_>) -> bool {
    let (host, port) = url::split_port(url.authority);
    let name = url.rest.strip_prefix(b"/").unwrap_or_default();
    matches!(url.scheme, b"redis" | b"rediss")
        && port.is_some()
        && host.iter().all(u8::is_ascii_alphabetic)
        && (1..=2).contains(&name.len())
        && name.iter().all(u8::is_ascii_digit)
}

/// What stands before the URL of a database for Java.
const JDBC: &[u8] = b"jdbc:";

/// Whether the URL is a string of somebody's code, which goes on behind its quote.
fn is_literal(text: &[u8], url: &Url<'_>) -> bool {
    let quote = before(text, url.start);
    matches!(quote, b'"' | b'\'')
        && url.rest.first() == Some(&quote)
        && url
            .rest
            .get(1..3)
            .is_some_and(|next| matches!(next, [b',', b' '] | [b')' | b';', _]))
}

/// Whether what follows two slashes is a host and not a comment.
fn names_host(url: &Url<'_>) -> bool {
    let first = url.authority.first().copied().unwrap_or(0);
    (is_word(first) || first == b'[' || first >= 0x80)
        && !url.authority.iter().any(u8::is_ascii_whitespace)
}

fn judge(url: &Url<'_>, text: &Text<'_>) -> Option<&'static Rule> {
    let lower = text.lower;
    // A database of the developer's own: `jdbc:mysql://localhost:3306/app`.
    let is_own = url.start == JDBC.len()
        && lower.starts_with(JDBC)
        && url.hosts().all(|host| {
            let host = url::split_port(host).0;
            !host.contains(&b'.') && host.first().is_some_and(u8::is_ascii_alphabetic)
        })
        && (!url.rest.contains(&b'?') || url.authority.starts_with(b"localhost"));
    if is_own {
        return None;
    }
    if CONNECTED.contains(&url.scheme) && (url.authority.contains(&b'@') || names_database(url)) {
        return None;
    }
    if ODD_SCHEMES.contains(&url.scheme) {
        let is_named = !url.authority.first().is_some_and(u8::is_ascii_whitespace);
        return (is_named && !is_directory(url, text) && !super::shell::reads_as_prose(lower))
            .then_some(&rules::ODD_SCHEME);
    }
    if !OTHER_SCHEMES.contains(&url.scheme) || url.is_in_prose() {
        return None;
    }
    let mut is_address = false;
    for host in url.hosts() {
        let (host, port) = url::split_port(host);
        match host::judge(host, port) {
            Kind::Metadata => return Some(&rules::METADATA),
            Kind::Obscured => return Some(&rules::OBSCURED),
            Kind::Internal | Kind::Loopback if is_own_page(url, port) => {}
            Kind::Internal if !is_monitor(text, port) => return Some(&rules::INTERNAL),
            Kind::Loopback if !may_be_local(url, text.name, port) && !is_monitor(text, port) => {
                return Some(&rules::INTERNAL);
            }
            // What a browser never asks, a bare address least of all.
            Kind::Address
                if url.scheme.starts_with(b"http")
                    && port.is_some_and(|port| SERVICES.contains(&port)) =>
            {
                return Some(&rules::INTERNAL);
            }
            Kind::Address => is_address = true,
            Kind::Internal | Kind::Loopback | Kind::Public => {}
        }
    }
    // RFC 3986 allows no empty host, and parsers disagree on `http:///x`.
    remote::is_included(url, text.part, text.name, is_address).then_some(&rules::REMOTE_FILE)
}

/// Bases of a directory's tree.
const BASES: &[&[u8]] = &[b"/dc=", b"/ou=", b"/o=", b"/cn="];

/// `ldap://dc1.example.com:389`, `ldaps://ldap.example.org/ou=staff,dc=example,dc=org`: a server by its name, with its
/// own port or what it holds, where look-ups name an object.
fn is_catalogue(url: &Url<'_>) -> bool {
    let (host, port) = url::split_port(url.authority);
    let is_base = BASES.iter().any(|base| url.rest.starts_with(base));
    matches!(url.scheme, b"ldap" | b"ldaps")
        && url.start == 0
        && host.contains(&b'.')
        && host.last().is_some_and(u8::is_ascii_alphabetic)
        && matches!(port, None | Some(389 | 636 | 3268 | 3269))
        && (is_base || port.is_some() && matches!(url.rest, b"" | b"/"))
}

/// Whether a setting names the server of a directory, over TLS and without a path, as no look-up does.
fn is_directory(url: &Url<'_>, text: &Text<'_>) -> bool {
    let name = leaf(text.name);
    is_catalogue(url)
        || url.scheme == b"ldaps"
            && matches!(url.rest, b"" | b"/")
            && url.start == 0
            && (name.starts_with("ldap") || matches!(name.as_str(), "server" | "host" | "servers"))
}

/// `http://localhost/phpmyadmin forbidden`: words follow on the line, which are part of no URL.
fn is_asked(rest: &[u8]) -> bool {
    let Some(space) = rest.iter().position(|byte| *byte == b' ') else {
        return false;
    };
    let words = span(rest, space + 1, rest.len());
    // `returns 404`, `is slow, why?`
    let is_said =
        |byte: u8| byte.is_ascii_alphanumeric() || b" ,?!'".contains(&byte) || byte >= 0x80;
    words.len() > 3
        && at(words, 0).is_ascii_alphabetic()
        && at(words, 1).is_ascii_alphabetic()
        && words.iter().copied().all(is_said)
}

/// Where a program on the developer's machine is called back (RFC 8252 section 7.3), and what tells that a server is up.
const OWN_PAGES: &[&[u8]] = &[
    b"/callback",
    b"/oauth/callback",
    b"/oauth2/callback",
    b"/auth/callback",
    b"/signin-oidc",
    b"/health",
    b"/healthz",
    b"/readyz",
    b"/livez",
];

/// Whether the rest of the URL is such a page, with what a server of authorisations adds to it or nothing more.
fn is_called_back(rest: &[u8]) -> bool {
    let mut parts = rest.splitn(2, |byte| *byte == b'?');
    let page = parts.next().unwrap_or_default();
    match parts.next() {
        None => OWN_PAGES.contains(&page),
        Some(query) => {
            (page == b"/" || OWN_PAGES.contains(&page))
                && [&b"code="[..], b"state=", b"error="]
                    .iter()
                    .any(|name| query.starts_with(name))
                && !query.contains(&b'/')
        }
    }
}

/// Whether the URL is of such a page and nothing more, on a port of no well-known service.
fn is_own_page(url: &Url<'_>, port: Option<u16>) -> bool {
    matches!(url.scheme, b"http" | b"https")
        && !url.authority.contains(&b'@')
        && port.is_some_and(|port| port >= 1024 && !SERVICES.contains(&port))
        && is_called_back(url.rest)
        || is_own_site(url, port)
}

/// Ports on which frameworks serve what is being written: Next, Rails, Flask, Django, Ionic.
const FRAMEWORKS: &[u16] = &[3000, 3001, 4000, 5000, 8000, 8100];

/// `http://localhost:3000/`: the first page of a site that its developer runs, and nothing more.
fn is_own_site(url: &Url<'_>, port: Option<u16>) -> bool {
    let (host, _) = url::split_port(url.authority);
    matches!(url.scheme, b"http" | b"https" | b"ws")
        && matches!(host, b"localhost" | b"127.0.0.1" | b"[::1]")
        && port.is_some_and(|port| FRAMEWORKS.contains(&port))
        && matches!(url.rest, b"" | b"/")
}

/// Members by which a monitor names its own pages in the alerts that it sends.
const MONITOR: &[&str] = &[
    "generatorurl",
    "externalurl",
    "ruleurl",
    "dashboardurl",
    "panelurl",
    "silenceurl",
];

/// Whether a monitor says where it stands (Prometheus, Grafana).
fn is_monitor(text: &Text<'_>, port: Option<u16>) -> bool {
    text.part == Part::Json
        && port.is_none_or(|port| !SERVICES.contains(&port))
        && MONITOR.contains(&leaf(text.name).as_str())
}

/// Whether a developer's own machine may be named here: a redirect that a browser would follow.
fn may_be_local(url: &Url<'_>, name: &str, port: Option<u16>) -> bool {
    let full = name;
    let name: String = leaf(name)
        .chars()
        .filter(|character| *character != '_')
        .collect();
    let is_plain = !url.authority.contains(&b'@') && !url.authority.contains(&b'#');
    matches!(url.scheme, b"http" | b"https" | b"ws" | b"wss")
        && is_plain
        // What fetches for an attacker speaks no WebSocket.
        && (url.scheme.starts_with(b"ws")
            || port.is_some_and(|port| DEVELOPMENT.contains(&port))
            // A browser tells in which script an error came up.
            || full.contains("frames.")
            // What a description of an interface lists for its developers.
            || full.contains("servers.")
            || is_asked(url.rest)
            || (REDIRECTS.contains(&name.as_str())
                && port.is_none_or(|port| !SERVICES.contains(&port))))
        && !span(url.rest, 0, 200).contains(&b'\n')
}
