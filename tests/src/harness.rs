//! Both halves as real processes: the origin binary on SQLite in a folder of its
//! own, the built Worker in workerd. Each ends with its handle.

use crate::client::{Request, Response};
use serde_json::Value;
use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// A process that ends with its handle.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// The development overlay, to which tests append.
#[must_use]
pub fn dev_overlay() -> String {
    fs::read_to_string(root().join("edge/policy.dev.toml")).expect("the overlay")
}

/// A port that was free a moment ago.
#[must_use]
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

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

/// How an edge is bound.
#[derive(Debug, Clone, Default)]
pub struct EdgeConfig {
    /// `GAPURA_ORIGIN_URL`; unbound when empty.
    pub origin_url: String,
    /// `GAPURA_SEAL_KEYS`; unbound when empty.
    pub seal_keys: String,
    /// `GAPURA_TOKEN_KEYS`; unbound when empty.
    pub token_keys: String,
    /// `GAPURA_POLICY_OVERLAY`.
    pub overlay: String,
    /// Has the objects counted, and made to fail when a test says so: see `instrumented.js`.
    pub instrumented: bool,
    /// Adds a second isolate of the Worker, with the same objects behind it.
    pub second: bool,
    /// Serves HTTPS with a certificate of [`tls`]'s authority.
    pub tls: bool,
}

/// The folder with an authority that tests alone trust (`ca.pem`), and what it certified for 127.0.0.1.
#[must_use]
pub fn tls() -> PathBuf {
    root().join("origin/tests/support/tls")
}

impl EdgeConfig {
    /// A development edge for this origin.
    #[must_use]
    pub fn for_origin(origin: &Origin) -> Self {
        Self {
            origin_url: format!("http://{}", origin.address),
            seal_keys: origin.seal_keys.clone(),
            overlay: dev_overlay(),
            ..Self::default()
        }
    }

    /// The same, with the throw-away token key and more policy.
    #[must_use]
    pub fn with_tokens(origin: &Origin, overlay: &str) -> Self {
        Self {
            token_keys: crate::token::key_set(),
            ..Self::for_origin(origin).overlay(overlay)
        }
    }

    /// With objects that are counted and can be made to fail.
    #[must_use]
    pub const fn instrumented(mut self) -> Self {
        self.instrumented = true;
        self
    }

    /// With a second isolate: see [`Edge::elsewhere`].
    #[must_use]
    pub const fn second(mut self) -> Self {
        self.second = true;
        self
    }

    /// Behind TLS: for `doctor` and pushes, not for [`Request`], which speaks plain HTTP.
    #[must_use]
    pub const fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// With more policy behind the development overlay.
    #[must_use]
    pub fn overlay(mut self, text: &str) -> Self {
        self.overlay.push_str(text);
        self
    }
}

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
        let text = workerd_config(config, address, second, folder.path());
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
        let child = Command::new(workerd())
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

    /// How often the Guard's objects and the Ledger were asked. Instrumented edges alone know.
    #[must_use]
    pub fn asked(&self) -> (u64, u64) {
        let counts = self.get("/__counts").json();
        let count = |name: &str| counts[name].as_u64().expect("a number");
        (count("guard"), count("ledger"))
    }

    /// How many questions the objects answered, or failed to.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.get("/__counts").json()["answered"]
            .as_u64()
            .expect("a number")
    }

    /// How many rows the objects read for what they were asked.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.get("/__counts").json()["read"]
            .as_u64()
            .expect("a number")
    }

    /// Stores so many rows, all alike, in each object of a kind: keys are this prefix and the rest
    /// of an IPv4 address.
    pub fn fill(&self, kind: &str, prefix: &str, row: &str, until_ms: u64, rows: u32) {
        let row = row.replace('"', "%22");
        let target =
            format!("/__fill?kind={kind}&prefix={prefix}&row={row}&until={until_ms}&rows={rows}");
        assert_eq!(self.get(&target).status, 204);
    }

    /// Asks the object that was asked about this address last about so many others, from the `first`
    /// on; how many of these questions it answered.
    #[must_use]
    pub fn crowd(&self, address: &str, first: u32, count: u32) -> u64 {
        let target = format!("/__crowd?address={address}&first={first}&count={count}");
        self.get(&target).json().as_u64().expect("a number")
    }

    /// Has all rows lie as they did before they had ends; whoever is in memory must be evicted then.
    pub fn downgrade(&self) {
        assert_eq!(self.get("/__downgrade").status, 204);
    }

    /// Has the alarm of every object go off.
    pub fn ring(&self) {
        assert_eq!(self.get("/__ring").status, 204);
    }

    /// How many rows the objects store, besides their own.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.get("/__stored").json().as_u64().expect("a number")
    }

    /// Has the objects of a kind (`guard`, `ledger`) fail (`fail`), take so many milliseconds,
    /// or answer again (empty).
    pub fn fault(&self, kind: &str, fault: &str) {
        let set = self.get(&format!("/__fault?{kind}={fault}"));
        assert_eq!(set.status, 204);
    }

    /// Sets the clock of the first isolate and of all objects, which live in it, off by so much.
    pub fn shift_clock(&self, ms: i64) {
        let set = self.get(&format!("/__clock?ms={ms}"));
        assert_eq!(set.status, 204);
    }

    /// Stops the clock of the first isolate and of all objects: it goes on by [`Self::shift_clock`] alone.
    pub fn stop_clock(&self) {
        let set = self.get("/__clock?ms=0&stop");
        assert_eq!(set.status, 204);
    }

    /// Sets the clock of the second isolate off by so much; it has no objects.
    pub fn shift_clock_elsewhere(&self, ms: i64) {
        let set = self.elsewhere(&Request::new("GET", &format!("/__clock?ms={ms}")));
        assert_eq!(set.status, 204);
    }

    /// Deploys the Worker anew with another policy, over the objects as they are.
    pub fn deploy(&mut self, overlay: &str) {
        fs::write(self.folder.path().join("GAPURA_POLICY_OVERLAY"), overlay).expect("a file");
        self.restart();
    }

    /// Evicts all objects: what they did not store is gone.
    pub fn evict(&self) {
        assert_eq!(self.get("/__evict").status, 204);
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

/// Both halves.
#[derive(Debug)]
pub struct Stack {
    /// The edge.
    pub edge: Edge,
    /// The origin behind it.
    pub origin: Origin,
}

impl Stack {
    /// Both halves in development, with more policy behind the overlay.
    #[must_use]
    pub fn start(overlay: &str) -> Self {
        Self::on("", overlay)
    }

    /// The same on an empty database.
    #[must_use]
    pub fn on(database_url: &str, overlay: &str) -> Self {
        let origin = Origin::configured(database_url, &[]);
        let config = EdgeConfig {
            token_keys: crate::token::key_set(),
            ..EdgeConfig::for_origin(&origin).overlay(overlay)
        };
        Self {
            edge: Edge::start(&config),
            origin,
        }
    }
}

fn workerd() -> PathBuf {
    let modules = root().join("node_modules");
    let package = format!(
        "@cloudflare/workerd-linux-{}",
        match std::env::consts::ARCH {
            "aarch64" => "arm64",
            _ => "64",
        }
    );
    let binary = modules.join(package).join("bin/workerd");
    if binary.exists() {
        binary
    } else {
        modules.join(".bin/workerd")
    }
}

fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(100)).is_ok()
}

