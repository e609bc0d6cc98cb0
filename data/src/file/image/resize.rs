//! Pictures stretched to another size.
//!
//! A row of the result is a mixture of two rows of the picture, which are stretched first: neighbours in the result share them when a picture grows.

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
pub(super) fn linear(pixels: &Pixels, size: [usize; 2]) -> Vec<u8> {
    match pixels.channels {
        1 => stretched::<1>(pixels, size),
        2 => stretched::<2>(pixels, size),
        3 => stretched::<3>(pixels, size),
        _ => stretched::<4>(pixels, size),
    }
}

fn stretched<const CHANNELS: usize>(pixels: &Pixels, [height, width]: [usize; 2]) -> Vec<u8> {
    let columns: Vec<Between> = centres(pixels.width, width).collect();
    let (all, _) = pixels.bytes.as_chunks::<CHANNELS>();
    let mut rows = Rows { pixels: all, width: pixels.width, columns, made: Default::default() };
    let mut out = vec![0; height * width * CHANNELS * 4];
    let (numbers, _) = out.as_chunks_mut::<4>();
    for (y, row) in centres(pixels.height, height).zip(numbers.chunks_exact_mut(width * CHANNELS)) {
        let [above, below] = rows.pair(y.low, y.high);
        for (number, (a, b)) in row.iter_mut().zip(above.iter().zip(below)) {
            *number = (a + (b - a) * y.part).to_le_bytes();
        }
    }
    out
}

/// Rows of a picture, stretched when they are asked for.
struct Rows<'p, const CHANNELS: usize> {
    pixels: &'p [[u8; CHANNELS]],
    width: usize,
    columns: Vec<Between>,
    /// The two rows that were asked for last, by their numbers.
    made: [Option<(usize, Vec<f32>)>; 2],
}

impl<const CHANNELS: usize> Rows<'_, CHANNELS> {
    /// Two rows, the second of which is the first or the one behind it.
    fn pair(&mut self, low: usize, high: usize) -> [&[f32]; 2] {
        let is =
            |made: &Option<(usize, Vec<f32>)>, row: usize| made.as_ref().is_some_and(|(own, _)| *own == row);
        if !is(&self.made[0], low) && is(&self.made[1], low) {
            self.made.swap(0, 1);
        }
        for (place, row) in [low, high].into_iter().enumerate() {
            if !is(&self.made[place], row) {
                let memory = self.made[place].take().map(|(_, memory)| memory).unwrap_or_default();
                self.made[place] = Some((row, self.stretch(row, memory)));
            }
        }
        [0, 1].map(|place| self.made[place].as_ref().map_or(&[][..], |(_, row)| row))
    }

    /// A row, in memory that was another one's.
    fn stretch(&self, row: usize, mut memory: Vec<f32>) -> Vec<f32> {
        let row = &self.pixels[row * self.width..][..self.width];
        memory.resize(self.columns.len() * CHANNELS, 0.0);
        let (places, _) = memory.as_chunks_mut::<CHANNELS>();
        for (place, x) in places.iter_mut().zip(&self.columns) {
            let (left, right) = (row[x.low], row[x.high]);
            for channel in 0..CHANNELS {
                let (a, b) = (f32::from(left[channel]), f32::from(right[channel]));
                place[channel] = a + (b - a) * x.part;
            }
        }
        memory
    }
}
