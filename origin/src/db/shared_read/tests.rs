use super::{CROWD, DbError, LANES, MAX_KEYS, SharedRead, Source};
use futures_util::future::join_all;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc};

/// One value for all keys but those that begin with `no`. A statement says what it reads, sees the
/// value as it is then, and ends when it may.
struct Gated {
    value: Arc<AtomicU64>,
    began: mpsc::UnboundedSender<Vec<String>>,
    may_end: Arc<Semaphore>,
}

impl Source for Gated {
    type Found = (String, u64);

    async fn read(&self, keys: Vec<String>) -> Result<Vec<(String, Self::Found)>, DbError> {
        let seen = self.value.load(Ordering::SeqCst);
        self.began.send(keys.clone()).unwrap();
        self.may_end.acquire().await.unwrap().forget();
        if keys.iter().any(|key| key == "fails") {
            return Err(sqlx::Error::PoolTimedOut.into());
        }
        let there = keys.into_iter().filter(|key| !key.starts_with("no"));
        Ok(there.map(|key| (key.clone(), (key, seen))).collect())
    }
}

struct Gate {
    read: SharedRead<Gated>,
    value: Arc<AtomicU64>,
    began: mpsc::UnboundedReceiver<Vec<String>>,
    may_end: Arc<Semaphore>,
}

type Answer = tokio::task::JoinHandle<Result<Option<(String, u64)>, DbError>>;

/// Longer than any test.
const LONG: Duration = Duration::from_hours(1);

impl Gate {
    fn new(patience: Duration) -> Self {
        let (value, may_end) = (Arc::default(), Arc::new(Semaphore::new(0)));
        let (told, began) = mpsc::unbounded_channel();
        let source = Gated {
            value: Arc::clone(&value),
            began: told,
            may_end: Arc::clone(&may_end),
        };
        Self {
            read: SharedRead::new(source, patience),
            value,
            began,
            may_end,
        }
    }

    /// Asks for what nobody has asked for.
    fn begin(&self, key: &'static str) -> tokio::task::JoinHandle<Result<Option<u64>, DbError>> {
        let read = self.read.clone();
        tokio::spawn(async move { Ok(read.get(key).await?.map(|found| found.1)) })
    }

    /// Asks while a statement is under way, and stands in line when it comes back.
    async fn ask(&self, key: &str) -> Answer {
        let (read, key) = (self.read.clone(), key.to_owned());
        let waiting = self.waiting();
        let asked = tokio::spawn(async move {
            let found = read.get(&key).await?;
            Ok(found.map(|found| (found.0.clone(), found.1)))
        });
        while self.waiting() == waiting {
            tokio::task::yield_now().await;
        }
        asked
    }

    fn waiting(&self) -> usize {
        self.read.0.line().waiting.len()
    }

    async fn next(&mut self) -> Vec<String> {
        self.began.recv().await.unwrap()
    }
}

#[tokio::test]
async fn who_asks_while_a_statement_is_under_way_gets_what_is_there_by_then() {
    let mut gate = Gate::new(LONG);
    let first = gate.begin("a");
    assert_eq!(gate.next().await, ["a"]);
    gate.value.store(1, Ordering::SeqCst);
    let second = gate.ask("a").await;
    let third = gate.ask("nobody").await;
    let fourth = gate.ask("a").await;
    gate.may_end.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap(), Some(0));
    assert_eq!(gate.next().await, ["a", "nobody"]);
    let now = Some(("a".to_owned(), 1));
    assert_eq!(second.await.unwrap().unwrap(), now);
    assert_eq!(third.await.unwrap().unwrap(), None);
    assert_eq!(fourth.await.unwrap().unwrap(), now);
}

#[tokio::test]
async fn one_that_gives_up_takes_nobody_down() {
    let mut gate = Gate::new(LONG);
    let first = gate.begin("a");
    assert_eq!(gate.next().await, ["a"]);
    let gone = gate.ask("gone").await;
    let stays = gate.ask("b").await;
    // Who began the statement, and one who waits for the next.
    first.abort();
    gone.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(gone.await.unwrap_err().is_cancelled());
    gate.may_end.add_permits(2);
    assert_eq!(gate.next().await, ["b"]);
    assert_eq!(stays.await.unwrap().unwrap(), Some(("b".to_owned(), 0)));
}

#[tokio::test]
async fn a_statement_that_fails_fails_for_each_and_the_next_one_does_not() {
    let mut gate = Gate::new(LONG);
    let first = gate.begin("a");
    assert_eq!(gate.next().await, ["a"]);
    let (one, two) = (gate.ask("fails").await, gate.ask("b").await);
    gate.may_end.add_permits(2);
    first.await.unwrap().unwrap();
    for refused in [one, two] {
        let refused = refused.await.unwrap().unwrap_err();
        assert!(
            matches!(refused.cause(), DbError::Unavailable(_)),
            "{refused}"
        );
    }
    gate.may_end.add_permits(1);
    assert!(gate.read.get("b").await.unwrap().is_some());
}

#[tokio::test]
async fn a_statement_that_takes_its_time_holds_nobody_up() {
    let mut gate = Gate::new(Duration::ZERO);
    let slow = gate.begin("slow");
    assert_eq!(gate.next().await, ["slow"]);
    let beside = gate.begin("b");
    assert_eq!(gate.next().await, ["b"]);
    gate.may_end.add_permits(2);
    slow.await.unwrap().unwrap();
    assert!(beside.await.unwrap().unwrap().is_some());
}

#[tokio::test]
async fn a_crowd_is_read_beside_a_statement_under_way_and_a_few_are_not() {
    let mut gate = Gate::new(LONG);
    let first = gate.begin("a");
    assert_eq!(gate.next().await, ["a"]);
    let mut crowd = Vec::new();
    for waiting in 1..CROWD {
        crowd.push(gate.ask("b").await);
        assert_eq!(gate.waiting(), waiting);
    }
    assert!(gate.began.try_recv().is_err(), "a few wait");
    crowd.push(gate.ask("c").await);
    assert_eq!(gate.next().await, ["b", "c"]);
    // No third one, however many come.
    let late = gate.ask("late").await;
    assert_eq!(gate.read.0.line().lanes, LANES);
    assert!(gate.began.try_recv().is_err());
    gate.may_end.add_permits(3);
    first.await.unwrap().unwrap();
    for answer in crowd.into_iter().chain([late]) {
        assert!(answer.await.unwrap().unwrap().is_some());
    }
    while gate.read.0.line().lanes > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn many_are_read_by_few_statements_and_each_gets_its_own() {
    let mut gate = Gate::new(LONG);
    gate.may_end.add_permits(1000);
    let keys: Vec<String> = (0..200).map(|number| format!("key {number}")).collect();
    let asked = keys.iter().map(|key| gate.read.get(key));
    for (key, found) in keys.iter().zip(join_all(asked).await) {
        assert_eq!(found.unwrap().unwrap().0, *key);
    }
    let mut statements = Vec::new();
    while let Ok(read) = gate.began.try_recv() {
        assert!(read.len() <= MAX_KEYS);
        statements.push(read);
    }
    assert_eq!(statements.concat().len(), keys.len());
    assert_eq!(statements.len(), keys.len().div_ceil(MAX_KEYS));
}
