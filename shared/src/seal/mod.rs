//! The seal: an HTTP Message Signature (RFC 9421, `hmac-sha256`) over
//! everything that the origin acts upon.
//!
//! Guarantees: a request whose seal verifies was made by a holder of the key,
//! for this origin instance, within the clock window, and nothing that is
//! covered was altered. Relies on the caller for two things: the nonce must be
//! refused a second time, and a promised digest compared with the body.

mod base;
mod derived;
pub mod digest;
mod fields;
#[cfg(test)]
mod tests;

pub use crate::keys::Keys;
pub use derived::DerivedKeys;
pub use fields::{PUSH_TAG, Parameters, SEAL_TAG};

use crate::{
    identity::{self, Identity},
    limits::{MAX_CLOCK_SKEW_S, SEAL_LIFETIME_S},
    secret::Secret,
    time::UnixSeconds,
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::borrow::Cow;

/// Header with the covered components and the parameters (RFC 9421 §4.1).
pub const SIGNATURE_INPUT: &str = "signature-input";
/// Header with the signature itself (RFC 9421 §4.2).
pub const SIGNATURE: &str = "signature";
/// Header with the digest of a body that the edge read (RFC 9530 §2).
pub const CONTENT_DIGEST: &str = "content-digest";
/// Header that promises a streamed body of at most so many bytes (RFC 9651 integer).
pub const CONTENT_STREAM: &str = "gapura-stream";
/// Header that names the origin instance the request is meant for. The origin
/// sends it back with every answer to a sealed request.
pub const INSTANCE: &str = "gapura-instance";
/// The body's media type, covered whenever there is a body.
const CONTENT_TYPE: &str = "content-type";

/// Every header that the seal writes. Copies that a client sent are dropped.
pub const HEADERS: [&str; 6] = [
    SIGNATURE_INPUT,
    SIGNATURE,
    CONTENT_DIGEST,
    CONTENT_STREAM,
    INSTANCE,
    identity::HEADER,
];

/// What is sealed, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// The method, upper case.
    pub method: &'a str,
    /// Host and, unless it is the scheme's default, port; lower case (RFC 9421 §2.2.3).
    pub authority: &'a str,
    /// The path as sent, percent-encoded, never empty (RFC 9421 §2.2.6).
    pub path: &'a str,
    /// The query as sent without `?`; empty when there is none (RFC 9421 §2.2.7).
    pub query: &'a str,
    /// The identity field.
    pub identity: &'a str,
    /// The instance it is meant for; empty while the edge does not know it.
    pub instance: &'a str,
    /// The body.
    pub content: Content<'a>,
}

/// What the seal says about the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// There is none.
    Empty,
    /// The edge read it: its `Content-Digest` value.
    Digest {
        /// The `Content-Digest` field value.
        digest: Cow<'a, str>,
        /// The media type, where one was sent.
        content_type: Option<&'a str>,
    },
    /// The edge passes it on unread; the origin must cut it off at the bound.
    Stream {
        /// The `Gapura-Stream` field value: the bound in bytes.
        max_bytes: Cow<'a, str>,
        /// The media type, where one was sent.
        content_type: Option<&'a str>,
    },
}

/// The two headers that make the seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Value of `Signature-Input`.
    pub signature_input: String,
    /// Value of `Signature`.
    pub signature: String,
}

/// What a verified seal proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Who the request is from.
    pub identity: Identity,
    /// To be refused a second time until [`Sealed::expires`].
    pub nonce: [u8; 16],
    /// After this second the clock window refuses the seal by itself.
    pub expires: UnixSeconds,
    /// Which body may follow.
    pub body: PromisedBody,
}

/// Which body the seal allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromisedBody {
    /// None: a body of any length is a forgery.
    Empty,
    /// One with this SHA-256.
    Sha256([u8; 32]),
    /// Any body up to so many bytes.
    Stream {
        /// The bound.
        max_bytes: u64,
    },
}

