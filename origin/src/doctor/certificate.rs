//! How long the gate's certificate holds.

use super::Check;
use crate::{config::EdgeUrl, edge};
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
    let ends = roots(url).and_then(|roots| fetch(&url.authority, roots));
    judge(ends.map_err(|error| error.to_string()), now)
}

/// Whom a push trusts, too.
fn roots(url: &EdgeUrl) -> io::Result<RootCertStore> {
    let Some(authorities) = edge::authorities(url).map_err(io::Error::other)? else {
        return Ok(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect());
    };
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(io::Error::other)?;
    }
    Ok(roots)
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
fn fetch(authority: &str, roots: RootCertStore) -> io::Result<UnixSeconds> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().unwrap_or(443)),
        _ => (authority, 443),
    };
    let host = host.trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
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
    use super::{Arc, DAY_S, ends, examine, fetch, judge, roots};
    use crate::{config::EdgeUrl, doctor::Severity};
    use base64::{Engine, engine::general_purpose::STANDARD};
    use gapura_shared::time::UnixSeconds;
    use rustls::{
        ServerConfig, ServerConnection,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    };
    use std::{io::Write, net::TcpListener, thread};

    const NOW: UnixSeconds = UnixSeconds(1_700_000_000);
    /// openssl req -x509 -newkey ed25519 -subj /CN=x -nodes; its key was thrown away.
    const CERTIFICATE: &str = "MIIBLDCB36ADAgECAhQX498aG/rqxMDDPseMTmwbXJYkRDAFBgMrZXAwDDEKMAgGA1UEAwwBeDAeFw0yNjExMjExNjIzNDVaFw0zNjExMTgxNjIzNDVaMAwxCjAIBgNVBAMMAXgwKjAFBgMrZXADIQAcu/tSqqA2MzqSxstDP3ocXFDWyBeyoo4Fd0d18MitO6NTMFEwHQYDVR0OBBYEFOsHmpjUQv/kllvWKF698ufpBmqYMB8GA1UdIwQYMBaAFOsHmpjUQv/kllvWKF698ufpBmqYMA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EA72Y8CbEqPkUKE0KxDkW9BexiyWXaH2RMSTmdD9WBJjHAIO6lA2tGak6FURdHnCTxLikQNtJjg3XO6NHzB2MVBA==";

    /// An authority that tests alone trust, whose key was thrown away; what it certified for
    /// 127.0.0.1 until 2120; and the key of that, which guards nothing. All by `openssl ca`.
    const CA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/tls/ca.pem");
    const LEAF: &[u8] = include_bytes!("../../tests/support/tls/leaf.pem");
    const LEAF_KEY: &[u8] = include_bytes!("../../tests/support/tls/leaf.key");
    const LEAF_ENDS: UnixSeconds = UnixSeconds(4_733_510_400);

    /// Serves one handshake; where.
    fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(LEAF).unwrap()],
                PrivateKeyDer::from_pem_slice(LEAF_KEY).unwrap(),
            )
            .unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        });
        authority
    }

    fn url(authority: String, ca_file: Option<&str>) -> EdgeUrl {
        EdgeUrl {
            scheme: "https",
            authority,
            ca_file: ca_file.map(Into::into),
        }
    }

    #[test]
    fn a_certificate_counts_when_somebody_trusted_has_made_it() {
        let ours = || roots(&url(server(), Some(CA))).unwrap();
        assert_eq!(fetch(&server(), ours()).unwrap(), LEAF_ENDS);
        // It is not of another name, though that is the same place.
        let elsewhere = server().replace("127.0.0.1", "[::ffff:127.0.0.1]");
        assert!(fetch(&elsewhere, ours()).is_err());
        let severity = |ca_file| examine(&url(server(), ca_file), NOW).severity;
        assert_eq!(severity(Some(CA)), Severity::Ok);
        for unfit in [None, Some("/nowhere/ca.pem"), Some(file!())] {
            assert_eq!(severity(unfit), Severity::Fail, "{unfit:?}");
        }
    }

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
            ..url(authority.clone(), None)
        };
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        assert_eq!(examine(&url("https"), NOW).severity, Severity::Fail);
        assert_eq!(examine(&url("http"), NOW).severity, Severity::Warn);
    }
}
