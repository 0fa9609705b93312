use proptest::prelude::*;

use super::*;

/// The last view, and what was undone to reach it.
fn last(text: &str) -> (String, String) {
    let view = views(Part::Query, text.as_bytes()).last().unwrap();
    let text = String::from_utf8(view.text.into_owned()).unwrap();
    (text, view.steps.to_string())
}

fn assert_undone(cases: &[(&str, &str)]) {
    for (encoded, plain) in cases {
        assert_eq!(last(encoded).0, *plain, "{encoded}");
    }
}

#[test]
fn undoes_percent_encoding() {
    assert_undone(&[
        ("%3Cscript%3E", "<script>"),
        ("%253Cscript%253E", "<script>"),
        ("%25253Cscript", "<script"),
        ("%252525252525253C%2525", "<%"),
        ("%%32%66etc", "/etc"),
        ("%u003cscript", "<script"),
        ("%uff0e%uff0e%u2215", "../"),
        ("1%2527%2bor%2b1", "1' or 1"),
    ]);
}

#[test]
fn undoes_overlong_utf8() {
    assert_undone(&[
        ("%c0%ae%c0%ae/", "../"),
        ("%e0%80%af", "/"),
        ("%f0%80%80%af", "/"),
        ("%fc%80%80%80%80%af", "/"),
        ("..%c0%2f", "../"),
        ("..%c1%1c", "..\\"),
        ("..%c0%9v", "../"),
        ("..%c0%qf", "../"),
        ("..%c1%8s", "..\\"),
        ("..%c1%pc", "..\\"),
    ]);
}

#[test]
fn undoes_html_references() {
    assert_undone(&[
        ("&lt;script&#62;&#x2f;&#0000060", "<script>/<"),
        ("&#x000000000000000000000000000003c;b", "<b"),
        ("&ltimg src&equals;x&gt", "<img src=x>"),
        ("javascript&colon;alert&lpar;1&rpar;", "javascript:alert(1)"),
        ("java&Tab;script&NewLine;", "java\tscript\n"),
        ("a&shy;b&ZeroWidthSpace;c", "abc"),
        ("&amp;lt;b&amp;gt;", "<b>"),
    ]);
}

#[test]
fn undoes_backslash_escapes() {
    assert_undone(&[
        ("\\x3cscript\\u003e\\u{2f}", "<script>/"),
        ("\\u{0000003c}\\U0000003c", "<<"),
        ("\\ud835\\udc00", "A"),
        ("\\074\\163\\143ript\\76", "<script>"),
        ("\\3cscript\\3e", "<script>"),
        ("\\00003c script", "<script"),
        ("\\000061lert", "alert"),
        ("e\\78 pression", "expression"),
        ("javasc\\72 ipt", "javascript"),
        ("\\u0026lt;b", "<b"),
    ]);
}

#[test]
fn folds_confusable_and_drops_invisible_characters() {
    assert_undone(&[
        ("\u{ff1c}script\u{ff1e}", "<script>"),
        (
            "\u{1d4fc}\u{1d4ec}\u{1d4fb}\u{1d4f2}\u{1d4f9}\u{1d4fd}",
            "script",
        ),
        ("\u{24e2}\u{24d4}\u{24db}\u{24d4}\u{24d2}\u{24e3}", "select"),
        ("\u{2460}\u{1d7cf}\u{00b9}\u{2081}", "1111"),
        ("\u{ff07} \u{2b9} \u{2032}", "' ' '"),
        ("\u{2025}\u{2044}etc\u{2215}passwd", "../etc/passwd"),
        ("127\u{3002}0\u{ff0e}0\u{ff61}1", "127.0.0.1"),
        ("<\u{17f}cript>", "<script>"),
        ("union\u{a0}select\u{3000}1", "union select 1"),
        ("%27%a0or%a01", "' or 1"),
        ("java\0script", "javascript"),
        ("sc\u{200b}r\u{ad}i\u{feff}pt", "script"),
    ]);
}

