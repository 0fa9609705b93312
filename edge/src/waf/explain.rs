//! Findings and reports as an operator reads them, for the development log alone: a client
//! never sees more than the request id.

use std::fmt;

use super::{Finding, Report, Verdict};

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            name,
            severity,
            target,
            decoded,
            ..
        } = self;
        let (label, score) = (severity.label(), severity.score());
        write!(
            f,
            "{rule} {name} ({label} +{score}) in {target}: {decoded:?}"
        )
    }
}

impl Verdict {
    /// Stable label for logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Logged => "logged",
            Self::Blocked => "blocked",
        }
    }
}

impl fmt::Display for Report {
    /// One line for the verdict, then one per finding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            findings,
            score,
            threshold,
            verdict,
        } = self;
        write!(f, "{} (score {score} of {threshold})", verdict.label())?;
        findings
            .iter()
            .try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::waf::{Finding, Part, Report, Severity, Target, Verdict};

    #[test]
    fn explains_target_text_rule_severity_and_score() {
        let report = Report {
            findings: vec![Finding {
                rule: "sqli-001",
                name: "UNION SELECT",
                severity: Severity::Critical,
                tags: &["sqli"],
                target: Target {
                    part: Part::Query,
                    name: "q".into(),
                },
                decoded: "1 union select 2".into(),
            }],
            score: 5,
            threshold: 5,
            verdict: Verdict::Blocked,
        };
        assert_eq!(
            report.to_string(),
            "blocked (score 5 of 5)\n  sqli-001 UNION SELECT (critical +5) in \
             query parameter `q`: \"1 union select 2\""
        );
    }
}
