//! Bodies without a type, read as what they look like.
#![no_main]

use gapura_edge::waf::fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::body("", bytes));
