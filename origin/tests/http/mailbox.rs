//! A real mail server, and the mails that it took.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A mail server of tests/support/smtp.py; killed when dropped.
pub(crate) struct MailServer {
    child: Child,
    orders: ChildStdin,
    pub(crate) port: u16,
    told: Arc<Mutex<Vec<Value>>>,
}

/// A mail that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Mail(pub(crate) Value);

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl MailServer {
    /// One without TLS, for anybody.
    pub(crate) fn start() -> Self {
        Self::run(&["plain"])
    }

    /// One with TLS, `starttls` or `implicit`, that writes its authority into `dir`.
    pub(crate) fn with_tls(mode: &str, dir: &Path) -> Self {
        Self::run(&[mode, dir.to_str().unwrap()])
    }

    fn run(args: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("../.tools/python/bin/python");
        assert!(python.exists(), "run ./scripts/setup tests");
        let mut child = Command::new(python)
            .arg(root.join("tests/support/smtp.py"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let read = |line: String| serde_json::from_str::<Value>(&line).unwrap();
        let port = read(lines.next().unwrap().unwrap())["port"]
            .as_u64()
            .unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let keeper = Arc::clone(&told);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                keeper.lock().unwrap().push(read(line));
            }
        });
        Self {
            orders: child.stdin.take().unwrap(),
            child,
            port: port.try_into().unwrap(),
            told,
        }
    }

    /// The settings by which an origin finds it.
    pub(crate) fn settings(&self) -> String {
        format!(
            "[mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nretry_s = 1\ntimeout_s = 2\nresend_s = 1\n\
             url = \"https://gate.example\"\nsite_url = \"https://app.example\"\n\
             redirects = [\"https://app.example/in/*\"]\n",
            self.port
        )
    }

    /// Changes how it answers: accept, refuse, later or hang.
    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
        self.await_told(|told| told["order"] == order, 1);
    }

    /// Everything that it told and `fits`, as soon as there are `count` of it.
    pub(crate) fn await_told(&self, fits: impl Fn(&Value) -> bool, count: usize) -> Vec<Value> {
        for _ in 0..1200 {
            let told = self.told.lock().unwrap();
            let fitting: Vec<Value> = told.iter().filter(|told| fits(told)).cloned().collect();
            if fitting.len() >= count {
                return fitting;
            }
            drop(told);
            thread::sleep(Duration::from_millis(25));
        }
        panic!("{:?}", self.told.lock().unwrap());
    }

    /// The mails to an address until now.
    pub(crate) fn mails(&self, to: &str) -> Vec<Mail> {
        let told = self.told.lock().unwrap();
        let ours = told.iter().filter(|told| told["to"][0] == to);
        ours.cloned().map(Mail).collect()
    }

    /// The `count`-th mail to an address.
    pub(crate) fn await_mail(&self, to: &str, count: usize) -> Mail {
        let told = self.await_told(|told| told["to"][0] == to, count);
        Mail(told[count - 1].clone())
    }
}

impl Mail {
    pub(crate) fn text(&self) -> &str {
        self.0["text"].as_str().unwrap()
    }

    pub(crate) fn subject(&self) -> &str {
        self.0["subject"].as_str().unwrap()
    }

    /// Path and query of the link.
    pub(crate) fn link(&self) -> String {
        let mut lines = self.text().lines();
        let link = lines.find_map(|line| line.strip_prefix("https://gate.example"));
        link.unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    /// The token in the link.
    pub(crate) fn token(&self) -> String {
        let link = self.link();
        let token = link.split("token=").nth(1).unwrap();
        token.split('&').next().unwrap().to_owned()
    }

    /// The code beside it.
    pub(crate) fn code(&self) -> String {
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
        let mut words = self.text().split_whitespace();
        words
            .find(is_code)
            .unwrap_or_else(|| panic!("{self:?}"))
            .to_owned()
    }
}
