//! What the Worker is made of: the policy, the keys, and what an isolate remembers.

use crate::{
    challenge, guard,
    pace::Pace,
    policy::{self, Policy},
    revocation, token,
};
use gapura_shared::{device::Devices, seal::Keys};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

/// The policy as compiled in.
const POLICY: &str = include_str!("../policy.toml");

/// The texts that a deployment binds to the Worker.
#[derive(Clone, Default)]
pub struct Bindings {
    /// `GAPURA_ORIGIN_URL`: scheme, host and port of the origin.
    pub origin_url: Option<String>,
    /// `GAPURA_SEAL_KEYS`: the seal keys, a secret.
    pub seal_keys: Option<String>,
    /// `GAPURA_TOKEN_KEYS`: a JWK set of token keys, a secret; may be absent.
    pub token_keys: Option<String>,
    /// `GAPURA_POLICY_OVERLAY`: a second policy text; may be absent.
    pub policy_overlay: Option<String>,
}

impl std::fmt::Debug for Bindings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bindings")
            .field("origin_url", &self.origin_url)
            .finish_non_exhaustive()
    }
}

/// Everything that outlives a request.
#[derive(Debug)]
pub struct Gate {
    /// The policy.
    pub policy: Policy,
    /// The seal keys.
    pub seal_keys: Keys,
    /// Devices that logged in before.
    pub devices: Devices,
    /// What the challenge keeps.
    pub challenge: challenge::State,
    /// Where the origin is.
    pub origin: OriginUrl,
    /// Token keys of the secret; those of the key source come on top.
    pub secret_keys: token::KeySet,
    /// What this isolate remembers.
    pub memory: Memory,
}

/// What one isolate remembers; a clone is the same memory. Losing it costs time, never safety.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Tokens that verified.
    pub tokens: Rc<RefCell<token::cache::Cache>>,
    /// The keys that were fetched, those of the secret among them.
    pub keys: Rc<RefCell<token::jwks::Source>>,
    /// The origin's instance id; empty while it is not known.
    pub instance: Rc<RefCell<String>>,
    /// Leases, and who is refused without a question. Shared with what goes on after an answer.
    pub guard: Rc<RefCell<guard::Memory>>,
    /// Until then somebody may be refused without a question; zero: nobody is.
    pub refusing_ms: Rc<Cell<u64>>,
    /// The copy of the Ledger.
    pub ledger: Rc<RefCell<revocation::Held>>,
    /// How long wrong logins take.
    pub logins: Rc<RefCell<Pace>>,
}

impl Memory {
    /// Notes that somebody is refused without a question for so long, or as long as that
    /// is remembered.
    pub fn refuses_for(&self, now_ms: u64, for_ms: u64) {
        let until_ms = now_ms.saturating_add(for_ms.min(guard::lease::REMEMBER_MS));
        self.refusing_ms.set(self.refusing_ms.get().max(until_ms));
    }

    /// Whether somebody may be.
    #[must_use]
    pub fn refuses(&self, now_ms: u64) -> bool {
        now_ms < self.refusing_ms.get()
    }
}

/// Scheme and authority of the origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginUrl {
    /// Without a trailing slash.
    pub base: String,
    /// Host and port as they appear in `Host` (RFC 9421 §2.2.3).
    pub authority: String,
}

