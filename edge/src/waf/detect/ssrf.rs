//! Server-side request forgery: a value that is a URL, and whose host no outsider should name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::field::leaf;
use crate::waf::rules::Rule;
use crate::waf::rules::injection as rules;
use crate::waf::scan::{find, from, skip_space, skip_while, span, stands};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &["://", "//", "169.254.", "metadata."];

/// Schemes of other protocols, which libraries such as curl follow.
const ODD_SCHEMES: &[&[u8]] = &[
    b"gopher",
    b"dict",
    b"ldap",
    b"ldaps",
    b"tftp",
    b"sftp",
    b"smb",
    b"jar",
    b"netdoc",
    b"imap",
    b"pop3",
    b"telnet",
    b"rmi",
    b"mysql",
    b"redis",
    b"memcached",
];

/// Parameters that honestly name the client's own machine while developing (RFC 8252 §7.3).
const REDIRECTS: &[&str] = &[
    "redirect_uri",
    "redirect_url",
    "redirect_to",
    "post_logout_redirect_uri",
    "origin",
    "return_to",
    "returnurl",
    "return_url",
    "callback_url",
    "site_url",
    "referrer",
    "referer",
];

/// Cloud metadata services, and names that resolve to any address one likes.
const METADATA: &[&[u8]] = &[
    b"169.254.169.254",
    b"metadata.google.internal",
    b"metadata.goog",
    b"100.100.100.200",
    b"169.254.170.2",
    b"192.0.0.192",
    b"instance-data",
    b"fd00:ec2::254",
    b"metadata.azure.com",
    b"168.63.129.16",
];
const REBINDING: &[&[u8]] = &[
    b".nip.io",
    b".sslip.io",
    b".xip.io",
    b".localtest.me",
    b".lvh.me",
    b".vcap.me",
    b".1u.ms",
    b".rbndr.us",
    b"spoofed.burpcollaborator.net",
    b".oastify.com",
    b".interact.sh",
    b".oast.fun",
    b".oast.pro",
    b".oast.live",
    b".burpcollaborator.net",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part == Part::File
        || (text.part == Part::HeaderValue
            && matches!(
                text.name,
                "referer" | "origin" | "user-agent" | "via" | "forwarded"
            ))
    {
        return;
    }
    let lower = text.lower;
    if let Some(metadata) = METADATA
        .iter()
        .find_map(|host| find(lower, host, 0).filter(|at| is_authority(lower, *at)))
    {
        hits.push(Hit::new(&rules::METADATA, metadata, metadata + 15));
        return;
    }
    let start = skip_space(lower, 0);
    let scheme_end = skip_while(lower, start, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-')
    });
    let scheme = span(lower, start, scheme_end);
    let authority = match () {
        () if stands(lower, scheme_end, b"://") => scheme_end + 3,
        () if scheme.is_empty() && stands(lower, start, b"//") && text.part != Part::Path => {
            start + 2
        }
        () => return,
    };
    if ODD_SCHEMES.contains(&scheme) {
        hits.push(Hit::new(&rules::ODD_SCHEME, start, authority));
        return;
    }
    if !matches!(scheme, b"" | b"http" | b"https" | b"ws" | b"wss" | b"ftp") {
        return;
    }
    let end = skip_while(lower, authority, |byte| {
        !matches!(byte, b'/' | b'?' | b'#' | b'\\' | b' ')
    });
    if let Some(rule) = judge(span(lower, authority, end), from(lower, end), text) {
        hits.push(Hit::new(rule, start, end));
    }
}

/// Whether a name stands as the host of a URL or is the whole value.
fn is_authority(text: &[u8], start: usize) -> bool {
    let head = span(text, 0, start);
    head.is_empty() || head.ends_with(b"/") || head.ends_with(b"@") || head.ends_with(b"[")
}

fn judge(authority: &[u8], rest: &[u8], text: &Text<'_>) -> Option<&'static Rule> {
    let host_port = authority
        .rsplit(|byte| *byte == b'@')
        .next()
        .unwrap_or_default();
    let is_bracketed = host_port.starts_with(b"[");
    let host = if is_bracketed {
        span(host_port, 1, skip_while(host_port, 0, |byte| byte != b']'))
    } else {
        span(host_port, 0, skip_while(host_port, 0, |byte| byte != b':'))
    };
    if REBINDING.iter().any(|suffix| host.ends_with(suffix)) {
        return Some(&rules::OBSCURED);
    }
    let may_be_local = REDIRECTS.contains(&leaf(text.name).as_str());
    let is_named_local = matches!(
        host,
        b"localhost" | b"localhost.localdomain" | b"0" | b"ip6-localhost"
    ) || host.ends_with(b".localhost")
        || host.ends_with(b".internal");
    if is_named_local {
        return (!may_be_local).then_some(&rules::INTERNAL);
    }
    let host = std::str::from_utf8(host).ok()?;
    if let Ok(address) = host.parse::<IpAddr>() {
        return plain_address(address, rest, may_be_local);
    }
    obscured(host).map(|()| &rules::OBSCURED)
}

fn plain_address(address: IpAddr, rest: &[u8], may_be_local: bool) -> Option<&'static Rule> {
    match address {
        _ if may_be_local && address.is_loopback() => None,
        IpAddr::V4(address) if is_internal(address) => Some(&rules::INTERNAL),
        IpAddr::V6(address) if is_internal_v6(address) => Some(&rules::INTERNAL),
        _ => is_script(rest).then_some(&rules::REMOTE_FILE),
    }
}

fn is_internal(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || (first == 100 && (64..128).contains(&second))
        || first == 0
}

fn is_internal_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.to_ipv4().is_some_and(is_internal)
        || matches!(address.segments(), [0xfc00..=0xfdff | 0xfe80..=0xfebf, ..])
}

/// `2130706433`, `0x7f.1`, `0177.0.0.1`: what `inet_aton` reads as an address and nobody writes.
fn obscured(host: &str) -> Option<()> {
    let parts: Vec<&str> = host.split('.').collect();
    if parts.len() > 4 {
        return None;
    }
    let number = |part: &&str| match part.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).is_ok(),
        None => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
    };
    (parts.iter().all(number)).then_some(())
}

/// A script fetched from a bare address.
fn is_script(rest: &[u8]) -> bool {
    let path = span(
        rest,
        0,
        skip_while(rest, 0, |byte| !matches!(byte, b'?' | b'#')),
    );
    let ends = [
        &b".php"[..],
        b".txt",
        b".asp",
        b".jsp",
        b".sh",
        b".pl",
        b".py",
        b".cgi",
        b".exe",
    ];
    ends.iter().any(|end| path.ends_with(end))
}
