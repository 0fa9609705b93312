//! `CrowdSec` decisions as JSON: what `cscli decisions list -o json` prints (alerts
//! with decisions in them), what its API gives and what `cscli decisions import` takes.

use super::{BadList, Decision, List, Reading, duration, network};
use crate::ledger::{MAX_TEXT_BYTES, Target};
use serde::Deserialize;

/// An alert, or a decision by itself.
#[derive(Debug, Deserialize)]
struct Item {
    #[serde(default)]
    decisions: Option<Vec<Raw>>,
    #[serde(flatten)]
    own: Raw,
}

/// The answer of a decision stream, or an object with decisions.
#[derive(Debug, Deserialize)]
struct Stream {
    #[serde(default)]
    new: Option<Vec<Raw>>,
    #[serde(default)]
    decisions: Option<Vec<Raw>>,
}

/// A decision before it is understood.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Raw {
    #[serde(default)]
    pub(super) scope: Option<String>,
    #[serde(default)]
    pub(super) value: Option<String>,
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) duration: Option<String>,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) scenario: Option<String>,
    #[serde(default)]
    pub(super) simulated: Option<bool>,
}

pub(super) fn parse(text: &str) -> Result<List, BadList> {
    let bad = |why: serde_json::Error| BadList::Json(why.to_string());
    let raws: Vec<Raw> = if text.trim_start().starts_with('{') {
        let stream: Stream = serde_json::from_str(text).map_err(bad)?;
        let missing = || BadList::Json("neither `new` nor `decisions`".to_owned());
        stream.new.or(stream.decisions).ok_or_else(missing)?
    } else {
        let items: Vec<Item> = serde_json::from_str(text).map_err(bad)?;
        items
            .into_iter()
            .flat_map(|item| item.decisions.unwrap_or_else(|| vec![item.own]))
            .collect()
    };
    let mut reading = Reading::default();
    for (index, raw) in raws.into_iter().enumerate() {
        reading.take("decision", index.saturating_add(1), raw.read())?;
    }
    reading.finish()
}

impl Raw {
    /// What it bans; `None`: nobody, or not any more.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn read(self) -> Result<Option<Decision>, String> {
        let other = self
            .kind
            .is_some_and(|kind| !kind.eq_ignore_ascii_case("ban"));
        if other || self.simulated == Some(true) {
            return Ok(None);
        }
        let value = self.value.ok_or("`value` is missing")?;
        let target = target(self.scope.as_deref().unwrap_or("ip"), &value)?;
        let seconds = match self.duration.as_deref() {
            None | Some("") => None,
            Some(text) => match duration::parse(text)? {
                None => return Ok(None),
                seconds => seconds,
            },
        };
        let reason = self.reason.or(self.scenario);
        let reason = reason.as_deref().and_then(shortened);
        Ok(Some(Decision {
            target,
            seconds,
            reason,
        }))
    }
}

fn target(scope: &str, value: &str) -> Result<Target, String> {
    let parsed = |text: String| text.parse::<Target>().map_err(|why| why.to_string());
    match scope.to_ascii_lowercase().as_str() {
        "ip" | "range" => network(value),
        "country" => parsed(format!("country:{}", value.to_ascii_uppercase())),
        "as" => parsed(format!("asn:{}", value.trim_start_matches("AS"))),
        "user" | "username" => parsed(format!("user:{value}")),
        _ => Err("the scope must be Ip, Range, Country, AS or User".to_owned()),
    }
}

/// A reason as the Ledger keeps it: no control characters, not too long.
fn shortened(text: &str) -> Option<String> {
    let mut kept = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if kept.len().saturating_add(c.len_utf8()) > MAX_TEXT_BYTES {
            break;
        }
        kept.push(c);
    }
    (!kept.is_empty()).then_some(kept)
}
