//! Makes and checks hashes on a bounded pool.

use super::{
    memory::Memory,
    normalise,
    stored::{Stored, Unusable},
    workers::Workers,
};
use crate::config;
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, Version,
    password_hash::{Output, ParamsString, Salt, SaltString},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::available_parallelism,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// No refusal waits longer, however slow the machine was once.
const MAX_PACE_US: u64 = 5_000_000;

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

/// What checking a password found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the account's.
    pub matches: bool,
    /// Of a match: the hash to be kept from now on, where the kept one is another
    /// system's or of other parameters.
    pub rehashed: Option<String>,
    /// Why the kept hash says nothing; then nothing matches it.
    pub unusable: Option<Unusable>,
    /// How much sooner it came than the slowest of late, where there are hashes that other systems or
    /// other parameters made. Who refuses waits that long: otherwise the time would tell
    /// which accounts have one, and so that there are such accounts.
    pub sooner: Duration,
}

/// The pool.
#[derive(Debug)]
pub struct Hasher {
    argon2: Argon2<'static>,
    memory: Arc<Memory>,
    workers: Workers,
    admitted: Arc<Semaphore>,
    /// The hash of a password that nobody has.
    decoy: Arc<str>,
    pace: Arc<Pace>,
}

/// The time that checking takes, in microseconds: by a hash as we make it, and by any other.
#[derive(Debug, Default)]
struct Pace {
    ours: AtomicU64,
    others: AtomicU64,
}

impl Pace {
    /// Keeps the slowest one; outliers are forgotten by and by.
    fn note(&self, is_current: bool, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let slowest = if is_current { &self.ours } else { &self.others };
        let known_us = slowest.load(Relaxed);
        let next_us = took_us.max(known_us - known_us / 16).min(MAX_PACE_US);
        // Of two at once one is enough.
        slowest.store(next_us, Relaxed);
    }

    /// How much the slowest takes more. Nothing while all hashes are alike.
    fn sooner(&self, took: Duration) -> Duration {
        let (ours, others) = (self.ours.load(Relaxed), self.others.load(Relaxed));
        let slowest = if others == 0 { 0 } else { ours.max(others) };
        Duration::from_micros(slowest).saturating_sub(took)
    }
}

/// Bytes of a salt (RFC 9106 §3.1).
const SALT_BYTES: usize = 16;

/// A place in the queue: who has it is not turned away any more. For one hash after the other.
#[derive(Debug, Clone)]
pub struct Turn {
    admitted: Arc<OwnedSemaphorePermit>,
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
        let memory = Arc::new(Memory::of(&argon2));
        let decoy = hash(&argon2, &memory, &unknown, &crate::random::bytes())
            .ok_or(BadParameters(argon2::Error::MemoryTooLittle))?;
        Ok(Self {
            workers: Workers::new(running),
            admitted: Arc::new(Semaphore::new(running + settings.hash_queue)),
            decoy: decoy.into(),
            pace: Arc::default(),
            argon2,
            memory,
        })
    }

    /// The PHC string of a password, with a fresh salt.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        self.hash_salted(password, crate::random::bytes()).await
    }

    /// As [`Self::hash`], with a salt of the caller's: the same password has the same hash.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash_salted(
        &self,
        password: String,
        salt: [u8; SALT_BYTES],
    ) -> Result<String, HashError> {
        let (argon2, memory) = (self.argon2.clone(), Arc::clone(&self.memory));
        self.run(self.turn()?, move || {
            hash(&argon2, &memory, &normalise(&password), &salt)
        })
        .await?
        .ok_or(HashError::Failed)
    }

    /// Whether `password` is that of the `kept` hash. Without one, or with one that says nothing, the
    /// work of ours is done in vain.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn verify(&self, password: String, kept: Option<&str>) -> Result<Verdict, HashError> {
        self.verify_in(self.turn()?, password, kept).await
    }

    /// A place in the queue, to be taken before anything is done that a refusal would leave half done.
    ///
    /// # Errors
    /// [`HashError::Busy`].
    pub fn turn(&self) -> Result<Turn, HashError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned();
        let admitted = admitted.map_err(|_| HashError::Busy)?;
        Ok(Turn {
            admitted: Arc::new(admitted),
        })
    }

    /// As [`Self::verify`], in a place that was taken before.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub async fn verify_in(
        &self,
        turn: Turn,
        password: String,
        kept: Option<&str>,
    ) -> Result<Verdict, HashError> {
        let (argon2, decoy) = (self.argon2.clone(), Arc::clone(&self.decoy));
        let (kept, pace) = (kept.map(str::to_owned), Arc::clone(&self.pace));
        let memory = Arc::clone(&self.memory);
        // One turn in the queue for both: who has matched does not meet a full one after it.
        self.run(turn, move || {
            judge(&argon2, &memory, &password, kept.as_deref(), &decoy, &pace)
        })
        .await
    }

    /// Whether a hash that somebody else made can be kept; else why not.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn judge(&self, kept: &str) -> Result<(), Unusable> {
        Stored::parse(kept, self.argon2.params()).map(drop)
    }

    /// Whether a hash that somebody else made can be kept.
    #[must_use]
    pub fn accepts(&self, kept: &str) -> bool {
        kept.len() <= super::MAX_BYTES && self.judge(kept).is_ok()
    }

    /// Runs `work` on the pool. Its turn goes with it: a client that hangs up
    /// does not make room before the memory is free again.
    async fn run<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let work = move || {
            tracing::debug!("hashing");
            work()
        };
        let done = self.workers.run(turn.admitted, work);
        done.await.ok_or(HashError::Failed)
    }
}

