//! `doctor` at an origin that has a gate.

use gapura_tests::{Edge, EdgeConfig, Origin};

#[test]
fn tells_whether_the_gate_takes_our_seals_and_has_our_time() {
    let origin = Origin::start();
    let edge = Edge::start(&EdgeConfig::for_origin(&origin));
    origin.tell(&edge);
    let (severity, told) = origin.doctor("seal");
    assert_eq!(severity, "ok", "{told}");
    let (severity, told) = origin.doctor("clock");
    assert_eq!(severity, "ok", "{told}");
}

#[test]
fn tells_of_a_gate_that_has_another_key_or_is_not_there() {
    let origin = Origin::start();
    let mut config = EdgeConfig::for_origin(&origin);
    config.seal_keys = format!("k1:{}", "A".repeat(43));
    let edge = Edge::start(&config);
    origin.tell(&edge);
    let (severity, told) = origin.doctor("seal");
    assert_eq!(severity, "fail", "{told}");
    assert!(told.contains("refuses our seals"), "{told}");
    assert!(!told.contains(&origin.seal_keys), "{told}");
    drop(edge);
    let (severity, told) = origin.doctor("seal");
    assert_eq!(severity, "fail", "{told}");
}
