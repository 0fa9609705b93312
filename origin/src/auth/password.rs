//! Passwords: Argon2id (RFC 9106) on a bounded pool.
//!
//! Guarantees: at most `hash_concurrency` hashes run, each with its memory, at
//! most `hash_queue` more wait, the next is turned away; checking a password
//! costs the same whether or not there is an account.

use crate::config;
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::SaltString,
};
use std::{sync::Arc, thread::available_parallelism};
use tokio::sync::Semaphore;

/// Shortest password, in characters (NIST SP 800-63B-4 §3.1.1.2).
pub const MIN_CHARS: usize = 8;
/// Longest password, in characters.
pub const MAX_CHARS: usize = 128;
/// Longest password, in bytes: 128 characters of UTF-8 and room for none more.
pub const MAX_BYTES: usize = 1024;

/// Whether a new password has an acceptable length.
#[must_use]
pub fn has_good_length(password: &str) -> bool {
    password.len() <= MAX_BYTES && (MIN_CHARS..=MAX_CHARS).contains(&password.chars().count())
}

/// The configured memory, passes and lanes do not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("auth.argon2_*: Argon2 refuses these parameters ({0})")]
pub struct BadParameters(argon2::Error);

/// Why there is no hash, or no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// As many are waiting as may.
    #[error("too many password hashes are waiting")]
    Busy,
    /// Argon2 or its thread failed.
    #[error("hashing failed")]
    Failed,
}

/// Makes and checks hashes.
#[derive(Debug)]
pub struct Hasher {
    argon2: Argon2<'static>,
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    /// The hash of a password that nobody has.
    decoy: String,
}

impl Hasher {
    /// A pool with the configured bounds.
    ///
    /// # Errors
    /// [`BadParameters`].
    pub fn new(settings: &config::Auth) -> Result<Self, BadParameters> {
        let params = Params::new(
            settings.argon2_memory_kib,
            settings.argon2_iterations,
            settings.argon2_parallelism,
            None,
        )
        .map_err(BadParameters)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let running = match settings.hash_concurrency {
            0 => available_parallelism().map_or(1, usize::from),
            several => several,
        };
        let unknown = gapura_shared::ids::hex(&crate::random::bytes::<16>());
        Ok(Self {
            running: Arc::new(Semaphore::new(running)),
            admitted: Arc::new(Semaphore::new(running + settings.hash_queue)),
            decoy: hash(&argon2, &unknown).ok_or(BadParameters(argon2::Error::MemoryTooLittle))?,
            argon2,
        })
    }

    /// The PHC string of a password, with a fresh salt.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        let argon2 = self.argon2.clone();
        self.run(move || hash(&argon2, &password))
            .await?
            .ok_or(HashError::Failed)
    }

    /// Whether `password` is that of `hash`. Without a hash the same work is
    /// done in vain.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn verify(&self, password: String, hash: Option<&str>) -> Result<bool, HashError> {
        let known = hash.is_some();
        let (argon2, hash) = (self.argon2.clone(), hash.unwrap_or(&self.decoy).to_owned());
        let matches = self
            .run(move || {
                PasswordHash::new(&hash)
                    .is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(known && matches)
    }

    /// Runs `work` on the pool. Its permits go with it: a client that hangs up
    /// does not make room before the memory is free again.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| HashError::Busy)?;
        let running = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| HashError::Failed)?;
        tokio::task::spawn_blocking(move || {
            let _permits = (admitted, running);
            work()
        })
        .await
        .map_err(|_| HashError::Failed)
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Option<String> {
    let salt = SaltString::encode_b64(&crate::random::bytes::<16>()).ok()?;
    let hash = argon2.hash_password(password.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::{HashError, Hasher, has_good_length};
    use crate::config;

    fn hasher(queue: usize) -> Hasher {
        let text = format!(
            "[auth]\nargon2_memory_kib = 128\nargon2_iterations = 1\nhash_concurrency = 1\nhash_queue = {queue}"
        );
        Hasher::new(&config::parse(&text, &|_| None).unwrap().auth).unwrap()
    }

    #[test]
    fn refuses_too_short_and_too_long() {
        for bad in ["", "1234567", &"x".repeat(129), &"\u{1F600}".repeat(7)] {
            assert!(!has_good_length(bad), "{bad}");
        }
        for good in ["12345678", &"x".repeat(128), &"\u{1F600}".repeat(128)] {
            assert!(has_good_length(good), "{good}");
        }
    }

    #[tokio::test]
    async fn refuses_a_wrong_password_and_an_unknown_account() {
        let hasher = hasher(1);
        let hash = hasher.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=128,t=1,p=1$"), "{hash}");
        let verify = |password: &str, hash| hasher.verify(password.into(), hash);
        assert_eq!(verify("wrong horse", Some(hash.as_str())).await, Ok(false));
        assert_eq!(verify("correct horse", Some("not a hash")).await, Ok(false));
        assert_eq!(verify("correct horse", None).await, Ok(false));
        assert_eq!(verify("correct horse", Some(hash.as_str())).await, Ok(true));
    }

    #[tokio::test]
    async fn turns_away_what_the_queue_cannot_hold() {
        let hasher = hasher(1);
        let held = hasher.running.clone().acquire_owned().await.unwrap();
        let waits = |_| hasher.hash("password".into());
        let (mut first, mut second, third) = (Box::pin(waits(1)), Box::pin(waits(2)), waits(3));
        // Both places are taken, neither may run.
        assert!(futures_poll(first.as_mut()).await.is_none());
        assert!(futures_poll(second.as_mut()).await.is_none());
        assert_eq!(third.await, Err(HashError::Busy));
        drop(held);
        assert!(first.await.is_ok());
        assert!(second.await.is_ok());
    }

    /// One poll, no waiting.
    async fn futures_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
