//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11)
//! and `Retry-After` (RFC 9110 §10.2.3).

use crate::{guard::Answer, policy::Class};

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

/// Puts the Guard's answer into headers; `None` for a route without classes.
#[must_use]
pub fn notice(classes: &[&Class], answer: &Answer) -> Option<Notice> {
    let quota =
        |class: &&Class| format!("\"{}\";q={};w={}", class.name, class.limit, class.window_s);
    let standings = || classes.iter().zip(&answer.standings);
    let (class, tightest) = standings().min_by(|(a, left), (b, right)| {
        // left/a < right/b without a division.
        let left = u64::from(left.remaining) * u64::from(b.limit);
        left.cmp(&(u64::from(right.remaining) * u64::from(a.limit)))
    })?;
    let waits = standings().map(|(_, standing)| standing.wait_ms);
    let retry_ms = waits.max().unwrap_or(0);
    Some(Notice {
        policy: classes.iter().map(quota).collect::<Vec<_>>().join(", "),
        limit: format!(
            "\"{}\";r={};t={}",
            class.name,
            tightest.remaining,
            tightest.reset_ms.div_ceil(1000)
        ),
        retry_after_s: retry_ms.div_ceil(1000).max(1),
    })
}

#[cfg(test)]
mod tests {
    use super::notice;
    use crate::{gate::tests::policy, guard::Answer};

    #[test]
    fn the_tightest_class_wins_and_the_longest_wait_is_told() {
        let policy = policy();
        let class = |name: &str| policy.classes.iter().find(|c| c.name == name).unwrap();
        let classes = [class("login"), class("general")];
        let answer = Answer::parse("2 0 limit 0:41001:41001,50:60000:0 -", 2).unwrap();
        let notice = notice(&classes, &answer).unwrap();
        assert_eq!(notice.policy, "\"login\";q=5;w=60, \"general\";q=100;w=60");
        assert_eq!(notice.limit, "\"login\";r=0;t=42");
        assert_eq!(notice.retry_after_s, 42);
    }

    #[test]
    fn a_route_without_classes_says_nothing() {
        assert_eq!(
            notice(&[], &Answer::parse("2 0 pass - -", 0).unwrap()),
            None
        );
    }
}
