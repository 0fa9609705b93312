//! Corpora: one JSON object per line, either a text to be placed or a whole request.
//!
//! `{"class": "sqli", "text": "' or 1=1--", "only": ["query"], "source": "own"}` or
//! `{"class": "xxe", "request": {"method", "target", "headers": [["name", "value"]], "body" or
//! "body_base64"}, "source": "own"}`. Files lie below a folder named `attacks` or `honest`.

use super::{
    message::Message,
    place::{Encoding, Place},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Whether the firewall ought to stop what a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It ought to.
    Attacks,
    /// It ought not.
    Honest,
}

/// One line of a corpus.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Attack class, or kind of honest text.
    pub class: String,
    /// What it holds.
    pub content: Content,
}

/// What one line holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// A text, and the places where it makes sense.
    Text(String, Vec<Place>),
    /// A whole request.
    Request(Message),
}

/// Which requests are made of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spread {
    /// One: in the first of its places, as it stands.
    #[default]
    First,
    /// One per place, as it stands.
    Places,
    /// One per place and encoding.
    Encodings,
}

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadEntry {
    /// Not an object of the format.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The request within is none.
    #[error(transparent)]
    Message(#[from] super::message::BadMessage),
    /// Not exactly one of `text` and `request`.
    #[error("must have one of `text` and `request`")]
    Content,
    /// `body_base64` is not base64.
    #[error("body_base64: {0}")]
    Base64(#[from] base64::DecodeError),
}

#[derive(Deserialize)]
struct Line {
    class: String,
    text: Option<String>,
    request: Option<Sent>,
    only: Option<Vec<Place>>,
}

#[derive(Deserialize)]
struct Sent {
    #[serde(default = "Sent::get")]
    method: String,
    target: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

impl Sent {
    fn get() -> String {
        "GET".to_owned()
    }

    fn message(self) -> Result<Message, BadEntry> {
        let mut message = Message::new(&self.method, &self.target)?;
        for (name, value) in &self.headers {
            message.header(name, value);
        }
        message.body = match self.body_base64 {
            Some(text) => Some(STANDARD.decode(text)?),
            None => self.body.map(String::into_bytes),
        };
        Ok(message)
    }
}

impl Entry {
    /// Reads one line.
    ///
    /// # Errors
    /// [`BadEntry`].
    pub fn parse(line: &str) -> Result<Self, BadEntry> {
        let line: Line = serde_json::from_str(line)?;
        let content = match (line.text, line.request) {
            (Some(text), None) => {
                Content::Text(text, line.only.unwrap_or_else(|| Place::ALL.to_vec()))
            }
            (None, Some(sent)) => Content::Request(sent.message()?),
            _ => return Err(BadEntry::Content),
        };
        Ok(Self {
            class: line.class,
            content,
        })
    }

    /// Its requests, each with how the text was put into it.
    #[must_use]
    pub fn requests(&self, spread: Spread) -> Vec<(String, Message)> {
        match &self.content {
            Content::Request(message) => vec![("request".to_owned(), message.clone())],
            Content::Text(text, places) => {
                let (places, encodings): (&[Place], &[Encoding]) = match spread {
                    Spread::First => (places.get(..1).unwrap_or_default(), &[Encoding::None]),
                    Spread::Places => (places, &[Encoding::None]),
                    Spread::Encodings => (places, &Encoding::ALL),
                };
                let put = |place: &Place, encoding: &Encoding| {
                    let how = format!("{place:?}/{encoding:?}").to_lowercase();
                    (how, place.request(&encoding.apply(text)))
                };
                places
                    .iter()
                    .flat_map(|place| encodings.iter().map(move |e| put(place, e)))
                    .collect()
            }
        }
    }
}

/// Every `.jsonl` file below a path, sorted, and what it holds by its folder's name.
///
/// # Errors
/// A path that cannot be read.
pub fn files(path: &Path) -> io::Result<Vec<(Option<Kind>, PathBuf)>> {
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                open.push(entry?.path());
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            found.push((kind(&path), path));
        }
    }
    found.sort();
    Ok(found)
}

fn kind(path: &Path) -> Option<Kind> {
    path.ancestors()
        .skip(1)
        .find_map(|folder| match folder.file_name()?.to_str()? {
            "attacks" => Some(Kind::Attacks),
            "honest" => Some(Kind::Honest),
            _ => None,
        })
}

/// The entries of one file; a faulty line is named.
///
/// # Errors
/// The file cannot be read, or a line is faulty.
pub fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let named = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = fs::read_to_string(path).map_err(|why| named(&why))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            Entry::parse(line).map_err(|why| format!("{}:{}: {why}", path.display(), index + 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_texts_and_requests() {
        let text =
            Entry::parse(r#"{"class":"sqli","text":"a","only":["form","query"],"source":"own"}"#);
        let text = text.unwrap();
        assert_eq!(text.requests(Spread::First).len(), 1);
        assert_eq!(text.requests(Spread::Places).len(), 2);
        let all = text.requests(Spread::Encodings);
        assert_eq!(all.len(), 12);
        assert_eq!(all[0].0, "form/none");

        let request = r#"{"class":"x","request":{"target":"/a?b","headers":[["A","b"]],"body_base64":"AAE="}}"#;
        let request = &Entry::parse(request).unwrap().requests(Spread::Encodings)[0].1;
        assert_eq!(request.method, "GET");
        assert_eq!(request.find("a"), Some("b"));
        assert_eq!(request.body.as_deref(), Some(&[0, 1][..]));
    }

    #[test]
    fn refuses_what_is_neither() {
        for line in [
            "{}",
            r#"{"class":"a"}"#,
            r#"{"class":"a","text":"a","request":{"target":"/"}}"#,
            r#"{"class":"a","text":"a","only":["nowhere"]}"#,
            r#"{"class":"a","request":{"target":"x"}}"#,
            r#"{"class":"a","request":{"target":"/","body_base64":"?"}}"#,
        ] {
            assert!(Entry::parse(line).is_err(), "{line}");
        }
    }
}
