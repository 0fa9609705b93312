//! The first word of a command as a shell would read it: quotes, backslashes, carets, empty
//! variables and braces undone.

use super::command::{self, Class};
use crate::waf::scan::{at, before, from, is_space, is_word, position, skip_while, span, stands};

/// Longest name of a command.
const MAX_NAME: usize = 24;
/// Bytes looked at for one word.
pub(super) const MAX_WORD: usize = 96;
/// Pieces in a row that add nothing to the name; evasions have a few.
const MAX_IDLE: usize = 12;

/// A word in the place of a command.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts about one word, each asked for by itself"
)]
pub(super) struct Word {
    name: [u8; MAX_NAME],
    length: usize,
    /// Where it ends in the text.
    pub(super) end: usize,
    /// Whether something inside had to be undone.
    pub(super) is_evaded: bool,
    /// Whether it ended in `${IFS}` or in the comma of `{cat,/etc/passwd}`.
    pub(super) is_spaced: bool,
    /// Whether a folder stood before it.
    pub(super) is_path: bool,
    /// Whether that folder was one for programs.
    pub(super) is_program: bool,
    /// Whether the path is one of Windows, whose separator is the backslash.
    is_windows: bool,
    /// Whether it is made of variables alone.
    pub(super) is_variable: bool,
    /// Whether another command runs it: `sudo`, `do`.
    pub(super) is_wrapped: bool,
    /// Whether quotes enclose it.
    pub(super) is_quoted: bool,
}

impl Word {
    /// Reads the word at `start`; `None` when nothing that names a command stands there.
    pub(super) fn read(text: &[u8], start: usize) -> Option<Self> {
        Self::measured(text, start).1
    }

    /// The same, with how many bytes were read to tell.
    pub(super) fn measured(text: &[u8], start: usize) -> (usize, Option<Self>) {
        let mut word = Self {
            end: start,
            ..Self::default()
        };
        let limit = text.len().min(start + MAX_WORD);
        let mut quotes = Quotes::of(span(text, start, limit));
        let mut idle = 0;
        while word.end < limit && !word.is_spaced && idle <= MAX_IDLE {
            let known = word.length;
            let Some(length) = word.step(text, &mut quotes) else {
                break;
            };
            idle = if word.length > known { 0 } else { idle + 1 };
            word.end += length;
            if word.length > known && word.is_vain(text, limit) {
                return (word.end - start, None);
            }
        }
        word.is_quoted = matches!(at(text, start), b'"' | b'\'');
        let is_command =
            (word.length > 0 || word.is_variable) && (!word.is_path || is_rooted(text, start));
        (word.end - start, is_command.then_some(word))
    }

    /// Whether this can become no command any more, however it goes on: asked only where it pays,
    /// since a hostile text has such a beginning everywhere.
    fn is_vain(&self, text: &[u8], limit: usize) -> bool {
        matches!(self.length, 3 | 6 | 12)
            && !self.is_path
            && !command::is_beginning(span(&self.name, 0, self.length))
            && position(span(text, 0, limit), self.end, |byte| {
                matches!(byte, b'/' | b'\\' | b'$' | b':')
            })
            .is_none()
    }

    /// The name, without a folder.
    pub(super) fn name(&self) -> &[u8] {
        let name = span(&self.name, 0, self.length);
        let name = name.strip_suffix(b".exe").unwrap_or(name);
        unversioned(name)
    }

    /// The class of the command, if it is one.
    pub(super) fn class(&self) -> Option<Class> {
        command::class(self.name()).or_else(|| {
            (self.is_pattern() && command::fits_any(self.name())).then_some(Class::Recon)
        })
    }

    /// Whether it is a program's path with wildcards, which every command is tried for.
    pub(super) fn is_pattern(&self) -> bool {
        self.is_program && command::has_wildcards(self.name())
    }

