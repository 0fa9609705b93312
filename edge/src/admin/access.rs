//! Who may do what.

use super::{AdminError, Endpoint};
use crate::policy::Admin;
use gapura_shared::identity::Principal;
use std::{fmt, net::IpAddr};

/// Who sent the request, as far as it was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller<'a> {
    /// Nobody: no token, or one that does not hold.
    Nobody,
    /// The bearer of a token from the `Authorization` header, which must not be revoked.
    /// A cookie does not count: another site could have sent it along.
    Bearer(&'a Principal),
    /// The origin, by a seal that `gapura_shared::seal::verify_push` proved; its nonce,
    /// and whom it acts for.
    Origin {
        /// The seal's nonce.
        nonce: [u8; 16],
        /// The user that made the origin do it.
        principal: Option<&'a Principal>,
    },
}

/// Who did it, for events and notes: `user:…`, `role:…` or `origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(String);

impl Actor {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lets a caller in, or tells as little as possible: without `[admin]`, and to an
/// address that is not allowed, nothing is here.
///
/// The origin may push, ban and lift, also without `[admin]`; a bearer of one of the
/// roles may do everything but push.
///
/// # Errors
/// [`AdminError::NotFound`], [`AdminError::Unauthenticated`], [`AdminError::Forbidden`],
/// [`AdminError::Assurance`].
pub fn permit(
    endpoint: &Endpoint,
    admin: Option<&Admin>,
    client: IpAddr,
    caller: Caller<'_>,
) -> Result<Actor, AdminError> {
    let for_origin = matches!(
        endpoint,
        Endpoint::Push | Endpoint::AddBan | Endpoint::LiftBan(_)
    );
    if let Caller::Origin { principal, .. } = caller {
        let actor = principal.and_then(|principal| principal.subject.as_deref());
        let actor = actor.map_or_else(|| "origin".to_owned(), named("origin for user"));
        return for_origin
            .then_some(Actor(actor))
            .ok_or(AdminError::Forbidden);
    }
    let admin = admin.ok_or(AdminError::NotFound)?;
    let near = admin.allow.is_empty() || admin.allow.iter().any(|net| net.contains(client));
    if !near || *endpoint == Endpoint::Push {
        return Err(AdminError::NotFound);
    }
    let Caller::Bearer(principal) = caller else {
        return Err(AdminError::Unauthenticated);
    };
    if !admin.roles.contains(&principal.role) {
        return Err(AdminError::Forbidden);
    }
    if principal.assurance < admin.assurance {
        return Err(AdminError::Assurance);
    }
    let subject = principal.subject.as_deref();
    let actor = subject.map_or_else(|| named("role")(&principal.role), named("user"));
    Ok(Actor(actor))
}

/// A name behind its kind, cut to what the Ledger keeps.
fn named(kind: &str) -> impl Fn(&str) -> String {
    move |id| {
        let visible = id.chars().filter(|c| !c.is_control());
        let mut actor = format!("{kind}:");
        for c in visible {
            if actor.len().saturating_add(c.len_utf8()) > crate::ledger::MAX_TEXT_BYTES {
                break;
            }
            actor.push(c);
        }
        actor
    }
}
