//! One request: the questions about it, how long each is waited for, and what follows.

use crate::{
    run::{Client, Event, Simulation, Way},
    tally::Refused,
    traffic::class,
    world::time_ms,
};
use gapura_edge::{
    guard::{
        Answer, Ask, AskedClass, Banned, Jail, Kind, Lock, Message, Order, Recall, Return, Subject,
        Verdict,
    },
    ledger::{self, Batch, Change, Entry, Key},
    revocation::{self, Need, Sent},
};
use gapura_shared::time::{UnixMillis, UnixSeconds};
use std::rc::Rc;

/// What the stages beside the calls take: they are awaited only after them.
const BESIDE_US: u64 = 1_000;
/// `budget_ms`, `closed_budget_ms` and `ledger_ms` as shipped.
const BUDGET_US: u64 = 50_000;
const CLOSED_BUDGET_US: u64 = 2_000_000;
const LEDGER_MS: u32 = 2_000;
/// One request with a token in so many ends its session.
const LOGOUT_IN: u32 = 200;
/// How often somebody may guess wrong until the origin locks the account for its address.
const LOCKED_AFTER: u32 = 5;
/// Objects that the naive way has for accounts begin here.
const ACCOUNTS: u64 = 1 << 40;

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Pending {
    client: Client,
    isolate: usize,
    starts: u32,
    came_us: u64,
    /// For so many answers.
    waits: u32,
    refused: bool,
    looked_again: bool,
    /// What the refusal by the client's own class is, if that is what it was.
    judged: Option<Refused>,
    /// Who admitted it besides the client, to be given back.
    admitted: Vec<(To, Subject, Rc<[AskedClass]>, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Object(u64),
    Ledger,
}

/// What a question is for.
#[derive(Debug)]
enum Purpose {
    /// May the request pass? Of the client itself, or of the account that it names.
    Pass {
        subject: Subject,
        classes: Rc<[AskedClass]>,
        is_client: bool,
        judged: Option<Refused>,
    },
    /// Leases ahead of need.
    Ahead {
        subject: Subject,
        classes: Rc<[AskedClass]>,
    },
    /// What changed in the Ledger?
    Copy(Sent),
    /// The client did something wrong.
    Strike,
    /// Nobody needs an answer.
    Tell,
}

/// A question under way.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) to: To,
    client: Client,
    isolate: usize,
    starts: u32,
    sent_ms: u64,
    text: String,
    purpose: Purpose,
    /// Under which number it is waited for, if it is.
    number: u64,
}

impl Simulation {
    pub(crate) fn request(&mut self, client: Client) {
        let isolate = self.isolate_of(client);
        let source = &self.setup.sources[client.source];
        let (counted, attack, tokens) = (
            source.counted(client.number),
            source.is_attack(),
            source.bears_tokens(),
        );
        let (subject, account) = (source.subject(counted), source.account(client.number));
        let class = source.class.clone();
        self.tally.of(attack).requests += 1;
        self.tally.ask(counted, &class, time_ms(self.now_us));
        let id = self.next_number();
        let starts = self.isolates[isolate].starts;
        self.pending.insert(
            id,
            Pending {
                client,
                isolate,
                starts,
                came_us: self.now_us,
                waits: 0,
                refused: false,
                looked_again: false,
                judged: None,
                admitted: Vec::new(),
            },
        );
        let classes = Rc::clone(&self.classes[client.source]);
        if self.ask(id, isolate, client, subject, classes, true) {
            if let Some(account) = account {
                let name = Subject::named(Kind::Account, &format!("a{account}"));
                let classes = Rc::from([class_of_accounts()]);
                self.ask(id, isolate, client, name, classes, false);
            }
            if self.setup.way != Way::Naive {
                self.look(id, isolate, client, tokens);
            }
        }
        self.settle(id);
    }

