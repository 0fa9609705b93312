//! `gapura-waf explain`: one request, and why it is or is not stopped.

use super::{Failure, Outcome, curl, message::Message, options::Options};
use crate::waf;
use std::{fs, io::Read};

pub(super) fn run(
    options: &Options,
    words: &[String],
    input: &mut dyn Read,
) -> Result<Outcome, Failure> {
    let message = message(words, input)?;
    let (settings, route) = options.settings(&message);
    let report = waf::inspect(&message.view(), &settings);
    let place = match route {
        Some(name) => format!("route {name}, "),
        None if options.has_policy() => "no route, ".to_owned(),
        None => String::new(),
    };
    let mode = format!("{:?}", settings.mode).to_lowercase();
    let (paranoia, why) = (settings.paranoia, waf::explain(&report, &message.path));
    Ok(Outcome {
        text: format!(
            "{} {} ({place}mode {mode}, paranoia {paranoia}): {why}\n",
            message.method, message.path
        ),
        is_well: report.verdict != waf::Verdict::Blocked,
    })
}

/// The request that the arguments, a file or the input hold.
fn message(words: &[String], input: &mut dyn Read) -> Result<Message, Failure> {
    let mut raw = Vec::new();
    match words {
        [first, rest @ ..] if first == "curl" => {
            return curl::parse(rest).map_err(|why| Failure::of(&why));
        }
        [] => read(input, &mut raw)?,
        [dash] if dash == "-" => read(input, &mut raw)?,
        [line] if line.starts_with("curl ") => raw = line.clone().into_bytes(),
        [path] => raw = fs::read(path).map_err(|why| Failure(format!("{path}: {why}")))?,
        _ => return Err(Failure("explain takes one request".to_owned())),
    }
    match raw.strip_prefix(b"curl ") {
        Some(line) => curl::words(&String::from_utf8_lossy(line))
            .and_then(|words| curl::parse(&words))
            .map_err(|why| Failure::of(&why)),
        None => Message::parse(&raw).map_err(|why| Failure::of(&why)),
    }
}

fn read(input: &mut dyn Read, into: &mut Vec<u8>) -> Result<(), Failure> {
    input
        .read_to_end(into)
        .map(drop)
        .map_err(|why| Failure::of(&why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli, policy, waf::Verdict};

    fn explained(words: &[&str], input: &str) -> Outcome {
        let words: Vec<_> = ["explain"]
            .iter()
            .chain(words)
            .map(|w| (*w).to_owned())
            .collect();
        cli::run(&words, &mut input.as_bytes()).unwrap()
    }

    #[test]
    fn explains_a_curl_line_and_a_raw_request_alike() {
        let url = "https://h/p?q=1&name=%2527%20or%20%25271%2527%253D%25271";
        let line = explained(&["curl", url], "");
        assert!(!line.is_well);
        for wanted in [
            "GET /p (mode normal, paranoia 1): blocked (score ",
            "in query parameter `name`: \"",
            "«",
            "after percent",
            "rule = \"sqli-008\"",
            "path = \"/p\"",
            "parameter = \"name\"",
        ] {
            assert!(line.text.contains(wanted), "{} lacks {wanted}", line.text);
        }
        let raw = "GET /p?q=1&name=%2527%20or%20%25271%2527%253D%25271 HTTP/1.1\r\n\r\n";
        assert_eq!(explained(&["-"], raw).text, line.text);
        assert_eq!(explained(&[], &format!("curl '{url}'")).text, line.text);
        assert!(explained(&["curl", "https://h/p?q=1"], "").is_well);
    }

    /// The lines that the explanation proposes, indentation and all.
    fn proposal(text: &str) -> &str {
        text.split_once("may say:\n").unwrap().1
    }

    #[test]
    fn the_lines_that_it_proposes_let_the_request_pass() {
        for request in [
            "GET /a/b?q=%27%20or%20%271%27=%271&x=%3Cscript%3Ealert(1)%3C/script%3E HTTP/1.1\n\n",
            "GET /a/1'%20or%20'1'='1 HTTP/1.1\n\n",
            "POST /a HTTP/1.1\nContent-Type: application/json\n\n{\"a \\\"b\\\\\":\"' or '1'='1\"}",
            "GET /a HTTP/1.1\nCookie: c=%27%20or%20%271%27=%271\nUser-Agent: sqlmap\n\n",
            "GET /.env HTTP/1.1\n\n",
            "GET /a/..%2f..%2f..%2fetc/passwd HTTP/1.1\n\n",
            "GET //a/?q=%27%20or%20%271%27=%271 HTTP/1.1\n\n",
            "POST /a HTTP/1.1\nContent-Type: application/json\n\n{\"a\":{\"$ne\":1},\"__proto__\":{}}",
        ] {
            let outcome = explained(&["-"], request);
            assert!(!outcome.is_well, "{request}");
            let route = "version = 1\n[[route]]\nname = \"all\"\npath = \"/**\"\n";
            let text = format!("{route}{}", proposal(&outcome.text));
            let policy = policy::parse(&text, None).unwrap_or_else(|why| panic!("{why:?}\n{text}"));
            let message = Message::parse(request.as_bytes()).unwrap();
            let settings = &policy.routes[0].waf;
            let report = waf::inspect(&message.view(), settings);
            assert_ne!(
                report.verdict,
                Verdict::Blocked,
                "{request}\n{text}\n{report}"
            );
        }
    }
}
