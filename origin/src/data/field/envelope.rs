//! `ENC[version:iv:ciphertext:tag]`: a sealed field as the database holds it, its last three parts
//! in base64 with padding (RFC 4648 §4).

use super::FieldError;
use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Bytes of an initialisation vector (NIST SP 800-38D §8.2).
pub const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const START: &str = "ENC[";

/// Which keys and which associated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// Of data that exists: key by PBKDF2, bound to the tenant alone.
    One,
    /// Key by HKDF, bound to tenant, table, column and row.
    Two,
}

impl Version {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
        }
    }
}

/// Taken apart, not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) version: Version,
    iv: [u8; IV_BYTES],
    /// Ciphertext and tag.
    sealed: Vec<u8>,
}

impl Envelope {
    /// Whether `text` claims to be one.
    pub(super) fn is_claimed(text: &str) -> bool {
        text.starts_with(START)
    }

    /// Whether `text` claims to be one of version 1.
    pub(super) fn is_version_one(text: &str) -> bool {
        let version = text
            .strip_prefix(START)
            .and_then(|rest| rest.split(':').next());
        version == Some(Version::One.text())
    }

    /// There is one text for each envelope: no other base64 of the same bytes is read.
    pub(super) fn parse(text: &str) -> Result<Self, FieldError> {
        Self::read(text).ok_or(FieldError::Unopened)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(START)?.strip_suffix(']')?.split(':');
        let version = match parts.next()? {
            "1" => Version::One,
            "2" => Version::Two,
            _ => return None,
        };
        let iv = STANDARD.decode(parts.next()?).ok()?;
        let mut sealed = STANDARD.decode(parts.next()?).ok()?;
        let tag = STANDARD.decode(parts.next()?).ok()?;
        if parts.next().is_some() || tag.len() != TAG_BYTES {
            return None;
        }
        sealed.extend(tag);
        Some(Self {
            version,
            iv: iv.try_into().ok()?,
            sealed,
        })
    }

    pub(super) fn seal(
        version: Version,
        cipher: &Aes256Gcm,
        iv: [u8; IV_BYTES],
        aad: &[u8],
        text: &str,
    ) -> Result<String, FieldError> {
        let payload = Payload {
            msg: text.as_bytes(),
            aad,
        };
        let sealed = cipher.encrypt(&Nonce::from(iv), payload);
        // Only what is longer than 64 GB cannot be sealed.
        let sealed = sealed.map_err(|_| FieldError::TooLong)?;
        let (sealed, tag) = sealed
            .split_last_chunk::<TAG_BYTES>()
            .ok_or(FieldError::TooLong)?;
        let [iv, sealed, tag] = [iv.as_slice(), sealed, tag].map(|part| STANDARD.encode(part));
        Ok(format!("{START}{}:{iv}:{sealed}:{tag}]", version.text()))
    }

    pub(super) fn open(&self, cipher: &Aes256Gcm, aad: &[u8]) -> Result<String, FieldError> {
        let payload = Payload {
            msg: &self.sealed,
            aad,
        };
        let opened = cipher.decrypt(&Nonce::from(self.iv), payload);
        let opened = opened.map_err(|_| FieldError::Unopened)?;
        String::from_utf8(opened).map_err(|_| FieldError::Unopened)
    }
}
