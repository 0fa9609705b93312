//! `waf-cost NUMBER SIZE TIMES`: inspects a numbered request of this size so many times and prints
//! its length and the microseconds of CPU time that one inspection took. With TIMES 0 nothing is
//! timed: one inspection, for a tool that counts instructions. `waf-cost worst SIZE` prints the
//! ten dearest bodies of this size and the microseconds that the fastest of twenty inspections took,
//! `waf-cost search SECONDS SEED SIZE FILE...` those that a search finds over the lines of the files,
//! `waf-cost show NUMBER SIZE` the request as JSON.

mod search;

use std::cmp::Reverse;
use std::time::{Duration, Instant};
use std::{env, fs};

use gapura_waf_cost::{inspect, request};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize| {
        arguments
            .get(at)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    if arguments.first().is_some_and(|first| first == "worst") {
        return worst(number(1));
    }
    if arguments.first().is_some_and(|first| first == "search") {
        return search(number(1), number(2), number(3), &arguments[4..]);
    }
    if arguments.first().is_some_and(|first| first == "show") {
        println!("{}", show(&request::numbered(number(1), number(2))));
        return;
    }
    let sent = request::numbered(number(0), number(1));
    let length = sent.body.as_ref().map_or(0, Vec::len);
    let times = number(2);
    if times == 0 {
        println!("{length} {}", inspect(&sent));
        return;
    }
    // The tables are built on first use.
    std::hint::black_box(inspect(&sent));
    println!("{length} {:.2}", time(&sent, times));
}

/// The request as JSON, for a client that sends it.
fn show(sent: &request::Sent) -> String {
    let quoted = |text: &str| format!("{:?}", text.replace('\u{0}', " "));
    let headers: Vec<String> = sent
        .headers
        .iter()
        .map(|(name, value)| format!("{}:{}", quoted(name), quoted(value)))
        .collect();
    let body = sent
        .body
        .as_deref()
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    format!(
        "{{\"method\":{},\"target\":{},\"headers\":{{{}}},\"body\":{}}}",
        quoted(sent.method),
        quoted(&format!("{}?{}", sent.path, sent.query)),
        headers.join(","),
        quoted(&body)
    )
}

fn time(sent: &request::Sent, times: usize) -> f64 {
    let start = cpu_ms();
    for _ in 0..times {
        std::hint::black_box(inspect(std::hint::black_box(sent)));
    }
    (cpu_ms() - start) * 1000.0 / times as f64
}

/// The shortest of so many inspections: what else runs on the machine only adds.
fn fastest(sent: &request::Sent, times: usize) -> Duration {
    let once = |_| {
        let start = Instant::now();
        std::hint::black_box(inspect(std::hint::black_box(sent)));
        start.elapsed()
    };
    (0..times).map(once).min().unwrap_or_default()
}

fn worst(size: usize) {
    let mut costs: Vec<(Duration, usize)> = (0..request::count())
        .filter(|number| request::numbered(*number, 24).body.is_some())
        .map(|number| (fastest(&request::numbered(number, size), 3), number))
        .collect();
    costs.sort_by_key(|cost| Reverse(cost.0));
    costs.truncate(20);
    for (cost, number) in &mut costs {
        *cost = fastest(&request::numbered(*number, size), 20);
    }
    costs.sort_by_key(|cost| Reverse(cost.0));
    for (cost, number) in costs.iter().take(10) {
        let sent = request::numbered(*number, 24);
        let body = sent.body.as_deref().map_or_else(String::new, |body| {
            String::from_utf8_lossy(body).into_owned()
        });
        println!(
            "{number} {} {:?} {:?}",
            cost.as_micros(),
            sent.content_type().unwrap_or("head"),
            body
        );
    }
}

fn search(seconds: usize, seed: usize, size: usize, files: &[String]) {
    let read = |path| fs::read_to_string(path).expect("a file of texts");
    let lines = |text: String| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    let corpus: Vec<String> = files.iter().map(read).flat_map(lines).collect();
    search::dearest(seconds as u64, seed as u64, size, &corpus, |cost, text| {
        println!("{:.2} ms {text}", cost.as_secs_f64() * 1000.0);
    });
}

/// CPU time of this process, in the kernel's ticks of ten milliseconds (Linux, proc(5)).
fn cpu_ms() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) * 10.0
}
