//! Findings and reports as an operator reads them, for the development log alone: a client
//! never sees more than the request id.

use std::fmt;

use super::{Effect, Finding, Report, Verdict};

impl Finding {
    /// The decoded text with the match between `«` and `»`.
    #[must_use]
    pub fn marked(&self) -> String {
        let (start, end) = (self.matched.start, self.matched.end);
        match (
            self.decoded.get(..start),
            self.decoded.get(start..end),
            self.decoded.get(end..),
        ) {
            (Some(before), Some(matched), Some(after)) if !matched.is_empty() => {
                format!("{before}«{matched}»{after}")
            }
            _ => self.decoded.clone(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, name, target) = (&self.rule, &self.name, &self.target);
        let label = self.severity.label();
        write!(f, "{rule} {name} ({label} ")?;
        match self.effect {
            Effect::Score(points) => write!(f, "+{points}")?,
            Effect::Block => f.write_str("block")?,
        }
        write!(f, ") in {target}: {:?}", self.marked())?;
        if !self.encodings.is_empty() {
            write!(f, " after {}", self.encodings)?;
        }
        Ok(())
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
    use crate::waf::{Effect, Finding, Part, Report, Severity, Target, Verdict};

    #[test]
    fn explains_target_text_rule_severity_and_score() {
        let report = Report {
            findings: vec![Finding {
                rule: "sqli-001".into(),
                name: "UNION SELECT".into(),
                severity: Severity::Critical,
                effect: Effect::Score(5),
                tags: &["sqli"],
                target: Target {
                    part: Part::Query,
                    name: "q".into(),
                },
                decoded: "1 union select 2".into(),
                matched: 2..14,
                encodings: "percent, then base64".into(),
            }],
            score: 5,
            threshold: 5,
            verdict: Verdict::Blocked,
        };
        assert_eq!(
            report.to_string(),
            "blocked (score 5 of 5)\n  sqli-001 UNION SELECT (critical +5) in \
             query parameter `q`: \"1 «union select» 2\" after percent, then base64"
        );
    }
}
