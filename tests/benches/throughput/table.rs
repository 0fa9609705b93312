//! Markdown.

use crate::load::{CONNECTIONS, Figures, ROUNDS, Row};

/// Prints the figures; with `relative`, the CPU time against the first row's too.
pub(crate) fn print(title: &str, rows: &[Row<'_>], figures: &[Figures], relative: Option<&str>) {
    print_by(title, rows, figures, CONNECTIONS, relative);
}

/// The same of rows that so many connections asked for.
pub(crate) fn print_by(
    title: &str,
    rows: &[Row<'_>],
    figures: &[Figures],
    connections: usize,
    relative: Option<&str>,
) {
    let (head, line) =
        relative.map_or_else(Default::default, |head| (format!(" {head} |"), "---:|"));
    println!("### {title}\n");
    println!(
        "| {connections} connections | requests/s | p50 ms | p99 ms | CPU µs/request | RSS MB |{head}"
    );
    println!("|---|---:|---:|---:|---:|---:|{line}");
    for (row, f) in rows.iter().zip(figures) {
        print!(
            "| {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} |",
            row.name, f.per_second, f.p50_ms, f.p99_ms, f.cpu_us, f.rss_mb
        );
        match (relative, figures.first()) {
            (Some(_), Some(first)) => println!(" {:.1} |", f.cpu_us / first.cpu_us),
            _ => println!(),
        }
    }
    println!("\nMedians of {ROUNDS} rounds in turns; the load runs on the same cores.");
}
