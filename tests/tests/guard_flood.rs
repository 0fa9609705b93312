//! A flood of refusals, which the platform's side of the Worker repeats by itself: who asks gets
//! the same answers, and everything is counted as if each request had been looked at.

use gapura_tests::{Edge, EdgeConfig, Origin, Request, Response, harness::counted, push, token};
use serde_json::{Value, json};
use std::{collections::HashSet, thread, time::Duration};

/// A class of two in half a minute, and a path whose query tells which route it is.
fn policy() -> String {
    let few = "limit = 2\nwindow_s = 30\non_error = \"open\"";
    counted("few", few) + "methods = [\"GET\", \"HEAD\", \"POST\"]\n" + CHOSEN
}

const CHOSEN: &str = "
[[route]]
name = \"chosen\"
path = \"/chosen\"
query = { by = \"query\" }
rewrite = \"/echo/chosen\"
token = \"none\"
classes = [\"general\"]
[[route]]
name = \"left\"
path = \"/chosen\"
rewrite = \"/echo/left\"
token = \"none\"
classes = [\"few\"]
";

/// Who asks too often is never banned.
const UNBANNED: &str = "[jails.limit]\nkinds = []\n";

fn edge(origin: &Origin, overlay: &str) -> Edge {
    let edge = Edge::instrumented(origin, &(policy() + overlay));
    edge.stop_clock();
    edge
}

fn ask(edge: &Edge, target: &str, client: &str) -> Response {
    edge.send(&Request::new("GET", target).from(client))
}

fn id(response: &Response) -> &str {
    response.header("x-request-id").unwrap_or_default()
}

/// Any other refusal has the policy's headers, as shipped.
fn is_repeated(response: &Response) -> bool {
    matches!(response.status, 403 | 429) && response.header("strict-transport-security").is_none()
}

/// An answer without what is its own, nor the length that its body has.
fn common(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let anonymous = |text: &str| text.replace(id(response), "ID");
    let headers = response.headers.iter();
    let headers = headers.filter(|(name, _)| name != "content-length");
    let headers = headers.map(|(name, value)| (name.clone(), anonymous(value)));
    (
        response.status,
        headers.collect(),
        anonymous(&response.text()),
    )
}

/// What a client needs of a refusal: nothing else of it is repeated.
const NEEDED: [&str; 7] = [
    "content-length",
    "content-type",
    "x-content-type-options",
    "retry-after",
    "ratelimit-policy",
    "ratelimit",
    "x-request-id",
];

/// What is to be repeated of an answer.
fn needed(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let (status, mut headers, body) = common(response);
    headers.retain(|(name, _)| NEEDED.contains(&name.as_str()));
    (status, headers, body)
}

/// Sends until a refusal is repeated; the one before it, and how many there were of this status.
fn flood(edge: &Edge, target: &str, client: &str, status: u16) -> (Response, u32) {
    let mut last = None;
    let mut refused = 0;
    for _ in 0..200 {
        let response = ask(edge, target, client);
        refused += u32::from(response.status == status);
        if is_repeated(&response) {
            return (last.expect("no flood has one request"), refused);
        }
        last = Some(response);
        thread::sleep(Duration::from_millis(5));
    }
    panic!("nothing is repeated");
}

fn ban(edge: &Edge, client: &str) {
    for _ in 0..2 {
        assert_eq!(ask(edge, "/.env", client).status, 403);
    }
    flood(edge, "/echo/a", client, 403);
}

fn operate(edge: &Edge, method: &str, path: &str, body: Option<&Value>) -> u16 {
    let bearer = token::token(&token::claims_with("role", json!("admin")));
    let request = Request::new(method, &format!("/_gapura/v1/{path}"));
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    edge.send(&request.bearer(&bearer).from("192.0.2.9")).status
}

fn events(edge: &Edge, client: &str) -> Vec<Value> {
    edge.events(|event| event["client"] == client)
}

fn await_events(edge: &Edge, client: &str, what: impl Fn(&Value) -> bool, count: usize) {
    for _ in 0..400 {
        if events(edge, client)
            .iter()
            .filter(|event| what(event))
            .count()
            == count
        {
            return;
        }
        // Whoever comes next brings to light what is over.
        assert_eq!(edge.get("/.well-known/security.txt").status, 200);
        thread::sleep(Duration::from_millis(25));
    }
    panic!("not {count} about {client}:\n{}", edge.log());
}

/// Why a client was refused out of memory, and how often, once that is told.
fn await_denial(edge: &Edge, client: &str) -> Value {
    let is_denied = |event: &Value| event["action"] == "DENIED";
    await_events(edge, client, is_denied, 1);
    let over = events(edge, client).into_iter().find(is_denied);
    over.unwrap()["reason"].clone()
}

#[test]
fn a_banned_client_gets_the_same_answer_to_everything_again_and_again() {
    let origin = Origin::start();
    let edge = edge(&origin, "");
    let client = "192.0.2.1";
    ban(&edge, client);
    let own = ask(&edge, "/_gapura/v1/bans", client);
    assert_ne!(own.status, 403, "who lifts bans is let in: {}", own.text());

    // The operator's request ended nothing: it is not this client's ban that answered it.
    let plain = [
        ask(&edge, "/echo/a", client),
        ask(&edge, "/x?y=/_gapura/v1/", client),
    ];
    for response in &plain {
        assert!(is_repeated(response), "{response:?}");
        assert_eq!(response.problem(), "banned");
        // By the id of what is repeated: its tenth refusal, which is logged.
        let logged = |event: &Value| event["request_id"] == id(response);
        assert_eq!(edge.await_events(logged, 1).len(), 1);
    }
    // What the gate says itself: pages of an origin that may read it are told so.
    let page = Request::new("GET", "/echo/a").from(client);
    let page = edge.send(&page.header("Origin", "http://localhost:5173"));
    assert!(!is_repeated(&page));
    assert_eq!(
        page.header("access-control-allow-origin"),
        Some("http://localhost:5173")
    );
    let strange = Request::new("GET", "/echo/a").from(client);
    let strange = edge.send(&strange.header("Origin", "http://elsewhere.example"));
    assert!(!is_repeated(&strange));
    assert_eq!(needed(&strange), common(&plain[0]));

    for method in ["HEAD", "POST", "OPTIONS"] {
        let request = Request::new(method, "/echo/a").from(client);
        let by_gate = edge.send(&request.clone().header("Origin", "null"));
        flood(&edge, "/echo/a", client, 403);
        let repeated = edge.send(&request);
        assert!(is_repeated(&repeated) && !is_repeated(&by_gate), "{method}");
        assert_eq!(common(&repeated), needed(&by_gate), "{method}");
    }
}

#[test]
fn the_operators_api_is_open_however_its_path_is_written() {
    let origin = Origin::start();
    let edge = edge(&origin, "");
    let (flooding, other) = ("192.0.2.1", "192.0.2.2");
    ban(&edge, flooding);
    for _ in 0..2 {
        assert_eq!(ask(&edge, "/.env", other).status, 403);
    }
    for target in [
        "/_gapura/v1/bans",
        "/_gapura/v1/bans?q=1",
        "/_gapura/v1/",
        "/_gapura/v1",
        "/_gapura//v1/bans",
        "/_GAPURA/v1/bans",
        "/%5fgapura/v1/bans",
        "/_gapura/v1/../v1/bans",
        "/a/../_gapura/v1/bans",
        "/a/%2e%2e/_gapura/v1/bans",
        "\\_gapura\\v1\\bans",
        "//_gapura/v1/bans",
        "http://gate.example.test/_gapura/v1/bans",
    ] {
        let flooded = ask(&edge, "/echo/a", flooding);
        let get = |client| ask(&edge, target, client).status;
        assert_eq!(
            get(flooding),
            get(other),
            "{target}, while {}",
            flooded.status
        );
    }
}

#[test]
fn a_lifted_ban_is_lifted_at_once_and_what_it_refused_is_known() {
    let origin = Origin::start();
    let edge = edge(&origin, "");
    let client = "192.0.2.1";
    ban(&edge, client);
    for _ in 0..20 {
        assert!(is_repeated(&ask(&edge, "/echo/a", client)));
    }
    assert_eq!(operate(&edge, "DELETE", "bans/ip:192.0.2.1", None), 204);
    assert_eq!(ask(&edge, "/echo/a", client).status, 200);
    let told = |event: &Value| {
        let reason = event["reason"].as_str().unwrap_or_default();
        event["action"] == "DENIED" && reason.ends_with("refused from memory")
    };
    await_events(&edge, client, told, 1);
    // The tenth is the first that can be repeated.
    let over = events(&edge, client).into_iter().find(told).unwrap();
    assert_eq!(over["reason"], "banned: probe: 31 refused from memory");
}

#[test]
fn what_is_repeated_ends_with_its_time() {
    let origin = Origin::start();
    let edge = edge(&origin, "");
    let client = "192.0.2.1";
    ban(&edge, client);
    edge.shift_clock(999);
    assert!(is_repeated(&ask(&edge, "/echo/a", client)));
    edge.shift_clock(1_000);
    let anew = ask(&edge, "/echo/a", client);
    assert!(!is_repeated(&anew));
    assert_eq!(anew.problem(), "banned");
    assert!(is_repeated(&ask(&edge, "/echo/a", client)));
    // By a clock that stepped back it would go on for long.
    edge.shift_clock(500);
    assert!(!is_repeated(&ask(&edge, "/echo/a", client)));
}

#[test]
fn an_exhausted_class_is_told_again_where_it_counts_alone() {
    let origin = Origin::start();
    let edge = edge(&origin, UNBANNED);
    let client = "192.0.2.1";
    let (by_gate, _) = flood(&edge, "/few", client, 429);
    let repeated = ask(&edge, "/few?x=1", client);
    assert!(is_repeated(&repeated));
    assert_eq!(common(&repeated), needed(&by_gate));
    assert_eq!(id(&repeated), id(&by_gate));
    assert_eq!(repeated.headers.len(), NEEDED.len(), "{repeated:?}");
    assert_eq!(by_gate.header("ratelimit-policy"), Some("\"few\";q=2;w=30"));

    assert_eq!(ask(&edge, "/echo/few", client).status, 200, "another route");
    assert_eq!(ask(&edge, "/fewer", client).status, 404);
    let host = Request::new("GET", "/few")
        .from(client)
        .header("Host", "other.example");
    assert!(!is_repeated(&edge.send(&host)), "another host");
    flood(&edge, "/few", client, 429);
    let head = edge.send(&Request::new("HEAD", "/few").from(client));
    assert!(!is_repeated(&head), "another method");

    // What is told in seconds is told anew with each.
    let wait =
        |response: &Response| -> u32 { response.header("retry-after").unwrap().parse().unwrap() };
    edge.shift_clock(5_000);
    flood(&edge, "/few", client, 429);
    let first = wait(&ask(&edge, "/few", client));
    for (ms, later) in [(5_999, 0..=1), (6_000, 1..=1), (7_000, 2..=2)] {
        edge.shift_clock(ms);
        let response = ask(&edge, "/few", client);
        assert!(
            later.contains(&(first - wait(&response))),
            "{ms}: {response:?}"
        );
    }

    // Where the query tells which route it is, it is looked at.
    for _ in 0..20 {
        let left = ask(&edge, "/chosen", client);
        assert_eq!((left.status, is_repeated(&left)), (429, false));
    }
    assert_eq!(ask(&edge, "/chosen?by=query", client).status, 200);
}

#[test]
fn every_refusal_counts_also_if_it_is_repeated() {
    let origin = Origin::start();
    let edge = edge(&origin, UNBANNED);
    let client = "192.0.2.1";
    let few = |n: u32| {
        let request = match n % 10 {
            // Not all come to the same place.
            7 => Request::new("GET", "/few").header("Origin", "null"),
            8 => Request::new("HEAD", "/few"),
            n => Request::new("GET", &format!("/few?n={n}")),
        };
        // One client in two forms.
        request.from(if n % 50 == 23 {
            "::ffff:192.0.2.1"
        } else {
            client
        })
    };
    let responses: Vec<Response> = (0..1_203).map(|n| edge.send(&few(n))).collect();
    let refused = responses.iter().filter(|response| response.status == 429);
    assert_eq!(refused.count(), 1_201);
    let (repeated, own): (Vec<_>, Vec<_>) =
        responses.iter().partition(|response| is_repeated(response));
    assert!(repeated.len() > 500, "{}", repeated.len());
    let ids: HashSet<&str> = own.iter().copied().map(id).collect();
    assert_eq!(ids.len(), own.len());
    assert!(repeated.iter().all(|response| ids.contains(id(response))));
    // The object's own, and of those from memory the first, tenth, hundredth and thousandth.
    let noted =
        |event: &Value| event["event"] == "RATE_LIMIT_EXCEEDED" && event["action"] != "DENIED";
    await_events(&edge, client, noted, 5);
    edge.shift_clock(31_000);
    assert_eq!(
        await_denial(&edge, client),
        "rate-limited: few: 1200 refused from memory"
    );
}

/// How many of what is repeated have a body.
const READ: usize = 256;

#[test]
fn who_is_refused_more_often_than_anybody_reads_is_told_no_reasons() {
    let origin = Origin::start();
    let edge = edge(&origin, UNBANNED);
    let (exhausted, banned) = ("192.0.2.1", "192.0.2.2");
    ban(&edge, banned);
    for (client, reason) in [(exhausted, "rate-limited"), (banned, "banned")] {
        // The thousandth refusal would be logged.
        let all: Vec<Response> = (0..900).map(|_| ask(&edge, "/few", client)).collect();
        let last = id(all.last().unwrap());
        let alike: Vec<&Response> = all.iter().filter(|one| id(one) == last).collect();
        let (by_gate, repeated) = alike.split_first().unwrap();
        assert_eq!(by_gate.problem(), reason);
        let (read, unread) = repeated.split_at(READ);
        assert!(read.iter().all(|one| common(one) == needed(by_gate)));
        assert!(unread.len() > 500, "{}", unread.len());
        let (status, mut headers, _) = needed(by_gate);
        headers.retain(|(name, _)| name != "content-type");
        let bare = (status, headers, String::new());
        assert!(unread.iter().all(|one| common(one) == bare), "{unread:?}");
    }
}

#[test]
fn a_jail_bans_after_as_many_refusals_as_it_bears() {
    let origin = Origin::start();
    let edge = edge(&origin, "[jails.limit]\nstrikes = 50\n");
    let client = "192.0.2.1";
    let statuses: Vec<u16> = (0..51).map(|_| ask(&edge, "/few", client).status).collect();
    assert_eq!(statuses[..2], [200, 200]);
    assert!(
        statuses[2..].iter().all(|status| *status == 429),
        "{statuses:?}"
    );
    assert_eq!(ask(&edge, "/echo/a", client).status, 200, "49 refusals");
    assert_eq!(ask(&edge, "/few", client).status, 429, "the fiftieth");
    await_events(&edge, client, |event| event["event"] == "BAN_ADDED", 1);
    assert_eq!(
        ask(&edge, "/few", client).problem(),
        "banned",
        "nothing else is repeated"
    );
}

#[test]
fn nobody_is_refused_for_another() {
    let origin = Origin::start();
    let edge = edge(&origin, "");
    for (client, forms, others) in [
        (
            "192.0.2.77",
            ["::ffff:192.0.2.77", "::FFFF:c000:24d"],
            ["192.0.2.7", "::ffff:192.0.2.78"],
        ),
        (
            "2001:db8:1:2::1",
            ["2001:DB8:1:2::1", "2001:db8:1:2:0:0:0:5"],
            ["2001:db8:1:3::1", "2001:db8:1:20::1"],
        ),
    ] {
        ban(&edge, client);
        for other in others {
            assert_eq!(ask(&edge, "/echo/a", other).status, 200, "{other}");
            let two = Request::new("GET", "/echo/a").from(client).from(other);
            assert!(!is_repeated(&edge.send(&two)), "{client} and {other}");
        }
        for form in forms {
            let response = ask(&edge, "/echo/a", form);
            assert_eq!(
                (response.status, is_repeated(&response)),
                (403, false),
                "{form}"
            );
        }
    }
    assert_eq!(edge.get("/echo/a").status, 200, "no address at all");
}

#[test]
fn a_network_that_an_operator_bans_is_refused_as_cheaply() {
    let origin = Origin::start();
    let edge = edge(&origin, "");
    let (client, neighbour) = ("198.51.100.7", "198.51.100.8");
    assert_eq!(ask(&edge, "/echo/a", client).status, 200);
    let ban = json!({"target": "198.51.100.0/24", "reason": "a test", "seconds": 600});
    assert_eq!(operate(&edge, "POST", "bans", Some(&ban)), 201);
    // The isolate through which it came asks with its next request.
    assert_eq!(ask(&edge, "/echo/a", client).problem(), "banned");
    let before = edge.asked();
    let bearing = |n: u32| {
        let request = Request::new("GET", &format!("/echo/{n}")).from(client);
        match n % 4 {
            0 => request.header("Cookie", "a=b"),
            1 => request.header("Authorization", "Bearer x.y.z"),
            _ => request,
        }
    };
    let refused: Vec<Response> = (0..200).map(|n| edge.send(&bearing(n))).collect();
    assert!(
        refused
            .iter()
            .all(|response| response.problem() == "banned")
    );
    let repeated = refused.iter().filter(|response| is_repeated(response));
    assert!(repeated.count() > 100);
    assert_eq!(edge.asked(), before, "no object is asked");
    assert_eq!(ask(&edge, "/echo/a", neighbour).problem(), "banned");
    assert_eq!(ask(&edge, "/echo/a", "198.51.101.7").status, 200);
    let enforced = |event: &Value| event["event"] == "BAN_ENFORCED" && event["action"] == "GET";
    await_events(&edge, client, enforced, 3);
    let lift = "bans/ip:198.51.100.0%2F24";
    assert_eq!(operate(&edge, "DELETE", lift, None), 204);
    assert_eq!(ask(&edge, "/echo/a", client).status, 200, "at once");
    // The first, the tenth, the hundredth, and how many they were.
    assert_eq!(
        await_denial(&edge, client),
        "banned: ip:198.51.100.0/24: 201 refused from memory"
    );
    assert_eq!(events(&edge, client).len(), 4);
}

#[test]
fn a_lifted_ban_is_felt_by_another_isolate_as_soon_as_its_copy_is_old() {
    let origin = Origin::start();
    let edge = Edge::start(&EdgeConfig::with_tokens(&origin, "").instrumented().second());
    let client = "198.51.100.7";
    let bearer = token::token(&token::claims());
    let user = Request::new("GET", "/auth/v1/user")
        .from(client)
        .bearer(&bearer);
    let ban = json!({"target": "198.51.100.0/24", "reason": "a test", "seconds": 600});
    assert_eq!(operate(&edge, "POST", "bans", Some(&ban)), 201);
    for _ in 0..20 {
        assert_eq!(edge.elsewhere(&user).problem(), "banned");
    }
    let lift = "bans/ip:198.51.100.0%2F24";
    assert_eq!(operate(&edge, "DELETE", lift, None), 204);
    // Two seconds for a request with a token, and one that it may be repeated.
    edge.shift_clock_elsewhere(3_001);
    let served = edge.elsewhere(&user);
    assert_ne!(served.problem(), "banned", "it came to the origin");
}

#[test]
fn a_flood_at_the_operators_api_is_refused_from_memory() {
    let origin = Origin::start();
    let edge = edge(
        &origin,
        "[classes.gate]\nlimit = 20\n[jails.token]\nkinds = []\n[jails.limit]\nkinds = []\n",
    );
    let client = "192.0.2.1";
    let guess = Request::new("GET", "/_gapura/v1/bans").from(client);
    let statuses: Vec<u16> = (0..30).map(|_| edge.send(&guess).status).collect();
    assert!(statuses.ends_with(&[429; 5]), "{statuses:?}");
    let before = edge.asked();
    for _ in 0..100 {
        let refused = edge.send(&guess);
        assert_eq!(refused.problem(), "rate-limited");
        assert!(
            !is_repeated(&refused),
            "the origin may come from there, too"
        );
        assert!(
            refused
                .header("ratelimit")
                .unwrap()
                .starts_with("\"gate\";r=0;")
        );
    }
    assert_eq!(edge.asked(), before);
    let limited = |event: &Value| event["event"] == "RATE_LIMIT_EXCEEDED";
    // The object's own, and the first, tenth and hundredth from memory.
    await_events(&edge, client, limited, 4);
    // The origin may come from there, too.
    let sealed = push::sealed(
        &origin,
        &edge,
        "DELETE",
        "/_gapura/v1/bans/ip:192.0.2.9",
        None,
        7,
    );
    assert_eq!(edge.send(&sealed.from(client)).status, 404);
    assert_eq!(ask(&edge, "/echo/a", client).status, 200);
}

#[test]
fn what_a_user_is_refused_again_and_again_is_logged_sparsely() {
    let origin = Origin::start();
    let edge = edge(
        &origin,
        "[classes.mine]\nlimit = 2\nwindow_s = 60\nsubject = \"user\"\non_error = \"open\"\n\
         [[route]]\nname = \"mine\"\npath = \"/mine\"\nrewrite = \"/echo/mine\"\ntoken = \"required\"\n\
         classes = [\"mine\"]\n",
    );
    let bearer = token::token(&token::claims());
    let mine = Request::new("GET", "/mine")
        .bearer(&bearer)
        .from("192.0.2.1");
    let statuses: Vec<u16> = (0..60).map(|_| edge.send(&mine).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 58);
    let limited = |event: &Value| event["event"] == "RATE_LIMIT_EXCEEDED";
    await_events(&edge, "192.0.2.1", limited, 3);
}

#[test]
fn in_detect_mode_nothing_is_repeated() {
    let origin = Origin::start();
    let mut config = EdgeConfig::for_origin(&origin).overlay(&policy());
    let detect = "[guard]\nmode = \"detect\"\n";
    config.overlay = config.overlay.replace("[guard]\n", detect);
    let edge = Edge::start(&config);
    let responses = (0..30).map(|_| ask(&edge, "/few", "192.0.2.1"));
    assert!(
        responses
            .skip(2)
            .all(|response| response.status == 429 && !is_repeated(&response))
    );
}

#[test]
fn in_detect_mode_nobody_is_said_to_be_refused() {
    let origin = Origin::start();
    let mut config = EdgeConfig::with_tokens(&origin, &policy()).instrumented();
    let detect = "[guard]\nmode = \"detect\"\n";
    config.overlay = config.overlay.replace("[guard]\n", detect);
    let edge = Edge::start(&config);
    edge.stop_clock();
    let client = "192.0.2.1";
    for _ in 0..2 {
        assert_eq!(ask(&edge, "/.env", client).status, 403);
    }
    await_events(&edge, client, |event| event["event"] == "BAN_ADDED", 1);
    for _ in 0..5 {
        assert_eq!(ask(&edge, "/echo/a", client).status, 200);
    }
    await_events(&edge, client, |event| event["event"] == "BAN_DETECTED", 5);
    edge.shift_clock(61_000);
    for _ in 0..5 {
        assert_eq!(edge.get("/.well-known/security.txt").status, 200);
    }
    // The origin refuses a seal from a minute ahead.
    assert_eq!(ask(&edge, "/echo/a", client).status, 502);
    await_events(&edge, client, |event| event["event"] == "BAN_DETECTED", 6);
    let told = events(&edge, client);
    let refused = |event: &&Value| event["action"] == "DENIED" || event["event"] == "BAN_ENFORCED";
    assert_eq!(told.iter().find(refused), None);
}
