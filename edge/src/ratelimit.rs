//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11).

use crate::guard::{AskedClass, Standing};

/// What a client is told about its windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `RateLimit-Policy`: every class of the route with its quota and window; a burst is a
    /// quota of its own.
    pub policy: String,
    /// `RateLimit`: the quota that is closest to its end.
    pub limit: String,
}

/// A class that the client is told of, as it was asked about.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Name, limit and window.
    pub class: &'a AskedClass,
    /// How it stands; `None`: not known, or not the client's affair.
    pub standing: Option<Standing>,
}

/// One item of the headers.
struct Quota {
    name: String,
    limit: u32,
    window_s: u32,
    /// What is left, and until more is: no later than after the window.
    left: Option<(u32, u64)>,
}

impl Told<'_> {
    fn quotas(&self) -> impl Iterator<Item = Quota> {
        let AskedClass {
            name,
            limit,
            window_s,
            burst,
            ..
        } = self.class;
        let reset_s = |reset_ms: u64| reset_ms.div_ceil(1000).min((*window_s).into());
        let window = Quota {
            name: name.clone(),
            limit: *limit,
            window_s: *window_s,
            left: self
                .standing
                .map(|standing| (standing.remaining, reset_s(standing.reset_ms))),
        };
        let left = self.standing.and_then(|standing| standing.burst);
        let second = burst.map(|limit| Quota {
            name: format!("{name}-burst"),
            limit,
            window_s: 1,
            left: left.map(|left| (left, 1)),
        });
        [Some(window), second].into_iter().flatten()
    }
}

/// Puts the Guard's answers into headers; `None` where nothing is known.
#[must_use]
pub fn notice(told: &[Told<'_>]) -> Option<Notice> {
    let quotas: Vec<Quota> = told.iter().flat_map(Told::quotas).collect();
    let known = quotas.iter().filter_map(|quota| Some((quota, quota.left?)));
    let (tightest, (remaining, reset_s)) = known.min_by(|(a, left), (b, right)| {
        // left/a < right/b without a division.
        let left = u64::from(left.0) * u64::from(b.limit);
        left.cmp(&(u64::from(right.0) * u64::from(a.limit)))
    })?;
    let limit = format!("\"{}\";r={remaining};t={reset_s}", tightest.name);
    let mut policies: Vec<String> = Vec::with_capacity(quotas.len());
    for quota in &quotas {
        let policy = format!("\"{}\";q={};w={}", quota.name, quota.limit, quota.window_s);
        if !policies.contains(&policy) {
            policies.push(policy);
        }
    }
    Some(Notice {
        policy: policies.join(", "),
        limit,
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
    fn the_tightest_class_wins() {
        let (login, general) = (class("login", 5), class("general", 100));
        let standing = |remaining, wait_ms| {
            Some(Standing {
                remaining,
                burst: None,
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
    }

    #[test]
    fn a_burst_is_a_quota_of_its_own_and_no_window_ends_after_its_length() {
        let spiky = AskedClass {
            burst: Some(10),
            ..class("spiky", 100)
        };
        let told = |remaining, burst| {
            let standing = Some(Standing {
                remaining,
                burst,
                reset_ms: 67_000,
                wait_ms: 0,
            });
            let told = [Told {
                class: &spiky,
                standing,
            }];
            notice(&told).unwrap()
        };
        let policy = "\"spiky\";q=100;w=60, \"spiky-burst\";q=10;w=1";
        for (remaining, burst, limit) in [
            (99, Some(9), "\"spiky-burst\";r=9;t=1"),
            (50, Some(9), "\"spiky\";r=50;t=60"),
            (50, Some(0), "\"spiky-burst\";r=0;t=1"),
            (50, None, "\"spiky\";r=50;t=60"),
        ] {
            let notice = told(remaining, burst);
            assert_eq!(
                (notice.policy.as_str(), notice.limit.as_str()),
                (policy, limit)
            );
        }
    }

    #[test]
    fn a_route_without_classes_says_nothing() {
        assert_eq!(notice(&[]), None);
    }
}
