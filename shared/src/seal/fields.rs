//! `Signature-Input` and `Signature` (RFC 9421 §4): written in one form, read
//! by a library and accepted in that form alone.

use super::{INSTANCE, Message, SIGNATURE, SIGNATURE_INPUT, SealError, base};
use crate::time::UnixSeconds;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use sfv::{BareItem, Dictionary, InnerList, ListEntry, Parser};

/// The label of our signature in both dictionaries.
pub(super) const LABEL: &str = "gapura";
/// The `tag` parameter (RFC 9421 §2.3): a signature made for another purpose is not a seal.
pub const SEAL_TAG: &str = "gapura";
/// The `tag` of a message that the origin sends to the edge by itself: neither passes
/// for the other.
pub const PUSH_TAG: &str = "gapura-push";
const ALGORITHM: &str = "hmac-sha256";

/// The signature parameters (RFC 9421 §2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// When the seal was made.
    pub created: UnixSeconds,
    /// Until when it is good.
    pub expires: UnixSeconds,
    /// Used once.
    pub nonce: [u8; 16],
    /// Which key.
    pub key_id: String,
    /// What the signature is for: [`SEAL_TAG`] or [`PUSH_TAG`].
    pub tag: &'static str,
}

/// The inner list of covered components with its parameters.
pub(super) fn inner_list(message: &Message<'_>, parameters: &Parameters) -> String {
    let names: Vec<String> = base::covered(message)
        .map(|name| format!("\"{name}\""))
        .collect();
    format!(
        "({});created={};expires={};nonce=\"{}\";alg=\"{ALGORITHM}\";keyid=\"{}\";tag=\"{}\"",
        names.join(" "),
        parameters.created.0,
        parameters.expires.0,
        URL_SAFE_NO_PAD.encode(parameters.nonce),
        parameters.key_id,
        parameters.tag,
    )
}

/// The `Signature` value.
pub(super) fn signature(tag: &[u8]) -> String {
    format!("{LABEL}=:{}:", STANDARD.encode(tag))
}

/// The components and parameters of a `Signature-Input` value.
pub(super) fn parse_input(value: &str) -> Result<(Vec<String>, Parameters), SealError> {
    const MALFORMED: SealError = SealError::Malformed(SIGNATURE_INPUT);
    let ListEntry::InnerList(list) = only_member(value).ok_or(MALFORMED)? else {
        return Err(MALFORMED);
    };
    let components = components(&list).ok_or(MALFORMED)?;
    parameters(&list)
        .map(|parameters| (components, parameters))
        .ok_or(MALFORMED)
}

/// The bytes of a `Signature` value: as [`signature`] writes them and in no
/// other spelling (the field's own grammar lets base64 end in stray bits).
pub(super) fn parse_signature(value: &str) -> Result<Vec<u8>, SealError> {
    value
        .strip_prefix(LABEL)
        .and_then(|rest| rest.strip_prefix("=:")?.strip_suffix(':'))
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .ok_or(SealError::Malformed(SIGNATURE))
}

/// The id in a `Gapura-Instance` value: a string without anything to escape.
pub(super) fn parse_instance(value: &str) -> Result<&str, SealError> {
    value
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
        .filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric()))
        .ok_or(SealError::Malformed(INSTANCE))
}

/// A second signature in the same field is not ours and is not tolerated.
fn only_member(value: &str) -> Option<ListEntry> {
    let members: Dictionary = Parser::new(value).parse().ok()?;
    let mut members = members.into_iter();
    let (label, entry) = members.next()?;
    (label.as_str() == LABEL && members.next().is_none()).then_some(entry)
}

fn components(list: &InnerList) -> Option<Vec<String>> {
    let name = |item: &sfv::Item| match &item.bare_item {
        BareItem::String(name) if item.params.is_empty() => Some(name.as_str().to_owned()),
        _ => None,
    };
    list.items.iter().map(name).collect()
}

fn parameters(list: &InnerList) -> Option<Parameters> {
    let text = |name: &str| match list.params.get(name)? {
        BareItem::String(text) => Some(text.as_str()),
        _ => None,
    };
    let seconds = |name: &str| match list.params.get(name)? {
        BareItem::Integer(seconds) => u64::try_from(*seconds).ok().map(UnixSeconds),
        _ => None,
    };
    let ours = list.params.len() == 6 && text("alg")? == ALGORITHM;
    let tag = text("tag")?;
    let nonce = URL_SAFE_NO_PAD.decode(text("nonce")?).ok()?;
    ours.then_some(Parameters {
        created: seconds("created")?,
        expires: seconds("expires")?,
        nonce: nonce.try_into().ok()?,
        key_id: text("keyid")?.to_owned(),
        tag: [SEAL_TAG, PUSH_TAG]
            .into_iter()
            .find(|known| *known == tag)?,
    })
}
