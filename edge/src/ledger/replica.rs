//! An isolate's copy of the Ledger: two look-ups per request, without a call.

use super::{BadUpdate, Key, Target, Update, Values, networks::Networks};
use gapura_shared::{address::Network, time::UnixSeconds};
use std::{collections::HashMap, net::IpAddr};

/// How often what has ended is forgotten.
const EXPIRE_EVERY_S: u64 = 60;

/// Who bears a proven token, as revocations see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bearer<'a> {
    /// The token's subject.
    pub user: Option<&'a str>,
    /// Its tenant.
    pub tenant: Option<&'a str>,
    /// Its session.
    pub session: Option<&'a str>,
    /// Its own id (`jti`).
    pub token_id: Option<&'a str>,
    /// The id (`kid`) of the key that signed it.
    pub signing_key: Option<&'a str>,
    /// When it was issued (`iat`); without it, before every point in time.
    pub issued_at: Option<UnixSeconds>,
}

/// Who asks, as bans see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client<'a> {
    /// The address.
    pub address: IpAddr,
    /// The country, as the platform reports it.
    pub country: Option<&'a str>,
    /// The autonomous system, as the platform reports it.
    pub asn: Option<u32>,
    /// The proven user.
    pub user: Option<&'a str>,
}

type Ends<K> = HashMap<K, Option<UnixSeconds>>;
type Starts = HashMap<String, Values>;

/// The copy. Empty and at version 0 until the first update.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replica {
    version: u64,
    pub(super) expired_at_s: u64,
    sessions: Ends<String>,
    tokens: Ends<String>,
    users: Starts,
    tenants: Starts,
    signing_keys: Starts,
    networks: Networks,
    countries: Ends<String>,
    systems: Ends<u32>,
    banned_users: Ends<String>,
    attack: Option<Values>,
}

impl Replica {
    /// What to ask the Ledger with: everything since then.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Takes over what the Ledger told, all of it or nothing.
    ///
    /// # Errors
    /// [`BadUpdate`]: the copy is as it was, and must not be taken for a fresh one.
    pub fn update(&mut self, text: &str, now: UnixSeconds) -> Result<(), BadUpdate> {
        let update = Update::parse(text)?;
        if update.whole {
            *self = Self::default();
        }
        self.version = update.version;
        for (key, values) in update.changes {
            self.change(key, values);
        }
        self.expire(now);
        Ok(())
    }

    fn change(&mut self, key: Key, values: Option<Values>) {
        match key {
            Key::Session(id) => set(&mut self.sessions, id, values),
            Key::Token(id) => set(&mut self.tokens, id, values),
            Key::User(id) => replace(&mut self.users, id, values),
            Key::Tenant(id) => replace(&mut self.tenants, id, values),
            Key::SigningKey(id) => replace(&mut self.signing_keys, id, values),
            Key::Ban(Target::Network(network)) => match values {
                Some(values) => self.networks.put(network, values.until),
                None => self.networks.remove(network),
            },
            Key::Ban(Target::Country(code)) => set(&mut self.countries, code, values),
            Key::Ban(Target::Asn(number)) => set(&mut self.systems, number, values),
            Key::Ban(Target::User(id)) => set(&mut self.banned_users, id, values),
            Key::Attack => self.attack = values,
            Key::Nonce(_) => {}
        }
    }

    fn expire(&mut self, now: UnixSeconds) {
        if now.0.saturating_sub(self.expired_at_s) < EXPIRE_EVERY_S {
            return;
        }
        self.expired_at_s = now.0;
        self.forget(now);
    }

    /// Forgets what has ended. What is asked of the copy is the same before and after.
    pub fn forget(&mut self, now: UnixSeconds) {
        for ends in [
            &mut self.sessions,
            &mut self.tokens,
            &mut self.countries,
            &mut self.banned_users,
        ] {
            ends.retain(|_, until| lasts(*until, now));
        }
        self.systems.retain(|_, until| lasts(*until, now));
        for starts in [&mut self.users, &mut self.tenants, &mut self.signing_keys] {
            starts.retain(|_, values| lasts(values.until, now));
        }
        self.networks.expire(now);
        self.attack = self.attack.filter(|values| lasts(values.until, now));
    }

