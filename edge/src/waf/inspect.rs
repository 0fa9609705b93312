//! The order of inspection, and the bookkeeping of what was found.

use super::body::graphql::{self, Shape};
use super::body::json;
use super::custom::{Custom, TAGS};
use super::decode::{Steps, View};
use super::detect::{self, Hit, Hits, Text};
use super::excerpt::Excerpt;
use super::field::{self, Sink};
use super::meter::{Meter, price};
use super::rules::{self, Rule};
use super::scan::span;
use super::shape::visitor;
use super::spared::{Context, Spared};
use super::{
    Body, Effect, Exclusion, Finding, Mode, Part, Report, Request, Settings, Target, Verdict,
};
use super::{body, decode, header, path, prefilter, score, shape};

/// Findings kept; a request with more is judged by these.
const MAX_FINDINGS: usize = 32;
/// Shortest text of a language of its own: `{"a":1}`, `{ a }`.
const MIN_LANGUAGE: usize = 5;
/// JSON within JSON that is read as such; deeper, it is read as text.
const MAX_NESTED: usize = 3;

/// Findings told once more of a request that is stopped already, after which the rest is not read:
/// they change nothing.
const MAX_REPEATS: u32 = 64;

/// Bytes inspected, in one request, of the readings that decoding goes on from, the value as it was
/// sent among them: each costs as much again as what it comes to, which is always inspected.
const MAX_STEPWISE: usize = 32 * 1024;

/// Most findings of one request of which is asked whether somebody shows them. Behind that many, an
/// honest text of 128 KB has long ended; whoever goes on, shows nothing.
const MAX_SHOWN: u32 = 192;

/// Inspects everything in the request that an application could read.
///
/// Time is linear in the size of the request; memory is bounded by a few times the longest value.
#[must_use]
pub fn inspect(request: &Request<'_>, settings: &Settings) -> Report {
    inspected(request, settings).0
}

/// What inspecting the request costs, in instructions of the native build, as the meter counts them.
#[must_use]
pub fn cost(request: &Request<'_>, settings: &Settings) -> u32 {
    inspected(request, settings).1.meter.spent()
}

fn inspected(request: &Request<'_>, settings: &Settings) -> (Report, Counts) {
    let meter = match request.body {
        Body::Read { bytes, .. } => Meter::of(bytes.len()),
        Body::None | Body::Streamed => Meter::default(),
    };
    let counts = Counts {
        meter,
        ..Counts::default()
    };
    let mut inspector = Inspector::new(settings, Vec::new(), counts);
    inspector
        .exclusions
        .retain(|exclusion| exclusion.holds_for(request.path));
    inspector.rules.retain(|rule| rule.holds_for(request));
    inspector.lift();
    if settings.mode != Mode::Off {
        inspector.request(request);
    }
    inspector.end()
}

/// What is counted over all that is read of a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// GraphQL documents read.
    documents: u32,
    /// Findings that were known already.
    repeats: u32,
    /// What was spent.
    meter: Meter,
    /// What counts towards [`spared::MAX_ASKED`].
    asked: u32,
    /// Findings of which was asked whether they are shown.
    shown: u32,
    /// Whether values come in windows, each with bounds of its own.
    is_stream: bool,
}

impl Counts {
    /// Those of a body that is passed on while it comes.
    pub(super) fn stream() -> Self {
        Self {
            is_stream: true,
            ..Self::default()
        }
    }
}

/// Whether a finding in the path as a whole is of what is found again in the segment that holds it, which is
/// read by itself as no plain name can be that.
fn is_judged_in_segments(hit: &Hit) -> bool {
    matches!(
        hit.rule.tags.first(),
        Some(&("sqli" | "xss" | "rce" | "code" | "ssti" | "ldapi" | "xpathi"))
    ) || hit.rule.id == rules::nosql::OPERATOR_TEXT.id
}

/// What is known of one view while its detectors run.
#[derive(Default)]
struct Judged {
    told: Vec<&'static Rule>,
    /// Made for the first hit.
    spared: Option<Spared>,
}

