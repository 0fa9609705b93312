//! `application/x-www-form-urlencoded`, also the syntax of queries.

use crate::waf::field::Sink;
use crate::waf::scan::from;
use crate::waf::{Part, decode, rules};

/// Most pairs read; more is a finding.
pub(in crate::waf) const MAX_FIELDS: usize = 1000;

/// Raw names and values. `&` separates; `;` does not, as in every framework of today.
pub(in crate::waf) fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = halves.next().unwrap_or_default();
            (name, halves.next().unwrap_or_default())
        })
}

/// Hands names and values, decoded once, to the sink.
pub(in crate::waf) fn read(text: &[u8], name_part: Part, value_part: Part, sink: &mut impl Sink) {
    for (count, (raw_name, raw_value)) in pairs(text).enumerate() {
        if count >= MAX_FIELDS {
            return sink.broken(
                &rules::protocol::FIELDS,
                value_part,
                "more than 1000 fields",
            );
        }
        if sink.is_full() {
            return;
        }
        let name_bytes = decode::form(raw_name);
        let name = String::from_utf8_lossy(&name_bytes);
        sink.field(name_part, &name, &name_bytes);
        sink.field(value_part, &name, &decode::form(raw_value));
    }
    // An unencoded ampersand cuts an attack (`1 && 1=1`, `a=1 & whoami`) in two: join what follows.
    split_attack(text, value_part, sink);
}

/// The text from the first value on, when a later pair is none that a form would send.
fn split_attack(text: &[u8], part: Part, sink: &mut impl Sink) {
    let is_pair = |pair: &[u8]| {
        pair.contains(&b'=') && pair.split(|byte| *byte == b'=').next().is_some_and(is_name)
    };
    if !text.split(|byte| *byte == b'&').skip(1).all(is_pair) {
        let start = text
            .iter()
            .position(|byte| *byte == b'=')
            .map_or(0, |equals| equals + 1);
        sink.field(part, "", &decode::form(from(text, start)));
    }
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'_' | b'-' | b'.' | b'[' | b']' | b'%' | b'$' | b':' | b'~'
                )
        })
}

/// Whether a body without a type looks like a form: every pair has a name without white space.
pub(super) fn is_plausible(text: &[u8]) -> bool {
    text.contains(&b'=') && pairs(text).take(4).all(|(name, _)| is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_pairs_and_keeps_later_equals_signs() {
        let read: Vec<_> = pairs(b"a=1&&b=x=y&c").collect();
        assert_eq!(read, [(&b"a"[..], &b"1"[..]), (b"b", b"x=y"), (b"c", b"")]);
    }

    #[test]
    fn prose_is_no_form() {
        assert!(!is_plausible(b"one fish = two fish"));
        assert!(is_plausible(b"user[name]=x&b=2"));
    }
}
