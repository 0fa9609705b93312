//! Base64 (RFC 4648 §4 and §5) where a whole value plausibly is that.

use ::base64::Engine as _;
use ::base64::alphabet;
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::waf::scan::{span, trim};

/// Shorter texts are words, not payloads: 12 characters hold 9 bytes.
const MIN_LENGTH: usize = 12;
/// Longer ones are files, whose bytes are no text for a detector.
const MAX_LENGTH: usize = 64 * 1024;
/// Characters decoded to find out cheaply whether the rest is worth it.
const SAMPLE: usize = 12;

/// Any padding, any trailing bits: as lenient as the laxest application.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Whether the start of the value decodes to text.
pub(super) fn is_plausible(value: &[u8]) -> bool {
    let value = trim(value);
    (MIN_LENGTH..=MAX_LENGTH).contains(&value.len())
        && any_alphabet(span(value, 0, SAMPLE)).is_some_and(|head| is_text(&head))
}

/// The decoded value when all of it is base64 of printable text.
pub(super) fn decode(value: &[u8]) -> Option<Vec<u8>> {
    if !is_plausible(value) {
        return None;
    }
    any_alphabet(trim(value)).filter(|decoded| is_text(decoded))
}

fn any_alphabet(value: &[u8]) -> Option<Vec<u8>> {
    STANDARD
        .decode(value)
        .or_else(|_| URL_SAFE.decode(value))
        .ok()
}

fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'))
}
