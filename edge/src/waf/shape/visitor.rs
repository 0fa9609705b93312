//! Who asks for the pages of foreign software: a prober, or somebody who uses it behind this gate.
//!
//! Paths alone do not tell them apart. A prober comes from nowhere and holds nothing; who forges what these
//! functions look for learns that a page is there, and no more: what a request holds is judged as ever.

use crate::waf::rules::{nosql, scanner};
use crate::waf::scan::find;
use crate::waf::{Body, Request};

/// Cookies that a browser has of a site that it used, at least, and the length of each in bytes.
const KEPT_COOKIES: usize = 2;
const KEPT_COOKIE: usize = 16;
/// Shortest credentials that were issued rather than guessed (`admin:admin` in base64 has 16), in bytes.
const MIN_ISSUED: usize = 24;

/// Programs that talk to their own server and to nothing else, as `User-Agent` begins.
const CLIENTS: &[&str] = &[
    "kubectl/",
    "kubelet/",
    "kube-",
    "Helm/",
    "Terraform/",
    "docker/",
    "Docker-Client/",
    "containerd/",
    "buildkit/",
    "Prometheus/",
    "Grafana/",
    "grafana-agent/",
    "promtail/",
    "telegraf",
    "Elastic-",
    "elasticsearch-",
    "Filebeat/",
    "Metricbeat/",
    "Kibana/",
    "Apache-Maven/",
    "Gradle/",
    "Artifactory/",
    "Nexus/",
    "MacOutlook/",
    "Microsoft Office/",
    "Outlook-",
    "Microsoft.OData.Client",
    "Consul/",
    "consul/",
    "vault/",
    "rabbitmqadmin",
    "gitlab-runner",
    "Jenkins/",
    "aws-cli/",
    "aws-sdk-",
    "Boto3/",
    "SplunkHEC/",
    "minio-",
    "ELB-HealthChecker/",
    "GoogleHC/",
    "Microsoft WinRM Client",
    "Consul Health Check",
    "Blackbox Exporter/",
    "Blackbox-Exporter/",
    "MinIO ",
];

/// Rules about the path that this visitor does not break.
pub(in crate::waf) fn spared(request: &Request<'_>) -> &'static [&'static str] {
    const PANELS: &[&str] = &[
        scanner::WORDPRESS.id,
        scanner::ADMIN.id,
        scanner::KNOWN_HOLE.id,
    ];
    const STORES: &[&str] = &[
        scanner::WORDPRESS.id,
        scanner::ADMIN.id,
        scanner::KNOWN_HOLE.id,
        scanner::BACKUP.id,
    ];
    const BLOG: &[&str] = &[scanner::WORDPRESS.id];
    let uses_panels = || {
        has_been_here(request)
            || comes_from_page(request)
            || is_own_client(request)
            || asks_for_data(request)
            || speaks_its_protocol(request)
    };
    match () {
        () if has_credentials(request) => STORES,
        () if uses_panels() => PANELS,
        () if has_wordpress_session(request) => BLOG,
        () => &[],
    }
}

/// Rules about queries, which a request to a store itself does not break.
pub(in crate::waf) fn waived(request: &Request<'_>) -> &'static [&'static str] {
    const QUERIES: &[&str] = &[nosql::OPERATOR.id, nosql::CODE.id];
    if queries_store(request) { QUERIES } else { &[] }
}

fn header<'r>(request: &Request<'r>, wanted: &str) -> Option<&'r str> {
    let mut headers = request.headers.iter();
    headers
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value.as_str())
}

/// Whether the client holds a login of `WordPress`: it edits its site and probes for none.
fn has_wordpress_session(request: &Request<'_>) -> bool {
    header(request, "cookie").is_some_and(|cookies| cookies.contains("wordpress_logged_in_"))
}

/// Whether the request has what a browser keeps of a site that it was on before.
fn has_been_here(request: &Request<'_>) -> bool {
    let is_kept = |cookie: &&str| {
        let (_, value) = cookie.split_once('=').unwrap_or_default();
        value.len() >= KEPT_COOKIE
            && value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"%-._|:+=".contains(&byte))
    };
    request.headers.iter().any(|(name, value)| {
        name == "cookie" && value.split("; ").filter(is_kept).count() >= KEPT_COOKIES
    })
}

/// An address without its scheme.
fn without_scheme(address: &str) -> Option<&str> {
    let https = address.strip_prefix("https://");
    https.or_else(|| address.strip_prefix("http://"))
}

