//! What the core costs by itself: bytes, and time per decision.

use gapura_edge::guard::{
    Answer, Ask, AskedClass, Memory, Message, Recall, Shard, Subject, lease::MAX_SUBJECTS,
};
use gapura_guard_bench::{fraction, traffic::class};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Instant};

const NOW_MS: u64 = 1_790_000_000_000;
const ROUNDS: usize = 5;
static NO_ROWS: BTreeMap<String, String> = BTreeMap::new();

/// Bytes of memory.
#[derive(Debug)]
pub(crate) struct Bytes {
    /// Per subject of a shard, with one log entry.
    pub(crate) subject: f64,
    /// Per further log entry.
    pub(crate) entry: f64,
    /// Per subject that an isolate remembers.
    pub(crate) remembered: f64,
}

pub(crate) fn bytes() -> Bytes {
    let general = || class("general", 1_000, false);
    let before = resident();
    let mut shard = cold();
    for n in 0..40_000 {
        ask(&mut shard, &who(n), &general(), NOW_MS);
    }
    let subjects = resident() - before;

    let before = resident();
    let mut full = cold();
    for minute in 0..200 {
        for n in 0..1_000 {
            ask(&mut full, &who(n), &general(), NOW_MS + minute * 240);
        }
    }
    let entries = fraction(full.entries() as u64);
    let logs = resident() - before;

    let before = resident();
    let mut memory = Memory::default();
    let classes = [general()];
    let text = "2 1 pass 9:60000:0 77:2";
    let answer = Answer::parse(text, 1).expect("an answer");
    for n in 0..u32::try_from(MAX_SUBJECTS).expect("few") {
        memory.learn(&who(n), &classes, &answer, NOW_MS, NOW_MS);
    }
    let remembered = resident() - before;
    let subject = subjects / 40_000.0;
    Bytes {
        subject,
        entry: (logs - 1_000.0 * subject).max(0.0) / entries,
        remembered: remembered / fraction(memory.len() as u64),
    }
}

/// Nanoseconds per decision, texts read and written on both sides.
pub(crate) fn print() {
    let lease = class("general", 1_000_000, false);
    let strict = class("login", 100, true);
    let mut shard = cold();
    let asked = |shard: &mut Shard, class: &AskedClass, n: u32, at_ms: u64| {
        ask(shard, &who(n % 5_000), class, at_ms);
    };
    println!("\n### The core's own time, native\n");
    println!("| decision | ns |\n|---|---:|");
    let row = |name: &str, ns: f64| println!("| {name} | {ns:.0} |");
    row(
        "question to a lease class: text, decision, answer's text, read",
        best(100_000, |n| {
            asked(&mut shard, &lease, n, NOW_MS + u64::from(n));
        }),
    );
    let mut shard = cold();
    row(
        "question to a strict class, its row written",
        best(100_000, |n| {
            asked(&mut shard, &strict, n, NOW_MS + u64::from(n) * 20);
        }),
    );
    let mut memory = Memory::default();
    let classes = [lease];
    let lent = Answer::parse("2 1 pass 9:60000:0 77:1000000", 1).expect("an answer");
    memory.learn(&who(1), &classes, &lent, NOW_MS, NOW_MS);
    row(
        "admitted by a lease, no question",
        best(100_000, |_| {
            assert!(matches!(
                memory.recall(&who(1), &classes, NOW_MS),
                Recall::Admitted(_)
            ));
        }),
    );
    let denied = Answer::parse("2 1 limit 0:60000:60000 -", 1).expect("an answer");
    memory.learn(&who(2), &classes, &denied, NOW_MS, NOW_MS);
    row(
        "refused from memory, no question",
        best(100_000, |_| {
            assert!(matches!(
                memory.recall(&who(2), &classes, NOW_MS),
                Recall::Refused(_)
            ));
        }),
    );
    println!("\nBest of {ROUNDS} rounds.");
}

fn ask(shard: &mut Shard, subject: &Subject, class: &AskedClass, at_ms: u64) -> Answer {
    let mut ask = Ask::new(subject.clone(), vec![class.clone()]);
    ask.lease = true;
    let text = Message::Ask(ask).to_text();
    let step = shard.receive(&text, &NO_ROWS, at_ms).expect("an answer");
    Answer::parse(&step.answer, 1).expect("an answer")
}

fn cold() -> Shard {
    Shard::open(&NO_ROWS, NOW_MS).expect("no rows")
}

fn who(n: u32) -> Subject {
    Subject::client(Ipv4Addr::from(0x0a00_0000 + n).into())
}

fn best(times: u32, mut one: impl FnMut(u32)) -> f64 {
    let mut n = 0;
    let mut round = || {
        let start = Instant::now();
        for _ in 0..times {
            one(n);
            n += 1;
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(times)
    };
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min)
}

/// Resident memory of this process in bytes; zero where there is no /proc.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|n| n.parse::<u32>().ok());
    f64::from(pages.unwrap_or(0)) * 4096.0
}
