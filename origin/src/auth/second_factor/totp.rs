//! One-time passwords by time: RFC 6238 over RFC 4226, as every authenticator has them: SHA-1, six
//! digits, steps of 30 seconds.
//!
//! SHA-1 is what authenticators implement, several whatever the URI says; HMAC does not
//! depend on the collisions that SHA-1 has (RFC 6238 §1.2, RFC 4226 appendix B).

use gapura_shared::{secret::Secret, time::UnixSeconds};
use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// Bytes of a secret: 160 bits (RFC 4226 §4, R6).
pub const SECRET_BYTES: usize = 20;
/// Seconds for which a code holds.
pub const STEP_S: u64 = 30;
/// Digits of a code.
pub const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;
/// Steps before and after the present one that are taken: clocks differ (RFC 6238 §5.2).
const DRIFT_STEPS: u64 = 1;

/// RFC 4648 §6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// What stays as it is in a URI's path and query (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What an authenticator and the server have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpSecret(Secret);

impl TotpSecret {
    /// A secret of random bytes.
    #[must_use]
    pub fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Secret::new(bytes.to_vec()))
    }

    /// Reads what [`Self::base32`] wrote.
    #[must_use]
    pub fn from_base32(text: &str) -> Option<Self> {
        if text.len() != SECRET_BYTES * 8 / 5 {
            return None;
        }
        let (mut bytes, mut bits, mut held) = (Vec::with_capacity(SECRET_BYTES), 0_u32, 0_u32);
        for letter in text.bytes() {
            let digit = BASE32.iter().position(|known| *known == letter)?;
            bits = bits << 5 | u32::try_from(digit).ok()?;
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
            }
        }
        Some(Self(Secret::new(bytes)))
    }

    /// The secret in base32 (RFC 4648 §6), for people who type it: 32 letters and digits.
    #[must_use]
    pub fn base32(&self) -> String {
        let (mut text, mut bits, mut held) = (String::new(), 0_u32, 0_u32);
        for byte in self.0.expose() {
            bits = bits << 8 | u32::from(*byte);
            held += 8;
            while held >= 5 {
                held -= 5;
                let digit = usize::try_from(bits >> held & 31).unwrap_or_default();
                text.extend(BASE32.get(digit).copied().map(char::from));
            }
        }
        text
    }

    /// The `otpauth:` URI by which authenticators take the secret over. `issuer` is the site's name, `account` the address;
    /// neither may add parameters, whatever it holds.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let issuer = utf8_percent_encode(issuer, ESCAPED).to_string();
        let account = utf8_percent_encode(account, ESCAPED);
        format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_S}",
            self.base32()
        )
    }

    /// The code of a step.
    #[must_use]
    pub fn code(&self, step: u64) -> String {
        format!("{:06}", self.truncated(step) % MODULUS)
    }

    /// The step whose code this is: the present one, the one before or the one after, and later than
    /// the last used one. The caller keeps it as the last used one: a code is good once (RFC 6238 §5.2).
    #[must_use]
    pub fn verify(&self, code: &str, now: UnixSeconds, last_used: Option<u64>) -> Option<u64> {
        let present = now.0 / STEP_S;
        let first = present.saturating_sub(DRIFT_STEPS);
        let (mut found, mut step_found) = (Choice::from(0), 0);
        // Every step is compared, whichever matches.
        for step in first..=present.saturating_add(DRIFT_STEPS) {
            let is_unused = Choice::from(u8::from(last_used.is_none_or(|used| step > used)));
            let matches = self.code(step).as_bytes().ct_eq(code.as_bytes()) & is_unused;
            step_found.conditional_assign(&step, matches);
            found |= matches;
        }
        bool::from(found).then_some(step_found)
    }

    /// RFC 4226 §5.3.
    fn truncated(&self, step: u64) -> u32 {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(self.0.expose()) else {
            return 0;
        };
        mac.update(&step.to_be_bytes());
        let digest: [u8; 20] = mac.finalize().into_bytes().into();
        let [.., last] = digest;
        let offset = usize::from(last & 15);
        let word = digest.iter().skip(offset).take(4);
        word.fold(0, |word, byte| word << 8 | u32::from(*byte)) & 0x7fff_ffff
    }
}

