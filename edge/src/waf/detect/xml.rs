//! XML that declares entities or loads documents, wherever it stands.

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::xml as rules;
use crate::waf::scan::{find, span};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &["<!doctype", "<!entity"];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part != Part::File {
        document_types(text.lower, hits);
    }
}

/// Document types that declare entities or load something from outside.
fn document_types(text: &[u8], hits: &mut Vec<Hit>) {
    if let Some(start) = find(text, b"<!entity", 0) {
        hits.push(Hit::new(&rules::ENTITY, start, start + 8));
    } else if let Some(start) = find(text, b"<!doctype", 0) {
        let head = span(text, start, start + 300);
        // HTML 4 and XHTML name W3C's own; everything else is fetched from where the client says.
        let is_external = [&b" system "[..], b" system\"", b" public "]
            .iter()
            .any(|kind| find(head, kind, 0).is_some());
        if is_external
            && find(head, b"//w3c//dtd", 0).is_none()
            && find(head, b"about:legacy-compat", 0).is_none()
        {
            hits.push(Hit::new(&rules::EXTERNAL, start, start + 9));
        }
    }
}
