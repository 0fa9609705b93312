//! Recovery codes: ten, shown once, each good once, for whoever has lost the authenticator.
//!
//! A code has 60 random bits. So SHA-256 with a salt is enough at rest, where a password needs
//! Argon2: there are no likely codes to try first, and all 2⁶⁰ would have to be hashed for each salt
//! (a rig of 10¹⁰ hashes a second takes years for one code). And a wrong code costs the
//! server microseconds, not a place in the hash queue.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Codes that a person gets at once.
pub const COUNT: usize = 10;
/// Random bytes that make a set: what [`generate`] takes.
pub const RANDOM_BYTES: usize = COUNT * (CODE_CHARS + SALT_BYTES);
/// 5 bits each.
const CODE_CHARS: usize = 12;
const SALT_BYTES: usize = 16;
const GROUP_CHARS: usize = 4;
/// Crockford's base 32: no `I`, `L`, `O`, `U`.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A code as the database holds it: salt and SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredCode {
    salt: [u8; SALT_BYTES],
    hash: [u8; 32],
}

impl std::fmt::Debug for StoredCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredCode").finish_non_exhaustive()
    }
}

/// Codes for the person, `XXXX-XXXX-XXXX`, in the order of those for the database.
#[must_use]
pub fn generate(random: &[u8; RANDOM_BYTES]) -> (Vec<String>, Vec<StoredCode>) {
    let (sets, _) = random.as_chunks::<{ CODE_CHARS + SALT_BYTES }>();
    sets.iter()
        .map(|set| {
            let (code, salt) = set.split_at(CODE_CHARS);
            // 32 divides 256: the low five bits are as random as the byte.
            let digit = |byte: &u8| ALPHABET.get(usize::from(byte & 31)).copied();
            let code: Vec<u8> = code.iter().filter_map(digit).collect();
            let salt = salt.try_into().unwrap_or([0; SALT_BYTES]);
            let stored = StoredCode {
                salt,
                hash: hash(&salt, &code),
            };
            (grouped(&code), stored)
        })
        .unzip()
}

/// Which of the codes `text` is. The caller takes it away in the transaction
/// that accepts it. Every code is compared, whichever matches.
#[must_use]
pub fn find(codes: &[StoredCode], text: &str) -> Option<usize> {
    let code = normalise(text)?;
    let matches = |stored: &StoredCode| hash(&stored.salt, &code).ct_eq(&stored.hash);
    let found: Vec<bool> = codes.iter().map(|code| matches(code).into()).collect();
    found.into_iter().position(|found| found)
}

impl StoredCode {
    /// As text: salt and hash in base64url.
    #[must_use]
    pub fn encode(&self) -> String {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        format!("{}.{}", encode(&self.salt), encode(&self.hash))
    }

    /// Reads what [`Self::encode`] wrote.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let (salt, hash) = text.split_once('.').filter(|_| text.len() < 128)?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        Some(Self {
            salt: decode(salt)?.try_into().ok()?,
            hash: decode(hash)?.try_into().ok()?,
        })
    }
}

/// As people type it: any case, with or without hyphens and blanks, `O` for `0`, `I` and `L` for `1`.
fn normalise(text: &str) -> Option<Vec<u8>> {
    // Nothing much longer is worth reading.
    if text.len() > 64 {
        return None;
    }
    let typed = text
        .bytes()
        .filter(|b| !b.is_ascii_whitespace() && *b != b'-');
    let code: Vec<u8> = typed
        .map(|byte| match byte.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            byte => byte,
        })
        .collect();
    let fits = code.len() == CODE_CHARS && code.iter().all(|byte| ALPHABET.contains(byte));
    fits.then_some(code)
}

fn grouped(code: &[u8]) -> String {
    let group = |group: &[u8]| group.iter().copied().map(char::from).collect::<String>();
    let groups: Vec<String> = code.chunks(GROUP_CHARS).map(group).collect();
    groups.join("-")
}

fn hash(salt: &[u8; SALT_BYTES], code: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(code);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{COUNT, RANDOM_BYTES, StoredCode, find, generate};
    use proptest::{collection::vec, prelude::*};
    use std::collections::BTreeSet;

    fn set() -> (Vec<String>, Vec<StoredCode>) {
        generate(&crate::random::bytes())
    }

    #[test]
    fn makes_ten_different_codes_of_sixty_bits() {
        let (codes, stored) = set();
        assert_eq!((codes.len(), stored.len()), (COUNT, COUNT));
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), COUNT);
        for code in &codes {
            assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4]);
        }
    }

    #[test]
    fn a_code_taken_away_is_good_no_more() {
        let (codes, mut stored) = set();
        let found = find(&stored, &codes[3]).unwrap();
        assert_eq!(found, 3);
        stored.remove(found);
        assert_eq!(find(&stored, &codes[3]), None);
        assert_eq!(find(&stored, &codes[4]), Some(3));
    }

    #[test]
    fn reads_a_code_as_people_type_it() {
        let (codes, stored) = set();
        let code = &codes[0];
        for typed in [
            code.to_lowercase(),
            code.replace('-', ""),
            format!("  {} ", code.replace('-', " ")),
            code.replace('0', "o").replace('1', "l"),
            code.replace('1', "I"),
        ] {
            assert_eq!(find(&stored, &typed), Some(0), "{typed}");
        }
        for wrong in ["", "-", &code[1..], &format!("{code}0"), &"0".repeat(1000)] {
            assert_eq!(find(&stored, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn shows_no_code_and_no_hash() {
        let (codes, stored) = set();
        assert_eq!(format!("{:?}", stored[0]), "StoredCode { .. }");
        assert!(!stored[0].encode().contains(&codes[0].replace('-', "")));
    }

    proptest! {
        #[test]
        fn every_code_is_found_and_survives_its_text(random in vec(any::<u8>(), RANDOM_BYTES)) {
            let (codes, stored) = generate(&random.try_into().unwrap());
            let read: Option<Vec<StoredCode>> =
                stored.iter().map(|code| StoredCode::decode(&code.encode())).collect();
            prop_assert_eq!(read.as_deref(), Some(stored.as_slice()));
            for (place, code) in codes.iter().enumerate() {
                prop_assert_eq!(find(&stored, code), Some(place));
            }
        }

        #[test]
        fn never_panics(text in ".{0,80}") {
            let _ = (find(&set().1, &text), StoredCode::decode(&text));
        }
    }
}
