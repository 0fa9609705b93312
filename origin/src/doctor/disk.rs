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
/// Enough on a disk of any size.
const AMPLE_BYTES: u64 = 20 * 1024 * MIB;

pub(super) fn examine(path: &Path, config: &Config) -> Check {
    let file = config.database.file().unwrap_or(path);
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| ".".as_ref());
    match rustix::fs::statvfs(folder) {
        Ok(found) => {
            let used = found.f_blocks.saturating_sub(found.f_bfree);
            judge(
                folder,
                found.f_bavail * found.f_frsize,
                used * found.f_frsize,
            )
        }
        Err(error) => Check::fail(NAME, format!("{}: {error}", folder.display())),
    }
}

/// `free` are the bytes that the origin may still write: what the system keeps back for its administrator is neither free
/// nor used, as in `df`.
fn judge(folder: &Path, free: u64, used: u64) -> Check {
    let percent = (free * 100).checked_div(free + used).unwrap_or_default();
    let told = format!(
        "{}: {} MiB free ({percent} %)",
        folder.display(),
        free / MIB
    );
    let fills = free < LOW_BYTES || (free < AMPLE_BYTES && percent < LOW_PERCENT);
    if free < SCARCE_BYTES {
        Check::fail(NAME, told)
    } else if fills {
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
        let severity = |free, used| judge("/".as_ref(), free * MIB, used * MIB).severity;
        assert_eq!(severity(50_000, 50_000), Severity::Ok);
        assert_eq!(severity(9_000, 91_000), Severity::Warn);
        assert_eq!(severity(21_000, 979_000), Severity::Ok);
        assert_eq!(severity(900, 1_100), Severity::Warn);
        assert_eq!(severity(200, 1_800), Severity::Fail);
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
