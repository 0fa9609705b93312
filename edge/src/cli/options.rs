//! The arguments of the program.

use super::{Failure, corpus::Spread, message::Message};
use crate::{
    policy::{self, Found, Policy},
    waf::{Mode, Settings},
};
use std::{fs, path::PathBuf};

/// What is asked for.
#[derive(Debug)]
pub(super) enum Command {
    Help,
    Explain(Options, Vec<String>),
    Test(Options, Wanted),
}

/// How to judge.
#[derive(Debug, Default)]
pub(super) struct Options {
    mode: Option<Mode>,
    paranoia: Option<u8>,
    policy: Option<Policy>,
}

/// What `test` is to do.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) paths: Vec<PathBuf>,
    pub(super) spread: Spread,
    pub(super) misses: bool,
    /// Least share of the attacks that must be stopped, in percent.
    pub(super) attacks: Option<f64>,
    /// Greatest share of the honest requests that may be stopped, in percent.
    pub(super) honest: Option<f64>,
}

impl Options {
    /// The settings for a request, and the name of the route that they come from.
    pub(super) fn settings(&self, message: &Message) -> (Settings, Option<&str>) {
        let host = message.find("host").unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default().to_lowercase();
        let found = self
            .policy
            .as_ref()
            .map(|policy| policy.route(&message.method, &host, &message.path, &message.query));
        let (mut settings, name) = match found {
            Some(Found::Route(route)) => (route.waf.clone(), Some(route.name.as_str())),
            _ => (Settings::default(), None),
        };
        settings.mode = self.mode.unwrap_or(settings.mode);
        settings.paranoia = self.paranoia.unwrap_or(settings.paranoia);
        (settings, name)
    }

    /// Whether there is a policy to find routes in.
    pub(super) const fn has_policy(&self) -> bool {
        self.policy.is_some()
    }
}

pub(super) fn parse(arguments: &[String]) -> Result<Command, Failure> {
    let Some((command, rest)) = arguments.split_first() else {
        return Ok(Command::Help);
    };
    let (mut options, mut wanted) = (Options::default(), Wanted::default());
    let mut words = rest.iter();
    let mut others = Vec::new();
    while let Some(word) = words.next() {
        let mut value = || {
            let next = words.next();
            next.ok_or_else(|| Failure(format!("{word} needs a value")))
        };
        match (command.as_str(), word.as_str()) {
            (_, "--help" | "-h") => return Ok(Command::Help),
            (_, "--mode") => options.mode = Some(mode(value()?)?),
            (_, "--paranoia") => options.paranoia = Some(paranoia(value()?)?),
            (_, "--policy") => options.policy = Some(policy(value()?)?),
            ("test", "--all") => wanted.spread = Spread::Encodings,
            ("test", "--places") => wanted.spread = Spread::Places,
            ("test", "--misses") => wanted.misses = true,
            ("test", "--attacks") => wanted.attacks = Some(percent(value()?)?),
            ("test", "--honest") => wanted.honest = Some(percent(value()?)?),
            // What follows `curl` is curl's own.
            ("explain", "curl") => {
                others.push(word.clone());
                others.extend(words.by_ref().cloned());
            }
            (_, option) if option.starts_with("--") => {
                return Err(Failure(format!("{option} is not an option of {command}")));
            }
            _ => others.push(word.clone()),
        }
    }
    match command.as_str() {
        "explain" => Ok(Command::Explain(options, others)),
        "test" if others.is_empty() => Err(Failure("test needs a folder or a file".to_owned())),
        "test" => {
            wanted.paths = others.into_iter().map(PathBuf::from).collect();
            Ok(Command::Test(options, wanted))
        }
        "help" | "--help" | "-h" => Ok(Command::Help),
        other => Err(Failure(format!("{other} is neither explain nor test"))),
    }
}

fn mode(text: &str) -> Result<Mode, Failure> {
    match text {
        "strict" => Ok(Mode::Strict),
        "normal" => Ok(Mode::Normal),
        "relaxed" => Ok(Mode::Relaxed),
        "detect" => Ok(Mode::Detect),
        "off" => Ok(Mode::Off),
        _ => Err(Failure(format!("{text} is not a mode"))),
    }
}

fn paranoia(text: &str) -> Result<u8, Failure> {
    let level = text.parse().ok().filter(|level| (1..=4).contains(level));
    level.ok_or_else(|| Failure(format!("paranoia must be 1 to 4, is {text}")))
}

fn percent(text: &str) -> Result<f64, Failure> {
    let share = text.parse().ok().filter(|p| (0.0..=100.0).contains(p));
    share.ok_or_else(|| Failure(format!("must be 0 to 100 percent, is {text}")))
}

fn policy(path: &str) -> Result<Policy, Failure> {
    let text = fs::read_to_string(path).map_err(|why| Failure(format!("{path}: {why}")))?;
    policy::parse(&text, None).map_err(|faults| {
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        Failure(lines.join("\n"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, Failure> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn reads_options_and_leaves_curl_its_own() {
        let Ok(Command::Explain(options, words)) =
            parsed("explain --mode strict --paranoia 2 curl --mode x")
        else {
            panic!("explain")
        };
        let message = Message::new("GET", "/").unwrap();
        let (settings, route) = options.settings(&message);
        assert_eq!((settings.mode, settings.paranoia), (Mode::Strict, 2));
        assert_eq!(route, None);
        assert_eq!(words, ["curl", "--mode", "x"]);
        let Ok(Command::Test(_, wanted)) = parsed("test --all a --attacks 98 --honest 0.1") else {
            panic!("test")
        };
        assert_eq!((wanted.attacks, wanted.honest), (Some(98.0), Some(0.1)));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for line in [
            "test",
            "run",
            "test --mode",
            "test --mode x y",
            "test --paranoia 5 y",
            "test --attacks 101 y",
            "explain --all",
            "test --policy /nowhere y",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        assert!(matches!(parse(&[]), Ok(Command::Help)));
    }
}
