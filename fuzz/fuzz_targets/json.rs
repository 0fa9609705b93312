//! The JSON reader.
#![no_main]

use gapura_edge::waf::fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::body("application/json", bytes));
