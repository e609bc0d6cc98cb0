//! Images that training moves, turns, stretches and tilts.

use std::f64::consts::PI;

use tensorwright::{DType, Result, Tensor};

use super::pictures::augmentations;
use super::range::Range;
use super::sampling::{FillMode, PixelMethod, Projection, Sampling, place_dtype};
use crate::Scope;

/// Numbers of a range for places, `F[b, 1, 1]`.
fn drawn(range: Range, x: &Tensor, scope: &Scope<'_>) -> Result<Tensor> {
    range.draw(x, scope)?.squeeze([3]).cast(place_dtype(x)?).ok()
}

/// The same number for all images, `F[1, 1, 1]`.
fn constant(number: f64, dtype: DType) -> Tensor {
    Tensor::from(number).cast(dtype).reshape([1, 1, 1])
}

/// Declares layers that move the pixels of images by a projection.
macro_rules! moved {
    ($($(#[$doc:meta])* $name:ident($($required:tt)*) { $($settings:tt)* } ($this:ident, $x:ident, $scope:ident) => $projection:expr;)*) => {
        augmentations! {$(
            $(#[$doc])*
            $name($($required)*) {
                $($settings)*
                /// What is outside an image.
                fill_mode: FillMode = FillMode::Reflect,
                /// What is between pixels.
                interpolation: PixelMethod = PixelMethod::Bilinear,
                /// The number of what is outside.
                fill_value: f64 = 0.0,
            } ($this, $x, $scope) moves Ok($name { interpolation: PixelMethod::Nearest, ..$this.clone() }) => {
                let (fill_mode, method) = ($this.fill_mode, $this.interpolation);
                let sampling = Sampling { fill_mode, method, fill_value: $this.fill_value };
                let projection: Projection = $projection;
                sampling.projected(&$x, &projection)?
            };
        )*}
    };
}

moved! {
    /// In training, images moved by parts of their sides.
    RandomTranslation(
        /// By which part of the height downwards.
        height_factor: Range,
        /// By which part of the width to the right.
        width_factor: Range,
    ) {} (this, x, scope) => {
        let down = drawn(this.height_factor, &x, scope)? * x.extent(1)? as f64;
        let right = drawn(this.width_factor, &x, scope)? * x.extent(2)? as f64;
        let [zero, one] = [0.0, 1.0].map(|number| constant(number, DType::F32));
        Projection { column: [one.clone(), zero.clone(), -right], row: [zero, one, -down], depth: None }
    };
    /// In training, images that are nearer or farther.
    RandomZoom(
        /// By which part higher images seem farther away.
        height_factor: Range,
    ) {
        /// By which part wider: as the height if nothing is said.
        width_factor: Option<Range> = None,
    } (this, x, scope) => {
        let rows = drawn(this.height_factor, &x, scope)? + 1.0;
        let columns = match this.width_factor {
            Some(factor) => drawn(factor, &x, scope)? + 1.0,
            None => rows.clone(),
        };
        let zero = constant(0.0, DType::F32);
        let [middle, across] = [x.extent(1)?, x.extent(2)?].map(|extent| (extent as f64 - 1.0) / 2.0);
        let (right, down) = ((1.0 - &columns) * across, (1.0 - &rows) * middle);
        Projection { column: [columns, zero.clone(), right], row: [zero, rows, down], depth: None }
    };
    /// In training, images turned around their middle.
    RandomRotation(
        /// By which part of a circle.
        factor: Range,
    ) {} (this, x, scope) => {
        let angle = drawn(this.factor, &x, scope)? * 360.0 * (PI / 180.0);
        let (cos, sin) = (angle.cos(), angle.sin());
        let (down, across) = ((x.extent(1)? as f64 - 1.0) / 2.0, (x.extent(2)? as f64 - 1.0) / 2.0);
        let right = across - across * &cos + down * &sin;
        let low = down - across * &sin - down * &cos;
        Projection { column: [cos.clone(), -&sin, right], row: [sin, cos, low], depth: None }
    };
    /// In training, images whose rows and columns are no longer at right angles.
    RandomShear() {
        /// How far a column moves from row to row, either way, at most 1.
        x_factor: Range = Range::new(0.0, 0.0),
        /// How far a row moves from column to column, the same way, at most 1.
        y_factor: Range = Range::new(0.0, 0.0),
    } (this, x, scope) => {
        let sign = drawn(Range::new(0.0, 1.0), &x, scope)?.gt(0.5).select(-1.0, 1.0).cast(place_dtype(&x)?);
        let row = drawn(this.y_factor, &x, scope)? * &sign;
        let column = drawn(this.x_factor, &x, scope)? * sign;
        let [zero, one] = [0.0, 1.0].map(|number| constant(number, DType::F32));
        Projection { column: [one.clone(), column, zero.clone()], row: [row, one, zero], depth: None }
    };
}

augmentations! {
    /// In training, some images as if they were seen from the side: their corners move.
    RandomPerspective() {
        /// How probable it is.
        factor: Range = Range::new(0.0, 1.0),
        /// How far corners move, as a part of their places, at most 1.
        scale: f64 = 1.0,
        /// What is between pixels.
        interpolation: PixelMethod = PixelMethod::Bilinear,
        /// The number of what is outside.
        fill_value: f64 = 0.0,
    } (this, x, scope) moves Ok(RandomPerspective { interpolation: PixelMethod::Nearest, ..this.clone() }) => {
        let happens = this.factor.chance(&x, scope)?;
        let reach = Range::new(-0.5 * this.scale, 0.5 * this.scale);
        let moves = reach.draw_in(&[x.extent(0)?, 4, 2], scope)?.cast(place_dtype(&x)?);
        let projection = seen_from(&x, &moves)?;
        let (fill_mode, method) = (FillMode::Constant, this.interpolation);
        let sampling = Sampling { fill_mode, method, fill_value: this.fill_value };
        happens.select(sampling.projected(&x, &projection)?, &x)
    };
}

/// The projection under which the corners of images go where these parts of their places lead, `F[b, 4, 2]`: eight equations for eight numbers.
fn seen_from(x: &Tensor, moves: &Tensor) -> Result<Projection> {
    let (batch, dtype) = (x.extent(0)?, place_dtype(x)?);
    let (bottom, right) = (x.extent(1)? as f64 - 1.0, x.extent(2)? as f64 - 1.0);
    let (mut equations, mut wanted) = (Vec::new(), Vec::new());
    for (corner, (x, y)) in [(0.0, 0.0), (right, 0.0), (0.0, bottom), (right, bottom)].into_iter().enumerate()
    {
        let (u, v) = (moves.i((.., corner, 0)) * x + x, moves.i((.., corner, 1)) * y + y);
        let [zero, one] = [0.0, 1.0].map(|number| u.full_like(number));
        let tail = |place: f64| [&u * -place, &v * -place];
        let [[a, b], [c, d]] = [tail(x), tail(y)];
        let column = [u.clone(), v.clone(), one.clone(), zero.clone(), zero.clone(), zero.clone(), a, b];
        let row = [zero.clone(), zero.clone(), zero, u, v, one, c, d];
        equations.extend([Tensor::stack(&column, -1), Tensor::stack(&row, -1)]);
        wanted.extend([x, y]);
    }
    let wanted = Tensor::from_slice(&wanted, [1, 8, 1]).cast(dtype).broadcast_to([batch, 8, 1]);
    let numbers = Tensor::stack(&equations, 1).solve(wanted).ok()?;
    let number = |i: usize| numbers.i((.., i..i + 1, ..));
    let column = [0, 1, 2].map(number);
    Ok(Projection { column, row: [3, 4, 5].map(number), depth: Some([6, 7].map(number)) })
}