fn await_port(address: SocketAddr, log: &Path) {
    for _ in 0..600 {
        if is_open(address) {
            return;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!(
        "nothing listens at {address}:\n{}",
        fs::read_to_string(log).unwrap_or_default()
    );
}

/// The header in which a test says where the platform places a client: `request.cf`, as JSON.
const PLACE: &str = "cfBlobHeader = \"CF-Blob\"";

fn workerd_config(
    config: &EdgeConfig,
    address: SocketAddr,
    second: Option<SocketAddr>,
    folder: &Path,
) -> String {
    let mut bindings = String::new();
    for (name, text) in [
        ("GAPURA_ORIGIN_URL", &config.origin_url),
        ("GAPURA_SEAL_KEYS", &config.seal_keys),
        ("GAPURA_TOKEN_KEYS", &config.token_keys),
        ("GAPURA_POLICY_OVERLAY", &config.overlay),
    ] {
        if !text.is_empty() {
            let file = folder.join(name);
            File::create(&file)
                .and_then(|mut f| f.write_all(text.as_bytes()))
                .expect("a file");
            let _ = write!(bindings, "(name = {name:?}, text = embed {name:?}), ");
        }
    }
    let socket = if config.tls {
        for file in ["leaf.pem", "leaf.key"] {
            fs::copy(tls().join(file), folder.join(file)).expect("a file");
        }
        format!(
            r#"https = (options = ({PLACE}), tlsOptions = (keypair =
      (privateKey = embed "leaf.key", certificateChain = embed "leaf.pem")))"#
        )
    } else {
        format!("http = ({PLACE})")
    };
    let (first, rest) = if config.instrumented {
        (
            "instrumented.js",
            "(name = \"main.js\", esModule = embed \"main.js\"),",
        )
    } else {
        ("main.js", "")
    };
    let modules = format!(
        r#"modules = [
    (name = "{first}", esModule = embed "{first}"),
    {rest}
    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  compatibilityDate = "2026-04-01","#
    );
    // The second isolate has no objects of its own.
    let (service, second_socket, worker) = second.map_or_else(Default::default, |address| {
        (
            "(name = \"second\", worker = .second),",
            format!(
                "(name = \"second\", address = \"{address}\", http = ({PLACE}), service = \"second\"),"
            ),
            format!(
                r#"const second :Workerd.Worker = (
  {modules}
  bindings = [{bindings}
    (name = "GUARD", durableObjectNamespace = (className = "Guard", serviceName = "edge")),
    (name = "LEDGER", durableObjectNamespace = (className = "Ledger", serviceName = "edge"))],
  globalOutbound = "outside",
);
"#
            ),
        )
    });
    format!(
        r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    {service}
    (name = "outside", network = (allow = ["public", "private", "local"])),
    (name = "objects", disk = (path = "objects", writable = true)),
  ],
  sockets = [
    (name = "first", address = "{address}", {socket}, service = "edge"),
    {second_socket}
  ],
);
const edge :Workerd.Worker = (
  {modules}
  bindings = [{bindings}(name = "GUARD", durableObjectNamespace = "Guard"),
    (name = "LEDGER", durableObjectNamespace = "Ledger")],
  durableObjectNamespaces = [
    (className = "Guard", uniqueKey = "guard", enableSql = true),
    (className = "Ledger", uniqueKey = "ledger", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "objects"),
  globalOutbound = "outside",
);
{worker}"#
    )
}
