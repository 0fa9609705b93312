use super::{
    PATH, Reply, Token, Unsolved, check,
    puzzle::{LIFETIME_MS, Puzzle, Solved, is_solution},
    redeem,
    spent::{MAX_SPENT, Spent},
};
use crate::{
    facts::{Facts, Random},
    gate::{Bindings, Gate, tests::bindings},
    policy::Found,
    verdict::Stop,
};
use gapura_shared::time::{UnixMillis, UnixSeconds};
use proptest::prelude::*;
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const LIFETIME_S: u64 = 600;
const OVERLAY: &str = r#"
version = 1
[challenge]
mode = "attack"
bits = 4
lifetime_s = 600
[[route]]
name = "constant"
path = "/constant"
token = "none"
classes = []
answer = { status = 200, content_type = "text/plain", body = "the gate's own" }
[[route]]
name = "open"
path = "/open/**"
token = "none"
classes = []
[[route]]
name = "site"
path = "/**"
token = "optional"
classes = []
"#;

fn gate_with(change: impl FnOnce(&mut Bindings)) -> Gate {
    let mut bindings = bindings();
    bindings.policy_overlay = Some(OVERLAY.to_owned());
    change(&mut bindings);
    Gate::load(&bindings).unwrap()
}

fn gate() -> Gate {
    gate_with(|_| {})
}

/// A browser's request; `id` makes its puzzle unlike others.
fn request(id: u8, client: &str, method: &str, url: &str, headers: &[(&str, &str)]) -> Facts {
    let mut text = format!("{method}\n{url}\ncf-connecting-ip\0{client}\n");
    for (name, value) in headers {
        text.extend([name, "\0", value, "\n"]);
    }
    let random = Random {
        id: [id; 16],
        span: [1; 8],
    };
    Facts::read(&text, random, None).unwrap()
}

fn page(headers: &[(&str, &str)]) -> Facts {
    let mut all = vec![("accept", "text/html,*/*;q=0.8")];
    all.extend(headers);
    request(1, "192.0.2.7", "GET", "https://app.example/shop", &all)
}

fn at(gate: &Gate, facts: &Facts, now: UnixMillis) -> Result<Option<Reply>, Stop> {
    checked(gate, facts, Token::Unchecked, now, true)
}

fn checked(
    gate: &Gate,
    facts: &Facts,
    token: Token,
    now: UnixMillis,
    attack: bool,
) -> Result<Option<Reply>, Stop> {
    let Found::Route(route) =
        gate.policy
            .route(&facts.method, &facts.host, &facts.path, &facts.query)
    else {
        panic!("no route fits {}", facts.path);
    };
    let mut outcome = pin!(check(gate, route, facts, token, now, async || attack));
    match outcome
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it waits for nothing here"),
    }
}

fn is_challenged(gate: &Gate, facts: &Facts) -> bool {
    match at(gate, facts, NOW) {
        Ok(reply) => reply.is_some(),
        Err(stop) => {
            assert_eq!(stop, Stop::ChallengeRequired);
            true
        }
    }
}

