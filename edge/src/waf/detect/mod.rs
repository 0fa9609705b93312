//! Stage three: detectors that know the grammar of what they look for, one per file.
//!
//! A detector reads one lower-cased view of one value and names the rules that it breaks. It is
//! linear in the view and never decodes: that was stage one's work.

mod code;
mod crlf;
mod html;
mod ldap;
mod mail;
mod nosql;
mod path;
mod probe;
mod session;
mod shell;
mod sql;
mod ssi;
mod ssrf;
mod template;
mod upload;
mod xml;
mod xpath;

use std::ops::{Deref, DerefMut};

pub(super) use self::nosql::updates;
use super::meter::{Meter, price};
use super::rules::Rule;
use super::scan::{Absent, Needles, from, stands};
use super::{Part, decode};

/// One view of one value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    /// The decoded text, ASCII letters in lower case.
    pub(super) lower: &'a [u8],
    /// Where it stands.
    pub(super) part: Part,
    /// What it is called there.
    pub(super) name: &'a str,
}

/// A rule broken by `lower[start..end]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) rule: &'static Rule,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Hit {
    pub(super) const fn new(rule: &'static Rule, start: usize, end: usize) -> Self {
        Self { rule, start, end }
    }
}

/// What was found in a view, and what may be spent on looking for more.
#[derive(Debug, Default)]
pub(super) struct Hits {
    pub(super) found: Vec<Hit>,
    pub(super) meter: Meter,
    /// What does not stand in the view.
    pub(super) absent: Absent,
}

impl Hits {
    /// Charges for a place where something could start that is judged.
    pub(super) fn look(&mut self) {
        self.meter.charge(1, price::PLACE);
    }

    /// None yet, with what is left to be spent.
    pub(super) const fn with(meter: Meter) -> Self {
        Self {
            found: Vec::new(),
            meter,
            absent: Absent::NONE,
        }
    }
}

impl Deref for Hits {
    type Target = Vec<Hit>;

    fn deref(&self) -> &Self::Target {
        &self.found
    }
}

impl DerefMut for Hits {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.found
    }
}

/// One detector and the literals without which it cannot fire.
#[derive(Debug)]
pub(super) struct Detector {
    pub(super) detect: fn(&Text<'_>, &mut Hits),
    pub(super) triggers: &'static [&'static str],
    /// What it looks for in a whole view, unless the prefilter saw none of it.
    pub(super) sets: &'static [&'static Needles<'static>],
    /// What it costs to start in a view, however short.
    pub(super) start: u32,
    /// What a byte costs in which it finds nothing to judge.
    pub(super) price: u32,
}

/// All detectors; at most 32.
pub(super) static DETECTORS: &[Detector] = &[
    Detector {
        detect: sql::detect,
        triggers: sql::TRIGGERS,
        sets: &[],
        start: 8_600,
        price: 40,
    },
    Detector {
        detect: html::detect,
        triggers: html::TRIGGERS,
        sets: html::SETS,
        start: 3_850,
        price: 59,
    },
    Detector {
        detect: shell::detect,
        triggers: shell::TRIGGERS,
        sets: shell::SETS,
        start: 7_200,
        price: 46,
    },
    Detector {
        detect: path::detect,
        triggers: path::TRIGGERS,
        sets: path::SETS,
        start: 6_000,
        price: 3,
    },
    Detector {
        detect: ssrf::detect,
        triggers: ssrf::TRIGGERS,
        sets: ssrf::SETS,
        start: 200,
        price: 1,
    },
    Detector {
        detect: template::detect,
        triggers: template::TRIGGERS,
        sets: template::SETS,
        start: 12_000,
        price: 8,
    },
    Detector {
        detect: nosql::detect,
        triggers: nosql::TRIGGERS,
        sets: nosql::SETS,
        start: 12_000,
        price: 8,
    },
    Detector {
        detect: ldap::detect,
        triggers: ldap::TRIGGERS,
        sets: &[],
        start: 800,
        price: 4,
    },
    Detector {
        detect: xpath::detect,
        triggers: xpath::TRIGGERS,
        sets: &[],
        start: 9_000,
        price: 6,
    },
    Detector {
        detect: crlf::detect,
        triggers: crlf::TRIGGERS,
        sets: &[],
        start: 4_800,
        price: 3,
    },
    Detector {
        detect: code::detect,
        triggers: code::TRIGGERS,
        sets: code::SETS,
        start: 9_600,
        price: 7,
    },
    Detector {
        detect: mail::detect,
        triggers: mail::TRIGGERS,
        sets: mail::SETS,
        start: 4_800,
        price: 3,
    },
    Detector {
        detect: ssi::detect,
        triggers: ssi::TRIGGERS,
        sets: &[],
        start: 500,
        price: 5,
    },
    Detector {
        detect: xml::detect,
        triggers: xml::TRIGGERS,
        sets: xml::SETS,
        start: 1_500,
        price: 6,
    },
    Detector {
        detect: probe::detect,
        triggers: probe::TRIGGERS,
        sets: &[],
        start: 600,
        price: 1,
    },
    Detector {
        detect: upload::detect,
        triggers: upload::TRIGGERS,
        sets: &[],
        start: 600,
        price: 1,
    },
    Detector {
        detect: session::detect,
        triggers: session::TRIGGERS,
        sets: &[],
        start: 80,
        price: 1,
    },
];

/// Longest plain word that needs no look; longer ones may be serialised objects in base64.
const MAX_PLAIN: usize = 16;

/// Whether a value needs no look at all: plain words and numbers, and images as data URLs, whose
/// long base64 is the one honest text that looks like everything.
pub(super) fn is_harmless(part: Part, name: &str, value: &[u8]) -> bool {
    if part == Part::HeaderValue && name == "user-agent" {
        return false;
    }
    if part == Part::JsonKey && nosql::may_be_member(value) {
        return false;
    }
    let is_short = value.len() <= MAX_PLAIN && !decode::may_change(value);
    (is_short && decode::is_plain(value) && !code::starts_object(value)) || is_data_image(value)
}

/// `data:image/png;base64,` and nothing but base64 after it. SVG is markup and not spared.
fn is_data_image(value: &[u8]) -> bool {
    let comma = value.iter().take(64).position(|byte| *byte == b',');
    let Some((head, tail)) =
        comma.and_then(|comma| Some((value.get(..comma)?, from(value, comma + 1))))
    else {
        return false;
    };
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    // What spells `<`: markup or a program, and no picture.
    let is_markup = matches!(tail, [b'P', b'A'..=b'P', ..]);
    stands(head, 0, b"data:image/")
        && !is_markup
        && head.ends_with(b";base64")
        && !head
            .windows(3)
            .any(|window| window.eq_ignore_ascii_case(b"svg"))
        && tail.iter().all(is_base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spares_raster_images_alone() {
        assert!(is_data_image(b"data:image/png;base64,iVBORw0KGgo/+or+Aa=="));
        assert!(!is_data_image(b"data:image/svg+xml;base64,PHN2Zz4="));
        assert!(!is_data_image(b"data:text/html;base64,PHN2Zz4="));
        assert!(!is_data_image(
            b"data:image/png;base64,PD9waHAgcGhwaW5mbygpOw=="
        ));
        assert!(!is_data_image(b"data:image/png;base64,iVBO' or 1=1"));
    }
}
