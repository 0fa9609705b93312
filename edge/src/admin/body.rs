//! Bodies and parameters of the API, read strictly.

use super::AdminError;
use crate::ledger::checked;
use gapura_shared::{parse::query, time::UnixSeconds};
use serde::{Deserialize, de::DeserializeOwned};

/// Longest ban or mode: a hundred years; beyond, a unit was mistaken.
const MAX_SECONDS: u64 = 3_155_760_000;

/// `POST bans`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BanBody {
    pub(super) target: String,
    pub(super) reason: String,
    seconds: Option<u64>,
    until: Option<u64>,
    #[serde(default)]
    permanent: bool,
}

/// `PUT mode`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModeBody {
    pub(super) under_attack: bool,
    seconds: Option<u64>,
    until: Option<u64>,
    #[serde(default)]
    permanent: bool,
}

impl BanBody {
    pub(super) fn end(&self, now: UnixSeconds) -> Result<Option<UnixSeconds>, AdminError> {
        end(self.seconds, self.until, self.permanent, now)
    }
}

impl ModeBody {
    pub(super) fn end(&self, now: UnixSeconds) -> Result<Option<UnixSeconds>, AdminError> {
        end(self.seconds, self.until, self.permanent, now)
    }

    pub(super) const fn has_end(&self) -> bool {
        self.seconds.is_some() || self.until.is_some() || self.permanent
    }
}

/// A body of JSON.
///
/// # Errors
/// [`AdminError::Invalid`] with the parser's words: they are about the operator's own text.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, AdminError> {
    serde_json::from_slice(body).map_err(|why| AdminError::Invalid(format!("the body: {why}")))
}

/// Exactly one of the three must be given.
fn end(
    seconds: Option<u64>,
    until: Option<u64>,
    permanent: bool,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, AdminError> {
    match (seconds, until, permanent) {
        (None, None, true) => Ok(None),
        (Some(seconds), None, false) => within(seconds, now).map(Some),
        (None, Some(until), false) => within(until.saturating_sub(now.0), now).map(Some),
        _ => Err(AdminError::Invalid(
            "one of `seconds`, `until` and `permanent` is needed".to_owned(),
        )),
    }
}

/// The end of so many seconds.
pub(super) fn within(seconds: u64, now: UnixSeconds) -> Result<UnixSeconds, AdminError> {
    if (1..=MAX_SECONDS).contains(&seconds) {
        Ok(now.after(seconds))
    } else {
        Err(AdminError::Invalid(format!(
            "the end must be 1 to {MAX_SECONDS} s from now"
        )))
    }
}

/// A reason, or the name of a list.
pub(super) fn text(name: &str, text: &str) -> Result<String, AdminError> {
    checked(text)
        .map(str::to_owned)
        .map_err(|why| AdminError::Invalid(format!("`{name}` {why}")))
}

/// The parameters of a query, of which all must be `known`, each once.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn read(query: &str, known: &[&str]) -> Result<Self, AdminError> {
        let invalid = |why: String| AdminError::Invalid(why);
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in query::raw_pairs(query) {
            let read = |raw| {
                query::decode_value(raw).map_err(|_| invalid("the query cannot be read".to_owned()))
            };
            let (name, value) = (read(name)?, read(value)?);
            if !known.contains(&name.as_str()) {
                return Err(invalid(format!("the parameters are {}", known.join(", "))));
            }
            if all.iter().any(|(other, _)| *other == name) {
                return Err(invalid(format!("`{name}` is given twice")));
            }
            all.push((name, value));
        }
        Ok(Self(all))
    }

    /// A parameter, unless it is absent or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, AdminError> {
        let Some(digits) = self.get(name) else {
            return Ok(None);
        };
        let number = digits
            .parse()
            .map_err(|_| AdminError::Invalid(format!("`{name}` must be a number")));
        number.map(Some)
    }
}
