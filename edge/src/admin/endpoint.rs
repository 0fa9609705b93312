//! Which part of the API a request is for.

use super::AdminError;
use crate::ledger::list::MAX_LIST_BYTES;
use gapura_shared::{parse::percent, push::MAX_PUSH_BYTES};

/// Where the API lives.
pub const PREFIX: &str = "/_gapura/v1/";

/// Longest JSON that an operator sends.
const MAX_JSON_BYTES: usize = 16 * 1024;

/// A part of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET bans`
    ListBans,
    /// `POST bans`
    AddBan,
    /// `DELETE bans/<id>`
    LiftBan(String),
    /// `GET subjects/<subject>`
    ShowSubject(String),
    /// `GET mode`
    GetMode,
    /// `PUT mode`
    SetMode,
    /// `POST import`
    Import,
    /// `GET export`
    Export,
    /// `POST ledger`
    Push,
}

/// Which part `path` (as sent, with [`PREFIX`]) and `method` name. Ids may hold slashes,
/// plain or percent-encoded.
///
/// # Errors
/// [`AdminError::NotFound`], [`AdminError::Method`], [`AdminError::Invalid`].
pub fn find(method: &str, path: &str) -> Result<Endpoint, AdminError> {
    let rest = path.strip_prefix(PREFIX).ok_or(AdminError::NotFound)?;
    let (name, id) = match rest.split_once('/') {
        Some((name, id)) => (name, Some(decoded(id)?)),
        None => (rest, None),
    };
    let (found, allow) = match (name, id, method) {
        ("bans", None, "GET" | "HEAD") => (Some(Endpoint::ListBans), ""),
        ("bans", None, "POST") => (Some(Endpoint::AddBan), ""),
        ("bans", None, _) => (None, "GET, HEAD, POST"),
        ("bans", Some(id), "DELETE") => (Some(Endpoint::LiftBan(id)), ""),
        ("bans", Some(_), _) => (None, "DELETE"),
        ("subjects", Some(id), "GET" | "HEAD") => (Some(Endpoint::ShowSubject(id)), ""),
        ("mode", None, "GET" | "HEAD") => (Some(Endpoint::GetMode), ""),
        ("mode", None, "PUT") => (Some(Endpoint::SetMode), ""),
        ("mode", None, _) => (None, "GET, HEAD, PUT"),
        ("import", None, "POST") => (Some(Endpoint::Import), ""),
        ("export", None, "GET" | "HEAD") => (Some(Endpoint::Export), ""),
        ("subjects", Some(_), _) | ("export", None, _) => (None, "GET, HEAD"),
        ("ledger", None, "POST") => (Some(Endpoint::Push), ""),
        ("import" | "ledger", None, _) => (None, "POST"),
        _ => return Err(AdminError::NotFound),
    };
    found.ok_or(AdminError::Method { allow })
}

fn decoded(id: &str) -> Result<String, AdminError> {
    let bytes = percent::decode(id).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes.into_owned()).ok())
        .filter(|id| !id.is_empty())
        .ok_or_else(|| AdminError::Invalid("the id in the path cannot be read".to_owned()))
}

impl Endpoint {
    /// Longest body that is read for it.
    #[must_use]
    pub const fn body_bytes(&self) -> usize {
        match self {
            Self::AddBan | Self::SetMode => MAX_JSON_BYTES,
            Self::Import => MAX_LIST_BYTES,
            Self::Push => MAX_PUSH_BYTES,
            Self::ListBans
            | Self::LiftBan(_)
            | Self::ShowSubject(_)
            | Self::GetMode
            | Self::Export => 0,
        }
    }
}
