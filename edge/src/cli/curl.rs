//! A request as a `curl` command line says it.

use super::message::{BadMessage, Message};
use super::place::percent;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Why a command line is not a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// An option that is not known, or that reads a file.
    #[error("curl's option {0} is not known here")]
    Option(String),
    /// An option without its value.
    #[error("curl's option {0} lacks its value")]
    Value(String),
    /// No URL, or two.
    #[error("there must be one URL")]
    Url,
    /// A value that names a file.
    #[error("{0} names a file; save the raw request instead")]
    File(String),
    /// A quote that is not closed.
    #[error("a quote is not closed")]
    Quote,
    /// A header or URL that is none.
    #[error(transparent)]
    Message(#[from] BadMessage),
}

/// Options without a value that change nothing about what is sent.
const IGNORED: &[&str] = &[
    "-k",
    "-s",
    "-S",
    "-L",
    "-v",
    "-i",
    "-f",
    "-g",
    "-N",
    "-sS",
    "--insecure",
    "--silent",
    "--show-error",
    "--location",
    "--verbose",
    "--include",
    "--fail",
    "--globoff",
    "--compressed",
    "--path-as-is",
    "--http1.1",
    "--http2",
];

/// Options with a value: short and long name.
const VALUED: &[(&str, &str)] = &[
    ("-X", "--request"),
    ("-H", "--header"),
    ("-d", "--data"),
    ("-F", "--form"),
    ("-b", "--cookie"),
    ("-A", "--user-agent"),
    ("-e", "--referer"),
    ("-u", "--user"),
    ("", "--data-raw"),
    ("", "--data-ascii"),
    ("", "--data-binary"),
    ("", "--data-urlencode"),
    ("", "--form-string"),
    ("", "--json"),
    ("", "--url"),
];

/// The boundary of the form that `-F` makes.
const BOUNDARY: &str = "gapura-form-boundary";

/// What the options said so far.
#[derive(Default)]
struct Said {
    method: Option<String>,
    urls: Vec<String>,
    headers: Vec<(String, String)>,
    data: Vec<String>,
    form: Vec<(String, String)>,
    is_json: bool,
    in_query: bool,
    head: bool,
}

/// Reads the words behind `curl`.
///
/// # Errors
/// [`BadLine`].
pub fn parse(words: &[String]) -> Result<Message, BadLine> {
    let mut said = Said::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            known if IGNORED.contains(&known) => {}
            "-G" | "--get" => said.in_query = true,
            "-I" | "--head" => said.head = true,
            option if option.starts_with('-') => {
                let (name, attached) = split(option)?;
                let value = attached
                    .map(str::to_owned)
                    .or_else(|| words.next().cloned())
                    .ok_or_else(|| BadLine::Value(name.to_owned()))?;
                said.option(name, value)?;
            }
            url => said.urls.push(url.to_owned()),
        }
    }
    said.message()
}

/// The long name of an option and the value that hangs on it (`-XPOST`, `--request=POST`).
fn split(option: &str) -> Result<(&'static str, Option<&str>), BadLine> {
    let known = VALUED.iter().find_map(|(short, long)| {
        if option == *long || (option == *short) {
            return Some((*long, None));
        }
        let attached = option
            .strip_prefix(long)
            .and_then(|rest| rest.strip_prefix('='))
            .or_else(|| {
                option
                    .strip_prefix(short)
                    .filter(|_| !short.is_empty() && !option.starts_with("--"))
            });
        Some((*long, Some(attached?)))
    });
    known.ok_or_else(|| BadLine::Option(option.to_owned()))
}

impl Said {
    fn option(&mut self, name: &str, value: String) -> Result<(), BadLine> {
        match name {
            "--request" => self.method = Some(value),
            "--url" => self.urls.push(value),
            "--header" => {
                let (name, value) = value
                    .split_once(':')
                    .ok_or_else(|| BadMessage::Header(value.clone()))?;
                self.headers.push((name.to_owned(), value.to_owned()));
            }
            "--cookie" => self.headers.push(("cookie".to_owned(), value)),
            "--user-agent" => self.headers.push(("user-agent".to_owned(), value)),
            "--referer" => self.headers.push(("referer".to_owned(), value)),
            "--user" => {
                let basic = format!("Basic {}", STANDARD.encode(value));
                self.headers.push(("authorization".to_owned(), basic));
            }
            "--form" | "--form-string" => {
                let (field, text) = value.split_once('=').unwrap_or((&value, ""));
                if name == "--form" && text.starts_with(['@', '<']) {
                    return Err(BadLine::File(value));
                }
                self.form.push((field.to_owned(), text.to_owned()));
            }
            "--data-raw" => self.data.push(value),
            "--data-urlencode" => {
                self.data.push(match value.split_once('=') {
                    Some(("", text)) => percent(text),
                    Some((field, text)) => format!("{field}={}", percent(text)),
                    None => percent(&value),
                });
            }
            _ if value.starts_with('@') => return Err(BadLine::File(value)),
            "--json" => {
                self.is_json = true;
                self.data.push(value);
            }
            _ => self.data.push(value),
        }
        Ok(())
    }