impl Gate {
    /// Builds the gate from its bindings.
    ///
    /// # Errors
    /// Every fault of the policy and the bindings. No text of a secret is in them.
    pub fn load(bindings: &Bindings) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let policy = policy::parse(POLICY, bindings.policy_overlay.as_deref())
            .map_err(|found| faults.extend(found.iter().map(ToString::to_string)))
            .ok();
        let seal_keys = match bindings.seal_keys.as_deref().map(Keys::parse) {
            Some(Ok(keys)) => Some(keys),
            Some(Err(fault)) => note(&mut faults, &format!("GAPURA_SEAL_KEYS: {fault}")),
            None => note(&mut faults, "GAPURA_SEAL_KEYS is not bound"),
        };
        let origin = match bindings.origin_url.as_deref().map(OriginUrl::parse) {
            Some(Some(url)) => Some(url),
            Some(None) => note(
                &mut faults,
                "GAPURA_ORIGIN_URL must be http(s)://host[:port]",
            ),
            None => note(&mut faults, "GAPURA_ORIGIN_URL is not bound"),
        };
        let secret = match bindings.token_keys.as_deref() {
            None => Some(token::KeySet::default()),
            Some(json) => match token::KeySet::from_jwks(json, token::KeyOrigin::Secret) {
                Ok(keys) => Some(keys),
                Err(fault) => note(&mut faults, &format!("GAPURA_TOKEN_KEYS: {fault}")),
            },
        };
        match (policy, seal_keys, origin, secret) {
            (Some(policy), Some(seal_keys), Some(origin), Some(secret)) => {
                Ok(Self::new(policy, seal_keys, origin, secret))
            }
            _ => Err(faults),
        }
    }

    fn new(policy: Policy, seal_keys: Keys, origin: OriginUrl, secret_keys: token::KeySet) -> Self {
        let source =
            token::jwks::Source::new(policy.token.jwks_lifetime_s, policy.token.jwks_cooldown_s);
        Self {
            memory: Memory {
                tokens: Rc::default(),
                keys: Rc::new(RefCell::new(source)),
                instance: Rc::default(),
                guard: Rc::default(),
                refusing_ms: Rc::default(),
                ledger: Rc::default(),
                logins: Rc::default(),
            },
            secret_keys,
            devices: Devices::new(&seal_keys),
            challenge: challenge::State::new(&seal_keys),
            policy,
            seal_keys,
            origin,
        }
    }
}

fn note<T>(faults: &mut Vec<String>, fault: &str) -> Option<T> {
    faults.push(fault.to_owned());
    None
}

impl OriginUrl {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('/');
        let (scheme, authority) = text.split_once("://")?;
        let default_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return None,
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
        if authority.is_empty() || !authority.bytes().all(plain) {
            return None;
        }
        let authority = authority.to_ascii_lowercase();
        let authority = authority
            .strip_suffix(default_port)
            .unwrap_or(&authority)
            .to_owned();
        Some(Self {
            base: format!("{scheme}://{authority}"),
            authority,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Bindings, Gate, OriginUrl, POLICY};
    use crate::policy::{self, Policy};

    /// The policy as shipped.
    pub(crate) fn policy() -> Policy {
        policy::parse(POLICY, None).unwrap()
    }

    pub(crate) fn bindings() -> Bindings {
        Bindings {
            origin_url: Some("http://127.0.0.1:9080".into()),
            seal_keys: Some(format!("k1:{}", "A".repeat(43))),
            token_keys: None,
            policy_overlay: None,
        }
    }

    #[test]
    fn reports_every_fault_and_no_secret() {
        let broken = Bindings {
            origin_url: Some("ftp://x".into()),
            seal_keys: Some("k1:hunter2".into()),
            token_keys: Some("{\"keys\": hunter2".into()),
            policy_overlay: Some("version = 1\nnonsense = 1\n".into()),
        };
        let faults = Gate::load(&broken).unwrap_err();
        assert!(faults.len() >= 4, "{faults:#?}");
        assert!(
            !faults.iter().any(|fault| fault.contains("hunter2")),
            "{faults:#?}"
        );
        assert!(!format!("{broken:?}").contains("hunter2"));
        assert!(Gate::load(&Bindings::default()).is_err());
        assert!(Gate::load(&bindings()).is_ok());
    }

    #[test]
    fn reads_the_origin_as_the_seal_names_it() {
        let authority = |text: &str| OriginUrl::parse(text).map(|url| url.authority);
        assert_eq!(
            authority("https://Origin.example:443/"),
            Some("origin.example".into())
        );
        assert_eq!(
            authority("http://127.0.0.1:9080"),
            Some("127.0.0.1:9080".into())
        );
        for bad in [
            "origin.example",
            "https://",
            "https://a/b",
            "https://u@h",
            "https://h?x",
        ] {
            assert_eq!(authority(bad), None, "{bad}");
        }
    }
}
