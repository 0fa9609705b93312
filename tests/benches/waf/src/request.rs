//! The requests.

use std::fmt::Write as _;

use crate::shape::{FAMILIES, PIECES, repeated};

/// A request as a client sends it.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// Its method.
    pub method: &'static str,
    /// Its path.
    pub path: String,
    /// Its query.
    pub query: String,
    /// Its headers, the names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Option<Vec<u8>>,
}

impl Sent {
    /// The value of `content-type`.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        let named = |(name, _): &&(String, String)| name == "content-type";
        self.headers
            .iter()
            .find(named)
            .map(|(_, value)| value.as_str())
    }
}

/// What Firefox sends with every request.
const BROWSER: &[(&str, &str)] = &[
    ("host", "shop.example.com"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ),
    ("accept-language", "id,en-US;q=0.7,en;q=0.3"),
    ("accept-encoding", "gzip, deflate"),
    (
        "referer",
        "https://shop.example.com/products?category=garden&page=1",
    ),
    (
        "cookie",
        "session=6f1c0b7e9d2a4c55; _ga=GA1.1.1203948571.1700000000; theme=dark",
    ),
    ("upgrade-insecure-requests", "1"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "same-origin"),
];

fn browser(method: &'static str, path: &str, query: &str) -> Sent {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Sent {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: BROWSER.iter().map(owned).collect(),
        body: None,
    }
}

/// A browser's GET with three parameters.
#[must_use]
pub fn get() -> Sent {
    browser(
        "GET",
        "/products/search",
        "q=garden+chair&page=2&sort=price_asc",
    )
}

/// An order with names, addresses, numbers and remarks, of at least this size, as JSON.
#[must_use]
pub fn json(size: usize) -> Sent {
    let mut body = String::from("{\"items\":[");
    let mut number = 0;
    while body.len() + 2 < size {
        if number > 0 {
            body.push(',');
        }
        number += 1;
        let _ = write!(
            body,
            "{{\"id\":{number},\"sku\":\"GRD-{number:05}\",\"name\":\"Garden chair, teak & steel\",\"quantity\":{},\
             \"price\":\"Rp 1.250.000,00\",\"customer\":\"Siti O'Brien\",\"email\":\"siti{number}@example.co.id\",\
             \"address\":\"Jl. Jend. Sudirman No. {number}, Jakarta 10210\",\"paid\":true,\
             \"note\":\"Please call before delivery (after 5 pm); the gate is on the left - don't ring twice.\"}}",
            number % 9 + 1
        );
    }
    body.push_str("]}");
    with_body(
        browser("POST", "/api/orders", ""),
        "application/json",
        body.into_bytes(),
    )
}

fn with_body(mut sent: Sent, content_type: &str, body: Vec<u8>) -> Sent {
    sent.method = "POST";
    sent.headers
        .push(("content-type".to_owned(), content_type.to_owned()));
    sent.headers
        .push(("content-length".to_owned(), body.len().to_string()));
    sent.body = Some(body);
    sent
}

/// The text as a body of this kind: raw for the readers, as one value for the detectors.
#[must_use]
pub fn placed(place: Place, text: &str) -> Sent {
    let sent = browser("POST", "/api/notes", "");
    match place {
        Place::Text => with_body(sent, "text/plain", text.as_bytes().to_vec()),
        Place::Json => with_body(sent, "application/json", text.as_bytes().to_vec()),
        Place::Form => with_body(
            sent,
            "application/x-www-form-urlencoded",
            text.as_bytes().to_vec(),
        ),
        Place::Xml => with_body(sent, "text/xml", format!("<a>{text}").into_bytes()),
        Place::Graphql => with_body(
            sent,
            "application/graphql",
            format!("query{{{text}").into_bytes(),
        ),
        Place::Multipart => with_body(
            sent,
            "multipart/form-data; boundary=X",
            format!("--X\r\n{text}").into_bytes(),
        ),
        Place::Path => Sent {
            path: format!("/{text}"),
            ..sent
        },
        Place::Query => Sent {
            query: text.to_owned(),
            ..sent
        },
        Place::Cookie => {
            let mut sent = sent;
            sent.headers.push(("cookie".to_owned(), text.to_owned()));
            sent
        }
    }
}

/// Where a text is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A plain text, which is one value.
    Text,
    /// A JSON document.
    Json,
    /// A form.
    Form,
    /// An XML document.
    Xml,
    /// A GraphQL document.
    Graphql,
    /// A multipart body.
    Multipart,
    /// The path.
    Path,
    /// The query.
    Query,
    /// The `Cookie` header.
    Cookie,
}

/// How many of [`PLACES`] are bodies; they come first.
pub const BODIES: usize = 6;

/// All of them.
pub const PLACES: &[Place] = &[
    Place::Text,
    Place::Json,
    Place::Form,
    Place::Xml,
    Place::Graphql,
    Place::Multipart,
    Place::Path,
    Place::Query,
    Place::Cookie,
];

/// How many texts there are for each place.
const TEXTS: usize = PIECES.len() + FAMILIES.len();

/// Requests by number: 0 is the browser's GET, 1 the JSON order, then each piece repeated, and each
/// family, in each place. Past the last it begins again.
#[must_use]
pub fn numbered(number: usize, size: usize) -> Sent {
    match number {
        0 => get(),
        1 => json(size),
        _ => {
            let text = (number - 2) % TEXTS;
            let place = PLACES[(number - 2) / TEXTS % PLACES.len()];
            let (first, rest) = match PIECES.get(text) {
                Some(piece) => ("", *piece),
                None => FAMILIES[text - PIECES.len()],
            };
            placed(place, &repeated(first, rest, size))
        }
    }
}

/// How many [`numbered`] requests there are.
#[must_use]
pub fn count() -> usize {
    in_places(PLACES.len())
}

/// How many of them have their text in the first so many places, with the two that have none.
#[must_use]
pub fn in_places(count: usize) -> usize {
    2 + TEXTS * count
}
