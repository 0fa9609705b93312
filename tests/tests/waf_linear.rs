//! Doubling the input at most doubles the firewall's work, in instructions and not in time: the
//! firewall runs as the WebAssembly that a Worker would, in an interpreter that counts them. So
//! the reading is the same on every machine, busy or not, and needs no privilege.
//!
//! Every piece of text that some detector, decoder or reader reacts to is repeated: 4 KB against
//! 8 KB as a value, 1 KB against 2 KB in each other kind of body and place, and the dearest of all
//! from 1 KB to 1 MB. What a byte costs is bounded as well: no piece may grow as dear as those that
//! once took more than ten milliseconds for 128 KB.
#![expect(clippy::cast_precision_loss, reason = "the counts stay far below 2^52")]

use std::{path::Path, process::Command};

use wasmi::{Config, Engine, Instance, Linker, Module, Store, TypedFunc};

/// What doubling may cost: twice, and a twentieth for tables that start to be used.
const TOLERANCE: f64 = 2.0 * 1.05;
/// Instructions that an inspection costs whatever it is given: the head of the request.
const FIXED: f64 = 400_000.0;
/// Instructions that a byte may cost in a body, of a whole inspection: the difference of two sizes
/// would count a change of reading for a price, as where one quotation mark more is no JSON and is
/// read as text besides. What costs more in two kilobytes must not in a whole body, where the meter
/// ends it; the dearest of them comes to 12,800.
const DEAREST: f64 = 13_500.0;

/// Bytes of a body that a route reads as a whole.
const BODY: u32 = 128 << 10;

struct Firewall {
    store: Store<()>,
    run: TypedFunc<(u32, u32, u32), u32>,
    /// Requests there are; those up to `values` are one text, those up to `bodies` have a body.
    count: u32,
    values: u32,
    bodies: u32,
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
        let mut number = |name| {
            let function = instance.get_typed_func::<(), u32>(&store, name).unwrap();
            function.call(&mut store, ()).unwrap()
        };
        let (count, values, bodies) = (number("count"), number("values"), number("bodies"));
        let mut firewall = Self {
            store,
            run,
            count,
            values,
            bodies,
        };
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
        let size: u32 = if number < firewall.values {
            4 << 10
        } else {
            1 << 10
        };
        let half = firewall.instructions(number, size);
        let whole = firewall.instructions(number, 2 * size);
        // A text that is read otherwise once it has this length, as one quote too many, is no fault.
        let is_steep = whole > half * TOLERANCE + FIXED
            && firewall.instructions(number, 4 * size) > whole * TOLERANCE + FIXED;
        if is_steep {
            let twice = 2 * size;
            faults.push(format!(
                "request {number}: {half} at {size} bytes, {whole} at {twice}"
            ));
        }
        let each = whole / f64::from(2 * size);
        if number < firewall.bodies && each > DEAREST {
            // The meter stops what goes on as dear as it begins.
            let each = firewall.instructions(number, BODY) / f64::from(BODY);
            println!("request {number}: {each:.0} instructions a byte of a whole body");
            if each > DEAREST {
                faults.push(format!("request {number}: {each} for a byte"));
            }
        }
        dearest.push((each, number));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    dearest.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (each, number) in dearest.into_iter().take(2) {
        println!("request {number}: {each:.0} instructions a byte");
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
