//! What Cloudflare bills for objects, by the prices published in November 2026.

/// As the tables name it.
pub const AS_OF: &str = "2026-11";

/// The memory that is billed for an object, whatever it uses: 128 MB.
const OBJECT_GB: f64 = 0.128;

/// What is billed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Requests to objects, alarms too.
    pub calls: f64,
    /// Rows of storage written; an alarm is one.
    pub rows_written: f64,
    /// Rows read.
    pub rows_read: f64,
    /// Seconds in which objects worked.
    pub busy_s: f64,
    /// Seconds in which they were in memory: up to ten after each call.
    pub resident_s: f64,
}

impl Usage {
    /// So many times as much.
    #[must_use]
    pub fn times(self, n: f64) -> Self {
        Self {
            calls: self.calls * n,
            rows_written: self.rows_written * n,
            rows_read: self.rows_read * n,
            busy_s: self.busy_s * n,
            resident_s: self.resident_s * n,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            rows_written: self.rows_written + other.rows_written,
            rows_read: self.rows_read + other.rows_read,
            busy_s: self.busy_s + other.busy_s,
            resident_s: self.resident_s + other.resident_s,
        }
    }

    /// Dollars in a month on the plan Workers Paid, when only work is billed, and when an object
    /// is billed until it leaves memory.
    #[must_use]
    pub fn dollars(self) -> (f64, f64) {
        let beyond = |used: f64, included: f64, price: f64| (used - included).max(0.0) * price;
        let counted = beyond(self.calls, 1e6, 0.15e-6)
            + beyond(self.rows_written, 50e6, 1e-6)
            + beyond(self.rows_read, 25e9, 0.001e-6);
        let duration = |seconds: f64| beyond(seconds * OBJECT_GB, 400e3, 12.5e-6);
        (
            counted + duration(self.busy_s),
            counted + duration(self.resident_s),
        )
    }

    /// GB-s, by both readings.
    #[must_use]
    pub fn gigabyte_seconds(self) -> (f64, f64) {
        (self.busy_s * OBJECT_GB, self.resident_s * OBJECT_GB)
    }

    /// Whether a day of it fits the free plan, by both readings.
    #[must_use]
    pub fn fits_free_day(self) -> (bool, bool) {
        let counted = self.calls <= 100e3 && self.rows_written <= 100e3 && self.rows_read <= 5e6;
        let (low, high) = self.gigabyte_seconds();
        (counted && low <= 13e3, counted && high <= 13e3)
    }
}
