//! Rows under load: every row for a while, then all of them again, so that what
//! else the machine does falls on all rows alike.

use crate::{connection::Connection, process};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Connections, each with one request at a time.
pub(crate) const CONNECTIONS: usize = 8;
/// How often each row is measured; the median of each figure is reported.
pub(crate) const ROUNDS: usize = 3;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(3);

/// Makes the bytes of the request with this number; numbers do not repeat.
pub(crate) type MakeRequest<'a> = Box<dyn Fn(u64) -> Vec<u8> + Sync + 'a>;

/// One kind of request to one server.
pub(crate) struct Row<'a> {
    pub(crate) name: &'static str,
    pub(crate) server: SocketAddr,
    /// The measured process.
    pub(crate) process: u32,
    /// What every answer must be.
    pub(crate) status: u16,
    pub(crate) request: MakeRequest<'a>,
}

/// What a row came to.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// CPU time of the measured process, all its threads.
    pub(crate) cpu_us: f64,
    pub(crate) rss_mb: f64,
}

/// Measures all rows, in turns.
pub(crate) fn measure(rows: &[Row<'_>]) -> Vec<Figures> {
    measure_by(rows, CONNECTIONS)
}

/// The same by so many connections.
pub(crate) fn measure_by(rows: &[Row<'_>], connections: usize) -> Vec<Figures> {
    let numbers = AtomicU64::new(0);
    let mut rounds: Vec<Vec<Figures>> = rows.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (row, figures) in rows.iter().zip(&mut rounds) {
            drive_by(row, &numbers, WARM_UP, connections);
            figures.push(round(row, &numbers, connections));
        }
    }
    rounds.iter().map(|figures| median(figures)).collect()
}

/// CPU time of a request in µs for each row, lowest and median, by so many connections of one thread:
/// a thread for each sleeps until it is answered, and who answers pays for waking it here, as it
/// does not where clients are other machines.
pub(crate) fn cpu_by(rows: &[&Row<'_>], connections: usize) -> Vec<(f64, f64)> {
    let mut rounds: Vec<Vec<f64>> = rows.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (row, times) in rows.iter().zip(&mut rounds) {
            let mut together = Together::open(row, connections);
            together.drive(WARM_UP);
            let before = process::cpu(row.process);
            let requests = together.drive(MEASURED);
            let cpu = process::cpu(row.process).saturating_sub(before);
            times.push(cpu.as_secs_f64() * 1e6 / f64::from(requests));
        }
    }
    let sorted = |mut times: Vec<f64>| {
        times.sort_unstable_by(f64::total_cmp);
        (times[0], times[times.len() / 2])
    };
    rounds.into_iter().map(sorted).collect()
}

fn round(row: &Row<'_>, numbers: &AtomicU64, connections: usize) -> Figures {
    let cpu_before = process::cpu(row.process);
    let began = Instant::now();
    let mut times = drive_by(row, numbers, MEASURED, connections);
    let elapsed = began.elapsed();
    let cpu = process::cpu(row.process).saturating_sub(cpu_before);
    times.sort_unstable();
    let at = |part| quantile_ms(&times, part);
    let requests = u32::try_from(times.len()).map_or(f64::MAX, f64::from);
    Figures {
        per_second: requests / elapsed.as_secs_f64(),
        p50_ms: at(0.50),
        p99_ms: at(0.99),
        cpu_us: cpu.as_secs_f64() * 1e6 / requests,
        rss_mb: process::rss_mb(row.process),
    }
}

/// Sends for a while on so many connections; the time that each request took.
pub(crate) fn drive_by(
    row: &Row<'_>,
    numbers: &AtomicU64,
    duration: Duration,
    connections: usize,
) -> Vec<Duration> {
    let until = Instant::now() + duration;
    thread::scope(|scope| {
        let drivers: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| drive_one(row, numbers, until)))
            .collect();
        drivers
            .into_iter()
            .flat_map(|driver| driver.join().expect("no driver fails"))
            .collect()
    })
}

/// Connections of one thread: each sends, then each is answered.
struct Together<'a> {
    row: &'a Row<'a>,
    connections: Vec<Connection>,
    sent: u64,
}

impl<'a> Together<'a> {
    fn open(row: &'a Row<'a>, connections: usize) -> Self {
        let open = |_| Connection::open(row.server);
        let connections = (0..connections).map(open).collect();
        Self {
            row,
            connections,
            sent: 0,
        }
    }

    /// Sends for a while; how many requests.
    fn drive(&mut self, duration: Duration) -> u32 {
        let until = Instant::now() + duration;
        let mut requests = 0;
        while Instant::now() < until {
            for connection in &mut self.connections {
                connection.send(&(self.row.request)(self.sent));
                self.sent += 1;
            }
            for connection in &mut self.connections {
                expect(self.row, connection.answer());
                requests += 1;
            }
        }
        requests
    }
}

fn drive_one(row: &Row<'_>, numbers: &AtomicU64, until: Instant) -> Vec<Duration> {
    let mut connection = Connection::open(row.server);
    let mut times = Vec::with_capacity(64 * 1024);
    while Instant::now() < until {
        let request = (row.request)(numbers.fetch_add(1, Ordering::Relaxed));
        let sent = Instant::now();
        let (status, answer) = connection.exchange(&request);
        times.push(sent.elapsed());
        expect(row, (status, answer));
    }
    times
}

/// A refusal is cheap: its figures would look fine and mean nothing.
fn expect(row: &Row<'_>, (status, answer): (u16, &[u8])) {
    assert_eq!(
        status,
        row.status,
        "{}: {}",
        row.name,
        String::from_utf8_lossy(answer)
    );
}

fn median(rounds: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(figure).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Figures {
        per_second: of(|f| f.per_second),
        p50_ms: of(|f| f.p50_ms),
        p99_ms: of(|f| f.p99_ms),
        cpu_us: of(|f| f.cpu_us),
        rss_mb: of(|f| f.rss_mb),
    }
}

/// Milliseconds below which a part of the sorted times is.
pub(crate) fn quantile_ms(times: &[Duration], part: f64) -> f64 {
    times[share(times.len() - 1, part)].as_secs_f64() * 1e3
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index, far below 2^52"
)]
fn share(of: usize, part: f64) -> usize {
    (of as f64 * part) as usize
}