    /// Reads one piece and returns its length; `None` at the end of the word.
    fn step(&mut self, text: &[u8], quotes: &mut Quotes<'_>) -> Option<usize> {
        let index = self.end;
        let next = at(text, index + 1);
        match at(text, index) {
            byte if is_word(byte) || matches!(byte, b'-' | b'.') => self.push(byte),
            b'[' if self.is_path && stands(text, index, b"[[:") => {
                self.class_of_characters(text, index)
            }
            b'?' | b'*' | b'[' | b']' if self.is_path => self.push(at(text, index)),
            b'/' => Some(self.folder(1)),
            b':' if self.length == 1 && matches!(next, b'\\' | b'/') => {
                self.is_windows = true;
                Some(self.folder(2))
            }
            b'\\' => self.backslash(text, index),
            b'\'' | b'"' => self.quote(text, index, quotes),
            b'`' if next == b'`' && self.length > 0 => {
                Some(self.drop(2, is_word(at(text, index + 2))))
            }
            // `` l`:`s ``: the command that does nothing.
            b'`' if stands(text, index, b"`:`") && self.length > 0 => Some(self.drop(3, true)),
            b'^' if is_word(next) => Some(self.drop(1, self.length > 0)),
            b'$' => self.variable(text, index),
            b'%' => self.percent(text, index),
            b'{' if self.length == 0 && !is_alternative(text, index) => Some(1),
            b'{' => self.alternatives(text, index),
            b',' if self.length == 0 && before(text, index) == b'{' => Some(self.drop(1, true)),
            b',' if self.length > 0 && self.is_braced(text) => {
                self.is_spaced = true;
                self.is_evaded = true;
                Some(1)
            }
            _ => None,
        }
    }

    /// `[[:lower:]]` stands for one character.
    fn class_of_characters(&mut self, text: &[u8], index: usize) -> Option<usize> {
        let name = skip_while(text, index + 3, |byte| byte.is_ascii_lowercase());
        stands(text, name, b":]]").then_some(())?;
        self.push(b'?')?;
        Some(name + 3 - index)
    }

    /// `i{d,}`: braces around what could stand there, of which the first is taken.
    fn alternatives(&mut self, text: &[u8], index: usize) -> Option<usize> {
        is_alternative(text, index).then_some(())?;
        let inner = span(text, index + 1, index + 1 + MAX_NAME);
        let close = inner.iter().position(|byte| *byte == b'}')?;
        let first = inner.iter().position(|byte| *byte == b',')?;
        for byte in span(inner, 0, first) {
            self.push(*byte)?;
        }
        Some(self.drop(close + 2, true))
    }

    fn push(&mut self, byte: u8) -> Option<usize> {
        *self.name.get_mut(self.length)? = byte;
        self.length += 1;
        self.is_variable = false;
        Some(1)
    }

    /// Forgets what was read so far: it was a folder.
    fn folder(&mut self, length: usize) -> usize {
        let name = span(&self.name, 0, self.length);
        if !name.is_empty() {
            self.is_program = matches!(name, b"bin" | b"sbin" | b"system32" | b"*")
                || command::has_wildcards(name) && super::glob::fits(name, b"bin");
        }
        self.is_path = true;
        self.length = 0;
        length
    }

    fn drop(&mut self, length: usize, evades: bool) -> usize {
        self.is_evaded |= evades;
        length
    }

    fn backslash(&mut self, text: &[u8], index: usize) -> Option<usize> {
        let next = at(text, index + 1);
        // A line break spelled out ends the word: `id\n`.
        let is_break = matches!(next, b'n' | b'r')
            && matches!(at(text, index + 2), 0 | b'"' | b'\'' | b'\\' | b' ');
        if !is_break && self.is_windows {
            return Some(self.folder(1));
        }
        if is_break || !(is_word(next) || next == b'\n' || next == b'/') {
            return None;
        }
        let length = if next == b'\n' { 2 } else { 1 };
        Some(self.drop(length, self.length > 0))
    }

    fn quote(&mut self, text: &[u8], index: usize, quotes: &mut Quotes<'_>) -> Option<usize> {
        let is_open = quotes.take(at(text, index))?;
        let next = at(text, index + 1);
        let goes_on = is_word(next) || matches!(next, b'\'' | b'"' | b'/' | b'\\' | b'$' | b'?');
        if is_open && !goes_on {
            return None;
        }
        if !goes_on {
            // The quote that closes `"id"`.
            return Some(self.drop(1, false));
        }
        Some(self.drop(1, self.length > 0 || next == at(text, index)))
    }

