//! [`Runtime`] on Workers.

use super::glue;
use crate::{
    durable,
    runtime::{
        BodyFault, Late, Object, Outbound, OutboundBody, Place, Received, Runtime, SendFault,
    },
};
use gapura_shared::{event::Event, time::UnixMillis};
use js_sys::{Array, Date, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::{Env, console_warn};

/// The platform for one request.
pub(crate) struct WorkerRuntime<'a> {
    pub(crate) request: &'a web_sys::Request,
    pub(crate) env: &'a Env,
    pub(crate) context: &'a JsValue,
}

/// How long an object may take that nobody waits for.
const LATER_MS: u32 = 10_000;

/// How long is waited before each further attempt to tell an object what must not be lost, and
/// for its answer: less than the half minute in all that the platform leaves after an answer.
const AGAIN_MS: [u32; 3] = [500, 2_000, 6_000];
const INSISTENT_MS: u32 = 5_000;

/// Where an object is asked.
struct Address {
    namespace: JsValue,
    name: String,
}

impl Address {
    fn of(env: &Env, object: Object<'_>) -> Option<Self> {
        let (binding, name) = match object {
            Object::Guard(shard) => (durable::GUARD_BINDING, shard),
            Object::Ledger => (durable::LEDGER_BINDING, durable::LEDGER_NAME),
        };
        let namespace = Reflect::get(env, &JsValue::from_str(binding)).ok()?;
        namespace.is_object().then(|| Self {
            namespace,
            name: name.to_owned(),
        })
    }

    /// The question is under way at once.
    fn ask(&self, question: &str, budget_ms: u32) -> JsFuture {
        JsFuture::from(glue::ask(&self.namespace, &self.name, question, budget_ms))
    }
}

/// The answer within its budget; else `late` has it when it comes.
async fn answer(
    asked: Option<(Address, JsFuture)>,
    context: &JsValue,
    late: Late,
) -> Option<String> {
    let (address, asked) = asked?;
    let answer = asked.await.ok()?;
    if let Some(question) = answer.dyn_ref::<Array>() {
        let question = JsFuture::from(Promise::resolve(&question.get(0)));
        let heard = async move {
            let text = question.await.ok().and_then(|text| text.as_string());
            if let Some(message) = text.and_then(|text| late(&text, now())) {
                // Nobody waits for it.
                let _ = address.ask(&message, LATER_MS).await;
            }
            Ok(JsValue::UNDEFINED)
        };
        glue::later(context, &future_to_promise(heard));
        return None;
    }
    answer.as_string()
}

impl<'a> Runtime for WorkerRuntime<'a> {
    type Response = JsValue;

    fn now(&self) -> UnixMillis {
        now()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        super::random()
    }

    fn log(&self, event: &Event) {
        console_warn!("{}", serde_json::to_string(event).unwrap_or_default());
    }

    async fn pause(&self, ms: u32) {
        // A timer does not fail, and nothing hangs on its outcome.
        let _ = JsFuture::from(glue::pause(ms)).await;
    }

