//! The cookie of a device that has logged in to an account before. Both halves spare such a login
//! while the account is locked: nobody can lock its owner out.
//!
//! Guarantees: a device that is known was named by a holder of the seal keys, for this very account.

use crate::{
    outcome::AccountId,
    parse::cookie,
    seal::{DerivedKeys, Keys},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The cookie. `__Host-`: no other host of the site can set it (RFC 6265bis §4.1.3.2).
pub const COOKIE: &str = "__Host-gapura-device";
/// Most cookies of the name that are looked at.
const MAX_COPIES: usize = 4;
/// Hex digits of a device's id.
const ID_DIGITS: usize = 32;

/// Names devices, and knows them again.
#[derive(Debug)]
pub struct Devices(DerivedKeys);

impl Devices {
    /// With keys made from the seal's.
    #[must_use]
    pub fn new(keys: &Keys) -> Self {
        Self(DerivedKeys::new(keys, "login device"))
    }

    /// The cookie's value for a device, 32 lower-case hex digits.
    #[must_use]
    pub fn value(&self, device: &str, account: &AccountId) -> String {
        let tag = self.0.tag(&sealed(device, account));
        format!("{device}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The device that a `Cookie` header names, if it has logged in to this account before.
    #[must_use]
    pub fn known<'a>(&self, cookies: &'a str, account: &AccountId) -> Option<&'a str> {
        cookie::pairs(cookies)
            .filter(|(name, _)| *name == COOKIE)
            .take(MAX_COPIES)
            .find_map(|(_, value)| {
                let (device, tag) = value.split_once('.')?;
                let hex_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                let is_id = device.len() == ID_DIGITS && device.bytes().all(hex_digit);
                let tag = URL_SAFE_NO_PAD.decode(tag).ok().filter(|_| is_id)?;
                let verifies = self.0.verifies(&sealed(device, account), &tag);
                verifies.then_some(device)
            })
    }
}

fn sealed(device: &str, account: &AccountId) -> String {
    format!("{device}.{}", account.as_str())
}

#[cfg(test)]
mod tests {
    use super::{AccountId, COOKIE, Devices, Keys};

    #[test]
    fn a_device_is_known_to_its_account_by_whoever_has_the_keys() {
        let devices =
            |key: &str| Devices::new(&Keys::parse(&format!("k1:{}", key.repeat(43))).unwrap());
        let (ours, owner) = (devices("A"), AccountId::of("owner@example.test"));
        let device = "0a".repeat(16);
        let value = ours.value(&device, &owner);
        let cookies = format!("x=1; {COOKIE}=forged; {COOKIE}={value}");
        assert_eq!(ours.known(&cookies, &owner), Some(device.as_str()));
        assert_eq!(ours.known(&cookies, &AccountId::of("b@example.test")), None);
        assert_eq!(devices("E").known(&cookies, &owner), None);
        for forged in [
            value.replace("0a", "0b"),
            value.replace("0a", "0A"),
            format!("{device}."),
            format!("{device}.{}", "b".repeat(43)),
            device.clone(),
        ] {
            assert_eq!(
                ours.known(&format!("{COOKIE}={forged}"), &owner),
                None,
                "{forged}"
            );
        }
        assert_eq!(ours.known(&format!("device={value}"), &owner), None);
    }
}
