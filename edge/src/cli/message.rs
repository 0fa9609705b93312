//! A request as a file, a command line or a corpus holds it.

use crate::waf;

/// An HTTP request that owns its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Method as sent.
    pub method: String,
    /// Raw path, never empty.
    pub path: String,
    /// Raw query without `?`.
    pub query: String,
    /// Lower-case names and values in order.
    pub headers: Vec<(String, String)>,
    /// The body, where there is one.
    pub body: Option<Vec<u8>>,
}

/// Why a text is not a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMessage {
    /// The first line is not `METHOD target`.
    #[error("the first line must be `METHOD target HTTP/1.1`, is {0:?}")]
    Line(String),
    /// A header line without a colon.
    #[error("a header must be `name: value`, is {0:?}")]
    Header(String),
    /// The target is neither a path nor a URL.
    #[error("the target must start with `/` or `http(s)://`, is {0:?}")]
    Target(String),
}

impl Message {
    /// A request without headers and body.
    ///
    /// # Errors
    /// [`BadMessage::Target`].
    pub fn new(method: &str, target: &str) -> Result<Self, BadMessage> {
        let mut message = Self {
            method: method.to_owned(),
            path: String::new(),
            query: String::new(),
            headers: Vec::new(),
            body: None,
        };
        message.aim(target)?;
        Ok(message)
    }

    /// Sets path and query, and `Host` where the target is a URL. A fragment is not sent.
    fn aim(&mut self, target: &str) -> Result<(), BadMessage> {
        let target = target.split('#').next().unwrap_or_default();
        let rest = ["https://", "http://"]
            .iter()
            .find_map(|scheme| target.strip_prefix(scheme));
        let local = match rest {
            Some(rest) => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                let (authority, local) = rest.split_at(end);
                self.header("host", authority);
                local
            }
            None if target.starts_with('/') => target,
            None => return Err(BadMessage::Target(target.to_owned())),
        };
        let (path, query) = local.split_once('?').unwrap_or((local, ""));
        let path = if path.is_empty() { "/" } else { path };
        path.clone_into(&mut self.path);
        query.clone_into(&mut self.query);
        Ok(())
    }

    /// Adds a header.
    pub fn header(&mut self, name: &str, value: &str) {
        self.headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }

    /// The value of a header by its lower-case name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Reads a request as it goes over the wire, leniently about line ends. The body is the rest,
    /// cut to `Content-Length` where it is longer (an editor's last line break).
    ///
    /// # Errors
    /// [`BadMessage`].
    pub fn parse(raw: &[u8]) -> Result<Self, BadMessage> {
        let mut rest = raw;
        let first = line(&mut rest).unwrap_or_default();
        let mut words = first.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(BadMessage::Line(first));
        };
        let mut message = Self::new(method, target)?;
        while let Some(text) = line(&mut rest).filter(|text| !text.is_empty()) {
            match text.split_once(':') {
                Some((name, value)) => message.header(name, value),
                None => return Err(BadMessage::Header(text)),
            }
        }
        let length = message.find("content-length").and_then(|n| n.parse().ok());
        let body = rest.get(..length.unwrap_or(rest.len())).unwrap_or(rest);
        message.body = (!body.is_empty()).then(|| body.to_owned());
        Ok(message)
    }

    /// As the firewall sees it.
    #[must_use]
    pub fn view(&self) -> waf::Request<'_> {
        waf::Request {
            client: None,
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            body: match &self.body {
                None => waf::Body::None,
                Some(bytes) => waf::Body::Read {
                    content_type: self.find("content-type"),
                    bytes,
                },
            },
        }
    }
}

/// Takes the next line off `rest`, without its end.
fn line(rest: &mut &[u8]) -> Option<String> {
    if rest.is_empty() {
        return None;
    }
    let end = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(rest.len());
    let (line, tail) = rest.split_at(end);
    *rest = tail.get(1..).unwrap_or_default();
    let text = String::from_utf8_lossy(line);
    Some(text.trim_end_matches('\r').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_raw_request() {
        let raw = b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nx=1\n";
        let message = Message::parse(raw).unwrap();
        assert_eq!(message.method, "POST");
        assert_eq!(
            (message.path.as_str(), message.query.as_str()),
            ("/a", "b=c")
        );
        assert_eq!(message.find("host"), Some("h"));
        assert_eq!(message.body.as_deref(), Some(&b"x=1"[..]));
    }

    #[test]
    fn reads_urls_and_plain_line_ends() {
        let message = Message::parse(b"GET https://h:8?q=1#f HTTP/1.1\nA: b").unwrap();
        assert_eq!(
            (message.path.as_str(), message.query.as_str()),
            ("/", "q=1")
        );
        assert_eq!(message.find("host"), Some("h:8"));
        assert_eq!(message.body, None);
    }

    #[test]
    fn says_what_is_no_request() {
        assert_eq!(
            Message::parse(b"hello"),
            Err(BadMessage::Line("hello".into()))
        );
        assert_eq!(
            Message::parse(b"GET x HTTP/1.1\n"),
            Err(BadMessage::Target("x".into()))
        );
        assert_eq!(
            Message::parse(b"GET /x HTTP/1.1\nnope\n"),
            Err(BadMessage::Header("nope".into()))
        );
    }
}
