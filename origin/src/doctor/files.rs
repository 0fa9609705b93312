//! Who else on this machine may read the secrets, or change the settings.

use super::Check;
use crate::config::Config;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

const NAME: &str = "files";

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Settings: others may read them, not write.
    Settings,
    /// Keys, passwords or their hashes: for this user alone.
    Secret,
}

pub(super) fn examine(path: &Path, config: &Config) -> Vec<Check> {
    // A URL with a password in the file makes it a secret.
    let text = fs::read_to_string(path).unwrap_or_default();
    let content = if has_password(&text) {
        Content::Secret
    } else {
        Content::Settings
    };
    let mut checks = vec![look(path, content)];
    let secrets = path.with_file_name("secrets.env");
    if secrets.exists() {
        checks.push(look(&secrets, Content::Secret));
    }
    if let Some(file) = config.database.file() {
        checks.extend(file.exists().then(|| look(file, Content::Secret)));
    }
    checks
}

fn look(path: &Path, content: Content) -> Check {
    match fs::metadata(path) {
        Ok(found) => judge(path, content, found.permissions().mode()),
        Err(error) => Check::fail(NAME, format!("{}: {error}", path.display())),
    }
}

fn judge(path: &Path, content: Content, mode: u32) -> Check {
    let shown = format!("{} has mode {:04o}", path.display(), mode & 0o7777);
    let others = mode & 0o077;
    match content {
        _ if others & 0o022 != 0 => {
            Check::fail(NAME, format!("{shown}: others may change it; chmod go-w"))
        }
        Content::Secret if others != 0 => {
            let told = format!("{shown}: others may read the secrets in it; chmod 600");
            Check::fail(NAME, told)
        }
        Content::Settings | Content::Secret => Check::ok(NAME, shown),
    }
}

/// `scheme://user:password@` in a line that is no comment.
fn has_password(text: &str) -> bool {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once("://"))
        .filter_map(|(_, rest)| rest.split_once('@'))
        .any(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::{Content, has_password, judge, look};
    use crate::{config, doctor::Severity};

    #[test]
    fn fails_what_others_may_change_and_secrets_that_they_may_read() {
        let severity = |content, mode| judge("a".as_ref(), content, mode).severity;
        for (content, mode, expected) in [
            (Content::Settings, 0o100_644, Severity::Ok),
            (Content::Settings, 0o100_664, Severity::Fail),
            (Content::Settings, 0o100_646, Severity::Fail),
            (Content::Secret, 0o100_600, Severity::Ok),
            (Content::Secret, 0o100_640, Severity::Fail),
            (Content::Secret, 0o100_604, Severity::Fail),
        ] {
            assert_eq!(severity(content, mode), expected, "{content:?} {mode:o}");
        }
        assert_eq!(
            look("/nowhere".as_ref(), Content::Settings).severity,
            Severity::Fail
        );
    }

    #[test]
    fn a_url_with_a_password_makes_the_settings_a_secret() {
        assert!(!has_password(config::EXAMPLE));
        assert!(has_password(
            "[database]\nurl = \"postgres://gapura:x@db/gapura\""
        ));
        assert!(!has_password("url = \"postgres://gapura@db/gapura\""));
    }
}
