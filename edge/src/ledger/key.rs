//! What an entry is about, and the one text of it: key of the stored row, name on
//! the wire, id in the operator's API.

use super::MAX_TEXT_BYTES;
use gapura_shared::address::Network;
use std::{fmt, net::IpAddr, str::FromStr};

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// A session that has ended (`session:…`).
    Session(String),
    /// A token that was taken back, by its `jti` (`token:…`).
    Token(String),
    /// Tokens of a user from before a point in time (`user:…`).
    User(String),
    /// Tokens of a tenant from before a point in time (`tenant:…`).
    Tenant(String),
    /// Tokens signed with a key, by its `kid`, before a point in time (`key:…`).
    SigningKey(String),
    /// A ban by the operator (`ban:` and the target).
    Ban(Target),
    /// The site is under attack (`attack`).
    Attack,
    /// A push that was carried out, so that it is not a second time (`nonce:…`).
    Nonce(String),
}

/// Whom the operator bans.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// An address or network (`ip:192.0.2.0/24`).
    Network(Network),
    /// A country, ISO 3166-1 alpha-2 or `T1` (`country:ID`).
    Country(String),
    /// An autonomous system (`asn:64500`).
    Asn(u32),
    /// A user, by the token's subject (`user:…`).
    User(String),
}

/// Why a text is no key or target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It begins with none of the kinds.
    #[error("must begin with a kind such as `ip:`")]
    Kind,
    /// An id that is empty, too long or has control characters.
    #[error("must be 1 to {MAX_TEXT_BYTES} bytes without control characters")]
    Id,
    /// Not an address or network.
    #[error("must be an address or network: {0}")]
    Network(gapura_shared::address::BadNetwork),
    /// Not a country.
    #[error("must be two capital letters (ISO 3166-1), or T1 for Tor")]
    Country,
    /// Not a number of an autonomous system.
    #[error("must be the number of an autonomous system, 1 to 4294967295")]
    Asn,
}

/// A text of the Ledger: an id, a reason, an actor.
///
/// # Errors
/// [`BadKey::Id`].
pub(crate) fn checked(text: &str) -> Result<&str, BadKey> {
    let fits = (1..=MAX_TEXT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then_some(text).ok_or(BadKey::Id)
}

impl Target {
    /// The kind, as in `ip`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Network(_) => "ip",
            Self::Country(_) => "country",
            Self::Asn(_) => "asn",
            Self::User(_) => "user",
        }
    }

    /// Reads what an operator writes: as [`Target::from_str`], or an address or
    /// network without `ip:`, or `AS64500`.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn parse_loose(text: &str) -> Result<Self, BadKey> {
        let text = text.trim();
        if let Some(digits) = text.strip_prefix("AS") {
            return asn(digits);
        }
        match text.split_once(':') {
            Some(("ip" | "country" | "asn" | "user", _)) => text.parse(),
            _ => network(text),
        }
    }

    /// Every client that it touches as a whole: of an IPv6 address the client's /64.
    #[must_use]
    pub fn of_clients(self) -> Self {
        match self {
            Self::Network(network) => Self::Network(network.of_clients()),
            other => other,
        }
    }

    /// Whether a ban of it takes in this address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        matches!(self, Self::Network(network) if network.contains(address))
    }
}

fn network(text: &str) -> Result<Target, BadKey> {
    text.parse().map(Target::Network).map_err(BadKey::Network)
}

fn asn(digits: &str) -> Result<Target, BadKey> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits
        .parse()
        .ok()
        .filter(|_| plain)
        .map(Target::Asn)
        .ok_or(BadKey::Asn)
}

impl FromStr for Target {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let (kind, value) = text.split_once(':').ok_or(BadKey::Kind)?;
        match kind {
            "ip" => network(value),
            "country" => {
                let letters = value.len() == 2 && value.bytes().all(|b| b.is_ascii_uppercase());
                (letters || value == "T1")
                    .then(|| Self::Country(value.to_owned()))
                    .ok_or(BadKey::Country)
            }
            "asn" => asn(value),
            "user" => Ok(Self::User(checked(value)?.to_owned())),
            _ => Err(BadKey::Kind),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => write!(f, "ip:{network}"),
            Self::Country(code) => write!(f, "country:{code}"),
            Self::Asn(number) => write!(f, "asn:{number}"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}

impl Key {
    /// The kind, as in `session`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Token(_) => "token",
            Self::User(_) => "user",
            Self::Tenant(_) => "tenant",
            Self::SigningKey(_) => "key",
            Self::Ban(_) => "ban",
            Self::Attack => "attack",
            Self::Nonce(_) => "nonce",
        }
    }

    /// Whether copies need it.
    #[must_use]
    pub const fn is_copied(&self) -> bool {
        !matches!(self, Self::Nonce(_))
    }
}

impl FromStr for Key {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        if text == "attack" {
            return Ok(Self::Attack);
        }
        let (kind, value) = text.split_once(':').ok_or(BadKey::Kind)?;
        let make: fn(String) -> Self = match kind {
            "ban" => return value.parse().map(Self::Ban),
            "session" => Self::Session,
            "token" => Self::Token,
            "user" => Self::User,
            "tenant" => Self::Tenant,
            "key" => Self::SigningKey,
            "nonce" => Self::Nonce,
            _ => return Err(BadKey::Kind),
        };
        Ok(make(checked(value)?.to_owned()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(id) => write!(f, "session:{id}"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Tenant(id) => write!(f, "tenant:{id}"),
            Self::SigningKey(id) => write!(f, "key:{id}"),
            Self::Ban(target) => write!(f, "ban:{target}"),
            Self::Attack => f.write_str("attack"),
            Self::Nonce(id) => write!(f, "nonce:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BadKey, Key, Target};

    #[test]
    fn refuses_what_is_no_key() {
        for (text, fault) in [
            ("", BadKey::Kind),
            ("ban", BadKey::Kind),
            ("x:y", BadKey::Kind),
            ("ban:x:y", BadKey::Kind),
            ("session:", BadKey::Id),
            ("session:a\tb", BadKey::Id),
            ("ban:country:id", BadKey::Country),
            ("ban:asn:0", BadKey::Asn),
            ("ban:asn:+1", BadKey::Asn),
            ("ban:asn:4294967296", BadKey::Asn),
        ] {
            assert_eq!(text.parse::<Key>(), Err(fault), "{text}");
        }
        assert!("ban:ip:10.0.0.1/8".parse::<Key>().is_err());
        assert!(format!("token:{}", "a".repeat(257)).parse::<Key>().is_err());
    }

    #[test]
    fn text_of_every_kind_unchanged() {
        for text in [
            "session:s-1",
            "token:j 1",
            "user:a:b",
            "tenant:t",
            "key:k",
            "nonce:00",
            "attack",
            "ban:ip:192.0.2.1",
            "ban:ip:2001:db8::/32",
            "ban:country:ID",
            "ban:country:T1",
            "ban:asn:64500",
            "ban:user:u-1",
        ] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_operator_may_leave_the_kind_out() {
        for (written, read) in [
            ("192.0.2.1", "ip:192.0.2.1"),
            (" 2001:db8::/32", "ip:2001:db8::/32"),
            ("AS64500", "asn:64500"),
            ("country:ID", "country:ID"),
            ("user:u", "user:u"),
        ] {
            assert_eq!(Target::parse_loose(written).unwrap().to_string(), read);
        }
        assert!(Target::parse_loose("somebody").is_err());
    }
}
