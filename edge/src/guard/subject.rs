//! Who is counted, and in which shard.

use super::text::{decode, encode};
use gapura_shared::address::Network;
use sha2::{Digest, Sha256};
use std::{
    fmt::{self, Write},
    net::IpAddr,
    str::FromStr,
};

/// Longest name in a subject; a longer one is replaced by its hash.
const MAX_NAME: usize = 192;

/// What kind of name a subject has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A user: the token's subject.
    User,
    /// A tenant.
    Tenant,
    /// A key: the token's id or its session.
    Key,
    /// An account: the hash of a login name.
    Account,
}

/// Who is counted. Its text (`ip:192.0.2.1`, `ip:2001:db8:1:2::/64`, `user:alice`) is
/// its key in rows and messages and holds no space, comma or semicolon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A client: an IPv4 address or an IPv6 /64; as the target of a ban also a /56 or /48.
    Ip(Network),
    /// Anybody with a name, encoded as it stands in the text.
    Named(Kind, Box<str>),
}

/// A text that is no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a subject: ip:<address>, user:, tenant:, key: or account:<name>")]
pub struct BadSubject;

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Tenant => "tenant",
            Self::Key => "key",
            Self::Account => "account",
        }
    }
}

impl Subject {
    /// The client behind an address: IPv6 by its /64.
    #[must_use]
    pub fn client(address: IpAddr) -> Self {
        Self::Ip(Network::of_client(address))
    }

    /// Somebody with a name of any length.
    #[must_use]
    pub fn named(kind: Kind, name: &str) -> Self {
        let word = encode(name);
        if word.len() <= MAX_NAME && !word.is_empty() {
            return Self::Named(kind, word.into());
        }
        let mut hash = String::from("~");
        for byte in Sha256::digest(name).iter().take(16) {
            // Writing to a `String` cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        Self::Named(kind, hash.into())
    }

    /// The networks of an IPv6 client that can be banned with it, narrow to wide: /56 and /48.
    #[must_use]
    pub fn networks(&self) -> Vec<Self> {
        let Self::Ip(network) = self else {
            return Vec::new();
        };
        let (base, prefix) = network.parts();
        let wider = [56, 48]
            .into_iter()
            .filter(|p| base.is_ipv6() && *p < prefix);
        wider
            .filter_map(|p| Network::of(base, p))
            .map(Self::Ip)
            .collect()
    }

    /// The /48 of an IPv6 network.
    #[must_use]
    pub fn family(&self) -> Option<Self> {
        match self {
            Self::Ip(network) if network.parts().0.is_ipv6() => {
                Network::of(network.parts().0, 48).map(Self::Ip)
            }
            _ => None,
        }
    }

    /// The name of the shard in which this subject lives: `<region>/<n>`, n below `shards`.
    /// All of an IPv6 /48 lives in one, so that its escalation is decided there.
    #[must_use]
    pub fn shard(&self, region: &str, shards: u32) -> String {
        let key = self.family().unwrap_or_else(|| self.clone()).to_string();
        format!(
            "{region}/{}",
            hash(key.as_bytes()) % u64::from(shards.max(1))
        )
    }
}

/// FNV-1a with a finisher: stable, and even for few shards. Never change it: subjects would move.
fn hash(bytes: &[u8]) -> u64 {
    let folded = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (folded ^ (folded >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(network) => write!(f, "ip:{network}"),
            Self::Named(kind, name) => write!(f, "{}:{name}", kind.word()),
        }
    }
}

impl FromStr for Subject {
    type Err = BadSubject;

    fn from_str(text: &str) -> Result<Self, BadSubject> {
        let (kind, name) = text.split_once(':').ok_or(BadSubject)?;
        let kind = match kind {
            "ip" => return network(name).map(Self::Ip).ok_or(BadSubject),
            "user" => Kind::User,
            "tenant" => Kind::Tenant,
            "key" => Kind::Key,
            "account" => Kind::Account,
            _ => return Err(BadSubject),
        };
        let hashed = |hex: &str| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        let known = match name.strip_prefix('~') {
            Some(hex) => hashed(hex),
            None => (1..=MAX_NAME).contains(&name.len()) && decode(name).is_some(),
        };
        known
            .then(|| Self::Named(kind, name.into()))
            .ok_or(BadSubject)
    }
}

fn network(text: &str) -> Option<Network> {
    let network: Network = text.parse().ok()?;
    let (base, prefix) = network.parts();
    let counted = match base {
        IpAddr::V4(_) => prefix == 32,
        IpAddr::V6(_) => matches!(prefix, 48 | 56 | 64),
    };
    (counted && network.to_string() == text).then_some(network)
}

#[cfg(test)]
mod tests {
    use super::{BadSubject, Kind, Subject};
    use proptest::prelude::*;

    fn subject(text: &str) -> Subject {
        text.parse().unwrap()
    }

    fn client(address: &str) -> Subject {
        Subject::client(address.parse().unwrap())
    }

    #[test]
    fn refuses_other_texts() {
        for text in [
            "",
            "ip",
            "ip:",
            "ip:x",
            "ip:10.0.0.0/8",
            "ip:2001:db8::/63",
            "ip:2001:db8::1",
            "ip:192.0.2.1/32",
            "host:a",
            "user:",
            "user:a b",
            "user:a,b",
            "user:%61",
            "user:~12",
            "key:é",
        ] {
            assert_eq!(text.parse::<Subject>(), Err(BadSubject), "{text}");
        }
        assert_eq!(
            format!("user:{}", "a".repeat(193)).parse::<Subject>(),
            Err(BadSubject)
        );
    }

    #[test]
    fn an_ipv6_client_belongs_to_its_56_and_48() {
        let one = client("2001:db8:1:2ff::9");
        assert_eq!(one.to_string(), "ip:2001:db8:1:2ff::/64");
        let wider: Vec<String> = one.networks().iter().map(Subject::to_string).collect();
        assert_eq!(wider, ["ip:2001:db8:1:200::/56", "ip:2001:db8:1::/48"]);
        assert!(client("192.0.2.1").networks().is_empty());
        assert_eq!(client("192.0.2.1").family(), None);
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
    }

    #[test]
    fn shards_unchanged() {
        let shard = |text: &str| subject(text).shard("EU", 8);
        let named = ["ip:192.0.2.1", "ip:2001:db8:1:2::/64", "user:alice"].map(shard);
        assert_eq!(named, ["EU/2", "EU/4", "EU/1"]);
        assert_eq!(
            shard("ip:2001:db8:1:2::/64"),
            shard("ip:2001:db8:1:ff00::/56")
        );
        assert_eq!(subject("user:alice").shard("", 0), "/0");
    }

    #[test]
    fn shards_are_even() {
        let mut counts = [0_u32; 8];
        for n in 0..8_000_u32 {
            let name =
                Subject::client(std::net::Ipv4Addr::from(0x0a00_0000 + n).into()).shard("", 8);
            counts[name[1..].parse::<usize>().unwrap()] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }

    proptest! {
        #[test]
        fn every_name_has_a_text_of_its_own(name in ".{0,300}", other in ".{0,300}") {
            let one = Subject::named(Kind::User, &name);
            prop_assert_eq!(&one.to_string().parse::<Subject>().unwrap(), &one);
            prop_assert!(one.to_string().len() <= 5 + 192);
            prop_assert_eq!(one == Subject::named(Kind::User, &other), name == other);
        }
    }
}
