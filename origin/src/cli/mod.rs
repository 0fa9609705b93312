//! The command line: one file per command, thin over the modules.
//!
//! Exit codes (sysexits.h): 0 done, 64 wrong usage or configuration, 1 anything else.

mod init;
mod keys;
mod serve;
mod users;

use crate::{
    StartError, auth::keys::KeyError, auth::password::HashError, auth::token::Unsigned,
    config::BadConfig, db::DbError, edge::PushError,
};
use clap::{Parser, Subcommand};
use std::{io, io::Write, path::PathBuf, process::ExitCode};

const USAGE: u8 = 64;

/// The server behind the gate.
#[derive(Debug, Parser)]
#[command(name = "gapura-origin", version, about)]
struct Cli {
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
    /// Manage accounts.
    #[command(subcommand)]
    Users(users::Users),
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
}

impl CliError {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Config { .. }
            | Self::Usage(_)
            | Self::Start(
                StartError::Config(_)
                | StartError::Keys(_)
                | StartError::Mail(_)
                | StartError::Db(DbError::BadUrl),
            )
            | Self::Db(DbError::BadUrl)
            | Self::Keys(KeyError::Unknown(_)) => USAGE,
            Self::Start(StartError::Db(_))
            | Self::Db(_)
            | Self::Keys(_)
            | Self::Hash(_)
            | Self::Unsigned(_)
            | Self::Push(_)
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
    match execute(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "gapura-origin: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn execute(command: Command) -> Result<(), CliError> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CliError::Io("cannot start threads".into(), error))?;
    match command {
        Command::Init(init) => init.run(),
        Command::Serve { config } => runtime.block_on(serve::run(config)),
        Command::Users(users) => runtime.block_on(users.run()),
        Command::Keys(keys) => runtime.block_on(keys.run()),
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// One line on standard output, where a command's result goes.
fn say(line: &str) -> Result<(), CliError> {
    writeln!(io::stdout().lock(), "{line}")
        .map_err(|error| CliError::Io("standard output".into(), error))
}
