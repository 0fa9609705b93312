//! QR codes (ISO/IEC 18004) as SVG.
//!
//! supabase-js puts the picture behind `data:image/svg+xml;utf-8,` without escaping: it must
//! have no `#` and no `%`, so colours are named.

use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write;

/// Modules of white around it (ISO/IEC 18004 §6.3.8).
const QUIET: usize = 4;

/// The picture of a text; `None` when it is too long for one (more than 2,331 bytes).
#[must_use]
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let size = width + 2 * QUIET;
    let mut dark = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                let (left, top, length) = (x + QUIET, y + QUIET, run.len());
                // Text takes whatever is written to it.
                let _ = write!(dark, "M{left} {top}h{length}v1h-{length}z");
            }
            x += run.len();
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" width=\"256\" height=\"256\" shape-rendering=\"crispEdges\"><path fill=\"white\" d=\"M0 0h{size}v{size}H0z\"/><path fill=\"black\" d=\"{dark}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::{QUIET, svg};
    use proptest::prelude::*;
    use qrcode::{Color, EcLevel, QrCode};

    /// Which modules the path paints.
    fn painted(svg: &str, size: usize) -> Vec<Vec<bool>> {
        let path = svg.split("fill=\"black\" d=\"").nth(1).unwrap();
        let path = path.split('"').next().unwrap();
        let mut modules = vec![vec![false; size]; size];
        for run in path.split('M').skip(1) {
            let (at, run) = run.split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let length: usize = run.split_once('v').unwrap().0.parse().unwrap();
            modules[y][x..x + length].fill(true);
        }
        modules
    }

    #[test]
    fn refuses_what_no_code_can_hold() {
        assert_eq!(svg(&"x".repeat(2_400)), None);
    }

    proptest! {
        // Each draws two pictures.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn paints_every_dark_module_and_nothing_else(text in ".{0,200}") {
            let picture = svg(&text).unwrap();
            let code = QrCode::with_error_correction_level(&text, EcLevel::M).unwrap();
            let size = code.width() + 2 * QUIET;
            for (y, row) in painted(&picture, size).iter().enumerate() {
                for (x, painted) in row.iter().enumerate() {
                    let inside = (QUIET..size - QUIET).contains(&x) && (QUIET..size - QUIET).contains(&y);
                    let dark = inside && code[(x - QUIET, y - QUIET)] == Color::Dark;
                    prop_assert_eq!(*painted, dark);
                }
            }
            prop_assert!(!picture.contains(['#', '%']));
        }
    }
}
