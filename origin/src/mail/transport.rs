//! Hands a mail over: to a server, to the log, or to nobody.

use super::{Language, Letter, template::Rendered};
use crate::config::{self, Tls};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls as SmtpTls, TlsParameters},
    },
};
use std::{fmt, io, path::PathBuf};

/// Where mails go.
pub(super) enum Transport {
    /// To a mail server.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// Into the log, in development.
    Log,
    /// None is asked for.
    Nowhere,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            // No further: what is inside knows the password.
            Self::Smtp(_) => "Smtp",
            Self::Log => "Log",
            Self::Nowhere => "Nowhere",
        })
    }
}

/// Why there is no way to the mail server.
#[derive(Debug, thiserror::Error)]
pub enum BadMailServer {
    /// The authority's file cannot be read.
    #[error("mail.ca_file: {}: {error}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// TLS cannot be set up.
    #[error("mail: {0}")]
    Tls(lettre::transport::smtp::Error),
}

/// Why a mail was not handed over. Says nothing of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It never will be.
    #[error("refused for good ({})", shown(*.0))]
    Refused(Option<u16>),
    /// It may be, later.
    #[error("not taken ({})", shown(*.0))]
    NotNow(Option<u16>),
}

fn shown(code: Option<u16>) -> String {
    code.map_or_else(|| "no answer".into(), |code| format!("SMTP {code}"))
}

impl Transport {
    pub(super) fn new(settings: &config::Mail, log: bool) -> Result<Self, BadMailServer> {
        let Some(host) = &settings.host else {
            return Ok(if log { Self::Log } else { Self::Nowhere });
        };
        let tls = match settings.tls {
            Tls::Implicit => SmtpTls::Wrapper(parameters(settings, host)?),
            Tls::StartTls => SmtpTls::Required(parameters(settings, host)?),
            Tls::None => SmtpTls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(settings.port)
            .timeout(Some(settings.timeout))
            .tls(tls);
        if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
            let password = String::from_utf8_lossy(password.expose()).into_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self::Smtp(builder.build()))
    }

    /// Hands a letter over. The same `id` twice is the same mail to whoever receives both.
    pub(super) async fn send(
        &self,
        settings: &config::Mail,
        id: &str,
        to: &str,
        letter: &Letter,
        language: Language,
    ) -> Result<(), SendError> {
        let rendered = letter.render(language, &settings.name);
        match self {
            Self::Smtp(server) => {
                let message = message(settings, id, to, rendered)?;
                // Beyond the server's own, which are for each of its commands.
                let sent = tokio::time::timeout(settings.timeout, server.send(message)).await;
                let sent = sent.map_err(|_| SendError::NotNow(None))?;
                sent.map(drop).map_err(|error| judge(&error))
            }
            Self::Log => {
                let Rendered { subject, text, .. } = rendered;
                tracing::info!(
                    "mail, shown because there is no server for it\nTo: {to}\nSubject: {subject}\n\n{text}"
                );
                Ok(())
            }
            Self::Nowhere => Err(SendError::Refused(None)),
        }
    }
}

fn parameters(settings: &config::Mail, host: &str) -> Result<TlsParameters, BadMailServer> {
    let mut builder =
        TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
    if let Some(path) = &settings.ca_file {
        let pem = std::fs::read(path).map_err(|error| BadMailServer::Authority {
            path: path.clone(),
            error,
        })?;
        let authority = Certificate::from_pem(&pem).map_err(BadMailServer::Tls)?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build_rustls().map_err(BadMailServer::Tls)
}

/// A mail as it is sent; [`SendError::Refused`] for an address that no mail server takes.
fn message(
    settings: &config::Mail,
    id: &str,
    to: &str,
    rendered: Rendered,
) -> Result<Message, SendError> {
    let refused = |_| SendError::Refused(None);
    let from: Mailbox = settings.from.parse().map_err(refused)?;
    let to: Address = to.parse().map_err(refused)?;
    let message_id = format!("<{id}@{}>", from.email.domain());
    Message::builder()
        .message_id(Some(message_id))
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(rendered.subject)
        // RFC 3834 §5: nobody's holiday answers.
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(
            rendered.text,
            rendered.html,
        ))
        .map_err(|_| SendError::Refused(None))
}

#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

/// What a server refuses for good is not tried again, unless it is us whom it refuses.
fn judge(error: &lettre::transport::smtp::Error) -> SendError {
    /// RFC 4954 §6, RFC 3207 §4: authentication, encryption; RFC 5321: no service, bad sequence.
    const OURS: [u16; 7] = [503, 521, 530, 534, 535, 538, 554];
    let code = error.status().map(u16::from);
    match code {
        Some(refused) if error.is_permanent() && !OURS.contains(&refused) => {
            SendError::Refused(code)
        }
        _ => SendError::NotNow(code),
    }
}

#[cfg(test)]
mod tests {
    use super::{Rendered, message};
    use crate::config;
    use proptest::prelude::*;

    fn sent(to: &str, subject: &str, name: &str) -> Option<String> {
        let mut settings = config::parse("", &|_| None).unwrap().mail;
        settings.from = format!("{name} <gapura@example.com>");
        let rendered = Rendered {
            subject: subject.into(),
            text: "text".into(),
            html: "<p>text</p>".into(),
        };
        let mail = message(&settings, "m-1", to, rendered).ok()?;
        Some(String::from_utf8(mail.formatted()).unwrap())
    }

    /// Names of the headers, the continued lines of which begin with a space.
    fn headers(mail: &str) -> Vec<String> {
        let head = mail.split("\r\n\r\n").next().unwrap();
        let name = |line: &str| line.split_once(':').map(|(name, _)| name.to_owned());
        let lines = head.split("\r\n").filter(|line| !line.starts_with(' '));
        lines.map(|line| name(line).unwrap_or_default()).collect()
    }

    #[test]
    fn a_mail_has_these_headers_and_no_others() {
        let mail = sent("a@b.co", "Hi", "Gapura").unwrap();
        assert_eq!(
            headers(&mail),
            [
                "Message-ID",
                "From",
                "To",
                "Subject",
                "Auto-Submitted",
                "MIME-Version",
                "Date",
                "Content-Type"
            ]
        );
        assert!(mail.contains("Message-ID: <m-1@example.com>\r\n"));
    }

    proptest! {
        #[test]
        fn no_value_makes_a_header_of_its_own(
            local in "[a-z\r\n:<>, ]{1,20}",
            subject in "(Bcc: a@b.co|[\r\n]|.){0,12}",
        ) {
            let to = format!("{local}@b.co");
            if let Some(mail) = sent(&to, &subject, "Gapura") {
                prop_assert_eq!(headers(&mail), headers(&sent("a@b.co", "Hi", "Gapura").unwrap()));
            }
        }
    }
}
