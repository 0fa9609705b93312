//! What the gate is to hear reaches it, whether an answer does or not.

use crate::{
    client::Call,
    engines::{Engine, on_every_engine},
    harness::{CONFIG, Origin, Site},
    mail::EMAIL,
    past::{self, Held},
    person::{PASSWORD, Person, operator},
    push::receive,
};
use gapura_shared::push::{Kind, PATH, Push, Revocation};
use serde_json::{Value, json};
use std::{
    io::Write,
    net::TcpListener,
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

on_every_engine!(
    what_ends_is_told_though_nobody_waits_for_the_answer,
    what_the_gate_refused_another_process_tells,
    what_has_expired_by_itself_is_told_no_more,
    a_request_is_finished_whose_client_hung_up,
    nothing_is_kept_for_a_gate_that_is_not_known,
    what_a_command_cannot_tell_a_running_origin_tells,
);

/// A gate that hears pushes; it answers the first ones with `refusals`.
struct Gate {
    authority: String,
    heard: Receiver<Revocation>,
}

impl Gate {
    fn start(refusals: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let (tell, heard) = mpsc::channel();
        thread::spawn(move || {
            for count in 0.. {
                let status = if count < refusals {
                    "503 Busy"
                } else {
                    "200 OK"
                };
                let received = receive(&listener, status);
                assert_eq!(received.line, format!("POST {PATH} HTTP/1.1\r\n"));
                let push: Push = serde_json::from_slice(&received.body).unwrap();
                for revocation in push.revocations {
                    if tell.send(revocation).is_err() {
                        return;
                    }
                }
            }
        });
        Self { authority, heard }
    }

    fn site(&self, engine: Engine) -> Site {
        let edge = format!(
            "[edge]\nurl = \"http://{}\"\n[log]\nlevel = \"debug\"\n",
            self.authority
        );
        let config = CONFIG.replace("acquire_s = 1", "acquire_s = 30");
        Site::on(engine, &format!("{config}{edge}"))
    }

    fn next(&self) -> Revocation {
        let heard = self.heard.recv_timeout(Duration::from_mins(1));
        heard.expect("nothing is told")
    }

    /// The next ones, in any order.
    fn hears(&self, expected: &[(Kind, &str)]) {
        let mut heard: Vec<_> = expected
            .iter()
            .map(|_| self.next())
            .map(|one| (one.kind as u8, one.id))
            .collect();
        let mut wanted: Vec<_> = expected
            .iter()
            .map(|(kind, id)| (*kind as u8, (*id).to_owned()))
            .collect();
        heard.sort();
        wanted.sort();
        assert_eq!(heard, wanted);
    }
}

/// Sends a request of a person and hangs up as soon as it has begun.
fn hang_up(person: &Person<'_>, method: &str, target: &str, body: &Value) {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut call = Call::post(target, &body)
        .subject(Some(&person.id))
        .session(&person.session);
    call.method = method;
    let origin = person.origin;
    let begun = || origin.log().matches("\"begun\"").count();
    let before = begun();
    let mut stream = origin.connect();
    stream.write_all(&call.seal(origin).bytes()).unwrap();
    for _ in 0..4_000 {
        if begun() > before {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{method} {target} does not begin:\n{}", origin.log());
}

fn what_ends_is_told_though_nobody_waits_for_the_answer(engine: Engine) {
    let gate = Gate::start(0);
    let site = gate.site(engine);
    let origin = site.start();
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let person = Person::new(&origin, EMAIL);
    let session = Kind::Session;

    let other = person.again();
    hang_up(&other, "POST", "/auth/v1/logout?scope=local", &Value::Null);
    gate.hears(&[(session, &other.session)]);
    let other = person.again();
    let target = format!("/auth/v1/sessions/{}", other.session);
    hang_up(&person, "DELETE", &target, &Value::Null);
    gate.hears(&[(session, &other.session)]);
    let other = person.again();
    let password = json!({ "password": "sembilan kuda hijau" });
    hang_up(&person, "PUT", "/auth/v1/user", &password);
    gate.hears(&[(session, &other.session)]);
    assert!(person.is_in());

    // A reused refresh token.
    let stolen = Person::known(&origin, EMAIL, "sembilan kuda hijau");
    assert!(stolen.is_in());
    past::sql(&site, "UPDATE refresh_token SET used_at = used_at - 10001");
    assert!(!stolen.is_in());
    gate.hears(&[(session, &stolen.session)]);

    let account = format!("/auth/v1/admin/users/{}", person.id);
    for change in [
        json!({ "password": PASSWORD }),
        json!({ "role": "admin" }),
        json!({ "ban_duration": "1s" }),
    ] {
        past::sql(&site, "UPDATE user_account SET banned_until = NULL");
        let password = if change.get("password").is_some() {
            "sembilan kuda hijau"
        } else {
            PASSWORD
        };
        let known = Person::known(&origin, EMAIL, password);
        hang_up(&admin, "PUT", &account, &change);
        if change.get("password").is_some() {
            gate.hears(&[(session, &known.session), (session, &person.session)]);
        } else {
            gate.hears(&[(session, &known.session)]);
        }
    }

    let tenant = admin.ask("POST", "/auth/v1/admin/tenants", &json!({ "name": "Toko" }));
    let tenant = tenant.json()["id"].as_str().unwrap().to_owned();
    let member = format!("/auth/v1/admin/tenants/{tenant}/members/{}", person.id);
    assert_eq!(admin.ask("PUT", &member, &Value::Null).status, 204);
    hang_up(&admin, "DELETE", &member, &Value::Null);
    let told = gate.next();
    assert_eq!((told.kind, &told.id), (Kind::User, &person.id));
    assert!(told.not_before.is_some() && told.until > told.not_before.unwrap());
    let target = format!("/auth/v1/admin/tenants/{tenant}");
    hang_up(&admin, "DELETE", &target, &Value::Null);
    gate.hears(&[(Kind::Tenant, &tenant)]);
    hang_up(&admin, "DELETE", &account, &Value::Null);
    gate.hears(&[(Kind::User, &person.id)]);

    // What was told is told once.
    await_none(&site);
    assert!(gate.heard.try_recv().is_err());
}

/// Waits until nothing is left to tell.
fn await_none(site: &Site) {
    let left = || past::one(site, "SELECT CAST(COUNT(*) AS CHAR(9)) FROM revocation");
    for _ in 0..4_000 {
        if left().unwrap().trim() == "0" {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{:?} are left", left());
}

fn what_has_expired_by_itself_is_told_no_more(engine: Engine) {
    let gate = Gate::start(1);
    let site = gate.site(engine);
    let origin = site.start();
    let person = Person::new(&origin, EMAIL);
    let out = person.ask("POST", "/auth/v1/logout", &Value::Null);
    assert_eq!(out.status, 204);
    gate.hears(&[(Kind::Session, &person.session)]);
    origin.await_log("the gate is not told of revocations yet");
    let expired = "UPDATE revocation SET due_at = 0, until_s = 1";
    past::sql(&site, expired);
    await_none(&site);
    assert!(gate.heard.try_recv().is_err());
}

fn what_the_gate_refused_another_process_tells(engine: Engine) {
    let gate = Gate::start(1);
    let site = gate.site(engine);
    let origin = site.start();
    let person = Person::new(&origin, EMAIL);
    assert_eq!(
        person.ask("POST", "/auth/v1/logout", &Value::Null).status,
        204
    );
    gate.hears(&[(Kind::Session, &person.session)]);
    origin.await_log("the gate is not told of revocations yet");
    origin.kill();
    let _other = site.start();
    // The lease of who failed ends.
    past::sql(&site, "UPDATE revocation SET due_at = 0");
    gate.hears(&[(Kind::Session, &person.session)]);
}

fn a_request_is_finished_whose_client_hung_up(engine: Engine) {
    let gate = Gate::start(0);
    let site = gate.site(engine);
    let origin = site.start();
    let admin = operator(&site, &origin, "admin@example.com", "admin");
    let person = Person::new(&origin, EMAIL);
    let held = Held::account(&site, &person.id);
    let account = format!("/auth/v1/admin/users/{}", person.id);
    let soft = json!({ "should_soft_delete": true });
    hang_up(&admin, "DELETE", &account, &soft);
    // A request that ended with its connection would end here, before anything has changed.
    thread::sleep(Duration::from_millis(500));
    drop(held);
    gate.hears(&[(Kind::Session, &person.session)]);
    // Not only its first transaction.
    origin.await_log("ACCOUNT_DELETED");
    origin.await_log("admin-soft");
}

fn what_a_command_cannot_tell_a_running_origin_tells(engine: Engine) {
    let gate = Gate::start(0);
    let site = gate.site(engine);
    let origin = site.start();
    // Of another machine, from where nobody reaches the gate.
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = nowhere.local_addr().unwrap().to_string();
    drop(nowhere);
    site.configure(&format!("{CONFIG}[edge]\nurl = \"http://{away}\"\n"));
    for change in [
        ["role", "--role", "editor", "--make-missing"].as_slice(),
        &["disable"],
        &["enable"],
        &["logout"],
    ] {
        let is_told = change[0] == "enable";
        let person = (!is_told).then(|| Person::new(&origin, EMAIL));
        let args = [&["users"], change, &["--email", EMAIL]].concat();
        let output = site.command(&args).output().unwrap();
        assert_eq!(output.status.success(), is_told, "{args:?}");
        if let Some(person) = person {
            gate.hears(&[(Kind::Session, &person.session)]);
        }
    }
}

fn nothing_is_kept_for_a_gate_that_is_not_known(engine: Engine) {
    let (site, origin) = Origin::on(engine);
    let person = Person::new(&origin, EMAIL);
    let (answer, outcome) = person.told("POST", "/auth/v1/logout", "");
    assert_eq!(answer.status, 204);
    assert_eq!(outcome.revoked.len(), 1, "the answer tells it");
    let rows = past::one(&site, "SELECT CAST(COUNT(*) AS CHAR(9)) FROM revocation");
    assert_eq!(rows.unwrap().trim(), "0");
}
