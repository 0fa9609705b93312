//! The head of one part: its names, its type, and whether it is a file.

use super::super::magic;
use crate::waf::field::Sink;
use crate::waf::scan::at;
use crate::waf::{Part, body, rules};

/// What the head says.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) encoding: Option<Encoding>,
    /// `filename` as every parser reads it.
    file_name: String,
    /// Every other name: a second one, or `filename*` (RFC 8187).
    other_names: Vec<String>,
    other_file_names: Vec<String>,
    /// Headers besides `Content-Disposition`.
    headers: Vec<(String, String)>,
    dispositions: usize,
    /// Whether every line ends as RFC 5322 demands.
    is_strict: bool,
}

/// `Content-Transfer-Encoding` (deprecated by RFC 7578 §4.7, still undone by frameworks).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Base64,
    QuotedPrintable,
}

impl Head {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let bare = text.matches('\n').count() - text.matches("\r\n").count();
        let mut head = Self {
            // The last line's own feed belongs to the gap.
            is_strict: bare == 0 && (text.is_empty() || text.ends_with('\r')),
            ..Self::default()
        };
        // A line that starts with white space continues the one before it.
        let unfolded = text
            .replace("\r\n", "\n")
            .replace("\n ", " ")
            .replace("\n\t", " ");
        for line in unfolded.lines() {
            let (name, value) = line.split_once(':').unwrap_or(("", line));
            head.header(&name.trim().to_ascii_lowercase(), value.trim());
        }
        head
    }

    fn header(&mut self, name: &str, value: &str) {
        match name {
            "content-disposition" => {
                self.dispositions += 1;
                self.disposition(value);
            }
            "content-transfer-encoding" => {
                self.encoding = match value.to_ascii_lowercase().as_str() {
                    "base64" => Some(Encoding::Base64),
                    "quoted-printable" => Some(Encoding::QuotedPrintable),
                    _ => self.encoding,
                };
            }
            _ => self.headers.push((name.to_owned(), value.to_owned())),
        }
    }

    fn disposition(&mut self, value: &str) {
        let mut rest = value;
        while let Some((before, after)) = rest.split_once('=') {
            let key = before
                .trim_end()
                .rsplit([';', ' ', '\t', '"'])
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            let (value, next) = parameter(after);
            match key.as_str() {
                "name" if self.name.is_empty() => self.name = value,
                "filename" if self.file_name.is_empty() => self.file_name = value,
                "name" | "name*" => self.other_names.push(value),
                _ if key.starts_with("filename") => self.other_file_names.push(value),
                _ => {}
            }
            rest = next;
        }
    }

    /// Whether every parser takes the part for a file.
    pub(super) const fn is_file(&self) -> bool {
        !self.file_name.is_empty() && self.is_strict && self.dispositions == 1
    }

    /// Hands over all that the head says.
    pub(super) fn tell(&self, sink: &mut impl Sink) {
        if self.dispositions > 1 || !self.other_names.is_empty() {
            sink.broken(
                &rules::protocol::MULTIPART,
                Part::Body,
                "multipart part with two names",
            );
        }
        for name in [&self.name].into_iter().chain(&self.other_names) {
            sink.field(Part::MultipartName, &self.name, name.as_bytes());
        }
        let files = [&self.file_name].into_iter().chain(&self.other_file_names);
        for file in files.filter(|file| !file.is_empty()) {
            if file.contains('`') || file.contains("$(") || file.contains('<') {
                sink.broken(&rules::upload::NAME, Part::FileName, "file name with code");
            }
            sink.field(Part::FileName, &self.name, file.as_bytes());
        }
        for (name, value) in &self.headers {
            if name == "content-type" && !self.is_file() && body::hides_text(value) {
                sink.broken(
                    &rules::protocol::CHARSET,
                    Part::Body,
                    "charset that hides text",
                );
            }
            sink.field(Part::HeaderValue, name, value.as_bytes());
        }
    }

    /// Hands over the first bytes of a file.
    pub(super) fn file(&self, content: &[u8], sink: &mut impl Sink) {
        magic::read(
            self.content_type(),
            &self.file_name,
            &self.name,
            content,
            sink,
        );
    }

    /// Whether all of the file is to be read as XML.
    pub(super) fn is_xml(&self) -> bool {
        self.is_file() && magic::is_xml(self.content_type(), &self.file_name)
    }

    fn content_type(&self) -> &str {
        let named = |(name, _): &&(String, String)| name == "content-type";
        self.headers
            .iter()
            .find(named)
            .map_or("", |(_, value)| value)
    }
}

impl Encoding {
    pub(super) fn decode(encoding: Option<Self>, text: &[u8]) -> Option<Vec<u8>> {
        match encoding? {
            // Joined lines are enough: base64 is undone where a whole value is that.
            Self::Base64 => Some(
                text.iter()
                    .copied()
                    .filter(|byte| !byte.is_ascii_whitespace())
                    .collect(),
            ),
            Self::QuotedPrintable => Some(quoted_printable(text)),
        }
    }
}

/// RFC 2045 §6.7; what is no escape stays.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut index = 0;
    while index < text.len() {
        let (first, second) = (at(text, index + 1), at(text, index + 2));
        index += match (at(text, index), hex_byte(first, second)) {
            (b'=', Some(byte)) => {
                out.push(byte);
                3
            }
            (b'=', None) if (first, second) == (b'\r', b'\n') => 3,
            (b'=', None) if first == b'\n' => 2,
            (byte, _) => {
                out.push(byte);
                1
            }
        };
    }
    out
}

fn hex_byte(first: u8, second: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(first)? * 16 + digit(second)?).ok()
}

/// A parameter's value, quoted or bare, and what follows it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.trim_start().strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, next) = text.split_at(end);
        return (value.trim().to_owned(), next);
    };
    let mut escaped = false;
    for (index, character) in quoted.char_indices() {
        match character {
            '"' if !escaped => {
                let (value, next) = quoted.split_at(index);
                return (
                    value.replace("\\\"", "\""),
                    next.get(1..).unwrap_or_default(),
                );
            }
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    (quoted.to_owned(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_in_every_spelling() {
        let head =
            Head::read(b"Content-Disposition: form-data; name=\"a;b=c\"; filename*=UTF-8''x.php\r");
        assert_eq!(head.name, "a;b=c");
        assert_eq!(head.other_file_names, ["UTF-8''x.php"]);
        let head =
            Head::read(b"content-disposition: form-data;\r\n name=\"a\\\"b\"; FileName = x.txt\r");
        assert_eq!(
            (head.name.as_str(), head.file_name.as_str()),
            ("a\"b", "x.txt")
        );
        assert!(head.is_file());
    }
}
