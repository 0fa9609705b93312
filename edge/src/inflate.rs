//! Compressed request bodies (RFC 9110 §8.4), inflated for inspection alone: what goes on to the
//! origin is what was sent.
//!
//! Bounded in length and in ratio. What frameworks would read differently is refused: bytes
//! behind the stream, several encodings, a dictionary.

use miniz_oxide::inflate::{
    TINFLStatus,
    core::{
        DecompressorOxide, decompress,
        inflate_flags::{TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF},
    },
};

/// Most bytes that one compressed byte may become; text rarely reaches 20.
const MAX_RATIO: usize = 100;
/// Room for small bodies, whose ratio says nothing.
const MIN_ROOM: usize = 16 * 1024;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, which HTTP calls `deflate`.
    Deflate,
    /// Something that is not undone here.
    Other,
}

/// Why a body was not inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Too long, or too long for its compressed length.
    TooLong,
    /// Not what its encoding says.
    Malformed,
    /// An encoding that is not undone here.
    Unsupported,
}

impl Encoding {
    /// The encoding that `Content-Encoding` names.
    #[must_use]
    pub fn of(header: Option<&str>) -> Self {
        match header
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            _ => Self::Other,
        }
    }
}

/// The plain text of a body, at most `limit` bytes; `None` when it is that already.
///
/// # Errors
/// [`Fault`].
pub fn inflate(encoding: Encoding, bytes: &[u8], limit: u64) -> Result<Option<Vec<u8>>, Fault> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let room = limit.min(bytes.len().saturating_mul(MAX_RATIO).max(MIN_ROOM));
    let mut text = Vec::new();
    match encoding {
        Encoding::Identity => return Ok(None),
        Encoding::Other => return Err(Fault::Unsupported),
        Encoding::Deflate => {
            let rest = member(bytes, TINFL_FLAG_PARSE_ZLIB_HEADER, room, &mut text)?;
            if !rest.is_empty() {
                return Err(Fault::Malformed);
            }
        }
        // Members follow each other, and all frameworks read them as one text (RFC 1952 §2.2).
        Encoding::Gzip => {
            let mut rest = bytes;
            loop {
                rest = member(gzip_header(rest)?, 0, room, &mut text)?;
                // Checksum and length: a wrong one is the application's to refuse.
                rest = rest.get(8..).ok_or(Fault::Malformed)?;
                if rest.is_empty() {
                    break;
                }
            }
        }
    }
    Ok(Some(text))
}

/// Inflates one stream behind what is there; what follows it.
fn member<'a>(
    bytes: &'a [u8],
    flags: u32,
    room: usize,
    text: &mut Vec<u8>,
) -> Result<&'a [u8], Fault> {
    let flags = flags | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut state = Box::<DecompressorOxide>::default();
    let mut rest = bytes;
    let mut length = text.len();
    loop {
        let size = room.min(length.saturating_mul(2).max(MIN_ROOM));
        text.resize(size.max(length), 0);
        let (status, read, written) = decompress(&mut state, rest, text, length, flags);
        rest = rest.get(read..).unwrap_or_default();
        length += written;
        match status {
            TINFLStatus::Done => {
                text.truncate(length);
                return Ok(rest);
            }
            TINFLStatus::HasMoreOutput if text.len() < room => {}
            TINFLStatus::HasMoreOutput => return Err(Fault::TooLong),
            _ => return Err(Fault::Malformed),
        }
    }
}

/// What follows the header of a gzip member (RFC 1952 §2.3).
fn gzip_header(bytes: &[u8]) -> Result<&[u8], Fault> {
    let after_text = |rest: &'_ [u8]| rest.iter().position(|byte| *byte == 0).map(|end| end + 1);
    let read = || {
        let [0x1f, 0x8b, 8, flags, ..] = bytes else {
            return None;
        };
        let mut at = 10;
        if flags & 4 != 0 {
            let length = [*bytes.get(at)?, *bytes.get(at + 1)?];
            at += 2 + usize::from(u16::from_le_bytes(length));
        }
        for text in [8, 16] {
            if flags & text != 0 {
                at += after_text(bytes.get(at..)?)?;
            }
        }
        if flags & 2 != 0 {
            at += 2;
        }
        // Reserved bits must be zero.
        (flags & 0xe0 == 0).then_some(())?;
        bytes.get(at..)
    };
    read().ok_or(Fault::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zlib(text: &[u8]) -> Vec<u8> {
        miniz_oxide::deflate::compress_to_vec_zlib(text, 6)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packed = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
        packed.extend(b"name.txt\0");
        packed.extend(miniz_oxide::deflate::compress_to_vec(text, 6));
        packed.extend([0; 8]);
        packed
    }

    #[test]
    fn both_encodings_and_several_members_are_undone() {
        let text = b"q=1' or 1=1--&".repeat(50);
        assert_eq!(
            inflate(Encoding::Gzip, &gzip(&text), 10_000),
            Ok(Some(text.clone()))
        );
        assert_eq!(
            inflate(Encoding::Deflate, &zlib(&text), 10_000),
            Ok(Some(text.clone()))
        );
        let two = [gzip(b"a=1&"), gzip(&text)].concat();
        let whole = [b"a=1&".as_slice(), &text].concat();
        assert_eq!(inflate(Encoding::Gzip, &two, 10_000), Ok(Some(whole)));
        assert_eq!(inflate(Encoding::Identity, b"x", 1), Ok(None));
    }

    #[test]
    fn bombs_and_tails_are_refused() {
        let long = vec![b'a'; 100_000];
        assert_eq!(
            inflate(Encoding::Gzip, &gzip(&long), 99_999),
            Err(Fault::TooLong)
        );
        assert_eq!(
            inflate(Encoding::Gzip, &gzip(&long), 1 << 30),
            Err(Fault::TooLong),
            "ratio"
        );
        let long: Vec<u8> = (0..100_000_u32)
            .map(|n| (n.wrapping_mul(n) >> 7).to_le_bytes()[0])
            .collect();
        assert_eq!(
            inflate(Encoding::Gzip, &gzip(&long), 100_000),
            Ok(Some(long))
        );
        for packed in [
            [gzip(b"x"), b"tail".to_vec()].concat(),
            b"plain".to_vec(),
            gzip(b"x")[..20].to_vec(),
        ] {
            assert_eq!(
                inflate(Encoding::Gzip, &packed, 1000),
                Err(Fault::Malformed)
            );
        }
        let tail = [zlib(b"x"), b"tail".to_vec()].concat();
        assert_eq!(
            inflate(Encoding::Deflate, &tail, 1000),
            Err(Fault::Malformed)
        );
        assert_eq!(
            inflate(Encoding::of(Some("br")), b"x", 1000),
            Err(Fault::Unsupported)
        );
        assert_eq!(
            inflate(Encoding::of(Some("gzip, gzip")), b"x", 1000),
            Err(Fault::Unsupported)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = inflate(Encoding::Deflate, &bytes, 100_000);
            let gzip = [&[0x1f, 0x8b, 8, 31, 0, 0, 0, 0, 0, 3][..], &bytes].concat();
            let _ = inflate(Encoding::Gzip, &gzip, 100_000);
        }
    }
}
