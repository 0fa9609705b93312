//! What the edge does, as far as the origin sees it: seals, sends, reads.

use crate::harness::{Origin, SEAL_KEY};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::{
    claims::Assurance,
    identity::{self, Identity, Principal},
    ids::RequestId,
    seal::{self, Content, Keys, Message, digest},
    time::UnixSeconds,
};
use rand::{RngCore, rngs::OsRng};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write, io, io::BufRead, time::SystemTime};

pub(crate) fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixSeconds(since.unwrap().as_secs())
}

pub(crate) fn keys() -> Keys {
    Keys::parse(&format!("k1:{SEAL_KEY}")).unwrap()
}

/// What the edge would send.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) body: Vec<u8>,
    pub(crate) stream: Option<u64>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) instance: Option<&'a str>,
    pub(crate) principal: Option<Principal>,
    pub(crate) client: &'a str,
    pub(crate) now: UnixSeconds,
    pub(crate) keys: Keys,
}

impl<'a> Call<'a> {
    pub(crate) fn get(target: &'a str) -> Self {
        Self {
            method: "GET",
            target,
            body: Vec::new(),
            stream: None,
            content_type: None,
            instance: None,
            principal: None,
            client: "192.0.2.1",
            now: now(),
            keys: keys(),
        }
    }

    pub(crate) fn post(target: &'a str, body: &str) -> Self {
        Self {
            method: "POST",
            body: body.into(),
            content_type: Some("application/json;charset=UTF-8"),
            ..Self::get(target)
        }
    }

    pub(crate) fn instance(mut self, instance: &'a str) -> Self {
        self.instance = Some(instance);
        self
    }

    pub(crate) fn subject(mut self, subject: Option<&str>) -> Self {
        self.principal = Some(Principal {
            subject: subject.map(str::to_owned),
            role: "user".into(),
            tenant: None,
            session: None,
            token_id: None,
            assurance: Assurance::Aal1,
        });
        self
    }

    pub(crate) fn session(mut self, session: &str) -> Self {
        if let Some(principal) = &mut self.principal {
            principal.session = Some(session.to_owned());
        }
        self
    }

    pub(crate) fn seal(&self, origin: &Origin) -> Wire {
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let mut random = [0; 32];
        OsRng.fill_bytes(&mut random);
        let (id, nonce) = random.split_at(16);
        let field = Identity {
            request_id: RequestId::from_random(id.try_into().unwrap()),
            client: self.client.parse().unwrap(),
            host: "app.example".into(),
            principal: self.principal.clone(),
        }
        .to_field()
        .unwrap();
        let authority = origin.address.to_string();
        let instance = self.instance.unwrap_or(&origin.instance);
        let content_type = self.content_type;
        let content = match self.stream {
            Some(max_bytes) => Content::Stream {
                max_bytes: max_bytes.to_string().into(),
                content_type,
            },
            None if self.body.is_empty() => Content::Empty,
            None => Content::Digest {
                digest: digest::sha256(&self.body).into(),
                content_type,
            },
        };
        let message = Message {
            method: self.method,
            authority: &authority,
            path,
            query,
            identity: &field,
            instance,
            content: content.clone(),
        };
        let sealed = seal::sign(&message, &self.keys, self.now, nonce.try_into().unwrap());
        let mut wire = Wire {
            line: format!("{} {} HTTP/1.1", self.method, self.target),
            headers: vec![
                ("host".into(), authority.clone()),
                (seal::SIGNATURE_INPUT.into(), sealed.signature_input),
                (seal::SIGNATURE.into(), sealed.signature),
                (seal::INSTANCE.into(), format!("\"{instance}\"")),
                (identity::HEADER.into(), field.clone()),
            ],
            body: self.body.clone(),
        };
        match content {
            Content::Empty => {}
            Content::Digest { digest, .. } => wire.add(seal::CONTENT_DIGEST, &digest),
            Content::Stream { max_bytes, .. } => wire.add(seal::CONTENT_STREAM, &max_bytes),
        }
        if let Some(content_type) = content_type {
            wire.add("content-type", content_type);
        }
        if !self.body.is_empty() {
            wire.add("content-length", &self.body.len().to_string());
        }
        wire
    }
}

/// A request as bytes, open to tampering.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn bare(line: &str) -> Self {
        Self {
            line: line.into(),
            headers: vec![("host".into(), "x".into())],
            body: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.into(), value.into()));
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        let mut wire = self.without(name);
        wire.add(name, value);
        wire
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        &values.next().expect(name).1
    }

    /// The nonce of its seal.
    pub(crate) fn nonce(&self) -> [u8; 16] {
        let input = self.value(seal::SIGNATURE_INPUT);
        let encoded = input.split("nonce=\"").nth(1).unwrap().split('"').next();
        let nonce = URL_SAFE_NO_PAD.decode(encoded.unwrap()).unwrap();
        nonce.try_into().unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// A body in chunks (RFC 9112 §7.1), none of which has extensions, and no trailers.
fn chunks(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim_end(), 16);
        let length = length.map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let start = body.len();
        body.resize(start + length + 2, 0);
        stream.read_exact(&mut body[start..])?;
        body.truncate(start + length);
        if length == 0 {
            return Ok(body);
        }
    }
}

/// Its status and the code of its refusal.
pub(crate) fn told(answer: &Answer) -> (u16, String) {
    let code = answer.json()["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (answer.status, code)
}

/// What a token says.
pub(crate) fn claims_of(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

impl Answer {
    /// Status 0 when the connection ended without an answer.
    pub(crate) fn read(stream: &mut impl BufRead) -> Self {
        Self::try_read(stream).unwrap()
    }

    /// Fails when the connection ends within the answer, or is reset.
    pub(crate) fn try_read(stream: &mut impl BufRead) -> io::Result<Self> {
        let mut answer = Self::head(stream)?;
        if let Some(length) = answer.headers.get("content-length") {
            answer.body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut answer.body)?;
        } else if answer.headers.contains_key("transfer-encoding") {
            answer.body = chunks(stream)?;
        }
        Ok(answer)
    }

    /// All that comes in answer to HEAD: the length is that of a body that does not come.
    pub(crate) fn head(stream: &mut impl BufRead) -> io::Result<Self> {
        let mut answer = Self {
            status: 0,
            headers: BTreeMap::new(),
            body: Vec::new(),
        };
        let mut line = String::new();
        if !stream.read_line(&mut line).is_ok_and(|read| read > 0) {
            return Ok(answer);
        }
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        answer.status = status.ok_or(io::ErrorKind::UnexpectedEof)?;
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            answer.headers.insert(name.into(), value.into());
        }
        if !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The word in a problem's `type`.
    pub(crate) fn reason(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let told = self.json();
        let kind = told["type"].as_str().unwrap();
        kind.strip_prefix("urn:gapura:problem:").unwrap().into()
    }
}
