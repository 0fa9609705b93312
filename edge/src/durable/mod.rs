//! Durable Objects: thin shells around the decisions of `guard`.

pub(crate) mod guard;

/// The binding of the Guard's namespace in `wrangler.toml`; its class is `Guard`.
pub(crate) const GUARD_BINDING: &str = "GUARD";
