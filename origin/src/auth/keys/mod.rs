//! The keys that sign access tokens: several origins have them in common, in the database, the
//! private halves sealed.
//!
//! Guarantees: a key is published from when it is made and signs after a while, when everybody who
//! keeps the key set has it; the one before it stays published until an operator retires it, which is
//! refused before the last of its tokens has expired. Each origin reads the table every
//! [`RELOAD`]; rotating and retiring are done by one command on any machine.

use super::{
    Auth,
    at_rest::{self, AtRest, Unopened},
    token::{Algorithm, TokenKey, Unsigned},
};
use crate::{
    config,
    db::{Db, DbError, StoredKey},
    http::Bytes,
    random,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::{
    push::{self, Revocation},
    secret::Secret,
    time::UnixMillis,
};
use http::HeaderValue;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// How often an origin looks for new keys.
pub const RELOAD: Duration = Duration::from_secs(10);
/// How long a new key is published before it signs: longer than the key set is kept by anybody (ten
/// minutes, by its `Cache-Control`) and than origins need to see it.
pub const LEAD: Duration = Duration::from_mins(15);
/// Clocks that differ, at the edge's most.
const LEEWAY_MS: u64 = 120_000;
/// How long an edge may go on with an old key set when it gets no new one.
const STALE_S: u64 = 86_400;
/// Keys published at once: verifiers bound what they read.
const MOST: usize = 8;

/// What goes wrong with keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The token key is not the one that the keys were sealed under.
    #[error("the token keys in the database were sealed under another GAPURA_TOKEN_KEY")]
    Sealed,
    /// A row that no origin wrote.
    #[error("the token key {0} in the database is not usable")]
    Unusable(String),
    /// `auth.token_algorithm` is HS256 and there is no secret.
    #[error("auth.token_algorithm is HS256: GAPURA_TOKEN_HS256_KEY must be set")]
    NoSharedSecret,
    /// There is no such key.
    #[error("there is no token key {0} that is not retired")]
    Unknown(String),
    /// It signs: another one must, first.
    #[error("the token key {0} signs; rotate first")]
    Signing(String),
    /// Its tokens still hold.
    #[error("tokens of the key {kid} hold for another {seconds} s; --force ends them")]
    InUse {
        /// The key.
        kid: String,
        /// Until the last one expires.
        seconds: u64,
    },
    /// As many as may be published are.
    #[error("{MOST} token keys are published; retire one first")]
    TooMany,
}

impl From<Unopened> for KeyError {
    fn from(_: Unopened) -> Self {
        Self::Sealed
    }
}

/// The keys as an origin holds them.
#[derive(Debug)]
pub(super) struct KeyRing {
    /// In the order in which they begin to sign; one at least.
    keys: Vec<(UnixMillis, TokenKey)>,
    /// Signs instead of all of them.
    shared: Option<TokenKey>,
    /// The public key set, as it is sent, and its name.
    jwks: Bytes,
    etag: HeaderValue,
}

impl KeyRing {
    fn new(keys: Vec<(UnixMillis, TokenKey)>, shared: Option<TokenKey>) -> Self {
        let published: Vec<_> = keys.iter().filter_map(|(_, key)| key.jwk()).collect();
        let jwks = json!({ "keys": published }).to_string();
        let name = URL_SAFE_NO_PAD.encode(Sha256::digest(&jwks));
        // Base64url in quotes is always a field value.
        let etag = HeaderValue::try_from(format!("\"{name}\""));
        Self {
            keys,
            shared,
            jwks: jwks.into(),
            etag: etag.unwrap_or_else(|_| HeaderValue::from_static("\"\"")),
        }
    }

    /// The first key alone, as long as there is no database.
    pub(super) fn first(token_key: &Secret) -> Self {
        Self::new(vec![(UnixMillis(0), TokenKey::from_seed(token_key))], None)
    }

    /// The key that signs now; `None` never happens, for there is a key.
    pub(super) fn signing(&self, now: UnixMillis) -> Option<&TokenKey> {
        let begun = self.keys.iter().rev().find(|(from, _)| *from <= now);
        let stored = begun.or(self.keys.first()).map(|(_, key)| key);
        self.shared.as_ref().or(stored)
    }

    pub(super) const fn jwks(&self) -> (&Bytes, &HeaderValue) {
        (&self.jwks, &self.etag)
    }
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, to sign later.
    Next,
    /// It signs.
    Signing,
    /// Published: some of its tokens may hold.
    Previous,
    /// Its tokens hold no longer.
    Retired,
}

impl KeyState {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Signing => "signing",
            Self::Previous => "previous",
            Self::Retired => "retired",
        }
    }
}

