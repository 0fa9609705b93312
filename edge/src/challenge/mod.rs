//! The challenge: while a site is under attack, a browser without a token must
//! find a number before it is let in. No third party, no account, no image.
//!
//! Guarantees: without a token and without a solution of its own network's puzzle
//! no younger than [`Challenge::lifetime_s`](crate::policy::Challenge) nothing that
//! is challenged passes. Both are sealed texts: no isolate needs another's memory.
//! It says nothing about who is at the browser: it prices each network that takes
//! part in a flood, and stops programs that are no browsers.

mod clearance;
mod page;
mod puzzle;
mod spent;
#[cfg(test)]
mod tests;

use crate::{
    authenticate,
    facts::Facts,
    gate::Gate,
    policy::{ChallengeMode, Route, TokenNeed},
    runtime::Runtime,
    verdict::Stop,
};
use gapura_shared::{
    seal::{DerivedKeys, Keys},
    time::UnixMillis,
};
use puzzle::Puzzle;
use spent::Spent;
use std::cell::RefCell;

pub use puzzle::Unsolved;

/// Where solutions are posted.
pub const PATH: &str = "/_gapura/challenge";
/// Longest solution, in bytes: a puzzle and a number.
const MAX_SOLUTION_BYTES: u64 = 256;
/// When a program may ask again for what is challenged.
const RETRY_AFTER_S: u32 = 120;

/// What an isolate keeps for challenges.
#[derive(Debug)]
pub struct State {
    keys: DerivedKeys,
    spent: RefCell<Spent>,
}

impl State {
    /// With keys made from the seal's.
    #[must_use]
    pub fn new(keys: &Keys) -> Self {
        Self {
            keys: DerivedKeys::new(keys, "challenge"),
            spent: RefCell::default(),
        }
    }
}

/// An answer in the origin's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers that are the same for every client.
    pub fixed: &'static [(&'static str, &'static str)],
    /// Headers of this answer.
    pub own: Vec<(&'static str, String)>,
    /// The body.
    pub body: Option<String>,
}

/// Whether a request answers a challenge.
#[must_use]
pub fn is_answer(gate: &Gate, facts: &Facts) -> bool {
    gate.policy.challenge.mode != ChallengeMode::Off && facts.path == PATH
}

/// Takes a solution.
///
/// # Errors
/// [`Stop::ChallengeFailed`], [`Stop::MethodNotAllowed`].
pub async fn take<R: Runtime>(gate: &Gate, facts: &Facts, runtime: &R) -> Result<Reply, Stop> {
    if facts.method != "POST" {
        return Err(Stop::MethodNotAllowed {
            allow: vec!["POST".to_owned()],
        });
    }
    let body = runtime.read_body(MAX_SOLUTION_BYTES).await.ok();
    redeem(gate, facts, body.as_deref(), runtime.now())
}

/// What is known of a request's token when it may be challenged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Nobody has looked at it. One that is sent will be refused if it does not hold.
    Unchecked,
    /// There is none, or a cookie whose token does not hold.
    None,
}

/// The stage: keeps out what has neither token nor clearance; `None` may go on to the
/// origin. `under_attack` is asked where it matters alone.
///
/// # Errors
/// [`Stop::ChallengeRequired`].
pub async fn check(
    gate: &Gate,
    route: &Route,
    facts: &Facts,
    token: Token,
    now: UnixMillis,
    under_attack: impl AsyncFnOnce() -> bool,
) -> Result<Option<Reply>, Stop> {
    let settings = &gate.policy.challenge;
    let is_free = settings.mode == ChallengeMode::Off
        // What the gate answers by itself costs less than a page.
        || route.answer.is_some()
        || settings.exempt.iter().any(|path| path.matches(&facts.path))
        || (token == Token::Unchecked && has_token(gate, route, facts));
    if is_free || (settings.mode == ChallengeMode::Attack && !under_attack().await) {
        return Ok(None);
    }
    let keys = &gate.challenge.keys;
    if clearance::is_held(facts, keys, now.seconds()) {
        return Ok(None);
    }
    if !is_navigation(facts) {
        return Err(Stop::ChallengeRequired);
    }
    let puzzle = Puzzle::new(facts, settings.bits, now, keys);
    Ok(Some(Reply {
        // 503 and not 403: a crawler comes back, and forgets nothing.
        status: 503,
        fixed: page::HEADERS,
        own: vec![("retry-after", RETRY_AFTER_S.to_string())],
        body: (facts.method == "GET").then(|| page::page(facts, &puzzle)),
    }))
}

/// Takes a solution: a cookie in exchange.
fn redeem(gate: &Gate, facts: &Facts, body: Option<&[u8]>, now: UnixMillis) -> Result<Reply, Stop> {
    let State { keys, spent } = &gate.challenge;
    let text = body.and_then(|body| std::str::from_utf8(body).ok());
    let (puzzle, number) = text
        .and_then(|text| text.split_once(':'))
        .ok_or(Stop::ChallengeFailed(Unsolved::Form))?;
    let solved = Puzzle::parse(puzzle)
        .and_then(|puzzle| puzzle.solved_by(number, facts, keys, now))
        .map_err(Stop::ChallengeFailed)?;
    if !spent.borrow_mut().spend(&solved, now) {
        return Err(Stop::ChallengeFailed(Unsolved::Spent));
    }
    let lifetime_s = gate.policy.challenge.lifetime_s;
    Ok(Reply {
        status: 204,
        fixed: &[("cache-control", "no-store")],
        own: vec![(
            "set-cookie",
            clearance::cookie(facts, &solved, lifetime_s, keys),
        )],
        body: None,
    })
}

/// Whether a token comes along that the route looks at.
fn has_token(gate: &Gate, route: &Route, facts: &Facts) -> bool {
    route.token != TokenNeed::None && matches!(authenticate::sent(gate, facts), Ok(Some(_)))
}

/// Whether a person would see the answer (Fetch Metadata, or what older browsers accept).
fn is_navigation(facts: &Facts) -> bool {
    matches!(facts.method.as_str(), "GET" | "HEAD")
        && match facts.header("sec-fetch-mode") {
            Some(mode) => mode == "navigate",
            None => facts
                .header("accept")
                .is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html")),
        }
}
