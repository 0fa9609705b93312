//! Cross-site scripting by the grammar of HTML and JavaScript: elements that browsers would open,
//! attributes they would run, URLs they would execute, expressions that only code contains.

mod script;
mod tag;

use super::{Hit, Text};
use crate::waf::Part;

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "<",
    "on",
    "script",
    "document",
    "window",
    "alert",
    "prompt",
    "confirm",
    "eval",
    "constructor",
    "location",
    "data:",
    "expression",
    "[]",
    "![",
    "fromcharcode",
    "atob",
    "settimeout",
    "setinterval",
    "function",
    "self[",
    "top[",
    "this[",
    "import(",
    "fetch(",
    "localstorage",
    "globalthis",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part == Part::File {
        return;
    }
    tag::detect(text.lower, hits);
    script::detect(text.lower, hits);
}
