//! Answers in the manner of `PostgREST`.

use super::{
    dialect::{Accept, Prefer},
    error::DataError,
};
use crate::http::{Answer, Bytes, Outgoing, respond};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE},
};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What goes out beside the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// `Content-Range`: rows from, to and of how many.
    pub(crate) range: Option<Range>,
    /// `ETag` of the one row.
    pub(crate) etag: Option<String>,
    /// Where the one row is.
    pub(crate) location: Option<String>,
}

/// Which rows an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    /// The first one.
    pub(crate) offset: u64,
    /// How many.
    pub(crate) rows: u64,
    /// Of how many, when it was asked for.
    pub(crate) total: Option<u64>,
}

impl Range {
    fn field(self) -> String {
        let total = self
            .total
            .map_or_else(|| "*".to_owned(), |total| total.to_string());
        match self.rows.checked_sub(1) {
            Some(more) => format!(
                "{}-{}/{total}",
                self.offset,
                self.offset.saturating_add(more)
            ),
            None => format!("*/{total}"),
        }
    }

    /// Whether there is more than this.
    const fn is_partial(self) -> bool {
        match self.total {
            Some(total) => self.rows < total,
            None => false,
        }
    }
}

/// Rows that were read: 200, or 206 where it is known that there are more (RFC 9110 §15.3.7).
pub(crate) fn rows(body: Outgoing, accept: Accept, prefer: &Prefer, told: &Told) -> Answer {
    let mut answer = with(StatusCode::OK, body, accept, prefer, told);
    if told.range.is_some_and(Range::is_partial) {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    answer
}

/// Rows that were written, or nothing of them.
pub(crate) fn written(
    status: StatusCode,
    body: Option<Bytes>,
    accept: Accept,
    prefer: &Prefer,
    told: &Told,
) -> Answer {
    if let Some(body) = body {
        with(status, body.into(), accept, prefer, told)
    } else {
        let mut answer = respond::empty(status);
        fields(answer.headers_mut(), prefer, told);
        answer
    }
}

fn with(
    status: StatusCode,
    body: Outgoing,
    accept: Accept,
    prefer: &Prefer,
    told: &Told,
) -> Answer {
    let mut answer = respond::private_json(Bytes::new());
    *answer.body_mut() = body;
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(accept.content_type()),
    );
    fields(headers, prefer, told);
    answer
}

/// The fields of [`Told`] and what was heeded of `Prefer`.
pub(crate) fn fields(headers: &mut HeaderMap, prefer: &Prefer, told: &Told) {
    let texts = [
        (CONTENT_RANGE, told.range.map(Range::field)),
        (ETAG, told.etag.clone()),
        (LOCATION, told.location.clone()),
        (PREFERENCE_APPLIED, prefer.applied()),
    ];
    for (name, text) in texts {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(name, value);
        }
    }
}

/// `Content-Range` where there is nothing (RFC 9110 §14.4).
fn none_of(rows: u64) -> HeaderValue {
    let text = format!("*/{rows}");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("*/*"))
}

/// A refusal.
pub(crate) fn refusal(error: &DataError, has_identity: bool) -> Answer {
    let shape = error.shape(has_identity);
    let mut answer = respond::private_json(shape.json());
    *answer.status_mut() =
        StatusCode::from_u16(shape.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    if let Some(seconds) = error.retry_after_s() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if let DataError::Range(rows) = error {
        headers.insert(CONTENT_RANGE, none_of(*rows));
    }
    if shape.status == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if *error == DataError::Method {
        headers.insert(
            ALLOW,
            HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE"),
        );
    }
    answer
}
