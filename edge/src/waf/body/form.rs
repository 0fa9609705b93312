//! `application/x-www-form-urlencoded`, also the syntax of queries.

use super::Bounds;
use super::window::Window;
use crate::waf::field::Sink;
use crate::waf::{Part, decode, rules};

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
    let mut form = Form::new(name_part, value_part, Bounds::WHOLE);
    form.push(text, sink);
    form.finish(sink);
}

/// A reader of forms that pass in pieces.
#[derive(Debug)]
pub(super) struct Form {
    name_part: Part,
    value_part: Part,
    bounds: Bounds,
    /// The name, then the value of the pair that is being read.
    pair: Window,
    /// The decoded name once its `=` was read.
    name: Option<String>,
    fields: usize,
    /// The text from the first value on. An unencoded ampersand cuts an attack in two
    /// (`1 && 1=1`, `a=1 & whoami`): when a pair is none that a form would send, this is read too.
    joined: Window,
    has_value: bool,
    starts_bare: bool,
    is_odd: bool,
}

impl Form {
    pub(super) const fn new(name_part: Part, value_part: Part, bounds: Bounds) -> Self {
        Self {
            name_part,
            value_part,
            bounds,
            pair: Window::new(bounds.window),
            name: None,
            fields: 0,
            joined: Window::new(bounds.window),
            has_value: false,
            starts_bare: false,
            is_odd: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        let mut rest = bytes;
        while !rest.is_empty() && self.fields <= self.bounds.fields && !sink.is_full() {
            let is_end = |byte: u8| byte == b'&' || (byte == b'=' && self.name.is_none());
            let length = rest
                .iter()
                .position(|byte| is_end(*byte))
                .unwrap_or(rest.len());
            let (run, after) = rest.split_at(length);
            self.extend(run, sink);
            if let Some((end, after)) = after.split_first() {
                self.join(&[*end], sink);
                if *end == b'&' {
                    self.first_without_value();
                    self.end_pair(sink);
                } else {
                    self.end_name(sink);
                }
                rest = after;
            } else {
                rest = after;
            }
        }
    }

    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        self.end_pair(sink);
        let (part, is_odd) = (self.value_part, self.is_odd);
        self.joined.end(|text, _| {
            if is_odd {
                sink.field(part, "", &decode::form(text));
            }
        });
    }

    fn extend(&mut self, run: &[u8], sink: &mut impl Sink) {
        self.join(run, sink);
        let (part, name) = match &self.name {
            Some(name) => (self.value_part, name.as_str()),
            None => (self.name_part, ""),
        };
        self.pair
            .extend(run, |raw| sink.field(part, name, &decode::form(raw)));
    }

    fn join(&mut self, run: &[u8], sink: &mut impl Sink) {
        if !self.has_value {
            return;
        }
        let (part, is_odd) = (self.value_part, self.is_odd);
        self.joined.extend(run, |text| {
            if is_odd {
                sink.field(part, "", &decode::form(text));
            }
        });
    }

    /// A text that starts without any `=` is read from its start.
    fn first_without_value(&mut self) {
        if !self.has_value && self.name.is_none() && !self.pair.held().is_empty() {
            self.joined.extend(self.pair.held(), |_| {});
            self.joined.extend(b"&", |_| {});
            self.has_value = true;
            self.starts_bare = true;
        }
    }

    fn end_name(&mut self, sink: &mut impl Sink) {
        self.is_odd |= self.has_value && !is_name(self.pair.held());
        self.has_value = true;
        self.name_read(sink);
    }

    fn name_read(&mut self, sink: &mut impl Sink) {
        let part = self.name_part;
        let mut name = String::new();
        self.pair.end(|raw, _| {
            let decoded = decode::form(raw);
            name = String::from_utf8_lossy(&decoded).into_owned();
            sink.field(part, &name, &decoded);
            // `id[1' or sleep(4)#]`: what a framework takes for the key within.
            let key = name
                .split_once('[')
                .map(|(_, key)| key.trim_end_matches(']'));
            if let Some(key) = key.filter(|key| !key.is_empty() && !is_name(key.as_bytes())) {
                sink.field(part, &name, key.as_bytes());
            }
        });
        self.name = Some(name);
    }

    fn end_pair(&mut self, sink: &mut impl Sink) {
        let is_empty = self.name.is_none() && self.pair.held().is_empty();
        if self.name.is_none() {
            // Between two ampersands, or the tail of a cut attack.
            self.is_odd |= self.has_value && !std::mem::take(&mut self.starts_bare);
            if is_empty {
                return;
            }
            self.name_read(sink);
        }
        let (part, name) = (self.value_part, self.name.take().unwrap_or_default());
        self.pair
            .end(|raw, _| sink.field(part, &name, &decode::form(raw)));
        self.fields += 1;
        if self.fields > self.bounds.fields {
            sink.broken(&rules::protocol::FIELDS, part, "too many form fields");
        }
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
