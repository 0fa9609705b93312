//! Durations as Go writes them, which is how `CrowdSec` does: `3h59m49.2s`, `-1m`.

/// Whole seconds, rounded up; `None` within: it has ended. At most a hundred years.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn parse(text: &str) -> Result<Option<u64>, String> {
    let fault = || {
        format!(
            "the duration must be such as `4h` or `3h59m49s`, is {:?}",
            head(text)
        )
    };
    if text.starts_with('-') {
        return Ok(None);
    }
    let mut rest = text;
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(fault)?;
        let (number, behind) = rest.split_at(end);
        let unit_end = behind
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_end);
        let part = part(number, unit).ok_or_else(fault)?;
        millis = millis.saturating_add(part);
        rest = behind;
    }
    if text.is_empty() {
        return Err(fault());
    }
    let seconds = millis.div_ceil(1_000);
    Ok((seconds > 0).then_some(seconds.min(CENTURY_S)))
}

const CENTURY_S: u64 = 3_155_760_000;

/// Milliseconds of a number with its unit; a fraction counts to three digits.
fn part(number: &str, unit: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().ok()?;
    let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let unit_ms: u64 = match unit {
        "d" => 86_400_000,
        "h" => 3_600_000,
        "m" => 60_000,
        "s" => 1_000,
        "ms" => 1,
        "us" | "µs" | "ns" => return Some(0),
        _ => return None,
    };
    let fraction_ms = thousandths.saturating_mul(unit_ms) / 1_000;
    Some(whole.saturating_mul(unit_ms).saturating_add(fraction_ms))
}

fn head(text: &str) -> String {
    text.chars().take(32).collect()
}

/// The same length as Go writes it.
pub(super) fn written(seconds: u64) -> String {
    let (minutes, rest) = (seconds / 60, seconds % 60);
    format!("{}h{}m{rest}s", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::{parse, written};

    #[test]
    fn reads_what_go_writes() {
        for (text, seconds) in [
            ("4h", Some(14_400)),
            ("3h59m49.2s", Some(14_390)),
            ("1.5h", Some(5_400)),
            ("7d", Some(604_800)),
            ("500ms", Some(1)),
            ("0s", None),
            ("-1m", None),
            ("999999999999999999h", Some(3_155_760_000)),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
        for text in ["", "4", "h", "4x", "4h5", "1.2.3s", "é"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse(&written(14_391)), Ok(Some(14_391)));
    }
}
