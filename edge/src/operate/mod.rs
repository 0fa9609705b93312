//! The operator's API, carried out: who asks, what is asked of the Ledger and the shards,
//! and the event that every change and every refusal leaves.

mod caller;
mod shards;

pub use caller::sealed;

use crate::{
    admin::{self, AdminError, Context, Operation, Outcome, Reply, SubjectState},
    facts::Facts,
    gate::Gate,
    ledger::{
        Applied, Ban, Batch, Change, Key, PART_CHANGES, Search, Target, Values, list, merge,
        message, parts,
    },
    policy::StrikeKind,
    runtime::{Object, Runtime, ignored},
};
use caller::Refused;
use gapura_shared::{
    event::Event,
    ids::hex,
    seal::{SealError, Sealed},
};

/// How long an object may take for the operator.
const PATIENCE_MS: u32 = 5_000;
/// How long the Ledger may take to store a part of a long list.
const IMPORT_MS: u32 = 20_000;
/// Bans that the Ledger tells at a time when all are wanted.
const EXPORT_PAGE: usize = 10_000;

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
    let proven = caller::prove(gate, &endpoint, facts, sealed, runtime).await?;
    let caller = proven.caller();
    let actor = admin::permit(&endpoint, gate.policy.admin.as_ref(), facts.client, caller)?;
    let body = caller::read(&endpoint, &proven, facts, runtime).await?;
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
            pages.extend(shards::bans(gate, search, runtime).await?);
            Ok(Outcome::Page(merge(pages, search.limit)))
        }
        Operation::LiftBan { id, batch } => {
            if let Some(around) = shards::banned_around(gate, id, runtime).await? {
                let why = format!("{around} is banned as a whole: lift that");
                return Err(AdminError::Conflict(why));
            }
            let applied = if batch.changes.is_empty() {
                Applied::default()
            } else {
                apply(gate, batch, runtime).await?
            };
            let lifted = shards::lift(gate, id, runtime).await?;
            Ok(Outcome::Applied {
                applied,
                in_shard: lifted > 0,
            })
        }
        Operation::ShowSubject(id) => {
            let shard = shards::show(gate, id, runtime).await?;
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
            let bans = bans(runtime).await?;
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
    let applied = tell(batch, runtime).await?;
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
    gate.memory.guard.borrow_mut().unbar();
    Ok(applied)
}

/// Tells the Ledger a batch, a long one in parts.
async fn tell<R: Runtime>(batch: &Batch, runtime: &R) -> Result<Applied, AdminError> {
    if batch.changes.len() <= PART_CHANGES {
        let question = message::Message::Apply(batch.clone());
        return Ok(ask_ledger(question, message::applied, runtime).await??);
    }
    let import = hex(&runtime.random::<8>());
    let mut all = Applied::default();
    for part in parts(batch, &import) {
        // The others' turn, also where everything is in one process.
        runtime.pause(1).await;
        let question = message::Message::Part(part);
        let applied = ask_patiently(question, message::applied, IMPORT_MS, runtime).await??;
        all.added = all.added.saturating_add(applied.added);
        all.changed = all.changed.saturating_add(applied.changed);
        all.lifted = all.lifted.saturating_add(applied.lifted);
    }
    Ok(all)
}

async fn ask_ledger<R: Runtime, T>(
    question: message::Message,
    read: impl FnOnce(&str) -> Result<T, message::BadMessage>,
    runtime: &R,
) -> Result<T, AdminError> {
    ask_patiently(question, read, PATIENCE_MS, runtime).await
}

async fn ask_patiently<R: Runtime, T>(
    question: message::Message,
    read: impl FnOnce(&str) -> Result<T, message::BadMessage>,
    patience_ms: u32,
    runtime: &R,
) -> Result<T, AdminError> {
    let answer = runtime
        .ask(Object::Ledger, &question.to_text(), patience_ms, ignored())
        .await;
    let answer = answer.ok_or(AdminError::Unavailable)?;
    read(&answer).map_err(|_| AdminError::Unavailable)
}

/// All bans, in pages: together they may be longer than an answer may be.
async fn bans<R: Runtime>(runtime: &R) -> Result<Vec<Ban>, AdminError> {
    let mut search = Search {
        limit: EXPORT_PAGE,
        ..Search::default()
    };
    let mut bans = Vec::new();
    loop {
        let question = message::Message::Search(search.clone());
        let page = ask_ledger(question, message::page, runtime).await?;
        bans.extend(page.bans);
        match page.next {
            Some(last) => search.after = Some(last),
            None => return Ok(bans),
        }
    }
}

async fn entry<R: Runtime>(key: Key, id: &str, runtime: &R) -> Result<Option<Ban>, AdminError> {
    let entry = ask_ledger(message::Message::Entry(key), message::entry, runtime).await?;
    Ok(entry.map(|entry| Ban::of(id, &entry)))
}
