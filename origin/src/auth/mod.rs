//! Accounts, sessions and tokens under `/auth/v1`, in the shapes that
//! supabase-js expects.
//!
//! Guarantees: a login tells nobody whether the account exists, by text,
//! status or work; a password is hashed on a bounded pool; a refresh token is
//! good once, within a short grace for the same successor. Relies on the edge
//! for limits per client, and on [`crate::admission`] for who asks.

mod at_rest;
mod ban;
mod body;
mod codes;
mod cookie;
pub mod email;
pub mod keys;
mod lockout;
mod login;
mod metadata;
pub mod one_time;
mod open_logins;
pub mod password;
pub mod permission;
mod refresh;
pub mod reseal;
pub mod routes;
pub mod second_factor;
mod session;
#[cfg(test)]
mod tests;
pub mod token;
mod view;

use crate::{config, db::User};
use at_rest::AtRest;
use gapura_shared::{device::Devices, seal::Keys, secret::Secret, time::UnixMillis};
use keys::KeyRing;
pub use lockout::forgotten_before;
use one_time::OneTimeKey;
use open_logins::OpenLogins;
use password::{BadParameters, Hasher, Policy};
use refresh::RefreshKeys;
pub use routes::abandoned_before;
use second_factor::challenge::Challenges;
use std::sync::{Arc, RwLock};
pub(crate) use view::timestamp;

/// Role of an account without special rights.
pub const ROLE_USER: &str = "user";

/// What logging in needs besides the database.
#[derive(Debug)]
pub struct Auth {
    settings: config::Auth,
    hasher: Hasher,
    passwords: Policy,
    /// The secret that everything else is derived from.
    token_key: Secret,
    keys: RwLock<Arc<KeyRing>>,
    /// With HS256 alone.
    shared_secret: Option<Secret>,
    refresh_keys: RefreshKeys,
    one_time: OneTimeKey,
    open_logins: OpenLogins,
    /// Of the cookies by which devices are known.
    devices: Devices,
    /// Of secrets in the database.
    at_rest: AtRest,
    challenges: Challenges,
}

impl Auth {
    /// Prepares hashing and signing, with the first key alone until [`Self::use_keys`].
    ///
    /// # Errors
    /// [`BadParameters`] where the Argon2 settings do not fit together.
    pub fn new(
        settings: config::Auth,
        token_key: &Secret,
        seal_keys: &Keys,
    ) -> Result<Self, BadParameters> {
        Ok(Self {
            hasher: Hasher::new(&settings)?,
            passwords: Policy::new(&settings),
            token_key: token_key.clone(),
            keys: RwLock::new(Arc::new(KeyRing::first(token_key))),
            shared_secret: None,
            refresh_keys: RefreshKeys::new(token_key),
            one_time: OneTimeKey::new(token_key),
            open_logins: OpenLogins::new(),
            devices: Devices::new(seal_keys),
            at_rest: AtRest::new(token_key),
            challenges: Challenges::new(token_key),
            settings,
        })
    }

    /// The salt of the sign-ups for an address, which nobody else can know.
    fn sign_up_salt(&self, email: &str) -> [u8; 16] {
        let key = Secret::new(refresh::hmac(&self.token_key, b"gapura sign-up salt v1").to_vec());
        let tag = refresh::hmac(&key, email.as_bytes());
        tag.first_chunk().copied().unwrap_or_default()
    }
}

/// An account as it starts, its address taken as confirmed: there is no mail yet.
#[must_use]
pub fn new_user(email: String, password_hash: String, role: &str, now: UnixMillis) -> User {
    let provider = serde_json::json!({ "provider": "email", "providers": ["email"] });
    User {
        id: crate::random::uuid(),
        email,
        password_hash,
        signed_up: false,
        refused_hash: None,
        role: role.to_owned(),
        tenant: None,
        app_metadata: provider.as_object().cloned().unwrap_or_default(),
        user_metadata: serde_json::Map::new(),
        factors: Vec::new(),
        email_confirmed_at: Some(now),
        banned_until: None,
        deleted_at: None,
        last_sign_in_at: None,
        created_at: now,
        updated_at: now,
    }
}
