//! An HTTP/1.1 client that sends exactly what it is told: repeated headers,
//! wrong lengths and malformed targets included.

use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long an answer may take: far beyond anything that a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request to be sent on a connection of its own.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    chunked: bool,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Lower-case names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
}

impl Request {
    /// A request for a target, which is sent as it is.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
            chunked: false,
        }
    }

    /// With a header; a second one of the name is sent as well.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// From this client address.
    #[must_use]
    pub fn from(self, address: &str) -> Self {
        self.header("CF-Connecting-IP", address)
    }

    /// Placed there by the platform: continent and autonomous system.
    #[must_use]
    pub fn placed(self, continent: &str, asn: u32) -> Self {
        let place = serde_json::json!({"continent": continent, "asn": asn});
        self.header("CF-Blob", &place.to_string())
    }

    /// With a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// With a body and its type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", content_type)
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sends the body in chunks, without its length.
    #[must_use]
    pub const fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// The bytes that go over the wire.
    #[must_use]
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let mut line = |name: &str, value: &str| {
            write!(head, "{name}: {value}\r\n").expect("writing to a `String` cannot fail");
        };
        let has = |name: &str| {
            self.headers
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        if !has("host") {
            line("Host", host);
        }
        line("Connection", "close");
        for (name, value) in &self.headers {
            line(name, value);
        }
        if self.chunked {
            line("Transfer-Encoding", "chunked");
        } else if !self.body.is_empty() && !has("content-length") {
            line("Content-Length", &self.body.len().to_string());
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if self.chunked {
            for chunk in self.body.chunks(64 * 1024) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
        } else {
            bytes.extend(&self.body);
        }
        bytes
    }

    /// Sends it and reads the answer.
    #[must_use]
    pub fn send(&self, to: SocketAddr) -> Response {
        exchange(to, &self.bytes(&to.to_string()))
    }
}

/// Sends bytes as they are and reads the answer.
#[must_use]
pub fn exchange(to: SocketAddr, bytes: &[u8]) -> Response {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE).expect("something listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout can be set");
    // A server that refuses early closes before all is written: what counts is its answer.
    let _ = stream.write_all(bytes);
    let bodiless = bytes.starts_with(b"HEAD ");
    let mut answer = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(length) => answer.extend(&piece[..length]),
        }
        if let Some(response) = Response::parse(&answer, bodiless, false) {
            return response;
        }
    }
    Response::parse(&answer, bodiless, true).unwrap_or_else(|| {
        panic!(
            "no answer from {to}: {:?}",
            String::from_utf8_lossy(&answer)
        )
    })
}

impl Response {
    /// The answer in these bytes; `None` while it is not complete. `bodiless`: whatever its headers
    /// say (RFC 9110 §9.3.2); `ended`: nothing follows.
    fn parse(bytes: &[u8], bodiless: bool, ended: bool) -> Option<Self> {
        let mut slots = [httparse::EMPTY_HEADER; 100];
        let mut head = httparse::Response::new(&mut slots);
        let httparse::Status::Complete(at) = head.parse(bytes).expect("an HTTP answer") else {
            return None;
        };
        let mut response = Self {
            status: head.code?,
            headers: head
                .headers
                .iter()
                .map(|h| {
                    (
                        h.name.to_ascii_lowercase(),
                        String::from_utf8_lossy(h.value).into(),
                    )
                })
                .collect(),
            body: Vec::new(),
        };
        let rest = bytes.get(at..)?;
        if bodiless || matches!(response.status, 204 | 304) {
            return Some(response);
        }
        response.body = match (
            response.header("content-length"),
            response.header("transfer-encoding"),
        ) {
            (_, Some(_)) => unchunk(rest)?,
            (Some(length), None) => rest.get(..length.parse().ok()?)?.to_vec(),
            (None, None) if ended => rest.to_vec(),
            (None, None) => return None,
        };
        Some(response)
    }

    /// The first value of a header by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} with no JSON: {}", self.status, self.text()))
    }

    /// The reason in a problem document, checked to be one as a whole.
    #[expect(clippy::must_use_candidate, reason = "the check alone is of use too")]
    pub fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        let kind = problem["type"].as_str().expect("a type");
        kind.strip_prefix("urn:gapura:problem:")
            .expect("our namespace")
            .to_owned()
    }
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((at, length)) =
            httparse::parse_chunk_size(rest).expect("chunks")
        else {
            return None;
        };
        let length = usize::try_from(length).expect("a chunk that fits");
        let chunk = rest.get(at..)?;
        if length == 0 {
            return chunk.starts_with(b"\r\n").then_some(body);
        }
        body.extend(chunk.get(..length)?);
        rest = chunk.get(length + 2..)?;
    }
}