#[cfg(test)]
mod tests {
    use super::{SECRET_BYTES, STEP_S, TotpSecret};
    use gapura_shared::time::UnixSeconds;
    use proptest::prelude::*;

    /// Of RFC 4226 appendix D and RFC 6238 appendix B.
    fn rfc() -> TotpSecret {
        TotpSecret::new(*b"12345678901234567890")
    }

    #[test]
    fn makes_the_codes_of_rfc_4226() {
        let truncated = [
            1_284_755_224,
            1_094_287_082,
            137_359_152,
            1_726_969_429,
            1_640_338_314,
            868_254_676,
            1_918_287_922,
            82_162_583,
            673_399_871,
            645_520_489,
        ];
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (step, (code, truncated)) in (0..).zip(codes.into_iter().zip(truncated)) {
            assert_eq!(rfc().truncated(step), truncated);
            assert_eq!(rfc().code(step), code);
        }
    }

    #[test]
    fn accepts_the_codes_of_rfc_6238() {
        // Eight digits there, the last six of which are ours.
        for (now, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let now = UnixSeconds(now);
            assert_eq!(rfc().verify(&code[2..], now, None), Some(now.0 / STEP_S));
        }
    }

    #[test]
    fn takes_one_step_of_drift_and_no_more() {
        let now = UnixSeconds(1_700_000_000);
        let present = now.0 / STEP_S;
        let verify = |step| rfc().verify(&rfc().code(step), now, None);
        for step in present - 1..=present + 1 {
            assert_eq!(verify(step), Some(step));
        }
        for step in [present - 2, present + 2, 0] {
            assert_eq!(verify(step), None);
        }
    }

    #[test]
    fn takes_a_code_once_and_none_that_is_older() {
        let now = UnixSeconds(1_700_000_000);
        let present = now.0 / STEP_S;
        let used = rfc().verify(&rfc().code(present), now, None);
        assert_eq!(used, Some(present));
        for step in [present - 1, present] {
            assert_eq!(rfc().verify(&rfc().code(step), now, used), None);
        }
        assert_eq!(
            rfc().verify(&rfc().code(present + 1), now, used),
            Some(present + 1)
        );
    }

    #[test]
    fn refuses_what_is_no_code() {
        let now = UnixSeconds(59);
        for code in [
            "",
            "287082 ",
            "0287082",
            "28708",
            "２８７０８２",
            "287083",
            "-87082",
        ] {
            assert_eq!(rfc().verify(code, now, None), None, "{code}");
        }
    }

    #[test]
    fn writes_the_uri_that_authenticators_read() {
        assert_eq!(
            rfc().uri("Toko Budi & Co", "budi+a@example.com"),
            "otpauth://totp/Toko%20Budi%20%26%20Co:budi%2Ba%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Toko%20Budi%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
        assert!(!format!("{:?}", rfc()).contains("GEZDG"));
    }

    proptest! {
        #[test]
        fn a_secret_survives_its_text(bytes: [u8; SECRET_BYTES]) {
            let secret = TotpSecret::new(bytes);
            prop_assert_eq!(TotpSecret::from_base32(&secret.base32()), Some(secret));
        }

        #[test]
        fn every_code_is_good_once(bytes: [u8; SECRET_BYTES], now in 30_u64..=u64::from(u32::MAX), drift in 0_u64..3) {
            let secret = TotpSecret::new(bytes);
            let step = now / STEP_S + drift - 1;
            let (code, now) = (secret.code(step), UnixSeconds(now));
            // Two steps of three can have one code, once in a million.
            let used = secret.verify(&code, now, None);
            prop_assert!(used.is_some_and(|used| used.abs_diff(step) <= 2));
            prop_assert_eq!(secret.verify(&code, now, Some(now.0 / STEP_S + 1)), None);
        }

        #[test]
        fn never_panics(code in ".{0,12}", now: u64, used: Option<u64>, text in ".{0,40}") {
            let _ = (rfc().verify(&code, UnixSeconds(now), used), TotpSecret::from_base32(&text));
        }
    }
}
