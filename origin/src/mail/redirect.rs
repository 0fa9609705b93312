//! Where a link may lead: the site itself, and what the operator allows. A place that is not
//! allowed is no error: the link leads to the site, as in other auth servers.

/// Longest place.
const MAX_BYTES: usize = 2048;
/// What a pattern looks like, for the configuration's faults.
pub const EXPECTED: &str = "must be a URL without fragment, or one with `*` at its end and a `/` before that, after the host";

/// Whether an operator may allow this.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    let Some(start) = text.strip_suffix('*') else {
        return is_url(text);
    };
    // What is left open must not reach into the host.
    let beyond_host = |rest: &str| rest.find('/').is_some_and(|slash| slash > 0);
    let rest = start.split_once("://").map(|(_, rest)| rest);
    is_url(start) && start.ends_with('/') && rest.is_some_and(beyond_host)
}

/// Printable ASCII with a scheme, and nothing that ends a header, an attribute or a URL early.
#[must_use]
pub fn is_url(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"'<>\\^`{|}#*".contains(&b);
    let scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !["javascript", "data", "vbscript"]
                .iter()
                .any(|bad| text.eq_ignore_ascii_case(bad))
    };
    text.len() <= MAX_BYTES
        && text.bytes().all(plain)
        && text
            .split_once("://")
            .is_some_and(|(before, after)| scheme(before) && !after.is_empty())
}

/// The place, if it is the site or among the patterns.
#[must_use]
pub fn allowed<'a>(place: &'a str, site: &str, patterns: &[String]) -> Option<&'a str> {
    let lower = place.to_ascii_lowercase();
    // A path that leaves its folder would leave the pattern too.
    let climbs = lower.contains("..") || lower.contains("%2e");
    let in_folder = |start: &str| place.starts_with(start) && !climbs;
    let on_site = place == site || in_folder(&format!("{site}/"));
    let fits = |pattern: &String| match pattern.strip_suffix('*') {
        Some(start) => in_folder(start),
        None => place == pattern,
    };
    (is_url(place) && (on_site || patterns.iter().any(fits))).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::{allowed, is_pattern};
    use proptest::prelude::*;

    const SITE: &str = "https://app.example";

    fn allows(place: &str) -> bool {
        let patterns = [
            "https://b.example/hi",
            "https://c.example/in/*",
            "app://x/*",
        ];
        let patterns: Vec<String> = patterns.map(str::to_owned).into();
        allowed(place, SITE, &patterns).is_some()
    }

    #[test]
    fn refuses_other_hosts_however_they_are_written() {
        for bad in [
            "",
            "/in",
            "//evil.example",
            "https://evil.example",
            "https://app.example.evil.example/",
            "https://app.example@evil.example/",
            "https://app.exampleevil",
            "https://b.example/hi/more",
            "https://b.example/hi?x=1",
            "https://c.example/",
            "https://c.example/in/../out",
            "https://c.example/in/%2E%2e/out",
            "https://c.example/in/a b",
            "https://c.example/in/\r\nSet-Cookie: a=b",
            "https://c.example/in/#fragment",
            "https://c.example/in\\evil",
            "javascript://app.example/%0aalert(1)",
        ] {
            assert!(!allows(bad), "{bad}");
        }
    }

    #[test]
    fn allows_the_site_and_what_is_listed() {
        for good in [
            SITE,
            "https://app.example/",
            "https://app.example/welcome?next=/a",
            "https://b.example/hi",
            "https://c.example/in/",
            "https://c.example/in/deep/er?x=y",
        ] {
            assert!(allows(good), "{good}");
        }
    }

    #[test]
    fn a_pattern_leaves_no_host_open() {
        for bad in [
            "*",
            "https://*",
            "https://app*",
            "https://app.example*",
            "https://*.example/",
            "https:///*",
            "javascript://x/*",
            "app",
        ] {
            assert!(!is_pattern(bad), "{bad}");
        }
        for good in [
            "https://a.example/*",
            "https://a.example/b",
            "my.app://login",
            "app://x/*",
        ] {
            assert!(is_pattern(good), "{good}");
        }
    }

    proptest! {
        #[test]
        fn what_is_allowed_is_a_field_value_on_that_host(rest in ".{0,40}") {
            let place = format!("https://c.example/in/{rest}");
            if allows(&place) {
                prop_assert!(place.bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }
}
