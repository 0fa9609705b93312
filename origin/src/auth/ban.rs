//! How long a ban lasts, as supabase-js writes it: a duration of the language Go in hours, minutes
//! and seconds, such as `24h` or `1h30m`, or `none`.

use gapura_shared::time::UnixMillis;

/// A hundred years: for ever, as people write it.
const MAX_S: u64 = 100 * 366 * 24 * 60 * 60;

/// What an operator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ban {
    Lifted,
    Until(UnixMillis),
}

impl Ban {
    pub(super) const fn until(self) -> Option<UnixMillis> {
        match self {
            Self::Lifted => None,
            Self::Until(end) => Some(end),
        }
    }
}

/// A ban that begins now.
pub(super) fn parse(text: &str, now: UnixMillis) -> Option<Ban> {
    if text == "none" {
        return Some(Ban::Lifted);
    }
    let seconds = seconds(text).filter(|seconds| (1..=MAX_S).contains(seconds))?;
    let ends = now.0.checked_add(seconds.checked_mul(1000)?)?;
    Some(Ban::Until(UnixMillis(ends)))
}

fn seconds(text: &str) -> Option<u64> {
    let (mut rest, mut total) = (text, 0_u64);
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..unit)?.parse().ok()?;
        let factor = match rest.get(unit..)?.chars().next()? {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = rest.get(unit.checked_add(1)?..)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::{Ban, parse};
    use gapura_shared::time::UnixMillis;
    use proptest::prelude::*;

    #[test]
    fn reads_what_supabase_js_documents() {
        for (text, seconds) in [("24h", 86_400), ("1h30m", 5_400), ("2h45m10s", 9_910)] {
            let wanted = Some(Ban::Until(UnixMillis(7 + seconds * 1000)));
            assert_eq!(parse(text, UnixMillis(7)), wanted, "{text}");
        }
        assert_eq!(parse("none", UnixMillis(7)), Some(Ban::Lifted));
    }

    #[test]
    fn refuses_anything_else() {
        for text in [
            "",
            "0s",
            "1",
            "h",
            "-1h",
            "1d",
            "1.5h",
            "1h ",
            "99999999999h",
            "18446744073709551616s",
        ] {
            assert_eq!(parse(text, UnixMillis(0)), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9hms]{0,40}|.{0,20}", now: u64) {
            let _ = parse(&text, UnixMillis(now));
        }
    }
}
