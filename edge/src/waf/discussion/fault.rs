//! Lines in which a program says what went wrong: who shows one asks about it.

use crate::waf::scan::{at, is_space, is_word, span};

/// What such lines start with.
const STARTS: &[&[u8]] = &[
    b"error",
    b"fatal",
    b"warning",
    b"notice:",
    b"traceback (",
    b"caused by:",
    b"exception in ",
    b"npm err",
    b"npm warn",
    b"uncaught ",
    b"unhandled",
    b"panic:",
    b"failed to ",
    b"cannot ",
    b"can't ",
    b"could not ",
    b"couldn't ",
    b"unable to ",
    b"permission denied",
    b"ora-",
    b"sqlstate[",
    b"access denied",
    b"connection refused",
    b"no such file",
    b"undefined ",
    b"unknown ",
    b"segmentation fault",
    b"e: ",
    b"w: ",
    b"[error]",
    b"invalid ",
    b"unexpected ",
    b"404 ",
    b"403 ",
    b"500 ",
    b"401 ",
    b"400 ",
    b"502 ",
    b"deprecated",
    b"refused to ",
    b"ssl: ",
    b"errno",
];
/// What they end with.
const ENDS: &[&[u8]] = &[
    b"command not found",
    b"no such file or directory",
    b"permission denied",
    b"not found",
    b"access denied",
    b"connection refused",
    b"operation not permitted",
    b"timed out",
    b"does not exist",
    b"is not defined",
    b"syntax error",
    b"is null",
    b"failed",
    b"not exist",
    b"returned non-zero exit status 1.",
    b"is not a function",
    b"already exists",
    b"bad request",
    b"forbidden",
    b"unauthorized",
    b"internal server error",
    b"out of memory",
];
/// Codes with which servers and systems begin a message: `ah00526:`, `eacces:`, `cs0103:`, `ts2345:`.
const MAX_CODE: usize = 40;

/// Whether the line reports a fault.
pub(super) fn is_fault(line: &[u8]) -> bool {
    let name = line
        .iter()
        .position(|byte| !(is_word(*byte) || matches!(byte, b'.' | b'-')))
        .unwrap_or(line.len());
    let head = span(line, 0, name);
    let is_ended = at(line, name) == b':' && is_space(at(line, name + 1));
    let is_named = head.ends_with(b"error") || head.ends_with(b"exception") || is_code(head);
    is_ended && is_named && at(line, 0).is_ascii_alphabetic()
        || STARTS.iter().any(|start| line.starts_with(start))
        || ENDS.iter().any(|end| line.ends_with(end))
}

/// Whether the name is the code of a message: letters before digits, or a constant of C.
fn is_code(name: &[u8]) -> bool {
    let letters = name
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let digits = name
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    name.len() <= MAX_CODE
        && (letters >= 2 && digits >= 3 && letters + digits == name.len()
            || matches!(
                name,
                b"eacces" | b"enoent" | b"eperm" | b"econnrefused" | b"eaddrinuse"
            ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_messages_from_code() {
        for line in [
            "error 2013 (hy000): lost connection to mysql server",
            "ssl: certificate_verify_failed",
            "sh: 1: foo: command not found",
            "java.lang.illegalstateexception: x",
            "typeerror: x is not a function",
            "cs0103: the name does not exist",
            "eacces: permission denied, mkdir '/x'",
        ] {
            assert!(is_fault(line.as_bytes()), "{line}");
        }
        for line in [
            "system('id');",
            "a: b",
            "127.0.0.1",
            "exec: sh -c id",
            "http://x",
        ] {
            assert!(!is_fault(line.as_bytes()), "{line}");
        }
    }
}