/// A key, for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// Its id.
    pub kid: String,
    /// Its algorithm by its JOSE name.
    pub algorithm: String,
    /// Where it stands.
    pub state: KeyState,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it began, or begins, to sign.
    pub signs_from: UnixMillis,
    /// When the last token that it signed for a session has expired: it can be retired then. Public
    /// (anon) keys hold for longer, and end with it. `None` while it signs or is to.
    pub unused_from: Option<UnixMillis>,
    /// When it was retired.
    pub retired_at: Option<UnixMillis>,
}

/// Every key, in the order in which they begin to sign.
///
/// # Errors
/// [`KeyError::Db`].
pub async fn list(
    db: &Db,
    settings: &config::Auth,
    now: UnixMillis,
) -> Result<Vec<ListedKey>, KeyError> {
    Ok(listed(&db.token_keys().await?, settings, now))
}

fn listed(keys: &[StoredKey], settings: &config::Auth, now: UnixMillis) -> Vec<ListedKey> {
    let lifetime_ms = u64::try_from(settings.access_lifetime.as_millis()).unwrap_or(u64::MAX);
    let live = |key: &&StoredKey| key.retired_at.is_none();
    let begun = |key: &&StoredKey| key.signs_from <= now;
    let signing = keys.iter().filter(live).rfind(begun);
    let signing = signing.or(keys.iter().find(live)).map(|key| &key.kid);
    // One that was retired before its time never signed.
    let signed = |key: &&StoredKey| key.retired_at.is_none_or(|at| at > key.signs_from);
    let mut list = Vec::new();
    for (place, key) in keys.iter().enumerate() {
        let follower = keys.iter().skip(place + 1).find(signed);
        let state = match key.retired_at {
            Some(_) => KeyState::Retired,
            None if Some(&key.kid) == signing => KeyState::Signing,
            None if key.signs_from > now => KeyState::Next,
            None => KeyState::Previous,
        };
        // It signed until the next one began.
        let until = follower.filter(|_| state == KeyState::Previous);
        let until = until.map(|next| next.signs_from.0.saturating_add(lifetime_ms));
        list.push(ListedKey {
            kid: key.kid.clone(),
            algorithm: key.algorithm.clone(),
            state,
            created_at: key.created_at,
            signs_from: key.signs_from,
            unused_from: until.map(|until| UnixMillis(until.saturating_add(LEEWAY_MS))),
            retired_at: key.retired_at,
        });
    }
    list
}

/// Makes a key of the configured algorithm that signs after `lead`, [`LEAD`] as a rule.
///
/// # Errors
/// [`KeyError`].
pub async fn rotate(
    db: &Db,
    settings: &config::Auth,
    token_key: &Secret,
    lead: Duration,
    now: UnixMillis,
) -> Result<ListedKey, KeyError> {
    let keys = db.token_keys().await?;
    if keys.iter().filter(|key| key.retired_at.is_none()).count() >= MOST {
        return Err(KeyError::TooMany);
    }
    let lead_ms = u64::try_from(lead.as_millis()).unwrap_or(u64::MAX);
    let mut signs_from = UnixMillis(now.0.saturating_add(lead_ms));
    // No two begin at once: every origin is to choose the same.
    while keys.iter().any(|key| key.signs_from == signs_from) {
        signs_from.0 = signs_from.0.saturating_add(1);
    }
    let algorithm = stored_algorithm(settings);
    // One in 2³² numbers is no ES256 key.
    let (bytes, key) = std::iter::repeat_with(|| Secret::new(random::bytes::<32>().to_vec()))
        .find_map(|bytes| Some((bytes.clone(), TokenKey::from_bytes(algorithm, &bytes)?)))
        .ok_or_else(|| KeyError::Unusable(algorithm.as_str().to_owned()))?;
    let at_rest = AtRest::new(token_key);
    let stored = sealed(&at_rest, algorithm, &key, &bytes, now, signs_from);
    db.add_token_key(&stored).await?;
    let listed = list(db, settings, now).await?;
    let unknown = || KeyError::Unknown(key.kid().to_owned());
    listed
        .into_iter()
        .find(|listed| listed.kid == key.kid())
        .ok_or_else(unknown)
}

