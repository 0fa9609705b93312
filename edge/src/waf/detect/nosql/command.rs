//! Commands of key-value stores, which read what they are sent line by line.

use crate::waf::scan::{at, find_any, from, is_word, skip_space, skip_while, stands, trim};

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

/// Where such a command stands.
pub(super) fn command(text: &[u8]) -> Option<usize> {
    let start = skip_space(text, 0);
    let is_eval = stands(text, start, b"eval \"")
        && find_any(text, &[b"redis.", b"os.", b"return "]).is_some();
    let is_setting =
        stands(text, start, b"config set dir") || stands(text, start, b"config set dbfile");
    let is_slave = ["slaveof ", "replicaof "]
        .iter()
        .any(|command| stands(text, start, command.as_bytes()))
        && trim(text).last().is_some_and(u8::is_ascii_digit);
    let is_setting = is_setting || is_slave || trim(text) == b"config get *";
    if is_eval || is_setting || is_protocol(text, start) {
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
    None
}

/// `*1\r\n$8\r\nFLUSHALL`: Redis's wire format.
fn is_protocol(text: &[u8], start: usize) -> bool {
    let digits = |start| skip_while(text, start, |byte: u8| byte.is_ascii_digit());
    if at(text, start) != b'*' || digits(start + 1) == start + 1 {
        return false;
    }
    let next = skip_space(text, digits(start + 1));
    next > digits(start + 1) && at(text, next) == b'$' && digits(next + 1) > next + 1
}