/// An inspection under way.
#[derive(Debug)]
pub(super) struct Inspector<'s> {
    settings: &'s Settings,
    /// The policy's own rules that may fire on this request.
    rules: Vec<&'s Custom>,
    /// Those that hold for the request's path.
    exclusions: Vec<&'s Exclusion>,
    findings: Vec<Finding>,
    /// Kept between fields so that honest ones allocate nothing.
    hits: Hits,
    /// How deep in JSON within JSON the value being read stands.
    nested: usize,
    context: Context,
    counts: Counts,
    /// Whether the findings alone reach the mode's threshold.
    is_over: bool,
    /// Rules that do not count where the request goes.
    waived: &'static [&'static str],
    /// What is left of [`MAX_STEPWISE`].
    stepwise: usize,
    /// Whether the request was stopped for what it costs.
    is_spent: bool,
}

impl<'s> Inspector<'s> {
    /// One that goes on from earlier findings.
    pub(super) fn new(settings: &'s Settings, findings: Vec<Finding>, counts: Counts) -> Self {
        let is_work = |finding: &Finding| finding.rule == rules::protocol::WORK.id;
        Self {
            is_over: is_over(&findings, settings.mode),
            is_spent: findings.iter().any(is_work),
            settings,
            rules: settings.rules.iter().collect(),
            exclusions: settings.exclusions.iter().collect(),
            findings,
            hits: Hits::with(counts.meter),
            nested: 0,
            context: Context::default(),
            counts,
            waived: &[],
            stepwise: MAX_STEPWISE,
        }
    }

    /// A policy that excludes the rule lets a request cost what it will.
    pub(super) fn lift(&mut self) {
        let rules::Rule { id, tags, .. } = rules::protocol::WORK;
        if self
            .exclusions
            .iter()
            .any(|exclusion| exclusion.covers(id, tags, ""))
        {
            self.hits.meter.lift();
        }
    }

    fn request(&mut self, request: &Request<'_>) {
        self.custom();
        self.hits.meter.charge(request.path.len(), price::PATH);
        self.waived = visitor::waived(request);
        path::read(request.path, self);
        if !self.findings.is_empty() {
            let spared = visitor::spared(request);
            self.findings
                .retain(|finding| !spared.contains(&finding.rule.as_ref()));
        }
        self.findings
            .retain(|finding| visitor::may_probe(request.method, &finding.rule));
        self.is_over = is_over(&self.findings, self.settings.mode);
        body::form::read(request.query.as_bytes(), Part::QueryName, Part::Query, self);
        shape::read(request, self);
        header::read(request.headers, self);
        if let Body::Read { bytes, .. } = request.body {
            self.context.names_language = field::names_language(bytes);
        }
        body::read(request.body, self);
    }

    fn view(&mut self, part: Part, name: &str, view: &View<'_>) {
        self.custom_view(part, name, &view.text, view.steps);
        let lower = view.text.to_ascii_lowercase();
        let text = Text {
            lower: &lower,
            part,
            name,
        };
        let mut hits = std::mem::take(&mut self.hits);
        hits.meter.charge(1, price::VIEW);
        if !hits.meter.affords(lower.len(), price::SCANNED) {
            self.hits = hits;
            self.settle();
            return;
        }
        let signals = prefilter::scan(&text, &mut hits);
        let mut judged = Judged::default();
        self.judge(&mut hits, &text, view, &mut judged);
        for detector in prefilter::chosen(signals) {
            // One that is stopped is read no further: a long text costs as much again for every detector.
            if self.is_full() || self.is_over && hits.meter.is_enough() {
                break;
            }
            let meter = &mut hits.meter;
            if !meter.affords(1, detector.start) || !meter.affords(lower.len(), detector.price) {
                break;
            }
            (detector.detect)(&text, &mut hits);
            self.judge(&mut hits, &text, view, &mut judged);
        }
        self.hits = hits;
        self.settle();
    }

    /// Stops a request on which all was spent that any may cost.
    fn settle(&mut self) {
        if self.hits.meter.is_spent() && !self.is_spent {
            self.broken(
                &rules::protocol::WORK,
                Part::Body,
                &format!(
                    "takes more than {} instructions to read",
                    self.hits.meter.allowance()
                ),
            );
            self.is_spent = true;
        }
    }

