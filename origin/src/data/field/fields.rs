//! Sealing, opening and indexing, with the keys of a tenant.

use super::{
    FieldError, Opened, Place, blind,
    envelope::{Envelope, IV_BYTES, Version},
    keys::{Kek, LaravelKey, Purpose, joined},
    laravel,
    limit::{MAX_FIELD_BYTES, MAX_STORED_BYTES},
    version_one::Derived,
};
use aes_gcm::{Aes256Gcm, aead::KeyInit};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::keys::Keys;
use std::{fmt, iter::once};

/// One or two key-encryption keys (KEK), and what is derived from them.
pub struct Fields {
    current: Source,
    previous: Option<Source>,
    laravel: Option<LaravelKey>,
}

struct Source {
    kek: Kek,
    version_one: Derived,
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields")
    }
}

impl Fields {
    /// With `laravel`, payloads of Laravel open too.
    #[must_use]
    pub fn new(keys: Keys, laravel: Option<LaravelKey>) -> Self {
        let (current, previous) = keys.into_parts();
        let source = |key| Source {
            kek: Kek::new(key),
            version_one: Derived::default(),
        };
        Self {
            current: source(current),
            previous: previous.map(source),
            laravel,
        }
    }

    /// Derives the keys of a tenant: cheap, for a request rather than for a row.
    #[must_use]
    pub fn tenant<'a>(&'a self, tenant: &'a str) -> Tenant<'a> {
        let cipher =
            |source: &Source| Aes256Gcm::new(&source.kek.derive(Purpose::Field, &[tenant]).into());
        Tenant {
            fields: self,
            name: tenant,
            current: cipher(&self.current),
            previous: self.previous.as_ref().map(cipher),
        }
    }

    /// The id of each key, the current one first, with a value that tells whether another process has
    /// the same key and tells nothing of it otherwise: to be kept with what is sealed, so that a wrong
    /// key is found before it is used.
    pub fn key_checks(&self) -> impl Iterator<Item = (&str, String)> {
        self.sources().map(|source| {
            let check = source.kek.derive(Purpose::Check, &[]);
            (source.kek.id.as_str(), URL_SAFE_NO_PAD.encode(check))
        })
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        once(&self.current).chain(&self.previous)
    }
}

/// The keys of one tenant.
pub struct Tenant<'a> {
    fields: &'a Fields,
    name: &'a str,
    current: Aes256Gcm,
    previous: Option<Aes256Gcm>,
}

impl fmt::Debug for Tenant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tenant")
    }
}

impl Tenant<'_> {
    /// Seals in version 2 under the current key. `iv` is random and used once.
    ///
    /// # Errors
    /// [`FieldError::TooLong`].
    pub fn seal(
        &self,
        place: &Place<'_>,
        text: &str,
        iv: [u8; IV_BYTES],
    ) -> Result<String, FieldError> {
        if text.len() > MAX_FIELD_BYTES {
            return Err(FieldError::TooLong);
        }
        Envelope::seal(
            Version::Two,
            &self.current,
            iv,
            &associated_data(place),
            text,
        )
    }

    /// Opens what any version, either key, or Laravel sealed.
    ///
    /// The first field of a tenant in version 1 costs some 30 ms of computing for each key that is
    /// tried: see [`Tenant::is_costly`].
    ///
    /// # Errors
    /// [`FieldError::Unopened`].
    pub fn open(&self, place: &Place<'_>, stored: &str) -> Result<Opened, FieldError> {
        if stored.len() > MAX_STORED_BYTES {
            return Err(FieldError::Unopened);
        }
        if !Envelope::is_claimed(stored) {
            let key = self.fields.laravel.as_ref().ok_or(FieldError::Unopened)?;
            return laravel::open(key, stored).map(rewrite);
        }
        let envelope = Envelope::parse(stored)?;
        match envelope.version {
            Version::One => self.open_version_one(&envelope).map(rewrite),
            Version::Two => self.open_version_two(&envelope, place),
        }
    }

    /// Whether to open this takes so long that nothing else should wait for it.
    #[must_use]
    pub fn is_costly(&self, stored: &str) -> bool {
        let knows = |source: &Source| source.version_one.knows(self.name);
        Envelope::is_version_one(stored) && !self.fields.sources().all(knows)
    }

    fn open_version_one(&self, envelope: &Envelope) -> Result<String, FieldError> {
        self.fields
            .sources()
            .map(|source| source.version_one.cipher(&source.kek, self.name))
            .find_map(|cipher| envelope.open(&cipher, &[]).ok())
            .ok_or(FieldError::Unopened)
    }

    fn open_version_two(
        &self,
        envelope: &Envelope,
        place: &Place<'_>,
    ) -> Result<Opened, FieldError> {
        let aad = associated_data(place);
        // The tag tells which key it is.
        if let Ok(text) = envelope.open(&self.current, &aad) {
            return Ok(Opened {
                text,
                needs_rewrite: false,
            });
        }
        let previous = self.previous.as_ref().ok_or(FieldError::Unopened)?;
        envelope.open(previous, &aad).map(rewrite)
    }

    /// By what rows with `text` in the column are found: an HMAC-SHA256 of the text in Unicode's
    /// form NFC, in base64url, 22 characters.
    #[must_use]
    pub fn blind_index(&self, table: &str, column: &str, text: &str) -> String {
        self.index_of(&self.fields.current, table, column, text)
    }

    /// All the indexes that such rows may have while the key is rotated, the current one first.
    pub fn blind_indexes(
        &self,
        table: &str,
        column: &str,
        text: &str,
    ) -> impl Iterator<Item = String> {
        self.fields
            .sources()
            .map(move |source| self.index_of(source, table, column, text))
    }

    fn index_of(&self, source: &Source, table: &str, column: &str, text: &str) -> String {
        let parts = [self.name, table, column];
        let key = source.kek.derive(Purpose::BlindIndex, &parts);
        blind::index(&key, text)
    }
}

/// The tenant is in the key.
fn associated_data(place: &Place<'_>) -> Vec<u8> {
    joined(&[Version::Two.text(), place.table, place.column, place.row])
}

/// What was opened with anything but the newest.
const fn rewrite(text: String) -> Opened {
    Opened {
        text,
        needs_rewrite: true,
    }
}
