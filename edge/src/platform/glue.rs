//! Bindings of `glue.js`.

use super::now;
use crate::runtime::Inspection;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::console_warn;

#[wasm_bindgen(module = "/src/platform/glue.js")]
extern "C" {
    /// Method, URL and headers in one crossing.
    pub(crate) fn facts(request: &web_sys::Request) -> String;
    /// Method, URL and the few headers that a refusal needs.
    pub(crate) fn brief(request: &web_sys::Request) -> String;
    /// Continent and autonomous system of the client, with a space between.
    pub(crate) fn place(request: &web_sys::Request) -> String;
    /// Keeps headers under a number; the first one makes it forget all others.
    pub(crate) fn keep(number: u32, headers: &str, is_first: bool);
    /// An answer with the headers kept under `fixed` and those of its `own`.
    pub(crate) fn answer(
        status: u16,
        fixed: u32,
        own: &str,
        body: Option<&[u8]>,
    ) -> web_sys::Response;
    /// A response that goes on with the body of another one.
    pub(crate) fn relay(
        status: u16,
        fixed: u32,
        own: &str,
        response: &JsValue,
    ) -> web_sys::Response;
    #[wasm_bindgen(js_name = readBody)]
    pub(crate) fn read_body(message: &JsValue, limit: f64) -> Promise;
    pub(crate) fn send(
        url: &str,
        method: &str,
        headers: &str,
        body: &JsValue,
        timeout_ms: u32,
    ) -> Promise;
    #[wasm_bindgen(js_name = sendInspected)]
    pub(crate) fn send_inspected(
        url: &str,
        method: &str,
        headers: &str,
        request: &JsValue,
        timeout_ms: u32,
        limit: f64,
        inspector: Inspector,
    ) -> Promise;
    pub(crate) fn pause(ms: u32) -> Promise;
    pub(crate) fn ask(namespace: &JsValue, name: &str, question: &str, budget_ms: u32) -> Promise;
    pub(crate) fn later(context: &JsValue, promise: &Promise);
}

/// The inspection of a body that streams, as `glue.js` calls it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Inspector(Inspection);

impl Inspector {
    pub(crate) const fn new(inspection: Inspection) -> Self {
        Self(inspection)
    }

    /// Nobody waits for the verdict any more once the answer began: it is written down here.
    fn tell(&self) {
        if let Some(event) = self.0.late(now()) {
            console_warn!("{}", serde_json::to_string(&event).unwrap_or_default());
        }
    }
}

#[wasm_bindgen]
impl Inspector {
    /// Takes the next bytes; whether the request is to be stopped.
    pub fn push(&self, bytes: &[u8]) -> bool {
        let is_stopped = self.0.push(bytes);
        self.tell();
        is_stopped
    }

    /// Ends the body; whether the request is to be stopped.
    pub fn finish(&self) -> bool {
        let is_stopped = self.0.finish();
        self.tell();
        is_stopped
    }
}

/// Bytes as a JavaScript array of their own: Wasm memory moves while a request is under way.
pub(crate) fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}
