//! What the Ledger's object is asked, as one text: a verb with its version, a space, and
//! the rest. The first word keeps a Worker and an object of different deployments apart.

use super::{
    Applied, BadKey, Ban, Batch, Change, Entry, Key, Ledger, LedgerError, Page, Part, Search, Write,
};
use gapura_shared::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// A question or a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// What changed since this version? Answered by an [`Update`](super::Update).
    Since(u64),
    /// Do all of this, or nothing. Answered by [`applied`].
    Apply(Batch),
    /// A part of a long list; answered as [`Message::Apply`], by what was done of this part.
    Part(Part),
    /// A page of bans; answered by a [`Page`] in JSON.
    Search(Search),
    /// All bans; answered by a list of [`Ban`] in JSON.
    Bans,
    /// The entry under a key; answered by its row, or by nothing.
    Entry(Key),
}

/// A text that is no message, or an answer that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed Ledger message")]
pub struct BadMessage;

/// What follows from a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// The answer, to be given once the rows are written.
    pub answer: String,
    /// Rows to be written first, and the version with them if there are any.
    pub writes: Vec<Write>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchText {
    list: Option<String>,
    /// Keys with their rows; without one: lifted.
    changes: Vec<(String, Option<String>)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartText {
    import: String,
    number: u32,
    is_last: bool,
    batch: BatchText,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchText {
    text: String,
    kind: Option<String>,
    limit: usize,
    after: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Applied {
        added: usize,
        changed: usize,
        lifted: usize,
    },
    Full {
        held: usize,
        asked: usize,
    },
    Replayed,
    Interrupted,
}

impl Message {
    /// The text.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Since(version) => format!("since/1 {version}"),
            Self::Apply(batch) => format!("apply/1 {}", json(&BatchText::from(batch))),
            Self::Part(part) => {
                let text = PartText {
                    import: part.import.clone(),
                    number: part.number,
                    is_last: part.is_last,
                    batch: BatchText::from(&part.batch),
                };
                format!("part/1 {}", json(&text))
            }
            Self::Search(search) => {
                let Search {
                    text,
                    kind,
                    limit,
                    after,
                } = search.clone();
                format!(
                    "search/1 {}",
                    json(&SearchText {
                        text,
                        kind,
                        limit,
                        after
                    })
                )
            }
            Self::Bans => "bans/1 ".to_owned(),
            Self::Entry(key) => format!("entry/1 {key}"),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`BadMessage`].
    pub fn parse(text: &str) -> Result<Self, BadMessage> {
        let (verb, rest) = text.split_once(' ').ok_or(BadMessage)?;
        match verb {
            "since/1" => rest.parse().map(Self::Since).map_err(|_| BadMessage),
            "apply/1" => {
                let batch: BatchText = serde_json::from_str(rest).map_err(|_| BadMessage)?;
                batch.read().map(Self::Apply)
            }
            "part/1" => {
                let part: PartText = serde_json::from_str(rest).map_err(|_| BadMessage)?;
                Ok(Self::Part(Part {
                    import: part.import,
                    number: part.number,
                    is_last: part.is_last,
                    batch: part.batch.read()?,
                }))
            }
            "search/1" => {
                let SearchText {
                    text,
                    kind,
                    limit,
                    after,
                } = serde_json::from_str(rest).map_err(|_| BadMessage)?;
                Ok(Self::Search(Search {
                    text,
                    kind,
                    limit,
                    after,
                }))
            }
            "bans/1" => Ok(Self::Bans),
            "entry/1" => rest
                .parse()
                .map(Self::Entry)
                .map_err(|_: BadKey| BadMessage),
            _ => Err(BadMessage),
        }
    }
}

/// Strings and numbers: nothing here can fail to serialise.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl From<&Batch> for BatchText {
    fn from(batch: &Batch) -> Self {
        let change = |change: &Change| match change {
            Change::Put(key, entry) => (key.to_string(), Some(entry.to_row())),
            Change::Lift(key) => (key.to_string(), None),
        };
        Self {
            list: batch.list.as_ref().map(ToString::to_string),
            changes: batch.changes.iter().map(change).collect(),
        }
    }
}

impl BatchText {
    fn read(self) -> Result<Batch, BadMessage> {
        let change = |(key, row): (String, Option<String>)| {
            let key = key.parse().map_err(|_: BadKey| BadMessage)?;
            Ok(match row {
                Some(row) => Change::Put(key, Entry::from_row(&row).map_err(|_| BadMessage)?),
                None => Change::Lift(key),
            })
        };
        Ok(Batch {
            changes: self
                .changes
                .into_iter()
                .map(change)
                .collect::<Result<_, _>>()?,
            list: self.list.map(Into::into),
        })
    }
}

impl Ledger {
    /// Takes a message.
    ///
    /// # Errors
    /// [`BadMessage`].
    pub fn receive(&mut self, message: &str, now: UnixMillis) -> Result<Step, BadMessage> {
        Ok(self.handle(Message::parse(message)?, now))
    }

    /// As [`Ledger::receive`], of a message already read; what it needs must be in memory
    /// ([`Ledger::needs`]).
    pub fn handle(&mut self, message: Message, now: UnixMillis) -> Step {
        let seconds = now.seconds();
        let answer = match message {
            Message::Since(version) => self.since(version, seconds),
            Message::Apply(batch) => return done(self.apply(batch, now)),
            Message::Part(part) => {
                return done(self.apply_part(part, now));
            }
            Message::Search(search) => json(&self.search(&search, seconds)),
            Message::Bans => json(&self.bans(seconds).collect::<Vec<_>>()),
            Message::Entry(key) => self
                .get(&key, seconds)
                .map(Entry::to_row)
                .unwrap_or_default(),
        };
        Step {
            answer,
            writes: Vec::new(),
        }
    }
}

