//! Isolates, objects, and what is under way between them.

use super::{Act, ROUTES};
use crate::guard::{
    Answer, Ask, AskedClass, Memory, Message, Order, Recall, Return, Standing, Subject,
    tests::{Object, class, subject},
};
use std::collections::BTreeMap;

pub(super) const START_MS: u64 = 1_700_000_000_000;
/// What a shard holds here: little enough to forget.
const MAX_SUBJECTS: usize = 6;

/// An admission that was counted in a class.
pub(super) struct Entry {
    pub(super) subject: usize,
    pub(super) class: String,
    pub(super) at: u64,
    pub(super) cost: u32,
    /// Whether the request was refused after all, and when the shard heard of it.
    pub(super) refused: bool,
    pub(super) back: Option<u64>,
}

enum Part {
    Waiting,
    Admitted {
        /// By the shard at this time, or by these leases.
        place: Result<u64, Vec<(Standing, u64)>>,
        entries: Vec<usize>,
    },
    Refused,
    Unanswered,
}

struct Request {
    isolate: usize,
    starts: u32,
    asked: Vec<(usize, Vec<AskedClass>)>,
    parts: Vec<Part>,
    /// Whether it is refused for want of an answer.
    closed: bool,
    refused: bool,
    settled: bool,
}

enum Event {
    Arrives {
        request: usize,
        part: usize,
        text: String,
        sent_ms: u64,
    },
    Answered {
        request: usize,
        part: usize,
        answer: Answer,
        entries: Vec<usize>,
        sent_ms: u64,
    },
    /// A question ahead of need, of a part of a request: on its way, and its answer.
    Ahead {
        request: usize,
        part: usize,
        text: String,
        sent_ms: u64,
    },
    Lent {
        request: usize,
        part: usize,
        answer: Answer,
        sent_ms: u64,
    },
    OutOfTime(usize, usize),
    Refund {
        subject: usize,
        order: Order,
        entries: Vec<usize>,
    },
}

struct Isolate {
    memory: Memory,
    ahead: u64,
    starts: u32,
}

pub(super) struct World {
    objects: [Object; 2],
    objects_ahead: [u64; 2],
    pub(super) lost_at: [Option<u64>; 2],
    isolates: Vec<Isolate>,
    pub(super) routes: [Vec<(usize, Vec<AskedClass>)>; ROUTES],
    /// By how much the clocks of isolates and of objects may slip.
    pub(super) slips: (u64, u64),
    pub(super) now: u64,
    random: u64,
    /// Of so many messages one is lost and three are late.
    smoothness: u64,
    events: BTreeMap<(u64, usize), Event>,
    count: usize,
    requests: Vec<Request>,
    pub(super) log: Vec<Entry>,
}

fn who(subject_number: usize) -> Subject {
    subject(["ip:192.0.2.1", "tenant:acme", "account:a"][subject_number])
}

pub(super) const fn home(subject_number: usize) -> usize {
    if subject_number == 0 { 0 } else { 1 }
}

impl World {
    pub(super) fn new(
        routes: [Vec<(usize, Vec<AskedClass>)>; ROUTES],
        slips: (u64, u64),
        seed: u64,
    ) -> Self {
        let object = || {
            let mut object = Object::new(START_MS);
            object.shard.max_subjects = MAX_SUBJECTS;
            object
        };
        let isolate = || Isolate {
            memory: Memory::new(4),
            ahead: 0,
            starts: 0,
        };
        Self {
            objects: [object(), object()],
            objects_ahead: [0; 2],
            lost_at: [None; 2],
            isolates: (0..3).map(|_| isolate()).collect(),
            routes,
            slips,
            now: START_MS,
            random: seed,
            smoothness: [u64::MAX, 60, 12][usize::try_from(seed % 3).unwrap()],
            events: BTreeMap::new(),
            count: 0,
            requests: Vec::new(),
            log: Vec::new(),
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.random >> 33) % bound
    }

    /// How long a message takes; `None`: for ever.
    fn flight(&mut self) -> Option<u64> {
        match self.below(self.smoothness) {
            0 => None,
            1..4 => Some(self.below(4_000)),
            _ => Some(self.below(80)),
        }
    }

    fn later(&mut self, after: u64, event: Event) {
        self.count += 1;
        self.events.insert((self.now + after, self.count), event);
    }

    pub(super) fn run(&mut self, acts: &[(u64, Act)]) {
        for (gap, act) in acts {
            self.pass_until(self.now + gap);
            self.act(act);
        }
        self.pass_until(u64::MAX);
    }

