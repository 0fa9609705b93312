//! Requests of operators, from the path to the event.

use super::*;
use crate::{
    facts::tests::facts,
    ledger::{Applied, Ledger, Page},
    policy::Admin,
};
use gapura_shared::{
    claims::Assurance,
    event::Kind,
    identity::Principal,
    ids::RequestId,
    time::{UnixMillis, UnixSeconds},
};
use serde_json::{Value, json};
use std::net::IpAddr;

const NOW: UnixMillis = UnixMillis(1_000_000);
const HOME: &str = "198.51.100.7";

fn admin() -> Admin {
    Admin {
        allow: vec!["198.51.100.0/24".parse().unwrap()],
        roles: vec!["admin".into()],
        assurance: Assurance::Aal1,
    }
}

fn principal(role: &str) -> Principal {
    Principal {
        subject: Some("op".into()),
        role: role.into(),
        tenant: None,
        session: None,
        token_id: None,
        assurance: Assurance::Aal1,
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What an admin's request comes to.
fn asked(method: &str, target: &str, body: &str) -> Result<Operation, AdminError> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let endpoint = find(method, &format!("{PREFIX}{path}"))?;
    let bearer = principal("admin");
    let caller = Caller::Bearer(&bearer);
    let actor = permit(&endpoint, Some(&admin()), address(HOME), caller)?;
    let never_ban = ["203.0.113.0/24".parse().unwrap()];
    let context = Context {
        now: NOW,
        actor: &actor,
        caller,
        client: address(HOME),
        never_ban: &never_ban,
    };
    operation(endpoint, query, body.as_bytes(), &context)
}

fn pushed(body: &str, nonce: [u8; 16]) -> Result<Operation, AdminError> {
    let endpoint = find("POST", gapura_shared::push::PATH)?;
    let caller = Caller::Origin {
        nonce,
        principal: None,
    };
    let actor = permit(&endpoint, None, address("192.0.2.1"), caller)?;
    let context = Context {
        now: NOW,
        actor: &actor,
        caller,
        client: address("192.0.2.1"),
        never_ban: &[],
    };
    operation(endpoint, "", body.as_bytes(), &context)
}

/// Carries an operation out as the shell does; the answer, its JSON and the event.
fn done(ledger: &mut Ledger, operation: &Operation) -> (u16, Value, Option<(Kind, String)>) {
    let now = NOW.seconds();
    let outcome = match operation {
        Operation::ListBans(search) => Outcome::Page(ledger.search(search, now)),
        Operation::GetMode => Outcome::Mode(ledger.attack(now).cloned()),
        Operation::Export(format) => {
            Outcome::List(crate::ledger::list::export(ledger.bans(now), *format, now))
        }
        Operation::ShowSubject(_) => Outcome::Subject(SubjectState {
            shard: Value::Null,
            ban: None,
        }),
        Operation::AddBan { batch, .. }
        | Operation::LiftBan { batch, .. }
        | Operation::SetMode { batch, .. }
        | Operation::Import { batch, .. }
        | Operation::Push(batch) => Outcome::Applied {
            applied: ledger.apply(batch.clone(), NOW).unwrap(),
            in_shard: false,
        },
    };
    let applied = match &outcome {
        Outcome::Applied { applied, .. } => applied.clone(),
        _ => Applied::default(),
    };
    let reply = match reply(operation, outcome, now) {
        Ok(reply) => reply,
        Err(why) => why.reply(&RequestId::from_random([1; 16])),
    };
    let bearer = principal("admin");
    let actor = permit(
        &Endpoint::AddBan,
        Some(&admin()),
        address(HOME),
        Caller::Bearer(&bearer),
    );
    let facts = facts("POST", "http://h/_gapura/v1/x", &[]);
    let event = event(
        operation,
        &applied,
        &actor.unwrap(),
        &facts,
        reply.status,
        NOW,
    );
    let body = serde_json::from_slice(&reply.body)
        .unwrap_or_else(|_| Value::String(String::from_utf8(reply.body).unwrap()));
    if let Some(event) = &event {
        assert_eq!(event.actor.as_deref(), Some("user:op"));
    }
    (
        reply.status,
        body,
        event.map(|event| (event.event, event.reason)),
    )
}

#[test]
fn finds_endpoints_and_nothing_else() {
    for (method, path, wanted) in [
        ("GET", "bans", Endpoint::ListBans),
        (
            "DELETE",
            "bans/ip:192.0.2.0/24",
            Endpoint::LiftBan("ip:192.0.2.0/24".into()),
        ),
        (
            "DELETE",
            "bans/ip:192.0.2.0%2F24",
            Endpoint::LiftBan("ip:192.0.2.0/24".into()),
        ),
        (
            "GET",
            "subjects/user:u",
            Endpoint::ShowSubject("user:u".into()),
        ),
        ("PUT", "mode", Endpoint::SetMode),
        ("POST", "ledger", Endpoint::Push),
    ] {
        assert_eq!(find(method, &format!("{PREFIX}{path}")), Ok(wanted));
    }
    for path in [
        "/_gapura/v1",
        "/_gapura/v2/bans",
        "/_gapura/v1/",
        "/_gapura/v1/x",
        "/_gapura/v1/bansx",
    ] {
        assert_eq!(find("GET", path), Err(AdminError::NotFound), "{path}");
    }
    let method = find("PUT", "/_gapura/v1/bans").unwrap_err();
    assert_eq!(
        method,
        AdminError::Method {
            allow: "GET, HEAD, POST"
        }
    );
    assert_eq!(method.reply(&RequestId::from_random([1; 16])).status, 405);
    assert!(find("DELETE", "/_gapura/v1/bans/").is_err());
    assert!(find("DELETE", "/_gapura/v1/bans/%ff").is_err());
}

#[test]
fn lets_in_whom_the_policy_names() {
    let (good, bad) = (principal("admin"), principal("user"));
    let (near, far) = (address(HOME), address("192.0.2.1"));
    let may = |endpoint: &Endpoint, admin: Option<&Admin>, client, caller| {
        permit(endpoint, admin, client, caller).map(|actor| actor.to_string())
    };
    let admin = admin();
    let list = Endpoint::ListBans;
    let bearer = Caller::Bearer(&good);
    assert_eq!(
        may(&list, Some(&admin), near, bearer).as_deref(),
        Ok("user:op")
    );
    assert_eq!(may(&list, None, near, bearer), Err(AdminError::NotFound));
    assert_eq!(
        may(&list, Some(&admin), far, bearer),
        Err(AdminError::NotFound)
    );
    assert_eq!(
        may(&list, Some(&admin), near, Caller::Nobody),
        Err(AdminError::Unauthenticated)
    );
    assert_eq!(
        may(&list, Some(&admin), near, Caller::Bearer(&bad)),
        Err(AdminError::Forbidden)
    );
    assert_eq!(
        may(&Endpoint::Push, Some(&admin), near, bearer),
        Err(AdminError::NotFound)
    );
    let origin = Caller::Origin {
        nonce: [0; 16],
        principal: Some(&good),
    };
    assert_eq!(
        may(&Endpoint::Push, None, far, origin).as_deref(),
        Ok("origin for user:op")
    );
    assert_eq!(
        may(&Endpoint::SetMode, Some(&admin), near, origin),
        Err(AdminError::Forbidden)
    );
    let careful = Admin {
        assurance: Assurance::Aal2,
        ..admin.clone()
    };
    assert_eq!(
        may(&list, Some(&careful), near, bearer),
        Err(AdminError::Assurance)
    );
    let both = Principal {
        assurance: Assurance::Aal2,
        ..good.clone()
    };
    assert!(may(&list, Some(&careful), near, Caller::Bearer(&both)).is_ok());
    assert!(may(&Endpoint::AddBan, Some(&careful), far, origin).is_ok());
    let anywhere = Admin {
        allow: Vec::new(),
        ..admin
    };
    assert!(may(&list, Some(&anywhere), far, bearer).is_ok());
}

#[test]
fn a_ban_is_added_listed_and_lifted() {
    let mut ledger = Ledger::default();
    let body = r#"{"target":"192.0.2.0/24","reason":"scans","seconds":60}"#;
    let add = asked("POST", "bans", body).unwrap();
    let (status, json, event) = done(&mut ledger, &add);
    assert_eq!(
        (status, json.to_string()),
        (201, r#"{"id":"ip:192.0.2.0/24","until":1060}"#.into())
    );
    let told = (
        Kind::BanAdded,
        "ip:192.0.2.0/24 until 1060: scans".to_owned(),
    );
    assert_eq!(event, Some(told));
    let search = asked("GET", "bans?q=SCAN&kind=ip&limit=1", "").unwrap();
    let (status, json, event) = done(&mut ledger, &search);
    assert_eq!(status, 200);
    assert_eq!(
        json,
        json!({ "bans": [{
            "id": "ip:192.0.2.0/24",
            "source": "operator",
            "reason": "scans",
            "actor": "user:op",
            "since": 1000,
            "until": 1060,
        }] })
    );
    assert_eq!(event, None);
    let lift = asked("DELETE", "bans/ip:192.0.2.0/24", "").unwrap();
    let (status, _, event) = done(&mut ledger, &lift);
    assert_eq!(
        (status, event),
        (204, Some((Kind::BanLifted, "ip:192.0.2.0/24".into())))
    );
    assert_eq!(done(&mut ledger, &lift).0, 404);
}

#[test]
fn a_ban_of_an_ipv6_address_is_its_clients() {
    let mut ledger = Ledger::default();
    let body = r#"{"target":"2001:db8:1:2::1","reason":"scans","permanent":true}"#;
    let add = asked("POST", "bans", body).unwrap();
    assert_eq!(done(&mut ledger, &add).1["id"], "ip:2001:db8:1:2::/64");
    for id in ["ip:2001:db8:1:2::9", "ip:2001:db8:1:2::%2F64"] {
        let _ = done(&mut ledger, &add);
        let lift = asked("DELETE", &format!("bans/{id}"), "").unwrap();
        assert_eq!(done(&mut ledger, &lift).0, 204, "{id}");
    }
    let import = asked(
        "POST",
        "import?list=drop",
        "2001:db8:1:3::1\n2001:db8:1:3::2\n",
    )
    .unwrap();
    assert_eq!(done(&mut ledger, &import).1["added"], 1);
}

#[test]
fn an_import_without_a_name_adds_and_leaves_what_was_banned_by_hand() {
    let mut ledger = Ledger::default();
    let body = r#"{"target":"192.0.2.1","reason":"scans","permanent":true}"#;
    let _ = done(&mut ledger, &asked("POST", "bans", body).unwrap());
    for text in ["192.0.2.1\n192.0.2.2\n", "192.0.2.3\n"] {
        let import = asked("POST", "import?seconds=60", text).unwrap();
        let (_, told, _) = done(&mut ledger, &import);
        assert_eq!((&told["added"], &told["lifted"]), (&json!(1), &json!(0)));
    }
    let search = asked("GET", "bans?q=192.0.2.1", "").unwrap();
    let (_, found, _) = done(&mut ledger, &search);
    assert_eq!(found["bans"][0]["source"], "operator");
    assert_eq!(found["bans"][0]["until"], Value::Null);
}

#[test]
fn refuses_what_makes_no_sense() {
    for (method, target, body, wanted) in [
        ("POST", "bans", "{", "the body: EOF"),
        (
            "POST",
            "bans",
            r#"{"target":"x","reason":"a","seconds":1}"#,
            "`target` must be an address",
        ),
        (
            "POST",
            "bans",
            r#"{"target":"1.2.3.4","reason":"","seconds":1}"#,
            "`reason` must be 1 to 256",
        ),
        (
            "POST",
            "bans",
            r#"{"target":"1.2.3.4","reason":"a"}"#,
            "one of `seconds`, `until` and `permanent`",
        ),
        (
            "POST",
            "bans",
            r#"{"target":"1.2.3.4","reason":"a","seconds":1,"permanent":true}"#,
            "one of",
        ),
        (
            "POST",
            "bans",
            r#"{"target":"1.2.3.4","reason":"a","until":1000}"#,
            "the end must be 1 to",
        ),
        (
            "POST",
            "bans",
            r#"{"target":"1.2.3.4","reason":"a","seconds":1,"x":1}"#,
            "unknown field",
        ),
        (
            "POST",
            "bans",
            r#"{"target":"0.0.0.0/0","reason":"a","seconds":1}"#,
            "too wide",
        ),
        (
            "POST",
            "bans",
            r#"{"target":"203.0.113.9","reason":"a","seconds":1}"#,
            "can never be banned",
        ),
        (
            "POST",
            "bans",
            r#"{"target":"198.51.100.0/28","reason":"a","seconds":1}"#,
            "that you ask from",
        ),
        ("GET", "bans?limit=0", "", "`limit` must be 1 to 1000"),
        ("GET", "bans?limit=x", "", "`limit` must be a number"),
        (
            "GET",
            "bans?x=1",
            "",
            "the parameters are q, kind, limit, after",
        ),
        ("GET", "bans?q=1&q=2", "", "`q` is given twice"),
        ("GET", "bans?q=%", "", "the query cannot be read"),
        ("DELETE", "bans/x:y", "", "a subject is one of"),
        ("GET", "subjects/ip", "", "a subject is one of"),
        ("PUT", "mode", r#"{"under_attack":true}"#, "one of"),
        (
            "PUT",
            "mode",
            r#"{"under_attack":false,"seconds":1}"#,
            "what is off has no end",
        ),
        (
            "GET",
            "export?format=pdf",
            "",
            "`format` must be one of cidr, firehol, crowdsec, crowdsec-csv",
        ),
        (
            "POST",
            "import",
            "x",
            "1 faults, the first: line 1: not an IPv4",
        ),
        ("GET", "mode", "x", "the body has more than 0 bytes"),
    ] {
        let why = asked(method, target, body).unwrap_err();
        assert!(
            why.to_string().contains(wanted),
            "{method} {target} {body}: {why}"
        );
        let reply = why.reply(&RequestId::from_random([1; 16]));
        assert!((400..500).contains(&reply.status));
    }
}

#[test]
fn the_mode_is_switched_and_shown() {
    let mut ledger = Ledger::default();
    let show = asked("GET", "mode", "").unwrap();
    assert_eq!(done(&mut ledger, &show).1["under_attack"], false);
    let on = asked("PUT", "mode", r#"{"under_attack":true,"seconds":600}"#).unwrap();
    let (_, json, event) = done(&mut ledger, &on);
    assert_eq!(
        (&json["under_attack"], &json["until"]),
        (&true.into(), &1600.into())
    );
    assert_eq!(
        event,
        Some((Kind::ModeChanged, "under attack until 1600".into()))
    );
    assert_eq!(done(&mut ledger, &show).1, json);
    let off = asked("PUT", "mode", r#"{"under_attack":false}"#).unwrap();
    assert_eq!(
        done(&mut ledger, &off).2,
        Some((Kind::ModeChanged, "normal".into()))
    );
    assert_eq!(done(&mut ledger, &show).1["under_attack"], false);
}

#[test]
fn a_list_goes_in_and_out() {
    let mut ledger = Ledger::default();
    let text = "# a list\n192.0.2.1\n10.0.0.0/8\n192.0.3.0/24\n";
    let import = asked("POST", "import?list=drop&seconds=60", text).unwrap();
    let (_, json, event) = done(&mut ledger, &import);
    assert_eq!(
        json.to_string(),
        r#"{"added":2,"changed":0,"lifted":0,"skipped":1}"#
    );
    let told = "drop: 2 added, 0 changed, 0 lifted, 1 skipped".to_owned();
    assert_eq!(event, Some((Kind::BlockListImported, told)));
    let less = asked("POST", "import?list=drop&seconds=60", "192.0.2.1\n").unwrap();
    assert_eq!(done(&mut ledger, &less).1["lifted"], 1);
    let export = asked("GET", "export", "").unwrap();
    assert_eq!(
        done(&mut ledger, &export).1,
        Value::String("192.0.2.1\n".into())
    );
}

#[test]
fn the_origin_revokes_once_and_only_what_makes_sense() {
    let mut ledger = Ledger::default();
    let body = r#"{"revocations":[{"kind":"session","id":"s","until":2000},{"kind":"user","id":"u","until":2000,"not_before":999}]}"#;
    let push = pushed(body, [1; 16]).unwrap();
    let (status, json, event) = done(&mut ledger, &push);
    assert_eq!((status, json["revoked"].as_u64()), (200, Some(2)));
    assert_eq!(event, Some((Kind::Revoked, "2 revocations".into())));
    let Operation::Push(batch) = pushed(body, [1; 16]).unwrap() else {
        panic!()
    };
    let replayed = AdminError::from(ledger.apply(batch, NOW).unwrap_err());
    assert_eq!(
        (
            replayed.kind(),
            replayed.reply(&RequestId::from_random([1; 16])).status
        ),
        ("replayed", 409)
    );
    for (body, wanted) in [
        (
            r#"{"revocations":[{"kind":"session","id":"s","until":1,"not_before":1}]}"#,
            "revocations[0]: `not_before`",
        ),
        (
            r#"{"revocations":[{"kind":"user","id":"u","until":1}]}"#,
            "`not_before` belongs",
        ),
        (
            r#"{"revocations":[{"kind":"token","id":"","until":1}]}"#,
            "`id` must be 1 to 256",
        ),
    ] {
        assert!(
            pushed(body, [2; 16])
                .unwrap_err()
                .to_string()
                .contains(wanted)
        );
    }
    assert!(asked("POST", "ledger", body).is_err());
}

#[test]
fn an_outcome_that_does_not_fit_is_a_failure() {
    let page = Outcome::Page(Page::default());
    let failed = reply(&Operation::GetMode, page, UnixSeconds(1));
    assert_eq!(failed, Err(AdminError::Unavailable));
}
