//! Shapes at random.

use super::{SPOTS, look, put};
use crate::waf::Settings;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn inspect_never_panics(
        path in any::<String>(), query in any::<String>(), value in any::<String>(),
        body in proptest::collection::vec(any::<u8>(), 0..400), kind in 0_usize..6,
    ) {
        let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/xml", "", "image/png"];
        let headers = [("cookie", value.as_str()), ("referer", &value), ("x-a", &value)];
        let report = look(&Settings::default(), &path, &query, &headers, Some((kinds[kind], &body)));
        prop_assert!(report.findings.len() <= 32);
    }

    #[test]
    fn inspect_never_panics_on_hostile_shapes(text in "[-'\"`()<>{}$#%&|;:=./\\\\*@!,\\[\\] a-z0-9\n]{0,120}|(select|union|or|from|,|\\(|'|\\)| |1|=|--|/\\*){0,60}") {
        for spot in SPOTS {
            let _ = put(&Settings::default(), spot, &text);
        }
    }
}