    fn pass_until(&mut self, end: u64) {
        while let Some(next) = self.events.first_entry()
            && next.key().0 <= end
        {
            self.now = next.key().0;
            let event = next.remove();
            self.happen(event);
        }
        if end < u64::MAX {
            self.now = end;
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Requests(isolate, route, times) => {
                for _ in 0..times {
                    self.request(isolate, route);
                }
            }
            Act::Evict(object) => {
                self.objects[object].evict(self.now + self.objects_ahead[object]);
                self.objects[object].shard.max_subjects = MAX_SUBJECTS;
                self.lost_at[object] = Some(self.now);
            }
            Act::Alarm(object) => {
                self.objects[object].alarm(self.now + self.objects_ahead[object]);
            }
            Act::Crowd(object, n) => {
                for n in n..n + 4 {
                    let other = subject(&format!("user:{n}"));
                    let ask = Ask::new(other, vec![class("general", 100, 60, false)]);
                    let at = self.now + self.objects_ahead[object];
                    let _ = self.objects[object].send(&Message::Ask(ask), at);
                }
                self.lost_at[object] = Some(self.now);
            }
            Act::Remember(isolate, n) => {
                let Isolate { memory, ahead, .. } = &mut self.isolates[isolate];
                let classes = [class("general", 100, 60, false)];
                let lent = Answer::parse("2 1 pass 9:60000:0 7:9", 1).unwrap();
                for n in n..n + 3 {
                    let other = subject(&format!("user:{n}"));
                    memory.learn(
                        &other,
                        &classes,
                        &lent,
                        self.now + *ahead,
                        self.now + *ahead,
                    );
                }
            }
            Act::Restart(isolate) => {
                let isolate = &mut self.isolates[isolate];
                isolate.memory = Memory::new(4);
                isolate.starts += 1;
            }
            Act::IsolateClock(isolate, part) => {
                self.isolates[isolate].ahead = self.slips.0 * part / 1_000;
            }
            Act::ObjectClock(object, part) => {
                self.objects_ahead[object] = self.slips.1 * part / 1_000;
            }
        }
    }

    fn request(&mut self, isolate: usize, route: usize) {
        let cost = u32::try_from(1 + self.below(3)).unwrap();
        let mut asked = self.routes[route].clone();
        for class in asked.iter_mut().flat_map(|part| &mut part.1) {
            class.cost = cost.min(class.burst.unwrap_or(class.limit));
        }
        let number = self.requests.len();
        let closed = self.below(2) == 0;
        let starts = self.isolates[isolate].starts;
        self.requests.push(Request {
            isolate,
            starts,
            parts: asked.iter().map(|_| Part::Waiting).collect(),
            asked: asked.clone(),
            closed,
            refused: false,
            settled: false,
        });
        for (part, (subject, classes)) in asked.into_iter().enumerate() {
            let Isolate { memory, ahead, .. } = &mut self.isolates[isolate];
            let sent_ms = self.now + *ahead;
            match memory.recall(&who(subject), &classes, sent_ms) {
                Recall::Admitted(spent) => {
                    let returns = memory.ahead(&who(subject), &classes, sent_ms);
                    let entries = self.note(subject, &classes);
                    let place = Err(spent);
                    self.requests[number].parts[part] = Part::Admitted { place, entries };
                    if let Some(returns) = returns {
                        self.ask_ahead(number, part, returns, sent_ms);
                    }
                }
                Recall::Refused(_) => {
                    self.check_refusal(subject, &classes, true);
                    self.requests[number].parts[part] = Part::Refused;
                }
                Recall::Ask(returns) => {
                    let mut ask = Ask::new(who(subject), classes.clone());
                    ask.lease = classes.iter().all(|class| !class.strict);
                    ask.returns = returns;
                    let text = Message::Ask(ask).to_text();
                    if let Some(up) = self.flight() {
                        let request = number;
                        self.later(
                            up,
                            Event::Arrives {
                                request,
                                part,
                                text,
                                sent_ms,
                            },
                        );
                    }
                    let budget = if closed { 2_000 } else { 50 };
                    self.later(budget, Event::OutOfTime(number, part));
                }
            }
        }
        self.settle(number);
    }

    fn ask_ahead(&mut self, request: usize, part: usize, returns: Vec<Return>, sent_ms: u64) {
        let (subject, classes) = self.requests[request].asked[part].clone();
        let ask = Ask {
            returns,
            lease: true,
            ahead: true,
            ..Ask::new(who(subject), classes)
        };
        let text = Message::Ask(ask).to_text();
        if let Some(up) = self.flight() {
            self.later(
                up,
                Event::Ahead {
                    request,
                    part,
                    text,
                    sent_ms,
                },
            );
        }
    }