    fn message(self) -> Result<Message, BadLine> {
        let [url] = self.urls.as_slice() else {
            return Err(BadLine::Url);
        };
        let url = if url.starts_with('/') || url.contains("://") {
            url.clone()
        } else {
            format!("http://{url}")
        };
        let data = self.data.join(if self.is_json { "" } else { "&" });
        let has_body = !self.form.is_empty() || (!self.data.is_empty() && !self.in_query);
        let usual = match (self.head, has_body) {
            (true, _) => "HEAD",
            (_, true) => "POST",
            _ => "GET",
        };
        let mut message = Message::new(self.method.as_deref().unwrap_or(usual), &url)?;
        for (name, value) in &self.headers {
            message.header(name, value);
        }
        if message.find("user-agent").is_none() {
            message.header("user-agent", "curl/8.11.0");
        }
        if self.in_query && !data.is_empty() {
            let separator = if message.query.is_empty() { "" } else { "&" };
            message.query = format!("{}{separator}{data}", message.query);
        } else if !self.form.is_empty() {
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            message.header("content-type", &kind);
            message.body = Some(multipart(&self.form).into_bytes());
        } else if !self.data.is_empty() {
            if message.find("content-type").is_none() {
                let form = "application/x-www-form-urlencoded";
                message.header(
                    "content-type",
                    if self.is_json {
                        "application/json"
                    } else {
                        form
                    },
                );
            }
            message.body = Some(data.into_bytes());
        }
        Ok(message)
    }
}

fn multipart(fields: &[(String, String)]) -> String {
    let part = |(name, value): &(String, String)| {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    let parts: String = fields.iter().map(part).collect();
    format!("{parts}--{BOUNDARY}--\r\n")
}

/// Splits a line into words as a POSIX shell does: quotes, backslashes, a backslash before a line
/// break. Nothing is expanded.
///
/// # Errors
/// [`BadLine::Quote`].
pub fn words(line: &str) -> Result<Vec<String>, BadLine> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    let mut quote = None;
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, '\\') => match (quote, characters.next()) {
                (_, Some('\n') | None) => {}
                (Some('"'), Some(c)) if !matches!(c, '"' | '\\' | '$' | '`') => {
                    word.get_or_insert_default().extend(['\\', c]);
                }
                (_, Some(c)) => word.get_or_insert_default().push(c),
            },
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() {
        return Err(BadLine::Quote);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curl(line: &str) -> Result<Message, BadLine> {
        parse(&words(line).unwrap())
    }

    #[test]
    fn reads_what_curl_would_send() {
        let message =
            curl("-X PUT -H 'a: b' -d 'x=1' --data-raw \"y=\\\"2\" 'https://h/p?q=1'").unwrap();
        assert_eq!(message.method, "PUT");
        assert_eq!(
            (message.path.as_str(), message.query.as_str()),
            ("/p", "q=1")
        );
        assert_eq!(message.find("a"), Some("b"));
        assert_eq!(message.find("host"), Some("h"));
        assert_eq!(
            message.find("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        assert_eq!(message.body.as_deref(), Some(&b"x=1&y=\"2"[..]));
    }

    #[test]
    fn knows_the_usual_shapes() {
        let get = curl("-G -sS --data-urlencode 'q=a b' h/p?x=1").unwrap();
        assert_eq!(
            (get.method.as_str(), get.query.as_str()),
            ("GET", "x=1&q=a%20b")
        );
        let json = curl("--json={} https://h").unwrap();
        assert_eq!((json.method.as_str(), json.path.as_str()), ("POST", "/"));
        assert_eq!(json.find("content-type"), Some("application/json"));
        let form = curl("-F a=1 -Fb=2 -u me:pw \\\n https://h").unwrap();
        assert!(
            form.body
                .is_some_and(|body| body.ends_with(b"2\r\n--gapura-form-boundary--\r\n"))
        );
        assert_eq!(curl("-I -XGET https://h").unwrap().method, "GET");
        assert_eq!(
            curl("-A x -b y=1 https://h").unwrap().find("cookie"),
            Some("y=1")
        );
    }

    #[test]
    fn says_what_it_does_not_know() {
        assert_eq!(
            curl("--proxy x https://h"),
            Err(BadLine::Option("--proxy".into()))
        );
        assert_eq!(curl("https://h -d"), Err(BadLine::Value("--data".into())));
        assert_eq!(curl("-d @f https://h"), Err(BadLine::File("@f".into())));
        assert_eq!(curl("-F a=@f https://h"), Err(BadLine::File("a=@f".into())));
        assert_eq!(curl("-s"), Err(BadLine::Url));
        assert_eq!(curl("a b"), Err(BadLine::Url));
        assert_eq!(words("'a"), Err(BadLine::Quote));
        assert!(curl("-H nope https://h").is_err());
    }
}
