//! Secrets: from the environment alone, never in a file that is copied around.

use super::{Environment, Fault};
use gapura_shared::{seal::Keys, secret::Secret};

/// One or two seal keys, `id:key` or `id:key,id:key` (see [`Keys::parse`]).
pub const SEAL_KEYS: &str = "GAPURA_SEAL_KEYS";
/// The seed of the Ed25519 key that signs access tokens: 32 bytes in base64url.
pub const TOKEN_KEY: &str = "GAPURA_TOKEN_KEY";

/// What the origin must not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The keys that requests are sealed with.
    pub seal_keys: Keys,
    /// 32 bytes.
    pub token_key: Secret,
}

impl Secrets {
    /// Reads both from the environment.
    ///
    /// # Errors
    /// A [`Fault`] for each that is missing or malformed; none quotes the value.
    pub fn parse(environment: Environment<'_>) -> Result<Self, Vec<Fault>> {
        match (seal_keys(environment), token_key(environment)) {
            (Ok(seal_keys), Ok(token_key)) => Ok(Self {
                seal_keys,
                token_key,
            }),
            (seal_keys, token_key) => {
                Err(seal_keys.err().into_iter().chain(token_key.err()).collect())
            }
        }
    }
}

/// The seal keys alone, for commands that push to the edge.
///
/// # Errors
/// A [`Fault`] when they are missing or malformed.
pub fn seal_keys(environment: Environment<'_>) -> Result<Keys, Fault> {
    let text = required(environment, SEAL_KEYS)?;
    Keys::parse(&text).map_err(|bad| fault(SEAL_KEYS, bad.to_string()))
}

/// The token key alone, for commands that seal nothing.
///
/// # Errors
/// A [`Fault`] when it is missing or malformed.
pub fn token_key(environment: Environment<'_>) -> Result<Secret, Fault> {
    Secret::from_base64url(&required(environment, TOKEN_KEY)?)
        .filter(|secret| secret.expose().len() == 32)
        .ok_or_else(|| fault(TOKEN_KEY, "must be 32 bytes in base64url".into()))
}

fn required(environment: Environment<'_>, name: &str) -> Result<String, Fault> {
    environment(name).ok_or_else(|| fault(name, "must be set in the environment".into()))
}

fn fault(name: &str, message: String) -> Fault {
    Fault {
        key: name.into(),
        position: None,
        message,
    }
}
