//! Commands of mail protocols behind a line break, and arguments of mailers in an address.

use super::crlf::{Line, lines};
use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::meter::price;
use crate::waf::rules::Rule;
use crate::waf::rules::mail as rules;
use crate::waf::scan::{
    Needles, at, before, from, is_space, is_word, skip_space, span, trim, word, word_before,
};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "\n",
    "\r",
    "%0a",
    "%0d",
    " capability",
    " inbox",
    "\"inbox",
    " list \"",
    " fetch ",
    " store ",
    "body[",
    "\" noop",
    "${run{",
    "-oq/",
    "-x/",
    "-oqueuedirectory=",
    "bcc:",
    "\\ncc:",
    "?q?=0",
];

static SIGNS: Needles<'static> = Needles::numbered(
    13,
    &[
        b" capability",
        b"body[header",
        b"body[text]",
        b"body[]",
        b"(flags)",
        b"\" noop",
        b"${run{",
        b"-oq/",
        b"-x/",
        b"-oqueuedirectory=",
        b"bcc:",
        b"\\ncc:",
        b"?q?=0a",
        b"?q?=0d",
    ],
);

/// What is looked for in a whole view.
pub(super) static SETS: &[&Needles<'static>] = &[&SIGNS];

/// Names the rules that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        return;
    }
    let whole = trim(text.lower);
    if is_session(whole) {
        hits.push(Hit::new(&rules::IMAP, 0, whole.len()));
    }
    for line in lines(text.lower, text.part) {
        hits.meter.charge(line.blanks, price::BREAK);
        if !hits.meter.pays(price::LINE) {
            return;
        }
        if let Some(rule) = judge(&line) {
            hits.push(Hit::new(
                rule,
                line.start,
                line.start + line.text.len().min(40),
            ));
        }
    }
    let mut index = 0;
    while let Some((start, sign)) = hits.absent.find(&SIGNS, text.lower, index) {
        index = start + sign.len();
        if let Some(rule) = sign_rule(text.lower, start, index, sign) {
            hits.push(Hit::new(rule, start, index));
        }
    }
}

fn sign_rule(text: &[u8], start: usize, end: usize, sign: &[u8]) -> Option<&'static Rule> {
    let stands_free = is_space(before(text, start)) || before(text, start) == 0;
    let (rule, counts): (&'static Rule, bool) = match sign {
        b" capability" => (&rules::IMAP, is_tag(word_before(text, start))),
        b"body[header" | b"body[text]" | b"body[]" | b"(flags)" => (
            &rules::IMAP,
            matches!(before(text, start), b'(' | b' ')
                && start < 64
                && (sign == b"body[header"
                    || span(text, 0, start).windows(6).any(|six| six == b"fetch ")),
        ),
        b"\" noop" => (&rules::IMAP, trim(span(text, end, end + 8)).is_empty()),
        // The last are line breaks within an encoded word (RFC 2047).
        b"${run{" | b"?q?=0a" | b"?q?=0d" => (&rules::ARGUMENT, true),
        b"-oqueuedirectory=" => (&rules::ARGUMENT, stands_free),
        b"bcc:" | b"\\ncc:" => (
            &rules::ARGUMENT,
            (start == 0 || sign != b"bcc:" || span(text, 0, start).ends_with(b"\\n"))
                && text.contains(&b'@')
                && !trim(from(text, end)).contains(&b' '),
        ),
        _ => (
            &rules::ARGUMENT,
            stands_free && (text.contains(&b'@') || sign == b"-oq/"),
        ),
    };
    counts.then_some(rule)
}

