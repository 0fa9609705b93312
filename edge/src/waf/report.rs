//! What an inspection found, in Core Rule Set terms.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Outcome of an inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was found, in the order of inspection, each rule once per target.
    pub findings: Vec<Finding>,
    /// Anomaly score: the severities of the distinct rules found, added up.
    pub score: u32,
    /// Score from which the mode stops a request.
    pub threshold: u32,
    /// The decision.
    pub verdict: Verdict,
}

/// The firewall's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found.
    Clean,
    /// Something was found, below the threshold or in [`super::Mode::Detect`].
    Logged,
    /// To be stopped.
    Blocked,
}

/// How bad a finding is, with the Core Rule Set's scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a line in the log; scores 2.
    Notice,
    /// Suspicious; scores 3.
    Warning,
    /// Very likely an attack or a leak; scores 4.
    Error,
    /// An attack; scores 5.
    Critical,
}

impl Severity {
    /// Points that a finding adds to the anomaly score.
    #[must_use]
    pub const fn score(self) -> u32 {
        match self {
            Self::Notice => 2,
            Self::Warning => 3,
            Self::Error => 4,
            Self::Critical => 5,
        }
    }

    /// Stable label for logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// One rule that matched one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable id of the rule, as in `sqli-004`.
    pub rule: Cow<'static, str>,
    /// What the rule looks for.
    pub name: Cow<'static, str>,
    /// How bad it is.
    pub severity: Severity,
    /// What it does to the verdict.
    pub effect: Effect,
    /// Attack class, CWE and Core Rule Set class.
    pub tags: &'static [&'static str],
    /// Where it was found.
    pub target: Target,
    /// The decoded text around the match, at most 200 characters, control characters replaced.
    pub decoded: String,
    /// The match in `decoded`, in bytes; empty where it has no place.
    pub matched: Range<usize>,
    /// The encodings undone to reach `decoded`, in order; empty when none.
    pub encodings: String,
}

/// What a finding does to the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Adds to the anomaly score; nothing when 0.
    Score(u32),
    /// Stops the request whatever the score, unless the mode never stops.
    Block,
}

/// A place in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which part of the request.
    pub part: Part,
    /// Name of the parameter, header, cookie or member; empty where there is none.
    pub name: String,
}

/// The parts of a request that are inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The path.
    Path,
    /// Name of a query parameter.
    QueryName,
    /// Value of a query parameter.
    Query,
    /// Name of a header.
    HeaderName,
    /// Value of a header.
    HeaderValue,
    /// Name of a cookie.
    CookieName,
    /// Value of a cookie.
    Cookie,
    /// Name of a JSON member.
    JsonKey,
    /// String value in a JSON body.
    Json,
    /// Name of a form field.
    FormName,
    /// Value of a form field.
    Form,
    /// Name of a multipart field.
    MultipartName,
    /// Value of a multipart field.
    Multipart,
    /// File name of an upload.
    FileName,
    /// First bytes of an upload.
    File,
    /// Text or attribute of an XML body.
    Xml,
    /// Body as plain text.
    Text,
    /// The body as a whole.
    Body,
    /// The client's address.
    Client,
}

impl Part {
    /// What the part is called in the log.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::QueryName => "query parameter name",
            Self::Query => "query parameter",
            Self::HeaderName => "header name",
            Self::HeaderValue => "header",
            Self::CookieName => "cookie name",
            Self::Cookie => "cookie",
            Self::JsonKey => "JSON key",
            Self::Json => "JSON value",
            Self::FormName => "form field name",
            Self::Form => "form field",
            Self::MultipartName => "multipart field name",
            Self::Multipart => "multipart field",
            Self::FileName => "file name",
            Self::File => "uploaded file",
            Self::Xml => "XML text",
            Self::Text => "text",
            Self::Body => "body",
            Self::Client => "client address",
        }
    }

    /// Whether this is a name (of a parameter, member or header) rather than a value.
    pub(in crate::waf) const fn is_name(self) -> bool {
        matches!(
            self,
            Self::QueryName
                | Self::HeaderName
                | Self::CookieName
                | Self::JsonKey
                | Self::FormName
                | Self::MultipartName
        )
    }
}

impl Target {
    /// A place by its name.
    pub(in crate::waf) fn new(part: Part, name: &str) -> Self {
        Self {
            part,
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.part.label())?;
        if self.name.is_empty() {
            Ok(())
        } else {
            write!(f, " `{}`", self.name)
        }
    }
}
