//! The forms in which passwords are kept: ours, and those of the systems that accounts come from.
//!
//! | scheme | as written by | form |
//! |---|---|---|
//! | Argon2 | us; PHP, Laravel | `$argon2id$v=19$m=…,t=…,p=…$salt$hash` |
//! | bcrypt | Laravel, PHP; many others | `$2y$12$…`, `$2b$`, `$2a$` |
//! | PBKDF2 | Werkzeug | `pbkdf2:sha256:1000000$salt$hex`, also `sha1` and `sha512` |
//! | PBKDF2 | Django | `pbkdf2_sha256$1000000$salt$base64` |
//! | scrypt | Werkzeug | `scrypt:32768:8:1$salt$hex` |
//!
//! Guarantees: reading is linear and computes nothing; what a hash asks for is bounded before it is
//! computed; digests are compared in constant time.

use super::memory::Memory;
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version, password_hash::Salt};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

/// Argon2 memory that a hash of others may ask for, in KiB.
const MAX_ARGON2_MEMORY_KIB: u32 = 256 * 1024;
/// Memory times passes: some seconds.
const MAX_ARGON2_WORK_KIB: u64 = 4 * 1024 * 1024;
const MAX_ARGON2_LANES: u32 = 16;
/// 2 s or so on a slow core; Laravel's is 12.
const MAX_BCRYPT_COST: u32 = 15;
/// Django's and Werkzeug's grow by the year and are about 1,000,000 now.
const MAX_PBKDF2_ROUNDS: u32 = 5_000_000;
/// `N·r·p`: 128 MiB of memory, or as much work in less. Werkzeug's is a quarter of it.
const MAX_SCRYPT_WORK: u64 = 1 << 20;
/// bcrypt looks at no more, the ending NUL among them.
const BCRYPT_BYTES: usize = 72;
/// Nobody's salt is longer.
const MAX_SALT_BYTES: usize = 128;

/// Why a kept hash cannot be checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It has none of the forms.
    #[error("it has no form that is known")]
    Unknown,
    /// It asks for more work than a login may cost.
    #[error("its {scheme} parameters ask for more work than a login may cost")]
    TooCostly {
        /// The scheme.
        scheme: &'static str,
    },
}

/// A kept hash, with work that is bounded.
#[derive(Debug)]
pub(super) enum Stored<'a> {
    Argon2(Box<PasswordHash<'a>>, Params),
    Bcrypt {
        cost: u32,
        salt: [u8; 16],
        /// 23 bytes: bcrypt drops the last of its 24.
        digest: Vec<u8>,
    },
    Pbkdf2 {
        hash: Hash,
        rounds: u32,
        salt: &'a str,
        digest: Vec<u8>,
    },
    Scrypt {
        params: scrypt::Params,
        salt: &'a str,
        digest: Vec<u8>,
    },
}

