//! Pictures stretched to another size.

use super::Pixels;

/// Where a pixel of the result lies among `count` pixels: the two around it, and how far it is from the first.
struct Between {
    low: usize,
    high: usize,
    part: f32,
}

/// Centres of `to` pixels among `from` pixels, which reach as far.
fn centres(from: usize, to: usize) -> impl Iterator<Item = Between> {
    let scale = from as f32 / to as f32;
    (0..to).map(move |i| {
        let at = (i as f32 + 0.5) * scale - 0.5;
        let low = at.floor();
        let place = |place: f32| (place.max(0.0) as usize).min(from - 1);
        Between { low: place(low), high: place(low + 1.0), part: at - low }
    })
}

/// Linearly between the centres of pixels, row by row: floats, as bytes.
pub(super) fn linear(pixels: &Pixels, [height, width]: [usize; 2]) -> Vec<u8> {
    let channels = pixels.channels;
    let row = |row: usize| &pixels.bytes[row * pixels.width * channels..];
    let columns: Vec<Between> = centres(pixels.width, width).collect();
    let mut out = Vec::with_capacity(height * width * channels * 4);
    for y in centres(pixels.height, height) {
        let (above, below) = (row(y.low), row(y.high));
        for x in &columns {
            let (left, right) = (x.low * channels, x.high * channels);
            for channel in 0..channels {
                let along = |row: &[u8]| {
                    let (a, b) = (f32::from(row[left + channel]), f32::from(row[right + channel]));
                    a + (b - a) * x.part
                };
                let (a, b) = (along(above), along(below));
                out.extend((a + (b - a) * y.part).to_le_bytes());
            }
        }
    }
    out
}
