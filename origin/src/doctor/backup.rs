//! The age of the last backup.

use super::Check;
use crate::config::Backup;
use gapura_shared::time::UnixMillis;
use std::{
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

const NAME: &str = "backup";

pub(super) fn examine(settings: &Backup, now: UnixMillis) -> Check {
    match &settings.path {
        None => Check::warn(NAME, "no backup is configured (backup.path)"),
        Some(path) => judge(path, newest(path), settings.max_age, now),
    }
}

fn judge(path: &Path, newest: Option<UnixMillis>, max_age: Duration, now: UnixMillis) -> Check {
    let path = path.display();
    let Some(newest) = newest else {
        return Check::fail(NAME, format!("there is none at {path}"));
    };
    let age = Duration::from_millis(now.0.saturating_sub(newest.0));
    let told = format!("the last one at {path} is {} h old", age.as_secs() / 3600);
    if age > max_age {
        Check::fail(NAME, told)
    } else {
        Check::ok(NAME, told)
    }
}

/// When the file, or the newest file in the folder, was written.
fn newest(path: &Path) -> Option<UnixMillis> {
    let written = |path: &Path| {
        let found = fs::metadata(path)
            .ok()
            .filter(|found| found.is_file() && found.len() > 0)?;
        let since = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok().map(UnixMillis)
    };
    let within = fs::read_dir(path).into_iter().flatten().flatten();
    within
        .filter_map(|entry| written(&entry.path()))
        .chain(written(path))
        .max()
}

#[cfg(test)]
mod tests {
    use super::{examine, judge};
    use crate::{clock, config::Backup, doctor::Severity};
    use gapura_shared::time::UnixMillis;
    use std::{fs, time::Duration};

    #[test]
    fn an_old_one_or_none_fails() {
        let day = Duration::from_hours(24);
        let severity = |newest| judge("/b".as_ref(), newest, day, UnixMillis(200_000_000)).severity;
        assert_eq!(severity(Some(UnixMillis(190_000_000))), Severity::Ok);
        assert_eq!(severity(Some(UnixMillis(100_000_000))), Severity::Fail);
        assert_eq!(severity(None), Severity::Fail);
    }

    #[test]
    fn finds_the_newest_file_that_has_something_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let settings = |path: &std::path::Path| Backup {
            path: Some(path.to_owned()),
            max_age: Duration::from_hours(1),
        };
        fs::write(dir.path().join("empty.age"), "").unwrap();
        assert_eq!(
            examine(&settings(dir.path()), clock::now()).severity,
            Severity::Fail
        );
        let file = dir.path().join("today.age");
        fs::write(&file, "x").unwrap();
        for path in [dir.path(), &file] {
            assert_eq!(
                examine(&settings(path), clock::now()).severity,
                Severity::Ok
            );
        }
        let none = Backup {
            path: None,
            max_age: Duration::ZERO,
        };
        assert_eq!(examine(&none, clock::now()).severity, Severity::Warn);
    }
}
