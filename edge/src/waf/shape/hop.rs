//! Headers between client and proxies that have few honest values (RFC 9110 §7.6 and §10.1, RFC 7239
//! and the `X-` headers before it): caches and access lists trust them.

use super::smuggling;

/// Most ranges of one `Range` header; a video player asks for one (CVE-2011-3192).
const MAX_RANGES: usize = 8;

/// Headers by which an application is told that the client is this machine. Not those that a
/// developer's own proxy sets (`X-Forwarded-For`, `X-Real-IP`): the forwarder drops them all.
const ADDRESSES: &[&str] = &[
    "x-originating-ip",
    "x-remote-ip",
    "x-remote-addr",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "x-true-ip",
    "x-custom-ip-authorization",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-forwarder-for",
    "x-forward-for",
    "x-forwarded-by",
    "forwarded-for",
    "forwarded-for-ip",
    "x-original-forwarded-for",
    "x-original-remote-addr",
    "x-proxyuser-ip",
    "x-backend-host",
];

/// What a trailer must not bring, because it was used before (RFC 9110 §6.5.1).
const NO_TRAILERS: &[&str] = &[
    "content-length",
    "transfer-encoding",
    "host",
    "authorization",
    "cookie",
    "set-cookie",
    "content-type",
    "content-encoding",
    "x-forwarded-for",
];

/// Whether a header of this name has a value that no client and no proxy sends.
pub(super) fn is_odd(name: &str, value: &str) -> bool {
    let mut items = value.split(',').map(str::trim);
    match name {
        "expect" => !value.trim().eq_ignore_ascii_case("100-continue"),
        // Chunks need no asking for, and must not be (RFC 9110 §10.1.4).
        "te" => items.any(|item| item.to_ascii_lowercase().starts_with("chunked")),
        "trailer" => items.any(|item| NO_TRAILERS.contains(&item.to_ascii_lowercase().as_str())),
        "x-forwarded-proto" | "x-forwarded-scheme" | "x-forwarded-protocol" | "x-url-scheme" => {
            items.any(|item| {
                !["http", "https", "ws", "wss", "on", "off"]
                    .iter()
                    .any(|scheme| item.eq_ignore_ascii_case(scheme))
            })
        }
        "front-end-https" | "x-forwarded-ssl" => !["on", "off", "true", "false", "1", "0"]
            .contains(&value.trim().to_ascii_lowercase().as_str()),
        "x-forwarded-path" | "x-forwarded-prefix" => {
            value.contains("..") || value.starts_with("//") || value.contains("://")
        }
        "x-forwarded-for" | "x-real-ip" => items.any(|item| !item.bytes().all(is_in_address)),
        // What only gateways of old telephones set, and what ends at the first proxy.
        "x-up-devcap-post-charset" | "request-range" => true,
        "max-forwards" => value.trim() == "0",
        "x-forwarded-port" => items.any(|item| item.parse::<u16>().is_err()),
        "x-forwarded-host" | "x-forwarded-server" => items.any(smuggling::is_no_host),
        "forwarded" => value.split([',', ';']).any(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or_default();
            let is_host = key.trim().eq_ignore_ascii_case("host");
            is_host && smuggling::is_no_host(value.trim().trim_matches('"'))
        }),
        _ => ADDRESSES.contains(&name) && items.any(is_this_machine),
    }
}

/// Addresses, ports, and the names that proxies put in their place.
fn is_in_address(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b".:[]_-%\"/".contains(&byte)
}

fn is_this_machine(item: &str) -> bool {
    let item = item.trim_matches(['[', ']']);
    item.starts_with("127.") || matches!(item, "localhost" | "::1" | "0.0.0.0" | "0")
}

/// Whether `Connection` makes a proxy drop a header that the next server would trust. A client's own
/// hop-by-hop headers are honest (RFC 9110 §7.6.1).
pub(super) fn drops_header(value: &str) -> bool {
    // What frames the message is no hop's to drop; `close` and `keep-alive` contradict each other.
    let names: Vec<_> = value
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if has("close") && has("keep-alive")
        || has("transfer-encoding")
        || has("content-length")
        || has("host")
    {
        return true;
    }
    value.split(',').map(str::trim).any(|name| {
        let starts = |head: &str| {
            name.get(..head.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(head))
        };
        [
            "authorization",
            "cookie",
            "cf-",
            "forwarded",
            "x-forwarded-",
            "x-real-ip",
            "x-f5-",
        ]
        .into_iter()
        .any(starts)
    })
}

/// Many ranges, the same one twice, one that ends where 64-bit arithmetic does (CVE-2015-1635), one that ends before
/// it starts, or one that has no numbers.
pub(super) fn is_range_attack(value: &str) -> bool {
    let is_backward = |range: &str| {
        let Some((first, last)) = range.trim().split_once('-') else {
            return false;
        };
        let (first, last) = (first.trim(), last.trim());
        let is_number = |text: &str| text.is_empty() || text.parse::<i64>().is_ok();
        match (first.parse::<i64>(), last.parse::<i64>()) {
            (Ok(first), Ok(last)) => first > last,
            _ => first.is_empty() && last.is_empty() || !is_number(first) || !is_number(last),
        }
    };
    let (unit, ranges) = value.split_once('=').unwrap_or(("", value));
    let seen: Vec<_> = ranges.split(',').take(MAX_RANGES).map(str::trim).collect();
    let mut later = seen.iter();
    let is_repeated = |range: &str| {
        later.next();
        later.as_slice().contains(&range)
    };
    seen.iter().copied().any(is_repeated)
        || value.split(',').count() > MAX_RANGES
        || value.contains("18446744073709551615")
        || unit.trim().eq_ignore_ascii_case("bytes") && ranges.split(',').any(is_backward)
}

#[cfg(test)]
mod tests {
    use super::is_odd;

    #[test]
    fn tells_odd_values() {
        for (name, value) in [
            ("expect", "200-ok"),
            ("te", "trailers, chunked"),
            ("trailer", "Content-Length"),
            ("x-forwarded-scheme", "nothttps"),
            ("x-forwarded-port", "80 evil"),
            ("x-forwarded-host", "shop.example.com/a?"),
            ("forwarded", "for=192.0.2.1;host=\"a.example/..\""),
            ("x-forwarded-prefix", "//evil.example"),
            ("x-originating-ip", "127.0.0.1"),
        ] {
            assert!(is_odd(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("expect", "100-continue"),
            ("te", "trailers"),
            ("te", "trailers, deflate;q=0.5"),
            ("trailer", "x-amz-checksum-crc32"),
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-host", "shop.example.com, a.example:8443"),
            (
                "forwarded",
                "for=\"[2001:db8::1]:47\";proto=https;host=a.example",
            ),
            ("x-client-ip", "203.0.113.9"),
            ("x-forwarded-for", "127.0.0.1"),
        ] {
            assert!(!is_odd(name, value), "{name}: {value}");
        }
    }
}
