//! Access tokens: JWTs (RFC 7519) in the profile of RFC 9068, signed with `EdDSA` (RFC 8037), ES256
//! (RFC 7518 §3.4) or, while another system still checks them so, HS256 (RFC 7518 §3.2).

use super::refresh::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ed25519_compact::{KeyPair, Seed};
use gapura_shared::{
    claims::{ACCESS_TOKEN_TYPE, ACCESS_TYP, AccessClaims, ROLE_ANON},
    secret::Secret,
    time::UnixSeconds,
};
use jwt_compact::{
    AlgorithmExt, AlgorithmSignature, Claims, Header,
    alg::{Ed25519, Es256, Hs256, Hs256Key},
    jwk::JsonWebKey,
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{borrow::Cow, fmt};

/// How long the key for requests without a person holds: ten years.
const ANON_LIFETIME_S: u64 = 10 * 365 * 24 * 60 * 60;
/// The `kid` of tokens signed with the secret that another system has, too: of that key nothing is
/// published, not even its hash.
const HS256_KID: &str = "hs256";

type P256Key = <Es256 as jwt_compact::Algorithm>::SigningKey;
type P256Signature = <Es256 as jwt_compact::Algorithm>::Signature;

/// Signing failed, which only claims that are no JSON could cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an access token could not be signed")]
pub struct Unsigned;

/// How tokens are signed, by its JOSE name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// P-256.
    Es256,
    /// A secret shared with whoever checks tokens.
    Hs256,
}

impl Algorithm {
    /// Reads the name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::EdDsa, Self::Es256, Self::Hs256]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
        }
    }
}

/// The signing key and its public half.
pub struct TokenKey {
    key: Key,
    kid: String,
}

enum Key {
    EdDsa(KeyPair),
    Es256(Box<P256Pair>),
    Hs256(Hs256Key),
}

/// One key for two implementations: `p256` knows it as a JWK, `ring` signs by it several times as fast.
struct P256Pair {
    key: P256Key,
    ring: EcdsaKeyPair,
}

impl P256Pair {
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = P256Key::from_slice(bytes).ok()?;
        let public = key.verifying_key().to_encoded_point(false);
        let ring = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            bytes,
            public.as_bytes(),
            &SystemRandom::new(),
        );
        ring.ok().map(|ring| Self { key, ring })
    }

    fn signed(&self, message: &[u8]) -> Option<P256Signature> {
        let signature = self.ring.sign(&SystemRandom::new(), message).ok()?;
        P256Signature::try_from_slice(signature.as_ref()).ok()
    }
}

/// [`Es256`], signing by `ring`.
struct RingEs256;

impl jwt_compact::Algorithm for RingEs256 {
    type SigningKey = P256Pair;
    type VerifyingKey = <Es256 as jwt_compact::Algorithm>::VerifyingKey;
    type Signature = P256Signature;

    fn name(&self) -> Cow<'static, str> {
        Es256.name()
    }

    fn sign(&self, pair: &P256Pair, message: &[u8]) -> P256Signature {
        // The other one needs no random numbers, which `ring` could fail to get.
        pair.signed(message)
            .unwrap_or_else(|| Es256.sign(&pair.key, message))
    }

    fn verify_signature(
        &self,
        signature: &P256Signature,
        key: &Self::VerifyingKey,
        message: &[u8],
    ) -> bool {
        Es256.verify_signature(signature, key, message)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", self.kid)
    }
}

