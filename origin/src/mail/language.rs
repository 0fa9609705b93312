//! Which language a mail is written in.

use serde::{Deserialize, Serialize};

/// A language that there are words for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Indonesian.
    Id,
}

/// Ranges of a header that are looked at; browsers send a handful.
const MAX_RANGES: usize = 20;

impl Language {
    /// Of a tag such as `id` or `en-GB` (RFC 5646).
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        match tag.split('-').next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            // `in` until 1989, and still what Java calls it.
            "id" | "in" => Some(Self::Id),
            _ => None,
        }
    }

    /// The one that `Accept-Language` likes best (RFC 9110 §12.5.4).
    #[must_use]
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best = None;
        for range in header.split(',').take(MAX_RANGES) {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight: Option<f32> = weight
                .trim()
                .strip_prefix("q=")
                .and_then(|q| q.parse().ok());
            if let (Some(language), Some(weight)) = (Self::parse(tag.trim()), weight)
                && weight > best.map_or(0.0, |(best, _)| best)
            {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// As `lang` in HTML.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Id => "id",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;
    use proptest::prelude::*;

    #[test]
    fn the_best_liked_that_we_speak() {
        for (header, language) in [
            ("id-ID,id;q=0.9,en;q=0.8", Some(Language::Id)),
            ("en-US,en;q=0.5", Some(Language::En)),
            ("fr,de;q=0.9,en;q=0.1,id;q=0.2", Some(Language::Id)),
            ("id;q=0, en;q=0.5", Some(Language::En)),
            ("fr", None),
            ("*", None),
            ("id;q=x", None),
            ("", None),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(header in ".{0,80}") {
            let _ = Language::accepted(&header);
        }
    }
}
