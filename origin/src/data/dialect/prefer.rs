//! The `Prefer` header (RFC 7240) in `PostgREST`'s words.

use super::{DialectError, error::shortened};
use http::Method;

/// What the client would like. `None` and the defaults are what it did not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prefer {
    /// What a write answers with.
    pub returning: Option<Returning>,
    /// Whether all rows that match are counted.
    pub count: Option<Count>,
    /// What an insert does with a row that is there already.
    pub resolution: Option<Resolution>,
    /// What a column that a row of an insert lacks gets.
    pub missing: Option<Missing>,
    /// What is done with preferences that are not known.
    pub handling: Option<Handling>,
    /// How the transaction ends.
    pub tx: Option<Tx>,
    /// The most rows that an update or delete may change; with [`Handling::Strict`] alone.
    pub max_affected: Option<u64>,
}

/// `return=…`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returning {
    /// Nothing.
    Minimal,
    /// Nothing but where the row is.
    HeadersOnly,
    /// The rows as written.
    Representation,
}

/// `count=…`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Counted.
    Exact,
    /// As the database plans with.
    Planned,
    /// Counted up to a bound, planned beyond.
    Estimated,
}

/// `resolution=…`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The row is updated.
    Merge,
    /// The row stays as it is.
    Ignore,
}

/// `missing=…`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The column's default.
    Default,
    /// Null.
    Null,
}

/// `handling=…`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// An unknown preference is an error.
    Strict,
    /// It is ignored.
    Lenient,
}

/// `tx=…`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tx {
    /// As ever.
    Commit,
    /// A rehearsal.
    Rollback,
}

impl Prefer {
    /// Reads the values of all `Prefer` fields of a request. Of a preference that is given twice
    /// the first one counts (RFC 7240 §2).
    ///
    /// # Errors
    /// Preferences that are not known, where the client asked for `handling=strict`.
    pub fn parse<'a>(fields: impl IntoIterator<Item = &'a str>) -> Result<Self, DialectError> {
        let mut prefer = Self::default();
        let mut unknown = Vec::new();
        let parts = fields.into_iter().flat_map(|field| field.split(','));
        for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
            if !prefer.read(part) {
                unknown.push(part);
            }
        }
        if prefer.handling == Some(Handling::Strict) && !unknown.is_empty() {
            return Err(DialectError::Preferences(shortened(&unknown.join(", "))));
        }
        Ok(prefer)
    }

    /// `false` for a preference that is not known.
    fn read(&mut self, part: &str) -> bool {
        match part {
            "return=minimal" => first(&mut self.returning, Returning::Minimal),
            "return=headers-only" => first(&mut self.returning, Returning::HeadersOnly),
            "return=representation" => first(&mut self.returning, Returning::Representation),
            "count=exact" => first(&mut self.count, Count::Exact),
            "count=planned" => first(&mut self.count, Count::Planned),
            "count=estimated" => first(&mut self.count, Count::Estimated),
            "resolution=merge-duplicates" => first(&mut self.resolution, Resolution::Merge),
            "resolution=ignore-duplicates" => first(&mut self.resolution, Resolution::Ignore),
            "missing=default" => first(&mut self.missing, Missing::Default),
            "missing=null" => first(&mut self.missing, Missing::Null),
            "handling=strict" => first(&mut self.handling, Handling::Strict),
            "handling=lenient" => first(&mut self.handling, Handling::Lenient),
            "tx=commit" => first(&mut self.tx, Tx::Commit),
            "tx=rollback" => first(&mut self.tx, Tx::Rollback),
            _ => {
                let most = part.strip_prefix("max-affected=");
                let Some(most) = most.and_then(|text| text.parse().ok()) else {
                    return false;
                };
                first(&mut self.max_affected, most);
            }
        }
        true
    }

    /// What of it bears on a request of this method; rows are counted exactly, if at all.
    #[must_use]
    pub fn heeded(self, method: &Method) -> Self {
        let (adds, reads) = (
            *method == Method::POST,
            matches!(*method, Method::GET | Method::HEAD),
        );
        let is_strict = self.handling == Some(Handling::Strict);
        Self {
            returning: self.returning.filter(|_| !reads),
            count: self.count.map(|_| Count::Exact),
            resolution: self.resolution.filter(|_| adds),
            missing: self.missing.filter(|_| adds),
            handling: self.handling,
            tx: self.tx.filter(|_| !reads),
            max_affected: self.max_affected.filter(|_| !reads && !adds && is_strict),
        }
    }

    /// The value of `Preference-Applied` (RFC 7240 §3), in `PostgREST`'s order.
    #[must_use]
    pub fn applied(&self) -> Option<String> {
        let max_affected = self.max_affected.map(|most| format!("max-affected={most}"));
        let words = [
            self.resolution.map(|resolution| match resolution {
                Resolution::Merge => "resolution=merge-duplicates",
                Resolution::Ignore => "resolution=ignore-duplicates",
            }),
            self.missing.map(|missing| match missing {
                Missing::Default => "missing=default",
                Missing::Null => "missing=null",
            }),
            self.returning.map(|returning| match returning {
                Returning::Minimal => "return=minimal",
                Returning::HeadersOnly => "return=headers-only",
                Returning::Representation => "return=representation",
            }),
            self.count.map(|count| match count {
                Count::Exact => "count=exact",
                Count::Planned => "count=planned",
                Count::Estimated => "count=estimated",
            }),
            self.tx.map(|tx| match tx {
                Tx::Commit => "tx=commit",
                Tx::Rollback => "tx=rollback",
            }),
            self.handling.map(|handling| match handling {
                Handling::Strict => "handling=strict",
                Handling::Lenient => "handling=lenient",
            }),
            max_affected.as_deref(),
        ];
        let words: Vec<_> = words.into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

fn first<T>(known: &mut Option<T>, value: T) {
    known.get_or_insert(value);
}
