//! What was decoded to reach a view, for the explanation.

use std::fmt;

use super::ROUNDS;

/// One kind of encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::waf) enum Step {
    Percent,
    PercentU,
    Overlong,
    Entity,
    JavaScript,
    Css,
    Base64,
    Hex,
    Utf7,
    Utf16,
    Confusable,
    Invisible,
    Control,
    Plus,
}

/// Every step in the order in which a round's are named.
const NAMED: &[(Step, &str)] = &[
    (Step::Percent, "percent"),
    (Step::PercentU, "%u"),
    (Step::Overlong, "overlong UTF-8"),
    (Step::Entity, "HTML entity"),
    (Step::JavaScript, "JavaScript escape"),
    (Step::Css, "CSS escape"),
    (Step::Base64, "base64"),
    (Step::Hex, "hex"),
    (Step::Utf7, "UTF-7"),
    (Step::Utf16, "UTF-16"),
    (Step::Confusable, "confusable character"),
    (Step::Invisible, "invisible character"),
    (Step::Control, "control character"),
    (Step::Plus, "plus signs"),
];

/// The encodings undone in each round, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::waf) struct Steps([u16; ROUNDS + 1]);

impl Steps {
    /// Notes an encoding undone in this round.
    pub(super) fn note(&mut self, round: usize, step: Step) {
        if let Some(set) = self.0.get_mut(round) {
            *set |= 1 << step as u16;
        }
    }
}

/// `percent + HTML entity, then base64`; empty when nothing was undone.
impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (round, set) in self.0.iter().filter(|set| **set != 0).enumerate() {
            let done = NAMED
                .iter()
                .filter(|(step, _)| set & (1 << *step as u16) != 0);
            for (position, (_, name)) in done.enumerate() {
                let separator = match (round, position) {
                    (0, 0) => "",
                    (_, 0) => ", then ",
                    _ => " + ",
                };
                write!(f, "{separator}{name}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_rounds_in_order() {
        let mut steps = Steps::default();
        assert_eq!(steps.to_string(), "");
        steps.note(0, Step::Entity);
        steps.note(0, Step::Percent);
        steps.note(1, Step::Base64);
        steps.note(99, Step::Css);
        assert_eq!(steps.to_string(), "percent + HTML entity, then base64");
    }
}
