//! Tones spread out tile by tile (Zuiderveld 1994).

use tensorwright::{DType, Result, Tensor, keep};

use super::pictures::Pictures;
use super::range::Range;
use crate::{DataFormat, Inputs, Layer, Outputs, Scope, Setting, Sizes, layer};

/// How many tones there are.
const TONES: usize = 256;

layer! {
    /// Images whose tones are equally frequent in each tile, as far as that does not spread noise; between the middles of tiles results are mixed.
    pub struct ContrastLimitedAdaptiveHistogramEqualization() {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
        /// How many times as frequent as on average a tone is counted at most; 0 is without limit.
        clip_limit: f64 = 4.0,
        /// How many tiles there are in a column and in a row.
        tile_grid_size: Sizes = Setting::<Sizes>::setting(8),
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for ContrastLimitedAdaptiveHistogramEqualization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let given = Pictures::as_given(inputs, self.data_format, scope)?;
        let x = given.batch()?;
        let tiles = self.tile_grid_size.of(2)?;
        if tiles.contains(&0) || x.shape()?.sizes().contains(&0) {
            return Err(scope.refuse(format!("there are no pixels in {tiles:?} tiles of {}", x.ty()?)));
        }
        let axes = [Axis::new(x.extent(1)?, tiles[0]), Axis::new(x.extent(2)?, tiles[1])];
        let (dtype, eight) = (x.dtype()?, Range::of_pixels());
        let tones = self.value_range.mapped(&x.cast(DType::F32), eight).cast(DType::I32).clamp(0, 255);
        let tables = self.tables(&tones, &axes)?;
        given.back(eight.mapped(&mixed(&tones, &tables, &axes)?, self.value_range).cast(dtype))
    }
}

/// The tiles along an axis.
struct Axis {
    extent: usize,
    tiles: usize,
    /// Pixels of a tile: the last one may go on in a mirror behind the image.
    size: usize,
}

impl Axis {
    fn new(extent: usize, tiles: usize) -> Axis {
        Axis { extent, tiles, size: extent.div_ceil(tiles) }
    }

    /// The pixels of all tiles: those behind the image are its own in a mirror.
    fn pixels(&self) -> Tensor {
        let period = 2 * self.extent;
        let pixel = |place: usize| (place % period).min(period - 1 - place % period) as i32;
        let pixels: Vec<i32> = (0..self.size * self.tiles).map(pixel).collect();
        Tensor::from_slice(&pixels, [pixels.len()])
    }

    /// The tile of each of [`Axis::pixels`].
    fn owners(&self) -> Vec<i32> {
        (0..self.size * self.tiles).map(|place| (place / self.size) as i32).collect()
    }

    /// For each pixel of the image the tiles whose middles it lies between, and the weight of the second one.
    fn between(&self) -> [Vec<f32>; 3] {
        let size = self.size as f32;
        let mut found = [Vec::new(), Vec::new(), Vec::new()];
        for pixel in 0..self.extent {
            let place = (pixel as f32 - size / 2.0) / size + 1.0;
            let tile = |place: f32| (place - 1.0).clamp(0.0, self.tiles as f32 - 1.0);
            found[0].push(tile(place.floor()));
            found[1].push(tile(place.floor() + 1.0));
            found[2].push(place - place.floor());
        }
        found
    }
}

/// The first place in the tables of all tiles for rows and columns of these tiles, of images and channels as in `tones`.
fn places(tones: &Tensor, rows: &[i32], columns: &[i32], [down, across]: &[Axis; 2]) -> Result<Tensor> {
    let (batch, channels) = (tones.extent(0)?, tones.extent(-1)?);
    let axis = |values: Vec<i32>, axis: usize| {
        let mut shape = [1; 4];
        shape[axis] = values.len();
        Tensor::from_slice(&values, shape)
    };
    let images = axis((0..batch as i32).collect(), 0) * down.tiles as i32;
    let tiles = (images + axis(rows.to_vec(), 1)) * across.tiles as i32 + axis(columns.to_vec(), 2);
    ((tiles * channels as i32 + axis((0..channels as i32).collect(), 3)) * TONES as i32).ok()
}

impl ContrastLimitedAdaptiveHistogramEqualization {
    /// What becomes of each tone, for each image, tile and channel, one behind the other.
    fn tables(&self, tones: &Tensor, axes: &[Axis; 2]) -> Result<Tensor> {
        let [down, across] = axes;
        let all = tones.take(down.pixels(), 1).take(across.pixels(), 2);
        let places = places(tones, &down.owners(), &across.owners(), axes)? + all;
        let tables = tones.extent(0)? * down.tiles * across.tiles * tones.extent(-1)?;
        let counts = places.reshape([-1]).bincount(tables * TONES);
        let counts = counts.reshape([tables, TONES]).cast(DType::F32);
        let area = (down.size * across.size) as f64;
        let running = self.limited(counts, area).cumsum(-1);
        let least = running.min(keep(-1));
        let rest = area - &least;
        let rest = rest.eq(0.0).select(1.0, &rest);
        ((running - least) * 255.0 / rest).clamp(0.0, 255.0).reshape([-1]).ok()
    }

    /// What is above the limit, shared out among all tones.
    fn limited(&self, counts: Tensor, area: f64) -> Tensor {
        if self.clip_limit <= 0.0 {
            return counts;
        }
        let below = counts.minimum(self.clip_limit * area / TONES as f64);
        let excess = (&counts - &below).sum(keep(-1));
        below + excess / TONES as f64
    }
}

/// Tones by the tables of the four tiles around each pixel.
fn mixed(tones: &Tensor, tables: &Tensor, axes: &[Axis; 2]) -> Result<Tensor> {
    let [[top, bottom, down], [left, right, across]] = [axes[0].between(), axes[1].between()];
    let whole = |tiles: &[f32]| tiles.iter().map(|&tile| tile as i32).collect::<Vec<_>>();
    let down = Tensor::from_slice(&down, [1, down.len(), 1, 1]);
    let across = Tensor::from_slice(&across, [1, 1, across.len(), 1]);
    let at = |row: &[f32], column: &[f32]| -> Result<Tensor> {
        Ok(tables.take(places(tones, &whole(row), &whole(column), axes)? + tones, 0))
    };
    let row = |row: &[f32]| -> Result<Tensor> {
        Ok(at(row, &left)? * (1.0 - &across) + at(row, &right)? * &across)
    };
    (row(&top)? * (1.0 - &down) + row(&bottom)? * &down).ok()
}
