//! The page: one answer without anything to load, in the reader's language.
//!
//! It runs the script with the digest below and nothing else, loads nothing, and
//! talks to its own host alone. Nothing that a client sent is in it.

use super::puzzle::Puzzle;
use crate::facts::Facts;

const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

/// The page's headers. The digests are those of the script and the style.
pub(super) const HEADERS: &[(&str, &str)] = &[
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; \
         script-src 'sha256-kuOKaMU/XrTuGbap0CXpZPF7qIWGRNhZNh/PVkWShxc='; \
         style-src 'sha256-Wk194GQlzPmZSzFTb7CsJNEVD2LA0xpcuazJiJnNE7M='; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-robots-tag", "noindex"),
];

/// What the page says, in one language. No text needs escaping.
struct Words {
    lang: &'static str,
    title: &'static str,
    why: &'static str,
    working: &'static str,
    done: &'static str,
    failed: &'static str,
    cookies: &'static str,
    again: &'static str,
    noscript: &'static str,
}

const ENGLISH: Words = Words {
    lang: "en",
    title: "One moment, please",
    why: "This site receives an unusual number of requests. Your browser solves a short sum to show \
          that it is one. Nothing is sent to anybody else, and there is nothing for you to do.",
    working: "Your browser is working on it. This takes a few seconds.",
    done: "Done. The page is loading.",
    failed: "This did not work. Please try again.",
    cookies: "This site needs cookies: please allow them and try again.",
    again: "Try again",
    noscript: "This check needs JavaScript. Please allow it for this site and load the page again, or \
               come back later: the check ends when the number of requests is normal again.",
};

const INDONESIAN: Words = Words {
    lang: "id",
    title: "Mohon tunggu sebentar",
    why: "Situs ini sedang menerima permintaan dalam jumlah tidak biasa. Peramban Anda mengerjakan \
          hitungan singkat untuk menunjukkan bahwa ia memang peramban. Tidak ada data yang dikirim \
          ke pihak lain, dan Anda tidak perlu melakukan apa pun.",
    working: "Peramban Anda sedang menghitung. Ini memerlukan beberapa detik.",
    done: "Selesai. Halaman sedang dimuat.",
    failed: "Pemeriksaan gagal. Silakan coba lagi.",
    cookies: "Situs ini memerlukan kuki: mohon izinkan kuki, lalu coba lagi.",
    again: "Coba lagi",
    noscript: "Pemeriksaan ini memerlukan JavaScript. Mohon izinkan JavaScript untuk situs ini lalu muat \
               ulang halaman, atau kembali lagi nanti: pemeriksaan berakhir bila jumlah permintaan \
               sudah normal.",
};

/// The page with this puzzle.
pub(super) fn page(facts: &Facts, puzzle: &Puzzle) -> String {
    let words = words(facts);
    format!(
        include_str!("page.html"),
        puzzle = puzzle,
        lang = words.lang,
        title = words.title,
        why = words.why,
        working = words.working,
        done = words.done,
        failed = words.failed,
        cookies = words.cookies,
        again = words.again,
        noscript = words.noscript,
        style = STYLE,
        script = SCRIPT
    )
}

/// Indonesian for those who name it before English, English for all others.
fn words(facts: &Facts) -> &'static Words {
    let accepted = facts.header("accept-language").unwrap_or_default();
    let mut primary = accepted.split(',').filter_map(|range| {
        let range = range.split([';', '-']).next()?;
        Some(range.trim())
    });
    let is = |range: &str, tags: &[&str]| tags.iter().any(|tag| range.eq_ignore_ascii_case(tag));
    // `in` is what old systems call Indonesian.
    match primary.find(|range| is(range, &["en", "id", "in"])) {
        Some(range) if !is(range, &["en"]) => &INDONESIAN,
        _ => &ENGLISH,
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADERS, SCRIPT, STYLE, page, words};
    use crate::{
        challenge::{Puzzle, State},
        facts::tests::facts,
        gate::tests::bindings,
    };
    use base64::{Engine, engine::general_purpose::STANDARD};
    use gapura_shared::{seal::Keys, time::UnixMillis};
    use sha2::{Digest, Sha256};

    #[test]
    fn its_policy_allows_its_script_and_its_style_alone() {
        let digest = |text: &str| STANDARD.encode(Sha256::digest(text));
        let wanted = format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            digest(SCRIPT),
            digest(STYLE)
        );
        let (_, policy) = HEADERS
            .iter()
            .find(|(name, _)| *name == "content-security-policy")
            .unwrap();
        assert_eq!(*policy, wanted);
    }

    #[test]
    fn nothing_that_a_client_sent_is_in_it() {
        let evil = "\"><script>alert(1)</script>";
        let facts = facts(
            "GET",
            "https://app.example/%22%3E%3Cscript%3E?q=<script>",
            &[
                ("accept-language", evil),
                ("user-agent", evil),
                ("cookie", evil),
            ],
        );
        let keys = Keys::parse(&bindings().seal_keys.unwrap()).unwrap();
        let puzzle = Puzzle::new(&facts, 16, UnixMillis(1), &State::new(&keys).keys);
        let page = page(&facts, &puzzle);
        assert!(page.contains(&format!("data-puzzle=\"{puzzle}\"")));
        assert!(
            !page.contains("alert") && !page.contains("app.example"),
            "{page}"
        );
        assert_eq!(page.matches("<script").count(), 1);
        // No handler, no style of its own, nothing from elsewhere: the policy would refuse it.
        let markup = page.replace(SCRIPT, "").replace(STYLE, "");
        let mut tags = markup.split('<').filter_map(|tag| tag.split('>').next());
        let is_refused = |word: &str| {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let elsewhere = value.contains("://") || value.contains("javascript:");
            elsewhere || name != word && (name.starts_with("on") || name == "style")
        };
        assert!(
            !tags.any(|tag| tag.split_whitespace().any(is_refused)),
            "{markup}"
        );
    }

    #[test]
    fn speaks_the_language_that_is_asked_for() {
        for (accepted, lang) in [
            ("", "en"),
            ("de-DE,de;q=0.9", "en"),
            ("en-US,en;q=0.9,id;q=0.8", "en"),
            ("id-ID,id;q=0.9,en-US;q=0.8", "id"),
            ("ms, ID;q=0.5", "id"),
            ("in", "id"),
            ("idx", "en"),
        ] {
            let facts = facts("GET", "https://h/", &[("accept-language", accepted)]);
            assert_eq!(words(&facts).lang, lang, "{accepted}");
        }
    }
}
