//! What `Crypt::encryptString` of Laravel wrote: base64 of `{"iv", "value", "mac", "tag"}`,
//! AES-256-CBC, HMAC-SHA256 of `iv` and `value` as they are written (encrypt then MAC).
//!
//! It is read alone, never written: it says nothing of the row that it stands in.

use super::{FieldError, keys::LaravelKey};
use aes::Aes256;
use base64::{Engine, engine::general_purpose::STANDARD};
use cbc::{
    Decryptor,
    cipher::{BlockDecryptMut, KeyIvInit, block_padding::Pkcs7},
};
use gapura_shared::ids::hex;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;

#[derive(Deserialize)]
struct Payload {
    iv: String,
    value: String,
    mac: String,
}

/// The text of a payload.
pub(super) fn open(key: &LaravelKey, stored: &str) -> Result<String, FieldError> {
    read(key, stored).ok_or(FieldError::Unopened)
}

fn read(LaravelKey(key): &LaravelKey, stored: &str) -> Option<String> {
    let payload: Payload = serde_json::from_slice(&STANDARD.decode(stored).ok()?).ok()?;
    // The MAC first: padding says something only of what is authentic.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).ok()?;
    mac.update(payload.iv.as_bytes());
    mac.update(payload.value.as_bytes());
    let mac = hex(&mac.finalize().into_bytes());
    if !bool::from(mac.as_bytes().ct_eq(payload.mac.as_bytes())) {
        return None;
    }
    let iv = STANDARD.decode(&payload.iv).ok()?;
    let value = STANDARD.decode(&payload.value).ok()?;
    let cipher = Decryptor::<Aes256>::new_from_slices(key.expose(), &iv).ok()?;
    let opened = cipher.decrypt_padded_vec_mut::<Pkcs7>(&value).ok()?;
    String::from_utf8(opened).ok()
}
