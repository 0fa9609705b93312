//! Discrete events.

use crate::{
    SECOND_US,
    price::Usage,
    random::Random,
    tally::Tally,
    traffic::Source,
    whole,
    world::{Isolate, Object, time_ms},
};
use gapura_edge::guard::{Answer, Ask, AskedClass, Message, Recall};
use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, HashMap},
};

/// What the stages beside the Guard's call take: it is awaited only after them.
const BESIDE_US: u64 = 1_000;
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
    /// What is billed.
    pub usage: Usage,
    /// Objects that were called.
    pub objects: usize,
    /// Most subjects and most log entries in one object.
    pub fullest: (usize, usize),
    /// Most subjects in the memory of an isolate.
    pub remembered: usize,
}

#[derive(Debug, Clone, Copy)]
struct Client {
    source: usize,
    number: u32,
}

/// A question under way.
#[derive(Debug)]
struct Question {
    client: Client,
    object: u32,
    isolate: usize,
    starts: u32,
    came_us: u64,
    sent_ms: u64,
    text: String,
}

#[derive(Debug)]
enum Event {
    Visit(usize),
    Request(Client, u32),
    Arrival(Box<Question>),
    Decision(Box<Question>),
    Answer(Box<Question>, Answer),
    Alarm(u32),
    Minute,
}

#[derive(Debug)]
struct Timed(u64, u64, Event);

struct Simulation {
    setup: Setup,
    random: Random,
    events: BinaryHeap<Reverse<Timed>>,
    count: u64,
    now_us: u64,
    isolates: Vec<Isolate>,
    objects: HashMap<u32, Object>,
    /// Per source.
    classes: Vec<Vec<AskedClass>>,
    tally: Tally,
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
            classes: setup.sources.iter().map(|s| vec![strict(s)]).collect(),
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

    fn at(&mut self, at_us: u64, event: Event) {
        self.count += 1;
        self.events.push(Reverse(Timed(at_us, self.count, event)));
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
                let object = self.objects.entry(question.object).or_default();
                let begin_us = object.queue(self.now_us);
                if begin_us > self.now_us {
                    self.at(begin_us, Event::Decision(question));
                } else {
                    self.decide(question);
                }
            }
            Event::Decision(question) => self.decide(question),
            Event::Answer(question, answer) => self.answered(&question, &answer),
            Event::Alarm(object) => self.ring(object),
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

    fn request(&mut self, client: Client) {
        let isolate = self.isolate_of(client);
        let source = &self.setup.sources[client.source];
        let classes = &self.classes[client.source];
        let counted = source.counted(client.number);
        let subject = source.subject(counted);
        let attack = source.attack;
        let way = self.setup.way;
        let at = &mut self.isolates[isolate];
        let sent_ms = at.now_ms(self.now_us);
        let recall = if way == Way::Naive {
            Recall::Ask(Vec::new())
        } else {
            at.memory.recall(&subject, classes, sent_ms)
        };
        self.tally.of(attack).requests += 1;
        self.tally.ask(counted, &source.class, time_ms(self.now_us));
        match recall {
            Recall::Admitted(_) => {
                self.tally.of(attack).added_us.push(0);
                self.count_passed(client, self.now_us);
            }
            Recall::Refused(_) => self.count_refused(client, self.now_us),
            Recall::Ask(returns) => {
                let object = if way == Way::Naive {
                    counted
                } else {
                    let name = subject.shard("", self.setup.shards);
                    name.trim_start_matches('/').parse().unwrap_or_default()
                };
                let mut ask = Ask::new(subject, classes.clone());
                ask.returns = returns;
                ask.lease = way == Way::Leased;
                let question = Question {
                    client,
                    object,
                    isolate,
                    starts: at.starts,
                    came_us: self.now_us,
                    sent_ms,
                    text: Message::Ask(ask).to_text(),
                };
                self.tally.of(attack).calls += 1;
                let half_us = self.half_way_us();
                self.at(self.now_us + half_us, Event::Arrival(Box::new(question)));
            }
        }
    }

    /// Which isolate serves a request.
    fn isolate_of(&mut self, client: Client) -> usize {
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

    fn half_way_us(&mut self) -> u64 {
        let half_us = f64::from(self.setup.latency_ms) * 500.0;
        whole(half_us * 0.8) + self.random.wait_us(half_us * 0.2)
    }

    fn decide(&mut self, question: Box<Question>) {
        let Some(object) = self.objects.get_mut(&question.object) else {
            return;
        };
        let before = object.alarm_us;
        let answer = object.receive(&question.text, self.now_us);
        let alarm_us = object.alarm_us.filter(|at_us| before != Some(*at_us));
        if let Some(at_us) = alarm_us {
            self.at(at_us, Event::Alarm(question.object));
        }
        let Some(answer) = answer.ok().and_then(|text| Answer::parse(&text, 1).ok()) else {
            self.tally.unanswered += 1;
            return;
        };
        if answer.admitted() {
            self.count_passed(question.client, self.now_us);
        } else {
            self.count_refused(question.client, self.now_us);
        }
        let half_us = self.half_way_us();
        self.at(self.now_us + half_us, Event::Answer(question, answer));
    }

    fn answered(&mut self, question: &Question, answer: &Answer) {
        let source = &self.setup.sources[question.client.source];
        if answer.admitted() {
            let beside_us = if self.setup.way == Way::Naive {
                0
            } else {
                BESIDE_US
            };
            let added_us = (self.now_us - question.came_us).saturating_sub(beside_us);
            let added_us = u32::try_from(added_us).unwrap_or(u32::MAX);
            self.tally.of(source.attack).added_us.push(added_us);
        }
        let isolate = &mut self.isolates[question.isolate];
        if self.setup.way == Way::Naive || isolate.starts != question.starts {
            return;
        }
        let subject = source.subject(source.counted(question.client.number));
        let classes = &self.classes[question.client.source];
        let now_ms = isolate.now_ms(self.now_us);
        isolate
            .memory
            .learn(&subject, classes, answer, question.sent_ms, now_ms);
    }

    fn count_passed(&mut self, client: Client, now_us: u64) {
        let source = &self.setup.sources[client.source];
        let who = source.counted(client.number);
        self.tally.of(source.attack).admitted += 1;
        self.tally.admit(who, &source.class, time_ms(now_us));
    }

    fn count_refused(&mut self, client: Client, now_us: u64) {
        let source = &self.setup.sources[client.source];
        let who = source.counted(client.number);
        self.tally
            .refuse(source.attack, who, &source.class, time_ms(now_us));
    }

    fn ring(&mut self, number: u32) {
        let Some(object) = self.objects.get_mut(&number) else {
            return;
        };
        if object.alarm_us != Some(self.now_us) {
            return;
        }
        object.queue(self.now_us);
        object.ring(self.now_us);
        if let Some(at_us) = object.alarm_us {
            self.at(at_us, Event::Alarm(number));
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
        let mut usage = Usage::default();
        let mut fullest = (0, 0);
        for object in self.objects.values_mut() {
            object.weigh();
            usage = usage.plus(object.usage(end_us));
            fullest = (fullest.0.max(object.most.0), fullest.1.max(object.most.1));
        }
        self.tally.finish();
        Outcome {
            usage,
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
