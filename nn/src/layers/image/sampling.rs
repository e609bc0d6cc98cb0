//! Images at computed places.

use tensorwright::{DType, Result, Tensor};

use crate::settings::keyword;

keyword! {
    /// What is outside an image.
    pub enum FillMode {
        /// One number.
        Constant = "constant",
        /// The image in a mirror at its border.
        Reflect = "reflect",
        /// The image again.
        Wrap = "wrap",
        /// The outermost pixels.
        Nearest = "nearest",
    }
}

keyword! {
    /// What is between pixels.
    pub enum PixelMethod {
        /// The nearest pixel.
        Nearest = "nearest",
        /// Lines between pixels.
        Bilinear = "bilinear",
    }
}

/// How pixels are found.
#[derive(Clone, Copy)]
pub(super) struct Sampling {
    pub(super) fill_mode: FillMode,
    pub(super) method: PixelMethod,
    pub(super) fill_value: f64,
}

/// Where the pixels of results come from: result `(x, y)` from column `(a x + b y + c) / d` and row `(e x + f y + g) / d`, with
/// `d = k x + l y + 1`. Numbers are `F[b, 1, 1]`.
pub(super) struct Projection {
    pub(super) column: [Tensor; 3],
    pub(super) row: [Tensor; 3],
    pub(super) depth: Option<[Tensor; 2]>,
}

/// Places are computed in `f32`, or `f64` for images of that.
pub(super) fn place_dtype(images: &Tensor) -> Result<DType> {
    Ok(if images.dtype()? == DType::F64 { DType::F64 } else { DType::F32 })
}

/// Columns `F[1, 1, w]` and rows `F[1, h, 1]` of the pixels of `T[b, h, w, c]`.
pub(super) fn pixels(images: &Tensor) -> Result<[Tensor; 2]> {
    let (dtype, height, width) = (place_dtype(images)?, images.extent(1)?, images.extent(2)?);
    let columns = Tensor::arange(width, dtype).reshape([1, 1, width]);
    Ok([columns, Tensor::arange(height, dtype).reshape([1, height, 1])])
}

impl Sampling {
    /// `T[b, h, w, c]` as a projection shows them.
    pub(super) fn projected(self, images: &Tensor, projection: &Projection) -> Result<Tensor> {
        let [x, y] = pixels(images)?;
        let sum = |[a, b, c]: &[Tensor; 3]| a * &x + b * &y + c;
        let (mut columns, mut rows) = (sum(&projection.column), sum(&projection.row));
        if let Some([a, b]) = &projection.depth {
            let depth = a * &x + b * &y + 1.0;
            (columns, rows) = (columns / &depth, rows / depth);
        }
        self.at(images, &rows, &columns)
    }

    /// `T[b, h, w, c]` at rows and columns `F[b, m, n]`: `T[b, m, n, c]`.
    pub(super) fn at(self, images: &Tensor, rows: &Tensor, columns: &Tensor) -> Result<Tensor> {
        let taps = Taps::new(self, images)?;
        let (rows, columns) = (self.inside(rows, taps.height), self.inside(columns, taps.width));
        if self.method == PixelMethod::Nearest {
            return taps.at(&rows.round(), &columns.round());
        }
        let (top, left) = (rows.floor(), columns.floor());
        let [down, right] = [rows - &top, columns - &left].map(|part| part.expand_dims(-1).cast(taps.dtype));
        let row = |row: &Tensor| -> Result<Tensor> {
            Ok(taps.at(row, &left)? * (1.0 - &right) + taps.at(row, &(&left + 1.0))? * &right)
        };
        (row(&top)? * (1.0 - &down) + row(&(&top + 1.0))? * &down).ok()
    }

    /// Places along an axis, brought into the image as the mode says.
    fn inside(self, places: &Tensor, extent: usize) -> Tensor {
        let n = extent as f64;
        let found = match self.fill_mode {
            FillMode::Constant => return places.clone(),
            FillMode::Nearest => places.clone(),
            FillMode::Reflect => {
                // -1 is the first pixel again, and n the last one.
                let place = places - (places / (2.0 * n)).floor() * (2.0 * n);
                place.ge(n).select(2.0 * n - 1.0 - &place, &place)
            }
            FillMode::Wrap => {
                let last = (n - 1.0).max(1.0);
                let before = places + ((-places / last).floor() + 1.0) * n;
                let behind = places - (places / last).floor() * n;
                places.lt(0.0).select(before, places.gt(n - 1.0).select(behind, places))
            }
        };
        found.clamp(0.0, n - 1.0)
    }
}

/// Single pixels of a batch of images.
struct Taps {
    /// All pixels, `T[b * h * w, c]`.
    flat: Tensor,
    /// The first pixel of each image, `i32[b, 1, 1]`.
    first: Tensor,
    height: usize,
    width: usize,
    dtype: DType,
    fill: f64,
}

impl Taps {
    fn new(sampling: Sampling, images: &Tensor) -> Result<Taps> {
        let sizes = images.shape()?.sizes().to_vec();
        let (batch, height, width) = (sizes[0], sizes[1], sizes[2]);
        let flat = images.reshape([batch * height * width, sizes[3]]);
        let first = Tensor::arange(batch, DType::I32).reshape([batch, 1, 1]) * (height * width) as i32;
        Ok(Taps { flat, first, height, width, dtype: images.dtype()?, fill: sampling.fill_value })
    }

    /// The pixels at whole rows and columns `F[b, m, n]`: `T[b, m, n, c]`; outside is the number for that.
    fn at(&self, rows: &Tensor, columns: &Tensor) -> Result<Tensor> {
        let (last_row, last_column) = (self.height as f64 - 1.0, self.width as f64 - 1.0);
        let inside = rows.ge(0.0) & rows.le(last_row) & columns.ge(0.0) & columns.le(last_column);
        let whole = |x: &Tensor, last: f64| inside.select(x, 0.0).clamp(0.0, last).cast(DType::I32);
        let places = whole(rows, last_row) * self.width as i32 + whole(columns, last_column) + &self.first;
        inside.expand_dims(-1).select(self.flat.take(places, 0), self.fill).ok()
    }
}
