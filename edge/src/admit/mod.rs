//! The admission stage: one question per subject of the request, under way while the stages
//! behind it work; none where memory has the answer.
//!
//! Guarantees: what one subject admitted and another refused is given back, but an address pays for
//! what a user, tenant, key or account refused: else one address could ask for ever in their name;
//! whoever is in `never_ban` is never banned; in `detect` mode bans are logged and windows still hold.

mod memory;
mod repeat;
mod subject;

pub use memory::{Remembered, remembered, strike};
pub use repeat::Repeat;
pub use subject::{account, jails, shard};

use crate::{
    authenticate,
    facts::Facts,
    gate::{Gate, Memory},
    guard::{
        Answer, Ask, AskedClass, Kind, Message, Order, Recall, Return, Standing, Subject, Verdict,
    },
    policy::{Counted, GuardMode, OnError, Route, StrikeKind, SubjectKind},
    ratelimit::{self, Notice, Told},
    runtime::{Late, Object, Runtime},
    verdict::Stop,
};
use gapura_shared::{identity::Principal, outcome::AccountId};
use std::{cell::Cell, cmp::Reverse, pin::Pin, rc::Rc};

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

impl<'a, R: Runtime> Admission<'a, R> {
    /// Asks about the bearer. Classes of a kind that the token does not name count the address.
    pub fn identify(&mut self, principal: Option<&Principal>) {
        let mut nameless = Vec::new();
        for kind in [SubjectKind::User, SubjectKind::Tenant, SubjectKind::Key] {
            match principal.and_then(|principal| subject::of(kind, principal)) {
                Some(subject) => self.ask(&[kind], &subject),
                None => nameless.push(kind),
            }
        }
        self.ask(&nameless, &Subject::client(self.facts.client));
    }

    /// Asks about the account that a login names: also where no class counts it, for its locks.
    /// Classes of accounts count the address of who names none.
    pub fn name_account(&mut self, account: Option<&AccountId>) {
        self.account = account.cloned();
        let subject = account.map_or_else(|| Subject::client(self.facts.client), subject::account);
        self.ask(&[SubjectKind::Account], &subject);
    }

    fn ask(&mut self, kinds: &[SubjectKind], subject: &Subject) {
        let kinds: Vec<_> = self
            .open
            .extract_if(.., |kind| kinds.contains(kind))
            .collect();
        if kinds.is_empty() {
            return;
        }
        let is_account = matches!(subject, Subject::Named(Kind::Account, _));
        let mut counted = subject::counted(self.gate, self.classes, &kinds);
        // A class of several kinds may find the same subject twice.
        counted.retain(|(class, _)| !self.counts(subject, &class.name));
        let can_be_banned = kinds.contains(&SubjectKind::Ip) && !self.exempt;
        if counted.is_empty() && !is_account && !can_be_banned {
            return;
        }
        let asked_class = |(class, cost)| subject::asked(class, cost, self.under_attack);
        let classes: Vec<AskedClass> = counted.iter().copied().map(asked_class).collect();
        let now_ms = self.runtime.now().0;
        let mut memory = self.gate.memory.guard.borrow_mut();
        // Who is served all the same is not counted among the refused.
        let (banned, spared) = match (self.exempt, self.enforces_bans()) {
            (true, _) => (None, None),
            (false, true) => (memory.banned(subject, now_ms), None),
            (false, false) => (None, memory.held(subject, now_ms)),
        };
        let exempt = self.exempt || spared.is_some();
        let recall = match banned {
            Some(refusal) => Recall::Refused(refusal),
            None => memory.recall_windows(subject, &classes, now_ms),
        };
        drop(memory);
        if let Some(verdict) = spared {
            self.spare(&verdict);
        }
        let mut asked = Asked {
            subject: subject.clone(),
            closed: counted
                .iter()
                .any(|(class, _)| class.on_error == OnError::Closed),
            told: !is_account,
            classes,
            state: State::settled(End::Admitted),
        };
        asked.state = match recall {
            Recall::Admitted(spent) => State::Settled {
                end: End::Admitted,
                standings: spent.iter().map(|spent| Some(spent.0)).collect(),
                counted: Place::Leases(spent),
            },
            Recall::Refused(refusal) => {
                memory::repeated(self.gate, subject, self.facts, &refusal, self.runtime);
                State::Settled {
                    end: End::Stopped(stop(
                        &refusal.verdict,
                        refusal.class.as_ref(),
                        refusal.is_again(),
                    )),
                    standings: refusal.standings(&asked.classes),
                    counted: Place::Nowhere,
                }
            }
            Recall::Ask(returns) => self.question(&asked, returns, exempt),
        };
        self.asked.push(asked);
    }

    fn counts(&self, subject: &Subject, class: &str) -> bool {
        let mut same = self.asked.iter().filter(|asked| asked.subject == *subject);
        same.any(|asked| asked.classes.iter().any(|known| known.name == class))
    }

    fn enforces_bans(&self) -> bool {
        !self.exempt && self.gate.policy.guard.mode == GuardMode::Enforce
    }

