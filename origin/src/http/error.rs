//! Every way in which the origin refuses: the one boundary between what went
//! wrong and what a client is told.

use crate::{
    auth::password::{HashError, Weakness},
    db::DbError,
    http::body::BodyError,
};

/// A refusal. The comments name whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Client: no valid, fresh, unused seal. Which part of it failed is not told.
    #[error("no valid seal")]
    Seal,
    /// Edge: an authentic seal for another instance, to be made again.
    #[error("sealed for another instance")]
    SealInstance,
    /// Us: as many seals are remembered as may.
    #[error("no room to remember another seal")]
    SealMemoryFull,
    /// Client.
    #[error("no such resource")]
    NotFound,
    /// Client: the methods that would do.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// The `Allow` field.
        allow: &'static str,
    },
    /// Client.
    #[error("body over {max_bytes} bytes")]
    BodyTooLarge {
        /// The bound.
        max_bytes: u64,
    },
    /// Client.
    #[error("body too slow")]
    BodyTimeout,
    /// Client: the body broke off.
    #[error("body broke off")]
    BodyBroken,
    /// Client.
    #[error("body is not called JSON")]
    NotJson,
    /// Client.
    #[error("body is not JSON")]
    BadJson,
    /// Client: what is not valid, in a sentence.
    #[error("invalid input: {0}")]
    Invalid(&'static str),
    /// Client.
    #[error("weak password: {0}")]
    WeakPassword(Weakness),
    /// Client.
    #[error("unsupported grant type")]
    UnsupportedGrant,
    /// Client: wrong password and unknown account alike.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// Client; only with `auth.signup_session`.
    #[error("the address has an account")]
    EmailTaken,
    /// Client: operators alone make accounts.
    #[error("nobody signs up here")]
    SignupDisabled,
    /// Client.
    #[error("unknown refresh token")]
    RefreshTokenUnknown,
    /// Client: and the session has been ended.
    #[error("refresh token used again")]
    RefreshTokenReused,
    /// Client.
    #[error("session expired or ended")]
    SessionExpired,
    /// Client: told to those alone who know the password or have a token.
    #[error("the account may not log in for now")]
    UserBanned,
    /// Client: the token's session has ended.
    #[error("the session of the token has ended")]
    SessionEnded,
    /// Client: its role has no such permission.
    #[error("not permitted")]
    NotPermitted,
    /// Client.
    #[error("no such account")]
    UserUnknown,
    /// Client: told to operators alone.
    #[error("another account has the address")]
    EmailExists,
    /// Client.
    #[error("the password is the one in use")]
    SamePassword,
    /// Client: the login is too long ago for this.
    #[error("the current password is needed")]
    ReauthenticationNeeded,
    /// Client: somebody else changed it at the same time, or it is there already.
    #[error("conflict")]
    Conflict,
    /// Client: a token is needed.
    #[error("no token")]
    NoPrincipal,
    /// Client: the token names nobody.
    #[error("token without a subject")]
    NoSubject,
    /// Client: the account has a second factor, and the request does not stand on it.
    #[error("a second factor is needed")]
    InsufficientAal,
    /// Client.
    #[error("no such factor")]
    FactorNotFound,
    /// Client.
    #[error("too many factors")]
    TooManyFactors,
    /// Client.
    #[error("a factor of the account has this name")]
    FactorNameTaken,
    /// Client: or never asked for.
    #[error("the challenge has expired")]
    ChallengeExpired,
    /// Client: a wrong code, or one used before.
    #[error("wrong code")]
    WrongCode,
    /// Client: too many wrong codes.
    #[error("codes are locked for {retry_after_s} s")]
    CodesLocked {
        /// Until the next one is looked at.
        retry_after_s: u32,
    },
    /// Client: the token's account is gone.
    #[error("the account is gone")]
    UserGone,
    /// Client: the password was right, the address is not confirmed.
    #[error("the address is not confirmed")]
    EmailUnconfirmed,
    /// Client: a link or code that is wrong, used, replaced or over, or that nobody was sent.
    #[error("no such one-time token")]
    OtpExpired,
    /// Client: a code for a session that is wrong, used or over.
    #[error("no such code for a session")]
    CodeUnknown,
    /// Client: the code is for somebody else.
    #[error("wrong code verifier")]
    BadCodeVerifier,
    /// Client.
    #[error("wrong or old reauthentication code")]
    ReauthenticationInvalid,
    /// Us: there is no mail server.
    #[error("no mail is sent")]
    MailOff,
    /// Us: too many logins at once.
    #[error("busy")]
    Busy,
    /// Us.
    #[error("the request took too long")]
    Timeout,
    /// Us.
    #[error("the database is away")]
    DatabaseUnavailable,
    /// Us.
    #[error("internal error")]
    Internal,
}

