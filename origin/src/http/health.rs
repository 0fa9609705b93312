//! `/healthz` and `/readyz`, for whoever watches this machine from within.

use super::{Answer, respond};
use crate::App;
use gapura_shared::seal;
use http::{Method, Request, StatusCode};
use std::net::IpAddr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// The process answers.
    Alive,
    /// So does its database.
    Ready,
}

/// The answer to an unsealed health check from loopback; `None` for anything
/// else. It has no body: the status is all there is to know.
pub(super) async fn answer<B>(app: &App, peer: IpAddr, request: &Request<B>) -> Option<Answer> {
    let status = match check(peer, request)? {
        Check::Alive => StatusCode::OK,
        Check::Ready => readiness(app).await,
    };
    Some(respond::empty(status))
}

/// What comes sealed came through the gate, from wherever: it is no health check.
fn check<B>(peer: IpAddr, request: &Request<B>) -> Option<Check> {
    let from_within = peer.to_canonical().is_loopback()
        && request.method() == Method::GET
        && !request.headers().contains_key(seal::SIGNATURE_INPUT);
    match request.uri().path() {
        "/healthz" if from_within => Some(Check::Alive),
        "/readyz" if from_within => Some(Check::Ready),
        _ => None,
    }
}

async fn readiness(app: &App) -> StatusCode {
    match app.db.ping().await {
        Ok(()) => StatusCode::OK,
        Err(cause) => {
            tracing::warn!(%cause, "not ready");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Check, check};
    use gapura_shared::seal;
    use http::Request;

    fn from(peer: &str, method: &str, path: &str) -> Option<Check> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(())
            .unwrap();
        check(peer.parse().unwrap(), &request)
    }

    #[test]
    fn refuses_all_but_loopback() {
        for peer in [
            "192.0.2.1",
            "10.0.0.1",
            "0.0.0.0",
            "::",
            "2001:db8::1",
            "::ffff:192.0.2.1",
        ] {
            assert_eq!(from(peer, "GET", "/healthz"), None, "{peer}");
            assert_eq!(from(peer, "GET", "/readyz"), None, "{peer}");
        }
        for peer in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(from(peer, "GET", "/healthz"), Some(Check::Alive), "{peer}");
            assert_eq!(from(peer, "GET", "/readyz"), Some(Check::Ready), "{peer}");
        }
    }

    #[test]
    fn refuses_other_paths_and_methods_and_what_is_sealed() {
        for (method, path) in [
            ("POST", "/healthz"),
            ("GET", "/healthz/"),
            ("GET", "/"),
            ("GET", "/auth/v1/user"),
        ] {
            assert_eq!(from("127.0.0.1", method, path), None, "{method} {path}");
        }
        let sealed = Request::get("/healthz")
            .header(seal::SIGNATURE_INPUT, "x")
            .body(())
            .unwrap();
        assert_eq!(check("127.0.0.1".parse().unwrap(), &sealed), None);
    }
}
