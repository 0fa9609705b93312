//! Both halves as real processes: the origin binary on SQLite in a folder of its
//! own, the built Worker in workerd. Each ends with its handle.

mod edge;
mod instrumented;
mod origin;
mod workerd;

pub use edge::Edge;
pub use origin::{Origin, Twin};
use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::Duration,
};
pub use workerd::{EdgeConfig, tls};

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

/// A class of the policy with these settings, and a route of its name, for anybody, that it counts
/// and that shows what reaches the origin. Keys that follow are the route's.
#[must_use]
pub fn counted(name: &str, class: &str) -> String {
    format!(
        "
[classes.{name}]
{class}
[[route]]
name = \"{name}\"
path = \"/{name}\"
rewrite = \"/echo/{name}\"
token = \"none\"
classes = [\"{name}\"]
"
    )
}

/// A port that was free a moment ago.
#[must_use]
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
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
