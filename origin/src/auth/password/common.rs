//! The commonest and the breached passwords: nearly 200,000 of 8 characters or more, in one
//! embedded table (`common.bin`; sources and licences in `NOTICE`, made by `scripts/common-passwords`).
//!
//! The table holds 32 bits of each one's SHA-256, so it contains no password. The first 16 bits
//! choose a bucket; the file starts with the buckets' sizes, a byte each, and goes on with the other 16
//! bits of each entry, bucket after bucket, sorted, big endian.
//!
//! Guarantees: every listed password is found. One that is not listed is found with a
//! probability of entries / 2³², about 1 in 20,000; whoever chose it chooses another. A look-up is
//! one SHA-256 and a bucket of three entries or so.

use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;

const TABLE: &[u8] = include_bytes!("common.bin");
const BUCKETS: usize = 1 << 16;
/// Buckets whose sizes are added up beforehand.
const STRIDE: usize = 256;

/// The entries before every 256th bucket.
static BEFORE: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let sizes = TABLE.get(..BUCKETS).unwrap_or_default();
    let strides = sizes.chunks(STRIDE);
    let mut before = 0;
    strides
        .map(|stride| {
            let here = before;
            before += entries(stride);
            here
        })
        .collect()
});

/// The form in which passwords are listed and looked up: NFKC, lower case.
#[must_use]
pub fn fold(password: &str) -> String {
    password.nfkc().flat_map(char::to_lowercase).collect()
}

/// Whether a password, in its [`fold`]ed form, is listed.
#[must_use]
pub fn contains(folded: &str) -> bool {
    let (bucket, entry) = key(folded);
    find(usize::from(bucket), entry).unwrap_or(false)
}

fn find(bucket: usize, entry: u16) -> Option<bool> {
    let (sizes, listed) = TABLE.split_at_checked(BUCKETS)?;
    let stride = bucket / STRIDE;
    let first = BEFORE.get(stride)? + entries(sizes.get(stride * STRIDE..bucket)?);
    let size = usize::from(*sizes.get(bucket)?);
    let (listed, _) = listed.as_chunks::<2>();
    let listed = listed.get(first..first + size)?;
    Some(listed.contains(&entry.to_be_bytes()))
}

fn entries(sizes: &[u8]) -> usize {
    sizes.iter().copied().map(usize::from).sum()
}

/// Bucket and entry.
fn key(folded: &str) -> (u16, u16) {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(folded).into();
    (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
}

/// The table of these passwords; `None` when a bucket would overflow.
#[must_use]
pub fn table<'a>(passwords: impl Iterator<Item = &'a str>) -> Option<Vec<u8>> {
    let mut keys: Vec<(u16, u16)> = passwords.map(|password| key(&fold(password))).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut table = vec![0_u8; BUCKETS];
    for (bucket, _) in &keys {
        let size = table.get_mut(usize::from(*bucket))?;
        *size = size.checked_add(1)?;
    }
    table.extend(keys.iter().flat_map(|(_, entry)| entry.to_be_bytes()));
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, TABLE, contains, entries, fold, table};
    use std::time::Instant;

    fn count() -> usize {
        entries(&TABLE[..BUCKETS])
    }

    #[test]
    fn the_table_is_whole_and_large_enough() {
        assert!((100_000..400_000).contains(&count()), "{}", count());
        assert_eq!(TABLE.len(), BUCKETS + 2 * count());
    }

    #[test]
    fn finds_what_is_tried_first() {
        for common in [
            "password",
            "12345678",
            "123456789",
            "1234567890",
            "qwertyuiop",
            "password1",
            "password123",
            "iloveyou",
            "sunshine",
            "princess",
            "football",
            "baseball",
            "superman",
            "trustno1",
            "admin123",
            "1q2w3e4r",
            "1qaz2wsx",
            "asdfghjkl",
            "zaq12wsx",
            "abcd1234",
            "11111111",
            "88888888",
            "p@ssw0rd",
            "indonesia",
            "bismillah",
            "sayangku",
            "alhamdulillah",
            "rahasia123",
            "indonesia123",
        ] {
            assert!(contains(&fold(common)), "{common}");
        }
    }

    #[test]
    fn finds_others_in_fewer_than_one_of_ten_thousand() {
        let tries = 100_000_u32;
        let found = (0..tries)
            .filter(|n| contains(&format!("{n:x} is nobody's password")))
            .count();
        let expected =
            f64::from(tries) * f64::from(u32::try_from(count()).unwrap()) / 2_f64.powi(32);
        // One in ten thousand would be 10.
        assert!(expected < 5.0 && found <= 10, "{found} for {expected}");
    }

    #[test]
    fn a_look_up_takes_microseconds() {
        let started = Instant::now();
        for n in 0..10_000_u32 {
            let _ = contains(&n.to_string());
        }
        // A tenth of a millisecond each, for the slowest of machines and builds.
        assert!(
            started.elapsed().as_millis() < 1_000,
            "{:?}",
            started.elapsed()
        );
    }

    #[test]
    fn a_table_holds_each_password_once_and_in_order() {
        let made = table(["b-password", "A-Password", "a-password"].into_iter()).unwrap();
        assert_eq!(entries(&made[..BUCKETS]), 2);
        assert_eq!(made.len(), BUCKETS + 4);
        assert_eq!(
            made,
            table(["a-password", "b-password"].into_iter()).unwrap()
        );
    }
}
