//! The operator's API, carried out: who asks, what is asked of the Ledger and the shards,
//! and the event that every change leaves.

use crate::{
    admin::{self, AdminError, Caller, Context, Endpoint, Operation, Outcome, Reply, SubjectState},
    aftermath, authenticate,
    facts::Facts,
    gate::Gate,
    guard::{
        Kind, Message, Order, Subject,
        jail::FOREVER_MS,
        wire::{ListedBan, Listing, Shown},
    },
    ledger::{
        Applied, Ban, Batch, Change, Key, Page, Search, Target, Values, list, merge, message,
    },
    policy::StrikeKind,
    record,
    revocation::Look,
    runtime::{BodyFault, Object, Runtime, ignored},
    token::Verified,
    verdict::Stop,
};
use gapura_shared::{
    event::{self, Event},
    identity::Principal,
    seal::{self, PromisedBody, SealError, Sealed, digest},
    time::UnixMillis,
};
use serde_json::Value;

/// How long an object may take for the operator.
const PATIENCE_MS: u32 = 5_000;
/// Bans asked of a shard at a time.
const SHARD_PAGE: u32 = 1_000;
/// Where clients may be, by the platform's names; the last one: not known.
const CONTINENTS: [&str; 8] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA", ""];

/// An answer of the API, and what is to be logged of it.
#[derive(Debug)]
pub struct Operated {
    /// The answer.
    pub reply: Reply,
    /// The change, if there was one, or that somebody was refused.
    pub event: Option<Event>,
    /// What the client did wrong.
    pub strikes: Vec<StrikeKind>,
}

/// Why somebody is refused.
#[derive(Debug)]
enum Refused {
    /// The operation cannot be carried out for who asks.
    Operation(AdminError),
    /// The token does not hold; to the client it is as none.
    Token(Stop),
    /// The seal does not hold; to the client there is nothing here.
    Seal,
    /// There is no API for this address.
    Address,
}

impl<E: Into<AdminError>> From<E> for Refused {
    fn from(why: E) -> Self {
        Self::Operation(why.into())
    }
}

impl Refused {
    fn answer(&self, facts: &Facts, now: UnixMillis) -> Operated {
        let reply = match self {
            Self::Operation(why) => why.reply(&facts.request_id),
            Self::Token(_) => AdminError::Unauthenticated.reply(&facts.request_id),
            Self::Seal | Self::Address => AdminError::NotFound.reply(&facts.request_id),
        };
        let event = |kind, reason| record::refused(facts, kind, reply.status, reason, now);
        let event = match self {
            Self::Token(stop) => record::stopped(facts, stop, reply.status, now),
            Self::Seal => Some(event(event::Kind::SealRefused, "seal-invalid")),
            Self::Address => Some(event(event::Kind::AccessDenied, "access-denied")),
            Self::Operation(AdminError::Forbidden) => {
                Some(event(event::Kind::AccessDenied, "role-required"))
            }
            Self::Operation(_) => None,
        };
        let strikes = match self {
            Self::Token(stop) => aftermath::of_stop(stop, None),
            Self::Seal => vec![StrikeKind::BadSeal],
            Self::Operation(_) | Self::Address => Vec::new(),
        };
        Operated {
            reply,
            event,
            strikes,
        }
    }
}

/// Whoever asked, as far as it was proven.
enum Proven {
    Bearer(Box<Verified>),
    Origin(Box<Sealed>),
}

/// What the seal of a request to the API says, if it has one.
#[must_use]
pub fn sealed(gate: &Gate, facts: &Facts, now: UnixMillis) -> Option<Result<Sealed, SealError>> {
    facts.header(seal::SIGNATURE_INPUT)?;
    let authority = facts
        .own_origin
        .split_once("://")
        .map_or("", |(_, host)| host);
    let authority = authority.to_ascii_lowercase();
    let target = seal::Target {
        method: &facts.method,
        authority: &authority,
        path: &facts.path,
        query: &facts.query,
    };
    let sealed = seal::verify_push(&target, &Sent(facts), &gate.seal_keys, now.seconds());
    Some(sealed)
}

/// Answers a request below [`admin::PREFIX`] with what [`sealed`] says of it.
pub async fn handle<R: Runtime>(
    gate: &Gate,
    facts: &Facts,
    sealed: Option<Result<Sealed, SealError>>,
    runtime: &R,
) -> Operated {
    operate(gate, facts, sealed, runtime)
        .await
        .unwrap_or_else(|refused| refused.answer(facts, runtime.now()))
}

