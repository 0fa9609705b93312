//! `[auth]`: tokens and password hashing.

use super::reader::Section;
use crate::auth::token::Algorithm;
use std::time::Duration;

/// How accounts log in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own in the file"
)]
pub struct Auth {
    /// `issuer`: `iss` of access tokens.
    pub issuer: String,
    /// `audience`: `aud` of access tokens.
    pub audience: String,
    /// `access_lifetime_s`
    pub access_lifetime: Duration,
    /// `refresh_lifetime_s`
    pub refresh_lifetime: Duration,
    /// `session_lifetime_s`: after which a session ends, however often it is refreshed.
    pub session_lifetime: Duration,
    /// `max_sessions`: of one account; with another one the one ends that was idle the longest.
    pub max_sessions: u32,
    /// `reauthenticate_s`: how long after a login a password can be changed without the old one.
    pub reauthenticate: Duration,
    /// `signup_session`: a sign-up logs in at once, and so tells which addresses are taken.
    pub signup_session: bool,
    /// `disable_signup`: accounts are made by operators alone.
    pub disable_signup: bool,
    /// `token_algorithm`: of new token keys; with HS256, of every token.
    pub token_algorithm: Algorithm,
    /// `cookies`: sessions in cookies for who asks with `cookies=true`.
    pub cookies: bool,
    /// `confirm_email`: nobody is in before the address is confirmed by mail.
    pub confirm_email: bool,
    /// `user_id_claim`: access tokens name the account as `user_id` too.
    pub user_id_claim: bool,
    /// `lockout_ceiling`: failed logins of one account, from anywhere, that lock it.
    pub lockout_ceiling: u32,
    /// `password_min_chars`
    pub password_min_chars: usize,
    /// `password_max_chars`
    pub password_max_chars: usize,
    /// `argon2_memory_kib`
    pub argon2_memory_kib: u32,
    /// `argon2_iterations`
    pub argon2_iterations: u32,
    /// `argon2_parallelism`
    pub argon2_parallelism: u32,
    /// `hash_concurrency`; 0 for one per core.
    pub hash_concurrency: usize,
    /// `hash_queue`: hashes that may wait.
    pub hash_queue: usize,
}

impl Auth {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            issuer: section.text("issuer", "gapura"),
            audience: section.text("audience", "authenticated"),
            access_lifetime: section.seconds("access_lifetime_s", 900, 60..=604_800),
            refresh_lifetime: section.seconds("refresh_lifetime_s", 2_592_000, 3600..=31_536_000),
            session_lifetime: section.seconds("session_lifetime_s", 7_776_000, 3600..=315_360_000),
            max_sessions: section.number("max_sessions", 100, 1..=10_000),
            reauthenticate: section.seconds("reauthenticate_s", 86_400, 0..=31_536_000),
            signup_session: section.flag("signup_session", false),
            disable_signup: section.flag("disable_signup", false),
            token_algorithm: section
                .parsed(
                    "token_algorithm",
                    "ES256",
                    "must be EdDSA, ES256 or HS256",
                    Algorithm::parse,
                )
                .unwrap_or(Algorithm::Es256),
            cookies: section.flag("cookies", false),
            confirm_email: section.flag("confirm_email", false),
            user_id_claim: section.flag("user_id_claim", false),
            lockout_ceiling: section.number("lockout_ceiling", 100, 10..=1_000_000),
            // NIST SP 800-63B-4 §3.1.1.2: never fewer than 8, never fewer allowed than 64.
            password_min_chars: section.number("password_min_chars", 8, 8..=64),
            password_max_chars: section.number("password_max_chars", 128, 64..=256),
            // 8 KiB per lane is Argon2's own minimum; below OWASP's figures is for tests.
            argon2_memory_kib: section.number("argon2_memory_kib", 19_456, 128..=1_048_576),
            argon2_iterations: section.number("argon2_iterations", 2, 1..=64),
            argon2_parallelism: section.number("argon2_parallelism", 1, 1..=16),
            hash_concurrency: section.number("hash_concurrency", 0, 0..=256),
            hash_queue: section.number("hash_queue", 128, 1..=65_536),
        }
    }
}
