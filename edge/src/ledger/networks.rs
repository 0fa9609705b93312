//! Banned networks by address: one look-up per prefix length that occurs, so that
//! 100,000 networks cost no more than a dozen.

use gapura_shared::{address::Network, time::UnixSeconds};
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

/// Networks with the end of their ban.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Networks {
    v4: Family,
    v6: Family,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Family {
    ends: HashMap<(u128, u8), Option<UnixSeconds>>,
    /// How many networks have a prefix length.
    lengths: BTreeMap<u8, usize>,
}

impl Networks {
    /// Bans a network, in place of an earlier ban of the same one.
    pub(super) fn put(&mut self, network: Network, until: Option<UnixSeconds>) {
        let (base, prefix) = network.parts();
        let (family, width) = self.family_mut(base);
        let added = family
            .ends
            .insert((lead(base, prefix, width), prefix), until);
        if added.is_none() {
            let count = family.lengths.entry(prefix).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Forgets a network.
    pub(super) fn remove(&mut self, network: Network) {
        let (base, prefix) = network.parts();
        let (family, width) = self.family_mut(base);
        if family
            .ends
            .remove(&(lead(base, prefix, width), prefix))
            .is_some()
        {
            family.lost(prefix);
        }
    }

    /// Forgets what has ended.
    pub(super) fn expire(&mut self, now: UnixSeconds) {
        for family in [&mut self.v4, &mut self.v6] {
            let Family { ends, lengths } = family;
            ends.retain(|_, until| until.is_none_or(|until| now < until));
            lengths.clear();
            for (_, prefix) in ends.keys() {
                let count = lengths.entry(*prefix).or_default();
                *count = count.saturating_add(1);
            }
        }
    }

    /// The narrowest ban that takes in `address`, with its prefix length.
    pub(super) fn find(
        &self,
        address: IpAddr,
        now: UnixSeconds,
    ) -> Option<(u8, Option<UnixSeconds>)> {
        let address = address.to_canonical();
        let (family, width) = match address {
            IpAddr::V4(_) => (&self.v4, 32),
            IpAddr::V6(_) => (&self.v6, 128),
        };
        family.lengths.keys().rev().find_map(|prefix| {
            let until = family.ends.get(&(lead(address, *prefix, width), *prefix))?;
            until
                .is_none_or(|until| now < until)
                .then_some((*prefix, *until))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.v4.ends.len().saturating_add(self.v6.ends.len())
    }

    fn family_mut(&mut self, base: IpAddr) -> (&mut Family, u8) {
        match base {
            IpAddr::V4(_) => (&mut self.v4, 32),
            IpAddr::V6(_) => (&mut self.v6, 128),
        }
    }
}

impl Family {
    fn lost(&mut self, prefix: u8) {
        if let Some(count) = self.lengths.get_mut(&prefix) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.lengths.remove(&prefix);
            }
        }
    }
}

/// The leading bits of an address, moved to the right.
fn lead(address: IpAddr, prefix: u8, width: u8) -> u128 {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    // A shift by all 128 bits is no shift to the processor; it must yield zero.
    bits.checked_shr(u32::from(width.saturating_sub(prefix)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Networks;
    use gapura_shared::{address::Network, time::UnixSeconds};
    use proptest::prelude::*;
    use std::net::IpAddr;

    const NOW: UnixSeconds = UnixSeconds(100);

    fn networks(texts: &[(&str, Option<u64>)]) -> Networks {
        let mut networks = Networks::default();
        for (text, until) in texts {
            networks.put(text.parse().unwrap(), until.map(UnixSeconds));
        }
        networks
    }

    fn found(networks: &Networks, address: &str) -> Option<u8> {
        networks
            .find(address.parse().unwrap(), NOW)
            .map(|(prefix, _)| prefix)
    }

    #[test]
    fn finds_the_narrowest_that_still_counts() {
        let mut banned = networks(&[
            ("192.0.2.0/24", None),
            ("192.0.2.7", Some(100)),
            ("192.0.2.8/29", Some(101)),
            ("2001:db8::/32", None),
            ("::/0", Some(1)),
        ]);
        assert_eq!(found(&banned, "192.0.2.7"), Some(24), "the other has ended");
        assert_eq!(found(&banned, "192.0.2.9"), Some(29));
        assert_eq!(found(&banned, "::ffff:192.0.2.9"), Some(29));
        assert_eq!(found(&banned, "192.0.3.1"), None);
        assert_eq!(found(&banned, "2001:db8::1"), Some(32));
        assert_eq!(found(&banned, "2001:db9::1"), None);
        banned.expire(NOW);
        assert_eq!(banned.len(), 3);
        banned.remove("192.0.2.8/29".parse().unwrap());
        banned.remove("192.0.2.8/29".parse().unwrap());
        assert_eq!(found(&banned, "192.0.2.9"), Some(24));
    }

    proptest! {
        /// Against asking every network in turn.
        #[test]
        fn finds_what_a_scan_finds(
            bans in prop::collection::vec((0u32..64, 24u8..=32, prop::option::of(90u64..110)), 0..40),
            asked in 0u32..64,
        ) {
            let mut index = Networks::default();
            let mut all: std::collections::HashMap<Network, Option<u64>> = std::collections::HashMap::new();
            for (low, prefix, until) in bans {
                let base = (low << (32 - prefix)) & (u32::MAX << (32 - prefix));
                let network: Network = format!("{}/{prefix}", std::net::Ipv4Addr::from(base)).parse().unwrap();
                index.put(network, until.map(UnixSeconds));
                all.insert(network, until);
            }
            let address = IpAddr::V4(asked.into());
            let wanted = all.iter()
                .filter(|(network, until)| network.contains(address) && until.is_none_or(|u| u > NOW.0))
                .map(|(network, _)| network.parts().1)
                .max();
            prop_assert_eq!(index.find(address, NOW).map(|(prefix, _)| prefix), wanted);
        }
    }
}