fn judge(
    argon2: &Argon2<'_>,
    memory: &Memory,
    password: &str,
    kept: Option<&str>,
    decoy: &str,
    pace: &Pace,
) -> Verdict {
    let started = Instant::now();
    let params = argon2.params();
    let (stored, unusable) = match kept.map(|kept| Stored::parse(kept, params)) {
        Some(Ok(stored)) => (Some(stored), None),
        Some(Err(unusable)) => (None, Some(unusable)),
        None => (None, None),
    };
    let is_known = stored.is_some();
    let stored = stored.or_else(|| Stored::parse(decoy, params).ok());
    let normal = normalise(password);
    let matches = |form: &str| {
        stored
            .as_ref()
            .is_some_and(|stored| stored.verify(form, memory))
    };
    let by_normal = matches(&normal);
    // Other systems hashed what was typed.
    let matches = by_normal || (normal != password && matches(password));
    let took = started.elapsed();
    let is_current = stored.as_ref().is_some_and(|s| s.is_current(params));
    pace.note(is_current, took);
    // What bcrypt cut off was not checked, and must not be sealed into the new hash.
    let is_whole = stored.as_ref().is_some_and(|s| s.covers(password));
    let rehashed = (is_known && matches && is_whole && !(is_current && by_normal))
        .then(|| hash(argon2, memory, &normal, &crate::random::bytes()))
        .flatten();
    Verdict {
        matches: is_known && matches,
        rehashed,
        unusable,
        sooner: pace.sooner(took),
    }
}

