//! What the gate knows of a request after one read of it: platform-free.

mod trace;

pub use trace::TraceContext;

use gapura_shared::ids::RequestId;
use std::net::IpAddr;

/// The header in which the platform names the client.
const CLIENT_ADDRESS: &str = "cf-connecting-ip";
/// The header in which the platform names the client's country.
const CLIENT_COUNTRY: &str = "cf-ipcountry";

/// One request, read once.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The method, as sent.
    pub method: String,
    /// Host without port, lower case.
    pub host: String,
    /// Scheme, host and port: the origin that a same-origin page would name.
    pub own_origin: String,
    /// The path as sent, percent-encoded, never empty.
    pub path: String,
    /// The query as sent, without `?`; empty when there is none.
    pub query: String,
    /// Lower-case names and values; repeated ones joined by `, ` as the platform does.
    pub headers: Vec<(String, String)>,
    /// Who asks.
    pub client: IpAddr,
    /// The client's country, ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
    /// The request's name in headers and logs.
    pub request_id: RequestId,
    /// The trace that it belongs to.
    pub trace: TraceContext,
}

/// What names a request; all of it random.
#[derive(Debug, Clone, Copy)]
pub struct Random {
    /// Of the request, and of its trace where it starts one.
    pub id: [u8; 16],
    /// Of the gate's span within the trace.
    pub span: [u8; 8],
}

/// Why there are no facts. The platform itself is at fault: a client cannot cause these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not the form that the platform's reader writes.
    #[error("the request could not be read")]
    Form,
    /// No client address, or one that does not parse.
    #[error("the platform names no client address")]
    Client,
}

impl Facts {
    /// Reads the text that the platform hands over in one piece: a line with
    /// the method, one with the URL, then a line `name NUL value` per header.
    /// Neither byte can occur in what it separates (RFC 9110 §5.5).
    ///
    /// `random` names the request; `fallback` is the client's address when the
    /// platform gives none, which only a development stack has.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(text: &str, random: Random, fallback: Option<IpAddr>) -> Result<Self, Unreadable> {
        let mut lines = text.split('\n');
        let method = lines.next().ok_or(Unreadable::Form)?;
        let url = Url::split(lines.next().ok_or(Unreadable::Form)?).ok_or(Unreadable::Form)?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once('\0'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let header = |name: &str| find(&headers, name);
        let client = match header(CLIENT_ADDRESS) {
            Some(address) => address.trim().parse().ok(),
            None => fallback,
        };
        Ok(Self {
            method: method.to_owned(),
            host: url.host,
            own_origin: url.origin,
            path: url.path,
            query: url.query,
            client: client.ok_or(Unreadable::Client)?,
            country: header(CLIENT_COUNTRY).map(str::to_ascii_uppercase),
            request_id: RequestId::from_random(random.id),
            trace: TraceContext::continued(header("traceparent"), random.id, random.span),
            headers,
        })
    }

    /// The value of a header by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The declared length of the body, where one is declared and readable.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// Whether a body may follow (RFC 9112 §6.3).
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.header("transfer-encoding").is_some() || self.content_length().is_some_and(|n| n > 0)
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// The parts of an absolute URL, as serialised by the platform.
struct Url {
    origin: String,
    host: String,
    path: String,
    query: String,
}

impl Url {
    fn split(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(at)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Some(Self {
            origin: format!("{scheme}://{authority}"),
            host: without_port(authority).to_ascii_lowercase(),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            query: query.to_owned(),
        })
    }
}

/// `host:port` or `[v6]:port` without its port.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Facts, Random, Unreadable};

    const RANDOM: Random = Random {
        id: [7; 16],
        span: [8; 8],
    };

    /// Facts of a request as the platform's reader would hand them over.
    pub(crate) fn facts(method: &str, url: &str, headers: &[(&str, &str)]) -> Facts {
        let mut text = format!("{method}\n{url}\ncf-connecting-ip\x00192.0.2.7\n");
        for (name, value) in headers {
            text.extend([name, "\0", value, "\n"]);
        }
        Facts::read(&text, RANDOM, None).unwrap()
    }

    #[test]
    fn refuses_a_client_without_an_address() {
        let read = |text| Facts::read(text, RANDOM, None).map(|_| ());
        assert_eq!(read("GET\nhttp://h/\n"), Err(Unreadable::Client));
        let forged = "GET\nhttp://h/\ncf-connecting-ip\0nonsense\n";
        assert_eq!(read(forged), Err(Unreadable::Client));
        let fallback = "192.0.2.1".parse().ok();
        assert!(Facts::read("GET\nhttp://h/\n", RANDOM, fallback).is_ok());
        assert!(
            Facts::read(forged, RANDOM, fallback).is_err(),
            "a bad address is no missing one"
        );
    }

    #[test]
    fn refuses_other_forms() {
        assert_eq!(
            Facts::read("", RANDOM, None).map(|_| ()),
            Err(Unreadable::Form)
        );
        assert_eq!(
            Facts::read("GET\n/path\n", RANDOM, None).map(|_| ()),
            Err(Unreadable::Form)
        );
    }

    #[test]
    fn takes_the_url_apart_without_decoding() {
        let read = facts("GET", "https://App.example:8443/a%2Fb/?q=%20&r#f", &[]);
        assert_eq!(read.host, "app.example");
        assert_eq!(read.own_origin, "https://App.example:8443");
        assert_eq!(
            (read.path.as_str(), read.query.as_str()),
            ("/a%2Fb/", "q=%20&r")
        );
        let bare = facts("GET", "https://[2001:db8::1]?x=1", &[]);
        assert_eq!(
            (bare.host.as_str(), bare.path.as_str()),
            ("[2001:db8::1]", "/")
        );
    }

    #[test]
    fn knows_whether_a_body_follows() {
        let with = |name, value| facts("POST", "http://h/", &[(name, value)]).has_body();
        assert!(with("content-length", "1"));
        assert!(with("transfer-encoding", "chunked"));
        assert!(!with("content-length", "0"));
        assert!(!with("accept", "*/*"));
    }
}
