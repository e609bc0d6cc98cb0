//! The handwritten digits of `samples/digits.csv.gz`, for the examples.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;

/// Pixels of an image.
pub(crate) const PIXELS: usize = 64;
/// Images before this row are for training, the 450 from it on for tests.
pub(crate) const FIRST_TEST_ROW: usize = 1347;
/// All images.
pub(crate) const ROWS: usize = 1797;

/// Pixels from 0 to 1, row by row, and labels of some images.
pub(crate) fn images(rows: Range<usize>) -> Result<(Vec<f32>, Vec<usize>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/digits.csv.gz");
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    let mut file = csv::ReaderBuilder::new().has_headers(false).from_reader(GzDecoder::new(file));
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for row in file.deserialize::<Vec<f32>>().skip(rows.start).take(rows.len()) {
        let row = row?;
        ensure!(row.len() == PIXELS + 1, "a row has {PIXELS} pixels and a label, found {} fields", row.len());
        pixels.extend(row[..PIXELS].iter().map(|p| p / 16.0));
        labels.push(row[PIXELS] as usize);
    }
    Ok((pixels, labels))
}
