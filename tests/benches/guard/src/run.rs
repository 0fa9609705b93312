//! Discrete events.

use crate::{
    SECOND_US,
    price::Usage,
    random::Random,
    request::{Pending, Question, To},
    tally::Tally,
    traffic::Source,
    whole,
    world::{Book, Isolate, Object},
};
use gapura_edge::{guard::AskedClass, revocation::Sent};
use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, HashMap},
    rc::Rc,
};

const MINUTE_US: u64 = 60 * SECOND_US;

/// How requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As Gapura does: shards, leases, refusals remembered.
    Leased,
    /// As Gapura does for strict classes: shards, a call for each request, stored before it is answered,
    /// refusals remembered. (A limit above 1,000 cannot be strict: it is asked about each time.)
    Strict,
    /// An object per client, called for each request before anything else is done, which stores each.
    Naive,
}

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How requests are counted.
    pub way: Way,
    /// From the question to the answer, on average, besides the object's own time.
    pub latency_ms: u32,
    /// Objects that share the subjects.
    pub shards: u32,
    /// Locations of the network, and isolates in each.
    pub locations: u32,
    /// See `locations`.
    pub isolates: u32,
    /// When it ends.
    pub until_us: u64,
    /// Who comes.
    pub sources: Vec<Source>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The requests.
    pub tally: Tally,
    /// What is billed, for the Ledger too.
    pub usage: Usage,
    /// Of which for the Ledger.
    pub ledger: Usage,
    /// Shards that were called.
    pub objects: usize,
    /// Most subjects and most log entries in one object.
    pub fullest: (usize, usize),
    /// Most subjects in the memory of an isolate.
    pub remembered: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    pub(crate) source: usize,
    pub(crate) number: u32,
}

#[derive(Debug)]
pub(crate) enum Event {
    Visit(usize),
    Request(Client, u32),
    Arrival(Box<Question>),
    Decision(Box<Question>),
    Answer(Box<Question>, String),
    /// A question's budget has passed.
    OutOfTime(u64),
    Alarm(To),
    /// An answer to this is too old for a token from now on.
    Timer(Sent),
    Minute,
}

#[derive(Debug)]
struct Timed(u64, u64, Event);

pub(crate) struct Simulation {
    pub(crate) setup: Setup,
    pub(crate) random: Random,
    events: BinaryHeap<Reverse<Timed>>,
    count: u64,
    pub(crate) now_us: u64,
    pub(crate) isolates: Vec<Isolate>,
    pub(crate) objects: HashMap<u64, Object>,
    pub(crate) book: Book,
    /// Per source.
    pub(crate) classes: Vec<Rc<[AskedClass]>>,
    /// Requests that wait, and for which questions.
    pub(crate) pending: HashMap<u64, Pending>,
    pub(crate) waiting: HashMap<u64, u64>,
    pub(crate) failures: HashMap<Client, u32>,
    pub(crate) tally: Tally,
    remembered: usize,
}

/// Runs it.
#[must_use]
pub fn simulate(setup: Setup) -> Outcome {
    let until_us = setup.until_us;
    let mut simulation = Simulation::new(setup);
    while let Some(Reverse(Timed(at_us, _, event))) = simulation.events.pop() {
        // What is under way at the end is still answered.
        let begins = matches!(event, Event::Visit(_) | Event::Request(..) | Event::Minute);
        if at_us >= until_us && (begins || matches!(event, Event::Alarm(_))) {
            continue;
        }
        simulation.now_us = at_us;
        simulation.happen(event);
    }
    simulation.finish()
}

impl Simulation {
    fn new(setup: Setup) -> Self {
        let strict = |source: &Source| AskedClass {
            strict: source.class.strict
                || (setup.way != Way::Leased && source.class.limit <= 1_000),
            ..source.class.clone()
        };
        let isolates = setup.locations * setup.isolates;
        let mut simulation = Self {
            random: Random::new(4),
            events: BinaryHeap::new(),
            count: 0,
            now_us: 0,
            isolates: (0..isolates).map(|_| Isolate::default()).collect(),
            objects: HashMap::new(),
            book: Book::default(),
            classes: setup
                .sources
                .iter()
                .map(|s| Rc::from([strict(s)]))
                .collect(),
            pending: HashMap::new(),
            waiting: HashMap::new(),
            failures: HashMap::new(),
            tally: Tally::default(),
            remembered: 0,
            setup,
        };
        for source in 0..simulation.setup.sources.len() {
            simulation.at(0, Event::Visit(source));
        }
        simulation.at(0, Event::Minute);
        simulation
    }

    pub(crate) fn at(&mut self, at_us: u64, event: Event) {
        let number = self.next_number();
        self.events.push(Reverse(Timed(at_us, number, event)));
    }