    /// Notes a ban that is not enforced; none against those that cannot be banned at all.
    fn spare(&mut self, verdict: &Verdict) {
        if let (false, Verdict::Banned { reason, .. }) = (self.exempt, verdict) {
            self.spared = Some(reason.clone());
        }
    }

    /// The ban that would have refused the request, had it been enforced.
    #[must_use]
    pub fn spared(&self) -> Option<&str> {
        self.spared.as_deref()
    }

    /// Sends a question to the subject's shard.
    fn question(&self, asked: &Asked<'_>, returns: Vec<Return>, exempt: bool) -> State<'a> {
        let is_ip = matches!(asked.subject, Subject::Ip(_));
        let ask = Ask {
            subject: asked.subject.clone(),
            classes: asked.classes.clone(),
            returns,
            // Who uses up an account's window is not its owner: strikes are for addresses.
            jails: if is_ip {
                jails(self.gate, &[StrikeKind::RateLimited])
            } else {
                Vec::new()
            },
            source: (!asked.told).then_some(self.facts.client),
            mark: None,
            lease: asked.classes.iter().all(|class| !class.strict),
            exempt,
        };
        let name = shard(self.gate, &asked.subject, self.runtime);
        let guard = &self.gate.policy.guard;
        let budget_ms = if asked.closed {
            guard.closed_budget_ms
        } else {
            guard.budget_ms
        };
        let late = self.late(asked);
        let answer = self
            .runtime
            .ask(Object::Guard(&name), &ask.to_text(), budget_ms, late);
        State::Waiting {
            sent_ms: self.runtime.now().0,
            answer: Box::pin(answer),
        }
    }

    /// An answer beyond the budget decides nothing about its request. What it says of the next ones, a
    /// lease or a denial, is learnt; an admission of what was refused meanwhile is given back.
    fn late(&self, asked: &Asked<'_>) -> Late {
        let memory = self.gate.memory.clone();
        let (subject, classes) = (asked.subject.clone(), asked.classes.clone());
        let (sent_ms, closed) = (self.runtime.now().0, asked.closed);
        let refunds = Rc::clone(&self.refunds);
        Box::new(move |text, now| {
            let answer = Answer::parse(text, classes.len()).ok()?;
            learn(&memory, &subject, &classes, &answer, sent_ms, now.0);
            let is_back = closed || refunds.get().reach(&subject);
            (is_back && answer.admitted()).then(|| refund(subject, classes, answer.at_ms))
        })
    }

    /// Awaits the answers to all that was asked so far, and notes how the windows stand.
    ///
    /// # Errors
    /// [`Stop::Banned`], [`Stop::RateLimited`], [`Stop::GuardUnavailable`], [`Stop::Locked`].
    pub async fn settle(&mut self, notice: &mut Option<Notice>) -> Result<(), Stop> {
        for index in 0..self.asked.len() {
            self.settle_one(index).await;
        }
        let told: Vec<Told<'_>> = self.asked.iter().flat_map(Asked::told).collect();
        *notice = ratelimit::notice(&told);
        let stops = self.asked.iter().filter_map(Asked::stop);
        let Some(stop) = stops.min_by_key(|stop| rank(stop)).cloned() else {
            return Ok(());
        };
        if matches!(stop, Stop::RateLimited { .. } | Stop::GuardUnavailable) {
            let is_names = |asked: &Asked<'_>| match asked.stop() {
                Some(Stop::GuardUnavailable) => false,
                Some(_) => matches!(asked.subject, Subject::Named(..)),
                None => true,
            };
            let is_names = self.asked.iter().all(is_names);
            self.refund(if is_names {
                Refunds::Names
            } else {
                Refunds::All
            });
        }
        Err(stop)
    }

    async fn settle_one(&mut self, index: usize) {
        while let Some(asked) = self.asked.get_mut(index)
            && let State::Waiting { sent_ms, answer } = &mut asked.state
        {
            let sent_ms = *sent_ms;
            let text = answer.await;
            let answer = text.and_then(|text| Answer::parse(&text, asked.classes.len()).ok());
            if let Some(answer) = &answer {
                learn(
                    &self.gate.memory,
                    &asked.subject,
                    &asked.classes,
                    answer,
                    sent_ms,
                    self.runtime.now().0,
                );
                memory::tell_begun(self.gate, self.facts, self.runtime);
            }
            let banned = answer
                .as_ref()
                .filter(|answer| matches!(answer.verdict, Verdict::Banned { .. }));
            let spared = banned.filter(|_| !self.enforces_bans());
            if let Some(answer) = spared {
                self.spare(&answer.verdict);
            }
            let again = spared.is_some();
            let Some(asked) = self.asked.get(index) else {
                return;
            };
            let state = if again {
                // The ban is on record; the windows hold all the same.
                self.question(asked, Vec::new(), true)
            } else {
                self.settled(asked, answer)
            };
            if let Some(asked) = self.asked.get_mut(index) {
                asked.state = state;
            }
        }
    }

