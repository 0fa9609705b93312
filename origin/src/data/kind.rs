//! What a column holds, the same on every engine, and how a client's value becomes one to bind.
//!
//! Guarantees: a value that does not fit is refused here, with PostgreSQL's code for it, before any
//! engine sees it; where an engine stores a kind as another one, this is the only place that knows.

use super::error::DataError;
use crate::db::Bound;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Characters.
    Text,
    /// A UUID (RFC 9562), lower case.
    Uuid,
    /// 64 bits, signed.
    Integer,
    /// Floating point or decimal.
    Number,
    /// True or false.
    Boolean,
    /// A moment; UTC where the engine keeps no zone.
    Timestamp,
    /// A day.
    Date,
    /// JSON.
    Json,
    /// Whatever PostgreSQL reads from text and writes as JSON by itself.
    Native,
}

/// Bytes of one value, in a body or a filter.
pub(crate) const MAX_VALUE_BYTES: usize = 1 << 20;

impl Kind {
    /// By its name in the configuration.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "uuid" => Self::Uuid,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "timestamp" => Self::Timestamp,
            "date" => Self::Date,
            "json" => Self::Json,
            _ => return None,
        })
    }

    /// Its name in the configuration and in errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Uuid => "uuid",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Json => "json",
            Self::Native => "native",
        }
    }

    /// A value in a filter or of a CSV field.
    ///
    /// # Errors
    /// `22P02` when the text is none of the kind.
    pub fn read_text(self, text: &str) -> Result<Bound, DataError> {
        if text.len() > MAX_VALUE_BYTES {
            return Err(DataError::TooLarge("a value", MAX_VALUE_BYTES));
        }
        // PostgreSQL stores no NUL, and what one engine cannot say no engine says.
        let read = if text.contains('\0') {
            None
        } else {
            self.parse_text(text)
        };
        read.ok_or_else(|| DataError::InvalidValue {
            kind: self.name(),
            value: text.to_owned(),
        })
    }

    fn parse_text(self, text: &str) -> Option<Bound> {
        Some(match self {
            Self::Text | Self::Native => Bound::Text(text.to_owned()),
            Self::Uuid => Bound::Text(uuid::Uuid::try_parse(text).ok()?.to_string()),
            Self::Integer => Bound::Integer(text.trim().parse().ok()?),
            Self::Number => {
                let number: f64 = text.trim().parse().ok()?;
                // A decimal goes as it is written: no float stands between.
                let plain = |b: u8| b.is_ascii_digit() || b"+-.eE".contains(&b);
                if !number.is_finite() || !text.trim().bytes().all(plain) {
                    return None;
                }
                Bound::Number(text.trim().to_owned())
            }
            Self::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "on" | "1" => Bound::Boolean(true),
                "false" | "f" | "no" | "n" | "off" | "0" => Bound::Boolean(false),
                _ => return None,
            },
            Self::Timestamp => Bound::Text(moment(text)?),
            Self::Date => {
                let day = text.get(..10)?;
                let date = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
                if text.len() > 10 {
                    moment(text)?;
                }
                Bound::Text(date.to_string())
            }
            Self::Json => {
                serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
                Bound::Text(text.to_owned())
            }
        })
    }

    /// A value of a JSON body.
    ///
    /// # Errors
    /// `22P02` when the value is none of the kind.
    pub fn read_json(self, value: &Value) -> Result<Bound, DataError> {
        match (self, value) {
            (_, Value::Null) => Ok(Bound::Null),
            (Self::Json, value) => self.read_text(&value.to_string()),
            (Self::Native, Value::Array(items)) => self.read_text(&array(items)),
            (_, Value::String(text)) => self.read_text(text),
            (Self::Boolean, Value::Bool(value)) => Ok(Bound::Boolean(*value)),
            (_, value) => self.read_text(&value.to_string()),
        }
    }
}

/// A list as PostgreSQL writes an array (§8.15.2 of its manual).
fn array(items: &[Value]) -> String {
    let items = items.iter().map(|item| match item {
        Value::Null => "NULL".to_owned(),
        Value::Array(items) => array(items),
        Value::String(text) => quoted(text),
        other => quoted(&other.to_string()),
    });
    format!("{{{}}}", items.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// UTC, as `YYYY-MM-DD HH:MM:SS` with what a second has beyond: the form in which SQLite's own
/// functions write and texts compare as moments do; the other engines read it, too.
fn moment(text: &str) -> Option<String> {
    let utc: DateTime<Utc> = if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        moment.to_utc()
    } else if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        date.and_hms_opt(0, 0, 0)?.and_utc()
    } else {
        let text = text.replacen('T', " ", 1);
        let naive = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f");
        match naive {
            Ok(naive) => naive.and_utc(),
            Err(_) => DateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f%#z")
                .ok()?
                .to_utc(),
        }
    };
    Some(written(&utc))
}