    /// A number that nothing else has.
    pub(crate) const fn next_number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Visit(source) => self.visit(source),
            Event::Request(client, left) => {
                self.request(client);
                if left > 1 {
                    let gap_us = self.setup.sources[client.source].gap_us(&mut self.random);
                    self.at(self.now_us + gap_us, Event::Request(client, left - 1));
                }
            }
            Event::Arrival(question) => {
                let begin_us = match question.to {
                    To::Ledger => self.book.queue(self.now_us),
                    To::Object(number) => {
                        let object = self.objects.entry(number).or_default();
                        object.queue(self.now_us)
                    }
                };
                if begin_us > self.now_us {
                    self.at(begin_us, Event::Decision(question));
                } else {
                    self.decide(question);
                }
            }
            Event::Decision(question) => self.decide(question),
            Event::Answer(question, answer) => self.answered(&question, &answer),
            Event::OutOfTime(question) => self.out_of_time(question),
            Event::Alarm(of) => self.ring(of),
            Event::Timer(sent) => sent.ring(),
            Event::Minute => self.minute(),
        }
    }

    fn visit(&mut self, source: usize) {
        let next = self.setup.sources[source].next_visit(self.now_us, &mut self.random);
        if let Some((at_us, number, requests)) = next {
            self.at(at_us, Event::Request(Client { source, number }, requests));
            self.at(at_us, Event::Visit(source));
        }
    }

    /// Which isolate serves a request.
    pub(crate) fn isolate_of(&mut self, client: Client) -> usize {
        let Setup {
            locations,
            isolates,
            ..
        } = self.setup;
        let mut home = Random::new(u64::from(client.number) ^ (client.source as u64) << 40);
        let mut location = home.below(locations);
        let mut isolate = home.below(isolates);
        if self.random.below(10) == 0 {
            isolate = self.random.below(isolates);
        }
        if self.random.below(50) == 0 {
            location = self.random.below(locations);
        }
        (location * isolates + isolate) as usize
    }

    pub(crate) fn half_way_us(&mut self) -> u64 {
        let half_us = f64::from(self.setup.latency_ms) * 500.0;
        whole(half_us * 0.8) + self.random.wait_us(half_us * 0.2)
    }

    /// Lets an object do something, and notes when its alarm goes off.
    pub(crate) fn work<T>(&mut self, on: To, work: impl FnOnce(&mut Self) -> T) -> T {
        let alarm_us = |simulation: &Self| match on {
            To::Ledger => simulation.book.alarm_us,
            To::Object(number) => simulation.objects.get(&number)?.alarm_us,
        };
        let before = alarm_us(self);
        let done = work(self);
        if let Some(at_us) = alarm_us(self).filter(|at_us| before != Some(*at_us)) {
            self.at(at_us, Event::Alarm(on));
        }
        done
    }

    fn ring(&mut self, of: To) {
        let now_us = self.now_us;
        match of {
            To::Ledger => self.work(of, |simulation| {
                simulation.book.queue(now_us);
                simulation.book.ring(now_us);
            }),
            To::Object(number) => {
                let object = self.objects.get(&number);
                if object.is_some_and(|object| object.alarm_us == Some(now_us)) {
                    self.work(of, |simulation| {
                        let object = simulation.objects.entry(number).or_default();
                        object.queue(now_us);
                        object.ring(now_us);
                    });
                }
            }
        }
    }

    /// What goes wrong in a minute, and a look at memory.
    fn minute(&mut self) {
        let deployed = self.now_us / MINUTE_US == self.setup.until_us / MINUTE_US / 2;
        for object in self.objects.values_mut() {
            object.weigh();
            if deployed {
                object.forget();
            }
        }
        if deployed {
            self.book.forget();
        }
        for isolate in &mut self.isolates {
            self.remembered = self.remembered.max(isolate.memory.len());
            isolate.ahead_ms = u64::from(self.random.below(500));
            if deployed || self.random.below(20) == 0 {
                isolate.restart();
            }
        }
        self.at(self.now_us + MINUTE_US, Event::Minute);
    }

    fn finish(mut self) -> Outcome {
        let end_us = self.setup.until_us;
        let ledger = self.book.usage(end_us);
        let mut usage = ledger;
        let mut fullest = (0, 0);
        for object in self.objects.values_mut() {
            object.weigh();
            usage = usage.plus(object.usage(end_us));
            fullest = (fullest.0.max(object.most.0), fullest.1.max(object.most.1));
        }
        self.tally.finish();
        Outcome {
            usage,
            ledger,
            objects: self.objects.len(),
            fullest,
            remembered: self.remembered,
            tally: self.tally,
        }
    }
}

impl Ord for Timed {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timed {}
