//! `gapura-origin keys`.

use super::{CliError, environment, say};
use crate::{
    auth::token::TokenKey,
    clock,
    config::{self, BadConfig, Faults},
    random,
};
use clap::Subcommand;
use std::path::PathBuf;

/// Make keys for clients.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Print the public key of clients without a login: role anon, ten years.
    Anon {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

impl Keys {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Anon { config } => anon(&config),
        }
    }
}

fn anon(path: &std::path::Path) -> Result<(), CliError> {
    let bad = |bad| CliError::Config {
        path: path.to_owned(),
        bad,
    };
    let auth = config::load(path, &environment).map_err(bad)?.auth;
    let seed = config::token_key(&environment)
        .map_err(|fault| bad(BadConfig::Faults(Faults(vec![fault]))))?;
    let token = TokenKey::from_seed(&seed).anon(
        auth.issuer,
        auth.audience,
        random::uuid(),
        clock::now().seconds(),
    )?;
    say(&token)
}