    fn settled(&self, asked: &Asked<'_>, answer: Option<Answer>) -> State<'a> {
        let Some(answer) = answer else {
            return State::settled(if asked.closed {
                End::Stopped(Stop::GuardUnavailable)
            } else {
                End::Unanswered
            });
        };
        let exhausted = asked.classes.iter().zip(&answer.standings);
        let exhausted = exhausted
            .filter(|(_, standing)| standing.wait_ms > 0)
            .max_by_key(|(_, standing)| standing.wait_ms)
            .map(|(class, standing)| (class.name.clone(), *standing));
        let end = match &answer.verdict {
            Verdict::Admitted => End::Admitted,
            // The origin counts such a device for itself.
            Verdict::Locked { .. } if self.knows_device() => End::Unanswered,
            verdict => End::Stopped(stop(verdict, exhausted.as_ref(), false)),
        };
        // What was lent is left to the client as well.
        let mut standings = answer.standings;
        for (standing, lease) in standings.iter_mut().zip(&answer.leases) {
            let lent = lease.map_or(0, |lease| lease.size);
            standing.remaining = standing.remaining.saturating_add(lent);
            standing.burst = standing.burst.map(|burst| burst.saturating_add(lent));
        }
        State::Settled {
            end,
            standings: standings.into_iter().map(Some).collect(),
            counted: Place::Shard(answer.at_ms),
        }
    }

    /// Whether the login comes from a device that logged in to the account before.
    fn knows_device(&self) -> bool {
        let cookies = self.facts.header("cookie").unwrap_or_default();
        let known = |account| self.gate.devices.known(cookies, account);
        self.account.as_ref().and_then(known).is_some()
    }

    /// Gives back what was admitted of a request that another subject refused. Whoever was refused
    /// meanwhile for want of it is asked about anew.
    fn refund(&self, refunds: Refunds) {
        if self.refunds.replace(refunds) != Refunds::Nobody {
            return;
        }
        let refused = |asked: &&Asked<'_>| refunds.reach(&asked.subject);
        for asked in self.asked.iter().filter(refused) {
            let State::Settled {
                end: End::Admitted,
                counted,
                ..
            } = &asked.state
            else {
                continue;
            };
            if asked.classes.is_empty() {
                continue;
            }
            let at_ms = match counted {
                Place::Shard(at_ms) => *at_ms,
                Place::Leases(spent) => {
                    let mut memory = self.gate.memory.guard.borrow_mut();
                    memory.refund(&asked.subject, &asked.classes, spent);
                    continue;
                }
                Place::Nowhere => continue,
            };
            let message = refund(asked.subject.clone(), asked.classes.clone(), at_ms);
            let name = shard(self.gate, &asked.subject, self.runtime);
            let memory = self.gate.memory.clone();
            let (subject, classes) = (asked.subject.clone(), asked.classes.clone());
            self.runtime.tell(Object::Guard(&name), &message, move |_| {
                memory.guard.borrow_mut().reopen(&subject, &classes);
                None
            });
        }
    }
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

/// Which of several stops is answered: the one that says most about the client, of exhausted
/// windows the one that lasts longest, and that an account is locked only to who is refused for
/// nothing else.
const fn rank(stop: &Stop) -> (u8, Reverse<u64>) {
    match stop {
        Stop::Banned { .. } => (0, Reverse(0)),
        Stop::RateLimited { retry_after_s, .. } => (1, Reverse(*retry_after_s)),
        Stop::GuardUnavailable => (2, Reverse(0)),
        _ => (3, Reverse(0)),
    }
}

/// Tells a shard to take an admission back.
fn refund(subject: Subject, classes: Vec<AskedClass>, at_ms: u64) -> String {
    Message::Order(subject, Order::Refund { classes, at_ms }).to_text()
}

/// Has the isolate remember an answer.
fn learn(
    memory: &Memory,
    subject: &Subject,
    classes: &[AskedClass],
    answer: &Answer,
    sent_ms: u64,
    now_ms: u64,
) {
    let mut guard = memory.guard.borrow_mut();
    guard.learn(subject, classes, answer, sent_ms, now_ms);
    drop(guard);
    let waits = answer.standings.iter().map(|standing| standing.wait_ms);
    let refused_ms = match &answer.verdict {
        Verdict::Banned { for_ms, .. } => Some(*for_ms),
        Verdict::Exhausted => waits.max(),
        Verdict::Admitted | Verdict::Locked { .. } => None,
    };
    if let Some(refused_ms) = refused_ms {
        memory.refuses_for(sent_ms, refused_ms);
    }
}

/// A refusal of the Guard as a stop.
fn stop(verdict: &Verdict, exhausted: Option<&(String, Standing)>, again: bool) -> Stop {
    match verdict {
        Verdict::Banned { reason, .. } => Stop::Banned {
            why: reason.clone(),
            again,
        },
        Verdict::Locked { delay_ms, .. } => Stop::Locked {
            delay_ms: *delay_ms,
        },
        Verdict::Admitted | Verdict::Exhausted => {
            let (class, wait_ms) = exhausted.map_or_else(
                || (String::new(), 0),
                |(class, standing)| (class.clone(), standing.wait_ms),
            );
            Stop::RateLimited {
                class,
                retry_after_s: wait_ms.div_ceil(1000).max(1),
                again,
            }
        }
    }
}
