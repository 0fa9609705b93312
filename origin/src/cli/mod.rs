//! The command line: one file per command, thin over the modules.
//!
//! Exit codes (sysexits.h): 0 done, 64 wrong usage or configuration, 65 an import with records that
//! were not taken, 1 anything else; of `doctor`, 1 a warning and 2 a failed check.
//!
//! A result is told on standard output, for people or with `--json` as one JSON document; everything
//! else on standard error.

mod data;
mod doctor;
mod field_keys;
mod init;
mod keys;
mod out;
mod serve;
mod users;

use crate::{
    StartError, auth::keys::KeyError, auth::password::HashError, auth::token::Unsigned,
    config::BadConfig, db::DbError, edge::PushError,
};
use clap::{Parser, Subcommand};
use out::Out;
use std::{io, path::PathBuf, process::ExitCode};

const USAGE: u8 = 64;
const DATA: u8 = 65;

/// The server behind the gate.
#[derive(Debug, Parser)]
#[command(name = "gapura-origin", version, about)]
struct Cli {
    /// Tell the result as one JSON document.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a configuration and fresh keys.
    Init(init::Init),
    /// Answer requests until SIGTERM or SIGINT.
    Serve {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    Doctor(doctor::Doctor),
    /// Manage accounts.
    #[command(subcommand)]
    Users(users::Users),
    /// Look at the tables that are served.
    #[command(subcommand)]
    Data(data::Data),
    /// Make keys for clients.
    #[command(subcommand)]
    Keys(keys::Keys),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("{}:\n{bad}", path.display())]
    Config { path: PathBuf, bad: BadConfig },
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    #[error(transparent)]
    Push(#[from] PushError),
    #[error("{0}: {1}")]
    Io(String, #[source] io::Error),
    #[error("{0} records were not taken")]
    Refused(u64),
    #[error("{0} values were not encrypted anew")]
    Left(u64),
}

impl CliError {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Config { .. }
            | Self::Usage(_)
            | Self::Start(
                StartError::Config(_)
                | StartError::Keys(_)
                | StartError::Data(_)
                | StartError::Mail(_)
                | StartError::Db(DbError::BadUrl),
            )
            | Self::Db(DbError::BadUrl)
            | Self::Keys(KeyError::Unknown(_)) => USAGE,
            Self::Refused(_) => DATA,
            Self::Start(StartError::Db(_))
            | Self::Db(_)
            | Self::Keys(_)
            | Self::Hash(_)
            | Self::Unsigned(_)
            | Self::Push(_)
            | Self::Left(_)
            | Self::Io(..) => 1,
        }
    }
}

/// Runs the command of this process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to be told when this fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let out = Out::new(cli.json);
    execute(cli.command, out).unwrap_or_else(|error| {
        out.fail(&error);
        ExitCode::from(error.exit_code())
    })
}

fn execute(command: Command, out: Out) -> Result<ExitCode, CliError> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CliError::Io("cannot start threads".into(), error))?;
    match command {
        Command::Init(init) => runtime.block_on(init.run(out))?,
        Command::Serve { config } => runtime.block_on(serve::run(config))?,
        Command::Doctor(doctor) => return runtime.block_on(doctor.run(out)),
        Command::Users(users) => runtime.block_on(users.run(out))?,
        Command::Data(data) => runtime.block_on(data.run(out))?,
        Command::Keys(keys) => runtime.block_on(keys.run(out))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
