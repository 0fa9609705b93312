//! Room on the disk that the database or, where that is elsewhere, the settings are on.

use super::Check;
use crate::config::Config;
use std::path::Path;

const NAME: &str = "disk";
const MIB: u64 = 1 << 20;
/// Below it, SQLite's log and ours may find no room any day.
const SCARCE_BYTES: u64 = 256 * MIB;
const LOW_BYTES: u64 = 1024 * MIB;
const LOW_PERCENT: u64 = 10;

pub(super) fn examine(path: &Path, config: &Config) -> Check {
    let file = config.database.file().unwrap_or(path);
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| ".".as_ref());
    match rustix::fs::statvfs(folder) {
        Ok(found) => judge(
            folder,
            found.f_bavail * found.f_frsize,
            found.f_blocks * found.f_frsize,
        ),
        Err(error) => Check::fail(NAME, format!("{}: {error}", folder.display())),
    }
}

fn judge(folder: &Path, free: u64, all: u64) -> Check {
    let percent = (free * 100).checked_div(all).unwrap_or_default();
    let told = format!(
        "{}: {} MiB free ({percent} %)",
        folder.display(),
        free / MIB
    );
    if free < SCARCE_BYTES {
        Check::fail(NAME, told)
    } else if free < LOW_BYTES || percent < LOW_PERCENT {
        Check::warn(NAME, told)
    } else {
        Check::ok(NAME, told)
    }
}

#[cfg(test)]
mod tests {
    use super::{MIB, examine, judge};
    use crate::{config, doctor::Severity};

    #[test]
    fn a_full_disk_fails_and_one_that_fills_is_warned_of() {
        let severity = |free, all| judge("/".as_ref(), free * MIB, all * MIB).severity;
        assert_eq!(severity(50_000, 100_000), Severity::Ok);
        assert_eq!(severity(9_000, 100_000), Severity::Warn);
        assert_eq!(severity(900, 2_000), Severity::Warn);
        assert_eq!(severity(200, 2_000), Severity::Fail);
        assert_eq!(severity(0, 0), Severity::Fail);
    }

    #[test]
    fn looks_at_the_disk_of_the_database() {
        let config = |url: &str| {
            let text = format!("[database]\nurl = \"{url}\"");
            config::parse(&text, &|_| None).unwrap()
        };
        let lost = examine(
            "gapura.toml".as_ref(),
            &config("sqlite:/nowhere/at/all/g.db"),
        );
        assert_eq!(lost.severity, Severity::Fail);
        let here = examine("gapura.toml".as_ref(), &config("sqlite:g.db"));
        assert!(here.message.contains("MiB free"), "{here}");
    }
}
