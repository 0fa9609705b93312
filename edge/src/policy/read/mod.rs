//! From text to policy: every rule that a policy must obey.

mod class;
mod counted;
mod guard;
mod route;
mod rule;
mod section;
mod waf;

use super::{
    Development, Fault, Policy,
    document::{self, Faults, File, Node},
    keys, overlay,
    table::{Item, Table, quoted},
};

/// What [`is_name`](super::syntax::is_name) wants.
const NAME: &str = "1 to 64 of a-z, 0-9, `.`, `_` and `-`";

/// Reads a policy and, if there is one, what a deployment lays over it.
///
/// # Errors
/// Everything that is wrong with both texts, in their order. A text that is not TOML
/// is reported by its syntax alone: what it means cannot be told.
pub fn parse(base: &str, overlay: Option<&str>) -> Result<Policy, Vec<Fault>> {
    let faults = Faults::new(base, overlay.unwrap_or_default());
    let below = document::parse(File::Base, base, &faults);
    let above = overlay.map(|text| document::parse(File::Overlay, text, &faults));
    if !faults.is_empty() {
        return Err(faults.into_sorted());
    }
    let merged = merge(below, above, &faults);
    let policy = policy(&Table::root(&merged, &faults));
    if faults.is_empty() {
        Ok(policy)
    } else {
        Err(faults.into_sorted())
    }
}

fn merge(below: Node, above: Option<Node>, faults: &Faults<'_>) -> Node {
    let root = Table::root(&below, faults);
    version(&root);
    if let Some(development) = root.get("development") {
        development.name_fault("is allowed in an overlay alone");
    }
    let Some(above) = above else {
        return below;
    };
    version(&Table::root(&above, faults));
    overlay::merge(below, above)
}

/// The format that a text is written in; each says it for itself.
fn version(root: &Table<'_>) {
    root.require("version", |item| item.number(1..=1));
}

fn policy(root: &Table<'_>) -> Policy {
    root.knows(keys::ROOT);
    let development = root.read("development", development);
    let limits = section::limits(root);
    let upstream = section::upstream(root);
    let classes = class::classes(root);
    let waf = waf::common(root);
    let context = route::Context {
        limits: &limits,
        upstream: &upstream,
        classes: &classes,
        waf: &waf,
    };
    let routes = route::routes(root, &context);
    Policy {
        access: section::access(root),
        token: section::token(root, root.get("development").is_some()),
        cors: section::cors(root),
        limits,
        upstream,
        guard: guard::guard(root, &classes),
        classes,
        jails: guard::jails(root),
        admin: guard::admin(root),
        challenge: guard::challenge(root),
        headers: section::headers(root),
        waf: waf::usual(&waf),
        routes,
        development,
    }
}

fn development(item: &Item<'_>) -> Option<Development> {
    let table = item.table(keys::DEVELOPMENT)?;
    let client_address = table.require("client_address", |item| {
        let text = item.text()?;
        let address = text.parse().ok();
        if address.is_none() {
            item.fault(format!(
                "must be an IPv4 or IPv6 address, is {}",
                quoted(text)
            ));
        }
        address
    });
    let explain = table.read("explain", Item::boolean).unwrap_or(false);
    Some(Development {
        client_address: client_address?,
        explain,
    })
}