impl TokenKey {
    /// Derives an Ed25519 key from its 32-byte seed; shorter seeds are filled with zeros.
    #[must_use]
    pub fn from_seed(seed: &Secret) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(seed.expose()) {
            *to = *from;
        }
        Self::new(Key::EdDsa(KeyPair::from_seed(Seed::new(bytes))))
    }

    /// The key of these private bytes; `None` for what is none of that algorithm: not 32 bytes or, with
    /// ES256 and once in 2³², no number of the curve; fewer than 32 with HS256 (RFC 7518 §3.2).
    #[must_use]
    pub fn from_bytes(algorithm: Algorithm, bytes: &Secret) -> Option<Self> {
        let length = bytes.expose().len();
        match algorithm {
            Algorithm::EdDsa => (length == 32).then(|| Self::from_seed(bytes)),
            Algorithm::Es256 => (length == 32)
                .then(|| P256Pair::from_bytes(bytes.expose()))?
                .map(|pair| Self::new(Key::Es256(Box::new(pair)))),
            Algorithm::Hs256 => {
                (length >= 32).then(|| Self::new(Key::Hs256(Hs256Key::new(bytes.expose()))))
            }
        }
    }

    /// The private bytes of the first key of an installation: the same on every origin that has this
    /// token key, so that all of them may begin at once.
    #[must_use]
    pub fn first_bytes(algorithm: Algorithm, token_key: &Secret) -> Secret {
        match algorithm {
            Algorithm::EdDsa | Algorithm::Hs256 => token_key.clone(),
            Algorithm::Es256 => Secret::new(hmac(token_key, b"gapura ES256 key v1").to_vec()),
        }
    }

    fn new(key: Key) -> Self {
        let kid = match &key {
            Key::EdDsa(pair) => thumbprint(&ed25519_jwk(pair)),
            Key::Es256(pair) => thumbprint(&JsonWebKey::from(pair.key.verifying_key())),
            Key::Hs256(_) => HS256_KID.to_owned(),
        };
        Self { key, kid }
    }

    /// Its id in tokens and in the key set.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
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
        match &self.key {
            Key::EdDsa(pair) => Ed25519.token(&header, &claims, &pair.sk),
            Key::Es256(pair) => RingEs256.token(&header, &claims, pair),
            Key::Hs256(key) => Hs256.token(&header, &claims, key),
        }
        .map_err(|_| Unsigned)
    }

    /// The public half as a JWK (RFC 7517 §4); `None` where there is none.
    #[must_use]
    pub fn jwk(&self) -> Option<Value> {
        let (key, algorithm) = match &self.key {
            Key::EdDsa(pair) => (ed25519_jwk(pair), Algorithm::EdDsa),
            Key::Es256(pair) => (JsonWebKey::from(pair.key.verifying_key()), Algorithm::Es256),
            Key::Hs256(_) => return None,
        };
        let mut jwk = serde_json::to_value(&key).ok()?;
        let members = [
            ("kid", json!(self.kid)),
            ("use", json!("sig")),
            ("alg", json!(algorithm.as_str())),
            ("key_ops", json!(["verify"])),
        ];
        let members = members.map(|(name, value)| (name.to_owned(), value));
        jwk.as_object_mut()?.extend(members);
        Some(jwk)
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
            user_id: None,
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

fn ed25519_jwk(pair: &KeyPair) -> JsonWebKey<'_> {
    JsonWebKey::from(&pair.pk)
}

/// The first 16 characters of the key's thumbprint (RFC 7638 §3, RFC 8037 §2).
fn thumbprint(jwk: &JsonWebKey<'_>) -> String {
    let mut kid = URL_SAFE_NO_PAD.encode(jwk.thumbprint::<Sha256>());
    kid.truncate(16);
    kid
}

