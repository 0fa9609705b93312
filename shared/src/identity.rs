//! Who a request is from, as the edge proved it and the origin believes it:
//! one structured field (RFC 9651 dictionary) under the seal.

use crate::{claims::Assurance, ids::RequestId, limits::MAX_IDENTITY_VALUE_BYTES};
use sfv::{
    BareItem, DictSerializer, Dictionary, KeyRef, ListEntry, Parser, RefBareItem, StringRef,
};
use std::net::IpAddr;

/// The header that carries the identity.
pub const HEADER: &str = "gapura-identity";

/// The proven facts about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The request's name in both logs.
    pub request_id: RequestId,
    /// The client's address, as the edge saw it.
    pub client: IpAddr,
    /// The host that the client asked for.
    pub host: String,
    /// Whom the token names; `None` without a token.
    pub principal: Option<Principal>,
}

/// What a verified token says about its bearer. Every value is at most
/// [`MAX_IDENTITY_VALUE_BYTES`] long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The account; `None` for a public (anon) key.
    pub subject: Option<String>,
    /// The one role.
    pub role: String,
    /// The tenant.
    pub tenant: Option<String>,
    /// The session.
    pub session: Option<String>,
    /// The token's own id (`jti`).
    pub token_id: Option<String>,
    /// How many factors it was given for.
    pub assurance: Assurance,
}

