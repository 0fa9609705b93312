//! The real binary on a free port with its own state.

use crate::{
    client::{Answer, Call, Wire},
    engines::{Engine, Home},
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};
use tempfile::TempDir;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_gapura-origin");
/// 32 zero bytes are a key too; nobody else's.
pub(crate) const SEAL_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub(crate) const TOKEN_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

pub(crate) const FIELD_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";

/// Cheap hashes and short waits.
pub(crate) const CONFIG: &str = "
[auth]
argon2_memory_kib = 128
argon2_iterations = 1
[database]
acquire_s = 1
[development]
echo = true
";

/// A folder that several origins, one after the other or at once, share.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) seal_keys: String,
    pub(crate) token_key: String,
    /// Goes before what is set otherwise.
    pub(crate) env: Vec<(&'static str, String)>,
    /// What a shell does before it becomes the program.
    pub(crate) shell: Option<&'static str>,
    pub(crate) home: Home,
}

impl Site {
    pub(crate) fn new(config: &str) -> Self {
        Self::on(Engine::Sqlite, config)
    }

    pub(crate) fn on(engine: Engine, config: &str) -> Self {
        Self::at(engine.home(), config)
    }

    pub(crate) fn at(home: Home, config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("gapura.toml"), config).unwrap();
        Self {
            dir,
            seal_keys: format!("k1:{SEAL_KEY}"),
            token_key: TOKEN_KEY.into(),
            env: Vec::new(),
            shell: None,
            home,
        }
    }

    /// For what starts from now on.
    pub(crate) fn configure(&self, config: &str) {
        fs::write(self.dir.path().join("gapura.toml"), config).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(if self.shell.is_some() { "sh" } else { BINARY });
        if let Some(shell) = self.shell {
            command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\""), BINARY]);
        }
        command
            .args(args)
            .arg("--config")
            .arg(self.dir.path().join("gapura.toml"))
            .env("GAPURA_LISTEN", "127.0.0.1:0")
            .env("GAPURA_DATABASE_URL", &self.home.url)
            .env("GAPURA_SEAL_KEYS", &self.seal_keys)
            .env("GAPURA_TOKEN_KEY", &self.token_key)
            .env("GAPURA_FIELD_KEYS", format!("k1:{FIELD_KEY}"))
            .env("GAPURA_SMTP_PASSWORD", "s3same")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn start(&self) -> Origin {
        let mut child = self
            .command(&["serve"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut kept, mut line) = (String::new(), String::new());
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "no start: {kept}");
            kept.push_str(&line);
            if let Ok(told) = serde_json::from_str::<Value>(&line)
                && told["fields"]["message"] == "listening"
            {
                break told["fields"]["address"].as_str().unwrap().parse().unwrap();
            }
        };
        let kept = Arc::new(Mutex::new(kept));
        let keeper = Arc::clone(&kept);
        let reader = thread::spawn(move || {
            let mut line = String::new();
            while log.read_line(&mut line).is_ok_and(|read| read > 0) {
                keeper.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        let mut origin = Origin {
            child,
            address,
            instance: String::new(),
            log: kept,
            reader: Some(reader),
        };
        origin.instance = origin.learn_instance();
        origin
    }
}

/// The most memory of a process that was resident until now (Linux, proc(5)).
pub(crate) fn peak_memory_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = peak.unwrap().trim_end_matches(" kB").trim();
    digits.parse().unwrap()
}

/// A running origin; killed when dropped.
pub(crate) struct Origin {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) instance: String,
    log: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Origin {
    /// One with the usual configuration; its state goes with the test.
    pub(crate) fn fresh() -> (Site, Self) {
        Self::on(Engine::Sqlite)
    }

    pub(crate) fn on(engine: Engine) -> (Site, Self) {
        let site = Site::on(engine, CONFIG);
        let origin = site.start();
        (site, origin)
    }

    fn learn_instance(&self) -> String {
        let answer = self.send(&Call::get("/").instance("").seal(self));
        assert_eq!(answer.reason(), "seal-instance");
        answer.headers["gapura-instance"].trim_matches('"').into()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        stream
    }

    pub(crate) fn send(&self, wire: &Wire) -> Answer {
        let mut stream = self.connect();
        stream.write_all(&wire.bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        if wire.line.starts_with("HEAD ") {
            return Answer::head(&mut stream).unwrap();
        }
        Answer::read(&mut stream)
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send(&Call::get(target).seal(self))
    }

    pub(crate) fn post(&self, target: &str, body: &str) -> Answer {
        self.send(&Call::post(target, body).seal(self))
    }

    /// What has been logged until now.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log has `text`.
    pub(crate) fn await_log(&self, text: &str) {
        for _ in 0..200 {
            if self.log().contains(text) {
                return;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("{text} is not in the log:\n{}", self.log());
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that was resident until now.
    pub(crate) fn peak_memory_kib(&self) -> u64 {
        peak_memory_kib(self.child.id())
    }

    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Ends it at once, whatever it is doing.
    pub(crate) fn kill(&self) {
        self.signal("-KILL");
    }

    /// Lets it write files of any size again (util-linux's prlimit).
    pub(crate) fn lift_file_size(&self) {
        let id = self.child.id().to_string();
        let mut command = Command::new("prlimit");
        let done = command.args(["--fsize=unlimited:", "--pid", &id]).status();
        assert!(done.unwrap().success());
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; the whole log.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        (status, self.log())
    }
}