    /// Asks about a subject, unless memory knows; whether the request goes on.
    fn ask(
        &mut self,
        id: u64,
        isolate: usize,
        client: Client,
        subject: Subject,
        classes: Rc<[AskedClass]>,
        is_client: bool,
    ) -> bool {
        let way = self.setup.way;
        let source = &self.setup.sources[client.source];
        let (counted, attack, counts) = (
            source.counted(client.number),
            source.is_attack(),
            source.class.clone(),
        );
        let at = &mut self.isolates[isolate];
        let sent_ms = at.now_ms(self.now_us);
        let recall = if way == Way::Naive {
            Recall::Ask(Vec::new())
        } else {
            at.memory.recall(&subject, &classes, sent_ms)
        };
        let now_ms = time_ms(self.now_us);
        match recall {
            Recall::Admitted(_) => {
                let due = at.memory.ahead(&subject, &classes, sent_ms);
                if is_client {
                    self.tally.admit(counted, &counts, now_ms);
                }
                if let Some(returns) = due {
                    self.ask_ahead(isolate, client, subject, classes, returns);
                }
                true
            }
            Recall::Refused(refusal) => {
                let judged = (is_client && refusal.verdict == Verdict::Exhausted)
                    .then(|| self.tally.judge(counted, &counts, now_ms));
                if let Some(pending) = self.pending.get_mut(&id) {
                    (pending.refused, pending.judged) = (true, judged);
                }
                false
            }
            Recall::Ask(returns) => {
                let to = self.home(&subject, client);
                let mut ask = Ask::new(subject.clone(), classes.to_vec());
                ask.returns = returns;
                ask.lease = way == Way::Leased;
                if is_client && attack {
                    ask.jails = vec![jail("limit", 10, 600)];
                }
                if !is_client
                    && let Subject::Ip(network) = self.setup.sources[client.source].subject(counted)
                {
                    ask.source = Some(network.parts().0);
                }
                let closed = classes
                    .iter()
                    .any(|class| class.name != "general" && class.strict);
                let budget_us = if closed { CLOSED_BUDGET_US } else { BUDGET_US };
                let budget_us = (way != Way::Naive).then_some(budget_us);
                let purpose = Purpose::Pass {
                    subject,
                    classes,
                    is_client,
                    judged: None,
                };
                self.tally.of(attack).calls += 1;
                self.send(
                    (to, client, isolate),
                    Message::Ask(ask).to_text(),
                    purpose,
                    Some((id, budget_us)),
                );
                true
            }
        }
    }

    fn ask_ahead(
        &mut self,
        isolate: usize,
        client: Client,
        subject: Subject,
        classes: Rc<[AskedClass]>,
        returns: Vec<Return>,
    ) {
        let to = self.home(&subject, client);
        let ask = Ask {
            returns,
            lease: true,
            ahead: true,
            ..Ask::new(subject.clone(), classes.to_vec())
        };
        let purpose = Purpose::Ahead { subject, classes };
        let text = Message::Ask(ask).to_text();
        self.tell(to, client, isolate, text, purpose);
    }

    fn home(&self, subject: &Subject, client: Client) -> To {
        if self.setup.way != Way::Naive {
            let name = subject.shard("", self.setup.shards);
            return To::Object(name.trim_start_matches('/').parse().unwrap_or_default());
        }
        let source = &self.setup.sources[client.source];
        match (subject, source.account(client.number)) {
            (Subject::Named(Kind::Account, _), Some(account)) => {
                To::Object(ACCOUNTS + u64::from(account))
            }
            _ => To::Object(source.counted(client.number).into()),
        }
    }

    /// Sends a question; with `waits` for a request, as long as a budget lasts.
    fn send(
        &mut self,
        (to, client, isolate): (To, Client, usize),
        text: String,
        purpose: Purpose,
        waits: Option<(u64, Option<u64>)>,
    ) {
        let at = &self.isolates[isolate];
        let mut question = Box::new(Question {
            to,
            client,
            isolate,
            starts: at.starts,
            sent_ms: at.now_ms(self.now_us),
            text,
            purpose,
            number: 0,
        });
        if let Some((id, budget_us)) = waits {
            let end_us = budget_us.map_or(u64::MAX, |budget_us| self.now_us + budget_us);
            let number = self.next_number();
            question.number = number;
            if end_us < u64::MAX {
                self.at(end_us, Event::OutOfTime(number));
            }
            self.waiting.insert(number, id);
            if let Some(pending) = self.pending.get_mut(&id) {
                pending.waits += 1;
            }
        }
        let half_us = self.half_way_us();
        self.at(self.now_us + half_us, Event::Arrival(question));
    }

    /// The isolate's copy of the Ledger, by the gate's own rule.
    fn look(&mut self, id: u64, isolate: usize, client: Client, tokens: bool) {
        let at = &mut self.isolates[isolate];
        let now = UnixMillis(at.now_ms(self.now_us));
        let (max_ms, budget_us) = if tokens {
            (LEDGER_MS.into(), CLOSED_BUDGET_US)
        } else {
            (revocation::ANONYMOUS_MS, BUDGET_US)
        };
        let waits = match at.ledger.need(Some(max_ms), now) {
            Need::Nothing => return,
            Need::Renewal => {
                at.ledger.renews(now);
                None
            }
            Need::Answer => Some((id, Some(budget_us))),
        };
        let text = ledger::message::Message::Since(at.ledger.replica.version()).to_text();
        let sent = at.ledger.send(LEDGER_MS, now);
        let rings_us = self.now_us + u64::from(LEDGER_MS) * 1_000;
        self.at(rings_us, Event::Timer(sent.clone()));
        let attack = self.setup.sources[client.source].is_attack();
        self.tally.of(attack).ledger_calls += 1;
        self.send(
            (To::Ledger, client, isolate),
            text,
            Purpose::Copy(sent),
            waits,
        );
    }