async fn operate<R: Runtime>(
    gate: &Gate,
    facts: &Facts,
    sealed: Option<Result<Sealed, SealError>>,
    runtime: &R,
) -> Result<Operated, Refused> {
    // First of all: what is wrong with the rest is nobody's affair who forges.
    let sealed = sealed.transpose().map_err(|_| Refused::Seal)?;
    let endpoint = admin::find(&facts.method, &facts.path)?;
    let proven = prove(gate, &endpoint, facts, sealed, runtime).await?;
    let caller = proven.caller();
    let actor = admin::permit(&endpoint, gate.policy.admin.as_ref(), facts.client, caller)?;
    let body = read(&endpoint, &proven, facts, runtime).await?;
    let context = Context {
        now: runtime.now(),
        actor: &actor,
        caller,
        client: facts.client,
        never_ban: &gate.policy.guard.never_ban,
    };
    let operation = admin::operation(endpoint, &facts.query, &body, &context)?;
    let outcome = carry_out(gate, &operation, runtime).await?;
    let applied = match &outcome {
        Outcome::Applied { applied, .. } => applied.clone(),
        _ => Applied::default(),
    };
    let now = runtime.now();
    let reply = admin::reply(&operation, outcome, now.seconds())?;
    let event = admin::event(&operation, &applied, &actor, facts, reply.status, now);
    Ok(Operated {
        reply,
        event,
        strikes: Vec::new(),
    })
}

/// Finds out who asks. Nobody's token is looked at where there is no API for its address.
async fn prove<R: Runtime>(
    gate: &Gate,
    endpoint: &Endpoint,
    facts: &Facts,
    sealed: Option<Sealed>,
    runtime: &R,
) -> Result<Proven, Refused> {
    if let Some(sealed) = sealed {
        return Ok(Proven::Origin(Box::new(sealed)));
    }
    let admin = gate.policy.admin.as_ref();
    match admin::permit(endpoint, admin, facts.client, Caller::Nobody) {
        Err(AdminError::Unauthenticated) => {}
        Err(AdminError::NotFound) if admin.is_some() && *endpoint != Endpoint::Push => {
            return Err(Refused::Address);
        }
        Err(why) => return Err(why.into()),
        Ok(_) => return Err(AdminError::Unauthenticated.into()),
    }
    let verified = authenticate::bearer(gate, facts, runtime).await;
    let verified = verified.map_err(|stop| match stop {
        Stop::TokenKeysUnavailable => AdminError::Unavailable.into(),
        stop => Refused::Token(stop),
    })?;
    match Look::confirm(gate, &verified, runtime).await {
        Ok(()) => Ok(Proven::Bearer(Box::new(verified))),
        Err(Stop::LedgerUnavailable) => Err(AdminError::Unavailable.into()),
        Err(stop) => Err(Refused::Token(stop)),
    }
}

impl Proven {
    const fn caller(&self) -> Caller<'_> {
        match self {
            Self::Bearer(verified) => Caller::Bearer(&verified.principal),
            Self::Origin(sealed) => Caller::Origin {
                nonce: sealed.nonce,
                principal: match &sealed.identity.principal {
                    Some(principal) => Some(principal),
                    None => None::<&Principal>,
                },
            },
        }
    }
}

/// The headers of a push, as the seal reads them.
struct Sent<'a>(&'a Facts);

impl seal::Headers for Sent<'_> {
    fn one(&self, name: &'static str) -> Result<Option<&str>, SealError> {
        Ok(self.0.header(name))
    }
}

/// Reads the body; what the origin sealed must be what arrived.
async fn read<R: Runtime>(
    endpoint: &Endpoint,
    proven: &Proven,
    facts: &Facts,
    runtime: &R,
) -> Result<Vec<u8>, AdminError> {
    let bytes = if facts.has_body() {
        let limit = endpoint.body_bytes();
        let read = runtime
            .read_body(u64::try_from(limit).unwrap_or(u64::MAX))
            .await;
        read.map_err(|fault| match fault {
            BodyFault::TooLong => AdminError::TooLarge(limit),
            BodyFault::Ended => AdminError::Invalid("the body ended early".to_owned()),
        })?
    } else {
        Vec::new()
    };
    if let Proven::Origin(sealed) = proven {
        let as_promised = match sealed.body {
            PromisedBody::Empty => bytes.is_empty(),
            PromisedBody::Sha256(digest) => {
                digest::parse_sha256(&digest::sha256(&bytes)) == Some(digest)
            }
            PromisedBody::Stream { .. } => false,
        };
        if !as_promised {
            return Err(AdminError::NotFound);
        }
    }
    Ok(bytes)
}

