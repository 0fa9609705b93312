//! The tables that apply to every request, and what they are by default.

use crate::ordered::ordered;
use crate::policy::{
    Access, Cors, JwksSource, Limits, Token, Upstream, keys,
    syntax::{
        METHODS, is_country, is_header_name, is_header_value, is_host, is_key_url, is_label,
        is_origin, is_path, is_token,
    },
    table::{Item, Table, quoted},
};
use crate::token::{ClaimNames, MAX_LEEWAY_S, Settings};
use gapura_shared::limits::MAX_BODY_BYTES;
use std::collections::BTreeMap;

/// What [`is_host`] wants.
pub(super) const HOST: &str = "a host name in lower case or an IPv4 address, without port";
/// What [`is_label`] wants.
pub(super) const LABEL: &str = "1 to 256 bytes without control characters";
/// What [`is_header_name`] wants.
pub(super) const HEADER_NAME: &str = "a header's name in lower case";
/// What [`is_header_value`] wants.
pub(super) const HEADER_VALUE: &str = "printable ASCII without line breaks or spaces around";

/// Headers on every answer unless the policy says otherwise.
const HEADERS: &[(&str, &str)] = &[
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    (
        "permissions-policy",
        "geolocation=(), microphone=(), camera=()",
    ),
];

const CORS_METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const CORS_HEADERS: &[&str] = &[
    "authorization",
    "apikey",
    "content-type",
    "prefer",
    "range",
    "range-unit",
    "if-match",
    "if-none-match",
    "idempotency-key",
    "accept-profile",
    "content-profile",
    "x-client-info",
    "x-supabase-api-version",
];
const CORS_EXPOSE: &[&str] = &[
    "content-range",
    "etag",
    "preference-applied",
    "idempotency-replayed",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-request-id",
    "x-total-count",
];

pub(super) fn limits(root: &Table<'_>) -> Limits {
    let table = root.table("limits", keys::LIMITS);
    Limits {
        url_bytes: table.read("url_bytes", url_bytes).unwrap_or(2_048),
        header_bytes: table
            .read("header_bytes", |item| item.number(1_024..=131_072))
            .unwrap_or(8_192),
        body_bytes: table
            .read("body_bytes", |item| item.number(0..=MAX_BODY_BYTES))
            .unwrap_or(MAX_BODY_BYTES),
        methods: table
            .read("methods", methods)
            .unwrap_or_else(|| owned(METHODS)),
        hosts: table
            .read("hosts", |item| item.texts(is_host, HOST))
            .unwrap_or_default(),
    }
}

/// The longest path and query of all requests or of those that one route fits.
pub(super) fn url_bytes(item: &Item<'_>) -> Option<usize> {
    item.number(256..=16_384)
}

/// At least one of the known methods.
fn methods(item: &Item<'_>) -> Option<Vec<String>> {
    let must = format!("one of {}", METHODS.join(", "));
    item.some_texts(|text| METHODS.contains(&text), &must)
}

/// The access list of the whole policy or of one route.
pub(super) fn access(parent: &Table<'_>) -> Access {
    let table = parent.table("access", keys::ACCESS);
    let country = "two capital letters (ISO 3166-1), or T1 for Tor";
    Access {
        allow: table.read("allow", networks).unwrap_or_default(),
        deny: table.read("deny", networks).unwrap_or_default(),
        deny_countries: table
            .read("deny_countries", |item| item.texts(is_country, country))
            .unwrap_or_default(),
    }
}

pub(super) fn networks(item: &Item<'_>) -> Option<Vec<gapura_shared::address::Network>> {
    item.list(|item| {
        let text = item.text()?;
        let network = text.parse();
        if let Err(why) = &network {
            item.fault(format!(
                "must be a network such as 192.0.2.0/24: {why}, is {}",
                quoted(text)
            ));
        }
        network.ok()
    })
}

