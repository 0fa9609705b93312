//! `gapura-origin users`: one file per command.

mod add;
mod disable;
mod export;
mod import;
mod list;
mod password;
mod role;
mod session;
mod unlock;

use super::{CliError, Out, environment};
use crate::{
    auth::{email, permission::is_role},
    clock, config,
    config::{BadConfig, Config, EdgeUrl, Fault, Faults},
    db::{Changed, Db, End, User},
    edge::{self, PushError},
    log,
};
use clap::{Args, Subcommand};
use gapura_shared::{
    event::Kind,
    outcome::AccountId,
    push::{self, Revocation},
    seal::Keys,
    secret::Secret,
    time::{UnixMillis, UnixSeconds},
};
use serde_json::Value;
use std::path::PathBuf;

pub(super) use add::first_admin;

/// Manage accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Users {
    /// Add an account.
    Add(add::Add),
    /// List accounts by address.
    List(list::List),
    /// Let an account log in no more; its sessions end.
    Disable(disable::Disable),
    /// Let it log in again.
    Enable(disable::Enable),
    /// Give an account another role; its sessions end.
    Role(role::SetRole),
    /// Give an account a new password; its sessions end.
    Reset(password::Reset),
    /// List the sessions of an account, or end one.
    Sessions(session::Sessions),
    /// End every session of an account, here and at the edge.
    Logout(session::Logout),
    /// Lift the lockout of a login name and forget its failed logins.
    Unlock(unlock::Unlock),
    /// Add accounts from a file, with the password hashes of another system.
    Import(import::Import),
    /// Write all accounts to standard output.
    Export(export::Export),
}

impl Users {
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        match self {
            Self::Add(add) => add.run(out).await,
            Self::List(list) => list.run(out).await,
            Self::Disable(disable) => disable.run(out).await,
            Self::Enable(enable) => enable.run(out).await,
            Self::Role(role) => role.run(out).await,
            Self::Reset(reset) => reset.run(out).await,
            Self::Sessions(sessions) => sessions.run(out).await,
            Self::Logout(logout) => logout.run(out).await,
            Self::Unlock(unlock) => unlock.run(out).await,
            Self::Import(import) => import.run(out).await,
            Self::Export(export) => export.run(out).await,
        }
    }
}

/// Where the accounts are.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
}

impl Place {
    async fn open(self) -> Result<Site, CliError> {
        let config = config::load(&self.config, &environment).map_err(|bad| CliError::Config {
            path: self.config.clone(),
            bad,
        })?;
        log::start(config.log);
        let mut db = Db::open(&config.database).await?;
        if config.edge.url.is_some() {
            // Where the gate does not answer us, an origin that runs tells it.
            db = db.with_outbox(config.auth.access_lifetime);
        }
        Ok(Site {
            path: self.config,
            config,
            db,
        })
    }
}

/// An account that a command is about.
#[derive(Debug, Args)]
struct Account {
    #[command(flatten)]
    place: Place,
    /// The address.
    #[arg(long)]
    email: String,
}

impl Account {
    async fn open(self) -> Result<(Site, User), CliError> {
        let email = address(&self.email)?;
        let site = self.place.open().await?;
        let user = site.db.user_by_email(&email).await?;
        let user = user.ok_or_else(|| CliError::Usage(format!("{email} has no account")))?;
        Ok((site, user))
    }
}

fn address(text: &str) -> Result<String, CliError> {
    email::normalise(text).ok_or_else(|| CliError::Usage("the e-mail address is not valid".into()))
}

/// The name of a role.
fn role(text: &str) -> Result<String, CliError> {
    let message = "a role has 1 to 32 lower-case letters, digits, `-` or `_`, and is not anon";
    is_role(text)
        .then(|| text.to_owned())
        .ok_or_else(|| CliError::Usage(message.into()))
}

/// An open database, and whom to tell of changes.
struct Site {
    path: PathBuf,
    config: Config,
    db: Db,
}

/// Whether the edge knows that something holds no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Told,
    /// `edge.url` is not set.
    Unknown,
}