    pub(crate) fn decide(&mut self, mut question: Box<Question>) {
        let now_us = self.now_us;
        let to = question.to;
        let answer = self.work(to, |simulation| match to {
            To::Ledger => Some(simulation.book.receive(&question.text, now_us)),
            To::Object(number) => {
                let object = simulation.objects.get_mut(&number)?;
                object.receive(&question.text, now_us).ok()
            }
        });
        let Some(answer) = answer else {
            self.tally.unanswered += 1;
            return;
        };
        if let Purpose::Pass {
            classes,
            is_client: true,
            judged,
            ..
        } = &mut question.purpose
        {
            let source = &self.setup.sources[question.client.source];
            let counted = source.counted(question.client.number);
            let at_ms = time_ms(now_us);
            match Answer::parse(&answer, classes.len()).map(|answer| answer.verdict) {
                Ok(Verdict::Admitted) => self.tally.admit(counted, &source.class, at_ms),
                Ok(Verdict::Exhausted) => {
                    *judged = Some(self.tally.judge(counted, &source.class, at_ms));
                }
                _ => {}
            }
        }
        let half_us = self.half_way_us();
        self.at(now_us + half_us, Event::Answer(question, answer));
    }

    pub(crate) fn answered(&mut self, question: &Question, text: &str) {
        let isolate = &mut self.isolates[question.isolate];
        let now_ms = isolate.now_ms(self.now_us);
        let lives = isolate.starts == question.starts && self.setup.way != Way::Naive;
        let id = self.waiting.remove(&question.number);
        match &question.purpose {
            Purpose::Tell => return,
            Purpose::Strike => {
                if let (true, Ok(Banned(Some(verdict)))) = (lives, Banned::parse(text)) {
                    isolate.memory.ban(&verdict, question.sent_ms, now_ms);
                }
                return;
            }
            Purpose::Ahead { subject, classes } => {
                if let (true, Ok(answer)) = (lives, Answer::parse(text, classes.len()))
                    && answer.lends_or_stops()
                {
                    isolate
                        .memory
                        .learn(subject, classes, &answer, question.sent_ms, now_ms);
                }
                return;
            }
            Purpose::Copy(sent) => {
                if lives {
                    isolate.ledger.learn(Some(text), sent);
                }
            }
            Purpose::Pass {
                subject,
                classes,
                is_client,
                judged,
            } => {
                let Ok(answer) = Answer::parse(text, classes.len()) else {
                    return;
                };
                if lives {
                    isolate
                        .memory
                        .learn(subject, classes, &answer, question.sent_ms, now_ms);
                }
                let Some(pending) = id.and_then(|id| self.pending.get_mut(&id)) else {
                    // It came too late for a request that has passed.
                    let attack = self.setup.sources[question.client.source].is_attack();
                    self.tally.of(attack).let_through += u64::from(!answer.admitted());
                    return;
                };
                if !answer.admitted() {
                    pending.refused = true;
                    pending.judged = pending.judged.or(*judged);
                } else if !is_client {
                    let given = (
                        question.to,
                        subject.clone(),
                        Rc::clone(classes),
                        answer.at_ms,
                    );
                    pending.admitted.push(given);
                }
            }
        }
        if let Some(id) = id {
            if let Some(pending) = self.pending.get_mut(&id) {
                pending.waits -= 1;
            }
            self.settle(id);
        }
    }

    /// Whether the copy got too old while a request with a token waited for other answers; then it is
    /// asked for once more.
    fn is_past(&mut self, id: u64) -> bool {
        let Some(pending) = self.pending.get_mut(&id) else {
            return false;
        };
        let Pending {
            client,
            isolate,
            starts,
            refused,
            ..
        } = *pending;
        let at = &self.isolates[isolate];
        let age_ms = at.ledger.age_ms(UnixMillis(at.now_ms(self.now_us)));
        let is_past = age_ms.is_none_or(|age_ms| age_ms > LEDGER_MS.into());
        let counts = self.setup.sources[client.source].bears_tokens()
            && self.setup.way != Way::Naive
            && starts == at.starts;
        if refused || !counts || !is_past || pending.looked_again {
            return false;
        }
        pending.looked_again = true;
        self.look(id, isolate, client, true);
        true
    }

