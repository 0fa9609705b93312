//! `gapura-waf test`: corpora through the firewall, counted per class.

use super::{
    Failure, Outcome,
    corpus::{self, Content, Entry, Kind, Spread},
    options::{Options, Wanted},
};
use crate::waf::{self, Report, Settings, Verdict};
use std::{collections::BTreeMap, fmt::Write as _};

/// Requests and how many of them were stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Requests inspected.
    pub requests: usize,
    /// Requests stopped.
    pub stopped: usize,
}

impl Count {
    /// Stopped requests in percent; 0 of none.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of requests are far below 2^52"
    )]
    pub fn percent(self) -> f64 {
        100.0 * self.stopped as f64 / self.requests.max(1) as f64
    }

    fn add(&mut self, is_stopped: bool) {
        self.requests += 1;
        self.stopped += usize::from(is_stopped);
    }
}

/// Counts per kind and class.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    classes: BTreeMap<(Kind, String), Count>,
    /// Attacks that passed and honest requests that were stopped, one line each.
    pub misses: Vec<String>,
}

impl Tally {
    /// Inspects every request of an entry; `origin` names it among the misses.
    pub fn take<'s>(
        &mut self,
        kind: Kind,
        entry: &Entry,
        spread: Spread,
        origin: &str,
        settings: impl Fn(&super::message::Message) -> std::borrow::Cow<'s, Settings>,
    ) {
        for (how, message) in entry.requests(spread) {
            let settings = settings(&message);
            self.judge(kind, entry, origin, &how, &message, &settings);
        }
    }

    /// Inspects one request of an entry.
    pub fn judge(
        &mut self,
        kind: Kind,
        entry: &Entry,
        origin: &str,
        how: &str,
        message: &super::message::Message,
        settings: &Settings,
    ) {
        let report = waf::inspect(&message.view(), settings);
        let is_stopped = report.verdict == Verdict::Blocked;
        let count = self.classes.entry((kind, entry.class.clone())).or_default();
        count.add(is_stopped);
        if is_stopped == (kind == Kind::Honest) {
            self.misses.push(miss(kind, entry, origin, how, &report));
        }
    }

    /// All classes of a kind together.
    #[must_use]
    pub fn total(&self, kind: Kind) -> Count {
        let counts = self.classes.iter().filter(|((k, _), _)| *k == kind);
        counts.fold(Count::default(), |sum, (_, count)| Count {
            requests: sum.requests + count.requests,
            stopped: sum.stopped + count.stopped,
        })
    }

    /// A row per class, and one for all of a kind.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<26}{:>10}{:>10}{:>10}\n",
            "class", "requests", "stopped", "%"
        );
        for (kind, name) in [(Kind::Attacks, "attacks"), (Kind::Honest, "honest")] {
            let of_kind = self.classes.iter().filter(|((k, _), _)| *k == kind);
            let rows = of_kind.map(|((_, class), count)| (class.as_str(), *count));
            let total = self.total(kind);
            if total.requests > 0 {
                for (label, count) in rows.chain([("all", total)]) {
                    let label = format!("{name} {label}");
                    row(&mut text, &label, count);
                }
            }
        }
        text
    }
}

fn row(text: &mut String, label: &str, count: Count) {
    let Count { requests, stopped } = count;
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{label:<26}{requests:>10}{stopped:>10}{:>10.2}",
        count.percent()
    );
}

fn miss(kind: Kind, entry: &Entry, origin: &str, how: &str, report: &Report) -> String {
    let what = match &entry.content {
        Content::Text(text, _) => format!("{text:?}"),
        Content::Request(message) => {
            let body = message.body.as_deref().unwrap_or_default();
            let body: String = String::from_utf8_lossy(body).chars().take(200).collect();
            format!(
                "{} {}?{} {:?} {body:?}",
                message.method, message.path, message.query, message.headers
            )
        }
    };
    let name = match kind {
        Kind::Attacks => "passed",
        Kind::Honest => "stopped",
    };
    format!(
        "{name} {origin} [{}] {how}: {what}\n  {report}",
        entry.class
    )
}

pub(super) fn run(options: &Options, wanted: &Wanted) -> Result<Outcome, Failure> {
    let mut tally = Tally::default();
    for path in &wanted.paths {
        let files =
            corpus::files(path).map_err(|why| Failure(format!("{}: {why}", path.display())))?;
        for (kind, file) in files {
            // A file on its own is taken for attacks.
            let kind = kind.unwrap_or(Kind::Attacks);
            for (index, entry) in corpus::read(&file).map_err(Failure)?.iter().enumerate() {
                let origin = format!("{}:{}", file.display(), index + 1);
                tally.take(kind, entry, wanted.spread, &origin, |message| {
                    std::borrow::Cow::Owned(options.settings(message).0)
                });
            }
        }
    }
    let mut text = String::new();
    if wanted.misses {
        for miss in &tally.misses {
            text.push_str(miss);
            text.push('\n');
        }
    }
    text.push_str(&tally.table());
    let is_well = verdict(&tally, wanted, &mut text);
    Ok(Outcome { text, is_well })
}

/// Compares with the thresholds; a threshold on nothing is not met.
fn verdict(tally: &Tally, wanted: &Wanted, text: &mut String) -> bool {
    let (attacks, honest) = (tally.total(Kind::Attacks), tally.total(Kind::Honest));
    let mut is_well = true;
    if let Some(least) = wanted.attacks.filter(|least| attacks.percent() < *least) {
        let _ = writeln!(
            text,
            "attacks stopped: {:.2} %, wanted {least} %",
            attacks.percent()
        );
        is_well = false;
    }
    let too_many = |most: &f64| honest.requests == 0 || honest.percent() > *most;
    if let Some(most) = wanted.honest.filter(too_many) {
        let share = honest.percent();
        let _ = writeln!(
            text,
            "honest stopped: {share:.2} % of {}, allowed {most} %",
            honest.requests
        );
        is_well = false;
    }
    is_well
}

#[cfg(test)]
mod tests {
    use crate::cli;
    use std::fs;

    #[test]
    fn counts_per_class_and_compares() {
        let folder = std::env::temp_dir().join(format!("gapura-waf-{}", std::process::id()));
        for (file, lines) in [
            (
                "attacks/sqli.jsonl",
                "{\"class\":\"sqli\",\"text\":\"' or '1'='1\"}\n{\"class\":\"sqli\",\"text\":\"hello\"}\n",
            ),
            (
                "honest/prose.jsonl",
                "{\"class\":\"prose\",\"text\":\"hello\"}\n",
            ),
        ] {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, lines).unwrap();
        }
        let run = |options: &str| {
            let words = format!("test {options} {}", folder.display());
            let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
            cli::run(&words, &mut std::io::empty()).unwrap()
        };
        let loose = run("--attacks 50 --honest 0.1 --misses");
        assert!(loose.is_well, "{}", loose.text);
        let row = format!("{:<26}{:>10}{:>10}{:>10}", "attacks sqli", 2, 1, "50.00");
        assert!(loose.text.contains(&row), "{}", loose.text);
        assert!(
            loose
                .text
                .contains("attacks/sqli.jsonl:2 [sqli] query/none: \"hello\"")
        );
        assert!(!run("--attacks 51").is_well);
        assert!(!run("--mode off --attacks 1").is_well);
        assert_eq!(run("--all").text.matches("attacks").count(), 2);
        fs::remove_dir_all(folder).unwrap();
    }
}
