//! Markdown.

use crate::{
    cost::Bytes,
    scenario::{DAY_US, LATENCIES_MS, Scenario, USUAL_MS},
};
use gapura_guard_bench::{
    fraction,
    price::AS_OF,
    run::{Outcome, Way},
    tally::Figures,
};

const MONTH_S: f64 = 30.0 * 86_400.0;

/// A scenario and what came of its setups.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) scenario: Scenario,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Run {
    /// The outcomes at one latency, in order.
    pub(crate) fn at(&self, latency_ms: u32) -> impl Iterator<Item = (Way, u32, &Outcome)> {
        let keys = self.scenario.keys().into_iter().zip(&self.outcomes);
        keys.filter(move |((_, _, latency), _)| *latency == latency_ms)
            .map(|((way, shards, _), outcome)| (way, shards, outcome))
    }

    /// What it would cost if it went on all month: when only work is billed, and at most.
    pub(crate) fn dollars(&self, outcome: &Outcome) -> (f64, f64) {
        let span_s = fraction(self.scenario.span_us) / 1e6;
        outcome.usage.times(MONTH_S / span_s).dollars()
    }
}

pub(crate) const fn name(way: Way) -> &'static str {
    match way {
        Way::Leased => "leased",
        Way::Strict => "strict",
        Way::Naive => "naive",
    }
}

pub(crate) fn print(runs: &[Run], bytes: &Bytes) {
    println!("### Ten minutes, objects {USUAL_MS} ms away\n");
    println!(
        "| clients | counted | requests | admitted | above the limit | let through late | refused too early | … of those within it | calls/request | Ledger's | objects | KB/object | KB/isolate | $/month |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for run in runs.iter().filter(|run| run.scenario.span_us < DAY_US) {
        for (way, _, outcome) in run.at(USUAL_MS) {
            row(run, way, outcome, bytes);
        }
    }
    println!(
        "\nAbove the limit: the worst excess of any window of any client, by the log of true times. Let through late: requests of \
         a class that is open on error that passed after 50 ms, and that the answer would have refused, in per cent of all. \
         Refused too early: while that log was below the limit, in per cent of all requests; … of those within it: of clients that had \
         asked for no more than their limit in the window. Calls to the shards and to the Ledger, strikes, locks and ends of sessions \
         among them. Memory: the fullest object or isolate ({:.0} bytes per subject and {:.0} per log entry, \
         {:.0} per subject in an isolate). $/month: the Guard alone, if this went on all month, by Cloudflare's prices of {AS_OF} \
         (Workers Paid: $0.15 per million object requests beyond 1 million, $1.00 per million rows written beyond 50 million, $0.001 \
         per million read, $12.50 per million GB-s beyond 400,000, 128 MB an object): if an object is billed while it works – and if it is \
         until it leaves memory, ten seconds after its last call.",
        bytes.subject, bytes.entry, bytes.remembered
    );
    latencies(runs);
    besieged(runs);
    for run in runs.iter().filter(|run| run.scenario.span_us == DAY_US) {
        free(run);
    }
    let unanswered: u64 = runs
        .iter()
        .flat_map(|run| &run.outcomes)
        .map(|o| o.tally.unanswered)
        .sum();
    let most = runs
        .iter()
        .flat_map(|run| &run.outcomes)
        .map(|o| o.tally.excess)
        .max();
    let behind_us = runs
        .iter()
        .flat_map(|run| &run.outcomes)
        .map(|o| o.tally.behind_us)
        .max();
    println!(
        "\nOver all runs: {} above the limit at most, {unanswered} questions without an answer at all. A request with a token passed by a \
         copy of the Ledger that lacked what had been stored {:.2} s before at most.",
        most.unwrap_or(0),
        fraction(behind_us.unwrap_or(0)) / 1e6,
    );
}

fn row(run: &Run, way: Way, outcome: &Outcome, bytes: &Bytes) {
    let tally = &outcome.tally;
    let kib = |bytes: f64| bytes / 1024.0;
    let (subjects, entries) = outcome.fullest;
    let object = fraction(subjects as u64) * bytes.subject
        + fraction(entries.saturating_sub(subjects) as u64) * bytes.entry;
    let isolate = fraction(outcome.remembered as u64) * bytes.remembered;
    let (low, high) = run.dollars(outcome);
    let line = |who: &str, figures: &Figures, rest: &str| {
        println!(
            "| {}{who} | {} | {} | {} | {} | {:.2} % | {:.2} % | {:.2} % | {:.3} | {:.3} | {rest} |",
            run.scenario.name,
            name(way),
            grouped(figures.requests),
            grouped(figures.admitted),
            tally.excess,
            figures.let_through_percent(),
            figures.wrongly_percent(),
            figures.modest_percent(),
            figures.calls_per_request(),
            figures.ledger_calls_per_request(),
        );
    };
    let rest = format!(
        "{} | {:.0} | {:.0} | {low:.0} – {high:.0}",
        grouped(outcome.objects as u64),
        kib(object),
        kib(isolate),
    );
    if tally.attack.requests == 0 {
        line("", &tally.honest, &rest);
    } else {
        line(": the honest", &tally.honest, &rest);
        line(": the attack", &tally.attack, " | | | ");
    }
}