async fn carry_out<R: Runtime>(
    gate: &Gate,
    operation: &Operation,
    runtime: &R,
) -> Result<Outcome, AdminError> {
    let now = runtime.now().seconds();
    match operation {
        Operation::ListBans(search) => {
            let mut pages = vec![
                ask_ledger(
                    message::Message::Search(search.clone()),
                    message::page,
                    runtime,
                )
                .await?,
            ];
            for shard in shards(gate) {
                pages.push(bans_of(&shard, search, runtime).await?);
            }
            Ok(Outcome::Page(merge(pages, search.limit)))
        }
        Operation::LiftBan { id, batch } => {
            if let Some(around) = banned_around(gate, id, runtime).await? {
                let why = format!("{around} is banned as a whole: lift that");
                return Err(AdminError::Conflict(why));
            }
            let applied = if batch.changes.is_empty() {
                Applied::default()
            } else {
                apply(gate, batch, runtime).await?
            };
            let lifted = lift(gate, id, runtime).await?;
            Ok(Outcome::Applied {
                applied,
                in_shard: lifted > 0,
            })
        }
        Operation::ShowSubject(id) => {
            let shard = show(gate, id, runtime).await?;
            let ban = match id.parse::<Target>() {
                Ok(target) => entry(Key::Ban(target), id, runtime).await?,
                Err(_) => None,
            };
            Ok(Outcome::Subject(SubjectState { shard, ban }))
        }
        Operation::GetMode => {
            let question = message::Message::Entry(Key::Attack);
            ask_ledger(question, message::entry, runtime)
                .await
                .map(Outcome::Mode)
        }
        Operation::Export(format) => {
            let bans = ask_ledger(message::Message::Bans, message::bans, runtime).await?;
            Ok(Outcome::List(list::export(bans, *format, now)))
        }
        Operation::AddBan { batch, .. }
        | Operation::SetMode { batch, .. }
        | Operation::Import { batch, .. }
        | Operation::Push(batch) => {
            let applied = apply(gate, batch, runtime).await?;
            Ok(Outcome::Applied {
                applied,
                in_shard: false,
            })
        }
    }
}

async fn apply<R: Runtime>(gate: &Gate, batch: &Batch, runtime: &R) -> Result<Applied, AdminError> {
    let question = message::Message::Apply(batch.clone());
    let applied = ask_ledger(question, message::applied, runtime).await??;
    // This isolate asks anew with its next request; the others when their copy is too old.
    // Whether the site is under attack decides about limits before the answer is there.
    let attack = batch.changes.iter().filter_map(|change| match change {
        Change::Put(Key::Attack, entry) => Some(Some(Values {
            until: entry.until,
            not_before: None,
        })),
        Change::Lift(Key::Attack) => Some(None),
        _ => None,
    });
    let attack = attack.map(|values| (Key::Attack, values)).collect();
    let mut held = gate.memory.ledger.borrow_mut();
    held.anticipate(attack, runtime.now());
    held.outdate();
    Ok(applied)
}

async fn ask_ledger<R: Runtime, T>(
    question: message::Message,
    read: impl FnOnce(&str) -> Result<T, message::BadMessage>,
    runtime: &R,
) -> Result<T, AdminError> {
    let answer = runtime
        .ask(Object::Ledger, &question.to_text(), PATIENCE_MS, ignored())
        .await;
    let answer = answer.ok_or(AdminError::Unavailable)?;
    read(&answer).map_err(|_| AdminError::Unavailable)
}

async fn entry<R: Runtime>(key: Key, id: &str, runtime: &R) -> Result<Option<Ban>, AdminError> {
    let entry = ask_ledger(message::Message::Entry(key), message::entry, runtime).await?;
    Ok(entry.map(|entry| Ban::of(id, &entry)))
}

/// All shards there can be.
fn shards(gate: &Gate) -> Vec<String> {
    let guard = &gate.policy.guard;
    let regions: &[&str] = if guard.regional { &CONTINENTS } else { &[""] };
    let shards = |region: &&str| {
        let region = (*region).to_owned();
        (0..guard.shards).map(move |n| format!("{region}/{n}"))
    };
    regions.iter().flat_map(shards).collect()
}

/// The shards in which a subject may live.
fn homes(gate: &Gate, subject: &Subject) -> Vec<String> {
    let guard = &gate.policy.guard;
    let regional = guard.regional && matches!(subject, Subject::Ip(_));
    let regions: &[&str] = if regional { &CONTINENTS } else { &[""] };
    regions
        .iter()
        .map(|region| subject.shard(region, guard.shards))
        .collect()
}

