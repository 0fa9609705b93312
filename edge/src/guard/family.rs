//! Escalation of bans in an IPv6 /48: 4 banned /64 of a /56 ban the /56; 4 banned /56, or
//! 16 banned /64, of the /48 ban the /48. A banned network is banned until the last of the
//! bans that led to it ends.
//!
//! Strikes of clients that no jail holds yet escalate as well: 4 times those that ban a client ban
//! the /56 that they come from, 16 times those the /48, for the jail's first ban.
//!
//! Bound: no more than 16 /64 are listed, since more would have banned the /48, and as many /56 as it has: 256.
//! Of a jail [`MAX_STRUCK`] strikes at different times from different /56 are kept, the latest.
//! An operator's ban on a /56 leads to no wider one.

use super::jail::{Ban, FOREVER_MS, Jail, MAX_JAILS};
use gapura_shared::address::Network;
use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
};

/// Banned networks of one size that ban the next wider one.
const MEMBERS: usize = 4;
/// Banned /64 that ban the /48.
const CLIENTS: usize = 16;
/// As many times the strikes of a client ban the /56, and the /48.
const MEMBER_TIMES: u32 = 4;
const CLIENT_TIMES: u32 = 16;
/// Strikes of a jail that are kept; those of one /56 in one sixteenth of the window are one.
const MAX_STRUCK: usize = 512;
const SLOTS: u64 = 16;

