//! How workerd is told what an edge is bound to.

use super::{Origin, dev_overlay, root};
use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

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

    /// With a second isolate: see [`super::Edge::elsewhere`].
    #[must_use]
    pub const fn second(mut self) -> Self {
        self.second = true;
        self
    }

    /// Behind TLS: for `doctor` and pushes, not for [`crate::Request`], which speaks plain HTTP.
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

/// Its binary.
pub(super) fn binary() -> PathBuf {
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

/// The header in which a test says where the platform places a client: `request.cf`, as JSON.
const PLACE: &str = "cfBlobHeader = \"CF-Blob\"";

/// Its configuration file.
pub(super) fn configuration(
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
