//! Doubling the input at most doubles the firewall's work, in instructions and not in time: the
//! firewall runs as the WebAssembly that a Worker would, in an interpreter that counts them. So
//! the reading is the same on every machine, busy or not, and needs no privilege.
//!
//! Every piece of text that some detector, decoder or reader reacts to is repeated: 4 KB against
//! 8 KB as a value, 1 KB against 2 KB in each other kind of body and place, and the dearest of all
//! from 1 KB to 1 MB.
#![expect(clippy::cast_precision_loss, reason = "the counts stay far below 2^52")]

use std::{path::Path, process::Command};

use wasmi::{Config, Engine, Instance, Linker, Module, Store, TypedFunc};

/// What doubling may cost: twice, and a twentieth for tables that start to be used.
const TOLERANCE: f64 = 2.0 * 1.05;
/// Instructions that an inspection costs whatever it is given: the head of the request.
const FIXED: f64 = 400_000.0;

struct Firewall {
    store: Store<()>,
    run: TypedFunc<(u32, u32, u32), u32>,
    count: u32,
}

impl Firewall {
    fn load() -> Self {
        let engine = Engine::new(Config::default().consume_fuel(true));
        let module = Module::new(&engine, build()).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX).unwrap();
        let instance: Instance = Linker::new(&engine)
            .instantiate_and_start(&mut store, &module)
            .unwrap();
        let run = instance.get_typed_func(&store, "run").unwrap();
        let count = instance
            .get_typed_func::<(), u32>(&store, "count")
            .unwrap()
            .call(&mut store, ())
            .unwrap();
        let mut firewall = Self { store, run, count };
        // The tables are built on first use.
        firewall.instructions(0, 0);
        firewall
    }

    /// What inspecting the numbered request of this size takes, and making it.
    fn instructions(&mut self, number: u32, size: u32) -> f64 {
        let before = self.store.get_fuel().unwrap();
        self.run.call(&mut self.store, (number, size, 1)).unwrap();
        (before - self.store.get_fuel().unwrap()) as f64
    }
}

/// The firewall as a module.
fn build() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/waf");
    let target = folder.join("target");
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--lib", "--target"])
        .args(["wasm32-unknown-unknown", "--target-dir"])
        .arg(&target)
        .current_dir(&folder)
        .status()
        .unwrap();
    assert!(built.success(), "the firewall builds for WebAssembly");
    std::fs::read(target.join("wasm32-unknown-unknown/release/gapura_waf_cost.wasm")).unwrap()
}

#[test]
fn doubling_any_input_at_most_doubles_the_instructions() {
    let mut firewall = Firewall::load();
    let mut faults = Vec::new();
    let mut dearest = Vec::new();
    for number in 1..firewall.count {
        let (half, whole) = (
            firewall.instructions(number, 8 << 10),
            firewall.instructions(number, 16 << 10),
        );
        if whole > half * TOLERANCE + FIXED {
            faults.push(format!(
                "request {number}: {half} at 8 KB, {whole} at 16 KB"
            ));
        }
        dearest.push((whole, number));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    dearest.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (_, number) in dearest.into_iter().take(2) {
        let mut half = firewall.instructions(number, 1 << 10);
        for size in (11..=20).map(|power| 1 << power) {
            let whole = firewall.instructions(number, size);
            if whole > half * TOLERANCE + FIXED {
                faults.push(format!(
                    "request {number}: {half}, then {whole} at {size} bytes"
                ));
            }
            half = whole;
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