/// Why a seal is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A header of the seal is missing, doubled or not ASCII.
    #[error("header `{0}` is missing, repeated or not ASCII")]
    Header(&'static str),
    /// A header of the seal does not parse, or says what the seal never says.
    #[error("header `{0}` is malformed")]
    Malformed(&'static str),
    /// Not exactly the components that this request must cover.
    #[error("the covered components are not the required ones")]
    Components,
    /// No key has this id.
    #[error("unknown key id")]
    UnknownKey,
    /// The signature does not fit the request.
    #[error("the signature does not match")]
    Signature,
    /// Made too long ago, expired, valid for too long, or made in the future.
    #[error("outside the clock window of {MAX_CLOCK_SKEW_S} s")]
    Clock,
    /// Authentic, but made for another instance, or before this one was known.
    #[error("made for another instance")]
    Instance,
}

impl SealError {
    /// A stable label for logs and metrics.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Header(_) => "seal-header",
            Self::Malformed(_) => "seal-malformed",
            Self::Components => "seal-components",
            Self::UnknownKey => "seal-unknown-key",
            Self::Signature => "seal-signature",
            Self::Clock => "seal-clock",
            Self::Instance => "seal-instance",
        }
    }
}

/// Seals a request on its way to the origin with the first of the keys.
#[must_use]
pub fn sign(message: &Message<'_>, keys: &Keys, now: UnixSeconds, nonce: [u8; 16]) -> Seal {
    sign_as(SEAL_TAG, message, keys, now, nonce)
}

/// Seals what the origin sends to the edge by itself.
#[must_use]
pub fn sign_push(message: &Message<'_>, keys: &Keys, now: UnixSeconds, nonce: [u8; 16]) -> Seal {
    sign_as(PUSH_TAG, message, keys, now, nonce)
}

fn sign_as(
    tag: &'static str,
    message: &Message<'_>,
    keys: &Keys,
    now: UnixSeconds,
    nonce: [u8; 16],
) -> Seal {
    let (key_id, secret) = keys.current();
    let parameters = Parameters {
        created: now,
        expires: now.after(SEAL_LIFETIME_S),
        nonce,
        key_id: key_id.to_owned(),
        tag,
    };
    let input = fields::inner_list(message, &parameters);
    let tag = mac(secret, &base::signature_base(message, &input))
        .finalize()
        .into_bytes();
    Seal {
        signature_input: format!("{}={input}", fields::LABEL),
        signature: fields::signature(&tag),
    }
}

/// The headers of a received request: the one value of a name, `Ok(None)` when
/// it is absent, `Err` when it is there twice or is not visible ASCII.
pub trait Headers {
    /// Looks up a lower-case name.
    ///
    /// # Errors
    /// [`SealError::Header`].
    fn one(&self, name: &'static str) -> Result<Option<&str>, SealError>;

    /// Looks up a name that must be there.
    ///
    /// # Errors
    /// [`SealError::Header`].
    fn required(&self, name: &'static str) -> Result<&str, SealError> {
        self.one(name)?.ok_or(SealError::Header(name))
    }
}

/// The request line of a received request.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// As in [`Message::method`].
    pub method: &'a str,
    /// The `Host` header, lower case.
    pub authority: &'a str,
    /// As in [`Message::path`].
    pub path: &'a str,
    /// As in [`Message::query`].
    pub query: &'a str,
}

/// Checks the seal of a received request. `instance` is the receiver's own id.
///
/// # Errors
/// [`SealError`]; [`SealError::Instance`] only for a seal that is authentic
/// and fresh, so that nobody else learns whether it was the reason.
pub fn verify(
    target: &Target<'_>,
    headers: &impl Headers,
    keys: &Keys,
    instance: &str,
    now: UnixSeconds,
) -> Result<Sealed, SealError> {
    verify_as(SEAL_TAG, target, headers, keys, Some(instance), now)
}

/// Checks the seal of what the origin sent to the edge by itself. Which instance of the
/// origin it was is not checked: a push is good from any of them.
///
/// # Errors
/// [`SealError`].
pub fn verify_push(
    target: &Target<'_>,
    headers: &impl Headers,
    keys: &Keys,
    now: UnixSeconds,
) -> Result<Sealed, SealError> {
    verify_as(PUSH_TAG, target, headers, keys, None, now)
}