/// What PBKDF2 runs on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl<'a> Stored<'a> {
    /// Reads a kept hash; `ours` are the parameters in use, which may be above every bound.
    pub(super) fn parse(text: &'a str, ours: &Params) -> Result<Self, Unusable> {
        if text.starts_with("$argon2") {
            argon2(text, ours)
        } else if let Some(rest) = ["$2y$", "$2b$", "$2a$"]
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix))
        {
            bcrypt(rest)
        } else if let Some(rest) = text.strip_prefix("pbkdf2_sha256$") {
            django(rest)
        } else if let Some(rest) = text.strip_prefix("pbkdf2:") {
            werkzeug_pbkdf2(rest)
        } else if let Some(rest) = text.strip_prefix("scrypt:") {
            werkzeug_scrypt(rest)
        } else {
            Err(Unusable::Unknown)
        }
    }

    /// Whether `password`, as written, is the one.
    pub(super) fn verify(&self, password: &str, memory: &Memory) -> bool {
        let password = password.as_bytes();
        match self {
            Self::Argon2(hash, params) => {
                verify_argon2(hash, params, password, memory).unwrap_or_default()
            }
            Self::Bcrypt { cost, salt, digest } => {
                // bcrypt repeats the password: with a NUL inside, several would be one.
                if password.contains(&0) {
                    return false;
                }
                let key: Vec<u8> = password
                    .iter()
                    .copied()
                    .chain([0])
                    .take(BCRYPT_BYTES)
                    .collect();
                let made = bcrypt::bcrypt(*cost, *salt, &key);
                made.get(..digest.len())
                    .is_some_and(|made| equal(made, digest))
            }
            Self::Pbkdf2 {
                hash,
                rounds,
                salt,
                digest,
            } => {
                let mut made = vec![0; digest.len()];
                let derive = match hash {
                    Hash::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>,
                    Hash::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>,
                    Hash::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>,
                };
                derive(password, salt.as_bytes(), *rounds, &mut made);
                equal(&made, digest)
            }
            Self::Scrypt {
                params,
                salt,
                digest,
            } => {
                let mut made = vec![0; digest.len()];
                scrypt::scrypt(password, salt.as_bytes(), params, &mut made).is_ok()
                    && equal(&made, digest)
            }
        }
    }

    /// Whether it is what would be made now.
    pub(super) fn is_current(&self, ours: &Params) -> bool {
        let Self::Argon2(hash, params) = self else {
            return false;
        };
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        hash.algorithm == Algorithm::Argon2id.ident()
            && hash.version == Some(Version::V0x13.into())
            && costs(params) == costs(ours)
    }

    /// Whether a match is one of the whole `password`, or of its beginning alone.
    pub(super) fn covers(&self, password: &str) -> bool {
        !matches!(self, Self::Bcrypt { .. }) || password.len() <= BCRYPT_BYTES
    }
}

fn verify_argon2(
    hash: &PasswordHash<'_>,
    params: &Params,
    password: &[u8],
    memory: &Memory,
) -> Option<bool> {
    let algorithm = Algorithm::try_from(hash.algorithm).ok()?;
    // Without one it would be from before 2016; the reference code takes it for the present one, too.
    let version = hash
        .version
        .map_or(Ok(Version::default()), Version::try_from);
    let argon2 = Argon2::new(algorithm, version.ok()?, params.clone());
    let mut salt = [0; Salt::MAX_LENGTH];
    let salt = hash.salt?.decode_b64(&mut salt).ok()?;
    let digest = hash.hash.as_ref()?;
    let mut made = vec![0; digest.len()];
    memory.hash(&argon2, password, salt, &mut made)?;
    Some(equal(&made, digest.as_bytes()))
}

fn equal(made: &[u8], digest: &[u8]) -> bool {
    made.ct_eq(digest).into()
}

fn argon2<'a>(text: &'a str, ours: &Params) -> Result<Stored<'a>, Unusable> {
    let hash = PasswordHash::new(text).map_err(|_| Unusable::Unknown)?;
    let params = Params::try_from(&hash).map_err(|_| Unusable::Unknown)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(Unusable::Unknown);
    }
    let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
    let is_bounded = params.m_cost() <= MAX_ARGON2_MEMORY_KIB.max(ours.m_cost())
        && params.p_cost() <= MAX_ARGON2_LANES
        && work(&params) <= MAX_ARGON2_WORK_KIB.max(work(ours));
    bounded(is_bounded, "argon2", Stored::Argon2(Box::new(hash), params))
}

fn bcrypt(rest: &str) -> Result<Stored<'_>, Unusable> {
    let read = || {
        let (cost, rest) = rest.split_once('$')?;
        let cost = number(cost).filter(|_| cost.len() == 2)?;
        let (salt, digest) = (rest.len() == 53).then(|| rest.split_at_checked(22))??;
        let digest = bcrypt::BASE_64.decode(digest).ok()?;
        let salt = bcrypt::BASE_64.decode(salt).ok()?.try_into().ok()?;
        (4..=31).contains(&cost).then_some((cost, salt, digest))
    };
    let (cost, salt, digest) = read().ok_or(Unusable::Unknown)?;
    let stored = Stored::Bcrypt { cost, salt, digest };
    bounded(cost <= MAX_BCRYPT_COST, "bcrypt", stored)
}

