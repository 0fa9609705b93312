//! How long the gate's certificate holds.

use super::Check;
use crate::config::EdgeUrl;
use gapura_shared::time::UnixSeconds;
use rustls::{ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName};
use std::{
    io,
    net::{TcpStream, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};
use x509_cert::{Certificate, der::Decode};

const NAME: &str = "certificate";
const TIMEOUT: Duration = Duration::from_secs(10);
const DAY_S: u64 = 86_400;
/// Whoever renews by machine does so a month before the end.
const SOON_DAYS: u64 = 14;

pub(super) fn examine(url: &EdgeUrl, now: UnixSeconds) -> Check {
    if url.scheme == "http" {
        return Check::warn(NAME, "edge.url is plain HTTP: fit for a laptop alone");
    }
    judge(
        fetch(&url.authority).map_err(|error| error.to_string()),
        now,
    )
}

fn judge(ends: Result<UnixSeconds, String>, now: UnixSeconds) -> Check {
    let ends = match ends {
        Ok(ends) => ends,
        Err(error) => return Check::fail(NAME, format!("the gate's: {error}")),
    };
    let days = ends.0.saturating_sub(now.0) / DAY_S;
    if ends <= now {
        Check::fail(NAME, "the gate's has expired")
    } else if days < SOON_DAYS {
        Check::warn(NAME, format!("the gate's expires in {days} days"))
    } else {
        Check::ok(NAME, format!("the gate's holds for {days} days"))
    }
}

/// The end of the certificate that a server shows, verified as any client does.
fn fetch(authority: &str) -> io::Result<UnixSeconds> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().unwrap_or(443)),
        _ => (authority, 443),
    };
    let host = host.trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let roots = webpki_roots::TLS_SERVER_ROOTS
        .iter()
        .cloned()
        .collect::<RootCertStore>();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let address = (host, port).to_socket_addrs()?.next();
    let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)?;
    }
    let shown = tls.peer_certificates().and_then(|chain| chain.first());
    shown
        .and_then(|certificate| ends(certificate))
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// `notAfter` (RFC 5280 §4.1.2.5).
fn ends(certificate: &[u8]) -> Option<UnixSeconds> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let ends = certificate.tbs_certificate.validity.not_after;
    Some(UnixSeconds(ends.to_unix_duration().as_secs()))
}

#[cfg(test)]
mod tests {
    use super::{DAY_S, ends, examine, judge};
    use crate::{config::EdgeUrl, doctor::Severity};
    use base64::{Engine, engine::general_purpose::STANDARD};
    use gapura_shared::time::UnixSeconds;
    use std::{io::Write, net::TcpListener, thread};

    const NOW: UnixSeconds = UnixSeconds(1_700_000_000);
    /// openssl req -x509 -newkey ed25519 -subj /CN=x -nodes; its key was thrown away.
    const CERTIFICATE: &str = "MIIBLDCB36ADAgECAhQX498aG/rqxMDDPseMTmwbXJYkRDAFBgMrZXAwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjExNjIzNDVaFw0zNjExMTgxNjIzNDVaMAwxCjAIBgNVBAMMAXgwKjAFBgMrZXADIQAcu/tSqqA2MzqSxstDP3ocXFDWyBeyoo4Fd0d18MitO6NTMFEwHQYDVR0OBBYEFOsHmpjUQv/kllvWKF698ufpBmqYMB8GA1UdIwQYMBaAFOsHmpjUQv/kllvWKF698ufpBmqYMA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EA72Y8CbEqPkUKE0KxDkW9BexiyWXaH2RMSTmdD9WBJjHAIO6lA2tGak6FURdHnCTxLikQNtJjg3XO6NHzB2MVBA==";

    #[test]
    fn warns_two_weeks_before_the_end_and_fails_behind_it() {
        let severity = |ends| judge(Ok(UnixSeconds(ends)), NOW).severity;
        assert_eq!(severity(NOW.0 + 60 * DAY_S), Severity::Ok);
        assert_eq!(severity(NOW.0 + 13 * DAY_S), Severity::Warn);
        assert_eq!(severity(NOW.0), Severity::Fail);
    }

    #[test]
    fn reads_the_end_of_a_certificate() {
        let der = STANDARD.decode(CERTIFICATE).unwrap();
        assert_eq!(ends(&der), Some(UnixSeconds(2_110_638_225)));
        assert_eq!(ends(b"x"), None);
    }

    #[test]
    fn what_is_no_tls_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let url = |scheme| EdgeUrl {
            scheme,
            authority: authority.clone(),
        };
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        assert_eq!(examine(&url("https"), NOW).severity, Severity::Fail);
        assert_eq!(examine(&url("http"), NOW).severity, Severity::Warn);
    }
}
