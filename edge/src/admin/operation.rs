//! What a permitted request asks for, with everything checked that can be.

use super::{
    Actor, AdminError, Caller, Endpoint,
    body::{self, BanBody, ModeBody, Parameters},
};
use crate::ledger::{
    ADDED_LIST, Batch, Change, Entry, Key, Note, Search, Target, checked,
    list::{self, Decision, Format, List},
};
use gapura_shared::{
    address::Network,
    ids::hex,
    limits::{MAX_CLOCK_SKEW_S, SEAL_LIFETIME_S},
    push::{self, MAX_REVOCATIONS, Push, Revocation},
    time::{UnixMillis, UnixSeconds},
};
use std::{net::IpAddr, sync::Arc};

/// Most bans in one page.
const MAX_PAGE: u64 = 1_000;
/// Bans in a page unless asked otherwise.
const PAGE: u64 = 100;
/// Kinds of subjects that the shards know and the Ledger does not.
const SHARD_KINDS: [&str; 5] = ["ip", "user", "tenant", "key", "account"];

/// What the shell is to do. A `Batch` is for the Ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Ask the Ledger and every shard with this search, and merge their pages.
    ListBans(Search),
    /// Apply the batch.
    AddBan {
        /// Whom.
        target: Target,
        /// The ban.
        batch: Batch,
    },
    /// Apply the batch; and have the subject's shard, if the id is one, lift its ban.
    LiftBan {
        /// The ban's id, which may be a subject.
        id: String,
        /// Lifts it, if the Ledger can hold such a ban.
        batch: Batch,
    },
    /// Ask the subject's shard for its state, and the Ledger for its ban.
    ShowSubject(String),
    /// Ask the Ledger whether the site is under attack.
    GetMode,
    /// Apply the batch.
    SetMode {
        /// Whether the site is under attack from now on.
        under_attack: bool,
        /// The change.
        batch: Batch,
    },
    /// Apply the batch.
    Import {
        /// The bans.
        batch: Batch,
        /// How many entries of the list were none.
        skipped: usize,
    },
    /// Ask the Ledger for all bans.
    Export(Format),
    /// Apply the batch.
    Push(Batch),
}

/// What an operation is made in.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time.
    pub now: UnixMillis,
    /// Who was let in.
    pub actor: &'a Actor,
    /// Who it is.
    pub caller: Caller<'a>,
    /// Where from.
    pub client: IpAddr,
    /// What can never be banned.
    pub never_ban: &'a [Network],
}

