//! `gapura-origin keys`.

use super::{CliError, Out, environment, field_keys};
use crate::{
    auth::{
        Auth,
        keys::{self, ListedKey},
        reseal,
    },
    clock,
    config::{self, BadConfig, Config, Fault, Faults},
    db::Db,
    edge, log, random,
};
use clap::{Args, Subcommand};
use gapura_shared::event::Kind;
use serde_json::{Value, json};
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
    /// With `--fields`: encrypt fields anew under the current key.
    Rotate(Rotate),
    /// Have tokens of a key hold no longer, here and at the edge.
    Retire(Retire),
    /// Seal what is sealed in the database under another token key: `GAPURA_TOKEN_KEY`, instead of
    /// `GAPURA_OLD_TOKEN_KEY`. No origin may run meanwhile.
    Reseal(Place),
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
    /// Encrypt anew, under the first key of `GAPURA_FIELD_KEYS`, what is encrypted under the second
    /// one or in an older form, while the origin serves. May be ended and begun again.
    #[arg(long, conflicts_with = "lead_s")]
    fields: bool,
    /// With `--fields`: rest between transactions of at most 100 rows, in milliseconds.
    #[arg(long, default_value_t = 10, requires = "fields")]
    pause_ms: u64,
}

#[derive(Debug, Args)]
pub(super) struct Retire {
    #[command(flatten)]
    place: Place,
    /// The key's id. It is a digest, and one in 64 begins with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: String,
    /// Also when some of its tokens hold: whoever bears them logs in again.
    #[arg(long)]
    force: bool,
}

impl Keys {
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        match self {
            Self::Anon(place) => anon(&place, out).await,
            Self::List(place) => list(&place, out).await,
            Self::Rotate(rotate) => rotate.run(out).await,
            Self::Retire(retire) => retire.run(out).await,
            Self::Reseal(place) => reseal(&place, out).await,
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
    pub(super) fn config(&self) -> Result<Config, CliError> {
        let config = config::load(&self.config, &environment).map_err(bad(&self.config))?;
        // What is done to keys is an event.
        log::start(config.log);
        Ok(config)
    }

    /// A secret by itself: not every command needs all of them.
    pub(super) fn secret<T>(&self, secret: Result<T, Fault>) -> Result<T, CliError> {
        secret.map_err(|fault| bad(&self.config)(BadConfig::Faults(Faults(vec![fault]))))
    }
}

async fn anon(place: &Place, out: Out) -> Result<(), CliError> {
    let config = place.config()?;
    let token_key = place.secret(config::token_key(&environment))?;
    let seal_keys = place.secret(config::seal_keys(&environment))?;
    let shared = place.secret(config::hs256_key(&environment))?;
    let db = Db::open(&config.database).await?;
    let now = clock::now();
    let mut auth =
        Auth::new(config.auth.clone(), &token_key, &seal_keys).map_err(crate::StartError::from)?;
    let used = auth.use_keys(&db, shared.as_ref(), now).await;
    db.close().await;
    used.map_err(crate::StartError::from)?;
    let token = auth.anon(random::uuid(), now)?;
    out.tell(&token, &json!({ "token": token }))
}

async fn reseal(place: &Place, out: Out) -> Result<(), CliError> {
    let config = place.config()?;
    let old = place.secret(config::old_token_key(&environment))?;
    let new = place.secret(config::token_key(&environment))?;
    let db = Db::open(&config.database).await?;
    let done = reseal::reseal(&db, &old, &new).await;
    db.close().await;
    let (all, resealed) = done?;
    if resealed > 0 {
        log::operator(Kind::SecretsResealed, "", "keys reseal");
    }
    let text = format!("resealed {resealed} of {all} secrets");
    out.tell(&text, &json!({ "secrets": all, "resealed": resealed }))
}

async fn list(place: &Place, out: Out) -> Result<(), CliError> {
    let config = place.config()?;
    let db = Db::open(&config.database).await?;
    let listed = keys::list(&db, &config.auth, clock::now()).await;
    db.close().await;
    let shown: Vec<Value> = listed?.iter().map(shown).collect();
    let lines: Vec<String> = shown.iter().map(ToString::to_string).collect();
    out.tell(&lines.join("\n"), &json!({ "keys": shown }))
}

fn shown(key: &ListedKey) -> Value {
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
}

impl Rotate {
    async fn run(self, out: Out) -> Result<(), CliError> {
        if self.fields {
            let pause = Duration::from_millis(self.pause_ms);
            return field_keys::rotate(&self.place, pause, out).await;
        }
        let config = self.place.config()?;
        let token_key = self.place.secret(config::token_key(&environment))?;
        let db = Db::open(&config.database).await?;
        let (lead, now) = (Duration::from_secs(self.lead_s), clock::now());
        let made = keys::rotate(&db, &config.auth, &token_key, lead, now).await;
        db.close().await;
        let made = made?;
        log::operator(Kind::TokenKeyRotated, &made.kid, "keys rotate");
        let made = shown(&made);
        out.tell(&made.to_string(), &made)
    }
}

impl Retire {
    async fn run(self, out: Out) -> Result<(), CliError> {
        let config = self.place.config()?;
        let db = Db::open(&config.database).await?;
        let retired = keys::retire(&db, &config.auth, &self.kid, self.force, clock::now()).await;
        db.close().await;
        let revocation = retired?;
        log::operator(Kind::TokenKeyRetired, &self.kid, "keys retire");
        let (told, text) = match config.edge.url {
            None => (
                false,
                "the edge is not told (edge.url is not set): it keeps the key set for ten minutes",
            ),
            Some(edge) => {
                let seal_keys = self.place.secret(config::seal_keys(&environment))?;
                let push = move || edge::push(&edge, &seal_keys, vec![revocation]);
                tokio::task::spawn_blocking(push)
                    .await
                    .map_err(|error| CliError::Io("a thread".into(), error.into()))??;
                (true, "the edge refuses its tokens")
            }
        };
        let kid = &self.kid;
        let text = format!(
            "retired {kid}; public keys signed by it hold no longer either: make them anew with `keys anon`\n{text}"
        );
        out.tell(&text, &json!({ "retired": kid, "edge_told": told }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        keys: Keys,
    }

    #[test]
    fn an_id_that_begins_with_a_hyphen_is_no_option() {
        for line in [
            "keys retire --config c -dLYfV --force",
            "keys retire -dLYfV --force --config c",
            "keys retire --force --config c -dLYfV",
        ] {
            let line = Line::try_parse_from(line.split(' ')).unwrap();
            let Keys::Retire(retire) = line.keys else {
                panic!("{line:?}");
            };
            assert_eq!((retire.kid.as_str(), retire.force), ("-dLYfV", true));
        }
    }
}
