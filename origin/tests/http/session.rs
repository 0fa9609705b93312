//! Sessions: how many end, and which, and how a stolen token shows.

use crate::{
    auth::{outcome, refresh, text},
    client::{Call, claims_of, told},
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    mail::EMAIL,
    past,
    person::{Person, operator, revoked},
};
use gapura_shared::push;
use serde_json::{Value, json};

on_every_engine!(
    a_reused_refresh_token_ends_its_session_and_is_told,
    a_token_says_all_that_the_gate_reads,
    many_old_sessions_end_without_the_one_that_asks,
    a_spent_refresh_cookie_ends_nothing,
    of_too_many_sessions_the_idlest_ends,
    a_dead_refresh_cookie_is_taken_away,
    an_end_of_a_membership_holds_whatever_its_member_asks_for_meanwhile,
);

/// Lets time pass for all that has happened.
fn age(site: &Site, ms: u64) {
    past::sql(
        site,
        &format!("UPDATE refresh_token SET used_at = used_at - {ms}"),
    );
    past::sql(
        site,
        &format!("UPDATE session SET last_seen_at = last_seen_at - {ms}"),
    );
}

fn a_reused_refresh_token_ends_its_session_and_is_told(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let person = Person::new(&origin, EMAIL);
    let other = person.again();
    let next = refresh(&origin, &person.refresh_token).json();
    age(&site, 10_001);
    let body = json!({ "refresh_token": person.refresh_token }).to_string();
    let wire = Call::post("/auth/v1/token?grant_type=refresh_token", &body).seal(&origin);
    let answer = origin.send(&wire);
    assert_eq!(told(&answer), (400, "refresh_token_already_used".into()));
    let ended = vec![(push::Kind::Session, person.session.clone())];
    assert_eq!(revoked(&outcome(&wire, &answer)), ended);
    origin.await_log("TOKEN_REUSE");
    let successor = refresh(&origin, &text(&next["refresh_token"]));
    assert_eq!(told(&successor), (400, "session_expired".into()));
    assert!(other.is_in());
}

fn a_token_says_all_that_the_gate_reads(engine: Engine) {
    let (_site, origin) = Origin::on(engine);
    let person = Person::new(&origin, EMAIL);
    let token = text(&refresh(&origin, &person.refresh_token).json()["access_token"]);
    let claims = claims_of(&token);
    for (name, value) in [
        ("iss", json!("gapura")),
        ("aud", json!("authenticated")),
        ("sub", json!(person.id)),
        ("role", json!("user")),
        ("tenant_id", Value::Null),
        ("session_id", json!(person.session)),
        ("aal", json!("aal1")),
    ] {
        assert_eq!(claims[name], value, "{name}: {claims}");
    }
    assert_eq!(claims["amr"][0]["method"], "password");
    let lived = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(lived, 900);
    let other = claims_of(&text(
        &crate::auth::login(&origin, EMAIL, "correct horse").json()["access_token"],
    ));
    assert_ne!(other["jti"], claims["jti"]);
    assert_eq!(text(&claims["jti"]).len(), 36);
}

fn many_old_sessions_end_without_the_one_that_asks(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let first = Person::new(&origin, EMAIL);
    for _ in 0..65 {
        first.again();
    }
    // Nobody used them for longer than an access token lives.
    age(&site, 3_600_000);
    let (second, asks) = (first.again(), first.again());
    let (answer, outcome) = asks.told("POST", "/auth/v1/logout?scope=others", "");
    assert_eq!(answer.status, 204);
    let ended = vec![(push::Kind::Session, second.session.clone())];
    assert_eq!(revoked(&outcome), ended);
    assert!(!first.is_in() && !second.is_in() && asks.is_in());
}

fn of_too_many_sessions_the_idlest_ends(engine: Engine) {
    let site = Site::on(
        engine,
        &CONFIG.replace("[auth]", "[auth]\nmax_sessions = 3"),
    );
    let origin = site.start();
    let first = Person::new(&origin, EMAIL);
    age(&site, 60_000);
    let second = first.again();
    age(&site, 60_000);
    let third = first.again();
    age(&site, 60_000);
    assert!(first.is_in(), "and is the latest now");
    let stranger = Person::new(&origin, "other@example.com");
    age(&site, 1);
    let body = crate::auth::credentials(EMAIL, "correct horse");
    let wire = Call::post("/auth/v1/token?grant_type=password", &body).seal(&origin);
    let answer = origin.send(&wire);
    assert_eq!(answer.status, 200);
    let ended = vec![(push::Kind::Session, second.session.clone())];
    assert_eq!(revoked(&outcome(&wire, &answer)), ended);
    assert!(!second.is_in() && third.is_in() && stranger.is_in());
}

fn a_dead_refresh_cookie_is_taken_away(engine: Engine) {
    let site = Site::on(engine, &CONFIG.replace("[auth]", "[auth]\ncookies = true"));
    let origin = site.start();
    let person = Person::new(&origin, EMAIL);
    let cookie = format!("__Host-gapura-refresh={}", person.refresh_token);
    let logout = person.ask("POST", "/auth/v1/logout", &Value::Null);
    assert_eq!(logout.status, 204);
    let target = "/auth/v1/token?grant_type=refresh_token&cookies=true";
    let wire = Call::post(target, "").seal(&origin).with("cookie", &cookie);
    let answer = origin.send(&wire);
    assert_eq!(told(&answer), (400, "session_expired".into()));
    let set = &answer.headers["set-cookie"];
    assert!(set.contains("Max-Age=0"), "{set}");
}

fn a_spent_refresh_cookie_ends_nothing(engine: Engine) {
    let site = Site::on(engine, &CONFIG.replace("[auth]", "[auth]\ncookies = true"));
    let origin = site.start();
    let person = Person::new(&origin, EMAIL);
    let other = person.again();
    let next = text(&refresh(&origin, &person.refresh_token).json()["refresh_token"]);
    age(&site, 10_001);
    let logout = |token: &str| {
        let wire = Call::post("/auth/v1/logout", "").seal(&origin);
        let cookie = format!("__Host-gapura-refresh={token}");
        origin.send(&wire.with("cookie", &cookie)).status
    };
    assert_eq!(logout(&person.refresh_token), 401);
    assert!(other.is_in());
    assert_eq!(logout(&next), 204);
    assert_eq!(logout(&next), 401, "ended");
    assert!(!other.is_in());
}

fn an_end_of_a_membership_holds_whatever_its_member_asks_for_meanwhile(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let admin = operator(&site, &origin, "admin@x.id", "admin");
    let person = Person::new(&origin, EMAIL);
    let body = json!({ "name": "Gudang" });
    let tenant = admin.ask("POST", "/auth/v1/admin/tenants", &body).json();
    let tenant = text(&tenant["id"]);
    let member = format!("/auth/v1/admin/tenants/{tenant}/members/{}", person.id);
    for _ in 0..40 {
        assert!(admin.ask("PUT", &member, &Value::Null).status < 300);
        let none = json!({ "tenant_id": null });
        assert_eq!(person.ask("PUT", "/auth/v1/tenants", &none).status, 200);
        let meant = json!({ "tenant_id": tenant });
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                admin.ask("DELETE", &member, &Value::Null)
            });
            barrier.wait();
            person.ask("PUT", "/auth/v1/tenants", &meant);
        });
        let acts_for = past::one(
            &site,
            &format!("SELECT tenant_id FROM user_account WHERE email = '{EMAIL}'"),
        );
        assert_eq!(acts_for, None);
    }
}