/// How a refusal looks outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The HTTP status.
    pub status: u16,
    /// The word in the problem's `type`; also the label in logs.
    pub reason: &'static str,
    /// The code by which supabase-js tells errors apart.
    pub code: &'static str,
    /// One sentence for people.
    pub title: &'static str,
}

impl ApiError {
    /// The one table from refusals to answers, a line for each.
    #[must_use]
    #[rustfmt::skip]
    pub const fn shape(&self) -> Shape {
        let (status, reason, code, title) = match self {
            Self::Seal => (401, "seal", "no_authorization", "This server answers only through its gate."),
            Self::SealInstance => (401, "seal-instance", "no_authorization", "The seal is for another instance."),
            Self::SealMemoryFull => (503, "seal-memory", "unexpected_failure", "The server is busy."),
            Self::NotFound => (404, "not-found", "not_found", "There is nothing here."),
            Self::MethodNotAllowed { .. } => (405, "method", "method_not_allowed", "This method is not allowed here."),
            Self::BodyTooLarge { .. } => (413, "body-size", "payload_too_large", "The body is too large."),
            Self::BodyTimeout => (408, "body-timeout", "request_timeout", "The body took too long."),
            Self::BodyBroken => (400, "body-broken", "bad_json", "The body broke off."),
            Self::NotJson => (415, "media-type", "bad_json", "The body must be application/json."),
            Self::BadJson => (400, "json", "bad_json", "The body is not JSON."),
            Self::Invalid(_) => (400, "invalid", "validation_failed", "The request is not valid."),
            Self::WeakPassword(_) => (422, "weak-password", "weak_password", "This password is too weak."),
            Self::UnsupportedGrant => (400, "grant-type", "validation_failed", "The grant type must be password, refresh_token or pkce."),
            Self::InvalidCredentials => (400, "invalid-credentials", "invalid_credentials", "Invalid login credentials."),
            Self::EmailTaken => (422, "email-taken", "user_already_exists", "User already registered."),
            Self::SignupDisabled => (422, "signup-disabled", "signup_disabled", "Signups not allowed for this instance."),
            Self::RefreshTokenUnknown => (400, "refresh-token", "refresh_token_not_found", "Invalid refresh token."),
            Self::RefreshTokenReused => (400, "refresh-reuse", "refresh_token_already_used", "The refresh token was used before; its session has ended."),
            Self::SessionExpired => (400, "session-expired", "session_expired", "The session has ended."),
            Self::UserBanned => (400, "user-banned", "user_banned", "This account may not log in for now."),
            Self::SessionEnded => (403, "session-ended", "session_not_found", "The session of this token has ended."),
            Self::NotPermitted => (403, "permission", "not_admin", "Your role does not permit this."),
            Self::UserUnknown => (404, "user-unknown", "user_not_found", "There is no such account."),
            Self::EmailExists => (422, "email-exists", "email_exists", "Another account has this address."),
            Self::SamePassword => (422, "same-password", "same_password", "The new password must not be the old one."),
            Self::ReauthenticationNeeded => (400, "reauthentication", "reauthentication_needed", "The current password is needed for this."),
            Self::Conflict => (409, "conflict", "conflict", "It was changed at the same time, or is there already."),
            Self::NoPrincipal => (401, "token", "no_authorization", "This needs an access token."),
            Self::NoSubject => (403, "no-subject", "bad_jwt", "The token names no account."),
            Self::InsufficientAal => (403, "insufficient-aal", "insufficient_aal", "This needs a second factor."),
            Self::FactorNotFound => (404, "factor-not-found", "mfa_factor_not_found", "There is no such factor."),
            Self::TooManyFactors => (422, "too-many-factors", "too_many_enrolled_mfa_factors", "The account has as many factors as it may have."),
            Self::FactorNameTaken => (422, "factor-name", "mfa_factor_name_conflict", "Another factor has this name."),
            Self::ChallengeExpired => (422, "challenge-expired", "mfa_challenge_expired", "The challenge has expired; ask for another one."),
            Self::WrongCode => (422, "wrong-code", "mfa_verification_failed", "The code is wrong or was used before."),
            Self::CodesLocked { .. } => (429, "codes-locked", "over_request_rate_limit", "Too many wrong codes."),
            Self::UserGone => (403, "user-gone", "user_not_found", "The account of this token does not exist."),
            Self::EmailUnconfirmed => (400, "email-unconfirmed", "email_not_confirmed", "Email not confirmed."),
            Self::OtpExpired => (403, "one-time", "otp_expired", "The link or code is wrong, was used or has expired."),
            Self::CodeUnknown => (404, "auth-code", "flow_state_not_found", "The code is wrong, was used or has expired."),
            Self::BadCodeVerifier => (400, "code-verifier", "bad_code_verifier", "The code verifier does not match."),
            Self::ReauthenticationInvalid => (422, "reauthentication", "reauthentication_not_valid", "The code is wrong or has expired."),
            Self::MailOff => (422, "mail-off", "email_provider_disabled", "This server sends no mail."),
            Self::Busy => (503, "busy", "over_request_rate_limit", "The server is busy."),
            Self::Timeout => (503, "timeout", "request_timeout", "The request took too long."),
            Self::DatabaseUnavailable => (503, "database", "unexpected_failure", "The server is not ready."),
            Self::Internal => (500, "internal", "unexpected_failure", "Something went wrong here."),
        };
        Shape {
            status,
            reason,
            code,
            title,
        }
    }

