//! Access lists: who may come at all.

use crate::{facts::Facts, policy::Access, verdict::Stop};

/// Refuses clients that a deny list names or a non-empty allow list does not.
///
/// # Errors
/// [`Stop::Denied`].
pub fn check(facts: &Facts, access: &Access) -> Result<(), Stop> {
    let listed = |list: &[gapura_shared::address::Network]| {
        list.iter().any(|network| network.contains(facts.client))
    };
    let refused = listed(&access.deny)
        || (!access.allow.is_empty() && !listed(&access.allow))
        || facts
            .country
            .as_ref()
            .is_some_and(|c| access.deny_countries.contains(c));
    if refused { Err(Stop::Denied) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{facts::tests::facts, policy::Access, verdict::Stop};

    /// The test client is 192.0.2.7.
    fn refused(access: &Access, headers: &[(&str, &str)]) -> bool {
        matches!(
            check(&facts("GET", "http://h/", headers), access),
            Err(Stop::Denied)
        )
    }

    #[test]
    fn refuses_denied_and_unlisted_clients() {
        let list = |text: &str| vec![text.parse().unwrap()];
        assert!(!refused(&Access::default(), &[]));
        assert!(refused(
            &Access {
                deny: list("192.0.2.0/24"),
                ..Access::default()
            },
            &[]
        ));
        assert!(refused(
            &Access {
                allow: list("198.51.100.0/24"),
                ..Access::default()
            },
            &[]
        ));
        assert!(!refused(
            &Access {
                allow: list("192.0.2.7"),
                ..Access::default()
            },
            &[]
        ));
        let both = Access {
            allow: list("192.0.2.7"),
            deny: list("192.0.2.0/24"),
            ..Access::default()
        };
        assert!(refused(&both, &[]), "deny wins");
    }

    #[test]
    fn refuses_denied_countries() {
        let access = Access {
            deny_countries: vec!["KP".into()],
            ..Access::default()
        };
        assert!(refused(&access, &[("cf-ipcountry", "kp")]));
        assert!(!refused(&access, &[("cf-ipcountry", "ID")]));
        assert!(!refused(&access, &[]));
    }
}