/// Whether a browser says that a page of this site sent the request (RFC 6454; Fetch Metadata) or led here: another
/// page than the first one, which tools name, and than the one asked for, which exploits name.
fn comes_from_page(request: &Request<'_>) -> bool {
    let Some(host) = header(request, "host") else {
        return false;
    };
    let origin = header(request, "origin").and_then(without_scheme);
    if origin == Some(host) || header(request, "sec-fetch-site") == Some("same-origin") {
        return true;
    }
    let Some(from) = header(request, "referer").and_then(without_scheme) else {
        return false;
    };
    let path = from.strip_prefix(host).unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.len() > 1 && path.starts_with('/') && path != request.path
}

/// Whether a server issued what the request is authorised by (RFC 6750, RFC 7616, AWS Signature Version 4).
fn has_credentials(request: &Request<'_>) -> bool {
    let value = header(request, "authorization").unwrap_or_default();
    let (scheme, rest) = value.split_once(' ').unwrap_or_default();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    match scheme {
        "Bearer" | "Token" => rest.len() >= MIN_ISSUED && rest.bytes().all(is_token),
        "AWS4-HMAC-SHA256" => rest.contains("Signature=") && rest.len() >= 2 * MIN_ISSUED,
        "Digest" => rest.contains("response=\"") && rest.contains("nonce=\""),
        _ => false,
    }
}

fn is_own_client(request: &Request<'_>) -> bool {
    header(request, "user-agent").is_some_and(|agent| {
        CLIENTS.iter().any(|client| {
            agent
                .get(..client.len())
                .is_some_and(|start| start == *client)
        })
    })
}

/// Whether the client takes data and nothing else: a program that knows what it asks. A prober takes what comes.
fn asks_for_data(request: &Request<'_>) -> bool {
    header(request, "accept")
        .is_some_and(|types| types.starts_with("application/json") && !types.contains("*/*"))
}

/// Services by what their path holds, and what their own clients say there.
const PROTOCOLS: &[(&str, &[u8])] = &[
    ("/exchange.asmx", b"/exchange/services/2006/messages"),
    ("/onvif/", b"http://www.onvif.org/ver"),
    ("/_vti_bin/", b"http://schemas.microsoft.com/sharepoint/"),
    ("/xmlrpc.php", b"<methodName>metaWeblog.newPost<"),
    ("/xmlrpc.php", b"<methodName>metaWeblog.editPost<"),
    ("/xmlrpc.php", b"<methodName>wp.newPost<"),
    ("/xmlrpc.php", b"<methodName>wp.editPost<"),
];

/// Whether the body is a message of the very service that the path names.
fn speaks_its_protocol(request: &Request<'_>) -> bool {
    let Body::Read { bytes, .. } = request.body else {
        return false;
    };
    let path = request.path.to_ascii_lowercase();
    PROTOCOLS
        .iter()
        .any(|(place, message)| path.contains(place) && find(bytes, message, 0).is_some())
}

/// Whether the request goes to a store itself, which takes whole queries: Elasticsearch's and Kibana's endpoints,
/// `DynamoDB`'s targets. What is attacked is a value that was meant to be plain.
fn queries_store(request: &Request<'_>) -> bool {
    const ENDPOINTS: &[&str] = &[
        "/_search",
        "/_msearch",
        "/_async_search",
        "/_bulk",
        "/_update_by_query",
        "/internal/search/ese",
        "/internal/bsearch",
        "/api/console/proxy",
    ];
    let is_endpoint = |end: &&str| request.path.ends_with(*end);
    ENDPOINTS.iter().any(is_endpoint)
        || header(request, "x-amz-target").is_some_and(|target| target.starts_with("DynamoDB_"))
}

