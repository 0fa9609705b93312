//! Question and answer between the Worker and the Guard object, as short texts:
//! one string each way costs less than an object or a body.

use super::{Answer, Standing};
use crate::policy::Class;
use std::fmt::Write;

/// Which classes a request is counted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// In the order of the route.
    pub classes: Vec<AskedClass>,
}

/// A class as the object needs it. The object itself knows no policy, so that
/// both need not be deployed at the same instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedClass {
    /// Its name: a word of letters, digits, `-` and `_`.
    pub name: String,
    /// Admissions in any window.
    pub limit: u32,
    /// The window.
    pub window_s: u32,
    /// Whether the window must survive eviction.
    pub strict: bool,
}

/// A text that is neither question nor answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed Guard message")]
pub struct BadMessage;

impl AskedClass {
    /// The window in milliseconds.
    #[must_use]
    pub fn window_ms(&self) -> u64 {
        u64::from(self.window_s) * 1000
    }
}

impl From<&Class> for AskedClass {
    fn from(class: &Class) -> Self {
        Self {
            name: class.name.clone(),
            limit: class.limit,
            window_s: class.window_s,
            strict: class.strict,
        }
    }
}

impl Ask {
    /// `name:limit:window_s:strict` per class, joined by commas.
    #[must_use]
    pub fn to_text(&self) -> String {
        let class = |c: &AskedClass| {
            format!(
                "{}:{}:{}:{}",
                c.name,
                c.limit,
                c.window_s,
                u8::from(c.strict)
            )
        };
        self.classes.iter().map(class).collect::<Vec<_>>().join(",")
    }

    /// Reads what [`Ask::to_text`] wrote.
    ///
    /// # Errors
    /// [`BadMessage`].
    pub fn parse(text: &str) -> Result<Self, BadMessage> {
        let classes = text.split(',').map(parse_class).collect::<Option<Vec<_>>>();
        classes.map(|classes| Self { classes }).ok_or(BadMessage)
    }
}

fn parse_class(text: &str) -> Option<AskedClass> {
    let mut parts = text.split(':');
    let class = AskedClass {
        name: parts.next().filter(|name| !name.is_empty())?.to_owned(),
        limit: parts.next()?.parse().ok()?,
        window_s: parts.next()?.parse().ok()?,
        strict: match parts.next()? {
            "0" => false,
            "1" => true,
            _ => return None,
        },
    };
    parts.next().is_none().then_some(class)
}

impl Answer {
    /// `1` or `0`, then `,remaining:reset_ms` per class.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = u8::from(self.admitted).to_string();
        for standing in &self.standings {
            // Writing to a `String` cannot fail.
            let _ = write!(text, ",{}:{}", standing.remaining, standing.reset_ms);
        }
        text
    }

    /// Reads the answer to a question about `count` classes.
    ///
    /// # Errors
    /// [`BadMessage`], also when it speaks of more or fewer classes.
    pub fn parse(text: &str, count: usize) -> Result<Self, BadMessage> {
        let mut parts = text.split(',');
        let admitted = match parts.next() {
            Some("0") => false,
            Some("1") => true,
            _ => return Err(BadMessage),
        };
        let standing = |part: &str| {
            let (remaining, reset_ms) = part.split_once(':')?;
            Some(Standing {
                remaining: remaining.parse().ok()?,
                reset_ms: reset_ms.parse().ok()?,
            })
        };
        let standings = parts
            .map(standing)
            .collect::<Option<Vec<_>>>()
            .ok_or(BadMessage)?;
        if standings.len() != count {
            return Err(BadMessage);
        }
        Ok(Self {
            admitted,
            standings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Ask, BadMessage};

    #[test]
    fn refuses_other_texts() {
        for text in [
            "",
            "login",
            "login:5:60",
            "login:5:60:2",
            "login:5:60:1:1",
            ":5:60:1",
            "a:-1:60:0",
        ] {
            assert_eq!(Ask::parse(text), Err(BadMessage), "{text}");
        }
        for text in ["", "2,1:1", "1,x:1", "1,1", "1,1:1,2:2"] {
            assert_eq!(Answer::parse(text, 1), Err(BadMessage), "{text}");
        }
    }

    #[test]
    fn wire_format_unchanged() {
        let ask = Ask::parse("login:5:60:1,general:100:60:0").unwrap();
        assert_eq!(ask.classes[0].window_ms(), 60_000);
        assert!(ask.classes[0].strict && !ask.classes[1].strict);
        assert_eq!(ask.to_text(), "login:5:60:1,general:100:60:0");
        let answer = Answer::parse("0,0:50000,94:7", 2).unwrap();
        assert!(!answer.admitted);
        assert_eq!(answer.to_text(), "0,0:50000,94:7");
    }
}
