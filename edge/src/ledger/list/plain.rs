//! Lines with an address or network, comments behind `#` or `;`: plain lists, `FireHOL`
//! netsets, Spamhaus DROP.

use super::{BadList, Decision, List, Reading, network};

pub(super) fn parse(text: &str) -> Result<List, BadList> {
    let mut reading = Reading::default();
    for (index, line) in text.lines().enumerate() {
        let entry = line.split(['#', ';']).next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        let decision = |target| Decision {
            target,
            seconds: None,
            reason: None,
        };
        let read = network(entry).map(|target| Some(decision(target)));
        reading.take("line", index.saturating_add(1), read)?;
    }
    reading.finish()
}