fn hash(
    argon2: &Argon2<'_>,
    memory: &Memory,
    password: &str,
    salt: &[u8; SALT_BYTES],
) -> Option<String> {
    let mut digest = [0; Params::DEFAULT_OUTPUT_LEN];
    memory.hash(argon2, password.as_bytes(), salt, &mut digest)?;
    let salt = SaltString::encode_b64(salt).ok()?;
    let salt: Salt<'_> = salt.as_salt();
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).ok()?,
        salt: Some(salt),
        hash: Some(Output::new(&digest).ok()?),
    };
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::{HashError, Hasher, Unusable};
    use crate::config;
    use std::{
        sync::{Arc, mpsc},
        time::{Duration, Instant},
    };

    fn hasher(settings: &str) -> Hasher {
        let text = format!("[auth]\nargon2_memory_kib = 128\nhash_concurrency = 1\n{settings}");
        Hasher::new(&config::parse(&text, &|_| None).unwrap().auth).unwrap()
    }

    #[tokio::test]
    async fn refuses_a_wrong_password_and_an_unknown_account() {
        let hasher = hasher("argon2_iterations = 1");
        let hash = hasher.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=128,t=1,p=1$"), "{hash}");
        for (password, hash, expected) in [
            ("wrong horse", Some(hash.as_str()), false),
            ("correct horse", None, false),
            ("correct horse", Some(hash.as_str()), true),
        ] {
            let verdict = hasher.verify(password.into(), hash).await.unwrap();
            assert_eq!(verdict.matches, expected, "{password}");
            assert_eq!((verdict.rehashed, verdict.unusable), (None, None));
        }
        let verdict = hasher.verify("x".into(), Some("not a hash")).await.unwrap();
        assert!(!verdict.matches);
        assert_eq!(verdict.unusable, Some(Unusable::Unknown));
    }

    #[tokio::test]
    async fn rehashes_what_other_parameters_made_and_only_for_the_right_password() {
        let (before, now) = (
            hasher("argon2_iterations = 1"),
            hasher("argon2_iterations = 2"),
        );
        let old = before.hash("correct horse".into()).await.unwrap();
        let wrong = now.verify("wrong horse".into(), Some(&old)).await.unwrap();
        assert_eq!((wrong.matches, wrong.rehashed), (false, None));
        let right = now
            .verify("correct horse".into(), Some(&old))
            .await
            .unwrap();
        let new = right.rehashed.unwrap();
        assert!(new.starts_with("$argon2id$v=19$m=128,t=2,p=1$"), "{new}");
        let again = now
            .verify("correct horse".into(), Some(&new))
            .await
            .unwrap();
        assert_eq!((again.matches, again.rehashed), (true, None));
    }

    #[tokio::test]
    async fn one_password_in_two_normalisation_forms_is_one_password() {
        let hasher = hasher("argon2_iterations = 1");
        let hash = hasher.hash("caf\u{e9} terbuka".into()).await.unwrap();
        for typed in [
            "cafe\u{301} terbuka",
            "caf\u{e9} terbuka",
            "ｃａｆé terbuka",
        ] {
            let verdict = hasher.verify(typed.into(), Some(&hash)).await.unwrap();
            assert!(verdict.matches, "{typed}");
            assert_eq!(verdict.rehashed, None);
        }
    }

    #[tokio::test]
    async fn what_bcrypt_cut_off_is_not_sealed_into_a_new_hash() {
        let hasher = hasher("argon2_iterations = 1");
        // bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)), bcrypt 5.0.0
        let kept = "$2b$04$kVj0DXR9JxzmBn/um7GpXOpxrpancfOYtaKXsh2QNbXkPRsrWkjxe";
        let typo = format!("{}typo", "x".repeat(72));
        let verdict = hasher.verify(typo, Some(kept)).await.unwrap();
        assert_eq!((verdict.matches, verdict.rehashed), (true, None));
        let verdict = hasher.verify("x".repeat(72), Some(kept)).await.unwrap();
        assert!(verdict.rehashed.is_some());
    }

    #[tokio::test]
    async fn a_refusal_says_how_long_another_systems_hash_would_have_taken() {
        let hasher = hasher("argon2_iterations = 1");
        let unknown = hasher.verify("x".into(), None).await.unwrap();
        assert_eq!(unknown.sooner, Duration::ZERO);
        // bcrypt at cost 12, Laravel's: far slower than 128 KiB of Argon2.
        let kept = "$2y$12$nuIbRGWyAVscncuJ9iZizuDVq7i8QkT6y.nBtMBpzpdYcMZ45dL2S";
        let started = Instant::now();
        let foreign = hasher.verify("wrong".into(), Some(kept)).await.unwrap();
        let took = started.elapsed();
        assert!(!foreign.matches && foreign.sooner < took / 2, "{foreign:?}");
        let unknown = hasher.verify("x".into(), None).await.unwrap();
        assert!(
            unknown.sooner > took / 2,
            "{:?} of {took:?}",
            unknown.sooner
        );
    }

    #[tokio::test]
    async fn refuses_absurd_work_at_once() {
        let hasher = hasher("argon2_iterations = 1");
        let started = Instant::now();
        let digest = "0".repeat(128);
        for absurd in [
            "$argon2id$v=19$m=4194304,t=3,p=1$c29tZXNhbHRzYWx0$dGhpcyBpcyBub3QgYSBoYXNoIGF0IGFsbCE",
            "$argon2id$v=19$m=65536,t=4000000,p=1$c29tZXNhbHRzYWx0$dGhpcyBpcyBub3QgYSBoYXNoIGF0IGFsbCE",
            "$2y$31$nuIbRGWyAVscncuJ9iZizuDVq7i8QkT6y.nBtMBpzpdYcMZ45dL2S",
            &format!("pbkdf2:sha256:4000000000$salt${}", "0".repeat(64)),
            "pbkdf2_sha256$99999999999$salt$hr6iMeEQplm5KbWZnaVslLrDgVvmC0m5KFQCfY4md64=",
            &format!("scrypt:1073741824:8:1$salt${digest}"),
            &format!("scrypt:32768:8:100000$salt${digest}"),
        ] {
            let verdict = hasher.verify("x".into(), Some(absurd)).await.unwrap();
            assert!(!verdict.matches);
            assert!(
                matches!(verdict.unusable, Some(Unusable::TooCostly { .. })),
                "{absurd}: {:?}",
                verdict.unusable
            );
        }
        assert!(started.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test]
    async fn turns_away_what_the_queue_cannot_hold() {
        let hasher = hasher("argon2_iterations = 1\nhash_queue = 1");
        // Until it is let go, the only thread has something else to do.
        let (let_go, holds) = mpsc::channel::<()>();
        let hold = hasher.workers.run(Arc::new(()), move || holds.recv());
        let mut hold = Box::pin(hold);
        assert!(futures_poll(hold.as_mut()).await.is_none());
        let waits = |_| hasher.hash("password".into());
        let (mut first, mut second, third) = (Box::pin(waits(1)), Box::pin(waits(2)), waits(3));
        // Both places are taken, neither may run.
        assert!(futures_poll(first.as_mut()).await.is_none());
        assert!(futures_poll(second.as_mut()).await.is_none());
        assert_eq!(third.await, Err(HashError::Busy));
        // One that gives up makes room, though its work is in the queue.
        drop(second);
        let mut fourth = Box::pin(waits(4));
        assert!(futures_poll(fourth.as_mut()).await.is_none());
        drop(let_go);
        assert!(hold.await.is_some());
        assert!(first.await.is_ok());
        assert!(fourth.await.is_ok());
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
