//! Stage four: severities become an anomaly score and a verdict.

use super::{Effect, Finding, Mode, Severity, Verdict};

/// Score from which a mode stops; [`Mode::Detect`] and [`Mode::Off`] report normal's and never stop.
pub(super) const fn threshold(mode: Mode) -> u32 {
    match mode {
        Mode::Strict => 3,
        Mode::Normal | Mode::Relaxed | Mode::Detect | Mode::Off => 5,
    }
}

/// Adds the scores of the distinct rules up. A rule counts once however often it fires: ten
/// notices of one kind in a long honest form are no more suspicious than one.
///
/// Relaxed does not raise the threshold over one critical finding, because the routes it is meant
/// for are logins, where `admin'--` is one critical finding; it ignores what is merely suspicious.
pub(super) fn score(findings: &[Finding], mode: Mode) -> u32 {
    let counts = |finding: &Finding| mode != Mode::Relaxed || finding.severity >= Severity::Error;
    let first = |index: usize, rule: &str| !findings.iter().take(index).any(|f| f.rule == rule);
    findings
        .iter()
        .enumerate()
        .filter(|(index, finding)| counts(finding) && first(*index, &finding.rule))
        .map(|(_, finding)| match finding.effect {
            Effect::Score(points) => points,
            Effect::Block => threshold(mode),
        })
        .fold(0, u32::saturating_add)
}

/// The decision for a score.
pub(super) fn verdict(found: bool, score: u32, mode: Mode) -> Verdict {
    match (found, mode) {
        (false, _) | (_, Mode::Off) => Verdict::Clean,
        (true, Mode::Detect) => Verdict::Logged,
        (true, _) if score >= threshold(mode) => Verdict::Blocked,
        (true, _) => Verdict::Logged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::{Part, Target};

    fn finding(rule: &'static str, severity: Severity) -> Finding {
        let target = Target {
            part: Part::Query,
            name: String::new(),
        };
        Finding {
            rule: rule.into(),
            name: "".into(),
            severity,
            effect: Effect::Score(severity.score()),
            tags: &[],
            target,
            decoded: String::new(),
            matched: 0..0,
            encodings: String::new(),
        }
    }

    #[test]
    fn one_critical_stops_everywhere_but_in_detect() {
        let score = score(&[finding("a", Severity::Critical)], Mode::Normal);
        assert_eq!(verdict(true, score, Mode::Normal), Verdict::Blocked);
        assert_eq!(verdict(true, score, Mode::Relaxed), Verdict::Blocked);
        assert_eq!(verdict(true, score, Mode::Detect), Verdict::Logged);
    }

    #[test]
    fn one_warning_stops_strict_alone() {
        let score = score(&[finding("a", Severity::Warning)], Mode::Normal);
        assert_eq!(verdict(true, score, Mode::Strict), Verdict::Blocked);
        assert_eq!(verdict(true, score, Mode::Normal), Verdict::Logged);
    }

    #[test]
    fn rules_add_up_and_each_counts_once() {
        let (a, b) = (
            finding("a", Severity::Notice),
            finding("b", Severity::Warning),
        );
        assert_eq!(score(&[a.clone(), a.clone(), b.clone()], Mode::Normal), 5);
        assert_eq!(score(&[a, b], Mode::Relaxed), 0);
    }
}
