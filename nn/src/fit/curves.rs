//! The numbers of epochs as a picture.

use std::fmt::Write;

use super::History;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 48.0;
const COLORS: [&str; 6] = ["#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a"];

impl History {
    /// Curves over epochs as SVG: those of these names, or all if there are none.
    pub fn to_svg(&self, names: &[&str]) -> String {
        let all = self.names();
        let names = if names.is_empty() { &all[..] } else { names };
        let curves: Vec<(&str, Vec<(f64, f64)>)> =
            names.iter().map(|name| (*name, self.points(name))).collect();
        let points = || curves.iter().flat_map(|(_, points)| points.iter().copied());
        let [left, right] = span(points().map(|point| point.0));
        let [low, high] = span(points().map(|point| point.1));
        let x = |epoch: f64| MARGIN + (epoch - left) / (right - left) * (WIDTH - 2.0 * MARGIN);
        let y = |value: f64| HEIGHT - MARGIN - (value - low) / (high - low) * (HEIGHT - 2.0 * MARGIN);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
        );
        for step in 0..=4 {
            let value = low + (high - low) * f64::from(step) / 4.0;
            let (at, end) = (y(value), WIDTH - MARGIN);
            let _ = writeln!(
                svg,
                "<line x1=\"{MARGIN}\" y1=\"{at:.1}\" x2=\"{end}\" y2=\"{at:.1}\" stroke=\"#d0d7de\"/>"
            );
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.3}</text>",
                MARGIN - 6.0,
                at + 4.0
            );
        }
        for (i, (name, points)) in curves.iter().enumerate() {
            let color = COLORS[i % COLORS.len()];
            let line: Vec<String> =
                points.iter().map(|(epoch, value)| format!("{:.1},{:.1}", x(*epoch), y(*value))).collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
                line.join(" ")
            );
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"20\" fill=\"{color}\">{}</text>",
                MARGIN + 120.0 * i as f64,
                escaped(name)
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">epochs {} to {}</text>",
            WIDTH / 2.0,
            HEIGHT - 12.0,
            left + 1.0,
            right + 1.0
        );
        svg.push_str("</svg>\n");
        svg
    }

    /// Epochs and finite numbers of this name.
    fn points(&self, name: &str) -> Vec<(f64, f64)> {
        let found = self.epochs().iter().filter_map(|(epoch, logs)| Some((*epoch as f64, logs.get(name)?)));
        found.filter(|(_, value)| value.is_finite()).collect()
    }
}

/// The least and the greatest number, and more if they are the same.
fn span(numbers: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) =
        numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    match low < high {
        true => [low, high],
        false if low.is_finite() => [low, low + 1.0],
        false => [0.0, 1.0],
    }
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
