//! `/rest/v1` on every engine, through the seal.

mod attack;
mod change;
mod collision;
mod command;
mod conflict;
mod fault;
mod field;
mod full;
mod header;
mod json;
mod kill;
mod limit;
mod lines;
mod once;
mod openapi;
mod policy;
mod postgres;
mod read;
mod rotate;
mod schema;
mod schemathesis;
mod sealed;
mod search;
mod stock;
mod types;
mod upsert;
mod write;

use crate::past;
use crate::{
    client::{Answer, Call},
    engines::Engine,
    harness::{CONFIG, Origin, Site},
};
use gapura_shared::{claims::Assurance, identity::Principal};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// The tables of the development stack.
const NOTES: &str = include_str!("../../../notes/notes.toml");

pub(super) const ADA: &str = "00000000-0000-4000-8000-00000000000a";
pub(super) const BOB: &str = "00000000-0000-4000-8000-00000000000b";

/// A machine under load takes its time to lend a connection, and SQLite has one writer.
pub(super) fn config() -> String {
    CONFIG.replace("acquire_s = 1", "acquire_s = 20")
}

/// An origin that serves `notes` and `note_tags`.
pub(super) fn notes(engine: Engine) -> (Site, Origin) {
    let site = Site::on(engine, &format!("{}notes = true\n{NOTES}", config()));
    let origin = site.start();
    (site, origin)
}

/// Somebody with a role.
#[derive(Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) origin: &'a Origin,
    pub(super) id: Option<&'a str>,
    pub(super) role: &'a str,
    pub(super) tenant: Option<&'a str>,
    pub(super) assurance: Assurance,
    pub(super) session: Option<&'a str>,
    pub(super) token: Option<&'a str>,
}

impl<'a> Who<'a> {
    pub(super) const fn user(origin: &'a Origin, id: &'a str) -> Self {
        Self {
            origin,
            id: Some(id),
            role: "user",
            tenant: None,
            assurance: Assurance::Aal1,
            session: None,
            token: None,
        }
    }

    pub(super) const fn admin(origin: &'a Origin) -> Self {
        Self {
            origin,
            id: Some("00000000-0000-4000-8000-00000000000c"),
            role: "admin",
            tenant: None,
            assurance: Assurance::Aal1,
            session: None,
            token: None,
        }
    }

    pub(super) const fn anon(origin: &'a Origin) -> Self {
        Self {
            origin,
            id: None,
            role: "anon",
            tenant: None,
            assurance: Assurance::Aal1,
            session: None,
            token: None,
        }
    }

    pub(super) fn ask(
        &self,
        method: &str,
        target: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, target, &body, headers)
    }

    /// Sends a target whose query is not encoded yet.
    pub(super) fn send(
        &self,
        method: &str,
        target: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let target = encoded(target);
        let mut call = Call::post(&target, body);
        call.method = method;
        if let Some((_, value)) = headers.iter().find(|(name, _)| *name == "content-type") {
            call.content_type = Some(*value);
        }
        if body.is_empty() {
            call.content_type = None;
        }
        call.principal = Some(Principal {
            subject: self.id.map(str::to_owned),
            role: self.role.into(),
            tenant: self.tenant.map(str::to_owned),
            session: self.session.map(str::to_owned),
            token_id: self.token.map(str::to_owned),
            assurance: self.assurance,
        });
        let mut wire = call.seal(self.origin);
        for (name, value) in headers.iter().filter(|(name, _)| *name != "content-type") {
            wire.add(name, value);
        }
        self.origin.send(&wire)
    }

    pub(super) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &Value::Null, &[])
    }

    /// The rows of an answer that must be 200.
    pub(super) fn rows(&self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(
            answer.status,
            200,
            "{target}: {answer:?}\n{}",
            self.origin.log()
        );
        answer.json()
    }

    /// Adds rows and answers them.
    pub(super) fn add(&self, table: &str, rows: &Value) -> Value {
        let answer = self.ask(
            "POST",
            &format!("/rest/v1/{table}"),
            rows,
            &[("prefer", "return=representation")],
        );
        assert_eq!(answer.status, 201, "{answer:?}\n{}", self.origin.log());
        answer.json()
    }

    /// A note, and its id.
    pub(super) fn note(&self, title: &str) -> String {
        let rows = self.add("notes", &json!({ "title": title }));
        rows[0]["id"].as_str().unwrap().to_owned()
    }

    /// The answer must be this refusal.
    pub(super) fn refused(
        &self,
        method: &str,
        target: &str,
        body: &Value,
        status: u16,
        code: &str,
    ) {
        let answer = self.ask(method, target, body, &[]);
        let told = if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        };
        assert_eq!(
            (answer.status, told["code"].as_str().unwrap_or_default()),
            (status, code),
            "{method} {target} {body}: {told}"
        );
    }
}

/// A target with its query's values encoded, as clients do. An `&` within a value has blanks around it.
fn encoded(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let query = query.replace(" & ", " \u{0} ");
    let pairs = query.split('&').map(|pair| {
        let pair = pair.replace('\u{0}', "&");
        let (name, value) = pair.split_once('=').unwrap_or((&pair, ""));
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        format!("{}={}", encode(name), encode(value))
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}
