//! `[edge]`: where the gate is, for what the origin tells it by itself.

use super::reader::Section;
use std::path::{Path, PathBuf};

const EXPECTED: &str = "must be http(s)://host[:port], or empty";

/// The gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// `url`: scheme and authority, lower case; `None` when it is not told anything.
    pub url: Option<EdgeUrl>,
}

/// Scheme and authority of the gate, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeUrl {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host and, unless it is the scheme's own, port (RFC 9421 §2.2.3).
    pub authority: String,
    /// `ca_file`: authorities in the place of the public ones, PEM.
    pub ca_file: Option<PathBuf>,
}

impl Edge {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let url = |text: &str| match text {
            "" => Some(None),
            _ => EdgeUrl::parse(text).map(Some),
        };
        let url = section.parsed("url", "", EXPECTED, url).flatten();
        let ca_file = section.optional("ca_file", "must be a file", |text| Some(text.into()));
        Self {
            url: url.map(|url| EdgeUrl { ca_file, ..url }),
        }
    }

    /// Counts a relative path from `folder`.
    pub(super) fn anchor(&mut self, folder: &Path) {
        if let Some(url) = &mut self.url {
            url.ca_file = url.ca_file.take().map(|file| folder.join(file));
        }
    }
}

impl EdgeUrl {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.trim_end_matches('/').split_once("://")?;
        let (scheme, own_port) = match scheme {
            "http" => ("http", ":80"),
            "https" => ("https", ":443"),
            _ => return None,
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
        if authority.is_empty() || !authority.bytes().all(plain) {
            return None;
        }
        let authority = authority.to_ascii_lowercase();
        Some(Self {
            scheme,
            authority: authority
                .strip_suffix(own_port)
                .unwrap_or(&authority)
                .to_owned(),
            ca_file: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::EdgeUrl;

    #[test]
    fn names_the_gate_as_the_seal_does() {
        let authority = |text: &str| EdgeUrl::parse(text).map(|url| url.authority);
        assert_eq!(
            authority("https://App.example:443/"),
            Some("app.example".into())
        );
        assert_eq!(
            authority("http://127.0.0.1:8787"),
            Some("127.0.0.1:8787".into())
        );
        for bad in [
            "app.example",
            "ftp://a",
            "https://",
            "https://a/b",
            "https://u@h",
        ] {
            assert_eq!(authority(bad), None, "{bad}");
        }
    }
}