fn date(at: UnixSeconds) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(at.0).ok()?, 0)
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, TokenKey, thumbprint};
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use gapura_shared::{secret::Secret, time::UnixSeconds};
    use jwt_compact::{
        AlgorithmExt, UntrustedToken,
        alg::{Ed25519, Es256, Hs256, Hs256Key},
        jwk::JsonWebKey,
    };
    use serde::Deserialize;
    use serde_json::{Value, json};

    const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

    fn key(byte: u8) -> TokenKey {
        TokenKey::from_seed(&Secret::new(vec![byte; 32]))
    }

    fn p256(byte: u8) -> TokenKey {
        TokenKey::from_bytes(Algorithm::Es256, &Secret::new(vec![byte; 32])).unwrap()
    }

    fn anon(key: &TokenKey) -> String {
        key.anon("gapura".into(), "authenticated".into(), "j-1".into(), NOW)
            .unwrap()
    }

    fn part(token: &str, index: usize) -> Value {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    fn verifies<A>(algorithm: &A, signed: &str, key: &TokenKey) -> bool
    where
        A: jwt_compact::Algorithm,
        A::VerifyingKey: for<'a, 'b> TryFrom<&'a JsonWebKey<'b>>,
    {
        let jwk = key.jwk().unwrap();
        let jwk = JsonWebKey::deserialize(&jwk).unwrap();
        let Ok(key) = A::VerifyingKey::try_from(&jwk) else {
            return false;
        };
        let token = UntrustedToken::new(signed).unwrap();
        algorithm.validator::<Value>(&key).validate(&token).is_ok()
    }

    /// RFC 8037 §A.3.
    #[test]
    fn names_a_key_as_the_rfc_does() {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let kid = thumbprint(&JsonWebKey::deserialize(&jwk).unwrap());
        assert_eq!(kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"[..16]);
    }

    #[test]
    fn no_other_key_verifies_it() {
        let text = anon(&key(1));
        assert!(verifies(&Ed25519, &text, &key(1)));
        assert!(!verifies(&Ed25519, &text, &key(2)));
        let text = anon(&p256(1));
        assert_eq!(part(&text, 0)["alg"], "ES256");
        assert!(verifies(&Es256, &text, &p256(1)));
        assert!(!verifies(&Es256, &text, &p256(2)));
    }

    #[test]
    fn a_shared_secret_signs_and_is_published_nowhere() {
        let secret = Secret::new(vec![7; 32]);
        let key = TokenKey::from_bytes(Algorithm::Hs256, &secret).unwrap();
        let text = anon(&key);
        assert_eq!(part(&text, 0)["kid"], "hs256");
        let token = UntrustedToken::new(&text).unwrap();
        let with = |bytes: &[u8]| {
            let key = Hs256Key::new(bytes);
            Hs256.validator::<Value>(&key).validate(&token).is_ok()
        };
        assert!(with(secret.expose()) && !with(&[8; 32]));
        assert_eq!(key.jwk(), None);
    }

    #[test]
    fn refuses_what_is_no_key() {
        for (algorithm, bytes) in [
            (Algorithm::EdDsa, vec![1; 31]),
            (Algorithm::Es256, vec![1; 31]),
            (Algorithm::Es256, vec![0; 32]),
            (Algorithm::Es256, vec![255; 32]),
            (Algorithm::Hs256, vec![1; 31]),
        ] {
            assert!(TokenKey::from_bytes(algorithm, &Secret::new(bytes)).is_none());
        }
    }

    /// Another seed's origins would sign with another key.
    #[test]
    fn first_keys_unchanged() {
        let seed = Secret::new(vec![1; 32]);
        let kid = |algorithm| {
            let bytes = TokenKey::first_bytes(algorithm, &seed);
            TokenKey::from_bytes(algorithm, &bytes).unwrap().kid
        };
        assert_eq!(kid(Algorithm::EdDsa), key(1).kid);
        assert_eq!(kid(Algorithm::Es256), "-oOjhtfckvSQSgRY");
    }

    #[test]
    fn token_format_unchanged() {
        let text = anon(&key(1));
        assert_eq!(
            part(&text, 0),
            json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": key(1).kid })
        );
        assert_eq!(
            part(&text, 1),
            json!({
                "iss": "gapura", "aud": "authenticated", "role": "anon", "jti": "j-1",
                "token_type": "access", "iat": NOW.0, "nbf": NOW.0, "exp": NOW.0 + 315_360_000,
            })
        );
    }

    #[test]
    fn publishes_the_public_half_alone() {
        let jwk = key(1).jwk().unwrap();
        let wanted = json!({
            "kty": "OKP", "crv": "Ed25519", "x": jwk["x"],
            "kid": key(1).kid, "use": "sig", "alg": "EdDSA", "key_ops": ["verify"],
        });
        assert_eq!(jwk, wanted);
        let jwk = p256(1).jwk().unwrap();
        assert_eq!((&jwk["kty"], &jwk["alg"]), (&json!("EC"), &json!("ES256")));
        assert_eq!(jwk.get("d"), None);
    }
}
