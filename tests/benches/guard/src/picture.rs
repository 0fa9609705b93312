//! The figures as a picture: three groups of bars, as SVG.

use crate::{
    scenario::{LATENCIES_MS, USUAL_MS},
    table::{Run, name},
};
use gapura_guard_bench::run::{Outcome, Way};
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 150.0;
const BAR: f64 = 13.0;
const GROUP: f64 = 3.0 * BAR + 16.0;
/// Calls per request that fill the width: an attack's logins ask about address and account, and strike.
const MOST_CALLS: f64 = 2.5;
/// Leased, strict, naive.
const COLOURS: [&str; 3] = ["#1b7f5c", "#d08a1d", "#9a3b3b"];

struct Group {
    label: String,
    /// Length from 0 to 1, and the text behind it.
    bars: Vec<(f64, String)>,
}

pub(crate) fn draw(runs: &[Run]) -> String {
    let short: Vec<&Run> = runs
        .iter()
        .filter(|r| r.scenario.short != "small site")
        .collect();
    let calls = short.iter().map(|run| {
        group(run, run.scenario.short, USUAL_MS, |o| {
            let mut all = o.tally.honest.clone();
            all.requests += o.tally.attack.requests;
            all.calls += o.tally.attack.calls;
            all.ledger_calls += o.tally.attack.ledger_calls;
            let calls = all.calls_per_request() + all.ledger_calls_per_request();
            (calls / MOST_CALLS, format!("{calls:.3}"))
        })
    });
    let crowd = short
        .iter()
        .filter(|run| run.scenario.short == "100,000 clients");
    let added = crowd.flat_map(|run| {
        LATENCIES_MS.map(|ms| {
            group(run, &format!("{ms} ms away"), ms, |o| {
                let (p50, p99) = (o.tally.honest.added_ms(500), o.tally.honest.added_ms(990));
                (p50 / 250.0, format!("{p50:.0} (p99 {p99:.0})"))
            })
        })
    });
    let dollars = short
        .iter()
        .filter(|run| run.scenario.short != "attack")
        .map(|run| {
            group(run, run.scenario.short, USUAL_MS, |o| {
                let (_, high) = run.dollars(o);
                // From 1 to 100,000 dollars.
                (
                    (high.max(1.0).log10() / 5.0).min(1.0),
                    format!("${high:.0}"),
                )
            })
        });
    let panels = [
        ("Object calls per request", calls.collect::<Vec<_>>()),
        (
            "Added latency of 100,000 clients, median in ms",
            added.collect(),
        ),
        (
            "Dollars a month, at most; the scale is logarithmic",
            dollars.collect(),
        ),
    ];
    let mut body = String::new();
    let mut y = 64.0;
    for (title, groups) in &panels {
        let _ = writeln!(body, r#"<text x="20" y="{y}" class="title">{title}</text>"#);
        y += 14.0;
        for group in groups {
            y = draw_group(&mut body, group, y);
        }
        y += 34.0;
    }
    let legend = legend();
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0}" width="{WIDTH}" height="{y:.0}" role="img" aria-label="The Guard in figures">
<style>text {{ font: 13px "DejaVu Sans", Verdana, sans-serif; fill: #222 }} .title {{ font-weight: bold; font-size: 15px }} .value {{ font-size: 11px }}</style>
<rect width="100%" height="100%" fill="#fff"/>
{legend}{body}</svg>
"##
    )
}

fn group(
    run: &Run,
    label: &str,
    latency_ms: u32,
    value: impl Fn(&Outcome) -> (f64, String),
) -> Group {
    let outcomes = run.at(latency_ms);
    Group {
        label: label.to_owned(),
        bars: outcomes.map(|(_, _, outcome)| value(outcome)).collect(),
    }
}

fn draw_group(body: &mut String, group: &Group, top: f64) -> f64 {
    let middle = top + 1.5 * BAR + 4.0;
    let _ = writeln!(
        body,
        r#"<text x="{}" y="{middle}" text-anchor="end">{}</text>"#,
        LEFT - 10.0,
        group.label
    );
    let room = WIDTH - LEFT - 130.0;
    let mut y = top;
    for ((length, text), colour) in group.bars.iter().zip(COLOURS) {
        let width = (length * room).max(1.0);
        let _ = writeln!(
            body,
            r#"<rect x="{LEFT}" y="{y}" width="{width:.1}" height="{}" fill="{colour}"/><text x="{:.1}" y="{}" class="value">{text}</text>"#,
            BAR - 2.0,
            LEFT + width + 6.0,
            y + BAR - 3.0
        );
        y += BAR;
    }
    top + GROUP
}

fn legend() -> String {
    let words = [
        (Way::Leased, "leases, shared objects"),
        (Way::Strict, "a call each, shared objects"),
        (Way::Naive, "a call each, an object per client"),
    ];
    let mut text = String::new();
    for (index, ((way, words), colour)) in words.into_iter().zip(COLOURS).enumerate() {
        let x = 20 + 300 * index;
        let _ = writeln!(
            text,
            r#"<rect x="{x}" y="16" width="13" height="13" fill="{colour}"/><text x="{}" y="27">{}: {words}</text>"#,
            x + 20,
            name(way)
        );
    }
    text
}
