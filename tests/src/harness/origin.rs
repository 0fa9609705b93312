//! The origin binary, in a folder of its own.

use super::{Edge, Process, await_port, free_address};
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// A running origin.
#[derive(Debug)]
pub struct Origin {
    process: Option<Process>,
    folder: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its seal keys, for tests that forge.
    pub seal_keys: String,
    /// Where it keeps its tables; empty: in its folder.
    database_url: String,
}

impl Origin {
    /// A fresh origin with its own database.
    #[must_use]
    pub fn start() -> Self {
        Self::configured("", &[])
    }

    /// A fresh origin on an empty database, with other settings: `old` and `new` lines of its file.
    #[must_use]
    pub fn configured(database_url: &str, settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let dir = folder.path().to_str().expect("a path of text");
        let done = Command::new(Self::binary())
            .args(["init", "--development", "--dir", dir])
            .stdout(Stdio::null())
            .status();
        assert!(done.expect("the origin binary runs").success());
        let secrets = fs::read_to_string(folder.path().join("secrets.env")).expect("secrets");
        let seal_keys = secrets
            .lines()
            .find_map(|line| line.strip_prefix("GAPURA_SEAL_KEYS="))
            .expect("seal keys")
            .to_owned();
        let mut origin = Self {
            process: None,
            folder,
            address: free_address(),
            seal_keys,
            database_url: database_url.into(),
        };
        origin.set(settings);
        origin.restart();
        origin
    }

    /// SQLite's file, for tests that write past the origin.
    #[must_use]
    pub fn database_file(&self) -> PathBuf {
        self.folder.path().join("gapura.db")
    }

    /// Changes settings, which count from its next start on.
    pub fn set(&self, settings: &[(&str, &str)]) {
        let mut config = fs::read_to_string(self.config()).expect("a configuration");
        for (old, new) in settings {
            assert!(config.contains(old), "{old} is not in {config}");
            config = config.replace(old, new);
        }
        fs::write(self.config(), config).expect("a file");
    }

    /// Adds a secret, which counts from its next start on.
    pub fn add_secret(&self, name: &str, value: &str) {
        let path = self.folder.path().join("secrets.env");
        let secrets = fs::read_to_string(&path).expect("secrets");
        fs::write(&path, format!("{secrets}{name}={value}\n")).expect("a file");
    }

    /// A second process on the same database and keys, at another port.
    #[must_use]
    pub fn twin(&self) -> Twin {
        let address = free_address();
        let process = self.serve(address, "twin.log");
        await_port(address, &self.folder.path().join("twin.log"));
        Twin {
            address,
            _process: process,
        }
    }

    /// Ends the process and starts it anew on the same address.
    pub fn restart(&mut self) {
        self.stop();
        self.process = Some(self.serve(self.address, "origin.log"));
        await_port(self.address, &self.folder.path().join("origin.log"));
    }

    /// Ends the process.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Has it tell this edge what operators do here.
    pub fn tell(&self, edge: &Edge) {
        let url = format!("\nurl = \"{}://{}\"", edge.scheme, edge.address);
        self.set(&[("\nurl = \"\"", &url)]);
    }

    /// The file that it logs to.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.folder.path().join("origin.log")
    }

    /// All that it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).expect("a log")
    }

    /// Runs another subcommand with its secrets; what it printed.
    #[expect(clippy::must_use_candidate, reason = "some are run for their effect")]
    pub fn run(&self, arguments: &[&str], input: &str) -> String {
        let output = self.output(arguments, input);
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    }

    /// The exit code of `doctor`, and its page.
    #[must_use]
    pub fn examined(&self) -> (Option<i32>, Value) {
        let output = self.output(&["doctor", "--json"], "");
        let page = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), page)
    }

    /// What `doctor` says about a part, as severity and message.
    #[must_use]
    pub fn doctor(&self, part: &str) -> (String, String) {
        let (_, page) = self.examined();
        let mut checks = page["checks"].as_array().expect("checks").iter();
        let check = checks.find(|check| check["check"] == part);
        let check = check.unwrap_or_else(|| panic!("nothing about {part}: {page}"));
        let text = |name: &str| check[name].as_str().expect("a text").to_owned();
        (text("severity"), text("message"))
    }

    fn output(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command()
            .args(arguments)
            .args(["--config", self.config().to_str().expect("a path of text")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the origin binary runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        child.wait_with_output().expect("it ends")
    }

    fn serve(&self, address: SocketAddr, log: &str) -> Process {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join(log))
            .expect("a log");
        let child = self
            .command()
            .args([
                "serve",
                "--config",
                self.config().to_str().expect("a path of text"),
            ])
            .env("GAPURA_LISTEN", address.to_string())
            .stdin(Stdio::null())
            // An inherited pipe would outlive a test run that was killed.
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Process(child.expect("the origin binary runs"))
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("gapura.toml")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(Self::binary());
        let secrets = fs::read_to_string(self.folder.path().join("secrets.env")).expect("secrets");
        command.envs(secrets.lines().filter_map(|line| line.split_once('=')));
        if !self.database_url.is_empty() {
            command.env("GAPURA_DATABASE_URL", &self.database_url);
        }
        command
    }

    fn binary() -> PathBuf {
        // target/<profile>/deps/<this test>
        let test = std::env::current_exe().expect("a test has a path");
        let folder = test
            .parent()
            .and_then(Path::parent)
            .expect("a profile's folder");
        let binary = folder.join("gapura-origin");
        assert!(
            binary.exists(),
            "run ./scripts/test, or cargo build -p gapura-origin first"
        );
        binary
    }
}

/// A second origin process.
#[derive(Debug)]
pub struct Twin {
    /// Where it listens.
    pub address: SocketAddr,
    _process: Process,
}
