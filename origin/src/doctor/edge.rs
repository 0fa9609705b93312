//! The gate: whether it answers, whether its clock and ours fit, whether it holds our seal key.

use super::{Check, certificate};
use crate::{
    clock,
    config::{self, Config, EdgeUrl, Environment},
    edge::{self, PushError},
};
use chrono::DateTime;
use gapura_shared::{limits::MAX_CLOCK_SKEW_S, seal::Keys, time::UnixSeconds};

pub(super) async fn examine(config: &Config, environment: Environment<'_>) -> Vec<Check> {
    let Some(url) = config.edge.url.clone() else {
        let told = "edge.url is not set: clock, seal keys and certificate cannot be compared, and revocations by an operator do not reach the gate";
        return vec![Check::warn("edge", told)];
    };
    let keys = config::seal_keys(environment).ok();
    let probes = move || {
        let agent = match edge::agent(&url) {
            Ok(agent) => agent,
            Err(error) => return vec![Check::fail("edge", error.to_string())],
        };
        let mut checks = vec![time(date(&agent, &url), clock::now().seconds())];
        // Its absence is told where secrets are.
        checks.extend(keys.map(|keys| seal(probe(&url, &keys))));
        checks.push(certificate::examine(&url, clock::now().seconds()));
        checks
    };
    tokio::task::spawn_blocking(probes)
        .await
        .unwrap_or_default()
}

/// A push of nothing, which the gate takes only under a seal of its own key.
fn probe(url: &EdgeUrl, keys: &Keys) -> Result<(), PushError> {
    edge::push(url, keys, Vec::new())
}

fn seal(probed: Result<(), PushError>) -> Check {
    match probed {
        Ok(()) => Check::ok("seal", "the gate takes our seals: it holds the same key"),
        Err(PushError::Refused(status)) => {
            let told = format!(
                "the gate refuses our seals ({status}): no key of {} is the same there, or the clocks differ",
                config::SEAL_KEYS
            );
            Check::fail("seal", told)
        }
        Err(error) => Check::fail("seal", error.to_string()),
    }
}

/// The `Date` of an answer (RFC 9110 §6.6.1); `Ok(None)` when it has none.
fn date(agent: &ureq::Agent, url: &EdgeUrl) -> Result<Option<UnixSeconds>, Box<ureq::Error>> {
    let target = format!(
        "{}://{}/.well-known/security.txt",
        url.scheme, url.authority
    );
    let answer = agent.get(target).call()?;
    let field = answer
        .headers()
        .get("date")
        .and_then(|value| value.to_str().ok());
    Ok(field.and_then(parse))
}

fn parse(date: &str) -> Option<UnixSeconds> {
    let at = DateTime::parse_from_rfc2822(date).ok()?.timestamp();
    u64::try_from(at).ok().map(UnixSeconds)
}

fn time(theirs: Result<Option<UnixSeconds>, Box<ureq::Error>>, ours: UnixSeconds) -> Check {
    let theirs = match theirs {
        Ok(Some(theirs)) => theirs,
        Ok(None) => return Check::ok("clock", "the gate does not tell its time; see seal"),
        Err(error) => return Check::fail("clock", format!("the gate does not answer: {error}")),
    };
    let apart = ours.0.abs_diff(theirs.0);
    let told = format!("{apart} s apart from the gate; {MAX_CLOCK_SKEW_S} s are allowed");
    if apart > MAX_CLOCK_SKEW_S {
        Check::fail("clock", told)
    } else if apart > MAX_CLOCK_SKEW_S / 3 {
        Check::warn("clock", told)
    } else {
        Check::ok("clock", told)
    }
}

#[cfg(test)]
mod tests {
    use super::{date, examine, parse, probe, seal, time};
    use crate::{
        config::{self, EdgeUrl},
        doctor::{Severity, worst},
        edge::{PushError, agent},
    };
    use gapura_shared::{seal::Keys, time::UnixSeconds};
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    #[test]
    fn a_clock_that_is_off_fails_before_the_gate_refuses() {
        let severity = |theirs| time(Ok(Some(UnixSeconds(theirs))), UnixSeconds(1_000)).severity;
        assert_eq!(severity(1_002), Severity::Ok);
        assert_eq!(severity(985), Severity::Warn);
        assert_eq!(severity(1_100), Severity::Fail);
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(UnixSeconds(784_111_777))
        );
        assert_eq!(parse("yesterday"), None);
    }

    #[test]
    fn a_refused_seal_fails() {
        assert_eq!(seal(Ok(())).severity, Severity::Ok);
        assert_eq!(seal(Err(PushError::Refused(404))).severity, Severity::Fail);
        assert_eq!(seal(Err(PushError::Form)).severity, Severity::Fail);
    }

    /// A gate that answers whatever it is asked with `answer`.
    fn gate(answer: &'static str) -> EdgeUrl {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming().take(2) {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        http(authority)
    }

    fn http(authority: String) -> EdgeUrl {
        EdgeUrl {
            scheme: "http",
            authority,
            ca_file: None,
        }
    }

    #[test]
    fn asks_a_real_gate() {
        let date = |url: &EdgeUrl| date(&agent(url).unwrap(), url);
        let refusing = gate(
            "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
        assert_eq!(date(&refusing).unwrap(), Some(UnixSeconds(784_111_777)));
        let keys = Keys::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        assert_eq!(seal(probe(&refusing, &keys)).severity, Severity::Fail);
        let nobody = http("127.0.0.1:1".into());
        assert_eq!(time(date(&nobody), UnixSeconds(0)).severity, Severity::Fail);
        assert_eq!(seal(probe(&nobody, &keys)).severity, Severity::Fail);
    }

    #[tokio::test]
    async fn an_authority_that_cannot_be_read_is_all_there_is_to_say() {
        let text = "[edge]\nurl = \"https://127.0.0.1:1\"\nca_file = \"/nowhere/ca.pem\"";
        let config = config::parse(text, &|_| None).unwrap();
        let checks = examine(&config, &|_| None).await;
        assert_eq!((checks.len(), worst(&checks)), (1, Severity::Fail));
        assert!(
            checks[0]
                .message
                .starts_with("edge.ca_file: /nowhere/ca.pem: ")
        );
    }

    #[tokio::test]
    async fn an_unknown_gate_is_warned_of() {
        let config = config::parse("", &|_| None).unwrap();
        assert_eq!(worst(&examine(&config, &|_| None).await), Severity::Warn);
    }
}
