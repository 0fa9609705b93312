//! Escalation of bans in an IPv6 /48: 4 banned /64 of a /56 ban the /56; 4 banned /56, or
//! 16 banned /64, of the /48 ban the /48. A banned network is banned until the last of the
//! bans that led to it ends.
//!
//! Bound: no more than 16 /64 are listed, since more would have banned the /48, and as many /56 as it has: 256.
//! An operator's ban on a /56 leads to no wider one.

use super::jail::Ban;
use gapura_shared::address::Network;

/// Banned networks of one size that ban the next wider one.
const MEMBERS: usize = 4;
/// Banned /64 that ban the /48.
const CLIENTS: usize = 16;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Family {
    /// Banned /64 with the ends of their bans.
    pub(super) clients: Vec<(Network, u64)>,
    /// Banned /56.
    pub(super) networks: Vec<(Network, Ban)>,
}

impl Family {
    pub(super) fn expire(&mut self, now_ms: u64) {
        self.clients.retain(|member| member.1 > now_ms);
        self.networks.retain(|member| member.1.holds(now_ms));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.networks.is_empty()
    }

    pub(super) fn until_ms(&self) -> u64 {
        let clients = self.clients.iter().map(|member| member.1);
        clients
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
