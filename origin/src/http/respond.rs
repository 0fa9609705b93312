//! Answers: JSON and problem documents.

use super::{ApiError, Bytes, Outgoing};
use gapura_shared::{ids::RequestId, outcome, problem};
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER,
        WWW_AUTHENTICATE,
    },
};
use serde::Serialize;
use serde_json::json;

/// An answer.
pub type Answer = Response<Outgoing>;

/// Tells the edge what the answer means beyond the answer; the edge takes it off.
pub const OUTCOME: HeaderName = HeaderName::from_static(outcome::HEADER);

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static(problem::CONTENT_TYPE);
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Ten minutes: a new key must be published that long before it signs.
const KEY_SET_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=600");

/// 200 with JSON that is one person's own.
pub fn private_json(body: impl Into<Bytes>) -> Answer {
    with(body.into(), JSON, NO_STORE)
}

/// The same of what can be written as JSON.
///
/// # Errors
/// [`ApiError::Internal`] for what cannot.
pub fn private_view(view: &impl Serialize) -> Result<Answer, ApiError> {
    // Room for an account at once: grown into by and by it costs more than the writing.
    let mut body = Vec::with_capacity(1024);
    serde_json::to_writer(&mut body, view).map_err(|_| ApiError::Internal)?;
    Ok(private_json(body))
}

/// 200 with JSON that anybody may keep for a while, or 304 for who has it (RFC 9110 §13.1.2).
pub fn public_json(body: &Bytes, etag: &HeaderValue, asked: &HeaderMap) -> Answer {
    let known = asked.get_all(IF_NONE_MATCH).iter().any(|field| {
        let names = field.as_bytes().split(|byte| *byte == b',');
        let plain = |name: &'_ [u8]| name.strip_prefix(b"W/").unwrap_or(name) == etag.as_bytes();
        names
            .map(<[u8]>::trim_ascii)
            .any(|name| name == b"*" || plain(name))
    });
    let mut answer = with(body.clone(), JSON, KEY_SET_CACHE);
    if known {
        *answer.body_mut() = Outgoing::default();
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    answer.headers_mut().insert(ETAG, etag.clone());
    answer
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Outgoing::default());
    *answer.status_mut() = status;
    answer
}

/// Sends a browser on, to what is a field value: 303, which it follows by GET. Nobody may keep it.
#[must_use]
pub fn see_other(place: &str) -> Answer {
    let Ok(place) = HeaderValue::try_from(place) else {
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut answer = empty(StatusCode::SEE_OTHER);
    let fields = answer.headers_mut();
    fields.insert(LOCATION, place);
    fields.insert(CACHE_CONTROL, NO_STORE);
    answer
}

/// A refusal as a problem document, with the members that supabase-js reads.
#[must_use]
pub fn problem(error: &ApiError, request: &RequestId) -> Answer {
    let shape = error.shape();
    let mut document = problem::Problem::new(shape.reason, shape.title, shape.status)
        .request(request)
        .with("code", shape.code)
        .with("error_code", shape.code)
        .with("msg", shape.title);
    if let ApiError::Invalid(detail) = error {
        document = document.detail(*detail).with("msg", *detail);
    }
    if let ApiError::BodyTooLarge { max_bytes } = error {
        document = document.detail(format!("At most {max_bytes} bytes."));
    }
    if let ApiError::WeakPassword(weakness) = error {
        let detail = weakness.to_string();
        document = document
            .with("msg", detail.as_str())
            .detail(detail)
            .with("weak_password", json!({ "reasons": [weakness.reason()] }));
    }
    let mut answer = with(document.to_json().into(), PROBLEM, NO_STORE);
    *answer.status_mut() =
        StatusCode::from_u16(shape.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    add_fields(&mut answer, error);
    answer
}

fn add_fields(answer: &mut Answer, error: &ApiError) {
    let fields = answer.headers_mut();
    if let Some(seconds) = error.retry_after_s() {
        fields.insert(RETRY_AFTER, seconds.into());
    }
    match error {
        ApiError::Seal => {
            fields.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Signature"));
            // Whoever knocks at the wrong door is not kept waiting at it.
            fields.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        ApiError::SealInstance => {
            fields.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Signature"));
        }
        ApiError::NoPrincipal => {
            fields.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        ApiError::MethodNotAllowed { allow } => {
            fields.insert(ALLOW, HeaderValue::from_static(allow));
        }
        // The rest of the body is still on its way.
        ApiError::BodyTooLarge { .. } | ApiError::BodyTimeout | ApiError::BodyBroken => {
            fields.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        ApiError::SealMemoryFull
        | ApiError::NotFound
        | ApiError::NotJson
        | ApiError::BadJson
        | ApiError::Invalid(_)
        | ApiError::WeakPassword(_)
        | ApiError::UnsupportedGrant
        | ApiError::InvalidCredentials
        | ApiError::EmailTaken
        | ApiError::SignupDisabled
        | ApiError::RefreshTokenUnknown
        | ApiError::RefreshTokenReused
        | ApiError::SessionExpired
        | ApiError::UserBanned
        | ApiError::SessionEnded
        | ApiError::NotPermitted
        | ApiError::UserUnknown
        | ApiError::EmailExists
        | ApiError::SamePassword
        | ApiError::ReauthenticationNeeded
        | ApiError::Conflict
        | ApiError::NoSubject
        | ApiError::InsufficientAal
        | ApiError::FactorNotFound
        | ApiError::TooManyFactors
        | ApiError::FactorNameTaken
        | ApiError::ChallengeExpired
        | ApiError::WrongCode
        | ApiError::CodesLocked { .. }
        | ApiError::UserGone
        | ApiError::EmailUnconfirmed
        | ApiError::OtpExpired
        | ApiError::CodeUnknown
        | ApiError::BadCodeVerifier
        | ApiError::ReauthenticationInvalid
        | ApiError::MailOff
        | ApiError::Busy
        | ApiError::Timeout
        | ApiError::DatabaseUnavailable
        | ApiError::Internal => {}
    }
}

fn with(body: Bytes, media_type: HeaderValue, cache: HeaderValue) -> Answer {
    let mut answer = Response::new(Outgoing::from(body));
    let fields = answer.headers_mut();
    fields.insert(CONTENT_TYPE, media_type);
    fields.insert(CACHE_CONTROL, cache);
    answer
}

#[cfg(test)]
mod tests {
    use super::{ApiError, problem};
    use gapura_shared::ids::RequestId;
    use http_body_util::BodyExt;
    use serde_json::Value;

    #[tokio::test]
    async fn a_failed_login_says_what_supabase_js_reads() {
        let id = RequestId::from_random([1; 16]);
        let answer = problem(&ApiError::InvalidCredentials, &id);
        assert_eq!(answer.status(), 400);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "urn:gapura:problem:invalid-credentials");
        assert_eq!(body["code"], "invalid_credentials");
        assert_eq!(body["error_code"], "invalid_credentials");
        assert_eq!(body["msg"], "Invalid login credentials.");
    }

    #[test]
    fn an_unavailable_server_says_when_to_come_back() {
        let id = RequestId::from_random([1; 16]);
        for error in [
            ApiError::Busy,
            ApiError::DatabaseUnavailable,
            ApiError::SealMemoryFull,
            ApiError::Timeout,
        ] {
            let answer = problem(&error, &id);
            assert_eq!(answer.status(), 503);
            assert!(answer.headers().contains_key("retry-after"), "{error}");
        }
    }
}
