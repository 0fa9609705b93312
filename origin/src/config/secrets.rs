//! Secrets: from the environment alone, never in a file that is copied around.

use super::{Environment, Fault};
use crate::data::field::LaravelKey;
use gapura_shared::{keys::Keys, secret::Secret};

/// One or two seal keys, `id:key` or `id:key,id:key` (see [`Keys::parse`]).
pub const SEAL_KEYS: &str = "GAPURA_SEAL_KEYS";
/// The seed of the Ed25519 key that signs access tokens: 32 bytes in base64url.
pub const TOKEN_KEY: &str = "GAPURA_TOKEN_KEY";
/// The one before, for `keys reseal` alone.
const OLD_TOKEN_KEY: &str = "GAPURA_OLD_TOKEN_KEY";

/// A secret that another system checks tokens with: 32 bytes or more in base64url.
pub const HS256_KEY: &str = "GAPURA_TOKEN_HS256_KEY";

/// One or two keys of encrypted fields, `id:key` or `id:key,id:key` (see [`Keys::parse`]).
pub const FIELD_KEYS: &str = "GAPURA_FIELD_KEYS";
/// `APP_KEY` of the Laravel application whose encrypted fields are read (see [`LaravelKey::parse`]).
pub const FIELD_LARAVEL_KEY: &str = "GAPURA_FIELD_LARAVEL_KEY";

/// What the origin must not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The keys that requests are sealed with.
    pub seal_keys: Keys,
    /// 32 bytes.
    pub token_key: Secret,
    /// 32 bytes at least; with `auth.token_algorithm = "HS256"` alone.
    pub hs256_key: Option<Secret>,
    /// The keys of encrypted fields; needed where a table declares any.
    pub field_keys: Option<Keys>,
    /// Beside `field_keys` alone.
    pub laravel_key: Option<LaravelKey>,
}

impl Secrets {
    /// Reads them from the environment.
    ///
    /// # Errors
    /// A [`Fault`] for each that is missing or malformed; none quotes the value.
    pub fn parse(environment: Environment<'_>) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let read = (
            taken(seal_keys(environment), &mut faults),
            taken(token_key(environment), &mut faults),
            taken(hs256_key(environment), &mut faults),
            taken(field_keys(environment), &mut faults),
            taken(laravel_key(environment), &mut faults),
        );
        match read {
            (
                Some(seal_keys),
                Some(token_key),
                Some(hs256_key),
                Some(field_keys),
                Some(laravel_key),
            ) => Ok(Self {
                seal_keys,
                token_key,
                hs256_key,
                field_keys,
                laravel_key,
            }),
            _ => Err(faults),
        }
    }
}

fn taken<T>(read: Result<T, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
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
    seed(environment, TOKEN_KEY)
}

/// The token key that another one takes the place of.
///
/// # Errors
/// A [`Fault`] when it is missing or malformed.
pub fn old_token_key(environment: Environment<'_>) -> Result<Secret, Fault> {
    seed(environment, OLD_TOKEN_KEY)
}

fn seed(environment: Environment<'_>, name: &str) -> Result<Secret, Fault> {
    Secret::from_base64url(&required(environment, name)?)
        .filter(|secret| secret.expose().len() == 32)
        .ok_or_else(|| fault(name, "must be 32 bytes in base64url".into()))
}

/// The secret of another system alone, where there is one.
///
/// # Errors
/// A [`Fault`] when it is malformed.
pub fn hs256_key(environment: Environment<'_>) -> Result<Option<Secret>, Fault> {
    let read = |text: String| {
        Secret::from_base64url(&text)
            .filter(|secret| secret.expose().len() >= 32)
            .ok_or_else(|| fault(HS256_KEY, "must be 32 bytes or more in base64url".into()))
    };
    environment(HS256_KEY).map(read).transpose()
}

/// The keys of encrypted fields alone, where there are any.
///
/// # Errors
/// A [`Fault`] when they are malformed.
pub fn field_keys(environment: Environment<'_>) -> Result<Option<Keys>, Fault> {
    let read = |text: String| Keys::parse(&text);
    let keys = environment(FIELD_KEYS).map(read).transpose();
    keys.map_err(|bad| fault(FIELD_KEYS, bad.to_string()))
}

/// Laravel's key alone, where there is one.
///
/// # Errors
/// A [`Fault`] when it is malformed, or there are no keys to seal with what it opens.
pub fn laravel_key(environment: Environment<'_>) -> Result<Option<LaravelKey>, Fault> {
    let Some(text) = environment(FIELD_LARAVEL_KEY) else {
        return Ok(None);
    };
    let key = LaravelKey::parse(&text).map_err(|bad| fault(FIELD_LARAVEL_KEY, bad.to_string()))?;
    required(environment, FIELD_KEYS).map(|_| Some(key))
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
