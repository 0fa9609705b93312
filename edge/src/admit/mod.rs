//! The admission stage: one question per subject of the request, under way while the stages
//! behind it work; none where memory has the answer.
//!
//! Guarantees: what one subject admitted and another refused is given back, but an address pays for
//! what a user, tenant, key or account refused: else one address could ask for ever in their name;
//! whoever is in `never_ban` is never banned; in `detect` mode bans are logged and windows still hold.

mod ask;
mod memory;
mod repeat;
mod settle;
mod subject;

pub use memory::{Remembered, remembered, strike};
pub use repeat::Repeat;
pub use subject::{account, jails, shard};

use crate::{
    authenticate,
    facts::Facts,
    gate::Gate,
    guard::{AskedClass, Standing, Subject},
    policy::{Counted, Route, SubjectKind},
    ratelimit::Told,
    runtime::Runtime,
    verdict::Stop,
};
use gapura_shared::outcome::AccountId;
use std::{cell::Cell, pin::Pin, rc::Rc};

/// The questions about one request.
pub struct Admission<'a, R> {
    gate: &'a Gate,
    /// What counts the request.
    classes: &'a [Counted],
    facts: &'a Facts,
    runtime: &'a R,
    /// Whether this client cannot be banned.
    exempt: bool,
    under_attack: bool,
    /// The account that a login names.
    account: Option<AccountId>,
    asked: Vec<Asked<'a>>,
    /// Kinds that were not known when the request began, and are not yet.
    open: Vec<SubjectKind>,
    /// Who gets back what was admitted, once the request is refused.
    refunds: Rc<Cell<Refunds>>,
    /// The ban that would have refused the request, were bans enforced.
    spared: Option<String>,
}

/// A question about one subject.
struct Asked<'a> {
    subject: Subject,
    classes: Vec<AskedClass>,
    closed: bool,
    /// Whether the client may learn how its windows stand.
    told: bool,
    state: State<'a>,
}

enum State<'a> {
    Waiting {
        sent_ms: u64,
        answer: Pin<Box<dyn Future<Output = Option<String>> + 'a>>,
    },
    Settled {
        end: End,
        /// One per class, as far as they are known.
        standings: Vec<Option<Standing>>,
        counted: Place,
    },
}

/// Where a request was counted, to take it back.
enum Place {
    Nowhere,
    /// By the shard, at this time of its clock.
    Shard(u64),
    /// Out of memory: a lease for each class.
    Leases(Vec<(Standing, u64)>),
}

/// Whose admissions of a request are given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refunds {
    /// Nobody's: it was not refused.
    Nobody,
    /// All but the address's: who has a name refused the request, and it was the address that asked.
    Names,
    /// Everybody's.
    All,
}

impl Refunds {
    const fn reach(self, subject: &Subject) -> bool {
        match self {
            Self::Nobody => false,
            Self::Names => !matches!(subject, Subject::Ip(_)),
            Self::All => true,
        }
    }
}

/// How a question ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Admitted,
    Unanswered,
    Stopped(Stop),
}

impl<R> std::fmt::Debug for Admission<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

/// Asks what can be asked at once: about the client's address, also where no class counts it, for
/// its bans; about nothing on a route that counts nobody and is answered by the gate itself.
pub fn start<'a, R: Runtime>(
    gate: &'a Gate,
    route: &'a Route,
    facts: &'a Facts,
    runtime: &'a R,
) -> Admission<'a, R> {
    let never = &gate.policy.guard.never_ban;
    let exempt = never.iter().any(|network| network.contains(facts.client));
    let mut open = subject::kinds(gate, &route.classes);
    // Accounts also for their locks.
    if !route.account.is_empty() && !open.contains(&SubjectKind::Account) {
        open.push(SubjectKind::Account);
    }
    let is_guarded = !open.is_empty() || route.answer.is_none();
    if is_guarded && !open.contains(&SubjectKind::Ip) {
        open.push(SubjectKind::Ip);
    }
    begin(gate, &route.classes, open, facts, runtime, exempt)
}

/// As [`start`], of what is asked of the gate itself.
pub fn own<'a, R: Runtime>(gate: &'a Gate, facts: &'a Facts, runtime: &'a R) -> Admission<'a, R> {
    let guard = &gate.policy.guard;
    let exempt = guard.never_ban.iter().any(|net| net.contains(facts.client));
    let open = subject::kinds(gate, &guard.classes);
    begin(gate, &guard.classes, open, facts, runtime, exempt)
}

/// As [`start`], of a request to the operator's API: it is where bans are lifted, so none
/// keeps anybody from it; what is asked there counts.
pub fn operated<'a, R: Runtime>(
    gate: &'a Gate,
    facts: &'a Facts,
    runtime: &'a R,
) -> Admission<'a, R> {
    let classes = &gate.policy.guard.classes;
    begin(
        gate,
        classes,
        subject::kinds(gate, classes),
        facts,
        runtime,
        true,
    )
}

fn begin<'a, R: Runtime>(
    gate: &'a Gate,
    classes: &'a [Counted],
    open: Vec<SubjectKind>,
    facts: &'a Facts,
    runtime: &'a R,
    exempt: bool,
) -> Admission<'a, R> {
    memory::tell_over(gate, facts, runtime);
    let now = runtime.now();
    let mut admission = Admission {
        gate,
        classes,
        facts,
        runtime,
        exempt,
        under_attack: gate
            .memory
            .ledger
            .borrow()
            .replica
            .under_attack(now.seconds()),
        account: None,
        asked: Vec::new(),
        open,
        refunds: Rc::new(Cell::new(Refunds::Nobody)),
        spared: None,
    };
    let mut kinds = vec![SubjectKind::Ip];
    // Who shows no token is counted by address: that is known already.
    if !authenticate::bears_token(gate, facts) {
        kinds.extend([SubjectKind::User, SubjectKind::Tenant, SubjectKind::Key]);
    }
    admission.ask(&kinds, &Subject::client(facts.client));
    admission
}

impl State<'_> {
    const fn settled(end: End) -> Self {
        Self::Settled {
            end,
            standings: Vec::new(),
            counted: Place::Nowhere,
        }
    }
}

impl Asked<'_> {
    fn stop(&self) -> Option<&Stop> {
        match &self.state {
            State::Settled {
                end: End::Stopped(stop),
                ..
            } => Some(stop),
            _ => None,
        }
    }

    fn told(&self) -> impl Iterator<Item = Told<'_>> {
        let standings = match &self.state {
            State::Settled { standings, .. } if self.told => standings.as_slice(),
            _ => &[],
        };
        let standing = |n: usize| standings.get(n).copied().flatten();
        let classes = self.classes.iter().enumerate();
        classes.map(move |(n, class)| Told {
            class,
            standing: standing(n),
        })
    }
}
