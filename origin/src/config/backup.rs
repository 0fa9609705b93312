//! `[backup]`: what `doctor` looks for.

use super::reader::Section;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Where backups are written to, by whatever makes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// `path`: a file, or a folder of them; `None` when nobody has said.
    pub path: Option<PathBuf>,
    /// `max_age_s`
    pub max_age: Duration,
}

impl Backup {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let path = |text: &str| Some((!text.is_empty()).then(|| PathBuf::from(text)));
        let expected = "must be the path of a file or a folder, or empty";
        Self {
            path: section.parsed("path", "", expected, path).flatten(),
            max_age: section.seconds("max_age_s", 93_600, 3600..=31_536_000),
        }
    }

    /// Counts a relative path from `folder`.
    pub(super) fn anchor(&mut self, folder: &Path) {
        self.path = self.path.take().map(|path| folder.join(path));
    }
}
