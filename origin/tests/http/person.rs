//! People with a session, and what they ask for.

use crate::{
    auth::{credentials, login, outcome, refresh, session_of, text},
    client::{Answer, Call},
    harness::{Origin, Site},
};
use gapura_shared::{outcome::Outcome, push};
use serde_json::Value;

pub(crate) const PASSWORD: &str = "correct horse";

/// Somebody who is logged in.
pub(crate) struct Person<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) session: String,
    pub(crate) refresh_token: String,
}

impl<'a> Person<'a> {
    pub(crate) fn new(origin: &'a Origin, email: &str) -> Self {
        origin.post("/auth/v1/signup", &credentials(email, PASSWORD));
        Self::known(origin, email, PASSWORD)
    }

    pub(crate) fn known(origin: &'a Origin, email: &str, password: &str) -> Self {
        let answer = login(origin, email, password);
        assert_eq!(answer.status, 200, "{answer:?}");
        let session = answer.json();
        Self {
            origin,
            id: text(&session["user"]["id"]),
            email: email.into(),
            session: session_of(&text(&session["access_token"])),
            refresh_token: text(&session["refresh_token"]),
        }
    }

    /// Another device of the same person.
    pub(crate) fn again(&self) -> Self {
        Self::known(self.origin, &self.email, PASSWORD)
    }

    pub(crate) fn told(&self, method: &str, target: &str, body: &str) -> (Answer, Outcome) {
        let mut call = Call::post(target, body)
            .subject(Some(&self.id))
            .session(&self.session);
        call.method = method;
        let wire = call.seal(self.origin);
        let answer = self.origin.send(&wire);
        let outcome = outcome(&wire, &answer);
        (answer, outcome)
    }

    pub(crate) fn ask(&self, method: &str, target: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.told(method, target, &body).0
    }

    /// The answer must be this one.
    pub(crate) fn sees(&self, method: &str, target: &str, body: &Value, status: u16, code: &str) {
        let answer = self.ask(method, target, body);
        let told = if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()["code"].clone()
        };
        let told = told.as_str().unwrap_or_default();
        assert_eq!(
            (answer.status, told),
            (status, code),
            "{method} {target} {body}"
        );
    }

    pub(crate) fn is_in(&self) -> bool {
        refresh(self.origin, &self.refresh_token).status == 200
    }

    pub(crate) fn user(&self) -> Value {
        self.ask("GET", "/auth/v1/user", &Value::Null).json()
    }
}

/// An operator of this role.
pub(crate) fn operator<'a>(site: &Site, origin: &'a Origin, email: &str, role: &str) -> Person<'a> {
    let args = [
        "users",
        "add",
        "--email",
        email,
        "--role",
        role,
        "--make-missing",
    ];
    let output = site.command(&args).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let password = told
        .lines()
        .find_map(|line| line.strip_prefix("password: "));
    Person::known(origin, email, password.unwrap())
}

pub(crate) fn revoked(outcome: &Outcome) -> Vec<(push::Kind, String)> {
    let revoked = outcome.revoked.iter();
    revoked.map(|one| (one.kind, one.id.clone())).collect()
}
