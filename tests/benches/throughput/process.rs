//! What the kernel says about processes and this machine (Linux, proc(5)).

use std::{fs, time::Duration};

/// The unit of times in `/proc/<pid>/stat`: 100 per second on every Linux.
const TICK_MS: u64 = 10;

/// CPU time that a process has used, all threads.
pub(crate) fn cpu(process: u32) -> Duration {
    let fields = stat(process);
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number");
    // utime and stime are fields 14 and 15; ours begin with field 3.
    Duration::from_millis((ticks(11) + ticks(12)) * TICK_MS)
}

/// Resident memory in MB.
pub(crate) fn rss_mb(process: u32) -> f64 {
    let kilobytes: u32 = find(&format!("/proc/{process}/status"), "VmRSS:")
        .and_then(|value| value.split_whitespace().next()?.parse().ok())
        .expect("the process runs");
    f64::from(kilobytes) / 1000.0
}

/// Our child that runs this program.
pub(crate) fn child(program: &str) -> u32 {
    // The kernel keeps 15 characters of a name.
    let name: String = program.chars().take(15).collect();
    let own = std::process::id().to_string();
    fs::read_dir("/proc")
        .expect("Linux")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .find(|process| {
            let named = fs::read_to_string(format!("/proc/{process}/comm"));
            named.is_ok_and(|named| named.trim() == name) && stat(*process).get(1) == Some(&own)
        })
        .expect("it runs")
}

/// Cores, memory and processor.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model =
        find("/proc/cpuinfo", "model name\t:").unwrap_or_else(|| "unknown processor".into());
    let memory = find("/proc/meminfo", "MemTotal:")
        .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0);
    format!(
        "{cores} cores ({model}), {} GB",
        (memory + 500_000) / 1_000_000
    )
}

/// The fields of `/proc/<pid>/stat` behind the name, which may hold blanks.
fn stat(process: u32) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
    fields.split(' ').map(str::to_owned).collect()
}

fn find(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix(key))
        .map(|value| value.trim().to_owned())
}