/// Retires a key; what the edge is to be told, so that no token of it holds from then on. With `force`
/// also one whose tokens have not expired; never the one that signs.
///
/// # Errors
/// [`KeyError`].
pub async fn retire(
    db: &Db,
    settings: &config::Auth,
    kid: &str,
    force: bool,
    now: UnixMillis,
) -> Result<Revocation, KeyError> {
    let unknown = || KeyError::Unknown(kid.to_owned());
    let listed = list(db, settings, now).await?;
    let key = listed.into_iter().find(|key| key.kid == kid);
    let key = key.ok_or_else(unknown)?;
    match (key.state, key.unused_from) {
        (KeyState::Signing, _) => return Err(KeyError::Signing(key.kid)),
        (KeyState::Previous, Some(unused)) if now < unused && !force => {
            let seconds = unused.0.saturating_sub(now.0).div_ceil(1000);
            return Err(KeyError::InUse {
                kid: key.kid,
                seconds,
            });
        }
        _ => {}
    }
    if !db.retire_token_key(kid, now).await? {
        return Err(unknown());
    }
    Ok(Revocation {
        kind: push::Kind::Key,
        id: kid.to_owned(),
        until: now.seconds().after(STALE_S),
        not_before: Some(now.seconds().after(LEEWAY_MS / 1000)),
    })
}

impl Auth {
    /// Has tokens signed by the keys of the database; the first origin on it puts the first key there.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn use_keys(
        &mut self,
        db: &Db,
        shared: Option<&Secret>,
        now: UnixMillis,
    ) -> Result<(), KeyError> {
        if self.settings.token_algorithm == Algorithm::Hs256 {
            self.shared_secret = Some(shared.ok_or(KeyError::NoSharedSecret)?.clone());
        }
        if db.token_keys().await?.is_empty() {
            let algorithm = stored_algorithm(&self.settings);
            let bytes = TokenKey::first_bytes(algorithm, &self.token_key);
            let key = TokenKey::from_bytes(algorithm, &bytes)
                .ok_or_else(|| KeyError::Unusable(algorithm.as_str().to_owned()))?;
            let first = sealed(&self.at_rest, algorithm, &key, &bytes, now, now);
            // Another origin may have been first: it made the same.
            db.add_token_key(&first).await?;
        }
        self.reload_keys(db).await
    }

    /// The public key of requests without a person (see [`TokenKey::anon`]).
    ///
    /// # Errors
    /// [`Unsigned`].
    pub fn anon(&self, id: String, now: UnixMillis) -> Result<String, Unsigned> {
        let (issuer, audience) = (&self.settings.issuer, &self.settings.audience);
        let keys = self.keys();
        let key = keys.signing(now).ok_or(Unsigned)?;
        key.anon(issuer.clone(), audience.clone(), id, now.seconds())
    }

    /// Reads the keys anew.
    ///
    /// # Errors
    /// [`KeyError`]; those from before stay in use then.
    pub async fn reload_keys(&self, db: &Db) -> Result<(), KeyError> {
        let mut keys = Vec::new();
        for stored in db.token_keys().await? {
            if stored.retired_at.is_none() {
                keys.push((stored.signs_from, opened(&self.at_rest, &stored)?));
            }
        }
        if keys.is_empty() {
            return Err(KeyError::Unknown("at all".to_owned()));
        }
        let shared = self.shared_secret.as_ref();
        let shared = shared.and_then(|secret| TokenKey::from_bytes(Algorithm::Hs256, secret));
        let ring = Arc::new(KeyRing::new(keys, shared));
        *self
            .keys
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = ring;
        Ok(())
    }

    /// The keys of now.
    pub(super) fn keys(&self) -> Arc<KeyRing> {
        let keys = self.keys.read();
        Arc::clone(&keys.unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// What the table is for: a shared secret is another system's, and stays out of it.
const fn stored_algorithm(settings: &config::Auth) -> Algorithm {
    match settings.token_algorithm {
        Algorithm::EdDsa => Algorithm::EdDsa,
        Algorithm::Es256 | Algorithm::Hs256 => Algorithm::Es256,
    }
}

fn sealed(
    at_rest: &AtRest,
    algorithm: Algorithm,
    key: &TokenKey,
    bytes: &Secret,
    created_at: UnixMillis,
    signs_from: UnixMillis,
) -> StoredKey {
    StoredKey {
        kid: key.kid().to_owned(),
        algorithm: algorithm.as_str().to_owned(),
        secret: at_rest.seal(
            &at_rest::token_key(key.kid()),
            bytes.expose(),
            random::bytes(),
        ),
        created_at,
        signs_from,
        retired_at: None,
    }
}

fn opened(at_rest: &AtRest, stored: &StoredKey) -> Result<TokenKey, KeyError> {
    let bytes = at_rest.open(&at_rest::token_key(&stored.kid), &stored.secret)?;
    let algorithm = Algorithm::parse(&stored.algorithm);
    algorithm
        .and_then(|algorithm| TokenKey::from_bytes(algorithm, &bytes))
        .filter(|key| key.kid() == stored.kid)
        .ok_or_else(|| KeyError::Unusable(stored.kid.clone()))
}

#[cfg(test)]
mod tests;
