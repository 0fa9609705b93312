//! Findings and reports as an operator reads them, in the development log and on the command
//! line: a client never sees more than the request id.

use std::fmt;

use super::{Effect, Exclusion, Finding, PathPattern, Report, Verdict};

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

/// The whole explanation of a request of this raw path: the report, and the policy's lines that
/// would let the request pass, where it would not.
#[must_use]
pub fn explain(report: &Report, path: &str) -> String {
    let mut text = report.to_string();
    let exclusions = exclusions(report, path);
    if report.score >= report.threshold && !exclusions.is_empty() {
        text.push_str("\nif this is honest, the policy may say:");
        for exclusion in exclusions {
            let lines = format!("\n{exclusion}").replace('\n', "\n  ");
            text.push_str(lines.trim_end());
        }
    }
    text
}

/// What would exclude every finding that counts, as narrowly as it can be said.
#[must_use]
pub fn exclusions(report: &Report, path: &str) -> Vec<Exclusion> {
    let path = PathPattern::around(path);
    let mut exclusions = Vec::new();
    for finding in &report.findings {
        let exclusion = Exclusion {
            rule: Some(finding.rule.to_string()),
            tag: None,
            path: path.clone(),
            parameter: Some(finding.target.name.clone()).filter(|name| is_writable(name)),
        };
        if finding.effect != Effect::Score(0) && !exclusions.contains(&exclusion) {
            exclusions.push(exclusion);
        }
    }
    exclusions
}

/// Whether a policy can hold the name.
fn is_writable(name: &str) -> bool {
    (1..=256).contains(&name.len()) && !name.contains(char::is_control)
}

/// An `[[exclude]]` of the policy.
impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[[exclude]]\n")?;
        let path = self.path.as_ref().map(|pattern| &pattern.0);
        for (key, value) in [
            ("rule", &self.rule.as_ref()),
            ("tag", &self.tag.as_ref()),
            ("path", &path),
            ("parameter", &self.parameter.as_ref()),
        ] {
            if let Some(value) = value {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                writeln!(f, "{key} = \"{value}\"")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::explain;
    use crate::waf::{Effect, Finding, Part, Report, Severity, Target, Verdict};

    fn finding(parameter: &str) -> Finding {
        Finding {
            rule: "sqli-001".into(),
            name: "UNION SELECT".into(),
            severity: Severity::Critical,
            effect: Effect::Score(5),
            tags: &["sqli"],
            target: Target {
                part: Part::Query,
                name: parameter.into(),
            },
            decoded: "1 union select 2".into(),
            matched: 2..14,
            encodings: "percent, then base64".into(),
        }
    }

    #[test]
    fn shows_what_would_exclude_it_once() {
        let report = Report {
            findings: vec![finding("a\"b"), finding("a\"b"), finding("\n")],
            score: 5,
            threshold: 5,
            verdict: Verdict::Blocked,
        };
        let text = explain(&report, "/a/%27/b.c");
        let lines = "  [[exclude]]\n  rule = \"sqli-001\"\n  path = \"/a/*/b.c\"\n";
        assert_eq!(text.matches(lines).count(), 1, "{text}");
        assert!(text.contains("parameter = \"a\\\"b\"\n"), "{text}");
        assert!(text.ends_with("  path = \"/a/*/b.c\""), "{text}");
    }

    #[test]
    fn explains_target_text_rule_severity_and_score() {
        let report = Report {
            findings: vec![finding("q")],
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
