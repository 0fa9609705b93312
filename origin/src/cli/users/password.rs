//! `users reset`, and how commands come by a password.

use super::{Account, CliError, Edge, Out, Site, tell};
use crate::{
    auth::{
        Auth, one_time,
        password::{Hasher, Policy},
    },
    clock, log, random,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Args;
use gapura_shared::{event::Kind, outcome::AccountId};
use serde_json::json;
use std::io::{self, Read};

#[derive(Debug, Args)]
pub(in crate::cli) struct Reset {
    #[command(flatten)]
    account: Account,
    /// Read the password from standard input; otherwise one is made and printed, once.
    #[arg(long)]
    password_stdin: bool,
    /// Print a link by which its owner chooses a password, once, instead of a password.
    #[arg(long, conflicts_with = "password_stdin")]
    link: bool,
    /// Take its second factors and recovery codes off, too.
    #[arg(long)]
    factors: bool,
}

impl Reset {
    /// The lockout of the account goes as well: its owner is to log in now.
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let (site, user) = self.account.open().await?;
        let token_key = self.link.then(|| site.token_key()).transpose()?;
        let chosen = Chosen::take(&site, self.password_stdin, &user.email)?;
        let hash = chosen.hash(&site).await?;
        let now = clock::now();
        let ended = site
            .change(&user.id, now, move |user| {
                user.password_hash.clone_from(&hash);
            })
            .await?;
        let account = AccountId::of(&user.email);
        site.db.unlock(account.as_str()).await?;
        log::operator(Kind::PasswordChanged, &user.id, "users reset");
        let mut removed = 0;
        if self.factors {
            removed = Auth::reset_factors(&site.db, &user.id).await?;
            log::operator(Kind::FactorsReset, &user.id, "users reset");
        }
        let link = match &token_key {
            None => None,
            Some(key) => {
                Some(one_time::recovery_link(&site.db, &site.config.mail, key, &user, now).await?)
            }
        };
        site.db.close().await;
        // Who gets a link needs no password.
        let made = chosen.made().filter(|_| link.is_none());
        let mut text = format!(
            "reset the password of {} ({}); ended {ended} sessions, removed {removed} factors",
            user.email, user.id
        );
        if let Some(password) = &made {
            text = format!("{text}\npassword: {password}");
        }
        if let Some(link) = &link {
            text = format!("{text}\nlink: {link}");
        }
        let edge = match site.revoke_user(&user.id).await {
            Ok(Edge::Told) => site.lift_locks(account).await,
            untold => untold,
        };
        let json = json!({
            "id": user.id, "email": user.email, "password": made, "link": link,
            "sessions_ended": ended, "factors_removed": removed,
        });
        tell(out, text, json, edge)
    }
}

/// A password for an account.
pub(super) struct Chosen {
    password: String,
    is_made: bool,
}

impl Chosen {
    /// From standard input, judged as any new one, or made here: 120 random bits.
    pub(super) fn take(site: &Site, from_stdin: bool, email: &str) -> Result<Self, CliError> {
        if !from_stdin {
            return Ok(Self {
                password: URL_SAFE_NO_PAD.encode(random::bytes::<15>()),
                is_made: true,
            });
        }
        let mut line = String::new();
        io::BufRead::read_line(&mut io::stdin().lock().take(MAX_LINE_BYTES), &mut line)
            .map_err(|error| CliError::Io("standard input".into(), error))?;
        let password = line.trim_end_matches(['\r', '\n']).to_owned();
        Policy::new(&site.config.auth)
            .check(&password, email)
            .map_err(|weakness| CliError::Usage(weakness.to_string()))?;
        Ok(Self {
            password,
            is_made: false,
        })
    }

    pub(super) async fn hash(&self, site: &Site) -> Result<String, CliError> {
        let hasher = Hasher::new(&site.config.auth).map_err(crate::StartError::from)?;
        Ok(hasher.hash(self.password.clone()).await?)
    }

    /// What is to be told, because nobody else knows it.
    pub(super) fn made(self) -> Option<String> {
        self.is_made.then_some(self.password)
    }
}

/// Beyond any password that the policy allows.
const MAX_LINE_BYTES: u64 = 4096;
