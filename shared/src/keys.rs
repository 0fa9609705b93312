//! Keys by id, those of the seal and those of encrypted fields. Two are live during a rotation:
//! the first one makes, both read.

use crate::{
    limits::{MAX_KEY_BYTES, MIN_KEY_BYTES},
    secret::Secret,
};

/// One or two keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    current: (String, Secret),
    previous: Option<(String, Secret)>,
}

/// Why a text does not hold keys. Never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// Not `id:key` or `id:key,id:key`.
    #[error("keys are written `id:key` or `id:key,id:key`, the current one first")]
    Form,
    /// An id that is empty, longer than 32, or not of letters, digits, `-` and `_`.
    #[error("the id of a key has 1 to 32 letters, digits, `-` or `_`")]
    Id,
    /// Not base64url, too short or too long.
    #[error("a key is base64url without padding of {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes")]
    Key,
    /// The same id twice.
    #[error("the two keys need different ids")]
    SameId,
}

impl Keys {
    /// Reads `id:key` or `id:key,id:key`, keys in unpadded base64url.
    ///
    /// # Errors
    /// [`BadKeys`].
    pub fn parse(text: &str) -> Result<Self, BadKeys> {
        let mut keys = text.trim().split(',').map(parse_one);
        let current = keys.next().ok_or(BadKeys::Form)??;
        let previous = keys.next().transpose()?;
        if keys.next().is_some() {
            return Err(BadKeys::Form);
        }
        if previous.as_ref().is_some_and(|(id, _)| *id == current.0) {
            return Err(BadKeys::SameId);
        }
        Ok(Self { current, previous })
    }

    pub(crate) const fn current(&self) -> (&str, &Secret) {
        (self.current.0.as_str(), &self.current.1)
    }

    pub(crate) fn previous(&self) -> Option<&Secret> {
        self.previous.as_ref().map(|(_, secret)| secret)
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Secret> {
        [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|(known, _)| known == id)
            .map(|(_, secret)| secret)
    }

    /// The current one and the previous one.
    #[must_use]
    pub fn into_parts(self) -> ((String, Secret), Option<(String, Secret)>) {
        (self.current, self.previous)
    }
}

fn parse_one(text: &str) -> Result<(String, Secret), BadKeys> {
    let (id, key) = text.trim().split_once(':').ok_or(BadKeys::Form)?;
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if id.is_empty() || id.len() > 32 || !id.bytes().all(word) {
        return Err(BadKeys::Id);
    }
    Secret::from_base64url(key)
        .filter(|secret| (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&secret.expose().len()))
        .map(|secret| (id.to_owned(), secret))
        .ok_or(BadKeys::Key)
}

#[cfg(test)]
mod tests {
    use super::{BadKeys, Keys};

    #[test]
    fn refuses_what_is_not_one_or_two_keys() {
        let key = "A".repeat(43);
        for (text, fault) in [
            (String::new(), BadKeys::Form),
            (key.clone(), BadKeys::Form),
            (format!("a:{key},b:{key},c:{key}"), BadKeys::Form),
            (format!(":{key}"), BadKeys::Id),
            (format!("a\"b:{key}"), BadKeys::Id),
            (format!("a:{key}="), BadKeys::Key),
            (format!("a:{}", "A".repeat(42)), BadKeys::Key),
            (format!("a:{}", "A".repeat(172)), BadKeys::Key),
            (format!("a:{key},a:{key}"), BadKeys::SameId),
        ] {
            assert_eq!(Keys::parse(&text), Err(fault), "{text}");
        }
        assert!(Keys::parse(&format!("new:{key},old:{key}")).is_ok());
    }
}
