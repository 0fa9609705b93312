//! The signature base (RFC 9421 §2.5): one line per covered component.

use super::{CONTENT_DIGEST, CONTENT_STREAM, CONTENT_TYPE, Content, INSTANCE, Message};
use crate::identity;
use std::fmt::Write;

/// The components that a message must cover, in the order in which they are signed.
pub(super) fn covered<'a>(
    message: &'a Message<'_>,
) -> impl Iterator<Item = &'static str> + use<'a> {
    lines(message).map(|(name, _)| name)
}

/// The text that is signed. `input` is the inner list with its parameters.
pub(super) fn signature_base(message: &Message<'_>, input: &str) -> String {
    let mut base = String::with_capacity(512);
    for (name, value) in lines(message) {
        // Writing to a `String` cannot fail.
        let _ = match name {
            "@query" => writeln!(base, "\"@query\": ?{value}"),
            INSTANCE => writeln!(base, "\"{INSTANCE}\": \"{value}\""),
            _ => writeln!(base, "\"{name}\": {value}"),
        };
    }
    let _ = write!(base, "\"@signature-params\": {input}");
    base
}

fn lines<'a>(message: &'a Message<'_>) -> impl Iterator<Item = (&'static str, &'a str)> {
    let (content, content_type) = match &message.content {
        Content::Empty => (None, None),
        Content::Digest {
            digest,
            content_type,
        } => (Some((CONTENT_DIGEST, digest.as_ref())), *content_type),
        Content::Stream {
            max_bytes,
            content_type,
        } => (Some((CONTENT_STREAM, max_bytes.as_ref())), *content_type),
    };
    [
        ("@method", message.method),
        ("@authority", message.authority),
        ("@path", message.path),
        ("@query", message.query),
        (identity::HEADER, message.identity),
        (INSTANCE, message.instance),
    ]
    .into_iter()
    .chain(content)
    // A field value is signed without the white space around it (RFC 9421 §2.1).
    .chain(content_type.map(|value| (CONTENT_TYPE, value.trim())))
}