/// Strikes in a jail: its window; time, number of the /56, count.
pub(super) type Struck = (u64, VecDeque<(u64, u8, u32)>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Family {
    /// Banned /64 with the ends of their bans.
    pub(super) clients: Vec<(Network, u64)>,
    /// Banned /56.
    pub(super) networks: Vec<(Network, Ban)>,
    /// Strikes by jail.
    pub(super) struck: BTreeMap<String, Struck>,
}

impl Family {
    pub(super) fn expire(&mut self, now_ms: u64) {
        self.clients.retain(|member| member.1 > now_ms);
        self.networks.retain(|member| member.1.holds(now_ms));
        self.struck.retain(|_, (window_ms, struck)| {
            let window_ms = *window_ms;
            struck.retain(|strike| strike.0.saturating_add(window_ms) > now_ms);
            !struck.is_empty()
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.networks.is_empty() && self.struck.is_empty()
    }

    pub(super) fn until_ms(&self) -> u64 {
        let clients = self.clients.iter().map(|member| member.1);
        let last = |(window_ms, struck): &Struck| {
            struck
                .back()
                .map_or(0, |strike| strike.0.saturating_add(*window_ms))
        };
        clients
            .chain(self.struck.values().map(last))
            .chain(self.networks.iter().map(|member| member.1.until_ms))
            .max()
            .unwrap_or(0)
    }

    /// The ban on the /56 around a network.
    pub(super) fn ban_around(&self, network: Network, now_ms: u64) -> Option<(Network, &Ban)> {
        let inside = |outer: &Network| {
            outer.parts().1 <= network.parts().1 && outer.contains(network.parts().0)
        };
        let held = self.networks.iter().filter(|member| member.1.holds(now_ms));
        held.map(|(outer, ban)| (*outer, ban))
            .find(|(outer, _)| inside(outer))
    }

    /// Notes that a /64 was banned; the ban of the /48, when it comes to that.
    pub(super) fn note(&mut self, client: Network, until_ms: u64, now_ms: u64) -> Option<Ban> {
        self.expire(now_ms);
        self.clients.retain(|member| member.0 != client);
        self.clients.push((client, until_ms));
        if let Some(network) = Network::of(client.parts().0, 56) {
            let inside = self
                .clients
                .iter()
                .filter(|member| network.contains(member.0.parts().0));
            let ends: Vec<u64> = inside.map(|member| member.1).collect();
            if ends.len() >= MEMBERS {
                let ban = escalated(&ends, now_ms);
                self.ban(network, ban, now_ms);
            }
        }
        self.whole(now_ms)
    }

    /// The ban of the /48 that its banned members lead to.
    fn whole(&self, now_ms: u64) -> Option<Ban> {
        let own = self
            .networks
            .iter()
            .filter(|member| member.1.actor.is_empty());
        let networks: Vec<u64> = own.map(|member| member.1.until_ms).collect();
        let clients: Vec<u64> = self.clients.iter().map(|member| member.1).collect();
        let reached = [(networks, MEMBERS), (clients, CLIENTS)];
        let (ends, _) = reached
            .into_iter()
            .find(|(ends, count)| ends.len() >= *count)?;
        Some(escalated(&ends, now_ms))
    }

    /// Counts strikes of a client; bans its /56 when that bears no more. The ban of the /48,
    /// when it comes to that.
    pub(super) fn strike(
        &mut self,
        client: Network,
        times: u32,
        jails: &[Jail],
        now_ms: u64,
    ) -> Option<Ban> {
        self.expire(now_ms);
        let (IpAddr::V6(base), network) = (client.parts().0, Network::of(client.parts().0, 56)?)
        else {
            return None;
        };
        let member = base.octets().get(6).copied().unwrap_or(0);
        let mut wide: Option<Ban> = None;
        for jail in jails {
            let (of_member, of_all) = self.count(jail, member, times, now_ms);
            let ban_ms = u64::from(jail.ban_s).saturating_mul(1000);
            let until_ms = now_ms.saturating_add(ban_ms).min(FOREVER_MS);
            let ban = escalated(&[until_ms], now_ms);
            if of_all >= jail.strikes.saturating_mul(CLIENT_TIMES) {
                self.struck.remove(&jail.name);
                if wide.as_ref().is_none_or(|wide| wide.until_ms < until_ms) {
                    wide = Some(ban);
                }
            } else if of_member >= jail.strikes.saturating_mul(MEMBER_TIMES) {
                if let Some((_, struck)) = self.struck.get_mut(&jail.name) {
                    struck.retain(|strike| strike.1 != member);
                }
                self.ban(network, ban, now_ms);
            }
        }
        let members = self.whole(now_ms);
        wide.into_iter()
            .chain(members)
            .max_by_key(|ban| ban.until_ms)
    }

    /// Counts; how many strikes there are now of this /56 and of all.
    fn count(&mut self, jail: &Jail, member: u8, times: u32, now_ms: u64) -> (u32, u32) {
        if self.struck.len() >= MAX_JAILS && !self.struck.contains_key(&jail.name) {
            // Names that no policy has any more give way.
            self.struck.pop_first();
        }
        let window_ms = u64::from(jail.window_s).saturating_mul(1000);
        let (window, struck) = self.struck.entry(jail.name.clone()).or_default();
        *window = window_ms;
        let slot_ms = (window_ms / SLOTS).max(1);
        let at_ms = now_ms.checked_next_multiple_of(slot_ms).unwrap_or(now_ms);
        let known = struck
            .iter_mut()
            .find(|strike| (strike.0, strike.1) == (at_ms, member));
        match known {
            Some(strike) => strike.2 = strike.2.saturating_add(times),
            None => struck.push_back((at_ms, member, times)),
        }
        if struck.len() > MAX_STRUCK {
            struck.pop_front();
        }
        let sum = |all: bool| {
            let counted = struck.iter().filter(|strike| all || strike.1 == member);
            counted.fold(0, |sum: u32, strike| sum.saturating_add(strike.2))
        };
        (sum(false), sum(true))
    }

    /// Bans a /56.
    pub(super) fn ban(&mut self, network: Network, ban: Ban, now_ms: u64) {
        self.expire(now_ms);
        self.networks.retain(|member| member.0 != network);
        self.networks.push((network, ban));
    }

    /// Forgets all that was banned in a network; how many /56 were.
    pub(super) fn lift(&mut self, network: Network, now_ms: u64) -> usize {
        self.expire(now_ms);
        let inside = |member: &Network| {
            network.parts().1 <= member.parts().1 && network.contains(member.parts().0)
        };
        let before = self.networks.len();
        self.networks.retain(|member| !inside(&member.0));
        self.clients.retain(|member| !inside(&member.0));
        for (_, struck) in self.struck.values_mut() {
            // A /64 alone has no strikes of its own here.
            struck.retain(|strike| match network.parts() {
                (_, 57..) => true,
                (IpAddr::V6(base), 56) => base.octets().get(6) != Some(&strike.1),
                _ => false,
            });
        }
        self.struck.retain(|_, (_, struck)| !struck.is_empty());
        before - self.networks.len()
    }
}

fn escalated(ends: &[u64], now_ms: u64) -> Ban {
    Ban {
        since_ms: now_ms,
        until_ms: ends.iter().copied().max().unwrap_or(now_ms),
        reason: "network".to_owned(),
        actor: String::new(),
    }
}