/// The puzzle of a fresh page.
fn puzzle(gate: &Gate, facts: &Facts) -> String {
    let page = at(gate, facts, NOW).unwrap().unwrap().body.unwrap();
    let (_, rest) = page.split_once("data-puzzle=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// What the page's script does; `right`: or the first number that is no solution.
fn number(puzzle: &str, right: bool) -> u32 {
    let bits = puzzle.split('.').next().unwrap().parse().unwrap();
    let tag = super::puzzle::parse_tag(puzzle.rsplit('.').next().unwrap()).unwrap();
    (0..u32::MAX)
        .find(|number| is_solution(&tag, *number, bits) == right)
        .unwrap()
}

fn solution(puzzle: &str) -> String {
    format!("{puzzle}:{}", number(puzzle, true))
}

fn redeemed(gate: &Gate, facts: &Facts, body: &str, now: UnixMillis) -> Result<String, Stop> {
    let reply = redeem(gate, facts, Some(body.as_bytes()), now)?;
    assert_eq!((reply.status, reply.body), (204, None));
    let (name, cookie) = reply.own.into_iter().next().unwrap();
    assert_eq!(name, "set-cookie");
    Ok(cookie)
}

/// `name=value` of a `Set-Cookie`.
fn pair(cookie: &str) -> &str {
    cookie.split(';').next().unwrap()
}

fn refused(why: Unsolved) -> Result<String, Stop> {
    Err(Stop::ChallengeFailed(why))
}

#[test]
fn a_browser_gets_a_page_and_other_clients_a_refusal() {
    let gate = gate();
    for (method, headers, wanted) in [
        ("GET", &[("sec-fetch-mode", "navigate")][..], Ok(true)),
        ("GET", &[("accept", "Text/HTML")], Ok(true)),
        ("HEAD", &[("accept", "text/html")], Ok(false)),
        ("POST", &[("sec-fetch-mode", "navigate")], Err(())),
        (
            "GET",
            &[("sec-fetch-mode", "cors"), ("accept", "text/html")],
            Err(()),
        ),
        ("GET", &[("accept", "*/*")], Err(())),
        ("GET", &[], Err(())),
    ] {
        let facts = request(1, "192.0.2.7", method, "https://app.example/", headers);
        let got = at(&gate, &facts, NOW).map(|reply| {
            let reply = reply.unwrap();
            assert_eq!(reply.status, 503);
            assert!(reply.fixed.contains(&("cache-control", "no-store")));
            assert!(reply.own.iter().any(|(name, _)| *name == "retry-after"));
            reply.body.is_some()
        });
        let got = got.map_err(|stop| assert_eq!(stop, Stop::ChallengeRequired));
        assert_eq!(got, wanted, "{method} {headers:?}");
    }
}

#[test]
fn challenges_only_when_it_is_on_and_what_would_reach_the_origin() {
    let on = gate();
    let facts = page(&[]);
    assert!(is_challenged(&on, &facts));
    let calm =
        |gate: &Gate| checked(gate, &facts, Token::Unchecked, NOW, false).map(|r| r.is_some());
    assert_eq!(calm(&on), Ok(false), "no attack");
    let overlay = |mode: &str| Some(OVERLAY.replace("\"attack\"", mode));
    let always = gate_with(|b| b.policy_overlay = overlay("\"always\""));
    assert_eq!(calm(&always), Ok(true));
    let off = gate_with(|b| b.policy_overlay = overlay("\"off\""));
    assert!(!is_challenged(&off, &facts));
    let asked = |url: &str| request(1, "192.0.2.7", "GET", url, &[("accept", "text/html")]);
    for (url, wanted) in [
        ("https://app.example/constant", false),
        ("https://app.example/.well-known/other", false),
        ("https://app.example/auth/v1/.well-known/jwks.json", false),
        ("https://app.example/auth/v1/user", true),
    ] {
        assert_eq!(is_challenged(&on, &asked(url)), wanted, "{url}");
    }
}

#[test]
fn a_token_counts_where_the_route_looks_at_it() {
    let gate = gate();
    let sent = |path: &str, name: &str, value: &str| {
        let url = format!("https://app.example{path}");
        request(1, "192.0.2.7", "GET", &url, &[(name, value)])
    };
    for (path, name, value, wanted) in [
        ("/", "authorization", "Bearer x", false),
        ("/", "apikey", "x", false),
        ("/", "cookie", "__Host-gapura-access=x", false),
        ("/", "authorization", "Basic x", true),
        ("/", "apikey", "", true),
        ("/", "cookie", "other=x", true),
        ("/open/a", "authorization", "Bearer x", true),
        ("/open/a", "apikey", "x", true),
    ] {
        let facts = sent(path, name, value);
        assert_eq!(
            is_challenged(&gate, &facts),
            wanted,
            "{path} {name} {value}"
        );
    }
    // What was sent as a token and is none clears nothing.
    let junk = sent("/", "cookie", "__Host-gapura-access=x");
    let none = checked(&gate, &junk, Token::None, NOW, true);
    assert_eq!(none, Err(Stop::ChallengeRequired));
}

#[test]
fn a_solution_lets_its_network_in_until_the_clearance_ends() {
    let gate = gate();
    let puzzle = puzzle(&gate, &page(&[]));
    let cookie = redeemed(&gate, &page(&[]), &solution(&puzzle), NOW).unwrap();
    assert!(cookie.starts_with("__Host-gapura-clearance="), "{cookie}");
    let attributes = "; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax";
    assert!(cookie.ends_with(attributes), "{cookie}");
    let with = |client: &str, cookie: &str| {
        let headers = [("accept", "text/html"), ("cookie", cookie)];
        request(2, client, "GET", "https://app.example/shop", &headers)
    };
    let lets_in =
        |client: &str, cookie: &str, now| at(&gate, &with(client, cookie), now).unwrap().is_none();
    let end = UnixMillis(NOW.0 + LIFETIME_S * 1000);
    assert!(lets_in("192.0.2.7", pair(&cookie), NOW));
    let beside = format!("a=b; {}; c", pair(&cookie));
    assert!(lets_in("192.0.2.7", &beside, UnixMillis(end.0 - 1)));
    assert!(!lets_in("192.0.2.7", pair(&cookie), end));
    assert!(!lets_in("192.0.2.8", pair(&cookie), NOW));
    let planted = format!("__Host-gapura-clearance=9.0; {}", pair(&cookie));
    assert!(lets_in("192.0.2.7", &planted, NOW));
    // Also what no page is shown for.
    let facts = request(
        2,
        "192.0.2.7",
        "POST",
        "https://app.example/shop",
        &[("cookie", pair(&cookie))],
    );
    assert!(!is_challenged(&gate, &facts));
}

#[test]
fn an_ipv6_client_keeps_its_clearance_within_its_64() {
    let gate = gate();
    let headers = [("accept", "text/html")];
    let from = |client: &str| request(3, client, "GET", "https://app.example/", &headers);
    let puzzle = puzzle(&gate, &from("2001:db8:1:2::3"));
    let body = solution(&puzzle);
    assert_eq!(
        redeemed(&gate, &from("2001:db8:1:3::3"), &body, NOW),
        refused(Unsolved::Forged)
    );
    assert!(redeemed(&gate, &from("2001:db8:1:2:ffff::9"), &body, NOW).is_ok());
}

#[test]
fn without_tls_the_cookie_has_a_name_that_browsers_accept() {
    let gate = gate();
    let plain = |headers: &[(&str, &str)]| {
        let mut all = vec![("accept", "text/html")];
        all.extend(headers);
        request(4, "192.0.2.7", "GET", "http://127.0.0.1:8787/", &all)
    };
    let puzzle = puzzle(&gate, &plain(&[]));
    let cookie = redeemed(&gate, &plain(&[]), &solution(&puzzle), NOW).unwrap();
    assert!(cookie.starts_with("gapura-clearance="), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert!(!is_challenged(&gate, &plain(&[("cookie", pair(&cookie))])));
    // It does not count where there is TLS: a neighbour could have planted it.
    assert!(is_challenged(&gate, &page(&[("cookie", pair(&cookie))])));
}

#[test]
fn a_solution_is_taken_once_and_only_in_time() {
    let gate = gate();
    let facts = page(&[]);
    let body = solution(&puzzle(&gate, &facts));
    let late = UnixMillis(NOW.0 + LIFETIME_MS);
    assert_eq!(
        redeemed(&gate, &facts, &body, late),
        refused(Unsolved::Expired)
    );
    let in_time = UnixMillis(late.0 - 1);
    let first = redeemed(&gate, &facts, &body, in_time).unwrap();
    assert_eq!(
        redeemed(&gate, &facts, &body, NOW),
        refused(Unsolved::Spent)
    );
    // Another isolate does not know: it gives the same cookie, to the second.
    assert_eq!(redeemed(&self::gate(), &facts, &body, NOW), Ok(first));
}

#[test]
fn refuses_what_is_no_solution() {
    let gate = gate();
    let facts = page(&[]);
    let puzzle = puzzle(&gate, &facts);
    let wrong = format!("{puzzle}:{}", number(&puzzle, false));
    assert_eq!(
        redeemed(&gate, &facts, &wrong, NOW),
        refused(Unsolved::Wrong)
    );
    let right = number(&puzzle, true);
    for body in [
        String::new(),
        puzzle.clone(),
        format!("{puzzle}:"),
        format!("{puzzle}:x"),
        format!("{puzzle}:4294967296"),
        format!("{puzzle}.0:{right}"),
        format!("{puzzle}0:{right}"),
        format!("{}:{right}", &puzzle[..puzzle.len() - 1]),
        format!("256{}:{right}", &puzzle[1..]),
        format!("{}:{right}", puzzle.to_uppercase()),
    ] {
        let got = redeemed(&gate, &facts, &body, NOW);
        assert_eq!(got, refused(Unsolved::Form), "{body}");
    }
    for body in [None, Some(&b"\xff:1"[..])] {
        let got = redeem(&gate, &facts, body, NOW);
        assert_eq!(got, Err(Stop::ChallengeFailed(Unsolved::Form)));
    }
    assert!(redeemed(&gate, &facts, &solution(&puzzle), NOW).is_ok());
}

#[test]
fn an_easier_or_younger_puzzle_is_a_forgery() {
    let gate = gate();
    let facts = page(&[]);
    let puzzle = puzzle(&gate, &facts);
    let (_, rest) = puzzle.split_once('.').unwrap();
    let easier = format!("1.{rest}");
    let younger = puzzle.replace("1700000000000", "1700000100000");
    assert_ne!(puzzle, younger);
    for forged in [easier, younger] {
        let got = redeemed(&gate, &facts, &solution(&forged), NOW);
        assert_eq!(got, refused(Unsolved::Forged), "{forged}");
    }
}

#[test]
fn other_seal_keys_are_other_challenges_and_a_rotation_is_none() {
    let facts = page(&[]);
    let body = solution(&puzzle(&gate(), &facts));
    let (old, new) = ("A".repeat(43), "E".repeat(43));
    let other = gate_with(|b| b.seal_keys = Some(format!("k1:{new}")));
    assert_eq!(
        redeemed(&other, &facts, &body, NOW),
        refused(Unsolved::Forged)
    );
    let rotated = gate_with(|b| b.seal_keys = Some(format!("k2:{new},k1:{old}")));
    assert!(redeemed(&rotated, &facts, &body, NOW).is_ok());
}

#[test]
fn a_puzzle_is_no_clearance() {
    // The tags of both are made with one key: what is sealed must tell them apart.
    let gate = gate();
    let puzzle = puzzle(&gate, &page(&[]));
    let tag = puzzle.rsplit('.').next().unwrap();
    for expires in ["4", "1700000000000", "99999999999999"] {
        let cookie = format!("__Host-gapura-clearance={expires}.{tag}");
        assert!(is_challenged(&gate, &page(&[("cookie", &cookie)])));
    }
}

#[test]
fn what_is_spent_is_bounded_and_forgets_what_has_ended_first() {
    let solved = |n: u64, expires| Solved {
        issued: UnixSeconds(0),
        expires: UnixMillis(expires),
        tag: std::array::from_fn(|i| n.to_be_bytes().get(i).copied().unwrap_or(0)),
    };
    let mut spent = Spent::default();
    let most = MAX_SPENT as u64;
    for n in 0..most {
        // Every second one has ended at 10.
        let expires = if n % 2 == 0 { 10 } else { 100 };
        assert!(spent.spend(&solved(n, expires), UnixMillis(1)));
    }
    assert!(spent.spend(&solved(most, 100), UnixMillis(10)));
    assert_eq!(spent.len(), MAX_SPENT / 2 + 1);
    assert!(!spent.spend(&solved(1, 100), UnixMillis(10)));
    for n in most..3 * most {
        spent.spend(&solved(n, 100), UnixMillis(11));
        assert!(spent.len() <= MAX_SPENT);
    }
}

#[test]
fn formats_unchanged() {
    // Both outlive a deployment: a browser holds them.
    let gate = gate();
    let facts = page(&[]);
    let puzzle = Puzzle::new(&facts, 4, NOW, &gate.challenge.keys).to_string();
    assert_eq!(
        puzzle,
        "4.1700000000000.01010101010101010101010101010101.f486df9a30b932121e39467dff44e03e2d64de7a7f3023cabfb43a6b0c0ac443"
    );
    let cookie = redeemed(&gate, &facts, &solution(&puzzle), NOW).unwrap();
    assert_eq!(
        pair(&cookie),
        "__Host-gapura-clearance=1700000600.81f1579aa93625908625437c1d0fafc3018feb473576a2eb321e44a62b5461da"
    );
    assert_eq!(PATH, "/_gapura/challenge");
}

proptest! {
    #[test]
    fn any_other_byte_in_a_solution_is_refused(at: prop::sample::Index, byte in 0x20u8..0x7f) {
        let gate = gate();
        let facts = page(&[]);
        let good = solution(&puzzle(&gate, &facts));
        let puzzle_length = good.find(':').unwrap();
        let mut body = good.clone().into_bytes();
        // Another number may be a solution too: the puzzle's bytes are altered.
        let at = at.index(puzzle_length);
        prop_assume!(body[at] != byte);
        body[at] = byte;
        prop_assert!(redeem(&gate, &facts, Some(&body), NOW).is_err());
        prop_assert!(redeem(&gate, &facts, Some(good.as_bytes()), NOW).is_ok());
    }

    #[test]
    fn any_other_byte_in_a_clearance_is_refused(at: prop::sample::Index, byte in 0x21u8..0x7f) {
        let gate = gate();
        let good = redeemed(&gate, &page(&[]), &solution(&puzzle(&gate, &page(&[]))), NOW).unwrap();
        let mut bytes = pair(&good).as_bytes().to_vec();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let cookie = String::from_utf8(bytes).unwrap();
        prop_assert!(is_challenged(&gate, &page(&[("cookie", &cookie)])));
        prop_assert!(!is_challenged(&gate, &page(&[("cookie", pair(&good))])));
    }

    #[test]
    fn holds_for_its_network_and_time_alone(client: u32, other: u32, age_ms in 0..3 * LIFETIME_MS) {
        let gate = gate();
        let from = |client: u32| {
            let address = std::net::Ipv4Addr::from(client).to_string();
            request(5, &address, "GET", "https://app.example/", &[("accept", "text/html")])
        };
        let body = solution(&puzzle(&gate, &from(client)));
        let later = UnixMillis(NOW.0 + age_ms);
        let good = redeemed(&gate, &from(other), &body, later).is_ok();
        prop_assert_eq!(good, client == other && age_ms < LIFETIME_MS);
        let good = redeemed(&gate, &from(client), &body, later).is_ok();
        prop_assert_eq!(good, client != other && age_ms < LIFETIME_MS);
    }

    #[test]
    fn no_text_makes_it_panic(body: Vec<u8>, cookie in "\\PC{0,80}") {
        let gate = gate();
        prop_assert!(redeem(&gate, &page(&[]), Some(&body), NOW).is_err());
        let cookie = format!("__Host-gapura-clearance={cookie}");
        prop_assert!(is_challenged(&gate, &page(&[("cookie", &cookie)])));
    }
}