#[test]
fn undoes_base64() {
    assert_undone(&[
        (
            "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
            "<script>alert(1)</script>",
        ),
        (
            "PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg",
            "<script>alert(1)</script>",
        ),
        ("JyBvciAxPTEtLQ%253D%253D", "' or 1=1--"),
        ("e3s3Kjd9fQ==", "{{7*7}}"),
        // Both alphabets, and plus signs that a form made spaces.
        ("Pz8/Pj4+Pz8/Pj4+", "???>>>???>>>"),
        ("Pz8_Pj4-Pz8_Pj4-", "???>>>???>>>"),
        ("Pz8/Pj4 Pz8/Pj4 ", "???>>>???>>"),
        ("PHNjcmlw\r\ndD5hbGVy\r\ndCgxKQ==", "<script>alert(1)"),
        (
            "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
            "data:text/html;base64,<script>alert(1)</script>",
        ),
        (
            "/api/items/Li4vLi4vLi4vZXRjL3Bhc3N3ZA==",
            "/api/items/../../../etc/passwd",
        ),
        (
            "/public/files/PHNjcmlwdD5hbGVydCgxKQ==",
            "/public/files/<script>alert(1)",
        ),
        // UTF-16, as `powershell -enc` wants it; twice; and of escapes.
        ("dwBoAG8AYQBtAGkA", "whoami"),
        ("SkNCdmNpQXhQVEVnTFMwPQ==", "$ or 1=1 --"),
        ("XHUwMDNjc2NyaXB0XHUwMDNl", "<script>"),
    ]);
}

#[test]
fn undoes_hexadecimal() {
    assert_undone(&[
        ("3c7363726970743e", "<script>"),
        ("0x3c7363726970743e", "<script>"),
        ("1 or 0x61=0x61", "1 or a=a"),
        ("0x2e0x2e0x2fetc", "../etc"),
    ]);
}

#[test]
fn undoes_utf7_and_plus_signs() {
    assert_undone(&[
        ("+ADw-script+AD4-alert(1)", "<script>alert(1)"),
        ("+ACIAPg-b", "\">b"),
        ("1'+or+1=1", "1' or 1=1"),
    ]);
}

#[test]
fn tells_what_was_undone() {
    for (encoded, steps) in [
        ("plain", ""),
        ("%253C", "percent"),
        ("%3C%26lt;", "percent, then HTML entity"),
        ("%3C&lt;", "percent + HTML entity"),
        ("UEhOamNtbHdkRDVo%3D", "percent + base64, then base64"),
        ("%EF%BC%9C", "percent + confusable character"),
        (
            "\u{ff1c}\u{200b}",
            "confusable character + invisible character",
        ),
    ] {
        assert_eq!(last(encoded).1, steps, "{encoded}");
    }
}

#[test]
fn leaves_honest_text_alone() {
    for text in [
        "100% sure",
        "R&B",
        "C:\\new\\data\\face",
        "C++",
        "+628123456789",
        "fish & chips",
        "\u{201c}don\u{2019}t\u{201d}",
        "https://example.com/?a=b&number=5&gtm=1&lt_token=7",
        "deadbeefdeadbeefdeadbeef",
        "d41d8cd98f00b204e9800998ecf8427e",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "/wEPDwUKLTkxNzA5MTIzNWRk",
        "pembangunan-berkelanjutan-indonesia",
        "202611200930",
        "4111111111111111",
    ] {
        assert_eq!(views(Part::Query, text.as_bytes()).count(), 1, "{text}");
    }
}

#[test]
fn reads_forms_once() {
    assert_eq!(*form(b"a+b%2Bc%zz%4"), *b"a b+c%zz%4");
    assert_eq!(*form(b"plain"), *b"plain");
}

proptest! {
    #[test]
    fn never_panics_and_never_grows(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let views: Vec<_> = views(Part::Path, &text).collect();
        prop_assert!(views.len() <= MAX_VIEWS);
        prop_assert!(views.windows(2).all(|pair| pair[1].text.len() <= pair[0].text.len()));
    }

    #[test]
    fn never_panics_on_escapes(text in "[%&\\\\ux+#{};/=0-9a-fA-Flt\u{ff1c}\u{200b}\u{2026}]{0,80}") {
        let views: Vec<_> = views(Part::Query, text.as_bytes()).collect();
        prop_assert!(views.windows(2).all(|pair| pair[1].text.len() <= pair[0].text.len()));
        prop_assert!(form(text.as_bytes()).len() <= text.len());
    }

    #[test]
    fn cheap_test_never_misses_a_change(text in proptest::collection::vec(any::<u8>(), 0..60)) {
        prop_assert!(views(Part::Query, &text).count() == 1 || may_change(&text));
    }
}

#[test]
fn a_percent_sign_that_is_text_makes_no_spaces_of_plus_signs() {
    for encoded in ["%253C%2525%253D1%252B1%2525%253E", "&lt;%=1+1%&gt;"] {
        let mut views = views(Part::Query, encoded.as_bytes());
        assert!(views.any(|view| *view.text == *b"<%=1+1%>"), "{encoded}");
    }
}
