//! The built Worker in workerd.

use super::{EdgeConfig, Origin, Process, free_address, is_open, root, workerd};
use crate::client::{Request, Response};
use serde_json::Value;
use std::{
    fs,
    net::SocketAddr,
    process::{Command, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// The built Worker in workerd.
#[derive(Debug)]
pub struct Edge {
    process: Option<Process>,
    folder: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
    /// `http` or `https`.
    pub scheme: &'static str,
    second: Option<SocketAddr>,
}

impl Edge {
    /// Starts workerd with the Worker that scripts/build-edge built.
    #[must_use]
    pub fn start(config: &EdgeConfig) -> Self {
        let folder = TempDir::new().expect("a folder");
        fs::create_dir(folder.path().join("objects")).expect("a folder for objects");
        let build = root().join("edge/build");
        for file in ["main.js", "index.js", "index_bg.wasm"] {
            fs::copy(build.join(file), folder.path().join(file))
                .expect("the Worker is built: run ./scripts/test or ./scripts/build-edge");
        }
        fs::copy(
            root().join("tests/src/instrumented.js"),
            folder.path().join("instrumented.js"),
        )
        .expect("a file");
        let address = free_address();
        let second = config.second.then(free_address);
        let text = workerd::configuration(config, address, second, folder.path());
        fs::write(folder.path().join("config.capnp"), text).expect("a file");
        let mut edge = Self {
            process: None,
            folder,
            address,
            scheme: if config.tls { "https" } else { "http" },
            second,
        };
        edge.restart();
        edge
    }

    /// A development edge for this origin with the throw-away token key, more policy, and objects that
    /// are counted and can be made to fail.
    #[must_use]
    pub fn instrumented(origin: &Origin, overlay: &str) -> Self {
        Self::start(&EdgeConfig::with_tokens(origin, overlay).instrumented())
    }

    /// The events that it logged, as far as `such`.
    #[must_use]
    pub fn events(&self, such: impl Fn(&Value) -> bool) -> Vec<Value> {
        let log = self.log();
        let lines = log
            .lines()
            .filter_map(|line| line.find('{').map(|at| &line[at..]));
        let events = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| such(event)).collect()
    }

    /// The same, once there are so many.
    #[must_use]
    pub fn await_events(&self, such: impl Fn(&Value) -> bool, count: usize) -> Vec<Value> {
        for _ in 0..400 {
            let found = self.events(&such);
            if found.len() >= count {
                return found;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("no {count} of these events:\n{}", self.log());
    }

    /// Ends workerd and starts it anew: isolates are gone, stored objects are not.
    pub fn restart(&mut self) {
        self.process = None;
        // Its port may be somebody's for a moment: it ends at once then.
        for _ in 0..20 {
            let mut process = self.spawn();
            for _ in 0..600 {
                if process.0.try_wait().expect("its state").is_some() {
                    break;
                }
                if is_open(self.address) {
                    self.process = Some(process);
                    return;
                }
                thread::sleep(Duration::from_millis(25));
            }
            thread::sleep(Duration::from_millis(250));
        }
        panic!("workerd does not start:\n{}", self.log());
    }

    fn spawn(&self) -> Process {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("edge.log"))
            .expect("a log");
        let copy = log.try_clone().expect("a handle");
        // Not the npm wrapper: a signal to it would leave workerd behind.
        // Nor does a write beyond the limit of `fill_disk` end it: it fails.
        let child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(workerd::binary())
            .args(["serve", "--experimental", "config.capnp"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(copy)
            .stderr(log)
            .spawn();
        Process(child.expect("workerd runs"))
    }

    /// All that it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("edge.log")).expect("a log")
    }

    /// Waits until the log contains a text: logs are written after the answer.
    pub fn await_log(&self, text: &str) {
        for _ in 0..200 {
            if self.log().contains(text) {
                return;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("{text:?} is not in the edge's log:\n{}", self.log());
    }

    /// Deploys the Worker anew with another policy, over the objects as they are.
    pub fn deploy(&mut self, overlay: &str) {
        fs::write(self.folder.path().join("GAPURA_POLICY_OVERLAY"), overlay).expect("a file");
        self.restart();
    }

    /// The id of the workerd process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it runs").0.id()
    }

    /// Sends a request.
    #[must_use]
    pub fn send(&self, request: &Request) -> Response {
        request.send(self.address)
    }

    /// Sends a request to the second isolate.
    #[must_use]
    pub fn elsewhere(&self, request: &Request) -> Response {
        request.send(self.second.expect("EdgeConfig::second"))
    }

    /// A plain GET.
    #[must_use]
    pub fn get(&self, target: &str) -> Response {
        self.send(&Request::new("GET", target))
    }
}
