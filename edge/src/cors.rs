//! Cross-origin access (Fetch Standard §3.2): exact origins, no wildcards.

use crate::{facts::Facts, policy::Cors};

/// Whether a request only asks what a later one may do.
#[must_use]
pub fn is_preflight(facts: &Facts) -> bool {
    facts.method == "OPTIONS"
        && facts.header("origin").is_some()
        && facts.header("access-control-request-method").is_some()
}

/// In every answer: a cache must not serve one origin's answer to another.
pub const VARY: (&str, &str) = ("vary", "Origin");

/// The headers that let a page of the sender's origin read the answer.
#[must_use]
pub fn headers(facts: &Facts, cors: &Cors) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    let origin = facts
        .header("origin")
        .filter(|o| cors.origins.iter().any(|known| known == o));
    let Some(origin) = origin else { return headers };
    headers.push(("access-control-allow-origin", origin.to_owned()));
    headers.push(("access-control-allow-credentials", "true".to_owned()));
    if is_preflight(facts) {
        headers.push(("access-control-allow-methods", cors.methods.join(", ")));
        headers.push(("access-control-allow-headers", cors.headers.join(", ")));
        headers.push(("access-control-max-age", cors.max_age_s.to_string()));
    } else {
        headers.push(("access-control-expose-headers", cors.expose.join(", ")));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::{headers, is_preflight};
    use crate::{facts::tests::facts, policy::Cors};

    fn cors() -> Cors {
        Cors {
            origins: vec!["https://app.example".into()],
            methods: vec!["GET".into()],
            ..Cors::default()
        }
    }

    fn allowed(origin: &str) -> bool {
        let facts = facts("GET", "https://api.example/", &[("origin", origin)]);
        headers(&facts, &cors())
            .iter()
            .any(|(name, _)| *name == "access-control-allow-origin")
    }

    #[test]
    fn allows_exact_origins_alone() {
        assert!(allowed("https://app.example"));
        for origin in [
            "https://app.example.evil",
            "https://evil-app.example",
            "http://app.example",
            "https://app.example:8443",
            "null",
            "*",
        ] {
            assert!(!allowed(origin), "{origin}");
        }
    }

    #[test]
    fn knows_a_preflight() {
        let ask = [
            ("origin", "https://app.example"),
            ("access-control-request-method", "PUT"),
        ];
        assert!(is_preflight(&facts("OPTIONS", "https://h/", &ask)));
        assert!(!is_preflight(&facts("GET", "https://h/", &ask)));
        assert!(!is_preflight(&facts("OPTIONS", "https://h/", &ask[..1])));
    }
}
