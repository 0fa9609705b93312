//! File names of uploads that a server might run.

use super::{Hit, Text};
use crate::waf::Part;
use crate::waf::rules::code as rules;
use crate::waf::scan::word;

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &["."];

const RUNS: &[&[u8]] = &[
    b"php",
    b"php3",
    b"php4",
    b"php5",
    b"php7",
    b"php8",
    b"phtml",
    b"phar",
    b"pht",
    b"phps",
    b"asp",
    b"aspx",
    b"ashx",
    b"asmx",
    b"asa",
    b"jsp",
    b"jspx",
    b"jspf",
    b"war",
    b"cgi",
    b"pl",
    b"sh",
    b"bash",
    b"exe",
    b"dll",
    b"bat",
    b"cmd",
    b"ps1",
    b"vbs",
    b"scr",
    b"msi",
    b"hta",
    b"htaccess",
    b"htpasswd",
    b"cfm",
    b"shtml",
    b"stm",
    b"svgz",
];

/// Headers that carry the name of an upload.
const NAME_HEADERS: &[&str] = &[
    "x-filename",
    "x_filename",
    "x-file-name",
    "x.filename",
    "content-disposition",
];

/// Names the rule when any ending of the name would run.
pub(super) fn detect(text: &Text<'_>, hits: &mut Vec<Hit>) {
    let is_name_header = text.part == Part::HeaderValue && NAME_HEADERS.contains(&text.name);
    if text.part != Part::FileName && !is_name_header {
        return;
    }
    // Apache runs `x.php.jpg` and Windows drops what follows `;`, `:` and spaces.
    let runs = |ending: &[u8]| RUNS.contains(&word(ending, 0));
    if text.lower.split(|byte| *byte == b'.').skip(1).any(runs) {
        hits.push(Hit::new(&rules::UPLOAD_NAME, 0, text.lower.len()));
    }
}
