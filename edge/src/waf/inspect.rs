//! The order of inspection, and the bookkeeping of what was found.

use super::body::graphql::{self, Shape};
use super::body::json;
use super::custom::{Custom, TAGS};
use super::decode::{Steps, View};
use super::detect::{self, Hit, Text};
use super::discussion::{self, Discussion};
use super::excerpt::Excerpt;
use super::field::{self, Sink};
use super::quote::{self, Quotations};
use super::rules::{self, Rule, html};
use super::{Effect, Exclusion, Finding, Mode, Part, Report, Request, Settings, Target, Verdict};
use super::{body, decode, header, path, prefilter, score, shape};

/// Findings kept; a request with more is judged by these.
const MAX_FINDINGS: usize = 32;
/// Shortest text of a language of its own: `{"a":1}`, `{ a }`.
const MIN_LANGUAGE: usize = 5;
/// JSON within JSON that is read as such; deeper, it is read as text.
const MAX_NESTED: usize = 3;

/// Bytes inspected of the readings between what is sent and what it comes to, in one request:
/// each reading costs as much again.
const MAX_STEPWISE: usize = 32 * 1024;

/// Inspects everything in the request that an application could read.
///
/// Time is linear in the size of the request; memory is bounded by a few times the longest value.
#[must_use]
pub fn inspect(request: &Request<'_>, settings: &Settings) -> Report {
    let mut inspector = Inspector::new(settings, Vec::new(), 0);
    inspector
        .exclusions
        .retain(|exclusion| exclusion.holds_for(request.path));
    inspector.rules.retain(|rule| rule.holds_for(request));
    if settings.mode != Mode::Off {
        inspector.request(request);
    }
    inspector.end().0
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
    hits: Vec<Hit>,
    /// How deep in JSON within JSON the value being read stands.
    nested: usize,
    /// Whether the values read stand in a document that is shown ([`json::is_laid_out`]).
    is_document: bool,
    /// GraphQL documents read.
    documents: u32,
    /// What is left of [`MAX_STEPWISE`].
    stepwise: usize,
}

impl<'s> Inspector<'s> {
    /// One that goes on from earlier findings and so many GraphQL documents.
    pub(super) fn new(settings: &'s Settings, findings: Vec<Finding>, documents: u32) -> Self {
        Self {
            settings,
            rules: settings.rules.iter().collect(),
            exclusions: settings.exclusions.iter().collect(),
            findings,
            hits: Vec::new(),
            nested: 0,
            is_document: false,
            documents,
            stepwise: MAX_STEPWISE,
        }
    }

    fn request(&mut self, request: &Request<'_>) {
        self.custom();
        path::read(request.path, self);
        if shape::has_wordpress_session(request) {
            let probe = rules::scanner::WORDPRESS.id;
            self.findings.retain(|finding| finding.rule != probe);
        }
        body::form::read(request.query.as_bytes(), Part::QueryName, Part::Query, self);
        shape::read(request, self);
        header::read(request.headers, self);
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
        let signals = prefilter::scan(&text, &mut hits);
        prefilter::run(signals, &text, &mut hits);
        if !hits.is_empty() && self.spares_quotations(part) {
            let quotations = Quotations::of(&lower);
            let is_listing = quote::is_listing(&lower);
            let discussion = if part == Part::Query {
                Discussion::default()
            } else {
                Discussion::of(&lower)
            };
            let is_setting = self.is_document || field::is_project_script(name);
            let holds_setting = is_setting && discussion::holds_setting(&lower);
            let takes_scripts = part != Part::Query && field::takes_scripts(name);
            hits.retain(|hit| {
                let is_listed = is_listing && quote::is_listed(hit.rule.tags);
                // A page may answer with what a link asked for, so markup in one is never spared.
                let is_answered = part == Part::Query && hit.rule.tags.first() == Some(&"xss");
                let is_quoted = !is_answered && quotations.cover(hit.start, hit.rule.tags);
                let is_shown = discussion.shows(&lower, &view.text, hit)
                    || discussion::looks_up(&lower, hit)
                    || discussion::is_led(&lower, hit)
                    || holds_setting && discussion::names_setting(hit);
                let is_reported = hit.rule.tags.first() == Some(&"xss")
                    && hit.rule.id != html::SCRIPT.id
                    && field::is_script_sample(name)
                    || takes_scripts && hit.rule.tags.first() == Some(&"xss");
                !is_listed && !is_quoted && !is_shown && !is_reported
            });
        }
        // A rule counts once in a view, however often a hostile one repeats it.
        let mut told: Vec<&'static Rule> = Vec::new();
        for hit in hits.drain(..) {
            if told.iter().rev().any(|rule| std::ptr::eq(*rule, hit.rule)) {
                continue;
            }
            told.push(hit.rule);
            let excerpt = || Excerpt::around(&view.text, hit.start, hit.end);
            self.add(hit.rule, part, name, view.steps, excerpt);
        }
        self.hits = hits;
    }

