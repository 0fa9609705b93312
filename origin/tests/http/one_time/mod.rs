//! What links and codes let people do: once, for a while, and nothing else.

mod beginning;
mod change;
mod once;

use crate::{
    client::{Answer, Call},
    harness::Origin,
};
use serde_json::{Value, json};

fn verify(origin: &Origin, body: &Value) -> Answer {
    origin.post("/auth/v1/verify", &body.to_string())
}

fn by_link(origin: &Origin, kind: &str, token: &str) -> Answer {
    verify(origin, &json!({ "type": kind, "token_hash": token }))
}

fn by_code(origin: &Origin, kind: &str, email: &str, code: &str) -> Answer {
    by_code_from(origin, "192.0.2.1", kind, email, code)
}

fn by_code_from(origin: &Origin, client: &str, kind: &str, email: &str, code: &str) -> Answer {
    let body = json!({ "type": kind, "email": email, "token": code }).to_string();
    let call = Call {
        client,
        ..Call::post("/auth/v1/verify", &body)
    };
    origin.send(&call.seal(origin))
}

fn login(origin: &Origin, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password }).to_string();
    origin.post("/auth/v1/token?grant_type=password", &body)
}

fn otp(origin: &Origin, body: &Value) {
    let answer = origin.post("/auth/v1/otp", &body.to_string());
    assert_eq!((answer.status, answer.json()), (200, json!({})));
}

fn expired() -> (u16, String) {
    (403, "otp_expired".into())
}

fn email_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{:?}", answer.json());
    answer.json()["user"]["email"].as_str().unwrap().to_owned()
}
