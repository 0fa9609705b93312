//! Tests of the whole engine: the rule table's samples, the attacks that one of the reference
//! systems lists in every part and encoding, bodies, modes, and shapes at random. The corpora are
//! run by the crate's tests `corpus` and `mutation`.

mod bodies;
mod cost;
mod custom;
mod discussion;
mod listed;
mod modes;
mod near;
mod pairs;
mod properties;
mod report;
mod rules;

use super::{Body, Report, Request, Settings, inspect};
use std::fmt::Write as _;

/// Where a payload is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Path,
    Query,
    Header,
    Cookie,
    Json,
    Form,
    Multipart,
}

const SPOTS: [Spot; 7] = [
    Spot::Path,
    Spot::Query,
    Spot::Header,
    Spot::Cookie,
    Spot::Json,
    Spot::Form,
    Spot::Multipart,
];

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => write!(out, "%{other:02X}").unwrap(),
        }
        out
    })
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn look(
    settings: &Settings,
    path: &str,
    query: &str,
    headers: &[(&str, &str)],
    body: Option<(&str, &[u8])>,
) -> Report {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let body = body.map_or(Body::None, |(kind, bytes)| Body::Read {
        content_type: Some(kind),
        bytes,
    });
    inspect(
        &Request {
            client: None,
            method: "POST",
            path,
            query,
            headers: &headers,
            body,
        },
        settings,
    )
}

/// Inspects a payload put into one spot as it stands; URL parts escape what a URL cannot hold.
fn put(settings: &Settings, spot: Spot, payload: &str) -> Report {
    let raw = |text: &str| {
        text.replace(' ', "%20")
            .replace('#', "%23")
            .replace('?', "%3F")
            .replace('\n', "%0A")
            .replace('\r', "%0D")
    };
    let query = raw(payload).replace('&', "%26").replace('+', "%2B");
    match spot {
        Spot::Path => look(settings, &format!("/items/{}", raw(payload)), "", &[], None),
        Spot::Query => look(settings, "/items", &format!("page=2&q={query}"), &[], None),
        Spot::Header => look(settings, "/items", "", &[("x-search", payload)], None),
        Spot::Cookie => look(
            settings,
            "/items",
            "",
            &[("cookie", &format!("a=b; q={payload}"))],
            None,
        ),
        Spot::Json => look(
            settings,
            "/items",
            "",
            &[],
            Some((
                "application/json",
                format!("{{\"a\":1,\"q\":{}}}", json(payload)).as_bytes(),
            )),
        ),
        Spot::Form => look(
            settings,
            "/items",
            "",
            &[],
            Some((
                "application/x-www-form-urlencoded",
                format!("a=1&q={query}").as_bytes(),
            )),
        ),
        Spot::Multipart => {
            let body = format!(
                "--XX\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n{payload}\r\n--XX--\r\n"
            );
            look(
                settings,
                "/items",
                "",
                &[],
                Some(("multipart/form-data; boundary=XX", body.as_bytes())),
            )
        }
    }
}
