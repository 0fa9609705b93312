//! The JSON bodies by which one-time tokens are asked for and used.

use super::Purpose;
use crate::{
    auth::{
        body::{address, json},
        metadata,
    },
    http::ApiError,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

/// RFC 7636 §4.1 and §4.2: a verifier has 43 to 128 characters, and so has a challenge.
const CHALLENGE_CHARS: std::ops::RangeInclusive<usize> = 43..=128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    email: String,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    create_user: Option<bool>,
    #[serde(default)]
    code_challenge: Option<String>,
    #[serde(default)]
    code_challenge_method: Option<String>,
    #[serde(default, rename = "gotrue_meta_security")]
    _captcha: IgnoredAny,
}

/// A mail that somebody asks for.
pub(super) struct Asked {
    pub(super) email: String,
    /// What is to be sent again.
    pub(super) kind: Option<String>,
    pub(super) data: Map<String, Value>,
    pub(super) creates: bool,
    pub(super) challenge: Option<String>,
}

impl Asked {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let sent: Sent = json(body)?;
        let mut data = Map::new();
        metadata::merge(&mut data, &sent.data.unwrap_or_default())?;
        Ok(Self {
            email: address(&sent.email)?,
            kind: sent.kind,
            data,
            creates: sent.create_user.unwrap_or(true),
            challenge: challenge(sent.code_challenge, sent.code_challenge_method.as_deref())?,
        })
    }
}

/// The challenge of who will exchange a code (RFC 7636 §4.3); `plain` hides nothing and is refused.
pub(crate) fn challenge(
    challenge: Option<String>,
    method: Option<&str>,
) -> Result<Option<String>, ApiError> {
    let Some(challenge) = challenge else {
        return Ok(None);
    };
    if !method.is_some_and(|method| method.eq_ignore_ascii_case("s256")) {
        return Err(ApiError::Invalid("The code challenge method must be s256."));
    }
    if !is_unreserved(&challenge) {
        return Err(ApiError::Invalid("The code challenge is not valid."));
    }
    Ok(Some(challenge))
}

fn is_unreserved(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    CHALLENGE_CHARS.contains(&text.len()) && text.bytes().all(fits)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    token_hash: Option<String>,
    #[serde(default, rename = "options")]
    _options: IgnoredAny,
    #[serde(default, rename = "redirect_to")]
    _redirect: IgnoredAny,
    #[serde(default, rename = "gotrue_meta_security")]
    _captcha: IgnoredAny,
}

/// A token that somebody has.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Out of a link.
    Link(String),
    /// A code, and the address that it went to.
    Code {
        /// Normalised.
        email: String,
        code: String,
    },
}

/// A token and what it is said to be good for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verify {
    pub(super) purposes: &'static [Purpose],
    pub(super) shown: Shown,
}

impl Verify {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let sent: Proof = json(body)?;
        let shown = match (sent.token_hash, sent.email, sent.token) {
            (Some(link), None, None) => Shown::Link(link),
            (None, Some(email), Some(code)) => Shown::Code {
                email: address(&email)?,
                code,
            },
            _ => {
                return Err(ApiError::Invalid(
                    "Either token_hash or email and token is needed.",
                ));
            }
        };
        Ok(Self {
            purposes: purposes(&sent.kind)?,
            shown,
        })
    }
}

/// What a `type` of supabase-js stands for.
pub(super) fn purposes(kind: &str) -> Result<&'static [Purpose], ApiError> {
    Ok(match kind {
        // The first mail of somebody new is that of a sign-up, whatever it was asked for by.
        "signup" => &[Purpose::Signup, Purpose::MagicLink],
        "magiclink" => &[Purpose::MagicLink],
        "recovery" => &[Purpose::Recovery],
        "invite" => &[Purpose::Invite],
        "email_change" => &[Purpose::EmailChange],
        "email" => &[Purpose::MagicLink, Purpose::Signup, Purpose::Invite],
        _ => {
            return Err(ApiError::Invalid(
                "The type is signup, magiclink, recovery, invite, email_change or email.",
            ));
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentExchange {
    auth_code: String,
    code_verifier: String,
    #[serde(default, rename = "gotrue_meta_security")]
    _captcha: IgnoredAny,
}

/// A code for a session, and who may have it.
pub(super) struct Exchange {
    pub(super) code: String,
    pub(super) verifier: String,
}

impl Exchange {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let sent: SentExchange = json(body)?;
        if !is_unreserved(&sent.code_verifier) {
            return Err(ApiError::BadCodeVerifier);
        }
        Ok(Self {
            code: sent.auth_code,
            verifier: sent.code_verifier,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Exchange, Purpose, Shown, Verify};
    use crate::http::ApiError;
    use proptest::prelude::*;

    #[test]
    fn accepts_what_supabase_js_sends() {
        let asked = Asked::parse(
            br#"{"email":" A@b.co","data":{},"create_user":false,"gotrue_meta_security":{},"code_challenge":null,"code_challenge_method":null}"#,
        );
        let asked = asked.ok().unwrap();
        assert_eq!((asked.email.as_str(), asked.creates), ("a@b.co", false));
        let verify = Verify::parse(
            br#"{"email":"a@b.co","token":"012345","type":"email","options":{"redirectTo":"x"},"gotrue_meta_security":{}}"#,
        );
        let verify = verify.ok().unwrap();
        assert!(verify.purposes.contains(&Purpose::MagicLink));
        assert!(matches!(verify.shown, Shown::Code { .. }));
        let link = Verify::parse(br#"{"token_hash":"x","type":"recovery"}"#);
        assert_eq!(link.unwrap().shown, Shown::Link("x".into()));
    }

    #[test]
    fn refuses_what_is_half_or_double() {
        for body in [
            "{}",
            r#"{"type":"recovery"}"#,
            r#"{"type":"recovery","token":"012345"}"#,
            r#"{"type":"recovery","email":"a@b.co"}"#,
            r#"{"type":"recovery","email":"a@b.co","token":"1","token_hash":"x"}"#,
            r#"{"type":"recovery","email":"nobody","token":"1"}"#,
            r#"{"type":"pkce","token_hash":"x"}"#,
            r#"{"type":"reauthentication","email":"a@b.co","token":"1"}"#,
            r#"{"type":"sms","phone":"1","token":"1"}"#,
            r#"{"type":["recovery"],"token_hash":"x"}"#,
        ] {
            let refused = Verify::parse(body.as_bytes());
            assert!(matches!(refused, Err(ApiError::Invalid(_))), "{body}");
        }
        let challenge = "x".repeat(43);
        for (challenge, method) in [
            (challenge.as_str(), "\"plain\""),
            (&challenge, "null"),
            ("short", "\"s256\""),
        ] {
            let body = format!(
                r#"{{"email":"a@b.co","code_challenge":"{challenge}","code_challenge_method":{method}}}"#
            );
            let refused = Asked::parse(body.as_bytes());
            assert!(matches!(refused, Err(ApiError::Invalid(_))), "{body}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            let _ = (Asked::parse(&body).is_ok(), Verify::parse(&body), Exchange::parse(&body).is_ok());
        }
    }
}