    /// Keeps of the hits what nobody shows. A rule counts once in a view, however often a hostile one
    /// repeats it.
    fn judge(&mut self, hits: &mut Hits, text: &Text<'_>, view: &View<'_>, judged: &mut Judged) {
        let Text { lower, part, name } = *text;
        let is_whole_path = part == Part::Path && name.is_empty();
        let Hits {
            found,
            meter,
            absent,
        } = hits;
        for hit in found.drain(..) {
            // The request is stopped for what it costs: who shows this no longer matters.
            if meter.is_spent() {
                break;
            }
            if judged.told.iter().any(|rule| std::ptr::eq(*rule, hit.rule)) {
                continue;
            }
            if is_whole_path && is_judged_in_segments(&hit) {
                continue;
            }
            if !is_whole_path && self.spares_quotations(part, lower) {
                let is_first = judged.spared.is_none();
                if is_first && !meter.affords(lower.len() + price::START, price::SPARED) {
                    break;
                }
                let context = self.context;
                let spared = judged
                    .spared
                    .get_or_insert_with(|| Spared::of(text, *absent, context));
                meter.charge(1, price::SHOWN);
                let Counts { shown, asked, .. } = &mut self.counts;
                *shown = shown.saturating_add(1);
                if *shown <= MAX_SHOWN && spared.covers(lower, &view.text, &hit, asked) {
                    continue;
                }
            }
            judged.told.push(hit.rule);
            let excerpt = || Excerpt::around(&view.text, hit.start, hit.end);
            self.add(hit.rule, part, name, view.steps, excerpt);
        }
    }

    /// Reads a value that is a text of a language of its own, JSON or GraphQL, as that: what its
    /// strings hold is what an application will use, and its punctuation is no attack.
    fn language(&mut self, part: Part, name: &str, value: &[u8]) -> bool {
        let may_hold = matches!(
            part,
            Part::Query
                | Part::Cookie
                | Part::HeaderValue
                | Part::Json
                | Part::Form
                | Part::Multipart
                | Part::Xml
                | Part::Text
        );
        if !may_hold || self.nested >= MAX_NESTED || value.len() < MIN_LANGUAGE {
            return false;
        }
        if part != Part::Text && json::is_json(value) {
            self.nested += 1;
            let outer = self.context.is_document;
            self.context.is_document |= part != Part::Query && json::is_laid_out(value);
            json::read_nested(value, name, self);
            self.context.is_document = outer;
            self.nested -= 1;
            return true;
        }
        let is_query = name.rsplit('.').next() == Some("query");
        let Some(shape) = is_query.then(|| Shape::of(value)).flatten() else {
            return false;
        };
        shape.check(&self.settings.graphql, self.counts.documents, self);
        self.counts.documents += 1;
        self.nested += 1;
        graphql::read(value, part, self);
        self.nested -= 1;
        true
    }

    /// The policy's rules that ask for nothing of the values have fired by now.
    fn custom(&mut self) {
        for rule in self.rules.clone() {
            if rule.value.is_none() {
                self.keep(&rule.id, TAGS, rule.target(), |target| rule.finding(target));
            }
        }
        self.rules.retain(|rule| rule.value.is_some());
    }

    /// Those that do, on one view.
    fn custom_view(&mut self, part: Part, name: &str, view: &[u8], steps: Steps) {
        if self.rules.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(view);
        for rule in self.rules.clone() {
            if let Some(found) = rule.find(name, &text) {
                let target = Target::new(part, name);
                self.keep(&rule.id, TAGS, target, |target| {
                    let excerpt = Excerpt::around(text.as_bytes(), found.start, found.end);
                    Finding {
                        decoded: excerpt.text,
                        matched: excerpt.matched,
                        encodings: steps.to_string(),
                        ..rule.finding(target)
                    }
                });
            }
        }
    }

    /// Where people write for people, and only at the lowest paranoia level.
    fn spares_quotations(&self, part: Part, text: &[u8]) -> bool {
        let is_written = match part {
            Part::Query | Part::Json | Part::Form | Part::Multipart | Part::Xml | Part::Text => {
                true
            }
            // A title or a search comes back here, and no text of several lines.
            Part::Path | Part::Cookie | Part::HeaderValue => !text.contains(&b'\n'),
            _ => false,
        };
        is_written && self.settings.paranoia <= 1 && self.settings.mode != Mode::Strict
    }

    fn add(
        &mut self,
        rule: &'static Rule,
        part: Part,
        name: &str,
        steps: Steps,
        excerpt: impl FnOnce() -> Excerpt,
    ) {
        if rule.paranoia > self.settings.paranoia.max(1) || self.waived.contains(&rule.id) {
            return;
        }
        self.keep(rule.id, rule.tags, Target::new(part, name), |target| {
            let excerpt = excerpt();
            Finding {
                rule: rule.id.into(),
                name: rule.name.into(),
                severity: rule.severity,
                effect: Effect::Score(rule.severity.score()),
                tags: rule.tags,
                target,
                decoded: excerpt.text,
                matched: excerpt.matched,
                encodings: steps.to_string(),
            }
        });
    }

