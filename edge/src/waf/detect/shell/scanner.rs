//! One pass over a value: every place where a command could start, and what proves one there.

use super::argument::{self, Proof};
use super::command::Class;
use super::context::{self, Head};
use super::lead::{self, Lead};
use super::word::Word;
use super::{is_prose, whole};
use crate::waf::Part;
use crate::waf::detect::{Hit, Hits};
use crate::waf::meter::price;
use crate::waf::rules::Rule;
use crate::waf::rules::shell as rules;
use crate::waf::scan::{
    self, at, before, is_space, is_word, position, skip_space, skip_while, span, stands, trim,
};

/// Hits after which a text is left: enough for every explanation.
const MAX_HITS: usize = 8;

/// Bytes within which a severe target belongs to a command.
const MAX_DISTANCE: usize = 120;

pub(super) struct Scanner<'t> {
    pub(super) text: &'t [u8],
    pub(super) part: Part,
    pub(super) name: &'t str,
    /// The first byte that is no white space.
    pub(super) first: usize,
    /// Whether the text is prose, once asked.
    pub(super) prose: Option<bool>,
    /// The next severe sign, once asked.
    pub(super) severe: Option<usize>,
    /// The first sign of what a shell could be fed, once asked.
    pub(super) fed: Option<usize>,
    /// Whether the value starts with a command that developers quote, once asked far behind it.
    pub(super) tame: Option<bool>,
}

