//! The second factor over HTTP, as `supabase.auth.mfa` asks for it.

mod code;
mod level;
mod owner;

use crate::{
    client::{Answer, Call, claims_of, now},
    harness::Origin,
};
use gapura_origin::auth::second_factor::totp::{STEP_S, TotpSecret};
use gapura_shared::{claims::Assurance, identity::Principal};
use serde_json::{Value, json};

const EMAIL: &str = "made@example.com";

const PASSWORD: &str = "correct horse";

fn claims(session: &Value) -> Value {
    claims_of(session["access_token"].as_str().unwrap())
}

/// Whom the edge would name for it.
fn principal(session: &Value) -> Principal {
    let claims = claims(session);
    let text = |name: &str| claims[name].as_str().map(str::to_owned);
    Principal {
        subject: text("sub"),
        role: text("role").unwrap(),
        tenant: text("tenant_id"),
        session: text("session_id"),
        token_id: text("jti"),
        assurance: Assurance::of_claim(claims["aal"].as_str().unwrap()),
    }
}

fn ask(origin: &Origin, session: &Value, method: &str, path: &str, body: &Value) -> Answer {
    ask_from(origin, "192.0.2.1", session, method, path, body)
}

fn ask_from(
    origin: &Origin,
    client: &str,
    session: &Value,
    method: &str,
    path: &str,
    body: &Value,
) -> Answer {
    let target = format!("/auth/v1{path}");
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let call = Call {
        method,
        principal: Some(principal(session)),
        client,
        ..Call::post(&target, &text)
    };
    origin.send(&call.seal(origin))
}

fn login_as(origin: &Origin, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    let session = origin.post("/auth/v1/token?grant_type=password", &body);
    assert_eq!(session.status, 200, "{session:?}");
    session.json()
}

fn login(origin: &Origin) -> Value {
    login_as(origin, EMAIL)
}

fn register(origin: &Origin, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    assert_eq!(origin.post("/auth/v1/signup", &body).status, 200);
    login_as(origin, email)
}

fn refresh(origin: &Origin, session: &Value) -> Answer {
    let body = json!({ "refresh_token": session["refresh_token"] }).to_string();
    origin.post("/auth/v1/token?grant_type=refresh_token", &body)
}

/// A factor and its secret.
struct Factor {
    id: String,
    secret: TotpSecret,
    answer: Value,
}

fn enrol(origin: &Origin, session: &Value, name: &str) -> Answer {
    let body = json!({ "factor_type": "totp", "friendly_name": name });
    ask(origin, session, "POST", "/factors", &body)
}

fn enrolled(origin: &Origin, session: &Value) -> Factor {
    let answer = enrol(origin, session, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    Factor {
        id: answer["id"].as_str().unwrap().into(),
        secret: TotpSecret::from_base32(answer["totp"]["secret"].as_str().unwrap()).unwrap(),
        answer,
    }
}

impl Factor {
    /// Codes of this step and the next one are both good, also when the clock moves on by one meanwhile.
    fn code(&self, ahead: u64) -> String {
        self.secret.code(now().0 / STEP_S + ahead)
    }

    fn challenge(&self, origin: &Origin, session: &Value) -> String {
        let path = format!("/factors/{}/challenge", self.id);
        let answer = ask(
            origin,
            session,
            "POST",
            &path,
            &json!({ "factorId": self.id }),
        );
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["id"].as_str().unwrap().into()
    }

    fn answer(&self, origin: &Origin, session: &Value, challenge: &str, code: &str) -> Answer {
        let path = format!("/factors/{}/verify", self.id);
        let body = json!({ "challenge_id": challenge, "code": code });
        ask(origin, session, "POST", &path, &body)
    }

    fn verify(&self, origin: &Origin, session: &Value, code: &str) -> Answer {
        let challenge = self.challenge(origin, session);
        self.answer(origin, session, &challenge, code)
    }

    fn proven(&self, origin: &Origin, session: &Value, ahead: u64) -> Value {
        let raised = self.verify(origin, session, &self.code(ahead));
        assert_eq!(raised.status, 200, "{raised:?}");
        raised.json()
    }
}

fn recovery(origin: &Origin, session: &Value, code: &Value) -> Answer {
    let body = json!({ "code": code });
    ask(
        origin,
        session,
        "POST",
        "/factors/recovery-codes/verify",
        &body,
    )
}
