//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11)
//! and `Retry-After` (RFC 9110 §10.2.3).

use crate::guard::{AskedClass, Standing};

/// What a client is told about its windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `RateLimit-Policy`: every class of the route with its quota and window.
    pub policy: String,
    /// `RateLimit`: the class that is closest to its limit.
    pub limit: String,
    /// Whole seconds until every exhausted class has room again; rounded up, at least 1.
    pub retry_after_s: u64,
}

/// A class that the client is told of, as it was asked about.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Name, limit and window.
    pub class: &'a AskedClass,
    /// How it stands; `None`: not known, or not the client's affair.
    pub standing: Option<Standing>,
}

/// Puts the Guard's answers into headers; `None` where nothing is known.
#[must_use]
pub fn notice(told: &[Told<'_>]) -> Option<Notice> {
    let quota = |told: &Told<'_>| {
        let AskedClass {
            name,
            limit,
            window_s,
            ..
        } = told.class;
        format!("\"{name}\";q={limit};w={window_s}")
    };
    let standings = || {
        told.iter()
            .filter_map(|told| Some((told.class, told.standing?)))
    };
    let (class, tightest) = standings().min_by(|(a, left), (b, right)| {
        // left/a < right/b without a division.
        let left = u64::from(left.remaining) * u64::from(b.limit);
        left.cmp(&(u64::from(right.remaining) * u64::from(a.limit)))
    })?;
    let retry_ms = standings().map(|(_, standing)| standing.wait_ms).max();
    let mut quotas: Vec<String> = Vec::with_capacity(told.len());
    for quota in told.iter().map(quota) {
        if !quotas.contains(&quota) {
            quotas.push(quota);
        }
    }
    Some(Notice {
        policy: quotas.join(", "),
        limit: format!(
            "\"{}\";r={};t={}",
            class.name,
            tightest.remaining,
            tightest.reset_ms.div_ceil(1000)
        ),
        retry_after_s: retry_ms.unwrap_or(0).div_ceil(1000).max(1),
    })
}

#[cfg(test)]
mod tests {
    use super::{Told, notice};
    use crate::guard::{AskedClass, Standing};

    fn class(name: &str, limit: u32) -> AskedClass {
        AskedClass {
            name: name.into(),
            limit,
            window_s: 60,
            burst: None,
            cost: 1,
            strict: false,
        }
    }

    #[test]
    fn the_tightest_class_wins_and_the_longest_wait_is_told() {
        let (login, general) = (class("login", 5), class("general", 100));
        let standing = |remaining, wait_ms| {
            Some(Standing {
                remaining,
                reset_ms: 41_001,
                wait_ms,
            })
        };
        let told = [
            Told {
                class: &login,
                standing: standing(0, 41_001),
            },
            Told {
                class: &general,
                standing: standing(50, 0),
            },
            // The account's window is told to nobody who may not own it.
            Told {
                class: &login,
                standing: None,
            },
        ];
        let notice = notice(&told).unwrap();
        assert_eq!(notice.policy, "\"login\";q=5;w=60, \"general\";q=100;w=60");
        assert_eq!(notice.limit, "\"login\";r=0;t=42");
        assert_eq!(notice.retry_after_s, 42);
    }

    #[test]
    fn a_route_without_classes_says_nothing() {
        assert_eq!(notice(&[]), None);
    }
}
