//! What a request of the dialect is refused with: `PostgREST`'s codes and its wording.

use super::limit::Limit;
use std::fmt;

/// Most characters of a request that an error quotes.
const MAX_QUOTED_CHARS: usize = 100;

/// The one schema there is, by the name that client libraries send unasked.
const SCHEMA: &str = "public";

/// Whether `Accept-Profile` or `Content-Profile` asks for what is served.
///
/// # Errors
/// [`DialectError::Profile`].
pub(crate) fn check_profile(asked: Option<&str>) -> Result<(), DialectError> {
    match asked {
        None | Some(SCHEMA) => Ok(()),
        Some(other) => Err(DialectError::Profile(shortened(other))),
    }
}

/// Why a request cannot be read. All are the client's fault, and tell of the request alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialectError {
    /// A parameter that does not follow its grammar.
    #[error("\"failed to parse {part} ({text})\" (line 1, column {column})")]
    Syntax {
        /// Which grammar, in `PostgREST`'s words.
        part: &'static str,
        /// The start of the text that was read.
        text: String,
        /// From 1, in characters.
        column: usize,
        /// What stands there; `None` at the end of the text.
        unexpected: Option<char>,
        /// What may stand there.
        expected: &'static str,
    },
    /// More of something than a request may hold.
    #[error("the request has more than {limit}")]
    TooMuch {
        /// Of what, and how much is allowed.
        limit: Limit,
    },
    /// A query string that is not text.
    #[error("the query string cannot be decoded: {0}")]
    Encoding(&'static str),
    /// What may be given once was given again.
    #[error("\"{0}\" is given twice")]
    Twice(String),
    /// No rows can lie in the range.
    #[error("Requested range not satisfiable")]
    Range(BadRange),
    /// Nothing that `Accept` names can be served.
    #[error("None of these media types are available: {0}")]
    Accept(String),
    /// A schema other than the one that is served.
    #[error("Invalid schema: {0}")]
    Profile(String),
    /// A body in a form that is not read.
    #[error("Content-Type not acceptable: {0}")]
    ContentType(String),
    /// A path that leads to no embedded table.
    #[error("'{0}' is not an embedded resource in this request")]
    NotEmbedded(String),
    /// Preferences that are not known, with `handling=strict`.
    #[error("Invalid preferences given with handling=strict")]
    Preferences(String),
    /// `count()`, `amount.sum()` and their like.
    #[error("Use of aggregate functions is not allowed")]
    Aggregate,
    /// A part of the dialect that is not served here.
    #[error("Feature not implemented")]
    Unsupported(String),
}

/// Why a range holds no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRange {
    /// `Range: 24-0`.
    #[error(
        "The lower boundary must be lower than or equal to the upper boundary in the Range header."
    )]
    Backwards,
    /// `limit=-1`.
    #[error("Limit should be greater than or equal to zero.")]
    NegativeLimit,
    /// `offset=-1`.
    #[error("Offset should be greater than or equal to zero.")]
    NegativeOffset,
}

impl DialectError {
    /// `PostgREST`'s code of the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::TooMuch { .. } | Self::Encoding(_) | Self::Twice(_) => {
                "PGRST100"
            }
            Self::ContentType(_) => "PGRST102",
            Self::Range(_) => "PGRST103",
            Self::Profile(_) => "PGRST106",
            Self::Accept(_) => "PGRST107",
            Self::NotEmbedded(_) => "PGRST108",
            Self::Preferences(_) => "PGRST122",
            Self::Aggregate => "PGRST123",
            Self::Unsupported(_) => "PGRST127",
        }
    }

    /// The HTTP status that `PostgREST` answers with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Range(_) => 416,
            Self::Accept(_) | Self::Profile(_) => 406,
            Self::Syntax { .. }
            | Self::TooMuch { .. }
            | Self::Encoding(_)
            | Self::Twice(_)
            | Self::ContentType(_)
            | Self::NotEmbedded(_)
            | Self::Preferences(_)
            | Self::Aggregate
            | Self::Unsupported(_) => 400,
        }
    }

    /// The `details` of the error's body. Its `message` is what `Display` writes.
    #[must_use]
    pub fn details(&self) -> Option<String> {
        match self {
            Self::Syntax {
                unexpected,
                expected,
                ..
            } => Some(match unexpected {
                Some(found) => format!("unexpected \"{found}\" expecting {expected}"),
                None => format!("unexpected end of input expecting {expected}"),
            }),
            Self::Range(why) => Some(why.to_string()),
            Self::Preferences(unknown) => Some(format!("Invalid preferences: {unknown}")),
            Self::Unsupported(feature) => Some(feature.clone()),
            Self::TooMuch { .. }
            | Self::Encoding(_)
            | Self::Twice(_)
            | Self::Accept(_)
            | Self::Profile(_)
            | Self::ContentType(_)
            | Self::NotEmbedded(_)
            | Self::Aggregate => None,
        }
    }

    /// The `hint` of the error's body.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotEmbedded(name) => Some(format!(
                "Verify that '{name}' is included in the 'select' query parameter."
            )),
            Self::Profile(_) => Some(format!("Only the following schemas are exposed: {SCHEMA}")),
            _ => None,
        }
    }
}

/// The start of what the client sent: an error is not a way to have a page written back.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(MAX_QUOTED_CHARS).collect()
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.most, self.of)
    }
}