    /// Logs an admission now; the numbers of its entries.
    fn note(&mut self, subject: usize, classes: &[AskedClass]) -> Vec<usize> {
        let first = self.log.len();
        self.log.extend(classes.iter().map(|class| Entry {
            subject,
            class: class.name.clone(),
            at: self.now,
            cost: class.cost,
            refused: false,
            back: None,
        }));
        (first..self.log.len()).collect()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrives {
                request,
                part,
                text,
                sent_ms,
            } => {
                let (subject, classes) = self.requests[request].asked[part].clone();
                let message = Message::parse(&text).unwrap();
                let at = self.now + self.objects_ahead[home(subject)];
                let room = self.has_room(subject, &classes);
                let Ok(told) = self.objects[home(subject)].send(&message, at) else {
                    return;
                };
                let answer = Answer::parse(&told, classes.len()).unwrap();
                if self.slips == (0, 0) && classes.iter().all(|class| class.strict) {
                    assert_eq!(answer.admitted(), room, "a strict class is exact");
                }
                let mut entries = Vec::new();
                if answer.admitted() {
                    entries = self.note(subject, &classes);
                } else {
                    self.check_refusal(subject, &classes, false);
                }
                if let Some(down) = self.flight() {
                    self.later(
                        down,
                        Event::Answered {
                            request,
                            part,
                            answer,
                            entries,
                            sent_ms,
                        },
                    );
                }
            }
            Event::Answered {
                request,
                part,
                answer,
                entries,
                sent_ms,
            } => {
                self.learn(request, part, &answer, sent_ms);
                self.answered(request, part, &answer, entries);
            }
            Event::Ahead {
                request,
                part,
                text,
                sent_ms,
            } => self.lend(request, part, &text, sent_ms),
            Event::Lent {
                request,
                part,
                answer,
                sent_ms,
            } => {
                if answer.lends_or_stops() {
                    self.learn(request, part, &answer, sent_ms);
                }
            }
            Event::OutOfTime(request, part) => {
                let state = &mut self.requests[request].parts[part];
                if matches!(state, Part::Waiting) {
                    *state = Part::Unanswered;
                    self.settle(request);
                }
            }
            Event::Refund {
                subject,
                order,
                entries,
            } => {
                let at = self.now + self.objects_ahead[home(subject)];
                self.objects[home(subject)].order(&who(subject), order, at);
                for entry in entries {
                    self.log[entry].back = Some(self.now);
                }
            }
        }
    }

    /// A question ahead of need arrives.
    fn lend(&mut self, request: usize, part: usize, text: &str, sent_ms: u64) {
        let (subject, classes) = &self.requests[request].asked[part];
        let (home, count) = (home(*subject), classes.len());
        let message = Message::parse(text).unwrap();
        let at = self.now + self.objects_ahead[home];
        let Ok(told) = self.objects[home].send(&message, at) else {
            return;
        };
        let answer = Answer::parse(&told, count).unwrap();
        assert!(answer.admitted(), "nobody is refused by it");
        if let Some(down) = self.flight() {
            self.later(
                down,
                Event::Lent {
                    request,
                    part,
                    answer,
                    sent_ms,
                },
            );
        }
    }

    fn learn(&mut self, request: usize, part: usize, answer: &Answer, sent_ms: u64) {
        let Request {
            isolate,
            starts,
            asked,
            ..
        } = &self.requests[request];
        let (subject, classes) = &asked[part];
        let isolate = &mut self.isolates[*isolate];
        if isolate.starts == *starts {
            let now_ms = self.now + isolate.ahead;
            isolate
                .memory
                .learn(&who(*subject), classes, answer, sent_ms, now_ms);
        }
    }

    fn answered(&mut self, request: usize, part: usize, answer: &Answer, entries: Vec<usize>) {
        let is_late = !matches!(self.requests[request].parts[part], Part::Waiting);
        if is_late {
            let Request {
                closed, refused, ..
            } = self.requests[request];
            if (closed || refused) && answer.admitted() {
                self.give_back(request, part, Ok(answer.at_ms), entries);
            }
            return;
        }
        self.requests[request].parts[part] = if answer.admitted() {
            let place = Ok(answer.at_ms);
            Part::Admitted { place, entries }
        } else {
            Part::Refused
        };
        self.settle(request);
    }

    /// Once all is known of a request, what was admitted of a refused one is given back.
    fn settle(&mut self, request: usize) {
        let Request {
            parts,
            closed,
            settled,
            ..
        } = &self.requests[request];
        let waits = parts.iter().any(|part| matches!(part, Part::Waiting));
        if *settled || waits {
            return;
        }
        let stops = |part: &Part| match part {
            Part::Refused => true,
            Part::Unanswered => *closed,
            _ => false,
        };
        let refused = parts.iter().any(stops);
        self.requests[request].settled = true;
        self.requests[request].refused = refused;
        if !refused {
            return;
        }
        for part in 0..self.requests[request].parts.len() {
            let state = std::mem::replace(&mut self.requests[request].parts[part], Part::Refused);
            if let Part::Admitted { place, entries } = state {
                self.give_back(request, part, place, entries);
            }
        }
    }

    fn give_back(
        &mut self,
        request: usize,
        part: usize,
        place: Result<u64, Vec<(Standing, u64)>>,
        entries: Vec<usize>,
    ) {
        for entry in &entries {
            self.log[*entry].refused = true;
        }
        let Request {
            isolate,
            starts,
            asked,
            ..
        } = &self.requests[request];
        let (subject, classes) = asked[part].clone();
        match place {
            Ok(at_ms) => {
                let order = Order::Refund { classes, at_ms };
                if let Some(after) = self.flight() {
                    self.later(
                        after,
                        Event::Refund {
                            subject,
                            order,
                            entries,
                        },
                    );
                }
            }
            Err(spent) => {
                let isolate = &mut self.isolates[*isolate];
                if isolate.starts == *starts {
                    isolate.memory.refund(&who(subject), &classes, &spent);
                }
            }
        }
    }
}