fn verify_as(
    tag: &'static str,
    target: &Target<'_>,
    headers: &impl Headers,
    keys: &Keys,
    instance: Option<&str>,
    now: UnixSeconds,
) -> Result<Sealed, SealError> {
    // RFC 9421 §3.2, its steps in its order.
    let input = headers.required(SIGNATURE_INPUT)?;
    let (components, parameters) = fields::parse_input(input)?;
    if parameters.tag != tag {
        return Err(SealError::Malformed(SIGNATURE_INPUT));
    }
    let signature = fields::parse_signature(headers.required(SIGNATURE)?)?;
    let message = received(target, headers)?;
    if !components
        .iter()
        .map(String::as_str)
        .eq(base::covered(&message))
    {
        return Err(SealError::Components);
    }
    let secret = keys.find(&parameters.key_id).ok_or(SealError::UnknownKey)?;
    let list = fields::inner_list(&message, &parameters);
    mac(secret, &base::signature_base(&message, &list))
        .verify_slice(&signature)
        .map_err(|_| SealError::Signature)?;
    in_time(&parameters, now)?;
    if instance.is_some_and(|instance| message.instance != instance) {
        return Err(SealError::Instance);
    }
    Ok(Sealed {
        identity: Identity::from_field(message.identity)
            .map_err(|_| SealError::Malformed(identity::HEADER))?,
        nonce: parameters.nonce,
        expires: parameters.expires.after(MAX_CLOCK_SKEW_S),
        body: promised(&message.content)?,
    })
}

fn received<'a>(target: &Target<'a>, headers: &'a impl Headers) -> Result<Message<'a>, SealError> {
    let content_type = headers.one(CONTENT_TYPE)?;
    let content = match (headers.one(CONTENT_DIGEST)?, headers.one(CONTENT_STREAM)?) {
        (None, None) => Content::Empty,
        (Some(digest), None) => Content::Digest {
            digest: digest.into(),
            content_type,
        },
        (None, Some(max_bytes)) => Content::Stream {
            max_bytes: max_bytes.into(),
            content_type,
        },
        (Some(_), Some(_)) => return Err(SealError::Malformed(CONTENT_STREAM)),
    };
    Ok(Message {
        method: target.method,
        authority: target.authority,
        path: target.path,
        query: target.query,
        identity: headers.required(identity::HEADER)?,
        instance: fields::parse_instance(headers.required(INSTANCE)?)?,
        content,
    })
}

fn promised(content: &Content<'_>) -> Result<PromisedBody, SealError> {
    match content {
        Content::Empty => Ok(PromisedBody::Empty),
        Content::Digest { digest, .. } => digest::parse_sha256(digest)
            .map(PromisedBody::Sha256)
            .ok_or(SealError::Malformed(CONTENT_DIGEST)),
        Content::Stream { max_bytes, .. } => max_bytes
            .parse()
            .map(|max_bytes| PromisedBody::Stream { max_bytes })
            .map_err(|_| SealError::Malformed(CONTENT_STREAM)),
    }
}

/// Created no more than the skew ahead of us, expired no more than the skew
/// ago, and never valid for longer than the edge makes seals for.
const fn in_time(parameters: &Parameters, now: UnixSeconds) -> Result<(), SealError> {
    let Parameters {
        created, expires, ..
    } = parameters;
    let fits = created.0 <= now.after(MAX_CLOCK_SKEW_S).0
        && now.0 <= expires.after(MAX_CLOCK_SKEW_S).0
        && created.0 < expires.0
        && expires.0 <= created.after(SEAL_LIFETIME_S).0;
    if fits { Ok(()) } else { Err(SealError::Clock) }
}

pub(crate) fn mac(secret: &Secret, base: &str) -> Hmac<Sha256> {
    // HMAC takes a key of any length (RFC 2104 §2): the fallback is never reached.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose())
        .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
    mac.update(base.as_bytes());
    mac
}
