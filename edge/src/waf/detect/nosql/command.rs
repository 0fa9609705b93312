//! Commands of key-value stores, which read what they are sent line by line.

use crate::waf::Part;
use crate::waf::detect::crlf::{Line, lines};
use crate::waf::scan::{
    at, find_any, from, is_space, is_word, skip_space, skip_while, span, stands, trim, word,
};

/// Commands of Redis and Memcached, which read them line by line.
const COMMANDS: &[&[u8]] = &[
    b"config set ",
    b"slaveof ",
    b"replicaof ",
    b"flushall",
    b"flush_all",
    b"flushdb",
    b"module load ",
    b"script load ",
    b"eval \"",
    b"bgsave",
    b"debug segfault",
    b"shutdown nosave",
];

/// Most words of a value that is nothing but a command.
const MAX_WORDS: usize = 8;

/// Where such a command stands.
pub(super) fn command(text: &[u8], part: Part) -> Option<usize> {
    let start = skip_space(text, 0);
    let is_eval = stands(text, start, b"eval \"")
        && find_any(text, &[b"redis.", b"os.", b"return "]).is_some();
    if is_eval || is_whole(trim(text)) || is_protocol(text, start) {
        return Some(start);
    }
    let mut index = 0;
    while let Some(found) = from(text, index).iter().position(|byte| *byte == b'\n') {
        let line = index + found + 1;
        let known = COMMANDS.iter().find(|command| stands(text, line, command));
        if known.is_some_and(|command| {
            !is_word(at(text, line + command.len())) || command.ends_with(b" ")
        }) || is_protocol(text, line)
        {
            return Some(line);
        }
        index = line;
    }
    let mut breaks = lines(text, part).take(MAX_LINES);
    breaks.find_map(|line| (is_stored(&line) || is_read(&line)).then_some(line.start))
}

/// Line breaks of a text that are looked at.
const MAX_LINES: usize = 16;

/// `config set dir /var/www`, `slaveof 10.0.0.1 6379`, `flushall`: nothing but a command that
/// changes the store or asks for its secrets.
fn is_whole(text: &[u8]) -> bool {
    if text.len() > 160 || text.contains(&b'\n') {
        return false;
    }
    let mut words = text
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty());
    let (verb, first) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let count = words.clone().count();
    if count > MAX_WORDS {
        return false;
    }
    let last = words.next_back().unwrap_or(first);
    let ends_in_port = last.iter().all(u8::is_ascii_digit) && !last.is_empty();
    match verb {
        b"flushall" | b"flushdb" => matches!(first, b"" | b"async" | b"sync"),
        b"bgrewriteaof" | b"bgsave" => first.is_empty(),
        b"config" => match first {
            b"set" => matches!(
                word(trim(span(text, 10, text.len())), 0),
                b"dir" | b"dbfilename" | b"dbfile" | b"requirepass"
            ),
            b"get" => matches!(
                last,
                b"*" | b"dir" | b"dbfilename" | b"requirepass" | b"masterauth"
            ),
            b"rewrite" | b"resetstat" => count == 0,
            _ => false,
        },
        b"slaveof" | b"replicaof" => count >= 1 && ends_in_port || (first, last) == (b"no", b"one"),
        b"module" => first == b"load" && at(last, 0) == b'/',
        b"debug" => first == b"segfault" || first == b"sleep" && ends_in_port && count == 1,
        b"script" => matches!(first, b"kill" | b"flush") && count == 0,
        b"client" => first == b"kill" && count == 1,
        b"shutdown" => matches!(first, b"nosave") && count == 0,
        b"acl" => first == b"setuser" && count >= 1,
        b"keys" => first == b"*" && count == 0,
        b"migrate" => count >= 3 && first.contains(&b'.'),
        b"stats" => first == b"cachedump" && count == 2,
        _ => false,
    }
}

/// `set a 0 0 1`: what Memcached stores, wherever a line may stand.
fn is_stored(line: &Line<'_>) -> bool {
    let mut words = line
        .text
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty());
    let verb = words.next().unwrap_or_default();
    let is_verb = matches!(
        verb,
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas"
    );
    let is_number = |word: &&[u8]| word.iter().all(u8::is_ascii_digit);
    is_verb
        && words.next().is_some()
        && words.clone().take(3).filter(is_number).count() == 3
        && words.count() <= 5
}

/// `stats items`, `delete key`, `get secret` behind a line break that has no business in its place, where nothing
/// but commands follow.
fn is_read(line: &Line<'_>) -> bool {
    let verb = word(line.text, 0);
    let rest = trim(span(line.text, verb.len(), line.text.len()));
    let arguments = rest
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
        .count();
    let first = word(rest, 0);
    let is_command = match verb {
        b"stats" => matches!(
            first,
            b"items" | b"slabs" | b"cachedump" | b"settings" | b"sizes" | b"reset"
        ),
        b"set" | b"hset" | b"lpush" | b"rpush" | b"sadd" | b"setex" => (2..=3).contains(&arguments),
        b"get" | b"gets" | b"delete" | b"del" | b"hgetall" | b"touch" | b"type" => arguments == 1,
        b"incr" | b"decr" => (1..=2).contains(&arguments),
        b"keys" => rest.contains(&b'*'),
        b"info" | b"version" | b"verbosity" | b"monitor" => arguments == 0,
        _ => false,
    };
    let closes = matches!(
        word(line.next, 0),
        b"" | b"quit" | b"get" | b"set" | b"save" | b"config" | b"stats" | b"exec"
    );
    let is_shown = verb == b"stats" && rest.is_empty();
    if is_shown && line.is_odd && line.follows_token() && trim(line.next).is_empty() {
        return true;
    }
    if verb == b"stats" && is_command && arguments <= 3 {
        return line.follows_token();
    }
    let is_plain = at(rest, 0) != b'/' && !rest.contains(&b'=');
    is_command && line.is_odd && line.follows_token() && closes && is_plain
}

/// `*1\r\n$8\r\nFLUSHALL`: Redis's wire format, with its line breaks also spelled out.
fn is_protocol(text: &[u8], start: usize) -> bool {
    let digits = |start| skip_while(text, start, |byte: u8| byte.is_ascii_digit());
    if at(text, start) != b'*' || digits(start + 1) == start + 1 {
        return false;
    }
    let end = digits(start + 1);
    let next = match () {
        () if stands(text, end, b"\\r\\n") => end + 4,
        () if stands(text, end, b"%0d%0a") => end + 6,
        () => skip_space(text, end),
    };
    next > end && at(text, next) == b'$' && digits(next + 1) > next + 1
}
