//! `[mail]`: how mails leave, whom they are from, where their links lead.

use super::{Environment, Fault, reader::Section};
use crate::mail::{Language, redirect};
use gapura_shared::secret::Secret;
use std::{net::IpAddr, path::PathBuf, time::Duration};

/// The password of `user` at the mail server.
pub const SMTP_PASSWORD: &str = "GAPURA_SMTP_PASSWORD";

/// Mails and what they let people do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// `host` of the mail server; `None`: none is sent.
    pub host: Option<String>,
    /// `port`
    pub port: u16,
    /// `tls`
    pub tls: Tls,
    /// `ca_file`: an authority besides the public ones, PEM.
    pub ca_file: Option<PathBuf>,
    /// `user` at the mail server; `None`: nobody logs in there.
    pub user: Option<String>,
    /// [`SMTP_PASSWORD`]
    pub password: Option<Secret>,
    /// `from`: an address, or a name and an address in angle brackets.
    pub from: String,
    /// `name` of the site in mails.
    pub name: String,
    /// `language` of those who ask for none.
    pub language: Language,
    /// `url` of the gate, for links; without a slash at its end.
    pub url: String,
    /// `site_url`: where links lead when they name no other place.
    pub site_url: String,
    /// `redirects`: where else links may lead.
    pub redirects: Vec<String>,
    /// `link_lifetime_s` of links and codes.
    pub link_lifetime: Duration,
    /// `resend_s` between two mails of a kind to an address.
    pub resend: Duration,
    /// `timeout_s` for handing a mail over.
    pub timeout: Duration,
    /// `retry_s`: the wait after the first failure; it doubles up to an hour.
    pub retry: Duration,
    /// `max_queue`: mails that may wait.
    pub max_queue: u32,
}

/// How the way to the mail server is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte.
    Implicit,
    /// From STARTTLS on, which the server must offer.
    StartTls,
    /// Not at all; on this machine alone.
    None,
}

impl Mail {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let tls = |text: &str| match text {
            "implicit" => Some(Tls::Implicit),
            "starttls" => Some(Tls::StartTls),
            "none" => Some(Tls::None),
            _ => None,
        };
        Self {
            host: section.optional("host", "must be a host name or an address", host),
            port: section.number("port", 587, 1..=65_535),
            tls: section
                .parsed("tls", "starttls", "must be starttls, implicit or none", tls)
                .unwrap_or(Tls::StartTls),
            ca_file: section
                .optional("ca_file", "must be a file", |text| plain(text, 1024))
                .map(Into::into),
            user: section.optional("user", "must be plain text", |text| plain(text, 255)),
            password: None,
            from: section
                .parsed(
                    "from",
                    "Gapura <gapura@localhost>",
                    "must be an e-mail address",
                    sender,
                )
                .unwrap_or_default(),
            name: section
                .parsed("name", "Gapura", "must be 1 to 64 characters", |text| {
                    plain(text, 64)
                })
                .unwrap_or_default(),
            language: section
                .parsed("language", "en", "must be en or id", Language::parse)
                .unwrap_or_default(),
            url: section.parsed("url", HERE, WEB, base).unwrap_or_default(),
            site_url: section
                .parsed("site_url", HERE, WEB, base)
                .unwrap_or_default(),
            redirects: section.texts("redirects", redirect::EXPECTED, redirect::is_pattern),
            link_lifetime: section.seconds("link_lifetime_s", 3600, 300..=86_400),
            resend: section.seconds("resend_s", 60, 1..=3600),
            timeout: section.seconds("timeout_s", 30, 1..=300),
            retry: section.seconds("retry_s", 30, 1..=3600),
            max_queue: section.number("max_queue", 10_000, 1..=1_000_000),
        }
    }

    /// Takes the password from the environment, and judges what no single key can be judged by.
    pub(super) fn apply(&mut self, environment: Environment<'_>) -> Option<Fault> {
        let fault = |key: &str, message: &str| {
            Some(Fault {
                key: key.into(),
                position: None,
                message: message.into(),
            })
        };
        self.password = environment(SMTP_PASSWORD).map(|text| Secret::new(text.into_bytes()));
        let host = self.host.as_deref()?;
        if self.tls == Tls::None && !is_loopback(host) {
            return fault("mail.tls", "may be none for a server on this machine alone");
        }
        if self.user.is_some() && self.password.is_none() {
            return fault(SMTP_PASSWORD, "must be set where mail.user is");
        }
        if !is_loopback(host) && self.url == HERE {
            return fault("mail.url", "must be where people reach the gate");
        }
        None
    }
}

/// Of a laptop: no link in somebody's mailbox leads there.
const HERE: &str = "http://127.0.0.1:8787";
const WEB: &str = "must be an http:// or https:// URL without query and fragment";

fn host(text: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b".-:".contains(&b);
    (text.len() <= 253 && text.bytes().all(fits)).then(|| text.to_owned())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn plain(text: &str, max_chars: usize) -> Option<String> {
    let fits = (1..=max_chars).contains(&text.chars().count());
    (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn sender(text: &str) -> Option<String> {
    let text = plain(text, 320)?;
    text.parse::<lettre::message::Mailbox>()
        .is_ok()
        .then_some(text)
}

fn base(text: &str) -> Option<String> {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))?;
    let fits = !rest.is_empty() && !rest.starts_with('/') && redirect::is_url(text);
    (fits && !text.contains(['?', '#', '@'])).then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn fault(text: &str) -> String {
        parse(text, &|_| None).unwrap_err()[0].to_string()
    }

    #[test]
    fn nothing_goes_over_a_network_in_clear() {
        let clear = "[mail]\ntls = \"none\"\nhost = ";
        assert_eq!(
            fault(&format!("{clear}\"mail.example\"")),
            "mail.tls: may be none for a server on this machine alone"
        );
        for host in ["127.0.0.1", "::1", "localhost"] {
            assert!(parse(&format!("{clear}\"{host}\""), &|_| None).is_ok());
        }
    }

    #[test]
    fn who_logs_in_has_a_password_and_it_is_never_shown() {
        let text =
            "[mail]\nhost = \"mail.example\"\nuser = \"gapura\"\nurl = \"https://gate.example\"";
        assert!(fault(text).starts_with("GAPURA_SMTP_PASSWORD: "));
        let environment = |name: &str| (name == super::SMTP_PASSWORD).then(|| "hunter2".into());
        let config = parse(text, &environment).unwrap();
        assert!(config.mail.password.is_some());
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn no_link_leads_to_a_laptop() {
        let text = "[mail]\nhost = \"mail.example\"";
        assert_eq!(fault(text), "mail.url: must be where people reach the gate");
    }

    #[test]
    fn refuses_what_would_end_up_in_a_header_or_a_link() {
        for bad in [
            "from = \"nobody\"",
            "from = \"a@b.co\\r\\nBcc: c@d.co\"",
            "name = \"a\\nb\"",
            "url = \"javascript://x/%0aalert(1)\"",
            "url = \"https://a b\"",
            "url = \"https://user@host\"",
            "site_url = \"https://\"",
            "language = \"xx\"",
            "host = \"a b\"",
            "redirects = [\"*\"]",
            "redirects = \"https://a/b\"",
        ] {
            let key = format!("mail.{}", bad.split(' ').next().unwrap());
            assert!(fault(&format!("[mail]\n{bad}")).contains(&key), "{bad}");
        }
    }
}
