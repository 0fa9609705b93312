//! `./scripts/bench guard`: prints Markdown tables; with `--picture PATH` also draws them.
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

mod cost;
mod picture;
mod scenario;
mod table;

use gapura_guard_bench::run::{Outcome, Setup, Way, simulate};
use std::sync::atomic::{AtomicUsize, Ordering};

const WAYS: [Way; 3] = [Way::Leased, Way::Strict, Way::Naive];

fn main() {
    // First, while the heap is empty: it is measured by what the process grows.
    let bytes = cost::bytes();
    let scenarios = scenario::all();
    let setups: Vec<Setup> = scenarios
        .iter()
        .flat_map(scenario::Scenario::setups)
        .collect();
    let mut outcomes = run_all(&setups).into_iter();
    let runs: Vec<table::Run> = scenarios
        .into_iter()
        .map(|scenario| table::Run {
            outcomes: outcomes.by_ref().take(scenario.setups().len()).collect(),
            scenario,
        })
        .collect();
    table::print(&runs, &bytes);
    cost::print();
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, path] = arguments.as_slice()
        && flag == "--picture"
    {
        std::fs::write(path, picture::draw(&runs)).expect("the picture can be written");
    }
}

/// Two at a time, in this order.
fn run_all(setups: &[Setup]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(setup) = setups.get(index) else {
                return done;
            };
            done.push((index, simulate(setup.clone())));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut done = work();
        done.extend(other.join().expect("no run panics"));
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}