    /// Keeps a finding unless it is known, excluded or one too many.
    fn keep(
        &mut self,
        rule: &str,
        tags: &[&str],
        target: Target,
        finding: impl FnOnce(Target) -> Finding,
    ) {
        let known = |finding: &Finding| finding.rule == rule && finding.target == target;
        let excludes = |exclusion: &&Exclusion| exclusion.covers(rule, tags, &target.name);
        if self.is_full() {
            return;
        }
        if self.findings.iter().any(known) {
            self.counts.repeats = self.counts.repeats.saturating_add(1);
        } else if !self.exclusions.iter().any(excludes) {
            self.findings.push(finding(target));
            self.is_over = is_over(&self.findings, self.settings.mode);
        }
    }

    /// The report, and what was counted.
    pub(super) fn end(mut self) -> (Report, Counts) {
        let mode = self.settings.mode;
        let score = score::score(&self.findings, mode);
        let verdict = if mode == Mode::Off {
            Verdict::Clean
        } else {
            score::verdict(!self.findings.is_empty(), score, mode)
        };
        let report = Report {
            findings: self.findings,
            score,
            threshold: score::threshold(mode),
            verdict,
        };
        self.counts.meter = self.hits.meter;
        (report, self.counts)
    }
}

fn is_over(findings: &[Finding], mode: Mode) -> bool {
    score::score(findings, mode) >= score::threshold(mode)
}

impl Sink for Inspector<'_> {
    fn field(&mut self, part: Part, name: &str, value: &[u8]) {
        if self.is_full() {
            return;
        }
        if self.settings.mode == Mode::Relaxed && !part.is_name() && field::is_secret(name) {
            return;
        }
        self.hits.meter.charge(1, price::FIELD);
        if detect::is_harmless(part, name, value) || self.language(part, name, value) {
            self.custom_view(part, name, value, Steps::default());
            return;
        }
        if self.counts.is_stream {
            self.hits.meter.refill(value.len());
            self.counts.asked = 0;
            self.counts.shown = 0;
            self.stepwise = MAX_STEPWISE;
        }
        let mut last: Option<View<'_>> = None;
        self.hits.meter.charge(1, price::VALUE);
        for view in decode::views(part, value) {
            let is_made = last.is_some();
            let each = price::DECODED + if is_made { price::MADE } else { 0 };
            self.hits.meter.charge(view.text.len(), each);
            let (runs, samples) = decode::samples(&view.text);
            self.hits.meter.charge(runs, price::RUN);
            self.hits.meter.charge(samples, price::SAMPLE);
            let escapes = decode::starts(&view.text);
            self.hits.meter.charge(escapes, price::ESCAPE);
            if let Some(View { text, steps }) = last.replace(view) {
                let seen = span(&text, 0, self.stepwise);
                self.stepwise -= seen.len();
                if seen.len() < text.len() {
                    self.custom_view(part, name, &text, steps);
                }
                if !seen.is_empty() {
                    let text = seen.into();
                    self.view(part, name, &View { text, steps });
                }
                if self.is_spent {
                    return;
                }
            }
        }
        if let Some(view) = last {
            self.view(part, name, &view);
            // Strings of JSON that was encoded stand in no quotation marks for whoever reads them.
            if view.steps != Steps::default() {
                self.language(part, name, &view.text);
            }
        }
    }

    fn broken(&mut self, rule: &'static rules::Rule, part: Part, detail: &str) {
        self.add(rule, part, "", Steps::default(), || Excerpt::of(detail));
    }

    fn is_full(&self) -> bool {
        let is_known = self.counts.repeats >= MAX_REPEATS || self.hits.meter.is_enough();
        self.findings.len() >= MAX_FINDINGS || self.is_spent || self.is_over && is_known
    }

    fn shows_document(&mut self, is_shown: bool) {
        self.context.is_document = is_shown;
    }

    fn reads(&mut self, bytes: usize) {
        // Of a stream only values count, so that it does not matter how it was cut.
        if self.counts.is_stream {
            return;
        }
        self.hits.meter.charge(bytes, price::READ);
        self.settle();
    }
}