/// [`moment`] of a clock.
#[must_use]
pub(crate) fn moment_of(unix_ms: u64) -> Option<String> {
    let moment = DateTime::from_timestamp_millis(i64::try_from(unix_ms).ok()?)?;
    Some(written(&moment))
}

fn written(moment: &DateTime<Utc>) -> String {
    let text = moment.naive_utc().to_string();
    match text.split_once('.') {
        // No trailing zeros: texts of one moment are one text.
        Some((whole, fraction)) => format!("{whole}.{}", fraction.trim_end_matches('0')),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, moment_of};
    use crate::db::Bound;
    use proptest::prelude::*;
    use serde_json::json;

    fn text(text: &str) -> Bound {
        Bound::Text(text.to_owned())
    }

    #[test]
    fn moments_become_utc_in_one_form() {
        for (given, kept) in [
            ("2026-11-21T10:00:00Z", "2026-11-21 10:00:00"),
            ("2026-11-21T17:00:00+07:00", "2026-11-21 10:00:00"),
            ("2026-11-21 10:00:00", "2026-11-21 10:00:00"),
            ("2026-11-21 10:00:00.250", "2026-11-21 10:00:00.25"),
            ("2026-11-21 17:00:00+07", "2026-11-21 10:00:00"),
            ("2026-11-20", "2026-11-20 00:00:00"),
            ("2026-11-21T10:00:10.000Z", "2026-11-21 10:00:10"),
        ] {
            assert_eq!(Kind::Timestamp.read_text(given), Ok(text(kept)), "{given}");
        }
        assert_eq!(moment_of(10_000).unwrap(), "1970-01-01 00:00:10");
        assert_eq!(moment_of(10_500).unwrap(), "1970-01-01 00:00:10.5");
    }

    #[test]
    fn values_of_another_kind_are_refused() {
        for (kind, given) in [
            (Kind::Integer, "1.5"),
            (Kind::Integer, "1; DROP TABLE notes"),
            (Kind::Integer, "9223372036854775808"),
            (Kind::Number, "NaN"),
            (Kind::Number, "infinity"),
            (Kind::Number, "1 OR 1=1"),
            (Kind::Boolean, "maybe"),
            (Kind::Uuid, "1"),
            (Kind::Timestamp, "yesterday"),
            (Kind::Date, "2026-02-30"),
            (Kind::Date, "2026-02-20x"),
            (Kind::Json, "{"),
            (Kind::Text, "a\0b"),
        ] {
            assert!(kind.read_text(given).is_err(), "{kind:?} {given}");
        }
    }

    #[test]
    fn json_values_are_read_as_their_column_demands() {
        for (kind, given, kept) in [
            (Kind::Text, json!(5), text("5")),
            (Kind::Integer, json!("5"), Bound::Integer(5)),
            (Kind::Boolean, json!(true), Bound::Boolean(true)),
            (Kind::Json, json!({"a": [1]}), text(r#"{"a":[1]}"#)),
            (Kind::Json, json!("a"), text("\"a\"")),
            (Kind::Number, json!(0.1), Bound::Number("0.1".into())),
            (Kind::Text, json!(null), Bound::Null),
            (
                Kind::Native,
                json!(["a", "b, \"c\\", null, 1, [true], {"d": ""}]),
                text(r#"{"a","b, \"c\\",NULL,"1",{"true"},"{\"d\":\"\"}"}"#),
            ),
        ] {
            assert_eq!(kind.read_json(&given), Ok(kept), "{kind:?} {given}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(given in "\\PC{0,30}|[0-9:T .+Z-]{0,30}", kind in 0_usize..9) {
            let kinds = [
                Kind::Text, Kind::Uuid, Kind::Integer, Kind::Number, Kind::Boolean,
                Kind::Timestamp, Kind::Date, Kind::Json, Kind::Native,
            ];
            let _ = kinds[kind].read_text(&given);
        }
    }
}
