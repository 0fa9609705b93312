//! JavaScript in text: what runs where it stands. A call in the middle of a sentence cannot, since
//! two words side by side are a syntax error; the same call after a quote and an operator does.

mod call;
mod context;
mod hidden;
mod object;

pub(super) use self::context::is_keyword;
pub(super) use self::hidden::SIGNS as HIDDEN;
pub(super) use self::object::assigns_own_page;

use self::context::Context;
use crate::waf::detect::{Hit, Hits};
use crate::waf::meter::price;
use crate::waf::rules::html as rules;
use crate::waf::scan::{at, before, is_space, is_word, skip_while, span, trim, word, word_before};

/// Finds code.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    let mut context = Context::new(text);
    let mut index = 0;
    while index < text.len() {
        if !is_word(at(text, index)) {
            index += context.punctuation(text, index);
            continue;
        }
        let name = word(text, index);
        let end = index + name.len();
        if call::is_known(name) {
            let is_strong = call::is_strong(name);
            let price = if is_strong {
                price::STRONG
            } else {
                price::KNOWN
            };
            if !hits.meter.pays(price) {
                return;
            }
        }
        if call::runs(text, index, name, &context) {
            hits.push(Hit::new(&rules::CALL, index, end + 1));
        } else if object::is_reached(text, index, name, &context) {
            hits.push(Hit::new(&rules::DOM, index, end + 10));
        } else if object::is_indexed(text, index, name) {
            hits.push(Hit::new(&rules::OBFUSCATED, index, end + 1));
        }
        context.word(text, index, name);
        index = end;
    }
    hidden::detect(text, hits);
}

/// Whether the value of a handler or of a script URL is code and not prose: something is called,
/// assigned or divided into statements without a space in between.
pub(super) fn is_code(value: &[u8]) -> bool {
    let value = trim(value);
    for index in 1..value.len() {
        let previous = before(value, index);
        let is_code = match at(value, index) {
            b'(' | b'`' | b'[' => is_word(previous) || matches!(previous, b')' | b']'),
            b'=' => is_word(previous) && at(value, index + 1) != b' ',
            b';' => {
                is_word(at(value, skip_while(value, index + 1, is_space)))
                    && span(value, 0, index).iter().all(|byte| is_word(*byte))
            }
            b'/' => at(value, index + 1) == b'/' && previous != b':',
            _ => false,
        };
        if is_code {
            return true;
        }
    }
    value.starts_with(b"//")
}

/// Whether code names what attacks reach for.
pub(super) fn is_hostile(code: &[u8]) -> bool {
    let mut index = 0;
    while index < code.len() {
        let name = word(code, index);
        let end = index + name.len();
        let is_called = matches!(at(code, end), b'(' | b'`' | b')' | b'.' | b'?');
        let is_strong = call::is_strong(name) && is_called;
        let is_object = matches!(
            name,
            b"document" | b"window" | b"location" | b"localstorage"
        ) && matches!(at(code, end), b'.' | b'[' | b'=');
        if is_strong || is_object || name == b"fromcharcode" {
            return true;
        }
        index = end + usize::from(name.is_empty());
    }
    false
}

/// `window.alert`: the object before a member.
fn object_before(text: &[u8], index: usize) -> &[u8] {
    word_before(text, index.saturating_sub(1))
}
