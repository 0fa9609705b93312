//! Asking: about whom, and what memory says first.

use super::{
    Admission, Asked, End, Place, State,
    memory::repeated,
    settle::{learn, refund, stop},
    subject::{self, jails, shard},
};
use crate::{
    guard::{Answer, Ask, AskedClass, Kind, Recall, Return, Subject, Verdict},
    policy::{GuardMode, OnError, StrikeKind, SubjectKind},
    runtime::{Late, Object, Runtime},
};
use gapura_shared::{identity::Principal, outcome::AccountId, time::UnixMillis};
use std::rc::Rc;

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

    pub(super) fn ask(&mut self, kinds: &[SubjectKind], subject: &Subject) {
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
        // Whoever uses up an account's window keeps no device of its owner out.
        if is_account && self.knows_device() {
            counted.clear();
        }
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
            Recall::Admitted(spent) => {
                self.ask_ahead(&asked);
                State::Settled {
                    end: End::Admitted,
                    standings: spent.iter().map(|spent| Some(spent.0)).collect(),
                    counted: Place::Leases(spent),
                }
            }
            Recall::Refused(refusal) => {
                repeated(self.gate, subject, self.facts, &refusal, self.runtime);
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

    /// Asks for the next leases, if the isolate's run low. Nobody waits for them.
    fn ask_ahead(&self, asked: &Asked<'_>) {
        let sent_ms = self.runtime.now().0;
        let (subject, classes) = (asked.subject.clone(), asked.classes.clone());
        let memory = self.gate.memory.clone();
        let due = memory.guard.borrow_mut().ahead(&subject, &classes, sent_ms);
        let Some(returns) = due else {
            return;
        };
        let ask = Ask {
            returns,
            lease: true,
            ahead: true,
            exempt: self.exempt,
            ..Ask::new(subject.clone(), classes.clone())
        };
        let text = ask.to_text();
        let name = shard(self.gate, &subject, self.runtime);
        let told = move |answer: Option<String>, now: UnixMillis| {
            let answer = Answer::parse(&answer?, classes.len()).ok()?;
            if answer.lends_or_stops() {
                learn(&memory, &subject, &classes, &answer, sent_ms, now.0);
            }
            None
        };
        self.runtime.tell(Object::Guard(&name), &text, told);
    }

    fn counts(&self, subject: &Subject, class: &str) -> bool {
        let mut same = self.asked.iter().filter(|asked| asked.subject == *subject);
        same.any(|asked| asked.classes.iter().any(|known| known.name == class))
    }

    pub(super) fn enforces_bans(&self) -> bool {
        !self.exempt && self.gate.policy.guard.mode == GuardMode::Enforce
    }

    /// Notes a ban that is not enforced; none against those that cannot be banned at all.
    pub(super) fn spare(&mut self, verdict: &Verdict) {
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
    pub(super) fn question(
        &self,
        asked: &Asked<'_>,
        returns: Vec<Return>,
        exempt: bool,
    ) -> State<'a> {
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
            lease: asked.classes.iter().all(|class| !class.strict),
            ahead: false,
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
}
