//! A whole request, written as its target, header lines, an empty line and the body.
#![no_main]

use gapura_edge::waf::fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::request(bytes));
