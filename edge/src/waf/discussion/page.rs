//! Pages as PHP writes them: templates that print their own variables, and scripts that tell the user what
//! became of a form.

use super::SEVERE;
use super::idiom::HOSTILE_QUERY;
use super::words::{Words, words};
use crate::waf::detect::Hit;
use crate::waf::scan::{at, before, find, find_any, from, is_word, span, trim, word_before};
use std::sync::LazyLock;

/// What a template calls to print a value, and what it decides by.
static PRINTING: Words = LazyLock::new(|| {
    words(
        "htmlspecialchars htmlentities isset empty number_format date count ucfirst nl2br strtoupper \
         strtolower addslashes urlencode esc_html esc_attr esc_url base_url site_url route url if elseif \
         foreach while link h esc e",
    )
});

/// Whether all the text asks of PHP is to print variables into markup: `<li><?= $row['name'] ?></li>`.
pub(super) fn fills(text: &[u8]) -> bool {
    let text = trim(text);
    let mut index = 0;
    while let Some(open) = find(text, b"<?", index) {
        let Some(close) = find(text, b"?>", open) else {
            return false;
        };
        if !prints(span(text, open + 2, close)) {
            return false;
        }
        index = close + 2;
    }
    at(text, 0) == b'<' && index > 0
}

/// Whether the code calls nothing else and names a variable, a branch or the end of one.
fn prints(code: &[u8]) -> bool {
    let is_end = || find(code, b"end", 0).is_some() || find(code, b"else", 0).is_some();
    let is_called = |(index, byte): (usize, &u8)| {
        let name = trim(span(code, index.saturating_sub(24), index));
        let name = word_before(name, name.len());
        let is_group =
            || name.is_empty() && !matches!(before(code, index), b']' | b'}' | b')' | b'\'' | b'"');
        *byte != b'(' || PRINTING.contains(name) || is_group()
    };
    (code.contains(&b'$') || is_end())
        && !code.contains(&b'`')
        && [&b"include"[..], b"require", b"$$", b"${"]
            .iter()
            .all(|name| find(code, name, 0).is_none())
        && code.iter().enumerate().all(is_called)
}

/// `<?php include 'header.php'; ?>`: a file beside, by its name, and no other code.
pub(super) fn includes(text: &[u8]) -> bool {
    let text = trim(text);
    let Some((code, rest)) = text
        .strip_prefix(b"<?php ")
        .and_then(|code| find(code, b"?>", 0).map(|end| code.split_at(end)))
    else {
        return false;
    };
    let file = [
        &b"include "[..],
        b"require ",
        b"include_once ",
        b"require_once ",
    ]
    .iter()
    .find_map(|verb| trim(code).strip_prefix(*verb))
    .and_then(|file| file.strip_suffix(b";"))
    .map(trim)
    .unwrap_or_default();
    let is_quote = |byte: Option<&u8>| matches!(byte, Some(b'\'' | b'"'));
    let name = span(file, 1, file.len().saturating_sub(1));
    is_quote(file.first())
        && file.first() == file.last()
        && name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.ends_with(b".php")
        && name
            .iter()
            .all(|byte| is_word(*byte) || b"./-".contains(byte))
        && !rest.contains(&b'<')
}

/// What a first program calls besides.
static LEARNING: Words = LazyLock::new(|| {
    words(
        "echo print printf print_r array strlen str_repeat strrev implode explode range round floor ceil sqrt pow abs max min \
         sort rsort in_array array_sum array_push sprintf trim is_numeric rand mt_rand for switch do return fn function",
    )
});
/// Lines of a program that somebody learns by, at least: a probe has one.
const MIN_LINES: usize = 3;