    /// Variables that are empty or white space, as in `wh$@oami`, `cat${IFS}x`, `$'id'`.
    fn variable(&mut self, text: &[u8], index: usize) -> Option<usize> {
        let next = at(text, index + 1);
        if matches!(next, b'\'' | b'"') {
            return Some(self.drop(1, true));
        }
        if matches!(next, b'@' | b'*' | b'#' | b'!' | b'?' | b'-' | b'$') || next.is_ascii_digit() {
            return Some(self.drop(2, true));
        }
        if stands(text, index + 1, b"ifs") {
            return Some(self.space(4 + suffix(text, index + 4)));
        }
        if next == b'(' && at(text, index + 2) == b')' {
            return Some(self.drop(3, true));
        }
        let idle = [&b"$(:)"[..], b"$(true)"];
        if let Some(idle) = idle.iter().find(|idle| stands(text, index, idle)) {
            return Some(self.drop(idle.len(), true));
        }
        let length = if next == b'{' {
            let inner = span(text, index + 2, index + 26);
            let length = inner.iter().position(|byte| *byte == b'}')? + 3;
            if inner.starts_with(b"ifs") {
                return Some(self.space(length + suffix(text, index + length)));
            }
            // `${x:- }`: a space, when nobody set it.
            let default = span(inner, skip_while(inner, 0, is_word), length - 3);
            if matches!(default, b":- " | b":=\x20") {
                return Some(self.space(length));
            }
            if is_slice(span(inner, 0, length - 3)) {
                self.is_evaded = true;
                return Some(self.folder(length));
            }
            length
        } else {
            skip_while(text, index + 1, is_word) - index
        };
        if length < 2 {
            return None;
        }
        self.is_variable |= self.length == 0;
        Some(self.drop(length, self.length > 0 || is_word(at(text, index + length))))
    }

    /// `%COMSPEC%` is the command interpreter, `%ProgramFiles:~10,1%` a space.
    fn percent(&mut self, text: &[u8], index: usize) -> Option<usize> {
        if stands(text, index, b"%comspec%") && self.length == 0 {
            self.is_evaded = true;
            for byte in b"cmd" {
                self.push(*byte)?;
            }
            return Some(9);
        }
        let name = skip_while(text, index + 1, is_word);
        // `whoam%x%i`: a variable that nobody set, in the middle of a name.
        let is_unset = self.length > 0 && name > index + 1 && is_word(at(text, name + 1));
        if is_unset && at(text, name) == b'%' {
            return Some(self.drop(name + 1 - index, true));
        }
        if !stands(text, name, b":~") {
            return None;
        }
        let end = skip_while(text, name + 2, |byte| {
            byte.is_ascii_digit() || matches!(byte, b',' | b'-')
        });
        (at(text, end) == b'%').then(|| self.space(end + 1 - index))
    }

    fn space(&mut self, length: usize) -> usize {
        self.is_spaced = true;
        self.is_evaded = true;
        length
    }

    /// Whether a brace opened before the word, so that its comma is a space.
    fn is_braced(&self, text: &[u8]) -> bool {
        let head = span(text, self.end.saturating_sub(MAX_NAME), self.end);
        let start = head.iter().rposition(|byte| !is_word(*byte));
        start.is_some_and(|start| {
            let opens = |index: usize| at(head, index) == b'{';
            opens(start) || at(head, start) == b',' && start > 0 && opens(start - 1)
        }) && from(text, self.end)
            .iter()
            .take(MAX_WORD)
            .take_while(|byte| !is_space(**byte))
            .any(|byte| *byte == b'}')
    }
}

/// `python3.9`, `lua5.1`, `php7.4`: an interpreter without its version.
fn unversioned(name: &[u8]) -> &[u8] {
    let is_version = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let length = name.len()
        - name
            .iter()
            .rev()
            .take_while(|byte| is_version(byte))
            .count();
    let bare = span(name, 0, length);
    if length < name.len() && command::class(name).is_none() && command::is_interpreter(bare) {
        bare
    } else {
        name
    }
}

/// What may follow `$IFS` to end its name: `$IFS$9`, `$IFS$()`, `$IFS''`.
fn suffix(text: &[u8], index: usize) -> usize {
    match (at(text, index), at(text, index + 1)) {
        (b'$', b'(') => 3,
        (b'$', _) | (b'\'', b'\'') | (b'"', b'"') => 2,
        _ => 0,
    }
}

