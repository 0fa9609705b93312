//! Statements of which all are stored or none.

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{Result, State};

#[wasm_bindgen]
extern "C" {
    /// An object's storage, for what `worker` does not bind of it.
    pub(super) type Transactions;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transact(
        this: &Transactions,
        work: &mut dyn FnMut() -> std::result::Result<(), JsValue>,
    ) -> std::result::Result<JsValue, JsValue>;
}

impl Transactions {
    /// Those of an object, whose state is handed back.
    pub(super) fn of(state: State) -> (State, Self) {
        let state = state._inner();
        let storage = state.storage().map_or(JsValue::UNDEFINED, Into::into);
        (state.into(), storage.unchecked_into())
    }

    /// Does the work; where it fails, the object's storage is as before.
    pub(super) fn all(&self, mut work: impl FnMut() -> Result<()>) -> Result<()> {
        self.transact(&mut || Ok(work()?))?;
        Ok(())
    }
}
