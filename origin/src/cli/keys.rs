//! `gapura-origin keys`.

use super::{CliError, environment, say};
use crate::{
    auth::{
        Auth,
        keys::{self, ListedKey},
    },
    clock,
    config::{self, BadConfig, Config, Fault, Faults},
    db::Db,
    edge, log, random,
};
use clap::{Args, Subcommand};
use gapura_shared::event::Kind;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Keys for clients, and those that sign tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Print the public key of clients without a login: role anon, ten years. It holds as long as
    /// the key that signs it is not retired.
    Anon(Place),
    /// List the keys that sign access tokens.
    List(Place),
    /// Make a key that signs access tokens from a while later on; the present one stays good.
    Rotate(Rotate),
    /// Have tokens of a key hold no longer, here and at the edge.
    Retire(Retire),
}

#[derive(Debug, Args)]
pub(super) struct Place {
    /// The configuration file.
    #[arg(long)]
    config: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    place: Place,
    /// For how long it is published before it signs, in seconds. Less than the default is for
    /// emergencies: who keeps the key set for its ten minutes refuses its tokens until then.
    #[arg(long, default_value_t = keys::LEAD.as_secs())]
    lead_s: u64,
}

#[derive(Debug, Args)]
pub(super) struct Retire {
    #[command(flatten)]
    place: Place,
    /// The key's id.
    kid: String,
    /// Also when some of its tokens hold: whoever bears them logs in again.
    #[arg(long)]
    force: bool,
}

impl Keys {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self {
            Self::Anon(place) => anon(&place).await,
            Self::List(place) => list(&place).await,
            Self::Rotate(rotate) => rotate.run().await,
            Self::Retire(retire) => retire.run().await,
        }
    }
}

fn bad(path: &Path) -> impl Fn(BadConfig) -> CliError + '_ {
    |bad| CliError::Config {
        path: path.to_owned(),
        bad,
    }
}

impl Place {
    fn config(&self) -> Result<Config, CliError> {
        config::load(&self.config, &environment).map_err(bad(&self.config))
    }

    /// A secret by itself: not every command needs all of them.
    fn secret<T>(&self, secret: Result<T, Fault>) -> Result<T, CliError> {
        secret.map_err(|fault| bad(&self.config)(BadConfig::Faults(Faults(vec![fault]))))
    }
}

async fn anon(place: &Place) -> Result<(), CliError> {
    let config = place.config()?;
    let token_key = place.secret(config::token_key(&environment))?;
    let shared = place.secret(config::hs256_key(&environment))?;
    let db = Db::open(&config.database).await?;
    let now = clock::now();
    let mut auth = Auth::new(config.auth.clone(), &token_key).map_err(crate::StartError::from)?;
    let used = auth.use_keys(&db, shared.as_ref(), now).await;
    db.close().await;
    used.map_err(crate::StartError::from)?;
    say(&auth.anon(random::uuid(), now)?)
}

async fn list(place: &Place) -> Result<(), CliError> {
    let config = place.config()?;
    let db = Db::open(&config.database).await?;
    let listed = keys::list(&db, &config.auth, clock::now()).await;
    db.close().await;
    for key in listed? {
        say(&line(&key))?;
    }
    Ok(())
}

/// One JSON object.
fn line(key: &ListedKey) -> String {
    let seconds = |at: gapura_shared::time::UnixMillis| at.seconds().0;
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm,
        "state": key.state.as_str(),
        "created_at": seconds(key.created_at),
        "signs_from": seconds(key.signs_from),
        "unused_from": key.unused_from.map(seconds),
        "retired_at": key.retired_at.map(seconds),
    })
    .to_string()
}

impl Rotate {
    async fn run(self) -> Result<(), CliError> {
        let config = self.place.config()?;
        let token_key = self.place.secret(config::token_key(&environment))?;
        let db = Db::open(&config.database).await?;
        let (lead, now) = (Duration::from_secs(self.lead_s), clock::now());
        let made = keys::rotate(&db, &config.auth, &token_key, lead, now).await;
        db.close().await;
        let made = made?;
        log::operator(Kind::TokenKeyRotated, &made.kid, "keys rotate");
        say(&line(&made))
    }
}

impl Retire {
    async fn run(self) -> Result<(), CliError> {
        let config = self.place.config()?;
        let db = Db::open(&config.database).await?;
        let retired = keys::retire(&db, &config.auth, &self.kid, self.force, clock::now()).await;
        db.close().await;
        let revocation = retired?;
        log::operator(Kind::TokenKeyRetired, &self.kid, "keys retire");
        say(&format!(
            "retired {}; public keys signed by it hold no longer either: make them anew with `keys anon`",
            self.kid
        ))?;
        let Some(edge) = config.edge.url else {
            return say(
                "the edge is not told (edge.url is not set): it keeps the key set for ten minutes",
            );
        };
        let seal_keys = self.place.secret(config::seal_keys(&environment))?;
        let told = move || edge::push(&edge, &seal_keys, vec![revocation]);
        tokio::task::spawn_blocking(told)
            .await
            .map_err(|error| CliError::Io("a thread".into(), error.into()))??;
        say("the edge refuses its tokens")
    }
}
