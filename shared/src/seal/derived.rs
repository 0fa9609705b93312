//! Keys for other purposes than the seal, made from the seal keys: one secret to
//! deploy, and no tag of one purpose that holds for another.

use super::{Keys, mac};
use crate::secret::Secret;
use hmac::Mac;

/// The keys of one purpose: the first one makes tags, tags of both are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedKeys {
    signing: Secret,
    previous: Option<Secret>,
}

impl DerivedKeys {
    /// The keys of `purpose`, a constant without line breaks.
    #[must_use]
    pub fn new(keys: &Keys, purpose: &str) -> Self {
        // The first line keeps it apart from what the seal keys sign themselves.
        let derive = |secret: &Secret| {
            let derived = mac(secret, &format!("gapura-key\n{purpose}")).finalize();
            Secret::new(derived.into_bytes().to_vec())
        };
        Self {
            signing: derive(keys.current().1),
            previous: keys.previous().map(derive),
        }
    }

    /// The tag of a message (HMAC-SHA-256).
    #[must_use]
    pub fn tag(&self, message: &str) -> [u8; 32] {
        mac(&self.signing, message).finalize().into_bytes().into()
    }

    /// Whether `tag` is the message's, in time that does not tell how much of it is right.
    #[must_use]
    pub fn verifies(&self, message: &str, tag: &[u8]) -> bool {
        let mut keys = [Some(&self.signing), self.previous.as_ref()]
            .into_iter()
            .flatten();
        keys.any(|key| mac(key, message).verify_slice(tag).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::{DerivedKeys, Keys};

    fn keys(text: &str) -> DerivedKeys {
        DerivedKeys::new(&Keys::parse(text).unwrap(), "test")
    }

    #[test]
    fn a_tag_holds_for_its_message_purpose_and_keys() {
        let seal = Keys::parse(&format!("k1:{}", "A".repeat(43))).unwrap();
        let keys = DerivedKeys::new(&seal, "test");
        let tag = keys.tag("a");
        assert!(keys.verifies("a", &tag));
        assert!(!keys.verifies("b", &tag));
        assert!(!keys.verifies("a", &tag[..31]));
        assert!(!keys.verifies("a", &[]));
        assert!(!DerivedKeys::new(&seal, "other").verifies("a", &tag));
    }

    #[test]
    fn a_rotation_of_the_seal_keys_keeps_what_the_previous_one_made() {
        let (old, new) = ("A".repeat(43), "E".repeat(43));
        let tag = keys(&format!("k1:{old}")).tag("a");
        assert!(keys(&format!("k2:{new},k1:{old}")).verifies("a", &tag));
        assert!(!keys(&format!("k2:{new}")).verifies("a", &tag));
    }
}