impl Scanner<'_> {
    /// Commands after separators and in substitutions.
    pub(super) fn separated(&mut self, hits: &mut Hits) {
        let (mut index, start) = (0, hits.len());
        let mut is_open = false;
        while index < self.text.len() && hits.len() < start + MAX_HITS {
            let Some(candidate) = position(self.text, index, lead::is_start) else {
                return;
            };
            if !hits.meter.pays(price::COMMAND) {
                return;
            }
            index = candidate;
            let Some((lead, after)) = lead::read(self.text, index) else {
                index += 1;
                continue;
            };
            if lead == Lead::Backtick {
                is_open = !is_open;
                if !is_open {
                    index = after;
                    continue;
                }
            }
            // `!ls` on a line of its own is a notebook's.
            if lead == Lead::Line && at(self.text, after) == b'!' {
                index = after;
                continue;
            }
            let start = skip_while(self.text, after, lead::is_filler);
            let lead = lead.over(span(self.text, after, start), index == self.first);
            if lead == Lead::Substitution && lead::reads_file(self.text, start) {
                hits.push(Hit::new(&rules::SUBSTITUTION, index, start + 6));
            }
            if let Some(hit) = self.command(index, start, lead, hits) {
                hits.push(hit);
            }
            // Separators among what was skipped lead to the same command.
            index = start.max(index + 1);
        }
    }

    /// The command at `start`, if one stands there with what a command needs.
    fn command(
        &mut self,
        lead_at: usize,
        start: usize,
        lead: Lead,
        hits: &mut Hits,
    ) -> Option<Hit> {
        if lead == Lead::Separator
            && Head::of(self.text, self.first, lead_at) < Head::Few
            && lead::tests(self.text, start, lead_at == self.first)
        {
            return Some(Hit::new(&rules::COMMAND, lead_at, start));
        }
        if lead == Lead::Separator
            && at(self.text, start) == b'>'
            && Head::of(self.text, self.first, lead_at) < Head::Few
            && argument::truncates(self.text, start)
        {
            return Some(Hit::new(&rules::COMMAND, lead_at, start));
        }
        hits.meter.charge(1, price::WORD);
        let (read, word) = Word::measured(self.text, start);
        hits.meter.charge(read, price::LETTER);
        let mut word = word?;
        if word.is_variable && !word.is_spaced {
            return self.variable(lead_at, &word, lead);
        }
        if word.is_pattern() {
            hits.meter.charge(1, price::PATTERN);
        }
        let mut class = word.class()?;
        hits.meter.charge(1, price::PROOF);
        // `[ -r /etc/default/x ] && . /etc/default/x` starts many a script.
        let is_guarded = || trim(span(self.text, self.first, lead_at)).ends_with(b"]");
        if word.name() == b"." && (lead != Lead::Separator || is_guarded()) {
            return None;
        }
        let mut proof = argument::proof(self.text, &word);
        let mut head = Head::of(self.text, self.first, lead_at);
        if let Some(inner) = lead::unwrapped(self.text, &word, proof) {
            class = inner.class()?;
            proof = argument::proof(self.text, &inner);
            if class == Class::Word && proof < Proof::Soft {
                return None;
            }
            word = inner;
            word.is_wrapped = true;
            head = head.min(Head::Value);
        } else if matches!(word.name(), b"do" | b"then" | b"else") && head > Head::Empty {
            // Other languages have these words too, and what follows is no command.
            return None;
        }
        let is_proven = match lead {
            _ if lead == Lead::Substitution && self.stands_for_command(lead_at, &word) => true,
            Lead::Separator | Lead::Line => {
                self.follows(lead_at, &word, class, proof, (lead, head))
            }
            Lead::Substitution => {
                let is_script = proof == Proof::Hard && lead::is_scripted(self.text, lead_at);
                !(is_script && lead::is_local(word.name()) && !self.is_severe(lead_at))
                    && self.substitutes(&word, class, proof, start)
            }
            Lead::Backtick => self.quotes(lead_at, &word, class, proof),
        };
        if !is_proven {
            return None;
        }
        let is_severe = self.is_severe(lead_at);
        let is_quoted_command = !is_severe && is_prose(self.text, &mut self.prose);
        let rule = match lead {
            _ if is_quoted_command => &rules::MENTIONED,
            Lead::Substitution | Lead::Backtick => &rules::SUBSTITUTION,
            _ if word.is_evaded => &rules::EVASION,
            _ => &rules::COMMAND,
        };
        Some(Hit::new(rule, lead_at, word.end))
    }

    /// `a=c;b=at;$a$b /etc/passwd`: a command made of variables.
    fn variable(&mut self, lead_at: usize, word: &Word, lead: Lead) -> Option<Hit> {
        let start = skip_space(self.text, word.end);
        let is_path = stands(self.text, start, b"/etc/") || stands(self.text, start, b"/bin/");
        let is_flag =
            at(self.text, start) == b'-' && at(self.text, start + 1).is_ascii_alphabetic();
        let is_argument = is_path || is_flag || at(self.text, start) == b'/';
        let proof = (start > word.end && is_argument) || argument::ends(self.text, word.end);
        let names_default = stands_default(span(self.text, lead_at + 1, word.end));
        let fits = lead != Lead::Backtick
            && proof
            && (is_path
                || names_default && Head::of(self.text, self.first, lead_at) < Head::Few
                || lead::names_shell(span(self.text, lead_at + 1, word.end))
                || lead::assigns(self.text, self.first, lead_at));
        fits.then(|| Hit::new(&rules::EVASION, lead_at, start))
    }

    /// Whether a dangerous target follows closely. Each search starts where the last one ended.
    pub(super) fn is_severe(&mut self, lead_at: usize) -> bool {
        let next = match self.severe {
            Some(known) if known >= lead_at => known,
            _ => context::next_severe(self.text, lead_at),
        };
        self.severe = Some(next);
        next - lead_at < MAX_DISTANCE
    }

    /// `;$(printf id)`: what a substitution yields is run.
    fn stands_for_command(&self, lead_at: usize, word: &Word) -> bool {
        at(self.text, lead_at) == b'$'
            && lead_at == self.first + 1
            && matches!(at(self.text, self.first), b';' | b'|' | b'&' | b'`')
            && is_space(at(self.text, word.end))
    }

    /// `$(command)`.
    fn substitutes(&mut self, word: &Word, class: Class, proof: Proof, start: usize) -> bool {
        // `$("head")` selects elements in jQuery.
        let is_selector = word.is_quoted || matches!(before(self.text, start), b'"' | b'\'');
        match proof {
            Proof::Hard | Proof::Later | Proof::Soft => true,
            // Variables of a makefile, and programs that do nothing alone: `$(make)`, `$(rm) a.o`.
            Proof::Ends
                if matches!(
                    word.name(),
                    b"make" | b"rm" | b"cp" | b"mv" | b"mkdir" | b"python" | b"perl" | b"node"
                ) =>
            {
                false
            }
            Proof::Ends => {
                let is_tame = matches!(word.name(), b"pwd" | b"date" | b"hostname")
                    || matches!(class, Class::Tame);
                let is_word = class == Class::Word && !is_tame;
                // What honest instructions print.
                let is_instruction = is_tame
                    && (Head::of(self.text, self.first, start) > Head::Value
                        || is_prose(self.text, &mut self.prose));
                !(is_selector || is_word || is_instruction)
            }
            Proof::None => class == Class::Recon && !is_selector,
        }
    }

    /// A command in backticks. A Markdown code span is spared when it stands free in a text.
    fn quotes(&self, lead_at: usize, word: &Word, class: Class, proof: Proof) -> bool {
        let rest = span(self.text, word.end, word.end + 300);
        let Some(length) = rest.iter().position(|byte| *byte == b'`') else {
            return false;
        };
        let closing = word.end + length;
        let previous = before(self.text, lead_at);
        let head = Head::of(self.text, self.first, lead_at);
        let is_cell = previous == b'|' && at(self.text, closing + 1) == b'|';
        let is_quoted = matches!(previous, b'"' | b'\'') && head < Head::Few;
        // `` a[`id`] `` is an index, `` [`id`](url) `` a link.
        let is_index = previous == b'['
            && at(self.text, closing + 1) == b']'
            && at(self.text, closing + 2) != b'(';
        let is_glued = is_word(previous)
            || is_index && lead_at > self.first + 1
            || is_quoted
            || matches!(previous, b'=' | b'|' | b';' | b'&' | b'.' | b'/');
        // Ruby's block: `` at_exit{`id`} ``.
        let is_block = previous == b'{'
            && at(self.text, closing + 1) == b'}'
            && before(self.text, lead_at - 1) != b'$'
            && head < Head::Text;
        let is_whole = head == Head::Empty && skip_space(self.text, closing + 1) >= self.text.len();
        // Ruby's `` `id`.then{|x| puts x} ``.
        let is_chained = head == Head::Empty
            && at(self.text, closing + 1) == b'.'
            && matches!(
                scan::word(self.text, closing + 2),
                b"then"
                    | b"inspect"
                    | b"to_s"
                    | b"each_line"
                    | b"lines"
                    | b"split"
                    | b"chomp"
                    | b"strip"
            );
        let after_separator = lead_at
            .checked_sub(2)
            .is_some_and(|index| matches!(at(self.text, index), b';' | b'|' | b'&'))
            && is_space(previous)
            && head < Head::Few;
        ((is_glued && !is_cell) || is_block || is_whole || is_chained || after_separator)
            && match proof {
                Proof::Hard | Proof::Later | Proof::Soft => class != Class::Tame,
                Proof::Ends => !matches!(class, Class::Tame | Class::Word),
                Proof::None => class == Class::Recon,
            }
    }

    /// The value as one command.
    pub(super) fn whole(&mut self, hits: &mut Hits) {
        let Some((rule, start, end)) = whole::judge(self.text, self.first, hits) else {
            return;
        };
        self.severe = None;
        let is_mentioned = !self.is_severe(start) && is_prose(self.text, &mut self.prose);
        let rule: &'static Rule = if is_mentioned {
            &rules::MENTIONED
        } else {
            rule
        };
        hits.push(Hit::new(rule, start, end));
    }
}

/// `${x:-id}`: a variable that nobody set, and the command that stands for it.
fn stands_default(variable: &[u8]) -> bool {
    let variable = trim(variable);
    let name = variable.strip_prefix(b"${").unwrap_or_default();
    let colon = skip_while(name, 0, is_word);
    colon > 0
        && at(name, colon) == b':'
        && matches!(at(name, colon + 1), b'-' | b'=' | b'+')
        && Word::read(name, colon + 2).is_some_and(|word| {
            word.class()
                .is_some_and(|class| class != Class::Tame && class != Class::Word)
        })
}
