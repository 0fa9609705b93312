//! Problem documents (RFC 9457), the body of every refusal.
//!
//! `type` names the reason. Neither member says what a parser saw, which rule
//! matched, or whether an account exists.

use crate::ids::RequestId;
use serde::Serialize;
use serde_json::{Map, Value};

/// The media type of a problem document (RFC 9457 §6.1).
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A problem document as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `urn:gapura:problem:<reason>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence for people, the same for every occurrence.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Which limit or condition was not met, with its value, where that helps an honest client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// `urn:gapura:request:<id>`: what to quote when asking for help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Members that a client library expects besides (RFC 9457 §3.2).
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

impl Problem {
    /// A document for `reason` (a stable word such as `rate-limited`).
    #[must_use]
    pub fn new(reason: &str, title: &'static str, status: u16) -> Self {
        Self {
            kind: format!("urn:gapura:problem:{reason}"),
            title,
            status,
            detail: None,
            instance: None,
            extensions: Map::new(),
        }
    }

    /// With a sentence about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With the request that it is about.
    #[must_use]
    pub fn request(mut self, id: &RequestId) -> Self {
        self.instance = Some(format!("urn:gapura:request:{id}"));
        self
    }

    /// With one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// The document as JSON bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, a number and a map with string keys: nothing here can fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;
    use crate::ids::RequestId;

    #[test]
    fn json_format_unchanged() {
        let id = RequestId::from_random([0xab; 16]);
        let problem = Problem::new("rate-limited", "Too many requests.", 429)
            .detail("Try again in 7 s.")
            .request(&id)
            .with("retry_after", 7);
        assert_eq!(
            String::from_utf8(problem.to_json()).unwrap(),
            r#"{"type":"urn:gapura:problem:rate-limited","title":"Too many requests.","status":429,"detail":"Try again in 7 s.","instance":"urn:gapura:request:abababababababababababababababab","retry_after":7}"#
        );
    }
}
