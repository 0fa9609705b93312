//! Refuses to build a Worker whose policy is faulty: the code that reads the policy
//! when the Worker starts reads it here.

// Checking needs `parse` alone; what the Worker does with a policy is idle here.
#[path = "src/ordered.rs"]
mod ordered;
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the Worker's modules, of which one function is used"
)]
#[path = "src/policy/mod.rs"]
mod policy;
// The policy names what tokens must say as `crate::token`.
#[expect(
    unreachable_pub,
    reason = "the Worker's module, which is only written here"
)]
#[path = "src/token/settings.rs"]
mod token;
// The policy names the firewall's settings, and its rules in exclusions.
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the Worker's modules, of which the rules' names are used"
)]
#[path = "src/waf/mod.rs"]
mod waf;

use std::process::ExitCode;

const BASE: &str = "policy.toml";
const OVERLAY: &str = "policy.dev.toml";

fn main() -> ExitCode {
    for read in [
        "build.rs",
        BASE,
        OVERLAY,
        "src/policy",
        "src/token/settings.rs",
        "src/waf",
    ] {
        println!("cargo::rerun-if-changed={read}");
    }
    let faults = match (
        std::fs::read_to_string(BASE),
        std::fs::read_to_string(OVERLAY),
    ) {
        (Ok(base), Ok(overlay)) => faults(&base, &overlay),
        (base, overlay) => {
            let unread = [(BASE, base), (OVERLAY, overlay)];
            unread
                .into_iter()
                .filter_map(|(name, read)| Some(format!("{name}: {}", read.err()?)))
                .collect()
        }
    };
    for fault in &faults {
        println!("cargo::error=edge/{fault}");
    }
    if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What is wrong with the policy, then what is wrong with it below the overlay.
fn faults(base: &str, overlay: &str) -> Vec<String> {
    let alone = policy::parse(base, None).err();
    let found = alone
        .or_else(|| policy::parse(base, Some(overlay)).err())
        .unwrap_or_default();
    found.iter().map(shown).collect()
}

/// The fault under the name of its file.
fn shown(fault: &policy::Fault) -> String {
    let file = match fault.file {
        policy::File::Base => BASE,
        policy::File::Overlay => OVERLAY,
    };
    let text = fault.to_string();
    let behind = text.strip_prefix(&fault.file.to_string()).unwrap_or(&text);
    format!("{file}{behind}")
}
