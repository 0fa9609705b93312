//! Requests that a foreign site made a browser send: a cookie comes along
//! unasked, so a request that changes something must show where it is from.

/// A request with a cookie token comes, or may come, from a foreign site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cookie token on a request from a foreign site")]
pub struct CrossSite;

/// Methods that change nothing (RFC 9110 §9.2.1).
const SAFE: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// Checks a request whose token came in a cookie. One that changes something
/// needs `Sec-Fetch-Site: same-origin` or `none` (Fetch Metadata §2.3), or an
/// `Origin` that is in `allowed`. So does any upgrade: a WebSocket handshake
/// is a `GET` that foreign pages can send (RFC 6455 §10.2). `header` looks up
/// a header by its lower-case name.
///
/// # Errors
/// [`CrossSite`].
pub fn check<'a>(
    method: &str,
    header: impl Fn(&str) -> Option<&'a str>,
    allowed: &[String],
) -> Result<(), CrossSite> {
    if SAFE.contains(&method) && header("upgrade").is_none() {
        return Ok(());
    }
    let own = matches!(header("sec-fetch-site"), Some("same-origin" | "none"));
    let listed = header("origin").is_some_and(|origin| allowed.iter().any(|one| one == origin));
    if own || listed {
        Ok(())
    } else {
        Err(CrossSite)
    }
}

#[cfg(test)]
mod tests {
    use super::{CrossSite, check};

    fn ask(method: &str, headers: &[(&str, &str)]) -> Result<(), CrossSite> {
        let find = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        check(method, find, &["https://app.example".into()])
    }

    #[test]
    fn refuses_changes_from_foreign_or_unknown_sites() {
        for headers in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example")],
            &[("origin", "https://app.example.evil.example")],
            &[("origin", "http://app.example")],
            &[("origin", "null")],
        ] {
            assert_eq!(ask("POST", headers), Err(CrossSite), "{headers:?}");
            assert_eq!(ask("GET", headers), Ok(()), "{headers:?}");
        }
    }

    #[test]
    fn refuses_websockets_from_foreign_sites() {
        let foreign = [("upgrade", "websocket"), ("origin", "https://evil.example")];
        assert_eq!(ask("GET", &foreign), Err(CrossSite));
        let own = [("upgrade", "websocket"), ("origin", "https://app.example")];
        assert_eq!(ask("GET", &own), Ok(()));
    }

    #[test]
    fn lets_own_and_listed_sites_change_things() {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            assert_eq!(ask(method, &[("sec-fetch-site", "same-origin")]), Ok(()));
            assert_eq!(ask(method, &[("sec-fetch-site", "none")]), Ok(()));
            let listed = [
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://app.example"),
            ];
            assert_eq!(ask(method, &listed), Ok(()));
        }
    }
}
