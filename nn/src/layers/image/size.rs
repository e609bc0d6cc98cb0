//! Images in other sizes.

use tensorwright::{Antialias, DType, Result, Tensor};

use super::pictures::{Company, Pictures, augmentations, saturated, widened};
use crate::layers::border::ResizeMethod;
use crate::settings::keyword;
use crate::{DataFormat, Inputs, Layer, Outputs, Scope, layer};

/// `size` elements of an axis from `start` on.
fn section(x: &Tensor, axis: usize, start: usize, size: usize) -> Result<Tensor> {
    let sizes = x.shape()?.sizes();
    let mut starts = vec![0i64; sizes.len()];
    let mut limits: Vec<i64> = sizes.iter().map(|&extent| extent as i64).collect();
    (starts[axis], limits[axis]) = (start as i64, (start + size) as i64);
    Ok(x.slice(starts, limits, vec![1i64; sizes.len()]))
}

layer! {
    /// Images in another size.
    pub struct Resizing(
        /// How many rows.
        height: usize,
        /// How many columns.
        width: usize,
    ) {
        /// What is between the pixels.
        interpolation: ResizeMethod = ResizeMethod::Bilinear,
        /// Whether sides are cut off first, so that nothing is stretched.
        crop_to_aspect_ratio: bool = false,
        /// Whether borders are added first, so that nothing is stretched.
        pad_to_aspect_ratio: bool = false,
        /// Read and kept: borders are one number.
        fill_mode: String = "constant".to_owned(),
        /// The number of borders.
        fill_value: f64 = 0.0,
        /// Whether pixels that shrink are means of all that they cover.
        antialias: bool = false,
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for Resizing {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let given = Pictures::as_given(inputs, self.data_format, scope)?;
        self.given_size(given, inputs, scope)
    }
}

impl Resizing {
    /// These images in the wanted size, with what goes with them.
    fn given_size(&self, given: Pictures, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        if self.height == 0 || self.width == 0 {
            return Err(scope.refuse("images have at least one row and one column"));
        }
        let company = Company::of(inputs).moved(self.data_format, scope, |masks| {
            Resizing { interpolation: ResizeMethod::Nearest, ..self.clone() }.sized(masks)
        })?;
        let images = given.batch()?;
        let sized = saturated(self.sized(widened(&images)?)?, images.dtype()?)?;
        Ok(company.behind(given.back(sized)?))
    }

    /// `T[b, h, w, c]` in the wanted size.
    fn sized(&self, x: Tensor) -> Result<Tensor> {
        let axes = [1, 2];
        let x = match (self.crop_to_aspect_ratio, self.pad_to_aspect_ratio) {
            (true, _) => self.cropped(x, axes)?,
            (_, true) => self.padded(x, axes)?,
            _ => x,
        };
        self.resized(&x, axes)
    }

    /// How large an image of the wanted proportions is beside this one: rows by its columns, and columns by its rows.
    fn proportional(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        let side =
            |own: usize, wanted: usize, other: usize| (own as f32 * wanted as f32 / other as f32) as usize;
        [side(width, self.height, self.width), side(height, self.width, self.height)]
    }

    fn cropped(&self, x: Tensor, axes: [usize; 2]) -> Result<Tensor> {
        let own = [x.extent(axes[0])?, x.extent(axes[1])?];
        let wanted = self.proportional(own);
        let mut x = x;
        for i in 0..2 {
            let size = wanted[i].min(own[i]).max(1);
            x = section(&x, axes[i], (own[i] - size) / 2, size)?;
        }
        Ok(x)
    }

    fn padded(&self, x: Tensor, axes: [usize; 2]) -> Result<Tensor> {
        let own = [x.extent(axes[0])?, x.extent(axes[1])?];
        let wanted = self.proportional(own);
        let mut sides = vec![0i64; x.rank()?];
        for i in 0..2 {
            sides[axes[i]] = (wanted[i].max(own[i]) - own[i]) as i64 / 2;
        }
        let value = Tensor::from(self.fill_value).cast(x.dtype()?);
        let between = vec![0usize; sides.len()];
        Ok(x.pad(value, sides.clone(), sides, between))
    }

    fn resized(&self, x: &Tensor, axes: [usize; 2]) -> Result<Tensor> {
        let sizes = [self.height, self.width];
        let antialias = if self.antialias { Antialias::On } else { Antialias::Off };
        match self.interpolation.options(antialias) {
            Some(options) => Ok(x.resize(sizes, options.axes(axes.map(|axis| axis as i64)))),
            None => areas(x, axes, sizes),
        }
    }
}

/// Each result is the mean of what it covers of the image, parts of pixels included: a product with weights along each axis. Numbers are rounded where TensorFlow rounds them, or means of whole
/// numbers that lie between two of these would go the other way.
fn areas(x: &Tensor, axes: [usize; 2], sizes: [usize; 2]) -> Result<Tensor> {
    let (mut x, dtype) = (x.clone(), x.dtype()?);
    let rounded = |number: f64| if dtype == DType::F64 { number } else { f64::from(number as f32) };
    let mut area = 1.0;
    for (axis, size) in axes.into_iter().zip(sizes).rev() {
        let extent = x.extent(axis)?;
        let scale = rounded(extent as f64 / size.max(1) as f64);
        let mut weights = vec![0.0; size * extent];
        for result in 0..size {
            let [from, to] = [result, result + 1].map(|place| rounded(place as f64 * scale));
            for pixel in from.floor() as usize..to.ceil() as usize {
                let (begin, end) = (pixel as f64, pixel as f64 + 1.0);
                let covered =
                    if begin < from && end > to { scale } else { rounded(end.min(to) - begin.max(from)) };
                weights[result * extent + pixel.min(extent - 1)] += covered;
            }
        }
        let weights = Tensor::from_slice(&weights, [size, extent]).cast(dtype);
        x = x.move_axis(axis, -1).matmul(weights.t()).move_axis(-1, axis);
        area = rounded(area * scale);
    }
    (x * rounded(1.0 / area)).ok()
}

layer! {
    /// The middle of images; smaller ones are resized, without stretching, and cut.
    pub struct CenterCrop(
        /// How many rows.
        height: usize,
        /// How many columns.
        width: usize,
    ) {
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for CenterCrop {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let given = Pictures::read(inputs, self.data_format, scope)?;
        let x = given.batch()?;
        let (height, width) = (x.extent(1)?, x.extent(2)?);
        if height < self.height || width < self.width {
            let resize = Resizing::new(self.height, self.width)
                .crop_to_aspect_ratio(true)
                .data_format(self.data_format);
            return resize.given_size(given, inputs, scope);
        }
        let middle = |x: Tensor| {
            let x = section(&x, 1, (height - self.height) / 2, self.height)?;
            section(&x, 2, (width - self.width) / 2, self.width)
        };
        let company = Company::of(inputs).moved(self.data_format, scope, middle)?;
        Ok(company.behind(given.back(middle(x)?)?))
    }
}

keyword! {
    /// Which way images are turned round.
    pub enum FlipMode {
        /// Left and right.
        Horizontal = "horizontal",
        /// Top and bottom.
        Vertical = "vertical",
        /// Both, each by itself.
        Both = "horizontal_and_vertical",
    }
}

augmentations! {
    /// In training, half of the images turned round.
    RandomFlip() {
        /// Which way.
        mode: FlipMode = FlipMode::Both,
    } (this, x, scope) moves Ok(this.clone()) => {
        let axes: &[usize] = match this.mode {
            FlipMode::Horizontal => &[2],
            FlipMode::Vertical => &[1],
            FlipMode::Both => &[1, 2],
        };
        let mut x = x;
        for &axis in axes {
            let turned = scope.key()?.bernoulli([x.extent(0)?, 1, 1, 1], 0.5);
            x = turned.select(x.reverse([axis]), &x);
        }
        x
    };
    /// In training, a part of images, the same of a whole batch; smaller ones are resized.
    RandomCrop(
        /// How many rows.
        height: usize,
        /// How many columns.
        width: usize,
    ) {} (this, x, scope) reads FloatsInTraining moves Ok(this.clone()) => {
        if this.height == 0 || this.width == 0 {
            return Err(scope.refuse("images have at least one row and one column"));
        }
        this.part(&x, scope)?
    };
}

impl RandomCrop {
    fn part(&self, x: &Tensor, scope: &Scope<'_>) -> Result<Tensor> {
        let (own, wanted) = ([x.extent(1)?, x.extent(2)?], [self.height, self.width]);
        if own[0] > wanted[0] && own[1] > wanted[1] {
            let start = |axis: usize| -> Result<Tensor> {
                let starts = (own[axis] - wanted[axis] + 1) as i32;
                Ok(scope.key()?.randint(Vec::new(), 0i32, starts))
            };
            let zero = Tensor::scalar(0i32);
            let sizes = [x.extent(0)?, wanted[0], wanted[1], x.extent(3)?];
            let starts = [zero.clone(), start(0)?, start(1)?, zero];
            return x.dynamic_slice(Tensor::stack(&starts, 0), sizes).ok();
        }
        let resize = Resizing::new(self.height, self.width);
        let proportional = resize.proportional(own);
        let mut x = x.clone();
        for i in 0..2 {
            let start = (own[i] - proportional[i].clamp(1, own[i].max(1))) / 2;
            x = section(&x, i + 1, start, wanted[i].min(own[i] - start))?;
        }
        resize.resized(&x, [1, 2])
    }
}
