//! Where a corpus text is put in a request, and how it may be encoded there.

use super::message::Message;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::fmt::Write as _;

/// A place in a request that holds text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Value of a query parameter.
    Query,
    /// Last segment of the path.
    Path,
    /// Value of a header.
    Header,
    /// Value of a cookie.
    Cookie,
    /// Value of a form field.
    Form,
    /// String in a JSON body.
    Json,
    /// Value of a multipart field.
    Multipart,
    /// Text of an XML element.
    Xml,
    /// A plain text body.
    Plain,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Query,
        Self::Path,
        Self::Header,
        Self::Cookie,
        Self::Form,
        Self::Json,
        Self::Multipart,
        Self::Xml,
        Self::Plain,
    ];

    /// A request that holds the text here. What the place itself demands (percent-encoding in a
    /// URL, escapes in JSON) is done; the text arrives as it stands.
    #[must_use]
    pub fn request(self, text: &str) -> Message {
        match self {
            Self::Query => get("/api/items", &format!("q={}", percent(text))),
            Self::Path => get(&format!("/api/items/{}", percent(text)), ""),
            Self::Header => with_header("x-note", &in_header(text, "")),
            Self::Cookie => {
                let value = in_header(text, ";\", ");
                with_header("cookie", &format!("sid=1; note={value}"))
            }
            Self::Form => post(
                "application/x-www-form-urlencoded",
                format!("a=1&text={}", percent(text)),
            ),
            Self::Json => post(
                "application/json",
                serde_json::json!({"id": 7, "text": text}).to_string(),
            ),
            Self::Multipart => post(
                "multipart/form-data; boundary=XbX",
                format!(
                    "--XbX\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n{text}\r\n--XbX--\r\n"
                ),
            ),
            Self::Xml => post(
                "application/xml",
                format!(
                    "<?xml version=\"1.0\"?><a><text>{}</text></a>",
                    text.replace('&', "&amp;")
                        .replace('<', "&lt;")
                        .replace('>', "&gt;")
                ),
            ),
            Self::Plain => post("text/plain", text.to_owned()),
        }
    }
}

/// What an attacker may wrap a text in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Nothing.
    None,
    /// Percent-encoded.
    Url,
    /// Percent-encoded twice.
    DoubleUrl,
    /// Base64 of the standard alphabet, padded.
    Base64,
    /// `\u0041` for every character.
    JavaScript,
    /// `&#x41;` for every character.
    Html,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Url,
        Self::DoubleUrl,
        Self::Base64,
        Self::JavaScript,
        Self::Html,
    ];

    /// The text in this encoding.
    #[must_use]
    pub fn apply(self, text: &str) -> String {
        match self {
            Self::None => text.to_owned(),
            Self::Url => percent(text),
            Self::DoubleUrl => percent(&percent(text)),
            Self::Base64 => STANDARD.encode(text),
            Self::JavaScript => joined(text.encode_utf16(), |out, unit| {
                write!(out, "\\u{unit:04x}")
            }),
            Self::Html => joined(text.chars(), |out, c| write!(out, "&#x{:x};", u32::from(c))),
        }
    }
}

fn joined<T>(
    items: impl Iterator<Item = T>,
    push: impl Fn(&mut String, T) -> std::fmt::Result,
) -> String {
    items.fold(String::new(), |mut out, item| {
        // Writing to a string cannot fail.
        let _ = push(&mut out, item);
        out
    })
}

/// Every byte that RFC 3986 does not leave unreserved as `%XX`.
#[must_use]
pub fn percent(text: &str) -> String {
    joined(text.bytes(), |out, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            out.push(char::from(byte));
            Ok(())
        }
        other => write!(out, "%{other:02X}"),
    })
}

/// A header holds no control characters, no other scripts, and nothing of `besides`.
fn in_header(text: &str, besides: &str) -> String {
    let fits = |c: char| c.is_ascii() && !c.is_control() && !besides.contains(c);
    if text.chars().all(fits) {
        text.to_owned()
    } else {
        percent(text)
    }
}

fn get(path: &str, query: &str) -> Message {
    let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0";
    let headers = [
        ("host", "shop.example.com"),
        ("user-agent", browser),
        ("accept", "*/*"),
    ];
    Message {
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
        body: None,
    }
}

fn with_header(name: &str, value: &str) -> Message {
    let mut message = get("/api/items", "");
    message.header(name, value);
    message
}

fn post(content_type: &str, body: String) -> Message {
    let mut message = with_header("content-type", content_type);
    "POST".clone_into(&mut message.method);
    message.body = Some(body.into_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes() {
        for (encoding, wanted) in [
            (Encoding::None, "<é"),
            (Encoding::Url, "%3C%C3%A9"),
            (Encoding::DoubleUrl, "%253C%25C3%25A9"),
            (Encoding::Base64, "PMOp"),
            (Encoding::JavaScript, "\\u003c\\u00e9"),
            (Encoding::Html, "&#x3c;&#xe9;"),
        ] {
            assert_eq!(encoding.apply("<é"), wanted);
        }
    }

    #[test]
    fn every_place_holds_the_text() {
        for place in Place::ALL {
            let message = place.request("a<b");
            let body = message
                .body
                .clone()
                .map(|body| String::from_utf8(body).unwrap());
            let all = format!("{message:?} {body:?}");
            assert!(
                ["a<b", "a%3Cb", "a&lt;b"]
                    .iter()
                    .any(|form| all.contains(form)),
                "{all}"
            );
        }
    }
}
