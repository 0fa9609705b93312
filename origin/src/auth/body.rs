//! The JSON bodies that supabase-js sends. Members that it adds for features
//! of other servers are accepted and ignored; anything else is refused.

use super::{
    email, metadata,
    one_time::challenge,
    password::{self, Policy},
};
use crate::http::ApiError;
use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};
use serde_json::{Map, Value};

/// Longest JSON body under `/auth/v1`.
pub(super) const MAX_BYTES: u64 = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: String,
    password: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default, rename = "gotrue_meta_security")]
    _captcha: IgnoredAny,
    #[serde(default)]
    code_challenge: Option<String>,
    #[serde(default)]
    code_challenge_method: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refresh {
    refresh_token: String,
    #[serde(default, rename = "gotrue_meta_security")]
    _captcha: IgnoredAny,
}

/// An address and a password that could be somebody's.
pub(super) struct Login {
    pub(super) email: String,
    pub(super) password: String,
}

/// An address and a password that may become somebody's.
pub(super) struct Signup {
    pub(super) login: Login,
    pub(super) data: Map<String, Value>,
    /// Of who will exchange the code of a confirmation for a session.
    pub(super) challenge: Option<String>,
}

impl Login {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let sent: Credentials = json(body)?;
        if sent.password.len() > password::MAX_BYTES {
            return Err(ApiError::Invalid("The password is too long."));
        }
        Ok(Self {
            email: address(&sent.email)?,
            password: sent.password,
        })
    }
}

impl Signup {
    pub(super) fn parse(body: &[u8], policy: &Policy) -> Result<Self, ApiError> {
        let sent: Credentials = json(body)?;
        let email = address(&sent.email)?;
        policy
            .check(&sent.password, &email)
            .map_err(ApiError::WeakPassword)?;
        let mut data = Map::new();
        metadata::merge(&mut data, &sent.data.unwrap_or_default())?;
        Ok(Self {
            login: Login {
                email,
                password: sent.password,
            },
            data,
            challenge: challenge(sent.code_challenge, sent.code_challenge_method.as_deref())?,
        })
    }
}

/// The refresh token of a body.
pub(super) fn refresh_token(body: &[u8]) -> Result<String, ApiError> {
    json::<Refresh>(body).map(|sent| sent.refresh_token)
}

pub(super) fn address(text: &str) -> Result<String, ApiError> {
    email::normalise(text).ok_or(ApiError::Invalid("The e-mail address is not valid."))
}

pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    const WRONG: ApiError = ApiError::Invalid("A member is missing, unknown or of the wrong type.");
    let text = str::from_utf8(body).map_err(|_| ApiError::BadJson)?;
    // Whether it is JSON is asked first, so that nothing in it changes the answer to that.
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| ApiError::BadJson)?;
    let read = serde_json::from_str(text).map_err(|_| WRONG)?;
    // To serde, the values of a struct in their order are that struct as well.
    if text.trim_start().starts_with('[') {
        return Err(WRONG);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::{Login, Policy, Signup, refresh_token};
    use crate::{auth::password::Weakness, config, http::ApiError};
    use proptest::prelude::*;

    fn policy() -> Policy {
        Policy::new(&config::parse("", &|_| None).unwrap().auth)
    }

    fn signup(body: &str) -> Option<ApiError> {
        Signup::parse(body.as_bytes(), &policy()).err()
    }

    #[test]
    fn refuses_what_is_not_json() {
        for body in [
            "",
            "{",
            "email=a",
            "{\"email\":\"a@b.co\",\"password\":\"12345678\"}x",
            "\u{0}",
        ] {
            assert!(matches!(signup(body), Some(ApiError::BadJson)), "{body}");
        }
    }

    #[test]
    fn refuses_wrong_types_and_unknown_members() {
        for body in [
            "[]",
            "null",
            "{}",
            r#"{"email":["a@b.co"],"password":"12345678"}"#,
            r#"{"email":"a@b.co","password":12345678}"#,
            r#"{"email":"a@b.co","password":{"$ne":""}}"#,
            r#"{"email":"a@b.co","password":"12345678","data":"x"}"#,
            r#"{"email":"a@b.co","password":"12345678","role":"admin"}"#,
            r#"{"email":"a@b.co","email":"c@d.co","password":"12345678"}"#,
            r#"{"email":"nobody","password":"12345678"}"#,
        ] {
            assert!(matches!(signup(body), Some(ApiError::Invalid(_))), "{body}");
        }
        assert!(refresh_token(br#"{"refresh_token":1}"#).is_err());
    }

    #[test]
    fn refuses_a_weak_password() {
        let body = r#"{"email":"a@b.co","password":"12345678"}"#;
        assert_eq!(signup(body), Some(ApiError::WeakPassword(Weakness::Pwned)));
        let body = r#"{"email":"a@b.co","password":"1234567"}"#;
        assert!(matches!(signup(body), Some(ApiError::WeakPassword(_))));
        // Who logs in is told nothing about how passwords are made.
        assert!(Login::parse(body.as_bytes()).is_ok());
        let long = format!(r#"{{"email":"a@b.co","password":"{}"}}"#, "x".repeat(1025));
        assert!(Login::parse(long.as_bytes()).is_err());
    }

    #[test]
    fn accepts_what_supabase_js_sends() {
        let body = r#"{"email":" A@B.co","password":"kuda benar","data":{"name":"Made"},
            "gotrue_meta_security":{"captcha_token":null},"code_challenge":null,"code_challenge_method":null}"#;
        let read = Signup::parse(body.as_bytes(), &policy()).unwrap();
        assert_eq!(read.login.email, "a@b.co");
        assert_eq!(read.data["name"], "Made");
    }

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            let _ = (Signup::parse(&body, &policy()), Login::parse(&body), refresh_token(&body));
        }
    }
}
