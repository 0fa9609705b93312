//! What mails are about, and what is kept of one until it is written.

use super::Language;
use crate::{db::NewMail, random};
use gapura_shared::outcome::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// Between two notices that nobody asked for: others must not be able to fill a mailbox with them.
const NOTICE_GAP: Duration = Duration::from_hours(1);

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Confirm the address of a new account.
    Signup,
    /// Somebody tried to sign up, or to change to, an address that has an account.
    AccountExists,
    /// Get in without the password, to choose another one.
    Recovery,
    /// Too many failed logins locked the account; with the same link.
    Lockout,
    /// Get in by link or code.
    MagicLink,
    /// An administrator invites somebody.
    Invite,
    /// One of the two addresses of a change.
    EmailChange,
    /// A code, to prove that it is still oneself.
    Reauthentication,
    /// The password was changed.
    PasswordChanged,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Signup,
        Self::AccountExists,
        Self::Recovery,
        Self::Lockout,
        Self::MagicLink,
        Self::Invite,
        Self::EmailChange,
        Self::Reauthentication,
        Self::PasswordChanged,
    ];

    /// As the queue names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::AccountExists => "account_exists",
            Self::Recovery => "recovery",
            Self::Lockout => "lockout",
            Self::MagicLink => "magiclink",
            Self::Invite => "invite",
            Self::EmailChange => "email_change",
            Self::Reauthentication => "reauthentication",
            Self::PasswordChanged => "password_changed",
        }
    }

    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    pub(super) fn new_mail(self, order: &Order, resend: Duration) -> NewMail {
        let gap = match self {
            Self::AccountExists | Self::Lockout => NOTICE_GAP,
            _ => resend,
        };
        NewMail {
            id: random::uuid(),
            account: AccountId::of(&order.to).into(),
            kind: self.as_str(),
            // Text, numbers and maps of them: always JSON.
            content: serde_json::to_string(order).unwrap_or_default(),
            gap_ms: u64::try_from(gap.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What is known of a mail when it is asked for. Whether the address has an account is looked up when it
/// is sent: asking takes as long either way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Order {
    /// The address.
    pub to: String,
    /// What who asked for it reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Where the link leads in the end; an allowed place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<String>,
    /// Of who will exchange the link's code for a session (RFC 7636 §4.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// The account, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The address to be, of a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_email: Option<String>,
    /// Whether using it makes an account where there is none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub creates: bool,
    /// The metadata of that account.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::{Kind, Order};
    use std::time::Duration;

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("newsletter"), None);
    }

    /// What waits in a queue must stay readable after an update.
    #[test]
    fn json_format_unchanged() {
        let order = Order {
            to: "a@b.co".into(),
            language: Some(super::Language::Id),
            creates: true,
            ..Order::default()
        };
        let mail = Kind::MagicLink.new_mail(&order, Duration::from_mins(1));
        assert_eq!(
            mail.content,
            r#"{"to":"a@b.co","language":"id","creates":true}"#
        );
        assert_eq!((mail.kind, mail.gap_ms), ("magiclink", 60_000));
        assert_eq!(serde_json::from_str::<Order>(&mail.content).unwrap(), order);
    }
}
