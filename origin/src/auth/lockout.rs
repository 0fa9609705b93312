//! Lockout: who may not try another password for a while.
//!
//! Guarantees: attempts are counted before a password is looked at, by account and source, and for
//! the account as a whole with a much higher ceiling; a lock's end is fixed when it begins. Accounts
//! that do not exist are counted alike, and a locked login gets the answer of a wrong one after the same
//! work. A device that has logged in before counts for itself, so that nobody can lock its owner out.
//! The edge is told of every lock of a network and turns such logins away by itself.

use super::{
    Auth,
    open_logins::Place,
    password::{HashError, Turn, Verdict},
};
use crate::{
    admission::Admitted,
    clock,
    db::{Attempt, Db, DbError, GoodLogin, Locks, LoginAttempt, Rung, User},
    random,
};
use gapura_shared::{
    address::Network,
    device::COOKIE,
    ids::hex,
    limits::MAX_REVOCATIONS,
    outcome::{AccountId, Lock, Login},
    time::UnixMillis,
};
use http::{HeaderMap, HeaderValue, header};

/// The reference systems' ladder: 15 minutes, an hour, a day.
pub(super) const LADDER: [Rung; 3] = [
    Rung {
        failures: 5,
        lock_ms: 15 * 60_000,
    },
    Rung {
        failures: 10,
        lock_ms: 60 * 60_000,
    },
    Rung {
        failures: 20,
        lock_ms: DAY_MS,
    },
];
const CEILING_LOCK_MS: u64 = 15 * 60_000;
const DAY_MS: u64 = 86_400_000;
/// How long a source of a good login is known.
pub(super) const KNOWN_MS: u64 = 30 * DAY_MS;
const DEVICE_LIFETIME_S: u32 = 31_536_000;

/// From where a login comes, and as whom.
#[derive(Debug)]
pub(super) struct Source {
    account: AccountId,
    /// The client's network.
    network: String,
    /// What it is counted by: the network, or `device:<id>`.
    name: String,
}

/// A login as it is counted.
#[derive(Debug)]
pub(super) struct Counted {
    source: Source,
    /// What began with it.
    began: Locks,
    /// Whether its password may be looked at.
    pub(super) is_open: bool,
    /// Among those of its account and source that are open.
    place: Option<Place>,
}

impl Counted {
    /// As one that was right after all.
    pub(super) fn good(&self) -> GoodLogin<'_> {
        GoodLogin {
            account: self.source.account.as_str(),
            source: &self.source.name,
            began: self.began,
        }
    }

    /// Those who wait for what it comes to need wait no longer.
    pub(super) fn is_over(&mut self) {
        self.place = None;
    }

    /// Whether a lock began with it.
    pub(super) fn has_locked(&self) -> bool {
        self.is_open && self.began != Locks::default()
    }
}

/// Lifts every lock of a login name, here and at the edge: its owner has shown who they are. Where they are
/// is known from now on: what others do next keeps them out no more.
pub(super) async fn lift(
    db: &Db,
    request: &mut Admitted,
    login: &str,
    now: UnixMillis,
) -> Result<(), DbError> {
    let account = AccountId::of(login);
    let held = db.lift_locks(account.as_str(), now).await?;
    let network = network(request);
    let here = GoodLogin {
        account: account.as_str(),
        source: &network,
        began: Locks::default(),
    };
    db.login_succeeded(here, now).await?;
    let lifted = held.into_iter().take(MAX_REVOCATIONS).map(|source| Lock {
        account: account.clone(),
        source,
        // The past: the edge forgets the lock.
        until_ms: UnixMillis(0),
        delay_ms: 0,
    });
    request.outcome().locks.extend(lifted);
    Ok(())
}

impl Auth {
    /// From where a request would log in as `login`.
    pub(super) fn source(&self, request: &Admitted, login: &str) -> Source {
        let account = AccountId::of(login);
        let network = network(request);
        let device = self.device(request.headers(), &account);
        let name = device.map_or_else(|| network.clone(), |device| format!("device:{device}"));
        Source {
            account,
            network,
            name,
        }
    }