    /// Seconds after which trying again makes sense.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Busy => Some(1),
            Self::DatabaseUnavailable | Self::Timeout => Some(5),
            // Seals are forgotten after a minute.
            Self::SealMemoryFull => Some(60),
            Self::CodesLocked { retry_after_s } => Some(*retry_after_s),
            Self::Seal
            | Self::SealInstance
            | Self::NotFound
            | Self::MethodNotAllowed { .. }
            | Self::BodyTooLarge { .. }
            | Self::BodyTimeout
            | Self::BodyBroken
            | Self::NotJson
            | Self::BadJson
            | Self::Invalid(_)
            | Self::WeakPassword(_)
            | Self::UnsupportedGrant
            | Self::InvalidCredentials
            | Self::EmailTaken
            | Self::SignupDisabled
            | Self::RefreshTokenUnknown
            | Self::RefreshTokenReused
            | Self::SessionExpired
            | Self::UserBanned
            | Self::SessionEnded
            | Self::NotPermitted
            | Self::UserUnknown
            | Self::EmailExists
            | Self::SamePassword
            | Self::ReauthenticationNeeded
            | Self::Conflict
            | Self::NoPrincipal
            | Self::NoSubject
            | Self::InsufficientAal
            | Self::FactorNotFound
            | Self::TooManyFactors
            | Self::FactorNameTaken
            | Self::ChallengeExpired
            | Self::WrongCode
            | Self::UserGone
            | Self::EmailUnconfirmed
            | Self::OtpExpired
            | Self::CodeUnknown
            | Self::BadCodeVerifier
            | Self::ReauthenticationInvalid
            | Self::MailOff
            | Self::Internal => None,
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { max_bytes } => Self::BodyTooLarge { max_bytes },
            BodyError::Timeout => Self::BodyTimeout,
            BodyError::Broken => Self::BodyBroken,
        }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error.cause() {
            DbError::Unavailable(cause) => {
                tracing::warn!(%cause, "the database is not available");
                Self::DatabaseUnavailable
            }
            DbError::Unexpected(cause) => {
                tracing::error!(%cause, "a query failed");
                Self::Internal
            }
            DbError::TooManyValues { .. } => {
                tracing::error!(%error, "a query failed");
                Self::Internal
            }
            DbError::NulText => Self::Invalid("A text has no NUL."),
            // Found when the database is opened, before there is anybody to answer.
            DbError::Migration(_) | DbError::TooOld(_) | DbError::BadUrl | DbError::Shared(_) => {
                tracing::error!(%error, "the database was not opened");
                Self::Internal
            }
        }
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Failed => Self::Internal,
        }
    }
}
