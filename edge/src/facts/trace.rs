//! W3C Trace Context (`traceparent`, level 1): continued when valid, started otherwise.

use gapura_shared::ids::{RequestId, hex};

/// The `traceparent` that the gate passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext(String);

impl TraceContext {
    /// Continues `sent` with the gate's own span, or starts a trace. A caller's
    /// sampling flag is kept only as part of a trace that is valid as a whole.
    #[must_use]
    pub fn continued(sent: Option<&str>, trace_id: [u8; 16], span_id: [u8; 8]) -> Self {
        let span = hex(&span_id);
        match sent.and_then(parse) {
            Some((trace, sampled)) => Self(format!("00-{trace}-{span}-0{}", u8::from(sampled))),
            None => Self(format!("00-{}-{span}-00", hex(&trace_id))),
        }
    }

    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The trace id and the sampled flag of a version 00 header (§3.2).
fn parse(value: &str) -> Option<(&str, bool)> {
    let mut parts = value.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let digits = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let span_ok = span.len() == 16 && digits(span) && span.bytes().any(|b| b != b'0');
    let valid = version == "00"
        && parts.next().is_none()
        && RequestId::parse(trace).is_ok()
        && span_ok
        && flags.len() == 2
        && digits(flags);
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    valid.then_some((trace, sampled))
}

#[cfg(test)]
mod tests {
    use super::TraceContext;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn continued(sent: Option<&str>) -> String {
        TraceContext::continued(sent, [1; 16], [2; 8])
            .as_str()
            .to_owned()
    }

    #[test]
    fn starts_a_trace_when_the_sent_one_is_not_valid() {
        let started = format!("00-{}-{}-00", "01".repeat(16), "02".repeat(8));
        for sent in [
            None,
            Some(""),
            Some("00-x"),
            Some(&VALID.replace("4bf9", "4BF9")),
            Some(&VALID.replace("00-4b", "ff-4b")),
            Some(&format!("{VALID}-extra")),
            Some("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
            Some("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
        ] {
            assert_eq!(continued(sent), started, "{sent:?}");
        }
    }

    #[test]
    fn continues_a_valid_trace_with_its_own_span() {
        assert_eq!(
            continued(Some(VALID)),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0202020202020202-01"
        );
    }
}
