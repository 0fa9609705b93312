//! Makes the table of `gapura_origin::auth::password::common`: passwords on standard input, one a
//! line; the table on standard output. `./scripts/common-passwords` brings the lists.

use gapura_origin::auth::password::common;
use std::io::{self, Read, Write};

/// The shortest that the policy can allow: what is shorter is refused by its length.
const MIN_CHARS: usize = 8;

fn main() -> io::Result<()> {
    let mut lists = Vec::new();
    io::stdin().read_to_end(&mut lists)?;
    // A few of the old lists' lines are in other encodings: nobody sends those.
    let passwords = lists
        .split(|&byte| byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .map(str::trim)
        .filter(|password| password.chars().count() >= MIN_CHARS);
    let table = common::table(passwords).ok_or(io::ErrorKind::InvalidData)?;
    io::stdout().write_all(&table)
}