    /// Reads a value that is a text of a language of its own, JSON or GraphQL, as that: what its
    /// strings hold is what an application will use, and its punctuation is no attack.
    fn language(&mut self, part: Part, name: &str, value: &[u8]) -> bool {
        let may_hold = matches!(
            part,
            Part::Query | Part::Cookie | Part::Json | Part::Form | Part::Multipart | Part::Text
        );
        if !may_hold || self.nested >= MAX_NESTED || value.len() < MIN_LANGUAGE {
            return false;
        }
        if part != Part::Text && json::is_json(value) {
            self.nested += 1;
            let outer = self.is_document;
            self.is_document |= part != Part::Query && json::is_laid_out(value);
            json::read_nested(value, name, self);
            self.is_document = outer;
            self.nested -= 1;
            return true;
        }
        let is_query = name.rsplit('.').next() == Some("query");
        let Some(shape) = is_query.then(|| Shape::of(value)).flatten() else {
            return false;
        };
        shape.check(&self.settings.graphql, self.documents, self);
        self.documents += 1;
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
    fn spares_quotations(&self, part: Part) -> bool {
        self.settings.paranoia <= 1
            && self.settings.mode != Mode::Strict
            && matches!(
                part,
                Part::Query | Part::Json | Part::Form | Part::Multipart | Part::Text
            )
    }

    fn add(
        &mut self,
        rule: &'static Rule,
        part: Part,
        name: &str,
        steps: Steps,
        excerpt: impl FnOnce() -> Excerpt,
    ) {
        if rule.paranoia > self.settings.paranoia.max(1) {
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
        if !self.is_full()
            && !self.findings.iter().any(known)
            && !self.exclusions.iter().any(excludes)
        {
            self.findings.push(finding(target));
        }
    }

    /// The report, and how many GraphQL documents were read.
    pub(super) fn end(self) -> (Report, u32) {
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
        (report, self.documents)
    }
}

impl Sink for Inspector<'_> {
    fn field(&mut self, part: Part, name: &str, value: &[u8]) {
        if self.is_full() {
            return;
        }
        if self.settings.mode == Mode::Relaxed && !part.is_name() && field::is_secret(name) {
            return;
        }
        if detect::is_harmless(part, name, value) || self.language(part, name, value) {
            self.custom_view(part, name, value, Steps::default());
            return;
        }
        let mut views = decode::views(part, value);
        if let Some(view) = views.next() {
            self.view(part, name, &view);
        }
        let mut last: Option<View<'_>> = None;
        for view in views {
            if let Some(between) = last.replace(view)
                && let Some(left) = self.stepwise.checked_sub(between.text.len())
            {
                self.stepwise = left;
                self.view(part, name, &between);
            }
        }
        if let Some(view) = last {
            self.view(part, name, &view);
        }
    }

    fn broken(&mut self, rule: &'static rules::Rule, part: Part, detail: &str) {
        self.add(rule, part, "", Steps::default(), || Excerpt::of(detail));
    }

    fn is_full(&self) -> bool {
        self.findings.len() >= MAX_FINDINGS
    }

    fn shows_document(&mut self, is_shown: bool) {
        self.is_document = is_shown;
    }
}