    /// What is open on error goes on; what is closed would be refused, but no object here is that slow.
    pub(crate) fn out_of_time(&mut self, question: u64) {
        let Some(id) = self.waiting.remove(&question) else {
            return;
        };
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.waits -= 1;
        }
        self.settle(id);
    }

    fn settle(&mut self, id: u64) {
        if self
            .pending
            .get(&id)
            .is_none_or(|pending| pending.waits > 0)
        {
            return;
        }
        if self.is_past(id) {
            return;
        }
        let Some(pending) = self.pending.remove(&id) else {
            return;
        };
        let source = &self.setup.sources[pending.client.source];
        let (attack, tokens) = (source.is_attack(), source.bears_tokens());
        if pending.refused {
            if let Some(judged) = pending.judged {
                self.tally.of(attack).refuse(judged);
            }
            for (to, subject, classes, at_ms) in pending.admitted {
                let order = Order::Refund {
                    classes: classes.to_vec(),
                    at_ms,
                };
                let text = Message::Order(subject, order).to_text();
                self.tell(to, pending.client, pending.isolate, text, Purpose::Tell);
            }
            return;
        }
        let naive = self.setup.way == Way::Naive;
        let beside_us = if naive { 0 } else { BESIDE_US };
        let added_us = (self.now_us - pending.came_us).saturating_sub(beside_us);
        let figures = self.tally.of(attack);
        figures.admitted += 1;
        figures
            .added_us
            .push(u32::try_from(added_us).unwrap_or(u32::MAX));
        if attack {
            self.fail(pending.client, pending.isolate);
        }
        let isolate = &self.isolates[pending.isolate];
        if tokens && !naive && isolate.starts == pending.starts {
            let behind_us = self
                .book
                .behind_us(isolate.ledger.replica.version(), self.now_us);
            self.tally.behind_us = self.tally.behind_us.max(behind_us);
        }
        if tokens && self.random.below(LOGOUT_IN) == 0 {
            self.log_out(id, pending.client, pending.isolate);
        }
    }

    /// A login was wrong: a strike, and after some of them a lock.
    fn fail(&mut self, client: Client, isolate: usize) {
        let source = &self.setup.sources[client.source];
        let subject = source.subject(source.counted(client.number));
        let account = source.account(client.number).unwrap_or_default();
        let address = match &subject {
            Subject::Ip(network) => Some(*network),
            Subject::Named(..) => None,
        };
        let order = Order::Strike {
            times: 1,
            jails: vec![jail("login", 5, 1_800)],
            shared: true,
        };
        let to = self.home(&subject, client);
        let text = Message::Order(subject, order).to_text();
        self.tell(to, client, isolate, text, Purpose::Strike);
        let failures = self.failures.entry(client).or_default();
        *failures += 1;
        if *failures == LOCKED_AFTER {
            let account = Subject::named(Kind::Account, &format!("a{account}"));
            let lock = Lock {
                source: address,
                until_ms: time_ms(self.now_us) + 15 * 60_000,
                delay_ms: 0,
            };
            let to = self.home(&account, client);
            let text = Message::Order(account, Order::Lock(lock)).to_text();
            self.tell(to, client, isolate, text, Purpose::Tell);
        }
    }

    fn tell(&mut self, to: To, client: Client, isolate: usize, text: String, purpose: Purpose) {
        let attack = self.setup.sources[client.source].is_attack();
        self.tally.of(attack).calls += 1;
        self.send((to, client, isolate), text, purpose, None);
    }

    /// A session ends: the Ledger is told.
    fn log_out(&mut self, session: u64, client: Client, isolate: usize) {
        let until_s = time_ms(self.now_us) / 1_000 + 3_600;
        let entry = Entry {
            until: Some(UnixSeconds(until_s)),
            ..Entry::default()
        };
        let batch = Batch {
            changes: vec![Change::Put(Key::Session(session.to_string()), entry)],
            list: None,
        };
        let text = ledger::message::Message::Apply(batch).to_text();
        let attack = self.setup.sources[client.source].is_attack();
        self.tally.of(attack).ledger_calls += 1;
        self.send((To::Ledger, client, isolate), text, Purpose::Tell, None);
    }
}

fn class_of_accounts() -> AskedClass {
    class("account", 100, true)
}

fn jail(name: &str, strikes: u32, ban_s: u32) -> Jail {
    Jail {
        name: name.to_owned(),
        strikes,
        window_s: 600,
        ban_s,
        cap_s: 7 * 86_400,
        forget_s: 7 * 86_400,
    }
}
