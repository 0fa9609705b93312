//! Writing the operator's bans as lists that others read.

use super::duration;
use crate::ledger::{Ban, Target};
use gapura_shared::time::UnixSeconds;
use serde::Serialize;
use std::fmt::Write;

/// What ban for good is written as where an end is needed: ten years.
const FOR_GOOD_S: u64 = 315_360_000;

/// A format of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A network a line.
    Cidr,
    /// The same behind a `FireHOL` head.
    Firehol,
    /// JSON for `cscli decisions import`.
    Crowdsec,
    /// CSV for `cscli decisions import`.
    CrowdsecCsv,
}

impl Format {
    /// Every format under its name in the API.
    pub const NAMED: [(&'static str, Self); 4] = [
        ("cidr", Self::Cidr),
        ("firehol", Self::Firehol),
        ("crowdsec", Self::Crowdsec),
        ("crowdsec-csv", Self::CrowdsecCsv),
    ];

    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Cidr | Self::Firehol => "text/plain; charset=utf-8",
            Self::Crowdsec => "application/json",
            Self::CrowdsecCsv => "text/csv; charset=utf-8",
        }
    }
}

#[derive(Debug, Serialize)]
struct Written<'a> {
    duration: String,
    scope: &'static str,
    value: String,
    #[serde(rename = "type")]
    kind: &'static str,
    reason: &'a str,
}

/// The list. Networks alone stand in `cidr` and `firehol`.
#[must_use]
pub fn export(bans: impl IntoIterator<Item = Ban>, format: Format, now: UnixSeconds) -> String {
    let bans: Vec<(Target, Ban)> = bans
        .into_iter()
        .filter_map(|ban| Some((ban.id.parse().ok()?, ban)))
        .collect();
    match format {
        Format::Cidr => networks(&bans),
        Format::Firehol => {
            let text = networks(&bans);
            let count = text.lines().count();
            let head =
                "#\n# gapura\n#\n# ipv4 and ipv6 hash:net ipset\n#\n# Category        : attacks\n";
            format!("{head}# Entries         : {count} subnets\n#\n{text}")
        }
        Format::Crowdsec => {
            let all: Vec<_> = bans
                .iter()
                .map(|(target, ban)| written(target, ban, now))
                .collect();
            // Strings alone: nothing here can fail to serialise.
            serde_json::to_string(&all).unwrap_or_default()
        }
        Format::CrowdsecCsv => {
            let mut text = "duration,scope,value,type,reason\n".to_owned();
            for (target, ban) in &bans {
                let Written {
                    duration,
                    scope,
                    value,
                    kind,
                    reason,
                } = written(target, ban, now);
                let (value, reason) = (cell(&value), cell(reason));
                let _ = writeln!(text, "{duration},{scope},{value},{kind},{reason}");
            }
            text
        }
    }
}

fn networks(bans: &[(Target, Ban)]) -> String {
    let mut text = String::new();
    for (target, _) in bans {
        if let Target::Network(network) = target {
            let _ = writeln!(text, "{network}");
        }
    }
    text
}

fn written<'a>(target: &Target, ban: &'a Ban, now: UnixSeconds) -> Written<'a> {
    let left = ban
        .until
        .map_or(FOR_GOOD_S, |until| until.saturating_sub(now.0));
    let (scope, value) = match target {
        Target::Network(network) => {
            let text = network.to_string();
            (if text.contains('/') { "range" } else { "ip" }, text)
        }
        Target::Country(code) => ("country", code.clone()),
        Target::Asn(number) => ("as", number.to_string()),
        Target::User(id) => ("user", id.clone()),
    };
    Written {
        duration: duration::written(left),
        scope,
        value,
        kind: "ban",
        reason: &ban.reason,
    }
}

/// A cell of CSV (RFC 4180).
fn cell(text: &str) -> String {
    if text.contains([',', '"']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