/// The subject that an operator means: an address stands for the client behind it.
fn subject(id: &str) -> Option<Subject> {
    let (kind, name) = id.split_once(':')?;
    let kind = match kind {
        "ip" => {
            let address = name.parse().map(Subject::client);
            return address.or_else(|_| id.parse()).ok();
        }
        "user" => Kind::User,
        "tenant" => Kind::Tenant,
        "key" => Kind::Key,
        "account" => Kind::Account,
        _ => return None,
    };
    // As it is listed, else as it is called.
    Some(id.parse().unwrap_or_else(|_| Subject::named(kind, name)))
}

async fn ask_shard<R: Runtime>(
    name: &str,
    message: &Message,
    runtime: &R,
) -> Result<String, AdminError> {
    let answer = runtime
        .ask(
            Object::Guard(name),
            &message.to_text(),
            PATIENCE_MS,
            ignored(),
        )
        .await;
    answer.ok_or(AdminError::Unavailable)
}

async fn lift<R: Runtime>(gate: &Gate, id: &str, runtime: &R) -> Result<u32, AdminError> {
    let Some(subject) = subject(id) else {
        return Ok(0);
    };
    let message = Message::Order(subject.clone(), Order::Lift);
    let mut lifted: u32 = 0;
    for home in homes(gate, &subject) {
        let answer = ask_shard(&home, &message, runtime).await?;
        lifted = lifted.saturating_add(answer.parse().unwrap_or(0));
    }
    gate.memory.guard.borrow_mut().lift(&subject);
    Ok(lifted)
}

/// The banned IPv6 network around a subject whose ban is to be lifted: it would be banned still.
async fn banned_around<R: Runtime>(
    gate: &Gate,
    id: &str,
    runtime: &R,
) -> Result<Option<String>, AdminError> {
    let Some(subject) = subject(id).filter(|subject| subject.family().is_some()) else {
        return Ok(None);
    };
    let around = subject.networks();
    let message = Message::Order(subject.clone(), Order::Show);
    for home in homes(gate, &subject) {
        let answer = ask_shard(&home, &message, runtime).await?;
        let shown: Shown = serde_json::from_str(&answer).map_err(|_| AdminError::Unavailable)?;
        let targets = shown.bans.into_iter().map(|ban| ban.subject);
        let held = targets.filter_map(|target| target.parse().ok());
        if let Some(wide) = held.into_iter().find(|target| around.contains(target)) {
            return Ok(Some(wide.to_string()));
        }
    }
    Ok(None)
}

async fn show<R: Runtime>(gate: &Gate, id: &str, runtime: &R) -> Result<Value, AdminError> {
    let invalid = || AdminError::Invalid("this is no subject".to_owned());
    let subject = subject(id).ok_or_else(invalid)?;
    let message = Message::Order(subject.clone(), Order::Show);
    let mut shown: Vec<Value> = Vec::new();
    for home in homes(gate, &subject) {
        let answer = ask_shard(&home, &message, runtime).await?;
        shown.push(serde_json::from_str(&answer).map_err(|_| AdminError::Unavailable)?);
    }
    Ok(if shown.len() == 1 {
        shown.remove(0)
    } else {
        Value::Array(shown)
    })
}

/// The bans of a shard that are looked for.
async fn bans_of<R: Runtime>(name: &str, search: &Search, runtime: &R) -> Result<Page, AdminError> {
    let mut bans: Vec<Ban> = Vec::new();
    let mut after = search
        .after
        .as_deref()
        .and_then(|id| id.parse::<Subject>().ok());
    loop {
        let message = Message::List {
            search: String::new(),
            after: after.clone(),
            limit: SHARD_PAGE,
        };
        let answer = ask_shard(name, &message, runtime).await?;
        let listing: Listing =
            serde_json::from_str(&answer).map_err(|_| AdminError::Unavailable)?;
        after = listing.bans.last().and_then(|ban| ban.subject.parse().ok());
        let found = listing
            .bans
            .into_iter()
            .map(ban)
            .filter(|ban| search.finds(ban));
        bans.extend(found);
        if bans.len() > search.limit || !listing.more || after.is_none() {
            break;
        }
    }
    Ok(merge(vec![Page { bans, next: None }], search.limit))
}

fn ban(listed: ListedBan) -> Ban {
    let by_jail = listed.actor.is_empty();
    Ban {
        id: listed.subject,
        source: if by_jail {
            format!("jail:{}", listed.reason)
        } else {
            "operator".to_owned()
        },
        reason: listed.reason,
        actor: listed.actor,
        since: listed.since_ms / 1000,
        until: (listed.until_ms < FOREVER_MS).then_some(listed.until_ms / 1000),
    }
}
