//! `Accept` and `Content-Type`: in which form rows come and go.

use super::{DialectError, error::shortened};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// An array of rows.
    Json,
    /// One row, and an error unless there is exactly one.
    Object,
    /// A line of names, and one for each row (RFC 4180).
    Csv,
}

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// One object, or an array of them.
    Json,
    /// A line of names, and one for each row (RFC 4180).
    Csv,
    /// One row as a form.
    Form,
}

impl Accept {
    /// The media type of the answer, as `Content-Type` tells it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Object => "application/vnd.pgrst.object+json; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// Reads an `Accept` header (RFC 9110 §12.5.1): the form with the highest weight, and the first
    /// of several. Without one, or with an empty one, JSON.
    ///
    /// # Errors
    /// None of the media types can be served, `nulls=stripped` among them.
    pub fn parse(header: Option<&str>) -> Result<Self, DialectError> {
        let header = header.unwrap_or_default().trim();
        if header.is_empty() {
            return Ok(Self::Json);
        }
        let mut best: Option<(u16, Self)> = None;
        for part in header.split(',') {
            let Some((weight, form)) = Self::parse_one(part) else {
                continue;
            };
            if weight > best.map_or(0, |(weight, _)| weight) {
                best = Some((weight, form));
            }
        }
        best.map(|(_, form)| form)
            .ok_or_else(|| DialectError::Accept(shortened(header)))
    }

    /// With its weight in thousandths.
    fn parse_one(part: &str) -> Option<(u16, Self)> {
        let mut pieces = part.split(';').map(str::trim);
        let name = pieces.next()?.to_ascii_lowercase();
        let form = match name.as_str() {
            "*/*"
            | "application/*"
            | "application/json"
            | "application/vnd.pgrst.array+json"
            | "application/vnd.pgrst.array" => Self::Json,
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => Self::Object,
            "text/csv" | "text/*" => Self::Csv,
            _ => return None,
        };
        let mut weight = 1000;
        for piece in pieces {
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => weight = parse_weight(value.trim())?,
                "nulls" => return None,
                _ => {}
            }
        }
        Some((weight, form))
    }
}

/// `0`, `1`, `0.5`: at most three digits behind the point (RFC 9110 §12.4.2).
fn parse_weight(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

impl ContentType {
    /// Reads a `Content-Type` header; without one, JSON.
    ///
    /// # Errors
    /// Another media type, or a text that is not UTF-8.
    pub fn parse(header: Option<&str>) -> Result<Self, DialectError> {
        let header = header.unwrap_or_default().trim();
        let refused = || DialectError::ContentType(shortened(header));
        let mut pieces = header.split(';').map(str::trim);
        let name = pieces.next().unwrap_or_default().to_ascii_lowercase();
        let form = match name.as_str() {
            ""
            | "application/json"
            | "application/vnd.pgrst.object+json"
            | "application/vnd.pgrst.array+json" => Self::Json,
            "text/csv" => Self::Csv,
            "application/x-www-form-urlencoded" => Self::Form,
            _ => return Err(refused()),
        };
        for piece in pieces {
            let charset = piece.to_ascii_lowercase();
            let charset = charset
                .strip_prefix("charset=")
                .map(|c| c.trim_matches('"'));
            if charset.is_some_and(|charset| !matches!(charset, "utf-8" | "us-ascii")) {
                return Err(refused());
            }
        }
        Ok(form)
    }
}