pub(super) fn token(root: &Table<'_>, development: bool) -> Token {
    let table = root.table("token", keys::TOKEN);
    let or_empty = |text: &str| text.is_empty() || is_label(text);
    let name = |key, default: &str| {
        let must = "empty or up to 256 bytes without control characters";
        let text = table
            .read(key, |item| item.text_where(or_empty, must))
            .unwrap_or_else(|| default.to_owned());
        Some(text).filter(|text| !text.is_empty())
    };
    let seconds = |key, range, default| {
        table
            .read(key, |item| item.number(range))
            .unwrap_or(default)
    };
    let cookie = |key, default: &str| {
        let fits = |text: &str| text.is_empty() || is_token(text);
        table
            .read(key, |item| {
                item.text_where(fits, "empty or a cookie's name")
            })
            .unwrap_or_else(|| default.to_owned())
    };
    let settings = Settings {
        issuer: name("issuer", "gapura"),
        audience: name("audience", "authenticated"),
        leeway_s: seconds("leeway_s", 0..=MAX_LEEWAY_S, 30),
        max_bytes: table
            .read("max_bytes", |item| item.number(256..=16_384))
            .unwrap_or(4_096),
        accepted_types: table
            .read("accepted_types", |item| item.some_texts(is_label, LABEL))
            .unwrap_or_else(|| owned(&["access"])),
        claims: claims(&table),
    };
    Token {
        settings,
        jwks: table
            .read("jwks", |item| jwks(item, development))
            .unwrap_or_else(|| JwksSource::Origin("/auth/v1/.well-known/jwks.json".into())),
        jwks_lifetime_s: seconds("jwks_lifetime_s", 10..=86_400, 600),
        jwks_cooldown_s: seconds("jwks_cooldown_s", 1..=3_600, 10),
        cookie: cookie("cookie", "__Host-gapura-access"),
        refresh_cookie: cookie("refresh_cookie", "__Host-gapura-refresh"),
    }
}

fn jwks(item: &Item<'_>, development: bool) -> Option<JwksSource> {
    let text = item.text()?;
    match text.strip_prefix("origin:") {
        None if text.is_empty() => Some(JwksSource::None),
        Some(path) if is_path(path) => Some(JwksSource::Origin(path.to_owned())),
        None if is_key_url(text, development) => Some(JwksSource::Url(text.to_owned())),
        _ => {
            let local = "http of 127.0.0.1 or localhost beside [development] alone";
            item.fault(format!(
                "must be empty, `origin:/path` or an https URL ({local}), is {}",
                quoted(text)
            ));
            None
        }
    }
}

fn claims(token: &Table<'_>) -> ClaimNames {
    let table = token.table("claims", keys::CLAIMS);
    let name = |key, default: &str| {
        table
            .read(key, |item| item.text_where(is_label, LABEL))
            .unwrap_or_else(|| default.to_owned())
    };
    ClaimNames {
        subject: table
            .read("subject", |item| item.some_texts(is_label, LABEL))
            .unwrap_or_else(|| owned(&["sub", "user_id"])),
        role: name("role", "role"),
        tenant: name("tenant", "tenant_id"),
        session: name("session", "session_id"),
        token_id: name("token_id", "jti"),
        token_type: name("token_type", "token_type"),
    }
}

pub(super) fn upstream(root: &Table<'_>) -> Upstream {
    let table = root.table("upstream", keys::UPSTREAM);
    Upstream {
        timeout_ms: table.read("timeout_ms", timeout_ms).unwrap_or(30_000),
    }
}

pub(super) fn timeout_ms(item: &Item<'_>) -> Option<u32> {
    item.number(100..=120_000)
}

pub(super) fn cors(root: &Table<'_>) -> Cors {
    let table = root.table("cors", keys::CORS);
    let origin =
        "an origin as browsers send it: `scheme://host`, the port unless it is the default";
    let names = |key, default| {
        table
            .read(key, |item| item.texts(is_header_name, HEADER_NAME))
            .unwrap_or_else(|| owned(default))
    };
    Cors {
        origins: table
            .read("origins", |item| item.texts(is_origin, origin))
            .unwrap_or_default(),
        methods: table
            .read("methods", methods)
            .unwrap_or_else(|| owned(CORS_METHODS)),
        headers: names("headers", CORS_HEADERS),
        expose: names("expose", CORS_EXPOSE),
        max_age_s: table
            .read("max_age_s", |item| item.number(0..=86_400))
            .unwrap_or(600),
    }
}

/// The common headers: an empty value takes one of the usual ones away.
pub(super) fn headers(root: &Table<'_>) -> Vec<(String, String)> {
    let usual = HEADERS
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut headers = ordered(usual);
    headers.extend(written_headers(root, true));
    headers
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// Names and values of a table `headers`, sorted by name.
pub(super) fn written_headers(parent: &Table<'_>, or_empty: bool) -> BTreeMap<String, String> {
    let fits = |text: &str| (or_empty || !text.is_empty()) && is_header_value(text);
    let entries = parent.entries("headers");
    let headers = entries.iter().filter_map(|(name, item)| {
        if !is_header_name(name) {
            item.name_fault(format!("must be {HEADER_NAME}, is {}", quoted(name)));
        }
        Some(((*name).to_owned(), item.text_where(fits, HEADER_VALUE)?))
    });
    ordered(headers)
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