    fn ask(
        &self,
        object: Object<'_>,
        question: &str,
        budget_ms: u32,
        late: Late,
    ) -> impl Future<Output = Option<String>> + use<'a> {
        let asked = Address::of(self.env, object).map(|address| {
            let asked = address.ask(question, budget_ms);
            (address, asked)
        });
        answer(asked, self.context, late)
    }

    fn tell(
        &self,
        object: Object<'_>,
        message: &str,
        then: impl FnOnce(Option<String>, UnixMillis) -> Option<String> + 'static,
    ) {
        let asked = Address::of(self.env, object).map(|address| address.ask(message, LATER_MS));
        let told = async move {
            let answer = match asked {
                Some(asked) => asked.await.ok().and_then(|text| text.as_string()),
                None => None,
            };
            if let Some(line) = then(answer, now()) {
                console_warn!("{line}");
            }
            Ok(JsValue::UNDEFINED)
        };
        glue::later(self.context, &future_to_promise(told));
    }

    fn after(&self, ms: u32, then: impl FnOnce() + 'static) {
        let rung = async move {
            let _ = JsFuture::from(glue::pause(ms)).await;
            then();
            Ok(JsValue::UNDEFINED)
        };
        glue::later(self.context, &future_to_promise(rung));
    }

    fn insist(
        &self,
        object: Object<'_>,
        message: &str,
        accepts: impl Fn(&str) -> bool + 'static,
        lost: Event,
    ) {
        let (address, message) = (Address::of(self.env, object), message.to_owned());
        let told = async move {
            for pause_ms in AGAIN_MS {
                let _ = JsFuture::from(glue::pause(pause_ms)).await;
                let Some(address) = &address else { break };
                let answer = address.ask(&message, INSISTENT_MS).await;
                let answer = answer.ok().and_then(|answer| answer.as_string());
                if answer.is_some_and(|answer| accepts(&answer)) {
                    return Ok(JsValue::UNDEFINED);
                }
            }
            console_warn!("{}", serde_json::to_string(&lost).unwrap_or_default());
            Ok(JsValue::UNDEFINED)
        };
        glue::later(self.context, &future_to_promise(told));
    }

    fn place(&self) -> Place {
        let text = glue::place(self.request);
        let (continent, asn) = text.split_once(' ').unwrap_or_default();
        Place {
            continent: continent.to_owned(),
            asn: asn.parse().ok(),
        }
    }

    async fn read_body(&self, limit: u64) -> Result<Vec<u8>, BodyFault> {
        read(self.request.as_ref(), limit).await
    }

    async fn send(&self, outbound: &Outbound<'_>) -> Result<Received<JsValue>, SendFault> {
        let body = match outbound.body {
            OutboundBody::Empty => JsValue::NULL,
            OutboundBody::Bytes(bytes) => glue::bytes(bytes),
            OutboundBody::Stream { .. } => self.request.body().map_or(JsValue::NULL, JsValue::from),
        };
        let headers = join(
            outbound
                .headers
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );
        let sent = match outbound.body {
            OutboundBody::Stream {
                max_bytes,
                inspection: Some(inspection),
            } if !body.is_null() => glue::send_inspected(
                &outbound.url,
                outbound.method,
                &headers,
                self.request.as_ref(),
                outbound.timeout_ms,
                number(max_bytes),
                glue::Inspector::new(inspection.clone()),
            ),
            _ => glue::send(
                &outbound.url,
                outbound.method,
                &headers,
                &body,
                outbound.timeout_ms,
            ),
        };
        let parts =
            JsFuture::from(sent)
                .await
                .map_err(|fault| match fault.as_string().as_deref() {
                    Some("timeout") => SendFault::Timeout,
                    Some("blocked") => SendFault::Blocked,
                    Some("too long") => SendFault::TooLong,
                    Some("ended") => SendFault::Ended,
                    _ => SendFault::Unreachable,
                })?;
        received(&parts).ok_or(SendFault::Unreachable)
    }

    async fn text(&self, response: JsValue, limit: u64) -> Option<String> {
        String::from_utf8(read(&response, limit).await.ok()?).ok()
    }
}

/// The runtime's clock, in whole milliseconds.
pub(crate) fn now() -> UnixMillis {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "milliseconds since 1970 are positive and far below 2^53"
    )]
    UnixMillis(Date::now() as u64)
}

/// Headers in the one text that `glue.js` takes. A value with a line break would
/// become a header of its own; the platform never hands one over, and none is made here.
pub(crate) fn join<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::with_capacity(1024);
    let breaks = |value: &str| value.bytes().any(|b| matches!(b, b'\n' | b'\r' | 0));
    for (name, value) in headers.filter(|(_, value)| !breaks(value)) {
        text.push_str(name);
        text.push('\0');
        text.push_str(value);
        text.push('\n');
    }
    text
}

/// A limit or a time as JavaScript's number.
#[expect(
    clippy::cast_precision_loss,
    reason = "limits and times are far below 2^53"
)]
pub(super) const fn number(limit: u64) -> f64 {
    limit as f64
}

async fn read(message: &JsValue, limit: u64) -> Result<Vec<u8>, BodyFault> {
    let promise = glue::read_body(message, number(limit));
    let bytes = JsFuture::from(promise)
        .await
        .map_err(|_| BodyFault::Ended)?;
    match bytes.dyn_into::<Uint8Array>() {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(_) => Err(BodyFault::TooLong),
    }
}

fn received(parts: &JsValue) -> Option<Received<JsValue>> {
    let parts: &Array = parts.dyn_ref()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a status of the runtime is 100 to 999"
    )]
    let status = parts.get(0).as_f64()? as u16;
    let headers = parts
        .get(1)
        .as_string()?
        .lines()
        .filter_map(|line| line.split_once('\0'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Some(Received {
        status,
        headers,
        response: parts.get(2),
    })
}
