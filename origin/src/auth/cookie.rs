//! Sessions in cookies, for pages whose scripts are not to hold tokens: who asks with
//! `cookies=true` gets both tokens in cookies and neither in the body.
//!
//! Guarantees: no script reads them (`HttpOnly`), no other host sets or gets them (`__Host-`,
//! RFC 6265bis §4.1.3.2), no foreign page has the refresh token sent (`SameSite=Strict`). Leaves to
//! the edge: refusing what a foreign page makes a browser send with the other one.

use crate::{App, admission::Admitted, http::ApiError};
use gapura_shared::parse::{cookie, query};
use http::{HeaderMap, HeaderValue, header::COOKIE};
use std::time::Duration;

/// What the edge's policy reads access tokens from (`token.cookie`).
pub(super) const ACCESS: &str = "__Host-gapura-access";
/// What the edge's policy guards besides (`token.refresh_cookie`).
pub(super) const REFRESH: &str = "__Host-gapura-refresh";

/// How a session's tokens get to their owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// In the JSON, as supabase-js has it.
    Body,
    /// In two cookies.
    Cookies,
    /// In the plain JSON of [`super::routes::simple`].
    Simple,
}

impl Delivery {
    /// What the request asks for.
    ///
    /// # Errors
    /// [`ApiError::Invalid`] for anything but `cookies=true`, and where that is switched off.
    pub(super) fn of(app: &App, request: &Admitted) -> Result<Self, ApiError> {
        let asked = query::first(request.query(), "cookies")
            .map_err(|_| ApiError::Invalid("The query is not readable."))?;
        match asked.as_deref() {
            None => Ok(Self::Body),
            Some("true") if app.auth.settings.cookies => Ok(Self::Cookies),
            Some("true") => Err(ApiError::Invalid("Sessions in cookies are switched off.")),
            Some(_) => Err(ApiError::Invalid(
                "The cookies parameter is true or absent.",
            )),
        }
    }

    /// Also sent with what a link on another site opens: such requests change nothing.
    pub(super) fn access_cookie(token: &str, lifetime: Duration) -> HeaderValue {
        set(ACCESS, token, lifetime.as_secs(), "Lax")
    }

    /// Sent by the site's own pages alone.
    pub(super) fn refresh_cookie(token: &str, lifetime: Duration) -> HeaderValue {
        set(REFRESH, token, lifetime.as_secs(), "Strict")
    }

    /// What takes both away.
    pub(super) fn cleared() -> [HeaderValue; 2] {
        [set(ACCESS, "", 0, "Lax"), set(REFRESH, "", 0, "Strict")]
    }
}

/// The refresh token that a browser sent; `None` also for two that differ.
pub(super) fn refresh_token(headers: &HeaderMap) -> Option<String> {
    let fields = headers.get_all(COOKIE).iter();
    let mut values = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(cookie::pairs)
        .filter_map(|(name, value)| (name == REFRESH && !value.is_empty()).then_some(value));
    let first = values.next()?;
    values.all(|value| value == first).then(|| first.to_owned())
}

/// Whether a request bears a session in cookies.
pub(super) fn bears_session(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(COOKIE).iter();
    fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(cookie::pairs)
        .any(|(name, _)| [ACCESS, REFRESH].contains(&name))
}

fn set(name: &str, value: &str, max_age_s: u64, same_site: &str) -> HeaderValue {
    let cookie = format!(
        "{name}={value}; Path=/; Max-Age={max_age_s}; Secure; HttpOnly; SameSite={same_site}"
    );
    // Base64url and dots are always a field value.
    HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::{Delivery, bears_session, refresh_token};
    use http::{HeaderMap, HeaderValue, header::COOKIE};
    use std::time::Duration;

    fn sent(cookies: &[&'static str]) -> HeaderMap {
        let field = |text: &&'static str| (COOKIE, HeaderValue::from_static(text));
        cookies.iter().map(field).collect()
    }

    #[test]
    fn cookies_are_for_this_host_and_no_script() {
        let access = Delivery::access_cookie("a.b.c", Duration::from_mins(15));
        assert_eq!(
            access,
            "__Host-gapura-access=a.b.c; Path=/; Max-Age=900; Secure; HttpOnly; SameSite=Lax"
        );
        let refresh = Delivery::refresh_cookie("r", Duration::from_hours(1));
        assert_eq!(
            refresh,
            "__Host-gapura-refresh=r; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Strict"
        );
        for cleared in Delivery::cleared() {
            assert!(cleared.to_str().unwrap().contains("=; Path=/; Max-Age=0;"));
        }
    }

    #[test]
    fn a_refresh_token_is_read_from_its_own_cookie_alone() {
        let read = |cookies| refresh_token(&sent(cookies));
        assert_eq!(
            read(&["a=1; __Host-gapura-refresh=r; b=2"]),
            Some("r".into())
        );
        assert_eq!(read(&["a=1", "__Host-gapura-refresh=r"]), Some("r".into()));
        for none in [
            &[][..],
            &["gapura-refresh=r"],
            &["__host-gapura-refresh=r"],
            &["__Host-gapura-refresh="],
            &["__Host-gapura-refresh=r; __Host-gapura-refresh=s"],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
        assert!(bears_session(&sent(&["__Host-gapura-access=a"])));
        assert!(!bears_session(&sent(&["__Host-gapura-device=a"])));
    }
}