impl Edge {
    const fn text(self) -> &'static str {
        match self {
            Self::Told => "the edge knows",
            Self::Unknown => {
                "the edge is not told (edge.url is not set): tokens and locks hold there until they end"
            }
        }
    }
}

/// Tells what was done, and whether the edge knows. What was done is told also when the edge does not
/// answer, which is an error.
fn tell(
    out: Out,
    mut text: String,
    mut json: Value,
    edge: Result<Edge, CliError>,
) -> Result<(), CliError> {
    if let Ok(edge) = &edge {
        text = format!("{text}\n{}", edge.text());
    }
    if let Value::Object(members) = &mut json {
        let is_told = edge.as_ref().is_ok_and(|edge| *edge == Edge::Told);
        members.insert("edge_told".into(), is_told.into());
    }
    out.tell(&text, &json)?;
    edge.map(drop)
}

impl Site {
    /// Fails where there is no such role, unless it is to be made: a mistyped one would open nothing.
    async fn have_role(&self, role: &str, make_missing: bool) -> Result<(), CliError> {
        if self.db.permissions(role).await?.is_some() {
            return Ok(());
        }
        if !make_missing {
            let message = format!("there is no role {role} (--make-missing makes it)");
            return Err(CliError::Usage(message));
        }
        self.db.set_role(role, &[], clock::now()).await?;
        log::operator(Kind::AccessChanged, role, "users role");
        Ok(())
    }

    /// Changes an account and ends its sessions; how many there were. Nor do links and codes that are out let anybody
    /// in.
    async fn change(
        &self,
        id: &str,
        now: UnixMillis,
        change: impl Fn(&mut User) + Send + Sync,
    ) -> Result<usize, CliError> {
        let changed = self.db.change_user(id, Some(End::All), now, |user| {
            change(user);
            Ok::<(), CliError>(())
        });
        let ended = match changed.await? {
            Changed::Done { ended, .. } => ended.len(),
            Changed::Taken | Changed::Gone => {
                let message = "somebody deleted the account meanwhile";
                return Err(CliError::Usage(message.into()));
            }
        };
        self.db.revoke_one_time(id).await?;
        Ok(ended)
    }

    /// A secret by itself: not every command needs it.
    fn token_key(&self) -> Result<Secret, CliError> {
        config::token_key(&environment).map_err(|fault| self.fault(fault))
    }

    fn fault(&self, fault: Fault) -> CliError {
        CliError::Config {
            path: self.path.clone(),
            bad: BadConfig::Faults(Faults(vec![fault])),
        }
    }

    /// Has the edge refuse every token of a user that was issued until now.
    async fn revoke_user(&self, user: &str) -> Result<Edge, CliError> {
        let not_before = clock::now().seconds().after(1);
        self.revoke(push::Kind::User, user, Some(not_before)).await
    }

    /// Has the edge forget the locks of a login name: it turns such logins away by itself.
    async fn lift_locks(&self, account: AccountId) -> Result<Edge, CliError> {
        self.tell(move |edge, keys| edge::lift_locks(edge, keys, &account))
            .await
    }

    async fn revoke(
        &self,
        kind: push::Kind,
        id: &str,
        not_before: Option<UnixSeconds>,
    ) -> Result<Edge, CliError> {
        let lifetime_s = self.config.auth.access_lifetime.as_secs();
        let revoked = Revocation {
            kind,
            id: id.to_owned(),
            until: clock::now().seconds().after(lifetime_s),
            not_before,
        };
        self.tell(move |edge, keys| edge::push(edge, keys, vec![revoked]))
            .await
    }

    async fn tell(
        &self,
        what: impl FnOnce(&EdgeUrl, &Keys) -> Result<(), PushError> + Send + 'static,
    ) -> Result<Edge, CliError> {
        let Some(edge) = self.config.edge.url.clone() else {
            return Ok(Edge::Unknown);
        };
        let keys = config::seal_keys(&environment).map_err(|fault| self.fault(fault))?;
        tokio::task::spawn_blocking(move || what(&edge, &keys))
            .await
            .map_err(|error| CliError::Io("a thread".into(), error.into()))??;
        Ok(Edge::Told)
    }
}
