//! `gapura-origin users`.

use super::{CliError, environment, say};
use crate::{
    auth::{
        self, ROLE_USER, email,
        password::{self, Policy},
        permission::is_role,
    },
    clock, config,
    db::{Db, End},
    edge, log, random,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use gapura_shared::{
    event::Kind,
    outcome::AccountId,
    push::{self, Revocation},
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Manage accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Users {
    /// Add an account.
    Add(Add),
    /// End every session of an account, here and at the edge.
    Logout(Logout),
    /// Lift the lockout of a login name and forget its failed logins.
    Unlock(Unlock),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
    /// The address.
    #[arg(long)]
    email: String,
    /// The role.
    #[arg(long, default_value = ROLE_USER)]
    role: String,
    /// Read the password from standard input; otherwise one is made and printed.
    #[arg(long)]
    password_stdin: bool,
    /// Leave an account that is there as it is, without an error.
    #[arg(long)]
    if_missing: bool,
}

#[derive(Debug, Args)]
pub(super) struct Logout {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
    /// The address.
    #[arg(long)]
    email: String,
}

impl Logout {
    /// Whatever was issued until now holds no longer, at the edge too where it is told.
    async fn run(self) -> Result<(), CliError> {
        let config = load(&self.config)?;
        let email = email::normalise(&self.email)
            .ok_or_else(|| CliError::Usage("the e-mail address is not valid".into()))?;
        let db = Db::open(&config.database).await?;
        let user = db.user_by_email(&email).await?;
        let user = user.ok_or_else(|| CliError::Usage(format!("{email} has no account")))?;
        let now = clock::now();
        let ended = db.end_sessions(&user.id, End::All, now).await?.len();
        db.close().await;
        log::operator(Kind::SessionEnded, &user.id, "users logout");
        say(&format!("ended {ended} sessions of {email} ({})", user.id))?;
        let Some(edge) = config.edge.url else {
            return say(
                "the edge is not told (edge.url is not set): tokens hold until they expire",
            );
        };
        let keys = config::seal_keys(&environment).map_err(|fault| {
            let path = self.config.clone();
            let bad = config::BadConfig::Faults(config::Faults(vec![fault]));
            CliError::Config { path, bad }
        })?;
        let lifetime_s = config.auth.access_lifetime.as_secs();
        let everything = Revocation {
            kind: push::Kind::User,
            id: user.id,
            until: now.seconds().after(lifetime_s),
            not_before: Some(now.seconds().after(1)),
        };
        let told = move || edge::push(&edge, &keys, vec![everything]);
        tokio::task::spawn_blocking(told)
            .await
            .map_err(|error| CliError::Io("a thread".into(), error.into()))??;
        say("the edge refuses what was issued until now")
    }
}

#[derive(Debug, Args)]
pub(super) struct Unlock {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
    /// The address.
    #[arg(long)]
    email: String,
}

impl Unlock {
    /// The edge keeps what it mirrors until the lock's end: an operator lifts it there too.
    async fn run(self) -> Result<(), CliError> {
        let config = load(&self.config)?;
        let db = Db::open(&config.database).await?;
        let account = AccountId::of(&self.email);
        let was_counted = db.unlock(account.as_str()).await?;
        db.close().await;
        log::operator(Kind::AccountUnlocked, account.as_str(), "users unlock");
        let what = if was_counted {
            "unlocked"
        } else {
            "no failed logins of"
        };
        say(&format!(
            "{what} {} (account:{})",
            self.email,
            account.as_str()
        ))
    }
}

fn load(path: &Path) -> Result<config::Config, CliError> {
    let config = config::load(path, &environment).map_err(|bad| CliError::Config {
        path: path.to_owned(),
        bad,
    })?;
    log::start(config.log);
    Ok(config)
}

impl Users {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self {
            Self::Add(add) => add.run().await,
            Self::Logout(logout) => logout.run().await,
            Self::Unlock(unlock) => unlock.run().await,
        }
    }
}

impl Add {
    async fn run(self) -> Result<(), CliError> {
        let config = load(&self.config)?;
        let email = email::normalise(&self.email)
            .ok_or_else(|| CliError::Usage("the e-mail address is not valid".into()))?;
        if !is_role(&self.role) {
            let message = "a role has 1 to 32 lower-case letters, digits, `-` or `_`";
            return Err(CliError::Usage(message.into()));
        }
        let db = Db::open(&config.database).await?;
        if let Some(user) = db.user_by_email(&email).await? {
            return self.known(&email, &user.id);
        }
        let (password, generated) = self.password(Policy::new(&config.auth), &email)?;
        let hasher = password::Hasher::new(&config.auth).map_err(crate::StartError::from)?;
        let hash = hasher.hash(password.clone()).await?;
        let user = auth::new_user(email.clone(), hash, &self.role, clock::now());
        if !db.insert_user(&user).await? {
            return self.known(&email, &user.id);
        }
        db.close().await;
        log::operator(Kind::AccountCreated, &user.id, "users add");
        say(&format!("added {email} ({}, {})", self.role, user.id))?;
        if generated {
            say(&format!("password: {password}"))?;
        }
        Ok(())
    }

    fn known(&self, email: &str, id: &str) -> Result<(), CliError> {
        if self.if_missing {
            say(&format!("kept {email} ({id})"))
        } else {
            Err(CliError::Usage(format!("{email} has an account already")))
        }
    }

    /// The password, and whether it was made here.
    fn password(&self, policy: Policy, email: &str) -> Result<(String, bool), CliError> {
        if !self.password_stdin {
            return Ok((URL_SAFE_NO_PAD.encode(random::bytes::<15>()), true));
        }
        let mut line = String::new();
        io::stdin()
            .read_line(&mut line)
            .map_err(|error| CliError::Io("standard input".into(), error))?;
        let password = line.trim_end_matches(['\r', '\n']).to_owned();
        policy
            .check(&password, email)
            .map_err(|weakness| CliError::Usage(weakness.to_string()))?;
        Ok((password, false))
    }
}