/// Reads what is asked for. `query` is as sent, without `?`.
///
/// # Errors
/// [`AdminError`] says what is not allowed.
pub fn operation(
    endpoint: Endpoint,
    query: &str,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Operation, AdminError> {
    if body.len() > endpoint.body_bytes() {
        return Err(AdminError::TooLarge(endpoint.body_bytes()));
    }
    let known: &[&str] = match endpoint {
        Endpoint::ListBans => &["q", "kind", "limit", "after"],
        Endpoint::Import => &["list", "reason", "seconds"],
        Endpoint::Export => &["format"],
        _ => &[],
    };
    let parameters = Parameters::read(query, known)?;
    let mut operation = read(endpoint, &parameters, body, context)?;
    if let (
        Operation::AddBan { batch, .. } | Operation::LiftBan { batch, .. },
        Caller::Origin { nonce, .. },
    ) = (&mut operation, context.caller)
    {
        batch.changes.push(once(nonce, context.now.seconds()));
    }
    Ok(operation)
}

fn read(
    endpoint: Endpoint,
    parameters: &Parameters,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Operation, AdminError> {
    match endpoint {
        Endpoint::ListBans => search(parameters).map(Operation::ListBans),
        Endpoint::AddBan => add_ban(&body::json(body)?, context),
        Endpoint::LiftBan(id) => lift_ban(id),
        Endpoint::ShowSubject(subject) => {
            is_subject(&subject)?;
            Ok(Operation::ShowSubject(subject))
        }
        Endpoint::GetMode => Ok(Operation::GetMode),
        Endpoint::SetMode => set_mode(&body::json(body)?, context),
        Endpoint::Import => import(parameters, body, context),
        Endpoint::Export => export(parameters),
        Endpoint::Push => push(&body::json(body)?, context),
    }
}

fn search(parameters: &Parameters) -> Result<Search, AdminError> {
    let limit = parameters.number("limit")?.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(AdminError::Invalid(format!(
            "`limit` must be 1 to {MAX_PAGE}"
        )));
    }
    Ok(Search {
        text: parameters.get("q").unwrap_or_default().to_lowercase(),
        kind: parameters.get("kind").map(str::to_owned),
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        after: parameters.get("after").map(str::to_owned),
    })
}

fn add_ban(ban: &BanBody, context: &Context<'_>) -> Result<Operation, AdminError> {
    let target = Target::parse_loose(&ban.target)
        .map_err(|why| AdminError::Invalid(format!("`target` {why}")))?
        .of_clients();
    let reason = body::text("reason", &ban.reason)?;
    if let Some(why) = list::too_wide(&target) {
        return Err(AdminError::Invalid(format!("`target`: {why}")));
    }
    harmless(&target, context)?;
    let entry = Entry {
        until: ban.end(context.now.seconds())?,
        not_before: None,
        note: Some(note(context, reason.into(), None)),
    };
    let change = Change::Put(Key::Ban(target.clone()), entry);
    Ok(Operation::AddBan {
        target,
        batch: batch(vec![change]),
    })
}

/// What the operator cannot want: a ban that would have no effect, or lock the operator out.
fn harmless(target: &Target, context: &Context<'_>) -> Result<(), AdminError> {
    let Target::Network(network) = target else {
        return Ok(());
    };
    let (base, prefix) = network.parts();
    let spared = context
        .never_ban
        .iter()
        .any(|never| never.contains(base) && never.parts().1 <= prefix);
    if spared {
        let why = format!("{network} can never be banned: guard.never_ban in the policy");
        return Err(AdminError::Conflict(why));
    }
    let by_person = matches!(context.caller, Caller::Bearer(_));
    if by_person && target.contains(context.client) {
        let why = format!("{network} holds the address that you ask from");
        return Err(AdminError::Conflict(why));
    }
    Ok(())
}

fn lift_ban(id: String) -> Result<Operation, AdminError> {
    let batch = if let Ok(target) = id.parse::<Target>() {
        // The ban of one IPv6 address is its client's.
        let mut targets = vec![target.clone(), target.of_clients()];
        targets.dedup();
        batch(
            targets
                .into_iter()
                .map(|target| Change::Lift(Key::Ban(target)))
                .collect(),
        )
    } else {
        is_subject(&id)?;
        Batch::default()
    };
    Ok(Operation::LiftBan { id, batch })
}

fn is_subject(id: &str) -> Result<(), AdminError> {
    let kind = id.split_once(':').filter(|(_, name)| checked(name).is_ok());
    if kind.is_some_and(|(kind, _)| SHARD_KINDS.contains(&kind)) {
        return Ok(());
    }
    let kinds = SHARD_KINDS.join(", ");
    Err(AdminError::Invalid(format!(
        "a subject is one of {kinds}, a colon, and a name"
    )))
}

fn set_mode(mode: &ModeBody, context: &Context<'_>) -> Result<Operation, AdminError> {
    let change = if mode.under_attack {
        let entry = Entry {
            until: mode.end(context.now.seconds())?,
            not_before: None,
            note: Some(note(context, "under attack".into(), None)),
        };
        Change::Put(Key::Attack, entry)
    } else if mode.has_end() {
        let why = "what is off has no end".to_owned();
        return Err(AdminError::Invalid(why));
    } else {
        Change::Lift(Key::Attack)
    };
    Ok(Operation::SetMode {
        under_attack: mode.under_attack,
        batch: batch(vec![change]),
    })
}

fn import(
    parameters: &Parameters,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Operation, AdminError> {
    let now = context.now.seconds();
    let List { decisions, skipped } = list::parse(body).map_err(AdminError::List)?;
    let named = |name| parameters.get(name).map(|text| body::text(name, text));
    let name = named("list").transpose()?.map(Arc::<str>::from);
    let reason = named("reason").transpose()?.map(Arc::<str>::from);
    let usual = reason
        .or_else(|| name.clone())
        .unwrap_or_else(|| "imported".into());
    let list = name.unwrap_or_else(|| ADDED_LIST.into());
    let seconds = parameters.number("seconds")?;
    let until = seconds
        .map(|seconds| body::within(seconds, now))
        .transpose()?;
    let actor: Arc<str> = context.actor.as_str().into();
    let change = |decision: Decision| {
        let reason = decision
            .reason
            .map_or_else(|| Arc::clone(&usual), Arc::from);
        let entry = Entry {
            until: decision.seconds.map(|seconds| now.after(seconds)).or(until),
            not_before: None,
            note: Some(Note {
                since: now,
                actor: Arc::clone(&actor),
                reason,
                list: Some(Arc::clone(&list)),
            }),
        };
        Change::Put(Key::Ban(decision.target.of_clients()), entry)
    };
    Ok(Operation::Import {
        batch: Batch {
            changes: decisions.into_iter().map(change).collect(),
            list: Some(Arc::clone(&list)),
        },
        skipped,
    })
}

fn export(parameters: &Parameters) -> Result<Operation, AdminError> {
    let name = parameters.get("format").unwrap_or("cidr");
    let format = Format::NAMED.iter().find(|(known, _)| *known == name);
    format
        .map(|(_, format)| Operation::Export(*format))
        .ok_or_else(|| {
            let names = Format::NAMED.map(|(name, _)| name).join(", ");
            AdminError::Invalid(format!("`format` must be one of {names}"))
        })
}

fn push(push: &Push, context: &Context<'_>) -> Result<Operation, AdminError> {
    let Caller::Origin { nonce, .. } = context.caller else {
        return Err(AdminError::Forbidden);
    };
    if push.revocations.len() > MAX_REVOCATIONS {
        let why = format!("a push has at most {MAX_REVOCATIONS} revocations");
        return Err(AdminError::Invalid(why));
    }
    let mut changes = vec![once(nonce, context.now.seconds())];
    for (index, revocation) in push.revocations.iter().enumerate() {
        let change = revoked(revocation)
            .map_err(|why| AdminError::Invalid(format!("revocations[{index}]: {why}")))?;
        changes.push(change);
    }
    Ok(Operation::Push(batch(changes)))
}

/// Has what the origin sealed done once. The seal is good for its lifetime and the skew on either side; so long its nonce is kept.
fn once(nonce: [u8; 16], now: UnixSeconds) -> Change {
    let entry = Entry {
        until: Some(now.after(SEAL_LIFETIME_S.saturating_add(2 * MAX_CLOCK_SKEW_S))),
        ..Entry::default()
    };
    Change::Put(Key::Nonce(hex(&nonce)), entry)
}

/// A revocation as a change of the Ledger.
///
/// # Errors
/// What is wrong with it.
pub fn revoked(revocation: &Revocation) -> Result<Change, String> {
    let id = checked(&revocation.id)
        .map_err(|why| format!("`id` {why}"))?
        .to_owned();
    let make: fn(String) -> Key = match revocation.kind {
        push::Kind::Session => Key::Session,
        push::Kind::Token => Key::Token,
        push::Kind::User => Key::User,
        push::Kind::Tenant => Key::Tenant,
        push::Kind::Key => Key::SigningKey,
    };
    let single = matches!(revocation.kind, push::Kind::Session | push::Kind::Token);
    if single == revocation.not_before.is_some() {
        return Err(
            "`not_before` belongs to users, tenants and keys, and to these alone".to_owned(),
        );
    }
    let entry = Entry {
        until: Some(revocation.until),
        not_before: revocation.not_before,
        note: None,
    };
    Ok(Change::Put(make(id), entry))
}

fn note(context: &Context<'_>, reason: Arc<str>, list: Option<Arc<str>>) -> Note {
    Note {
        since: context.now.seconds(),
        actor: context.actor.as_str().into(),
        reason,
        list,
    }
}

const fn batch(changes: Vec<Change>) -> Batch {
    Batch {
        changes,
        list: None,
    }
}