    /// Counts an attempt to log in, and reads the account of its address. To be called with a place in
    /// the hash queue: what is not looked at does not count.
    pub(super) async fn count_login(
        &self,
        db: &Db,
        source: Source,
        email: &str,
        now: UnixMillis,
    ) -> Result<(Counted, Option<User>), DbError> {
        let gate = self.open_logins.of(source.account.as_str(), &source.name);
        let (mut place, is_alone) = match gate.try_alone() {
            Some(place) => (place, true),
            None => (gate.enter().await, false),
        };
        let attempt = LoginAttempt {
            account: source.account.as_str(),
            source: &source.name,
            ladder: &LADDER,
            ceiling: Rung {
                failures: self.settings.lockout_ceiling,
                lock_ms: CEILING_LOCK_MS,
            },
            forget_ms: DAY_MS,
            known_ms: KNOWN_MS,
            counts_refusal: is_alone,
        };
        let (mut counted, mut user) = db.count_login_of(email, &attempt, now).await?;
        if !is_alone && matches!(counted, Attempt::Locked(_)) {
            // Those that are open may be right, and then there is no lock: wait for what they say.
            drop(place);
            place = gate.alone().await;
            let attempt = LoginAttempt {
                counts_refusal: true,
                ..attempt
            };
            (counted, user) = db.count_login_of(email, &attempt, clock::now()).await?;
        }
        let (is_open, locks) = match counted {
            Attempt::Counted(began) => (true, began),
            Attempt::Locked(locks) => (false, locks),
        };
        let place = is_open.then(|| place.share());
        let counted = Counted {
            source,
            began: locks,
            is_open,
            place,
        };
        Ok((counted, user))
    }

    /// Compares a password, or does the same work in vain for a login that is locked.
    pub(super) async fn compare(
        &self,
        counted: &Counted,
        turn: Turn,
        password: String,
        hash: Option<&str>,
    ) -> Result<Verdict, HashError> {
        let hash = hash.filter(|_| counted.is_open);
        self.hasher.verify_in(turn, password, hash).await
    }

    /// Tells the edge of a login that failed, and of its locks. `delay_ms` is how long it took.
    pub(super) fn login_failed(request: &mut Admitted, counted: &mut Counted, delay_ms: u32) {
        counted.is_over();
        let outcome = request.outcome();
        outcome.login = Some(Login::Failed);
        // The edge knows networks, not devices, nor whom the lock of all sources spares: a device's own lock and
        // that one are enforced here alone.
        let source = &counted.source;
        let by_network = source.name == source.network;
        if let Some(until_ms) = counted.began.source.filter(|_| by_network) {
            outcome.locks.push(Lock {
                account: source.account.clone(),
                source: Some(source.network.clone()),
                until_ms,
                delay_ms,
            });
        }
    }

    /// Tells the edge of a good login; the cookie by which its device is known from now on.
    pub(super) fn known_device(&self, request: &mut Admitted, counted: &Counted) -> HeaderValue {
        request.outcome().login = Some(Login::Succeeded);
        let Source { account, name, .. } = &counted.source;
        let device = name
            .strip_prefix("device:")
            .map_or_else(|| hex(&random::bytes::<16>()), str::to_owned);
        let value = self.devices.value(&device, account);
        let cookie = format!(
            "{COOKIE}={value}; Path=/; Max-Age={DEVICE_LIFETIME_S}; Secure; HttpOnly; SameSite=Lax"
        );
        // Hex and base64url are always a field value.
        HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The id of a device that has logged in as this account before.
    fn device(&self, headers: &HeaderMap, account: &AccountId) -> Option<String> {
        let fields = headers.get_all(header::COOKIE).iter();
        let mut fields = fields.filter_map(|field| field.to_str().ok());
        let known = fields.find_map(|field| self.devices.known(field, account));
        known.map(str::to_owned)
    }
}

/// What a client is counted by.
pub(super) fn network(request: &Admitted) -> String {
    Network::of_client(request.identity().client).to_string()
}

/// Counts that nothing happened to since then may go: the longest that any is good for.
#[must_use]
pub const fn forgotten_before(now: UnixMillis) -> UnixMillis {
    UnixMillis(now.0.saturating_sub(KNOWN_MS))
}
