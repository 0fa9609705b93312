//! Where a request carries its token.

use super::TokenError;
use gapura_shared::parse::cookie;

/// What carried a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization: Bearer` (RFC 6750 §2.1).
    Authorization,
    /// The `apikey` header, as supabase clients send it.
    ApiKey,
    /// The policy's cookie. Browsers send it unasked: see [`super::csrf`].
    Cookie,
}

/// A token that nobody has looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The token as sent.
    pub token: &'a str,
    /// What carried it.
    pub carrier: Carrier,
}

impl std::fmt::Debug for Candidate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Candidate({:?}, {} bytes)",
            self.carrier,
            self.token.len()
        )
    }
}

/// The request's token: `Authorization`, else `apikey`, else the named cookie.
/// `header` looks up a header by its lower-case name. Empty keys and cookies
/// count as absent.
///
/// # Errors
/// [`TokenError::Scheme`] if `Authorization` is there with another scheme,
/// which a route without need of a token may take as none at all;
/// [`TokenError::Malformed`] for `Bearer` without a token and for two cookies
/// of the name that differ: a neighbouring host can plant one (RFC 6265 §8.6).
pub fn candidate<'a>(
    header: impl Fn(&str) -> Option<&'a str>,
    cookie_name: Option<&str>,
) -> Result<Option<Candidate<'a>>, TokenError> {
    let found = |carrier| move |token| Candidate { token, carrier };
    if let Some(value) = header("authorization") {
        return bearer(value).map(found(Carrier::Authorization)).map(Some);
    }
    if let Some(key) = header("apikey").filter(|key| !key.is_empty()) {
        return Ok(Some(found(Carrier::ApiKey)(key)));
    }
    match (cookie_name, header("cookie")) {
        (Some(name), Some(cookies)) => Ok(from_cookies(cookies, name)?.map(found(Carrier::Cookie))),
        _ => Ok(None),
    }
}

fn bearer(value: &str) -> Result<&str, TokenError> {
    let (scheme, token) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenError::Scheme);
    }
    match token.trim_start() {
        "" => Err(TokenError::Malformed),
        token => Ok(token),
    }
}

fn from_cookies<'a>(cookies: &'a str, name: &str) -> Result<Option<&'a str>, TokenError> {
    let ours = |(key, value): (&str, &'a str)| (key == name && !value.is_empty()).then_some(value);
    let mut values = cookie::pairs(cookies).filter_map(ours);
    let first = values.next();
    if values.any(|value| Some(value) != first) {
        return Err(TokenError::Malformed);
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Carrier, TokenError, candidate};

    fn find<'a>(
        headers: &'a [(&'a str, &'a str)],
        cookie: Option<&str>,
    ) -> Result<Option<Candidate<'a>>, TokenError> {
        let find = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        candidate(find, cookie)
    }

    fn token<'a>(headers: &'a [(&'a str, &'a str)]) -> Option<(&'a str, Carrier)> {
        let found = find(headers, Some("session")).unwrap();
        found.map(|found| (found.token, found.carrier))
    }

    #[test]
    fn refuses_other_schemes_and_bearer_without_a_token() {
        for (value, fault) in [
            ("Basic dTpw", TokenError::Scheme),
            ("Bearerx a.b.c", TokenError::Scheme),
            ("a.b.c", TokenError::Scheme),
            ("", TokenError::Scheme),
            ("Bearer", TokenError::Malformed),
            ("Bearer  ", TokenError::Malformed),
        ] {
            // The key beside it does not heal the header.
            let headers = [("authorization", value), ("apikey", "k")];
            assert_eq!(find(&headers, None), Err(fault), "{value}");
        }
    }

    #[test]
    fn refuses_two_cookies_of_the_name_that_differ() {
        let both = [("cookie", "session=a; x=y; session=b")];
        assert_eq!(find(&both, Some("session")), Err(TokenError::Malformed));
        assert_eq!(
            token(&[("cookie", "session=a; session=a")]),
            Some(("a", Carrier::Cookie))
        );
    }

    #[test]
    fn takes_authorization_before_apikey_before_cookie() {
        let all = [
            ("authorization", "bEARER  t"),
            ("apikey", "k"),
            ("cookie", "session=c"),
        ];
        assert_eq!(token(&all), Some(("t", Carrier::Authorization)));
        assert_eq!(token(&all[1..]), Some(("k", Carrier::ApiKey)));
        assert_eq!(token(&all[2..]), Some(("c", Carrier::Cookie)));
        assert_eq!(
            find(&all[2..], None),
            Ok(None),
            "no cookie unless the policy names one"
        );
    }

    #[test]
    fn takes_empty_keys_and_cookies_as_none() {
        assert_eq!(
            token(&[("apikey", ""), ("cookie", "session=; other=x")]),
            None
        );
        assert_eq!(token(&[]), None);
    }

    #[test]
    fn debug_does_not_show_the_token() {
        let found = find(&[("apikey", "secret")], None).unwrap();
        assert_eq!(format!("{found:?}"), "Some(Candidate(ApiKey, 6 bytes))");
    }
}
