//! Every row of the rule table with its samples.

use super::{Spot, json, look, put};
use crate::waf::rules::{self, Rule};
use crate::waf::{Mode, Report, Settings};

/// Inspects one sample of the rule table.
fn sample(text: &str) -> Report {
    let settings = Settings {
        mode: Mode::Detect,
        ..Settings::default()
    };
    let (kind, rest) = text
        .strip_prefix('@')
        .and_then(|text| text.split_once(' '))
        .unwrap_or(("", text));
    match kind {
        "path" => look(&settings, rest, "", &[], None),
        "query" => look(&settings, "/", rest, &[], None),
        "agent" => look(&settings, "/", "", &[("user-agent", rest)], None),
        "header" => {
            let (name, value) = rest.split_once(' ').unwrap();
            look(&settings, "/", "", &[(name, value)], None)
        }
        "name" => look(
            &settings,
            "/",
            &format!("{}=x", rest.replace('$', "%24")),
            &[],
            None,
        ),
        "graphql" => {
            let body = format!("{{\"query\":{}}}", json(rest));
            look(
                &settings,
                "/graphql",
                "",
                &[],
                Some(("application/json", body.as_bytes())),
            )
        }
        "upload" | "file" | "image" => {
            let (file, content) = if kind == "upload" {
                (rest, "x")
            } else if kind == "image" {
                ("a.svg", rest)
            } else {
                ("a.txt", rest)
            };
            let body = format!(
                "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{file}\"\r\n\r\n{content}\r\n--XX--\r\n"
            );
            look(
                &settings,
                "/",
                "",
                &[],
                Some(("multipart/form-data; boundary=XX", body.as_bytes())),
            )
        }
        _ => put(&settings, Spot::Query, text),
    }
}

fn fires(rule: &Rule, text: &str) -> bool {
    sample(text)
        .findings
        .iter()
        .any(|finding| finding.rule == rule.id)
}

#[test]
fn every_rule_fires_on_its_attacks_and_not_on_its_near_miss() {
    let mut faults = Vec::new();
    for rule in rules::all().filter(|rule| rule.samples.attack != "@elsewhere") {
        let samples = &rule.samples;
        for attack in [samples.attack, samples.encoded] {
            if !fires(rule, attack) {
                faults.push(format!("{} misses {attack}\n{}", rule.id, sample(attack)));
            }
        }
        let honest = sample(samples.honest);
        if fires(rule, samples.honest) || honest.score >= honest.threshold {
            faults.push(format!(
                "{} near miss {}\n{honest}",
                rule.id, samples.honest
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn rule_ids_are_unique() {
    let mut ids: Vec<_> = rules::all().map(|rule| rule.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
