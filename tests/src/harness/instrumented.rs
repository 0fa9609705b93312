//! What only an edge that `instrumented.js` wraps can be asked and told.

use super::Edge;
use crate::client::Request;
use std::process::Command;

impl Edge {
    /// How often the Guard's objects and the Ledger were asked. Instrumented edges alone know.
    #[must_use]
    pub fn asked(&self) -> (u64, u64) {
        let counts = self.get("/__counts").json();
        let count = |name: &str| counts[name].as_u64().expect("a number");
        (count("guard"), count("ledger"))
    }

    /// How many questions the objects answered, or failed to.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.get("/__counts").json()["answered"]
            .as_u64()
            .expect("a number")
    }

    /// How many rows the objects read for what they were asked.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.get("/__counts").json()["read"]
            .as_u64()
            .expect("a number")
    }

    /// Stores so many rows, all alike, in each object of a kind: keys are this prefix and the rest
    /// of an IPv4 address.
    pub fn fill(&self, kind: &str, prefix: &str, row: &str, until_ms: u64, rows: u32) {
        let row = row.replace('"', "%22");
        let target =
            format!("/__fill?kind={kind}&prefix={prefix}&row={row}&until={until_ms}&rows={rows}");
        assert_eq!(self.get(&target).status, 204);
    }

    /// Asks the object that was asked about this address last about so many others, from the `first`
    /// on; how many of these questions it answered.
    #[must_use]
    pub fn crowd(&self, address: &str, first: u32, count: u32) -> u64 {
        let target = format!("/__crowd?address={address}&first={first}&count={count}");
        self.get(&target).json().as_u64().expect("a number")
    }

    /// Has all rows lie as they did before they had ends; whoever is in memory must be evicted then.
    pub fn downgrade(&self) {
        assert_eq!(self.get("/__downgrade").status, 204);
    }

    /// Has the alarm of every object go off.
    pub fn ring(&self) {
        assert_eq!(self.get("/__ring").status, 204);
    }

    /// Whether statements that write rows succeed from now on; each object must have its table.
    pub fn writable(&self, is: bool) {
        assert_eq!(self.get(&format!("/__writable?is={is}")).status, 204);
    }

    /// Has statements fail that write a row whose key is LIKE this, until [`Self::writable`].
    pub fn refuse_rows(&self, keys: &str) {
        let keys = keys.replace('%', "%25");
        let set = self.get(&format!("/__writable?is=false&keys={keys}"));
        assert_eq!(set.status, 204);
    }

    /// Has the kernel refuse whatever the objects commit, as a full disk does, until [`Self::empty_disk`].
    pub fn fill_disk(&self) {
        assert_eq!(self.get("/__lengthen").status, 204);
        self.limit_files("65536");
    }

    /// Ends [`Self::fill_disk`].
    pub fn empty_disk(&self) {
        self.limit_files("unlimited");
    }

    fn limit_files(&self, bytes: &str) {
        let process = self.process_id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &process, &format!("--fsize={bytes}:")])
            .status();
        assert!(limited.expect("prlimit runs").success());
    }

    /// How many rows the objects store, besides their own.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.get("/__stored").json().as_u64().expect("a number")
    }

    /// Has the objects of a kind (`guard`, `ledger`) fail (`fail`), take so many milliseconds,
    /// or answer again (empty).
    pub fn fault(&self, kind: &str, fault: &str) {
        let set = self.get(&format!("/__fault?{kind}={fault}"));
        assert_eq!(set.status, 204);
    }

    /// Sets the clock of the first isolate and of all objects, which live in it, off by so much.
    pub fn shift_clock(&self, ms: i64) {
        let set = self.get(&format!("/__clock?ms={ms}"));
        assert_eq!(set.status, 204);
    }

    /// Stops the clock of the first isolate and of all objects: it goes on by [`Self::shift_clock`] alone.
    pub fn stop_clock(&self) {
        let set = self.get("/__clock?ms=0&stop");
        assert_eq!(set.status, 204);
    }

    /// Stops the clock of the second isolate: it goes on by [`Self::shift_clock_elsewhere`] alone.
    pub fn stop_clock_elsewhere(&self) {
        let set = self.elsewhere(&Request::new("GET", "/__clock?ms=0&stop"));
        assert_eq!(set.status, 204);
    }

    /// Sets the clock of the second isolate off by so much; it has no objects.
    pub fn shift_clock_elsewhere(&self, ms: i64) {
        let set = self.elsewhere(&Request::new("GET", &format!("/__clock?ms={ms}")));
        assert_eq!(set.status, 204);
    }

    /// Evicts all objects: what they did not store is gone.
    pub fn evict(&self) {
        assert_eq!(self.get("/__evict").status, 204);
    }
}
