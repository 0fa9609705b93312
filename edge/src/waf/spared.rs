//! Findings that are no attack because of what stands around them: one question each, dearer ones last.

use super::detect::{Hit, Text};
use super::discussion::{self, Discussion};
use super::field;
use super::quote::{self, Quotations};
use super::report::Part;
use super::rules::html;
use super::scan::{Absent, is_space, span};

/// Findings of one request of which it is asked whether they are developers' everyday code: each question
/// reads the whole value.
pub(super) const MAX_ASKED: u32 = 128;

/// Attack classes, by a rule's first tag, that act on what a program does with a value, and not on who is shown it.
const KEPT: &[&str] = &[
    "code", "rce", "sqli", "lfi", "nosqli", "ldapi", "xpathi", "ssrf",
];

/// What the values being read stand in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Context {
    /// A document that is shown ([`super::body::json::is_laid_out`]).
    pub(super) is_document: bool,
    /// A body that tells which language a program in it is written in.
    pub(super) names_language: bool,
}

/// What of a view is written for people to read.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts about one view, each asked for by itself"
)]
pub(super) struct Spared {
    quotations: Quotations,
    discussion: Discussion,
    is_linked: bool,
    is_listing: bool,
    /// Whether no language compiles it.
    is_uncompiled: bool,
    /// Whether it can be what a project's settings hold.
    holds_setting: bool,
    /// Whether it can name a file or an address of its sender's.
    names_place: bool,
    /// What it names of its sender's, by its member's name.
    own: Option<field::Own>,
    takes_scripts: bool,
    is_script_sample: bool,
    /// Whether an editor keeps it in a document, or it is a program of a language that is named beside it.
    is_document_leaf: bool,
    /// Whether a tag may stand in it.
    holds_tag: bool,
}

impl Spared {
    /// Reads the view once for all of its findings.
    pub(super) fn of(text: &Text<'_>, absent: Absent, context: Context) -> Self {
        let Text { lower, part, name } = *text;
        // What a link, a page on another site or a browser's memory brings along.
        let is_linked = matches!(
            part,
            Part::Query | Part::Path | Part::Cookie | Part::HeaderValue
        );
        let is_setting = context.is_document || field::is_project_script(name);
        Self {
            quotations: Quotations::of(lower),
            discussion: Discussion::of(lower, absent),
            is_linked,
            is_listing: quote::is_listing(lower, absent),
            is_uncompiled: discussion::is_uncompiled(lower),
            holds_setting: is_setting && discussion::holds_setting(lower),
            names_place: field::configures(name) && discussion::holds_setting(lower),
            own: field::owned(name)
                .filter(|_| matches!(part, Part::Json | Part::Form | Part::Xml))
                .filter(|_| discussion::holds_setting(lower)),
            takes_scripts: !is_linked
                && (field::takes_scripts(name)
                    || field::takes_snippets(name) && discussion::is_snippet(lower)
                    || discussion::is_loaded(name, lower)),
            is_script_sample: field::is_script_sample(name),
            is_document_leaf: part == Part::Json && field::is_document_leaf(name)
                || part == Part::Xml && field::is_listing(name)
                || context.names_language
                    && matches!(part, Part::Json | Part::Form | Part::Multipart)
                    && field::is_program_text(name),
            holds_tag: lower.contains(&b'<'),
        }
    }

    /// Whether the finding is spared; `asked` counts how often the dearer questions were asked.
    pub(super) fn covers(&self, lower: &[u8], sent: &[u8], hit: &Hit, asked: &mut u32) -> bool {
        let is_markup = hit.rule.tags.first() == Some(&"xss");
        // A page may answer with what a link asked for, so markup in one is never spared.
        // Scripts without it act where a string was left, which none does that begins with a word.
        let is_script = matches!(hit.rule.id, "xss-006" | "xss-007")
            && lower
                .first()
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || is_space(*byte))
            && !self.holds_tag;
        let is_answered = self.is_linked && is_markup && !is_script;
        let is_sample = self.is_script_sample && hit.rule.id != html::SCRIPT.id;
        is_markup && (is_sample || self.takes_scripts)
            || self.is_document_leaf
                && KEPT.contains(&hit.rule.tags.first().copied().unwrap_or_default())
            || self.is_listing && quote::is_listed(hit.rule.tags)
            || !is_answered && self.quotations.cover(hit.start, hit.rule.tags)
            || self.holds_setting && discussion::names_setting(hit)
            || self.names_place && discussion::names_place(hit)
            || self
                .own
                .is_some_and(|own| discussion::is_owned(own, lower, hit))
            || self.is_uncompiled && discussion::needs_whole(lower, hit)
            || !is_answered && self.discussion.shows(lower, sent, hit)
            || discussion::looks_up(lower, hit)
            || discussion::is_led(lower, hit)
            || may_ask(asked)
                && (!is_answered && discussion::is_idiom(lower, hit)
                    || discussion::is_labelled(lower, hit)
                    || self.quotes_work(lower, hit))
    }

    /// Whether backticks hold a command line of developers, however few words stand around them.
    fn quotes_work(&self, lower: &[u8], hit: &Hit) -> bool {
        hit.rule.tags.first() == Some(&"rce")
            && self.quotations.around(hit.start).is_some_and(|range| {
                discussion::is_work(span(lower, range.start + 1, range.end - 1))
            })
    }
}

fn may_ask(asked: &mut u32) -> bool {
    *asked = asked.saturating_add(1);
    *asked <= MAX_ASKED
}
