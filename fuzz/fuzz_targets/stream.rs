//! A body that is inspected while it passes, cut in two ways.
#![no_main]

use gapura_edge::waf::fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::stream(bytes));
