//! Blind indexes: by what an encrypted field is found without being opened.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac, digest::Key};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;

/// Half of the HMAC: two texts of one column share an index by chance once there are some 2⁶⁴ of them,
/// so that a match needs no second look, in half the space.
const INDEX_BYTES: usize = 16;

/// HMAC-SHA256 (RFC 2104) of the text in Unicode's form NFC: letters that look the same are the same.
pub(super) fn index(key: &[u8; 32], text: &str) -> String {
    // A key shorter than a block is filled with zeros (RFC 2104 §2).
    let mut block = Key::<Hmac<Sha256>>::default();
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&block);
    for letter in text.nfc() {
        mac.update(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    let mac: [u8; 32] = mac.finalize().into_bytes().into();
    let (short, _) = mac.split_at(INDEX_BYTES);
    URL_SAFE_NO_PAD.encode(short)
}