/// Why an identity cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadIdentity {
    /// Not a structured-field dictionary.
    #[error("not a structured field dictionary")]
    Syntax,
    /// A member that must be there is not, or has the wrong type.
    #[error("member `{0}` is missing or of the wrong type")]
    Member(&'static str),
    /// A member that nobody writes.
    #[error("an unknown member")]
    Unknown,
    /// A value longer than [`MAX_IDENTITY_VALUE_BYTES`].
    #[error("member `{0}` is longer than {MAX_IDENTITY_VALUE_BYTES} bytes")]
    TooLong(&'static str),
}

const MEMBERS: [&str; 9] = [
    "rid", "ip", "host", "sub", "role", "ten", "sid", "jti", "aal",
];

impl Identity {
    /// The field value.
    ///
    /// # Errors
    /// [`BadIdentity::TooLong`], [`BadIdentity::Syntax`].
    pub fn to_field(&self) -> Result<String, BadIdentity> {
        let mut out = DictSerializer::new();
        let client = self.client.to_string();
        write(&mut out, "rid", Some(self.request_id.as_str()))?;
        write(&mut out, "ip", Some(&client))?;
        write(&mut out, "host", Some(&self.host))?;
        if let Some(principal) = &self.principal {
            write(&mut out, "role", Some(&principal.role))?;
            write(&mut out, "sub", principal.subject.as_deref())?;
            write(&mut out, "ten", principal.tenant.as_deref())?;
            write(&mut out, "sid", principal.session.as_deref())?;
            write(&mut out, "jti", principal.token_id.as_deref())?;
            // The usual level goes without saying.
            let assurance = Some(principal.assurance).filter(|level| *level > Assurance::Aal1);
            write(&mut out, "aal", assurance.map(Assurance::as_str))?;
        }
        out.finish().ok_or(BadIdentity::Syntax)
    }

    /// Reads a field value strictly.
    ///
    /// # Errors
    /// [`BadIdentity`] for anything that [`Identity::to_field`] does not write.
    pub fn from_field(value: &str) -> Result<Self, BadIdentity> {
        let members: Dictionary = Parser::new(value)
            .parse()
            .map_err(|_| BadIdentity::Syntax)?;
        if members.keys().any(|key| !MEMBERS.contains(&key.as_str())) {
            return Err(BadIdentity::Unknown);
        }
        let text = |name| read(&members, name);
        let required = |name| text(name)?.ok_or(BadIdentity::Member(name));
        let principal = match text("role")? {
            Some(role) => Some(Principal {
                role,
                subject: text("sub")?,
                tenant: text("ten")?,
                session: text("sid")?,
                token_id: text("jti")?,
                assurance: match text("aal")?.as_deref() {
                    None => Assurance::Aal1,
                    Some("aal2") => Assurance::Aal2,
                    Some(_) => return Err(BadIdentity::Member("aal")),
                },
            }),
            // A subject without a role was not written by us.
            None if members.len() > 3 => return Err(BadIdentity::Member("role")),
            None => None,
        };
        Ok(Self {
            request_id: RequestId::parse(&required("rid")?)
                .map_err(|_| BadIdentity::Member("rid"))?,
            client: required("ip")?
                .parse()
                .map_err(|_| BadIdentity::Member("ip"))?,
            host: required("host")?,
            principal,
        })
    }
}

/// Text that is not printable ASCII goes as a display string (RFC 9651 §3.3.8).
fn write(
    out: &mut DictSerializer<String>,
    name: &'static str,
    value: Option<&str>,
) -> Result<(), BadIdentity> {
    let Some(value) = value else { return Ok(()) };
    if value.len() > MAX_IDENTITY_VALUE_BYTES {
        return Err(BadIdentity::TooLong(name));
    }
    let key = KeyRef::from_str(name).map_err(|_| BadIdentity::Syntax)?;
    let item =
        StringRef::from_str(value).map_or(RefBareItem::DisplayString(value), RefBareItem::String);
    out.bare_item(key, item);
    Ok(())
}

fn read(members: &Dictionary, name: &'static str) -> Result<Option<String>, BadIdentity> {
    let key = KeyRef::from_str(name).map_err(|_| BadIdentity::Syntax)?;
    let value = match members.get(key) {
        None => return Ok(None),
        Some(ListEntry::Item(item)) if item.params.is_empty() => &item.bare_item,
        Some(_) => return Err(BadIdentity::Member(name)),
    };
    let text = match value {
        BareItem::String(text) => text.as_str(),
        BareItem::DisplayString(text) => text.as_str(),
        _ => return Err(BadIdentity::Member(name)),
    };
    if text.len() > MAX_IDENTITY_VALUE_BYTES {
        return Err(BadIdentity::TooLong(name));
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Assurance, BadIdentity, Identity, Principal};
    use crate::ids::RequestId;
    use proptest::prelude::*;

    fn identity(subject: &str) -> Identity {
        Identity {
            request_id: RequestId::from_random([7; 16]),
            client: "2001:db8::1".parse().unwrap(),
            host: "app.example".into(),
            principal: Some(Principal {
                subject: Some(subject.into()),
                role: "user".into(),
                tenant: None,
                session: Some("s-1".into()),
                token_id: None,
                assurance: Assurance::Aal1,
            }),
        }
    }

    #[test]
    fn refuses_what_was_not_written_here() {
        let rid = "07".repeat(16);
        let base = format!(r#"rid="{rid}", ip="192.0.2.1", host="h""#);
        for (field, fault) in [
            ("=".to_owned(), BadIdentity::Syntax),
            (String::new(), BadIdentity::Member("rid")),
            (base.replace("192.0.2.1", "x"), BadIdentity::Member("ip")),
            (format!("{base}, admin=?1"), BadIdentity::Unknown),
            (format!("{base}, sub=\"u\""), BadIdentity::Member("role")),
            (format!("{base}, role=user"), BadIdentity::Member("role")),
            (
                format!("{base}, role=\"user\", aal=\"aal1\""),
                BadIdentity::Member("aal"),
            ),
            (format!("{base}, aal=\"aal2\""), BadIdentity::Member("role")),
            (
                format!("{base}, role=\"{}\"", "r".repeat(257)),
                BadIdentity::TooLong("role"),
            ),
        ] {
            assert_eq!(Identity::from_field(&field), Err(fault), "{field}");
        }
    }

    #[test]
    fn a_value_cannot_smuggle_in_a_member() {
        let sly = identity(r#"u", role="admin"#);
        let read = Identity::from_field(&sly.to_field().unwrap()).unwrap();
        assert_eq!(read, sly);
        assert_eq!(read.principal.unwrap().role, "user");
    }

    #[test]
    fn refuses_to_write_what_is_too_long() {
        let long = identity(&"x".repeat(257));
        assert_eq!(long.to_field(), Err(BadIdentity::TooLong("sub")));
    }

    #[test]
    fn field_format_unchanged() {
        assert_eq!(
            identity("u-1").to_field().unwrap(),
            r#"rid="07070707070707070707070707070707", ip="2001:db8::1", host="app.example", role="user", sub="u-1", sid="s-1""#
        );
    }

    #[test]
    fn a_second_factor_is_said_and_read() {
        let mut strong = identity("u-1");
        if let Some(principal) = &mut strong.principal {
            principal.assurance = Assurance::Aal2;
        }
        let field = strong.to_field().unwrap();
        assert!(field.ends_with(r#"sid="s-1", aal="aal2""#), "{field}");
        assert_eq!(Identity::from_field(&field), Ok(strong));
    }

    proptest! {
        #[test]
        fn reads_back_what_it_wrote(subject in "\\PC{0,60}") {
            let written = identity(&subject);
            let read = Identity::from_field(&written.to_field().unwrap());
            prop_assert_eq!(read, Ok(written));
        }

        #[test]
        fn never_panics(field in ".*") {
            let _ = Identity::from_field(&field);
        }
    }
}