fn judge(line: &Line<'_>) -> Option<&'static Rule> {
    if is_smtp(line) {
        return Some(&rules::SMTP);
    }
    let may_follow = line.is_odd || line.follows_phrase();
    let is_imap = (may_follow && is_imap(line.text))
        || (line.is_odd || is_tag(word(line.text, 0)) && trim(line.next).is_empty())
            && line.follows_token()
            && is_mailbox_command(line.text);
    is_imap.then_some(&rules::IMAP)
}

/// `RCPT TO:<x>`; `QUIT` and its like only behind one token, where they end the text or a line.
fn is_smtp(line: &Line<'_>) -> bool {
    let text = line.text;
    let verb = word(text, 0);
    let rest = trim(span(text, verb.len(), text.len()));
    // Spaces, that is, and not the breaks of the commands before.
    let is_terse = !trim(line.lead).contains(&b' ');
    let goes_on = |verbs: &[&[u8]]| verbs.contains(&word(line.next, 0));
    match verb {
        b"rcpt" | b"mail" | b"saml" | b"soml" | b"send" => {
            (rest.starts_with(b"to:") || rest.starts_with(b"from:"))
                && (rest.contains(&b'@') || rest.contains(&b'<'))
                && (is_terse || line.is_odd || rest.contains(&b'<') && line.follows_phrase())
        }
        // No words of any language.
        b"uidl" | b"etrn" | b"xclient" | b"capa" | b"stls" => {
            line.follows_token() && !rest.contains(&b' ')
        }
        b"list" | b"turn" | b"help" => {
            line.is_odd && line.follows_token() && rest.is_empty() && trim(line.next).is_empty()
        }
        b"apop" => is_pair(rest) && line.follows_token(),
        b"vrfy" | b"expn" => is_one(rest) && line.follows_token(),
        b"auth" => {
            matches!(
                word(rest, 0),
                b"login" | b"plain" | b"cram" | b"ntlm" | b"xoauth2"
            ) && line.follows_token()
        }
        b"stat" => {
            rest.is_empty()
                && line.follows_token()
                && (line.is_odd && trim(line.next).is_empty()
                    || goes_on(&[b"list", b"retr", b"dele", b"uidl", b"top", b"quit"]))
        }
        b"top" => line.is_odd && line.follows_token() && is_numbers(rest),
        b"quit" | b"data" => {
            (line.is_odd || line.lead.contains(&b'@') || goes_on(&[b"quit", b"subject", b"from"]))
                && rest.is_empty()
                && line.follows_token()
        }
        b"rset" | b"noop" | b"starttls" => rest.is_empty() && line.follows_token(),
        b"ehlo" | b"helo" => {
            (line.is_odd
                || is_one(rest)
                || goes_on(&[b"mail", b"rcpt", b"vrfy", b"expn", b"auth", b"starttls"]))
                && !rest.is_empty()
                && line.follows_token()
        }
        b"pass" => {
            !rest.is_empty()
                && line.follows_token()
                && (goes_on(&[b"retr", b"dele", b"list", b"stat"]) || is_alone(line, rest))
        }
        b"user" => {
            !rest.is_empty()
                && line.follows_token()
                && (goes_on(&[b"pass"]) || is_alone(line, rest))
        }
        b"bdat" | b"retr" | b"dele" => at(rest, 0).is_ascii_digit() && line.follows_token(),
        b"" if text == b"." => {
            (line.is_odd && line.follows_token())
                || (is_terse && goes_on(&[b"quit", b"mail", b"rset", b"data", b"ehlo"]))
        }
        _ => false,
    }
}

/// One argument on the last line, where no line should be.
fn is_alone(line: &Line<'_>, rest: &[u8]) -> bool {
    line.is_odd && is_one(rest) && trim(line.next).is_empty()
}

/// One argument.
fn is_one(rest: &[u8]) -> bool {
    !rest.is_empty() && !rest.iter().any(|byte| is_space(*byte))
}

/// `1 10`.
fn is_numbers(rest: &[u8]) -> bool {
    is_pair(rest)
        && rest
            .iter()
            .all(|byte| byte.is_ascii_digit() || is_space(*byte))
}

/// `a UID FETCH 1:*`, `A1 CREATE x`: what only a break that has no business there makes a command.
fn is_mailbox_command(line: &[u8]) -> bool {
    let tag = word(line, 0);
    let start = skip_space(line, tag.len());
    let command = word(line, start);
    let arguments = trim(span(line, start + command.len(), line.len()));
    let first = word(arguments, 0);
    let is_command = match command {
        b"uid" => matches!(first, b"fetch" | b"search" | b"store" | b"copy"),
        b"search" => matches!(first, b"all" | b"unseen" | b"seen" | b"new" | b"recent"),
        b"status" => arguments.ends_with(b")") && arguments.contains(&b'('),
        b"create" | b"delete" | b"examine" | b"subscribe" | b"unsubscribe" | b"getquota"
        | b"getquotaroot" | b"getacl" | b"enable" | b"authenticate" => {
            is_tag(tag) && is_one(arguments)
        }
        b"check" | b"starttls" | b"idle" | b"namespace" | b"unselect" | b"expunge"
        | b"capability" | b"logout" => arguments.is_empty(),
        b"store" | b"fetch" => {
            at(arguments, 0).is_ascii_digit() && arguments.iter().any(|byte| is_space(*byte))
        }
        b"copy" | b"rename" => is_tag(tag) && is_pair(arguments),
        _ => false,
    };
    is_command && (is_tag(tag) || (1..=2).contains(&tag.len()))
}

/// `a1 SELECT INBOX`, `1 FETCH 1:* (FLAGS)`, `1 LIST "" *`: a value that is one command, by
/// arguments that no sentence has.
fn is_session(whole: &[u8]) -> bool {
    const LONGEST: usize = 80;
    let tag = word(whole, 0);
    let start = skip_space(whole, tag.len());
    let command = word(whole, start);
    let arguments = trim(from(whole, start + command.len()));
    let messages = arguments
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || b":*,".contains(byte))
        .count();
    let ranges = span(arguments, 0, messages);
    whole.len() < LONGEST
        && !whole.contains(&b'\n')
        && (is_tag(tag) || tag.len() == 1 && at(tag, 0).is_ascii_alphanumeric())
        && match command {
            b"select" | b"examine" => arguments == b"inbox",
            b"list" | b"lsub" => {
                arguments.starts_with(b"\"\" ") || arguments.starts_with(b"\"inbox")
            }
            b"create" | b"delete" | b"append" => arguments.starts_with(b"\"inbox"),
            b"fetch" => ranges.contains(&b':') || at(trim(from(arguments, messages)), 0) == b'(',
            b"store" => at(trim(from(arguments, messages)), 0) == b'+',
            _ => false,
        }
}