fn done(applied: Result<Applied, LedgerError>) -> Step {
    let (done, writes) = match applied {
        Ok(Applied {
            writes,
            added,
            changed,
            lifted,
        }) => (
            Done::Applied {
                added,
                changed,
                lifted,
            },
            writes,
        ),
        Err(LedgerError::Full { held, asked }) => (Done::Full { held, asked }, Vec::new()),
        Err(LedgerError::Replayed) => (Done::Replayed, Vec::new()),
        Err(LedgerError::Interrupted) => (Done::Interrupted, Vec::new()),
    };
    Step {
        answer: json(&done),
        writes,
    }
}

/// Reads the answer to [`Message::Apply`]; [`Applied::writes`] stay with the object.
///
/// # Errors
/// [`BadMessage`]; or, within, why nothing was done.
pub fn applied(text: &str) -> Result<Result<Applied, LedgerError>, BadMessage> {
    let done = serde_json::from_str(text).map_err(|_| BadMessage)?;
    Ok(match done {
        Done::Applied {
            added,
            changed,
            lifted,
        } => Ok(Applied {
            writes: Vec::new(),
            added,
            changed,
            lifted,
        }),
        Done::Full { held, asked } => Err(LedgerError::Full { held, asked }),
        Done::Replayed => Err(LedgerError::Replayed),
        Done::Interrupted => Err(LedgerError::Interrupted),
    })
}

/// Reads the answer to [`Message::Search`].
///
/// # Errors
/// [`BadMessage`].
pub fn page(text: &str) -> Result<Page, BadMessage> {
    serde_json::from_str(text).map_err(|_| BadMessage)
}

/// Reads the answer to [`Message::Bans`].
///
/// # Errors
/// [`BadMessage`].
pub fn bans(text: &str) -> Result<Vec<Ban>, BadMessage> {
    serde_json::from_str(text).map_err(|_| BadMessage)
}

/// Reads the answer to [`Message::Entry`].
///
/// # Errors
/// [`BadMessage`].
pub fn entry(text: &str) -> Result<Option<Entry>, BadMessage> {
    if text.is_empty() {
        return Ok(None);
    }
    Entry::from_row(text).map(Some).map_err(|_| BadMessage)
}

#[cfg(test)]
mod tests {
    use super::{Message, applied, bans, entry, page};
    use crate::ledger::{Batch, Change, Entry, Key, Ledger, LedgerError, Part, Replica, Search};
    use gapura_shared::time::{UnixMillis, UnixSeconds};

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn put(key: &str) -> Change {
        let until = Some(UnixSeconds(1_800_000_000));
        Change::Put(
            key.parse().unwrap(),
            Entry {
                until,
                ..Entry::default()
            },
        )
    }

    #[test]
    fn every_message_reads_as_it_was_written() {
        let search = Search {
            text: "a b".into(),
            kind: Some("ip".into()),
            limit: 3,
            after: None,
        };
        let changes = vec![put("ban:ip:192.0.2.0/24"), Change::Lift(Key::Attack)];
        for message in [
            Message::Since(7),
            Message::Part(Part {
                import: "a1".into(),
                number: 3,
                is_last: true,
                batch: Batch {
                    changes: changes.clone(),
                    list: Some("drop".into()),
                },
            }),
            Message::Apply(Batch {
                changes,
                list: Some("drop".into()),
            }),
            Message::Search(search),
            Message::Bans,
            Message::Entry(Key::Attack),
        ] {
            assert_eq!(Message::parse(&message.to_text()), Ok(message));
        }
        for text in [
            "",
            "since/1",
            "since/2 0",
            "apply/1 {}",
            "entry/1 x",
            "search/1 []",
        ] {
            assert!(Message::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_object_applies_tells_and_refuses() {
        let mut ledger = Ledger::default();
        let mut ask = |message: &Message| ledger.receive(&message.to_text(), NOW).unwrap();
        let apply = |key| {
            Message::Apply(Batch {
                changes: vec![put(key)],
                list: None,
            })
        };
        let step = ask(&apply("ban:ip:192.0.2.0/24"));
        assert_eq!(step.writes.len(), 1);
        assert_eq!(applied(&step.answer).unwrap().unwrap().added, 1);
        assert!(ask(&apply("nonce:00")).writes.len() == 1);
        let again = ask(&apply("nonce:00"));
        assert_eq!(applied(&again.answer), Ok(Err(LedgerError::Replayed)));

        let mut copy = Replica::default();
        copy.update(&ask(&Message::Since(0)).answer, NOW.seconds())
            .unwrap();
        assert_eq!(copy.len(), 1);
        assert_eq!(bans(&ask(&Message::Bans).answer).unwrap().len(), 1);
        let all = Search {
            limit: 9,
            ..Search::default()
        };
        assert_eq!(
            page(&ask(&Message::Search(all)).answer).unwrap().bans.len(),
            1
        );
        let known = ask(&Message::Entry("ban:ip:192.0.2.0/24".parse().unwrap()));
        assert!(entry(&known.answer).unwrap().is_some());
        assert_eq!(entry(&ask(&Message::Entry(Key::Attack)).answer), Ok(None));
    }
}
