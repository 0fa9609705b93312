//! Access tokens: JWTs (RFC 7519) in the profile of RFC 9068, signed with
//! `EdDSA` (RFC 8037).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ed25519_compact::{KeyPair, Seed};
use gapura_shared::{
    claims::{ACCESS_TOKEN_TYPE, ACCESS_TYP, AccessClaims, ROLE_ANON},
    secret::Secret,
    time::UnixSeconds,
};
use jwt_compact::{AlgorithmExt, Claims, Header, alg::Ed25519};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt;

/// How long the key for requests without a person holds: ten years.
const ANON_LIFETIME_S: u64 = 10 * 365 * 24 * 60 * 60;

/// Signing failed, which only claims that are no JSON could cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an access token could not be signed")]
pub struct Unsigned;

/// The signing key and its public half.
pub struct TokenKey {
    key: KeyPair,
    kid: String,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", self.kid)
    }
}

impl TokenKey {
    /// Derives the key from its 32-byte seed; shorter seeds are filled with zeros.
    #[must_use]
    pub fn from_seed(seed: &Secret) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(seed.expose()) {
            *to = *from;
        }
        let key = KeyPair::from_seed(Seed::new(bytes));
        Self {
            kid: thumbprint(&URL_SAFE_NO_PAD.encode(*key.pk)),
            key,
        }
    }

    /// Signs `claims`, good from `now` for `lifetime_s` seconds.
    ///
    /// # Errors
    /// [`Unsigned`].
    pub fn sign(
        &self,
        claims: AccessClaims,
        now: UnixSeconds,
        lifetime_s: u64,
    ) -> Result<String, Unsigned> {
        let mut claims = Claims::new(claims);
        claims.issued_at = date(now);
        claims.not_before = date(now);
        claims.expiration = date(now.after(lifetime_s));
        let header = Header::empty()
            .with_key_id(self.kid.as_str())
            .with_token_type(ACCESS_TYP);
        Ed25519
            .token(&header, &claims, &self.key.sk)
            .map_err(|_| Unsigned)
    }

    /// The public key set (RFC 7517 §5) as JSON.
    #[must_use]
    pub fn jwks(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(*self.key.pk);
        json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "x": x,
            "kid": self.kid, "use": "sig", "alg": "EdDSA", "key_ops": ["verify"],
        }] })
        .to_string()
    }

    /// The key for requests without a person: role `anon`, no subject.
    ///
    /// # Errors
    /// [`Unsigned`].
    pub fn anon(
        &self,
        issuer: String,
        audience: String,
        id: String,
        now: UnixSeconds,
    ) -> Result<String, Unsigned> {
        let claims = AccessClaims {
            iss: issuer,
            aud: audience,
            sub: None,
            role: ROLE_ANON.into(),
            tenant_id: None,
            session_id: None,
            jti: id,
            token_type: ACCESS_TOKEN_TYPE.into(),
            aal: None,
            amr: Vec::new(),
            email: None,
        };
        self.sign(claims, now, ANON_LIFETIME_S)
    }
}

/// The first 16 characters of the key's thumbprint (RFC 7638 §3, RFC 8037 §2).
fn thumbprint(x: &str) -> String {
    let required = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    let mut kid = URL_SAFE_NO_PAD.encode(Sha256::digest(required));
    kid.truncate(16);
    kid
}

fn date(at: UnixSeconds) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(at.0).ok()?, 0)
}

#[cfg(test)]
mod tests {
    use super::{TokenKey, thumbprint};
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use gapura_shared::{secret::Secret, time::UnixSeconds};
    use jwt_compact::{AlgorithmExt, UntrustedToken, alg::Ed25519};
    use serde_json::{Value, json};

    const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

    fn key(byte: u8) -> TokenKey {
        TokenKey::from_seed(&Secret::new(vec![byte; 32]))
    }

    fn anon(key: &TokenKey) -> String {
        key.anon("gapura".into(), "authenticated".into(), "j-1".into(), NOW)
            .unwrap()
    }

    /// RFC 8037 §A.3.
    #[test]
    fn names_a_key_as_the_rfc_does() {
        let kid = thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"[..16]);
    }

    #[test]
    fn no_other_key_verifies_it() {
        let text = anon(&key(1));
        let token = UntrustedToken::new(&text).unwrap();
        let with = |key: &TokenKey| Ed25519.validator::<Value>(&key.key.pk).validate(&token);
        assert!(with(&key(1)).is_ok());
        assert!(with(&key(2)).is_err());
    }

    #[test]
    fn token_format_unchanged() {
        let text = anon(&key(1));
        let part = |index| -> Value {
            let part = text.split('.').nth(index).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(
            part(0),
            json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": key(1).kid })
        );
        assert_eq!(
            part(1),
            json!({
                "iss": "gapura", "aud": "authenticated", "role": "anon", "jti": "j-1",
                "token_type": "access", "iat": NOW.0, "nbf": NOW.0, "exp": NOW.0 + 315_360_000,
            })
        );
    }

    #[test]
    fn publishes_the_public_half_alone() {
        let set: Value = serde_json::from_str(&key(1).jwks()).unwrap();
        assert_eq!(set["keys"][0]["kid"], key(1).kid);
        assert_eq!(set["keys"][0].get("d"), None);
    }
}
