//! Whole-shard tests: properties against a model, jails and escalation, pinned forms.

mod bans;
mod bounds;
mod concurrent;
mod denial;
mod forms;
mod leases;
mod lost;
mod model;
mod space;

use super::{
    Answer, Ask, AskedClass, Change, Jail, Message, Order, Shard, Subject, Unanswered, Verdict,
    jail::FOREVER_MS,
    next_sweep,
    stored::{HEARTBEAT_KEY, until_ms},
};
use std::collections::BTreeMap;

/// A shard with its storage.
struct Object {
    shard: Shard,
    rows: BTreeMap<String, String>,
}

impl Object {
    fn new(now_ms: u64) -> Self {
        Self {
            shard: Shard::open(&BTreeMap::new(), now_ms).unwrap(),
            rows: BTreeMap::new(),
        }
    }

    fn write(&mut self, changes: Vec<Change>) {
        for Change { key, row, .. } in changes {
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }

    fn send(&mut self, message: &Message, now_ms: u64) -> Result<String, Unanswered> {
        // Over the wire, as in truth.
        let step = self.shard.receive(&message.to_text(), &self.rows, now_ms)?;
        self.write(step.changes);
        Ok(step.answer)
    }

    fn ask(&mut self, ask: &Ask, now_ms: u64) -> Answer {
        let answer = self.send(&Message::Ask(ask.clone()), now_ms).unwrap();
        Answer::parse(&answer, ask.classes.len()).unwrap()
    }

    fn order(&mut self, subject: &Subject, order: Order, now_ms: u64) -> String {
        self.send(&Message::Order(subject.clone(), order), now_ms)
            .unwrap()
    }

    fn strike(
        &mut self,
        subject: &Subject,
        times: u32,
        jail: &Jail,
        now_ms: u64,
    ) -> Option<Verdict> {
        let order = Order::Strike {
            times,
            jails: vec![jail.clone()],
            shared: true,
        };
        let answer = self.order(subject, order, now_ms);
        super::wire::Banned::parse(&answer).unwrap().0
    }

    /// Memory is lost, rows stay.
    fn evict(&mut self, now_ms: u64) {
        self.shard = Shard::open(&self.rows, now_ms).unwrap();
    }

    /// The alarm as the shell answers it; when it goes off again.
    fn alarm(&mut self, now_ms: u64) -> Option<u64> {
        self.shard.alarm(now_ms);
        let until_ms = |key: &str, row: &str| match key {
            HEARTBEAT_KEY => FOREVER_MS,
            _ => until_ms(row),
        };
        self.rows.retain(|key, row| until_ms(key, row) > now_ms);
        let ends = self.rows.iter().map(|(key, row)| until_ms(key, row));
        ends.min().and_then(|end_ms| next_sweep(end_ms, now_ms))
    }

    fn subjects_stored(&self) -> usize {
        self.rows.keys().filter(|key| *key != HEARTBEAT_KEY).count()
    }
}

fn subject(text: &str) -> Subject {
    text.parse().unwrap()
}

fn class(name: &str, limit: u32, window_s: u32, strict: bool) -> AskedClass {
    AskedClass {
        name: name.into(),
        limit,
        window_s,
        burst: None,
        cost: 1,
        strict,
    }
}

fn jail(strikes: u32, window_s: u32, ban_s: u32, cap_s: u32) -> Jail {
    Jail {
        name: "login".into(),
        strikes,
        window_s,
        ban_s,
        cap_s,
        forget_s: 7 * 86_400,
    }
}
