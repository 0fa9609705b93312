//! Bindings of `repeat.js`, which answers a flood without a call into Wasm.

use super::worker_runtime::number;
use crate::{admin, admit::Repeat, guard::Repetition, respond::Refusal};
use gapura_shared::time::UnixMillis;
use js_sys::{Function, Object};
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(module = "/src/platform/repeat.js")]
extern "C" {
    fn begin(
        request: &web_sys::Request,
        response: &web_sys::Response,
        body: &str,
        times: u32,
        from: f64,
        until: f64,
        barred: Option<&str>,
    ) -> Object;
    fn end(entry: &Object) -> u32;
    fn repeater() -> Function;
}

/// What `main.js` needs of the scripts that are bound here.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Shim;

#[wasm_bindgen]
impl Shim {
    /// The function that has the refusal of a request, if one is to be repeated.
    pub fn repeater() -> Function {
        repeater()
    }
}

/// Has a refusal, just answered to a request, repeated.
pub(crate) fn repeat(
    request: &web_sys::Request,
    response: &web_sys::Response,
    refusal: &Refusal,
    repeat: &Repeat,
    now: UnixMillis,
) -> Option<Repetition> {
    let body = str::from_utf8(&refusal.body).ok()?;
    let entry = begin(
        request,
        response,
        body,
        repeat.times,
        number(now.0),
        number(repeat.until.0),
        repeat.everywhere.then_some(admin::PREFIX),
    );
    Some(Repetition::new(move || end(&entry)))
}
