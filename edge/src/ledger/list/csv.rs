//! `CrowdSec` decisions as CSV: what `cscli decisions import` takes
//! (`duration,scope,value`) and what `cscli decisions list -o raw` prints
//! (`…,ip,reason,action,…,expiration,…`, the address as `Ip:192.0.2.1`).

use super::{BadList, List, Reading, crowdsec::Raw};

/// Most columns of a line that are looked at.
const MAX_COLUMNS: usize = 32;

pub(super) fn parse(text: &str) -> Result<List, BadList> {
    let mut lines = text.lines().enumerate();
    let (_, head) = lines.next().ok_or(BadList::Columns)?;
    let names = fields(head).map_err(|_| BadList::Columns)?;
    let names: Vec<_> = names
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    if !names.iter().any(|name| name == "value" || name == "ip") {
        return Err(BadList::Columns);
    }
    let mut reading = Reading::default();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let read = fields(line)
            .and_then(|fields| raw(&names, fields))
            .and_then(Raw::read);
        reading.take("line", index.saturating_add(1), read)?;
    }
    reading.finish()
}

fn raw(names: &[String], fields: Vec<String>) -> Result<Raw, String> {
    if fields.len() != names.len() {
        return Err(format!(
            "has {} fields, line 1 has {}",
            fields.len(),
            names.len()
        ));
    }
    let mut raw = Raw::default();
    for (name, field) in names.iter().zip(fields) {
        match name.as_str() {
            "value" => raw.value = Some(field),
            "ip" => match field.split_once(':') {
                Some((scope @ ("Ip" | "Range" | "Country" | "AS" | "User"), value)) => {
                    raw.scope = Some(scope.to_owned());
                    raw.value = Some(value.to_owned());
                }
                _ => raw.value = Some(field),
            },
            "scope" => raw.scope = Some(field),
            "reason" | "scenario" => raw.reason = Some(field),
            "type" | "action" => raw.kind = Some(field),
            "duration" | "expiration" => raw.duration = Some(field),
            "simulated" => raw.simulated = Some(field == "true"),
            _ => {}
        }
    }
    Ok(raw)
}

/// The fields of a line (RFC 4180, without line breaks in quotes).
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if !quoted && field.is_empty() => quoted = true,
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => quoted = false,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            _ => field.push(c),
        }
        if fields.len() >= MAX_COLUMNS {
            return Err(format!("has more than {MAX_COLUMNS} fields"));
        }
    }
    fields.push(field);
    if quoted {
        return Err("has a quote that does not end".to_owned());
    }
    Ok(fields)
}
