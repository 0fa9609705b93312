//! Secrets that are no secrets: those of examples, those that somebody typed, one for two purposes.

use super::Check;
use crate::{
    auth::password::common,
    config::{Config, Environment, FIELD_KEYS, HS256_KEY, SEAL_KEYS, Secrets, TOKEN_KEY},
};
use gapura_shared::secret::Secret;
use percent_encoding::percent_decode_str;
use std::collections::BTreeSet;

const NAME: &str = "secrets";
/// Of 32 random bytes some 30 differ; fewer than half as many is no accident.
const MIN_DISTINCT: usize = 16;
const MIN_PASSWORD_CHARS: usize = 12;

pub(super) fn examine(config: &Config, environment: Environment<'_>) -> Vec<Check> {
    let mut checks = match Secrets::parse(environment) {
        Ok(_) => keys(environment),
        Err(faults) => faults
            .iter()
            .map(|fault| Check::fail(NAME, fault.to_string()))
            .collect(),
    };
    checks.extend(password(&config.database.url));
    checks
}

fn keys(environment: Environment<'_>) -> Vec<Check> {
    let mut keys = Vec::new();
    for name in [SEAL_KEYS, FIELD_KEYS] {
        let text = environment(name).unwrap_or_default();
        let parts = text.split(',').filter_map(|part| part.split_once(':'));
        let named = |(id, key)| Some((format!("{name} {id}"), Secret::from_base64url(key)?));
        keys.extend(parts.filter_map(named));
    }
    // The last one comes from elsewhere, and is likeliest what it was made of first.
    for name in [TOKEN_KEY, HS256_KEY] {
        let key = environment(name).and_then(|key| Secret::from_base64url(&key));
        keys.extend(key.map(|key| (name.to_owned(), key)));
    }
    judge(&keys)
}

fn judge(keys: &[(String, Secret)]) -> Vec<Check> {
    let mut checks: Vec<Check> = keys
        .iter()
        .filter(|(_, key)| distinct(key) < MIN_DISTINCT)
        .map(|(name, _)| {
            let told = format!("{name} is not random: `gapura-origin init` makes one");
            Check::fail(NAME, told)
        })
        .collect();
    for (at, (name, key)) in keys.iter().enumerate() {
        for (other, same) in keys.iter().skip(at + 1) {
            if key == same {
                checks.push(Check::fail(NAME, format!("{name} and {other} are one key")));
            }
        }
    }
    if checks.is_empty() {
        checks.push(Check::ok(NAME, "keys are set, and look random"));
    }
    checks
}

fn distinct(key: &Secret) -> usize {
    key.expose().iter().collect::<BTreeSet<_>>().len()
}

/// The password of a database server.
fn password(url: &str) -> Option<Check> {
    let (_, rest) = url.split_once("://")?;
    // A password may hold an `@` only encoded; whatever is behind it is no host.
    let (account, _) = rest.split('/').next()?.rsplit_once('@')?;
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    let password = percent_decode_str(password).decode_utf8_lossy();
    let folded = common::fold(&password);
    Some(if password.is_empty() {
        Check::warn(NAME, "the database is asked without a password")
    } else if *password == *user || common::contains(&folded) {
        Check::fail(NAME, "the database's password is one that is tried first")
    } else if password.chars().count() < MIN_PASSWORD_CHARS {
        let told =
            format!("the database's password has fewer than {MIN_PASSWORD_CHARS} characters");
        Check::warn(NAME, told)
    } else {
        Check::ok(NAME, "the database has a password of its own")
    })
}

#[cfg(test)]
mod tests {
    use super::{examine, judge, password};
    use crate::{
        config::{self, FIELD_KEYS, SEAL_KEYS, TOKEN_KEY},
        doctor::{Severity, worst},
    };
    use gapura_shared::secret::Secret;

    fn key(name: &str, bytes: impl Iterator<Item = u8>) -> (String, Secret) {
        (name.into(), Secret::new(bytes.take(32).collect()))
    }

    #[test]
    fn fails_keys_that_nobody_drew_at_random() {
        let random = || key("a", (0..32).map(|n: u8| n.wrapping_mul(37)));
        assert_eq!(worst(&judge(&[random()])), Severity::Ok);
        for weak in [
            key("zeros", std::iter::repeat(0)),
            key("text", b"changeme".iter().copied().cycle()),
        ] {
            assert_eq!(worst(&judge(&[random(), weak])), Severity::Fail);
        }
        let twice = judge(&[random(), random()]);
        assert!(twice[0].message.contains("one key"), "{twice:?}");
    }

    #[test]
    fn fails_without_keys_and_quotes_none() {
        let config = config::parse("", &|_| None).unwrap();
        assert_eq!(worst(&examine(&config, &|_| None)), Severity::Fail);
        let zeros = "A".repeat(43);
        let environment = |name: &str| match name {
            SEAL_KEYS => Some(format!("k1:{zeros}")),
            FIELD_KEYS => Some(format!("k2:{zeros}")),
            TOKEN_KEY => Some(zeros.clone()),
            _ => None,
        };
        let checks = examine(&config, &environment);
        // Each of the three, and each pair of them.
        assert_eq!(checks.len(), 6, "{checks:?}");
        assert!(checks.iter().all(|check| !check.message.contains(&zeros)));
    }

    #[test]
    fn judges_the_databases_password() {
        let severity = |url: &str| password(url).map(|check| check.severity);
        for (url, expected) in [
            ("sqlite:gapura.db", None),
            ("postgres://gapura@db/g", Some(Severity::Warn)),
            ("postgres://gapura:gapura@db/g", Some(Severity::Fail)),
            ("mysql://gapura:p%61ssword@db/g", Some(Severity::Fail)),
            ("mysql://gapura:vK3.q8z@db/g", Some(Severity::Warn)),
            ("mysql://gapura:vK3.q8z-Ns0%40Lw@db/g", Some(Severity::Ok)),
        ] {
            assert_eq!(severity(url), expected, "{url}");
        }
    }
}
