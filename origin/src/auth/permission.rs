//! Who may do what to others: the one place that says so.
//!
//! Guarantees: the account, its role and its session are read anew for every request, whatever the
//! token says. The role `admin` may do everything; other roles what `role_permission` grants
//! them, to accounts without permissions alone, so that nobody raises themselves through others.

use super::routes;
use crate::{
    App,
    admission::Admitted,
    db::{Db, User},
    http::ApiError,
};

/// The role that may do everything.
pub const ROLE_ADMIN: &str = "admin";

/// Something that a role may permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    UsersRead,
    UsersWrite,
    SessionsEnd,
    RolesRead,
    TenantsRead,
    TenantsWrite,
}

impl Permission {
    const ALL: [Self; 6] = [
        Self::UsersRead,
        Self::UsersWrite,
        Self::SessionsEnd,
        Self::RolesRead,
        Self::TenantsRead,
        Self::TenantsWrite,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::UsersRead => "users.read",
            Self::UsersWrite => "users.write",
            Self::SessionsEnd => "sessions.end",
            Self::RolesRead => "roles.read",
            Self::TenantsRead => "tenants.read",
            Self::TenantsWrite => "tenants.write",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// Somebody who may.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) id: String,
    is_admin: bool,
}

/// Whoever sends the request, if their role has the permission.
pub(super) async fn require(
    app: &App,
    request: &Admitted,
    permission: Permission,
) -> Result<Actor, ApiError> {
    let (user, _) = routes::present(app, request).await?;
    let is_admin = user.role == ROLE_ADMIN;
    let granted = async || -> Result<bool, ApiError> {
        let granted = app.db.permissions(&user.role).await?;
        Ok(granted.is_some_and(|names| names.iter().any(|name| name == permission.name())))
    };
    if is_admin || granted().await? {
        let id = user.id;
        Ok(Actor { id, is_admin })
    } else {
        Err(ApiError::NotPermitted)
    }
}

impl Actor {
    /// For what only the role `admin` may do: giving rights to others.
    pub(super) const fn require_admin(&self) -> Result<(), ApiError> {
        if self.is_admin {
            Ok(())
        } else {
            Err(ApiError::NotPermitted)
        }
    }

    /// Whether this account may be changed by the actor.
    pub(super) async fn require_power_over(&self, db: &Db, user: &User) -> Result<(), ApiError> {
        if self.is_admin {
            return Ok(());
        }
        let granted = db.permissions(&user.role).await?.unwrap_or_default();
        if user.role == ROLE_ADMIN || !granted.is_empty() {
            return Err(ApiError::NotPermitted);
        }
        Ok(())
    }
}

/// Whether a text may name a role: 1 to 32 lower-case letters, digits, `-` or `_`. `anon` is
/// nobody's.
#[must_use]
pub fn is_role(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=32).contains(&text.len())
        && text.bytes().all(word)
        && text != gapura_shared::claims::ROLE_ANON
}

#[cfg(test)]
mod tests {
    use super::{Permission, is_role};

    #[test]
    fn a_permission_is_known_by_its_name_alone() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.name()), Some(permission));
        }
        assert_eq!(Permission::parse("users"), None);
    }

    #[test]
    fn nobody_is_given_the_role_of_requests_without_a_person() {
        assert!(is_role("admin") && is_role("level-2"));
        let long = "a".repeat(33);
        for bad in ["", "anon", "Admin", "a b", "a\0", &long] {
            assert!(!is_role(bad), "{bad}");
        }
    }
}
