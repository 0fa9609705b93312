//! The borrowed view of a request that the firewall inspects.

use std::net::IpAddr;

/// What the gate read of a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who sent it, where that is known.
    pub client: Option<IpAddr>,
    /// Method as sent.
    pub method: &'a str,
    /// Raw path as sent, still percent-encoded.
    pub path: &'a str,
    /// Raw query without the `?`; empty when there is none.
    pub query: &'a str,
    /// Headers with lower-case names, `cookie` included.
    pub headers: &'a [(String, String)],
    /// The body, as far as the gate read it.
    pub body: Body<'a>,
}

impl<'a> Request<'a> {
    /// A `POST` without a query, of a client that is not known.
    #[must_use]
    pub const fn post(path: &'a str, headers: &'a [(String, String)], body: Body<'a>) -> Self {
        Self {
            client: None,
            method: "POST",
            path,
            query: "",
            headers,
            body,
        }
    }
}

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// There is none.
    None,
    /// Read as a whole.
    Read {
        /// Value of `Content-Type`.
        content_type: Option<&'a str>,
        /// The bytes as sent.
        bytes: &'a [u8],
    },
    /// Passed on without being read; not inspected.
    Streamed,
}
