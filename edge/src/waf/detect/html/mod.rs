//! Cross-site scripting by the grammar of HTML and JavaScript: elements that browsers would open,
//! attributes they would run, URLs they would execute, expressions that run where they stand.

mod attribute;
mod element;
mod event;
mod script;
mod style;
mod tag;
mod url;

use super::{Hit, Text};
use crate::waf::Part;

/// Without one of these nothing here can fire. Event attributes outside a tag count by known names
/// alone, and few words of prose hold their beginnings.
pub(super) const TRIGGERS: &[&str] = &[
    "<",
    "script",
    "vbs:",
    "document",
    "window",
    "alert",
    "prompt",
    "confirm",
    "eval",
    "constructor",
    "data:",
    "expression(",
    "expr/*",
    "-moz-binding",
    "srcdoc",
    "formaction",
    "[]",
    "fromcharcode",
    "atob",
    "settimeout",
    "setinterval",
    "function",
    "self[",
    "top[",
    "this[",
    "parent[",
    "frames[",
    "location",
    "import(",
    "fetch(",
    "open(",
    "print(",
    "storage.",
    "globalthis",
    "globaleval",
    ".source+",
    "hasinstance",
    "new image",
    "throw ",
    "$event.",
    "orderby:",
    "onab",
    "onac",
    "onaf",
    "onan",
    "onap",
    "onau",
    "onbe",
    "onbl",
    "onbo",
    "onca",
    "onch",
    "oncl",
    "onco",
    "oncu",
    "ondb",
    "onde",
    "ondr",
    "ondu",
    "onem",
    "onen",
    "oner",
    "onfi",
    "onfo",
    "onfu",
    "onge",
    "ongo",
    "onha",
    "onin",
    "onke",
    "onla",
    "onlo",
    "onme",
    "onmo",
    "onms",
    "onof",
    "onon",
    "onor",
    "onpa",
    "onpl",
    "onpo",
    "onpr",
    "onra",
    "onre",
    "onsc",
    "onse",
    "onsh",
    "onsl",
    "onsn",
    "onst",
    "onsu",
    "onti",
    "onto",
    "ontr",
    "onun",
    "onvo",
    "onwa",
    "onwe",
    "onwh",
    "onzo",
];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    if text.part == Part::File {
        return;
    }
    element::detect(text.lower, text.part.is_name(), hits);
    attribute::detect(text.lower, hits);
    style::detect(text.lower, hits);
    url::detect(text.lower, hits);
    script::detect(text.lower, hits);
}