/// How the honest fare while an attack runs, beside the first crowd, which is alike and is let be.
fn besieged(runs: &[Run]) {
    let attacked = |run: &&Run| {
        run.outcomes
            .iter()
            .any(|outcome| outcome.tally.attack.requests > 0)
    };
    let (Some(calm), Some(siege)) = (runs.first(), runs.iter().find(attacked)) else {
        return;
    };
    println!("\n### The honest while the attack runs, objects {USUAL_MS} ms away\n");
    println!(
        "| counted | admitted | without the attack | refused within their limit | without | p50 / p99 ms | without |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for ((way, _, now), (_, _, before)) in siege.at(USUAL_MS).zip(calm.at(USUAL_MS)) {
        let cells = [&now.tally.honest, &before.tally.honest].map(|figures| {
            let admitted = 100.0 * fraction(figures.admitted) / fraction(figures.requests.max(1));
            (
                format!("{admitted:.1} %"),
                format!("{:.2} %", figures.modest_percent()),
                format!(
                    "{:.1} / {:.1}",
                    figures.added_ms(500),
                    figures.added_ms(990)
                ),
            )
        });
        let [now, before] = cells;
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            name(way),
            now.0,
            before.0,
            now.1,
            before.1,
            now.2,
            before.2
        );
    }
    println!("\nAdmitted: of all requests of the crowd; the rest is above its limits.");
}

fn latencies(runs: &[Run]) {
    println!("\n### Added latency, p50 / p99 in ms, and calls per request\n");
    let heads = LATENCIES_MS.map(|ms| format!("{ms} ms away | calls |"));
    println!("| clients | counted | {}", heads.join(" "));
    println!("|---|---|{}", "---:|---:|".repeat(LATENCIES_MS.len()));
    for run in runs
        .iter()
        .filter(|run| run.scenario.latencies_ms.len() > 1)
    {
        let columns: Vec<Vec<_>> = LATENCIES_MS
            .iter()
            .map(|ms| run.at(*ms).collect())
            .collect();
        for (index, (way, ..)) in columns[0].iter().enumerate() {
            print!("| {} | {} |", run.scenario.name, name(*way));
            for column in &columns {
                let figures = &column[index].2.tally.honest;
                print!(
                    " {:.1} / {:.1} | {:.3} |",
                    figures.added_ms(500),
                    figures.added_ms(990),
                    figures.calls_per_request() + figures.ledger_calls_per_request()
                );
            }
            println!();
        }
    }
    println!(
        "\nOf requests that passed: what is awaited beyond 1 ms of work beside the call; the naive way awaits all of it."
    );
}

fn free(run: &Run) {
    println!("\n### A day of {}, on the free plan\n", run.scenario.name);
    println!(
        "| counted | shards | requests | refused too early | object requests | of the Ledger | rows written | rows read | GB-s | of the Ledger | fits |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|");
    for (way, shards, outcome) in run.at(USUAL_MS) {
        if way == Way::Naive && shards > 1 {
            continue;
        }
        let usage = outcome.usage;
        let (low, high) = usage.gigabyte_seconds();
        let fits = match usage.fits_free_day() {
            (true, true) => "yes",
            (true, false) => "if only work is billed",
            _ => "no",
        };
        let shards = if way == Way::Naive {
            grouped(outcome.objects as u64)
        } else {
            shards.to_string()
        };
        println!(
            "| {} | {shards} | {} | {:.2} % | {:.0} | {:.0} | {:.0} | {:.0} | {low:.0} – {high:.0} | {:.0} | {fits} |",
            name(way),
            grouped(outcome.tally.honest.requests),
            outcome.tally.honest.wrongly_percent(),
            usage.calls,
            outcome.ledger.calls,
            usage.rows_written,
            usage.rows_read,
            outcome.ledger.gigabyte_seconds().1,
        );
    }
    println!(
        "\nThe free plan of {AS_OF} has 100,000 object requests, 100,000 rows written, 5 million read and 13,000 GB-s a day. \
         GB-s: while objects work – until they leave memory."
    );
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