/// Whether the text is a program in PHP of several lines that calls nothing but what reckons and prints, and functions
/// of its own, and takes nothing from a request.
pub(super) fn is_lesson(text: &[u8]) -> bool {
    let code = trim(text);
    let lines = code.split(|byte| *byte == b'\n');
    let is_called = |(index, byte): (usize, &u8)| {
        if *byte != b'(' {
            return true;
        }
        let lead = trim(span(code, index.saturating_sub(24), index));
        let name = word_before(lead, lead.len());
        let before_name = before(lead, lead.len() - name.len());
        let is_own = || {
            find(code, b"function ", 0).is_some_and(|start| {
                let named = span(code, start + 9, start + 9 + name.len());
                named == name && at(code, start + 9 + name.len()) == b'('
            })
        };
        if name.is_empty() {
            !matches!(before(code, index), b')' | b']' | b'}' | b'\'' | b'"')
        } else {
            !matches!(before_name, b'$' | b'>' | b':' | b'\\')
                && (PRINTING.contains(name) || LEARNING.contains(name) || is_own())
        }
    };
    code.starts_with(b"<?php")
        && lines.filter(|line| !trim(line).is_empty()).count() >= MIN_LINES
        && !code.contains(&b'`')
        && [
            &b"include"[..],
            b"require",
            b"$$",
            b"${",
            b"$_",
            b"$globals",
            b"<script",
            b"new ",
        ]
        .iter()
        .all(|name| find(code, name, 0).is_none())
        && code.iter().enumerate().all(is_called)
}

/// What such a script says and where it goes on.
const MOVING: &[&[u8]] = &[b"window.", b"document.", b"self."];

/// Whether the finding is in a script that PHP prints, and that only tells something and opens a page of the
/// same site: `echo "<script>alert('Data saved.'); location='list.php'</script>"`.
pub(super) fn tells(text: &[u8], hit: &Hit) -> bool {
    let head = span(text, 0, hit.end.max(hit.start + 7));
    let Some(open) = head.windows(7).rposition(|tag| tag == b"<script") else {
        return false;
    };
    let lead = trim(span(text, 0, open));
    let is_printed = lead
        .strip_suffix(b"\"")
        .or_else(|| lead.strip_suffix(b"'"))
        .is_some_and(|lead| matches!(word_before(lead, trim(lead).len()), b"echo" | b"print"));
    let Some(end) = find(text, b"</script>", open) else {
        return false;
    };
    let Some(body) = span(text, open + 7, end).strip_prefix(b">") else {
        return false;
    };
    let mut statements = body
        .split(|byte| *byte == b';')
        .map(trim)
        .filter(|statement| !statement.is_empty());
    is_printed && statements.next().is_some_and(says) && statements.all(moves)
}

/// `alert('Data has been saved.')`, in two words at least.
fn says(statement: &[u8]) -> bool {
    let message = statement
        .strip_prefix(b"alert(")
        .and_then(|message| message.strip_suffix(b")"));
    message.is_some_and(|message| {
        let inner = span(message, 1, message.len().saturating_sub(1));
        matches!(at(message, 0), b'\'' | b'"')
            && message.last() == message.first()
            && inner.contains(&b' ')
            && inner
                .iter()
                .all(|byte| is_word(*byte) || *byte >= 0x80 || b" .,!?-".contains(byte))
            && find(inner, b"xss", 0).is_none()
    })
}

/// `window.location.href = 'list.php?id=1'`, `history.back()`.
fn moves(statement: &[u8]) -> bool {
    let code = MOVING
        .iter()
        .find_map(|object| statement.strip_prefix(*object))
        .unwrap_or(statement);
    let target = code
        .strip_prefix(b"location")
        .map(|code| code.strip_prefix(b".href").unwrap_or(code))
        .and_then(|code| trim(code).strip_prefix(b"="))
        .map(trim);
    target.map_or(code == b"history.back()", |target| {
        matches!(at(target, 0), b'\'' | b'"')
            && at(target, 1).is_ascii_alphanumeric()
            && span(target, 1, target.len().saturating_sub(1))
                .iter()
                .all(|byte| is_word(*byte) || b"./?=&-".contains(byte))
    })
}