    /// What was revoked that this token rests on, as a key such as `session:…`.
    #[must_use]
    pub fn revoked(&self, bearer: &Bearer<'_>, now: UnixSeconds) -> Option<Key> {
        let ended = |ends: &Ends<String>, id: Option<&str>, key: fn(String) -> Key| {
            let id = id?;
            lasts(*ends.get(id)?, now).then(|| key(id.to_owned()))
        };
        let before = |starts: &Starts, id: Option<&str>, key: fn(String) -> Key| {
            let id = id?;
            let values = starts.get(id).filter(|v| lasts(v.until, now))?;
            let early = match (values.not_before, bearer.issued_at) {
                (Some(start), Some(issued)) => issued < start,
                _ => true,
            };
            early.then(|| key(id.to_owned()))
        };
        ended(&self.sessions, bearer.session, Key::Session)
            .or_else(|| ended(&self.tokens, bearer.token_id, Key::Token))
            .or_else(|| before(&self.users, bearer.user, Key::User))
            .or_else(|| before(&self.tenants, bearer.tenant, Key::Tenant))
            .or_else(|| before(&self.signing_keys, bearer.signing_key, Key::SigningKey))
    }

    /// The operator's ban of this client with its end: by address first, the narrowest network.
    #[must_use]
    pub fn banned(
        &self,
        client: &Client<'_>,
        now: UnixSeconds,
    ) -> Option<(Target, Option<UnixSeconds>)> {
        let by_network = || {
            let (prefix, until) = self.networks.find(client.address, now)?;
            let network = Network::of(client.address, prefix)?;
            Some((Target::Network(network), until))
        };
        let by_user = || {
            let id = client.user?;
            let until = live(&self.banned_users, id, now)?;
            Some((Target::User(id.to_owned()), until))
        };
        let by_system = || {
            let number = client.asn?;
            Some((Target::Asn(number), live(&self.systems, &number, now)?))
        };
        let by_country = || {
            let code = client.country?;
            let until = live(&self.countries, code, now)?;
            Some((Target::Country(code.to_owned()), until))
        };
        by_network()
            .or_else(by_user)
            .or_else(by_system)
            .or_else(by_country)
    }

    /// Whether the site is under attack.
    #[must_use]
    pub fn under_attack(&self, now: UnixSeconds) -> bool {
        self.attack.is_some_and(|values| lasts(values.until, now))
    }

    /// Whether anything is banned by its autonomous system: only then it needs to be known.
    #[must_use]
    pub fn bans_systems(&self) -> bool {
        !self.systems.is_empty()
    }

    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        let counts = [
            self.sessions.len(),
            self.tokens.len(),
            self.users.len(),
            self.tenants.len(),
            self.signing_keys.len(),
            self.networks.len(),
            self.countries.len(),
            self.systems.len(),
            self.banned_users.len(),
            usize::from(self.attack.is_some()),
        ];
        counts.iter().sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn lasts(until: Option<UnixSeconds>, now: UnixSeconds) -> bool {
    until.is_none_or(|until| now < until)
}

/// The end of what is in force under `id`.
#[expect(
    clippy::option_option,
    reason = "none in force, or in force for good, or until then"
)]
fn live<K, Q>(ends: &Ends<K>, id: &Q, now: UnixSeconds) -> Option<Option<UnixSeconds>>
where
    K: std::hash::Hash + Eq + std::borrow::Borrow<Q>,
    Q: std::hash::Hash + Eq + ?Sized,
{
    ends.get(id).copied().filter(|until| lasts(*until, now))
}

fn set<K: std::hash::Hash + Eq>(ends: &mut Ends<K>, id: K, values: Option<Values>) {
    match values {
        Some(values) => ends.insert(id, values.until),
        None => ends.remove(&id),
    };
}

fn replace(starts: &mut Starts, id: String, values: Option<Values>) {
    match values {
        Some(values) => starts.insert(id, values),
        None => starts.remove(&id),
    };
}
