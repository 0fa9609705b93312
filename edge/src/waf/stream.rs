//! Inspection of a body that is passed on while it comes.

use super::body::{Bounds, Reader};
use super::inspect::{Counts, Inspector};
use super::{Mode, Report, Request, Settings, Verdict};

/// An inspection under way: it goes on from what the rest of the request scored.
///
/// The verdict depends on the bytes alone, not on how they were cut into chunks. Memory is
/// bounded by a few times 32 KB, time is linear in the body.
#[derive(Debug)]
pub struct Stream {
    /// With the exclusions and the policy's rules that hold for the request alone.
    settings: Settings,
    report: Report,
    counts: Counts,
    reader: Option<Reader>,
}

impl Stream {
    /// An inspection of the request's body, whose other parts were inspected with this report.
    #[must_use]
    pub fn new(request: &Request<'_>, settings: &Settings, report: Report) -> Self {
        let mut settings = settings.clone();
        settings
            .exclusions
            .retain(|exclusion| exclusion.holds_for(request.path));
        let rules = settings.rules.iter();
        settings.rules = rules
            .filter(|rule| rule.value.is_some() && rule.holds_for(request))
            .cloned()
            .collect();
        let content_type = request
            .headers
            .iter()
            .find(|(name, _)| name == "content-type")
            .map(|(_, value)| value.as_str());
        let reads = settings.mode != Mode::Off;
        Self {
            reader: reads.then(|| Reader::new(content_type, Bounds::STREAM)),
            settings,
            report,
            counts: Counts::stream(),
        }
    }

    /// Takes the next bytes; the verdict so far. What is not yet a whole value waits.
    pub fn push(&mut self, bytes: &[u8]) -> Verdict {
        self.inspect(|reader, inspector| reader.push(bytes, inspector))
    }

    /// Ends the body; the last verdict. A second call changes nothing.
    pub fn finish(&mut self) -> Verdict {
        let verdict = self.inspect(|reader, inspector| reader.finish(inspector));
        self.reader = None;
        verdict
    }

    /// What was found so far, in the whole request.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    fn inspect(&mut self, read: impl FnOnce(&mut Reader, &mut Inspector<'_>)) -> Verdict {
        if let Some(reader) = self.reader.as_mut() {
            let findings = std::mem::take(&mut self.report.findings);
            let mut inspector = Inspector::new(&self.settings, findings, self.counts);
            inspector.lift();
            read(reader, &mut inspector);
            (self.report, self.counts) = inspector.end();
        }
        self.report.verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::{Body, inspect};
    use proptest::prelude::*;

    fn stream(content_type: &str, chunks: &[&[u8]]) -> Report {
        let headers = [("content-type".to_owned(), content_type.to_owned())];
        let request = Request::post("/upload", &headers, Body::Streamed);
        let settings = Settings::default();
        let mut stream = Stream::new(&request, &settings, inspect(&request, &settings));
        for chunk in chunks {
            stream.push(chunk);
        }
        stream.finish();
        stream.report().clone()
    }

    const ATTACK: &str = "<script>alert(document.cookie)</script>";

    /// A body of each kind with the text in the middle of 300 KB.
    fn bodies(text: &str) -> Vec<(&'static str, Vec<u8>)> {
        let words = "lorem ipsum dolor sit amet ".repeat(6000);
        let file: Vec<u8> = (0..150_000_u32)
            .map(|n| (n.wrapping_mul(n) >> 5).to_le_bytes()[0])
            .collect();
        let form = format!(
            "a={}&q={}&b={}",
            words.replace(' ', "+"),
            text.replace(' ', "+"),
            words.replace(' ', "+")
        );
        let within = format!("a={}", format!("{words}{text}{words}").replace(' ', "+"));
        let json = format!("{{\"a\":[\"{words}\",{{\"q\":\"{text}\"}}],\"b\":\"{words}\"}}");
        let xml = format!("<a><b>{words}</b><q>{text}</q><b c=\"x\">{words}</b></a>");
        let plain = format!("{words}\n{text}\n{words}");
        let part = |name: &str| {
            format!("\r\n--XbX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n")
        };
        let multipart = [
            b"--XbX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n".as_slice(),
            &file,
            part("q").as_bytes(),
            text.as_bytes(),
            part("b").as_bytes(),
            words.as_bytes(),
            b"\r\n--XbX--\r\n",
        ]
        .concat();
        vec![
            ("application/x-www-form-urlencoded", form.into_bytes()),
            ("application/x-www-form-urlencoded", within.into_bytes()),
            ("application/json", json.into_bytes()),
            ("text/xml", xml.into_bytes()),
            ("text/plain", plain.into_bytes()),
            ("multipart/form-data; boundary=XbX", multipart),
        ]
    }

    #[test]
    fn an_attack_behind_any_padding_is_seen_and_honest_bodies_pass() {
        for (kind, body) in bodies(ATTACK) {
            let report = stream(kind, &[&body]);
            assert_eq!(report.verdict, Verdict::Blocked, "{kind}");
        }
        for (kind, body) in bodies("see you on Friday") {
            let report = stream(kind, &[&body]);
            assert_eq!(report.verdict, Verdict::Clean, "{kind}: {report}");
        }
    }

    #[test]
    fn a_hit_is_told_before_the_body_ends() {
        let headers = [(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        )];
        let request = Request::post("/", &headers, Body::Streamed);
        let settings = Settings::default();
        let mut stream = Stream::new(&request, &settings, inspect(&request, &settings));
        assert_eq!(stream.push(&b"a=1&".repeat(500)), Verdict::Clean);
        assert_eq!(
            stream.push(b"q=<script>alert(1)</script>&"),
            Verdict::Blocked
        );
        assert_eq!(stream.push(b"b=1"), Verdict::Blocked);
        assert_eq!(
            (stream.finish(), stream.finish()),
            (Verdict::Blocked, Verdict::Blocked)
        );
    }

    const KINDS: [&str; 8] = [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=X",
        "text/xml",
        "text/plain",
        "application/graphql",
        "image/png",
        "",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_chunking_gives_the_same_report(kind in 0_usize..6, cuts in proptest::collection::vec(0_usize..400_000, 1..12)) {
            let (kind, body) = bodies(ATTACK).swap_remove(kind);
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % body.len()).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut start = 0;
            for cut in cuts {
                chunks.push(&body[start..cut]);
                start = cut;
            }
            chunks.push(&body[start..]);
            prop_assert_eq!(stream(kind, &chunks), stream(kind, &[&body]));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn hostile_shapes_in_single_bytes_are_judged_alike(
            body in "(--X|\r\n|--|Content-Disposition: form-data; name=a|; filename=\"x\"|\r\n\r\n|<|>|<!--|-->|<!\\[CDATA\\[|\\]\\]>|<!DOCTYPE|\\[|\\]|\\{|\\}|\"|'|\\\\|:|,|a|=|&|%27| or 1=1|\u{e9}|#|query){0,60}",
            kind in 0_usize..KINDS.len(),
        ) {
            let bytes: Vec<_> = body.as_bytes().chunks(1).collect();
            prop_assert_eq!(stream(KINDS[kind], &bytes), stream(KINDS[kind], &[body.as_bytes()]));
        }

        #[test]
        fn any_bytes_are_read_without_panic(body in proptest::collection::vec(any::<u8>(), 0..3000), kind in 0_usize..KINDS.len()) {
            let bytes: Vec<_> = body.chunks(7).collect();
            prop_assert_eq!(stream(KINDS[kind], &bytes), stream(KINDS[kind], &[&body]));
        }
    }
}
