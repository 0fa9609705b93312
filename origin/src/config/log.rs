//! `[log]`: what is written to standard error.

use super::reader::Section;

/// Form and detail of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// `format`
    pub format: Format,
    /// `level`
    pub level: tracing::Level,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    Json,
    /// For people.
    Pretty,
}

impl Log {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let format = |text: &str| match text {
            "json" => Some(Format::Json),
            "pretty" => Some(Format::Pretty),
            _ => None,
        };
        let level = |text: &str| match text {
            "error" => Some(tracing::Level::ERROR),
            "warn" => Some(tracing::Level::WARN),
            "info" => Some(tracing::Level::INFO),
            "debug" => Some(tracing::Level::DEBUG),
            "trace" => Some(tracing::Level::TRACE),
            _ => None,
        };
        let levels = "must be error, warn, info, debug or trace";
        Self {
            format: section
                .parsed("format", "json", "must be json or pretty", format)
                .unwrap_or(Format::Json),
            level: section
                .parsed("level", "info", levels, level)
                .unwrap_or(tracing::Level::INFO),
        }
    }
}