/// `window.open('https://example.com/docs', '_blank');`: all of it, and an address spelled out.
pub(super) fn opens_tab(text: &[u8]) -> bool {
    let text = trim(text);
    let text = text.strip_suffix(b";").unwrap_or(text);
    let argument = text
        .strip_prefix(b"window.open('https://")
        .or_else(|| text.strip_prefix(b"window.open(\"https://"))
        .and_then(|rest| rest.strip_suffix(b")"));
    argument.is_some_and(|argument| {
        argument
            .iter()
            .all(|byte| is_word(*byte) || b"./?=&-,'\" ".contains(byte))
            && find(argument, b"evil", 0).is_none()
            && find(argument, b"attack", 0).is_none()
    })
}

/// Rules about what PHP calls and what it reads of a request.
pub(super) const UPLOADS: &[&str] = &["php-002", "php-003"];
/// Settings of PHP by which a program shows its faults or takes its time.
const TUNED: &[&[u8]] = &[
    b"display_errors",
    b"memory_limit",
    b"max_execution_time",
    b"date.timezone",
    b"error_log",
];

/// `move_uploaded_file($_FILES['f']['tmp_name'], 'uploads/' . $name)` and `ini_set('display_errors', 1)`: a line of
/// PHP that calls no other program.
pub(super) fn keeps_upload(text: &[u8], hit: &Hit) -> bool {
    let is_kept = (text.starts_with(b"move_uploaded_file($_files[")
        || text.starts_with(b"if (move_uploaded_file($_files["))
        && find_any(text, &[b"'uploads/'", b"\"uploads/", b"$target", b"$dir"]).is_some();
    let tuned = from(text, hit.start)
        .strip_prefix(b"ini_set(")
        .map(|rest| from(rest, 1));
    let is_tuned = tuned.is_some_and(|name| TUNED.iter().any(|tuned| name.starts_with(tuned)));
    (is_kept || is_tuned) && SEVERE.find(text, 0).is_none() && HOSTILE_QUERY.find(text, 0).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waf::rules::html;

    #[test]
    fn templates_print_their_variables() {
        for text in [
            "<td><?= $row['nama'] ?></td>",
            "<input value=\"<?= isset($_post['a']) ? htmlspecialchars($_post['a'], ent_quotes) : '' ?>\">",
            "<?php foreach ($rows as $row): ?> <li><?= $row['nama'] ?></li> <?php endforeach; ?>",
        ] {
            assert!(fills(text.as_bytes()), "{text}");
        }
        for text in [
            "<p><?=7*7?></p>",
            "<p><?= system($a) ?></p>",
            "<p><?= $_get[0]($_get[1]) ?></p>",
            "<p><?= ('sys'.'tem')($a) ?></p>",
            "<p><?= `$a` ?></p>",
            "<p><?= $a ?></p><?php eval($b)",
            "<p><?php include $a ?></p>",
            "x<?= $a ?>",
        ] {
            assert!(!fills(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn messages_are_printed() {
        let is_told = |text: &str| {
            let start = text.find("<script").unwrap();
            tells(text.as_bytes(), &Hit::new(&html::SCRIPT, start, start + 7))
        };
        for text in [
            "echo \"<script>alert('data saved.'); window.location='list.php';</script>\";",
            "print '<script>alert(\"data has been saved\"); history.back()</script>'",
        ] {
            assert!(is_told(text), "{text}");
        }
        for text in [
            "<script>alert('data saved.')</script>",
            "x\"<script>alert('data saved.')</script>",
            "echo \"<script>alert('xss here')</script>",
            "echo \"<script>alert('saved')</script>",
            "echo \"<script>alert('data saved.'); location='//evil.example'</script>",
            "echo \"<script>alert('data saved.'); eval(name)</script>",
            "echo \"<script src=//evil.example>alert('data saved.')</script>",
        ] {
            assert!(!is_told(text), "{text}");
        }
    }
}
