//! The admission stage: one question to the client's Guard object, under way
//! while the stages behind it work.

use crate::{
    facts::Facts,
    gate::Gate,
    guard::{Answer, Ask, Subject},
    policy::{Class, OnError, Route},
    ratelimit::{self, Notice},
    runtime::Runtime,
    verdict::Stop,
};
use std::pin::Pin;

/// Guard objects among which the clients are divided.
const SHARDS: u32 = 8;

/// A question under way, or its outcome.
pub struct Admission<'a> {
    classes: Vec<&'a Class>,
    state: State<'a>,
}

enum State<'a> {
    Asked(Pin<Box<dyn Future<Output = Option<String>> + 'a>>),
    Settled(Outcome),
}

/// How the windows stand, and whether that stops the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Outcome {
    notice: Option<Notice>,
    stop: Option<Stop>,
}

impl std::fmt::Debug for Admission<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission")
            .field("classes", &self.classes)
            .finish_non_exhaustive()
    }
}

/// Asks the Guard, unless the route counts nothing.
pub fn start<'a, R: Runtime>(
    gate: &'a Gate,
    route: &'a Route,
    facts: &Facts,
    runtime: &'a R,
) -> Admission<'a> {
    let classes: Vec<&Class> = route
        .classes
        .iter()
        .filter_map(|counted| gate.policy.classes.get(counted.class))
        .collect();
    if classes.is_empty() {
        return Admission {
            classes,
            state: State::Settled(Outcome::default()),
        };
    }
    let asked = classes.iter().map(|class| (*class).into()).collect();
    let ask = Ask::new(Subject::client(facts.client), asked);
    let answer = runtime.ask_guard(&ask.subject.shard("", SHARDS), &ask.to_text());
    Admission {
        classes,
        state: State::Asked(Box::pin(answer)),
    }
}

impl Admission<'_> {
    /// Awaits the verdict and notes how the windows stand; a second call does the same.
    ///
    /// # Errors
    /// [`Stop::RateLimited`], [`Stop::GuardUnavailable`].
    pub async fn settle(&mut self, notice: &mut Option<Notice>) -> Result<(), Stop> {
        if let State::Asked(answer) = &mut self.state {
            self.state = State::Settled(decide(&self.classes, answer.await.as_deref()));
        }
        if let State::Settled(outcome) = &self.state {
            notice.clone_from(&outcome.notice);
            return outcome.stop.clone().map_or(Ok(()), Err);
        }
        Ok(())
    }
}

/// What an answer, or the lack of one, means for the request.
fn decide(classes: &[&Class], text: Option<&str>) -> Outcome {
    let answer = text.and_then(|text| Answer::parse(text, classes.len()).ok());
    let Some(answer) = answer else {
        let closed = classes
            .iter()
            .any(|class| class.on_error == OnError::Closed);
        return Outcome {
            notice: None,
            stop: closed.then_some(Stop::GuardUnavailable),
        };
    };
    let notice = ratelimit::notice(classes, &answer);
    let exhausted = classes
        .iter()
        .zip(&answer.standings)
        .find(|(_, s)| s.wait_ms > 0);
    let stop = (!answer.admitted()).then(|| Stop::RateLimited {
        class: exhausted
            .map(|(class, _)| class.name.clone())
            .unwrap_or_default(),
        retry_after_s: notice.as_ref().map_or(1, |notice| notice.retry_after_s),
    });
    Outcome { notice, stop }
}

#[cfg(test)]
mod tests {
    use super::decide;
    use crate::{gate::tests::policy, policy::Class, verdict::Stop};

    fn decided(names: &[&str], text: Option<&str>) -> Result<bool, Stop> {
        let policy = policy();
        let classes: Vec<&Class> = names
            .iter()
            .map(|name| {
                policy
                    .classes
                    .iter()
                    .find(|class| class.name == *name)
                    .unwrap()
            })
            .collect();
        let outcome = decide(&classes, text);
        outcome.stop.map_or(Ok(outcome.notice.is_some()), Err)
    }

    #[test]
    fn without_an_answer_a_login_is_refused_and_a_reader_passes() {
        assert_eq!(
            decided(&["login", "general"], None),
            Err(Stop::GuardUnavailable)
        );
        assert_eq!(decided(&["general"], None), Ok(false));
    }

    #[test]
    fn an_answer_that_does_not_fit_is_none() {
        assert_eq!(
            decided(&["login"], Some("2 0 pass 4:1:0,4:1:0 -")),
            Err(Stop::GuardUnavailable)
        );
        assert_eq!(
            decided(&["login"], Some("yes")),
            Err(Stop::GuardUnavailable)
        );
    }

    #[test]
    fn names_the_class_that_is_exhausted() {
        assert_eq!(
            decided(
                &["login", "general"],
                Some("2 0 limit 0:41500:41500,9:1:0 -")
            ),
            Err(Stop::RateLimited {
                class: "login".into(),
                retry_after_s: 42
            })
        );
        assert_eq!(
            decided(&["general"], Some("2 0 pass 99:60000:0 -")),
            Ok(true)
        );
    }
}
