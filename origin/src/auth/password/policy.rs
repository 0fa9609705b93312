//! Which passwords may be chosen: long enough and not guessed first. No composition
//! rules (NIST SP 800-63B-4 §3.1.1.2).

use super::{MAX_BYTES, common, normalise};
use crate::config;

/// Why a password may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too short or too long.
    #[error("A password has {min} to {max} characters.")]
    Length {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// On the list of the commonest and breached ones.
    #[error("This password is one of those that are known from breaches and tried first.")]
    Pwned,
    /// One character over and over, or the account's own name.
    #[error(
        "This password is too easy to guess from the account's name, or from its first character."
    )]
    Common,
}

impl Weakness {
    /// The word for it in supabase-js (`AuthWeakPasswordError.reasons`).
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Length { .. } => "length",
            Self::Pwned => "pwned",
            Self::Common => "common",
        }
    }
}

/// The rules for new passwords. They are never held against one at a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    min_chars: usize,
    max_chars: usize,
}

impl Policy {
    /// The configured rules.
    #[must_use]
    pub const fn new(settings: &config::Auth) -> Self {
        Self {
            min_chars: settings.password_min_chars,
            max_chars: settings.password_max_chars,
        }
    }

    /// Judges a new password of the account with this address.
    ///
    /// # Errors
    /// [`Weakness`].
    pub fn check(&self, password: &str, email: &str) -> Result<(), Weakness> {
        let range = self.min_chars..=self.max_chars;
        let normal = (password.len() <= MAX_BYTES).then(|| normalise(password));
        let normal = normal
            .filter(|normal| range.contains(&normal.chars().count()))
            .ok_or(Weakness::Length {
                min: self.min_chars,
                max: self.max_chars,
            })?;
        let folded = common::fold(&normal);
        if common::contains(&folded) {
            return Err(Weakness::Pwned);
        }
        if is_one_character(&folded) || is_own_name(&folded, &email.to_lowercase()) {
            return Err(Weakness::Common);
        }
        Ok(())
    }
}

fn is_one_character(password: &str) -> bool {
    let mut characters = password.chars();
    characters
        .next()
        .is_none_or(|first| characters.all(|next| next == first))
}

/// `made.up@example.com`: itself, `made.up`, `madeup`, `example.com`, `example`, each with digits or
/// punctuation after it, too.
fn is_own_name(password: &str, email: &str) -> bool {
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    let label = domain.split('.').next().unwrap_or_default();
    let bare = letters(password);
    [email, local, domain, label]
        .into_iter()
        .any(|name| password == name || (!bare.is_empty() && bare == letters(name)))
}

/// Without what is put after or between the parts of a name.
fn letters(text: &str) -> String {
    text.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation())
        .chars()
        .filter(|c| !c.is_ascii_punctuation() && !c.is_whitespace())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Policy, Weakness};
    use crate::config;
    use proptest::prelude::*;

    fn policy(settings: &str) -> Policy {
        let text = format!("[auth]\n{settings}");
        Policy::new(&config::parse(&text, &|_| None).unwrap().auth)
    }

    fn weakness(password: &str) -> Option<Weakness> {
        policy("").check(password, "made.wijaya@example.com").err()
    }

    #[test]
    fn refuses_too_short_and_too_long() {
        let length = Some(Weakness::Length { min: 8, max: 128 });
        for bad in [
            "",
            "kq7 zv!",
            &"xq".repeat(65),
            &"\u{1F600}".repeat(7),
            "cafe\u{301} xq",
        ] {
            assert_eq!(weakness(bad), length, "{bad}");
        }
        let mixed = "\u{1F600}\u{1F418}".repeat(64);
        for good in ["kq7 zvu!", &"xq".repeat(64), &mixed] {
            assert_eq!(weakness(good), None, "{good}");
        }
        let longer = policy("password_min_chars = 15\npassword_max_chars = 64");
        assert!(longer.check("fourteen chars", "a@b.co").is_err());
        assert!(longer.check("fifteen of chars", "a@b.co").is_ok());
        assert!(longer.check(&"xq".repeat(33), "a@b.co").is_err());
    }

    #[test]
    fn refuses_the_commonest_however_they_are_cased() {
        for bad in [
            "password",
            "12345678",
            "PassWord1",
            "QWERTYUIOP",
            "iloveyou",
            "sayangku",
            "ｐａｓｓｗｏｒｄ",
        ] {
            assert_eq!(weakness(bad), Some(Weakness::Pwned), "{bad}");
        }
    }

    #[test]
    fn refuses_the_accounts_own_name_and_one_character() {
        for bad in [
            "made.wijaya",
            "MadeWijaya",
            "made_wijaya2026!",
            "made.wijaya@example.com",
            "example.com",
            "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
        ] {
            assert_eq!(weakness(bad), Some(Weakness::Common), "{bad}");
        }
        for good in ["made wijaya pergi ke pasar", "20260117-0815"] {
            assert_eq!(weakness(good), None, "{good}");
        }
    }

    #[test]
    fn has_no_composition_rules() {
        for good in [
            "correct horse",
            "sembilan kuda hijau",
            "4815162342-108-23",
            "пароль из слов",
        ] {
            assert_eq!(weakness(good), None, "{good}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(password in ".{0,200}", email in ".{0,40}") {
            let _ = policy("").check(&password, &email);
        }
    }
}