/// Whether the method can be that of a probe: who stores a dump or edits a folder (RFC 4918) does not look
/// whether one is there.
pub(in crate::waf) fn may_probe(method: &str, rule: &str) -> bool {
    let is_backup = rule == scanner::BACKUP.id;
    match method {
        "PUT" | "PATCH" | "DELETE" => !is_backup,
        "LOCK" | "UNLOCK" | "MKCOL" | "PROPFIND" | "PROPPATCH" | "COPY" | "MOVE" => {
            !is_backup && rule != scanner::KNOWN_HOLE.id
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::waf::{Body, Request, Settings, Verdict, inspect};

    fn verdict(path: &str, headers: &[(&str, &str)]) -> Verdict {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers: Vec<_> = headers.iter().map(owned).collect();
        let request = Request {
            client: None,
            method: "GET",
            path,
            query: "",
            headers: &headers,
            body: Body::None,
        };
        inspect(&request, &Settings::default()).verdict
    }

    #[test]
    fn who_has_been_here_is_no_prober() {
        let editor = "wordpress_logged_in_1a=budi%7C17";
        let visitor = "_ga=GA1.2.1423957168.1718000000; be_typo_user=5f1c0a9be3d24f7c8a6b";
        for (path, cookie) in [("/wp-admin/", editor), ("/typo3/module/web", visitor)] {
            assert_eq!(verdict(path, &[("cookie", "a=1; b=2")]), Verdict::Blocked);
            assert_eq!(verdict(path, &[("cookie", cookie)]), Verdict::Clean);
        }
        // Nobody is shown what hides.
        assert_eq!(verdict("/.env", &[("cookie", visitor)]), Verdict::Blocked);
    }

    #[test]
    fn who_comes_from_a_page_of_the_site_is_no_prober() {
        let host = ("host", "cms.example");
        let from = |page| verdict("/typo3/module/web", &[host, ("referer", page)]);
        assert_eq!(from("https://cms.example/typo3/main"), Verdict::Clean);
        for page in [
            "https://cms.example/",
            "https://cms.example/typo3/module/web",
            "https://cms.example.evil.example/typo3/main",
            "https://www.google.com/search",
        ] {
            assert_eq!(from(page), Verdict::Blocked, "{page}");
        }
        let sent = |page| verdict("/typo3/module/web", &[host, ("origin", page)]);
        assert_eq!(sent("https://cms.example"), Verdict::Clean);
        assert_eq!(sent("https://evil.example"), Verdict::Blocked);
        let browsed = [host, ("sec-fetch-site", "same-origin")];
        assert_eq!(verdict("/typo3/module/web", &browsed), Verdict::Clean);
        assert_eq!(verdict("/.git/config", &browsed), Verdict::Blocked);
    }

    #[test]
    fn who_asks_for_data_or_speaks_a_protocol_is_no_prober() {
        let wants = |types| verdict("/_cluster/health", &[("accept", types)]);
        assert_eq!(wants("application/json"), Verdict::Clean);
        for any in ["*/*", "application/json, text/plain, */*"] {
            assert_eq!(wants(any), Verdict::Blocked, "{any}");
        }
        let says = |method: &str| {
            let message = format!("<methodCall><methodName>{method}</methodName></methodCall>");
            let body = Body::Read {
                content_type: Some("text/xml"),
                bytes: message.as_bytes(),
            };
            let request = Request::post("/xmlrpc.php", &[], body);
            inspect(&request, &Settings::default()).verdict
        };
        assert_eq!(says("metaWeblog.newPost"), Verdict::Clean);
        assert_eq!(says("system.multicall"), Verdict::Blocked);
    }

    #[test]
    fn a_store_takes_whole_queries() {
        let asked = |path| {
            let query = r#"{"script_fields":{"mb":{"script":{"source":"doc['bytes'].value"}}}}"#;
            let body = Body::Read {
                content_type: Some("application/json"),
                bytes: query.as_bytes(),
            };
            inspect(&Request::post(path, &[], body), &Settings::default()).verdict
        };
        assert_eq!(asked("/logs-*/_search"), Verdict::Clean);
        assert_eq!(asked("/api/articles"), Verdict::Blocked);
    }

    #[test]
    fn who_was_let_in_is_no_prober() {
        let with = |value| verdict("/typo3/module/web", &[("authorization", value)]);
        assert_eq!(
            with("Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0"),
            Verdict::Clean
        );
        for guessed in ["Bearer x", "Basic YWRtaW46YWRtaW4=", "Bearer "] {
            assert_eq!(with(guessed), Verdict::Blocked, "{guessed}");
        }
    }

    #[test]
    fn a_program_of_the_server_is_no_prober() {
        let with = |agent| verdict("/apis/apps/v1", &[("user-agent", agent)]);
        assert_eq!(with("kubectl/v1.31.0 (linux/amd64)"), Verdict::Clean);
        assert_eq!(with("Go-http-client/1.1"), Verdict::Blocked);
    }
}