/// `V100 CAPABILITY`, `a1 FETCH 1`, `A02 DELETE INBOX`.
fn is_imap(line: &[u8]) -> bool {
    let tag = word(line, 0);
    let command = word(line, skip_space(line, tag.len()));
    let is_command = matches!(
        command,
        b"capability"
            | b"fetch"
            | b"select"
            | b"login"
            | b"logout"
            | b"noop"
            | b"list"
            | b"lsub"
            | b"create"
            | b"delete"
            | b"rename"
            | b"store"
            | b"expunge"
            | b"search"
            | b"examine"
            | b"status"
            | b"append"
            | b"copy"
            | b"close"
            | b"uid"
            | b"authenticate"
    );
    let end = skip_space(line, tag.len()) + command.len();
    let argument = skip_space(line, end);
    let is_message = command == b"uid"
        && matches!(
            word(line, argument),
            b"fetch" | b"search" | b"store" | b"copy"
        );
    is_tag(tag)
        && is_command
        && (is_message
            || matches!(at(line, argument), 0 | b'"' | b'(' | b'*' | b'0'..=b'9')
            || word(line, argument) == b"inbox"
            || (command == b"login" && is_pair(span(line, argument, line.len()))))
}

/// A name and a password.
fn is_pair(arguments: &[u8]) -> bool {
    trim(arguments)
        .iter()
        .filter(|byte| is_space(**byte))
        .count()
        == 1
}

/// `a1`, `V100`: what clients put before a command.
fn is_tag(word: &[u8]) -> bool {
    let digits = word
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let letters = word.len() - digits;
    (1..=2).contains(&letters)
        && (1..=4).contains(&digits)
        && word.iter().all(|byte| is_word(*byte))
}
