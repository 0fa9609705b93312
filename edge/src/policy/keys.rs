//! Every key that a policy may hold; `docs/policy.md` explains the same ones.

pub(super) const ROOT: &[&str] = &[
    "version",
    "limits",
    "access",
    "token",
    "upstream",
    "classes",
    "guard",
    "jails",
    "admin",
    "challenge",
    "cors",
    "headers",
    "exclude",
    "rule",
    "route",
    "development",
];
pub(super) const LIMITS: &[&str] = &[
    "url_bytes",
    "header_bytes",
    "body_bytes",
    "methods",
    "hosts",
];
pub(super) const ACCESS: &[&str] = &["allow", "deny", "deny_countries"];
pub(super) const TOKEN: &[&str] = &[
    "issuer",
    "audience",
    "jwks",
    "jwks_lifetime_s",
    "jwks_cooldown_s",
    "leeway_s",
    "max_bytes",
    "cookie",
    "refresh_cookie",
    "accepted_types",
    "claims",
];
pub(super) const CLAIMS: &[&str] = &[
    "subject",
    "role",
    "tenant",
    "session",
    "token_id",
    "token_type",
];
pub(super) const UPSTREAM: &[&str] = &["timeout_ms"];
pub(super) const CLASS: &[&str] = &[
    "limit",
    "window_s",
    "burst",
    "attack_limit",
    "subject",
    "strict",
    "on_error",
];
pub(super) const GUARD: &[&str] = &[
    "shards",
    "regional",
    "mode",
    "never_ban",
    "classes",
    "ledger_ms",
    "budget_ms",
    "closed_budget_ms",
];
pub(super) const JAIL: &[&str] = &["kinds", "strikes", "window_s", "ban_s", "cap_s", "forget_s"];
pub(super) const ADMIN: &[&str] = &["allow", "roles", "aal"];
pub(super) const CHALLENGE: &[&str] = &["mode", "bits", "lifetime_s", "exempt"];
pub(super) const CORS: &[&str] = &["origins", "methods", "headers", "expose", "max_age_s"];
pub(super) const ROUTE: &[&str] = &[
    "name",
    "methods",
    "host",
    "path",
    "query",
    "token",
    "roles",
    "aal",
    "revocation",
    "classes",
    "account",
    "waf",
    "paranoia",
    "exclude",
    "inspection_bytes",
    "oversize",
    "compressed_bodies",
    "graphql",
    "body",
    "url_bytes",
    "body_bytes",
    "access",
    "rewrite",
    "timeout_ms",
    "headers",
    "answer",
    "refused",
];
pub(super) const COUNTED: &[&str] = &["class", "cost"];
pub(super) const EXCLUDE: &[&str] = &["rule", "tag", "path", "parameter"];
pub(super) const RULE: &[&str] = &[
    "id",
    "name",
    "path",
    "networks",
    "header",
    "literal",
    "regex",
    "parameter",
    "action",
    "score",
];
pub(super) const HEADER: &[&str] = &["name", "literal", "regex"];
pub(super) const GRAPHQL: &[&str] = &["depth", "aliases", "introspection"];
pub(super) const ANSWER: &[&str] = &["status", "content_type", "body"];
pub(super) const DEVELOPMENT: &[&str] = &["client_address", "explain"];

/// The keys of every table whose keys are not free, under the table's name in the
/// documentation.
#[cfg(test)]
pub(super) const TABLES: &[(&str, &[&str])] = &[
    ("", ROOT),
    ("limits", LIMITS),
    ("access", ACCESS),
    ("token", TOKEN),
    ("token.claims", CLAIMS),
    ("upstream", UPSTREAM),
    ("classes.<name>", CLASS),
    ("guard", GUARD),
    ("jails.<name>", JAIL),
    ("admin", ADMIN),
    ("challenge", CHALLENGE),
    ("cors", CORS),
    ("route", ROUTE),
    ("route.classes", COUNTED),
    ("exclude", EXCLUDE),
    ("rule", RULE),
    ("rule.header", HEADER),
    ("route.graphql", GRAPHQL),
    ("route.answer", ANSWER),
    ("route.refused", ANSWER),
    ("development", DEVELOPMENT),
];

/// The known key that `unknown` most resembles. Its head alone is compared, so
/// that a long one costs no more.
pub(super) fn nearest<'k>(unknown: &str, known: &[&'k str]) -> Option<&'k str> {
    let head: Vec<char> = unknown.chars().take(32).collect();
    known.iter().copied().min_by_key(|key| distance(&head, key))
}

/// Levenshtein distance, one row at a time.
fn distance(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (index, wanted) in to.chars().enumerate() {
        let mut left = index.saturating_add(1);
        let mut diagonal = index;
        for (cell, have) in row.iter_mut().skip(1).zip(from) {
            let replaced = diagonal.saturating_add(usize::from(*have != wanted));
            diagonal = *cell;
            *cell = replaced
                .min(diagonal.saturating_add(1))
                .min(left.saturating_add(1));
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = index.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{LIMITS, ROUTE, distance, nearest};

    #[test]
    fn counts_edits() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (from, to, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("abc", "", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(&chars(from), to), edits, "{from} {to}");
        }
    }

    #[test]
    fn names_the_key_that_was_meant() {
        assert_eq!(nearest("body_byte", LIMITS), Some("body_bytes"));
        assert_eq!(nearest("class", ROUTE), Some("classes"));
        assert_eq!(nearest("x", &[]), None);
    }
}
