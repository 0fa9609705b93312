//! `gapura-origin doctor`: what is wrong with an installation before it hurts.
//!
//! Each file judges one thing: a pure function from what was found to a [`Check`], and a thin probe
//! that finds it. Guarantees: nothing is changed, no wait is without an end, and no secret is told.

mod backup;
mod certificate;
mod database;
mod disk;
mod edge;
mod files;
mod ports;
mod secrets;

use crate::{
    clock,
    config::{self, Config, Environment},
    db::Db,
};
use serde::Serialize;
use std::{fmt, path::Path};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Works, and should not stay so.
    Warn,
    /// Does not work, or is open to others.
    Fail,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// One line of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at; stable.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, and what to do about it.
    pub message: String,
}

impl Check {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self::of(check, Severity::Ok, message)
    }

    fn warn(check: &'static str, message: impl Into<String>) -> Self {
        Self::of(check, Severity::Warn, message)
    }

    fn fail(check: &'static str, message: impl Into<String>) -> Self {
        Self::of(check, Severity::Fail, message)
    }

    fn of(check: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            check,
            severity,
            message: message.into(),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<5} {:<12} {}",
            self.severity, self.check, self.message
        )
    }
}

/// The worst of them.
#[must_use]
pub fn worst(checks: &[Check]) -> Severity {
    let severities = checks.iter().map(|check| check.severity);
    severities.max().unwrap_or(Severity::Ok)
}

/// Looks at everything.
pub async fn examine(path: &Path, environment: Environment<'_>) -> Vec<Check> {
    let config = match config::load(path, environment) {
        Ok(config) => config,
        // Without settings nobody knows where to look.
        Err(bad) => {
            let faults = bad.to_string().replace('\n', "; ");
            return vec![Check::fail("config", faults)];
        }
    };
    let mut checks = vec![settings(path, &config)];
    checks.extend(files::examine(path, &config));
    checks.extend(secrets::examine(&config, environment));
    let found = Db::inspect(&config.database).await;
    checks.extend(ports::examine(&config, found.as_ref().ok()));
    checks.extend(database::judge(found.as_ref()));
    checks.push(disk::examine(path, &config));
    checks.push(backup::examine(&config.backup, clock::now()));
    checks.extend(edge::examine(&config, environment).await);
    checks
}

fn settings(path: &Path, config: &Config) -> Check {
    if config.development.echo {
        let message =
            "development.echo is on: /echo/** shows every header to whoever asks the gate";
        return Check::warn("config", message);
    }
    if config.development.mail_log {
        let message =
            "development.mail_log is on: links and codes that log people in are in the log";
        return Check::warn("config", message);
    }
    Check::ok("config", format!("{} is valid", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{Check, Severity, examine, settings, worst};
    use crate::config;

    #[test]
    fn the_page_is_as_bad_as_its_worst_line() {
        let checks = [
            Check::ok("a", ""),
            Check::fail("b", ""),
            Check::warn("c", ""),
        ];
        assert_eq!(worst(&checks), Severity::Fail);
        assert_eq!(worst(&checks[..1]), Severity::Ok);
        assert_eq!(worst(&[]), Severity::Ok);
    }

    #[test]
    fn warns_of_development_settings() {
        let config = |text| config::parse(text, &|_| None).unwrap();
        let path = "gapura.toml".as_ref();
        assert_eq!(settings(path, &config("")).severity, Severity::Ok);
        let echo = config("[development]\necho = true");
        assert_eq!(settings(path, &echo).severity, Severity::Warn);
        let mails = config("[development]\nmail_log = true");
        assert_eq!(settings(path, &mails).severity, Severity::Warn);
    }

    #[tokio::test]
    async fn faults_of_the_configuration_are_one_line_and_all_there_is_to_say() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gapura.toml");
        std::fs::write(&path, "[lgo]\n[listen]\nidle_s = 0\n").unwrap();
        let checks = examine(&path, &|_| None).await;
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].severity, Severity::Fail);
        assert!(checks[0].message.contains("lgo") && checks[0].message.contains("idle_s"));
    }
}
