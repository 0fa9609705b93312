use super::*;
use crate::waf::field::tests::Seen;

fn read(text: &[u8], seen: &mut Seen) {
    let mut json = Json::new(Bounds::WHOLE);
    json.push(text, seen);
    json.finish(seen);
}

#[test]
fn nesting_beyond_the_bound_is_a_finding() {
    let mut seen = Seen::default();
    read("[".repeat(MAX_DEPTH + 1).as_bytes(), &mut seen);
    assert_eq!(seen.broken.len(), 1);
}

#[test]
fn too_many_strings_are_a_finding() {
    let mut seen = Seen::default();
    let many = "\"\",".repeat(Bounds::WHOLE.strings);
    read(format!("[{many}\"\"]").as_bytes(), &mut seen);
    assert_eq!(seen.broken.len(), 1);
}

#[test]
fn text_that_is_no_json_is_read_as_text_too() {
    for text in [
        "{hello world}",
        "{\"a\": 1",
        "{\"a\": NaN}",
        "{'a': 'b'}",
        "{\"a\": 1} /* x */",
        "[\"a\"]]",
        "[\"a",
    ] {
        let mut seen = Seen::default();
        read(text.as_bytes(), &mut seen);
        let whole = format!("text ={text}");
        assert!(seen.fields.contains(&whole), "{text}: {:?}", seen.fields);
    }
}

#[test]
fn names_values_by_their_path_and_sees_duplicates() {
    let mut seen = Seen::default();
    let json = br#"{"a":{"b":"x","c":["y",1,true]},"d":"z","d":"\u003c\n\"","e":null}"#;
    read(json, &mut seen);
    let values: Vec<_> = seen
        .fields
        .iter()
        .filter(|line| !line.starts_with("JSON key"))
        .collect();
    assert_eq!(
        values,
        [
            "JSON value a.b=x",
            "JSON value a.c=y",
            "JSON value d=z",
            "JSON value d=<\n\""
        ]
    );
}

#[test]
fn json_within_values_is_told_from_what_resembles_it() {
    for json in [
        "{\"a\":1}",
        " [\"x\", {\"b\": null}] ",
        "{\"a\":\"}\"}",
        "[[\"a\"]]",
    ] {
        assert!(is_json(json.as_bytes()), "{json}");
    }
    for other in [
        "",
        "{",
        "[1]",
        "{}",
        "{{7*7}}",
        "[\"a\"] or 1=1",
        "{a:1}",
        "{\"a\":'b'}",
        "[link](x)",
    ] {
        assert!(!is_json(other.as_bytes()), "{other}");
    }
}
