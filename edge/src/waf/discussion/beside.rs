//! Files that code names near the program's own.

use super::SEVERE;
use super::idiom::HOSTILE_QUERY;
use crate::waf::detect::Hit;
use crate::waf::scan::{Needles, at, span, trim};

/// Most steps up to a file of the same project.
const MAX_STEPS: usize = 3;
/// What names a file beside the program's own.
static BESIDE: Needles<'static> = Needles::new(&[
    b"__dirname",
    b"__dir__",
    b"dirname(__file__)",
    b"import.meta.url",
]);

/// `include __dir__ . '/../config.php'`, `readfile(join(__dirname, '../x'))`: a file near the program's
/// own, behind code and a quotation mark, where a path would have to begin.
pub(super) fn opens_own(text: &[u8], hit: &Hit) -> bool {
    let steps = text.windows(3).filter(|step| step == b"../").count();
    if steps > MAX_STEPS || SEVERE.find(text, 0).is_some() {
        return false;
    }
    let lead = span(text, 0, hit.start);
    let lead = lead.strip_suffix(b"/").unwrap_or(lead);
    let code = lead.strip_suffix(b"'").or_else(|| lead.strip_suffix(b"\""));
    let is_quoted = code.is_some_and(|code| {
        at(text, 0).is_ascii_alphabetic()
            && trim(code).len() > 3
            && (matches!(trim(code).last(), Some(b'(' | b'=' | b','))
                || trim(code).len() < code.len())
    });
    if hit.rule.id == "code-001" {
        BESIDE.find(text, 0).is_some() || opens_table(text)
    } else {
        is_quoted
    }
}

/// `open('../data/x.csv')`, `readFileSync('./package.json')`: the only file is one of data, near the program's own.
pub(super) fn opens_table(text: &[u8]) -> bool {
    let mut parts = text
        .split(|byte| matches!(byte, b'\'' | b'"'))
        .skip(1)
        .step_by(2);
    let is_near = |part: &[u8]| part.starts_with(b"./") || part.starts_with(b"../");
    let mut files = parts.clone().filter(|part| part.contains(&b'/'));
    files.next().is_some()
        && parts.all(|part| {
            !part.contains(&b'/')
                || is_near(part)
                    && !part.contains(&b'$')
                    && [&b".csv"[..], b".json", b".xlsx"]
                        .iter()
                        .any(|end| part.ends_with(end))
        })
        && HOSTILE_QUERY.find(text, 0).is_none()
}
