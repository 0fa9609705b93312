//! What `supabase.auth.mfa` sends.

use crate::{auth::body::json, http::ApiError};
use serde::{Deserialize, de::IgnoredAny};

/// Longest name of a factor or an issuer, in bytes.
const MAX_NAME_BYTES: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enrol {
    factor_type: String,
    #[serde(default)]
    friendly_name: Option<String>,
    #[serde(default)]
    issuer: Option<String>,
}

/// An authenticator to enrol.
#[derive(Debug)]
pub(super) struct Enrolled {
    /// May be empty.
    pub(super) friendly_name: String,
    pub(super) issuer: Option<String>,
}

pub(super) fn enrol(body: &[u8]) -> Result<Enrolled, ApiError> {
    let sent: Enrol = json(body)?;
    if sent.factor_type != "totp" {
        return Err(ApiError::Invalid("The factor_type must be totp."));
    }
    let name = |text: Option<String>| {
        let text = text.map(|text| text.trim().to_owned());
        let fits = |text: &String| text.len() <= MAX_NAME_BYTES && !text.contains(char::is_control);
        if text.as_ref().is_none_or(fits) {
            Ok(text.filter(|text| !text.is_empty()))
        } else {
            Err(ApiError::Invalid(
                "A name has at most 64 bytes and no control characters.",
            ))
        }
    };
    Ok(Enrolled {
        friendly_name: name(sent.friendly_name)?.unwrap_or_default(),
        issuer: name(sent.issuer)?,
    })
}

/// A code with the challenge that it answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    pub(super) challenge_id: String,
    pub(super) code: String,
    #[serde(default, rename = "factor_id")]
    _factor: IgnoredAny,
}

pub(super) fn verify(body: &[u8]) -> Result<Verify, ApiError> {
    json(body)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recovery {
    code: String,
}

pub(super) fn recovery(body: &[u8]) -> Result<String, ApiError> {
    json::<Recovery>(body).map(|sent| sent.code)
}

#[cfg(test)]
mod tests {
    use super::{enrol, recovery, verify};
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_authenticator() {
        for body in [
            "{}".to_owned(),
            r#"{"factor_type":"phone","phone":"1"}"#.to_owned(),
            r#"{"factor_type":"sms"}"#.to_owned(),
            r#"{"factor_type":"totp","friendly_name":1}"#.to_owned(),
            r#"{"factor_type":"totp","friendly_name":"a\nb"}"#.to_owned(),
            r#"{"factor_type":"totp","secret":"x"}"#.to_owned(),
            format!(r#"{{"factor_type":"totp","issuer":"{}"}}"#, "x".repeat(65)),
        ] {
            assert!(enrol(body.as_bytes()).is_err(), "{body}");
        }
        let plain = enrol(br#"{"factor_type":"totp","friendly_name":" "}"#).unwrap();
        assert_eq!((plain.friendly_name.as_str(), plain.issuer), ("", None));
    }

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            let _ = (enrol(&body).is_ok(), verify(&body).is_ok(), recovery(&body).is_ok());
        }
    }
}