/// `path:0:1`: a piece cut from a variable, a slash by all odds.
fn is_slice(inner: &[u8]) -> bool {
    let colon = skip_while(inner, 0, is_word);
    colon > 0
        && at(inner, colon) == b':'
        && span(inner, colon, inner.len())
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'-' | b' '))
}

/// Whether braces open here around one word's alternatives: `{d,}`, and not around a command's words, as in
/// `{cat,/etc/passwd}`.
fn is_alternative(text: &[u8], open: usize) -> bool {
    let first = skip_while(text, open + 1, |byte| byte.is_ascii_lowercase());
    let last = skip_while(text, first + 1, |byte| byte.is_ascii_lowercase());
    let is_glued = is_word(before(text, open)) || is_word(at(text, last + 1));
    is_glued && at(text, first) == b',' && at(text, last) == b'}' && last <= open + 8
}

/// Whether a path starts where paths of programs start.
fn is_rooted(text: &[u8], start: usize) -> bool {
    let start = skip_while(text, start, |byte| {
        matches!(byte, b'\'' | b'"' | b'\\' | b',')
    });
    matches!(at(text, start), b'/' | b'.' | b'$' | b'~')
        || at(text, start + 1) == b':'
        || stands(text, start, b"bin/")
        || stands(text, start, b"usr/")
}

/// Quotes left in a word; an odd one is an apostrophe and ends it.
struct Quotes<'t> {
    /// The text to count them in, until one is met.
    text: Option<&'t [u8]>,
    single: usize,
    double: usize,
    is_open: bool,
}

impl<'t> Quotes<'t> {
    const fn of(text: &'t [u8]) -> Self {
        Self {
            text: Some(text),
            single: 0,
            double: 0,
            is_open: false,
        }
    }

    fn count(&mut self) {
        let Some(text) = self.text.take() else { return };
        // In one pass, since a hostile text has a quote in every word.
        for byte in text {
            match byte {
                b'\'' => self.single += 1,
                b'"' => self.double += 1,
                b';' | b'|' | b'&' => break,
                byte if is_space(*byte) => break,
                _ => {}
            }
        }
    }

    /// Takes a quote: `None` when it has no partner, else whether it opens.
    fn take(&mut self, quote: u8) -> Option<bool> {
        self.count();
        let left = if quote == b'"' {
            &mut self.double
        } else {
            &mut self.single
        };
        if *left == 0 || (!self.is_open && *left < 2) {
            return None;
        }
        *left -= 1;
        self.is_open = !self.is_open;
        Some(self.is_open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> (String, bool) {
        Word::read(text.as_bytes(), 0).map_or_else(Default::default, |word| {
            (
                String::from_utf8(word.name().to_vec()).unwrap(),
                word.is_evaded,
            )
        })
    }

    #[test]
    fn undoes_what_shells_undo() {
        for text in [
            "w'h'o'am'i",
            "w\"h\"oami",
            "wh$@oami",
            "who^ami",
            "w\\ho\\am\\i",
            "who``ami",
            "$'whoami'",
            "wh''oami",
            "who$()ami",
            "/usr/bin/who$1ami",
            "${path:0:1}bin${path:0:1}whoami",
            "who${x}ami",
        ] {
            assert_eq!(name(text), ("whoami".into(), true), "{text}");
        }
        assert_eq!(name("{cat,/etc/passwd}"), ("cat".into(), true));
        assert_eq!(name("cat$ifs$9/etc/passwd"), ("cat".into(), true));
        assert_eq!(name("%comspec% /c dir"), ("cmd".into(), true));
    }

    #[test]
    fn leaves_plain_words_alone() {
        assert_eq!(name("whoami"), ("whoami".into(), false));
        assert_eq!(name("id\\n"), ("id".into(), false));
        assert_eq!(name("\"id\""), ("id".into(), false));
        assert_eq!(name("i'd like"), ("i".into(), false));
        assert_eq!(name("images/cat"), (String::new(), false));
        assert_eq!(
            name("c:\\windows\\system32\\cmd.exe"),
            ("cmd".into(), false)
        );
    }
}
