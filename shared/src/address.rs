//! Client addresses and networks in CIDR notation (RFC 4632, RFC 4291 §2.3).

use std::{fmt, net::IpAddr, str::FromStr};

/// A network: an address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadNetwork {
    /// The part before the slash is not an IPv4 or IPv6 address.
    #[error("not an IPv4 or IPv6 address")]
    Address,
    /// The prefix length is not a number up to 32 (IPv4) or 128 (IPv6).
    #[error("prefix length must be 0 to 32 for IPv4, 0 to 128 for IPv6")]
    Prefix,
    /// Bits behind the prefix are set: most likely a typing error.
    #[error("bits behind the prefix length are set")]
    HostBits,
}

impl Network {
    /// Whether `address` lies in this network. An IPv4 address that arrives in
    /// its IPv6 form (`::ffff:192.0.2.1`) counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.base.is_ipv4() == address.is_ipv4() && masked(address, self.prefix) == bits(self.base)
    }

    /// Its first address and how many leading bits count.
    #[must_use]
    pub const fn parts(&self) -> (IpAddr, u8) {
        (self.base, self.prefix)
    }

    /// The network of this prefix length that `address` lies in; `None` for a length that
    /// its family does not have.
    #[must_use]
    pub fn of(address: IpAddr, prefix: u8) -> Option<Self> {
        let address = address.to_canonical();
        let base = match address {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(masked(address, prefix)).ok()?.into()),
            IpAddr::V6(_) => IpAddr::V6(masked(address, prefix).into()),
        };
        (prefix <= width(address)).then_some(Self { base, prefix })
    }

    /// The network that one client is counted by: the address itself for IPv4,
    /// the /64 for IPv6, because a subscriber has all of it at hand (RFC 6177).
    #[must_use]
    pub fn of_client(address: IpAddr) -> Self {
        match address.to_canonical() {
            v4 @ IpAddr::V4(_) => Self {
                base: v4,
                prefix: 32,
            },
            v6 @ IpAddr::V6(_) => Self {
                base: IpAddr::V6(masked(v6, 64).into()),
                prefix: 64,
            },
        }
    }

    /// The network with every client that it touches as a whole: an IPv6 network longer than
    /// a client's /64 becomes that.
    #[must_use]
    pub fn of_clients(self) -> Self {
        match self.base {
            IpAddr::V6(_) if self.prefix > 64 => Self::of_client(self.base),
            _ => self,
        }
    }
}

/// An IPv4 network in its IPv6 form (`::ffff:192.0.2.0/120`) is read as IPv4, as clients are.
impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| BadNetwork::Address)?;
        let longest = width(base);
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|p| *p <= longest)
                .ok_or(BadNetwork::Prefix)?,
        };
        if masked(base, prefix) != bits(base) {
            return Err(BadNetwork::HostBits);
        }
        // A shorter prefix cuts off the bits that make it one.
        Ok(match base.to_canonical() {
            v4 @ IpAddr::V4(_) if base.is_ipv6() => Self {
                base: v4,
                prefix: prefix.saturating_sub(96),
            },
            base => Self { base, prefix },
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == width(self.base) {
            write!(f, "{}", self.base)
        } else {
            write!(f, "{}/{}", self.base, self.prefix)
        }
    }
}

const fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The leading `prefix` bits of the address, the rest zero.
fn masked(address: IpAddr, prefix: u8) -> u128 {
    let behind = u32::from(width(address).saturating_sub(prefix));
    let bits = bits(address);
    // A shift by all 128 bits is no shift to the processor; it must yield zero.
    bits.checked_shr(behind)
        .and_then(|kept| kept.checked_shl(behind))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{BadNetwork, Network};
    use std::net::IpAddr;

    fn network(text: &str) -> Result<Network, BadNetwork> {
        text.parse()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn refuses_what_is_not_a_network() {
        assert_eq!(network("example.org"), Err(BadNetwork::Address));
        assert_eq!(network("10.0.0.0/33"), Err(BadNetwork::Prefix));
        assert_eq!(network("10.0.0.0/-1"), Err(BadNetwork::Prefix));
        assert_eq!(network("::/129"), Err(BadNetwork::Prefix));
        assert_eq!(network("10.0.0.1/8"), Err(BadNetwork::HostBits));
    }

    #[test]
    fn contains_exactly_its_addresses() {
        let ten = network("10.0.0.0/8").unwrap();
        assert!(ten.contains(address("10.255.255.255")));
        assert!(!ten.contains(address("11.0.0.0")));
        assert!(!ten.contains(address("::a00:0")));
        assert!(ten.contains(address("::ffff:10.1.2.3")));
        assert!(network("::/0").unwrap().contains(address("2001:db8::1")));
        assert!(!network("::/0").unwrap().contains(address("192.0.2.1")));
        assert!(network("0.0.0.0/0").unwrap().contains(address("192.0.2.1")));
    }

    #[test]
    fn an_ipv4_network_in_its_ipv6_form_is_one() {
        for (text, same) in [
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:c000:201/128", "192.0.2.1"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ] {
            let read = network(text).unwrap();
            assert_eq!(read, network(same).unwrap(), "{text}");
            assert_eq!(read.to_string(), same);
        }
        assert!(
            network("::ffff:192.0.2.1")
                .unwrap()
                .contains(address("192.0.2.1"))
        );
        assert_eq!(network("::ffff:192.0.2.1/120"), Err(BadNetwork::HostBits));
        assert_eq!(network("::ffff:0:0/95"), Err(BadNetwork::HostBits));
        assert_eq!(network("::ffff:1.2.3.4/129"), Err(BadNetwork::Prefix));
    }

    #[test]
    fn an_address_lies_in_a_network_of_every_length() {
        let of = |text: &str, prefix| {
            Network::of(address(text), prefix).map(|network| network.to_string())
        };
        assert_eq!(of("192.0.2.77", 24).as_deref(), Some("192.0.2.0/24"));
        assert_eq!(of("::ffff:192.0.2.77", 0).as_deref(), Some("0.0.0.0/0"));
        assert_eq!(of("192.0.2.77", 33), None);
        assert_eq!(
            of("2001:db8:1:2::3", 48).as_deref(),
            Some("2001:db8:1::/48")
        );
        assert_eq!(of("::1", 129), None);
    }

    #[test]
    fn counts_an_ipv6_client_by_its_64() {
        let one = Network::of_client(address("2001:db8:1:2:3:4:5:6"));
        assert_eq!(one.to_string(), "2001:db8:1:2::/64");
        assert_eq!(one, Network::of_client(address("2001:db8:1:2::9")));
        assert_ne!(one, Network::of_client(address("2001:db8:1:3::9")));
        assert_eq!(
            Network::of_client(address("192.0.2.1")).to_string(),
            "192.0.2.1"
        );
    }
}
