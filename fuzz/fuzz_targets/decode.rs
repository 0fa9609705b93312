//! Stage one: no panic, bounded rounds, no growth.
#![no_main]

use gapura_edge::waf::fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decode(bytes));