fn django(rest: &str) -> Result<Stored<'_>, Unusable> {
    let (rounds, salt, digest) = parts(rest).ok_or(Unusable::Unknown)?;
    let digest = STANDARD.decode(digest).map_err(|_| Unusable::Unknown)?;
    pbkdf2(Hash::Sha256, rounds, salt, digest)
}

fn werkzeug_pbkdf2(rest: &str) -> Result<Stored<'_>, Unusable> {
    let (method, salt, digest) = parts(rest).ok_or(Unusable::Unknown)?;
    let (hash, rounds) = method.split_once(':').ok_or(Unusable::Unknown)?;
    let hash = match hash {
        "sha1" => Hash::Sha1,
        "sha256" => Hash::Sha256,
        "sha512" => Hash::Sha512,
        _ => return Err(Unusable::Unknown),
    };
    pbkdf2(hash, rounds, salt, hex(digest).ok_or(Unusable::Unknown)?)
}

fn pbkdf2<'a>(
    hash: Hash,
    rounds: &str,
    salt: &'a str,
    digest: Vec<u8>,
) -> Result<Stored<'a>, Unusable> {
    let length = match hash {
        Hash::Sha1 => 20,
        Hash::Sha256 => 32,
        Hash::Sha512 => 64,
    };
    let is_number = (1..=20).contains(&rounds.len()) && rounds.bytes().all(|b| b.is_ascii_digit());
    if digest.len() != length || !is_number || number(rounds) == Some(0) {
        return Err(Unusable::Unknown);
    }
    // Digits that no number holds are too many rounds.
    let rounds = number(rounds).unwrap_or(u32::MAX);
    let stored = Stored::Pbkdf2 {
        hash,
        rounds,
        salt,
        digest,
    };
    bounded(rounds <= MAX_PBKDF2_ROUNDS, "pbkdf2", stored)
}

fn werkzeug_scrypt(rest: &str) -> Result<Stored<'_>, Unusable> {
    let read = || {
        let (method, salt, digest) = parts(rest)?;
        let mut numbers = method.split(':').map(number);
        let (n, r, p) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let digest = hex(digest).filter(|digest| digest.len() == 64)?;
        let fits = numbers.next().is_none() && n > 1 && n.is_power_of_two() && r > 0 && p > 0;
        fits.then_some((n, r, p, salt, digest))
    };
    let (n, r, p, salt, digest) = read().ok_or(Unusable::Unknown)?;
    let work = u64::from(n)
        .saturating_mul(r.into())
        .saturating_mul(p.into());
    if work > MAX_SCRYPT_WORK {
        return Err(Unusable::TooCostly { scheme: "scrypt" });
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| Unusable::Unknown)?;
    let params = scrypt::Params::new(log_n, r, p, 32).map_err(|_| Unusable::Unknown)?;
    Ok(Stored::Scrypt {
        params,
        salt,
        digest,
    })
}

/// `method$salt$digest`.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (method, rest) = text.split_once('$')?;
    let (salt, digest) = rest.split_once('$')?;
    let fits = (1..=MAX_SALT_BYTES).contains(&salt.len()) && digest.len() <= 128;
    fits.then_some((method, salt, digest))
}

/// Digits alone: `parse` takes a sign as well.
fn number(text: &str) -> Option<u32> {
    let fits = text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok())?
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |&[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

fn bounded<'a>(
    is_bounded: bool,
    scheme: &'static str,
    stored: Stored<'a>,
) -> Result<Stored<'a>, Unusable> {
    if is_bounded {
        Ok(stored)
    } else {
        Err(Unusable::TooCostly { scheme })
    }
}

#[cfg(test)]
#[path = "vectors.rs"]
mod vectors;
