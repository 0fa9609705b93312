//! Every reason to refuse an operator.

use super::answer::Reply;
use crate::ledger::{LedgerError, list::BadList};
use gapura_shared::{
    ids::RequestId,
    problem::{CONTENT_TYPE, Problem},
};

/// Why an operation was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// No such path, or no such API.
    #[error("nothing here")]
    NotFound,
    /// The path knows other methods.
    #[error("method not allowed")]
    Method {
        /// These.
        allow: &'static str,
    },
    /// A token is needed.
    #[error("no token")]
    Unauthenticated,
    /// The caller may not do this.
    #[error("not allowed")]
    Forbidden,
    /// The operator's token was given for one factor, and the policy wants two.
    #[error("one factor")]
    Assurance,
    /// The request says what makes no sense; the text tells what.
    #[error("{0}")]
    Invalid(String),
    /// The list has faults.
    #[error("{0}")]
    List(BadList),
    /// It would do what the operator cannot want; the text tells what.
    #[error("{0}")]
    Conflict(String),
    /// The body is longer than allowed.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// The Ledger refused.
    #[error("{0}")]
    Ledger(LedgerError),
    /// An object could not be asked.
    #[error("the state cannot be reached")]
    Unavailable,
}

impl From<LedgerError> for AdminError {
    fn from(why: LedgerError) -> Self {
        Self::Ledger(why)
    }
}

impl AdminError {
    /// A stable label for logs and problem documents.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Method { .. } => "method",
            Self::Unauthenticated => "token-missing",
            Self::Forbidden => "forbidden",
            Self::Assurance => "insufficient-aal",
            Self::Invalid(_) => "invalid",
            Self::List(_) => "block-list",
            Self::Conflict(_) => "conflict",
            Self::TooLarge(_) => "body-size",
            Self::Ledger(LedgerError::Full { .. }) => "ledger-full",
            Self::Ledger(LedgerError::Replayed) => "replayed",
            Self::Ledger(LedgerError::Interrupted) => "import-interrupted",
            Self::Unavailable => "ledger-unavailable",
        }
    }

    const fn shape(&self) -> (u16, &'static str) {
        match self {
            Self::NotFound => (404, "There is nothing here."),
            Self::Method { .. } => (405, "This method is not allowed here."),
            Self::Unauthenticated => (401, "A token is needed."),
            Self::Forbidden => (403, "Your role does not allow this."),
            Self::Assurance => (403, "This needs a second factor."),
            Self::Invalid(_) => (400, "The request is not valid."),
            Self::List(_) => (422, "The list cannot be imported."),
            Self::Conflict(_) => (409, "This would do harm."),
            Self::TooLarge(_) => (413, "The body is too large."),
            Self::Ledger(LedgerError::Full { .. }) => (507, "The Ledger is full."),
            Self::Ledger(LedgerError::Replayed) => (409, "This was carried out before."),
            Self::Ledger(LedgerError::Interrupted) => (503, "The import was interrupted."),
            Self::Unavailable => (503, "The state cannot be reached at the moment."),
        }
    }

    /// The problem document. Only whoever was let in learns what was wrong.
    #[must_use]
    pub fn reply(&self, request: &RequestId) -> Reply {
        let (status, title) = self.shape();
        let mut problem = Problem::new(self.kind(), title, status).request(request);
        if !matches!(
            self,
            Self::NotFound
                | Self::Method { .. }
                | Self::Unauthenticated
                | Self::Forbidden
                | Self::Assurance
        ) {
            problem = problem.detail(self.to_string());
        }
        if let Self::List(BadList::Faults(faults)) = self {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            problem = problem.with("faults", faults);
        }
        let headers = match self {
            Self::Method { allow } => vec![("allow", (*allow).to_owned())],
            Self::Unauthenticated => {
                vec![("www-authenticate", "Bearer realm=\"gapura\"".to_owned())]
            }
            Self::Unavailable => vec![("retry-after", "1".to_owned())],
            _ => Vec::new(),
        };
        Reply {
            status,
            headers,
            content_type: CONTENT_TYPE,
            body: problem.to_json(),
        }
    }
}
