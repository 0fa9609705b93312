//! All messages that a shard takes.

use super::{
    Ask, AskedClass, BadMessage, MAX_BYTES, Verdict,
    answer::{banned_text, parse_verdict},
    ask::{jails_text, parse_jails},
    number, option,
};
use crate::guard::{Ban, Jail, Lock, Subject, jail::FOREVER_MS, text};
use serde::{Deserialize, Serialize};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// May this request pass? Answered by an [`Answer`](super::Answer).
    Ask(Ask),
    /// Anything else.
    Order(Subject, Order),
    /// Which bans hold in this shard? Answered by a [`Listing`] as JSON.
    List {
        /// What subject, reason or actor must contain; empty: anything.
        search: String,
        /// The subject after which the page begins.
        after: Option<Subject>,
        /// Bans on a page; 1 to 1,000.
        limit: u32,
    },
}

/// What is to be done with a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Counts strikes; answered by a [`Banned`] when they led to a ban.
    Strike {
        /// How many.
        times: u32,
        /// In which jails.
        jails: Vec<Jail>,
        /// Whether they count for the IPv6 networks around the client as well.
        shared: bool,
    },
    /// Takes an admission back: another subject of the request refused it.
    Refund {
        /// What was asked.
        classes: Vec<AskedClass>,
        /// [`Answer::at_ms`](super::Answer::at_ms).
        at_ms: u64,
    },
    /// Mirrors a lock of the origin.
    Lock(Lock),
    /// Bans by hand.
    Ban {
        /// Until then; [`FOREVER_MS`]: until lifted.
        until_ms: u64,
        /// Why, up to 512 bytes.
        reason: String,
        /// Who, up to 256 bytes.
        actor: String,
    },
    /// Lifts the ban and the locks and forgets the strikes; in an IPv6 network all bans. Answered by how many bans were lifted.
    Lift,
    /// Shows all that is known, as [`Shown`] in JSON.
    Show,
}

/// The answer to a strike: the ban that holds, if one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banned(pub Option<Verdict>);

/// A page of bans, ordered by subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The bans.
    pub bans: Vec<ListedBan>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// A ban in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedBan {
    /// Who is banned.
    pub subject: String,
    /// Since when.
    pub since_ms: u64,
    /// Until when; [`FOREVER_MS`]: until lifted.
    pub until_ms: u64,
    /// Why.
    pub reason: String,
    /// The operator, or nobody.
    pub actor: String,
}

impl ListedBan {
    pub(in crate::guard) fn new(subject: &Subject, ban: &Ban) -> Self {
        Self {
            subject: subject.to_string(),
            since_ms: ban.since_ms,
            until_ms: ban.until_ms,
            reason: ban.reason.clone(),
            actor: ban.actor.clone(),
        }
    }
}

/// All that is known of a subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The bans on it and on the networks around it.
    pub bans: Vec<ListedBan>,
    /// How often it was banned in a row.
    pub banned_before: u32,
    /// Strikes by jail.
    pub strikes: Vec<(String, u32)>,
    /// Cost used and out on lease by class.
    pub windows: Vec<(String, u32)>,
    /// Locks: source (`*` for all) and end.
    pub locks: Vec<(String, u64)>,
}

impl Banned {
    /// `-` or the verdict of an answer.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.as_ref().map_or_else(|| "-".to_owned(), banned_text)
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`BadMessage`].
    pub fn parse(text: &str) -> Result<Self, BadMessage> {
        match option(text, parse_verdict)? {
            held @ (None | Some(Verdict::Banned { .. })) => Ok(Self(held)),
            Some(_) => Err(BadMessage),
        }
    }
}

impl Message {
    /// One line, its first word the verb and its version.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (subject, order) = match self {
            Self::Ask(ask) => return ask.to_text(),
            Self::List {
                search,
                after,
                limit,
            } => {
                let after = after
                    .as_ref()
                    .map_or_else(|| "-".to_owned(), Subject::to_string);
                return format!("list/2 {after} {limit} {}", word(search));
            }
            Self::Order(subject, order) => (subject, order),
        };
        match order {
            Order::Strike {
                times,
                jails,
                shared,
            } => {
                let shared = if *shared { " shared" } else { "" };
                format!("strike/2 {subject} {times} {}{shared}", jails_text(jails))
            }
            Order::Refund { classes, at_ms } => {
                format!("refund/2 {subject} {at_ms} {}", Ask::classes_text(classes))
            }
            Order::Lock(lock) => {
                let source = lock
                    .source
                    .map_or_else(|| "*".to_owned(), |source| source.to_string());
                format!(
                    "lock/2 {subject} {source} {} {}",
                    lock.until_ms, lock.delay_ms
                )
            }
            Order::Ban {
                until_ms,
                reason,
                actor,
            } => {
                format!(
                    "ban/2 {subject} {until_ms} {} {}",
                    word(reason),
                    word(actor)
                )
            }
            Order::Lift => format!("lift/2 {subject}"),
            Order::Show => format!("show/2 {subject}"),
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`BadMessage`], also for one beyond the bounds.
    pub fn parse(text: &str) -> Result<Self, BadMessage> {
        if text.len() > MAX_BYTES {
            return Err(BadMessage);
        }
        let words: Vec<&str> = text.split(' ').collect();
        parse(&words).ok_or(BadMessage)
    }
}

fn parse(words: &[&str]) -> Option<Message> {
    let (verb, words) = words.split_first()?;
    match *verb {
        "ask/3" => return Ask::parse(words).map(Message::Ask),
        "list/2" => {
            let [after, limit, search] = words else {
                return None;
            };
            return Some(Message::List {
                search: unword(search, 256)?,
                after: option(after, |text| text.parse().ok()).ok()?,
                limit: number(limit, 1..=1_000)?,
            });
        }
        _ => {}
    }
    let (subject, words) = words.split_first()?;
    let order = match (*verb, words) {
        ("strike/2", [times, jails] | [times, jails, "shared"]) => Order::Strike {
            times: number(times, 1..=u32::MAX)?,
            jails: parse_jails(jails)?,
            shared: words.len() > 2,
        },
        ("refund/2", [at_ms, classes]) => Order::Refund {
            classes: Ask::parse_classes(classes)?,
            at_ms: at_ms.parse().ok()?,
        },
        ("lock/2", [source, until_ms, delay_ms]) => Order::Lock(Lock {
            source: if *source == "*" {
                None
            } else {
                Some(source.parse().ok()?)
            },
            until_ms: time(until_ms)?,
            delay_ms: number(delay_ms, 0..=60_000)?,
        }),
        ("ban/2", [until_ms, reason, actor]) => Order::Ban {
            until_ms: time(until_ms)?,
            reason: unword(reason, 512)?,
            actor: unword(actor, 256)?,
        },
        ("lift/2", []) => Order::Lift,
        ("show/2", []) => Order::Show,
        _ => return None,
    };
    Some(Message::Order(subject.parse().ok()?, order))
}

fn time(text: &str) -> Option<u64> {
    text.parse().ok().filter(|ms| *ms <= FOREVER_MS)
}

/// Any text as a word; an empty one as `%`, which stands for nothing else.
fn word(text: &str) -> String {
    if text.is_empty() {
        "%".to_owned()
    } else {
        text::encode(text)
    }
}

fn unword(word: &str, max: usize) -> Option<String> {
    if word == "%" {
        return Some(String::new());
    }
    text::decode(word).filter(|text| !text.is_empty() && text.len() <= max)
}
