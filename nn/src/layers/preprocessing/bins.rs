//! Numbers as categories.

use tensorwright::{DType, Result, SearchSide, Tensor};

use super::encode::{OutputMode, encoded};
use super::learned::Learned;
use crate::{Argument, Inputs, Layer, Outputs, Scope, layer};

layer! {
    /// The number of the bin that a number falls into: how many boundaries are not above it.
    pub struct Discretization() {
        /// The boundaries, ascending; `adapt` finds those that make bins equally full.
        bin_boundaries: Learned<Vec<f64>> = Learned::default(),
        /// How many bins `adapt` makes.
        num_bins: Option<usize> = None,
        /// How exact `adapt` is, as a part of the data.
        epsilon: f64 = 0.01,
        /// What becomes of bins.
        output_mode: OutputMode = OutputMode::Int,
        /// Read and kept: vectors are dense.
        sparse: bool = false,
    }
}

impl Layer for Discretization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let boundaries = self.bin_boundaries.get();
        let boundaries =
            boundaries.ok_or_else(|| scope.refuse("boundaries are given, or found by `adapt`"))?;
        let x = inputs.tensor()?;
        // Boundaries may lie between whole numbers.
        let x = if x.dtype()?.is_int() { x.cast(DType::F64) } else { x };
        let sorted = Tensor::from_slice(&boundaries, [boundaries.len()]).cast(x.dtype()?);
        let bins = sorted.searchsorted(&x, SearchSide::Right);
        let dtype = if self.output_mode == OutputMode::Int { DType::I32 } else { scope.dtype() };
        Ok(encoded(&bins, self.output_mode, boundaries.len() + 1, dtype, None)?.into())
    }

    fn adapt(&self, data: &[Argument], scope: &Scope<'_>) -> Result<()> {
        let bins = self.num_bins.filter(|&bins| bins > 0);
        let bins = bins.ok_or_else(|| scope.refuse("`adapt` needs `num_bins`"))?;
        let mut values: Vec<f32> = Vec::new();
        for signal in data.iter().flat_map(Argument::signals) {
            values.extend(signal.value.cast(DType::F32).to_vec::<f32>()?);
        }
        if values.is_empty() {
            return Err(scope.refuse("there is nothing to learn from"));
        }
        let mut summary = Summary::of(values, self.epsilon);
        summary.compress(1.0 / bins as f64);
        summary.values.pop();
        self.bin_boundaries.set(summary.values.iter().map(|&value| f64::from(value as f32)).collect());
        Ok(())
    }
}

/// Values, ascending, with how many each stands for.
struct Summary {
    values: Vec<f64>,
    weights: Vec<f64>,
}

impl Summary {
    /// About `1 / epsilon` of the values.
    fn of(mut values: Vec<f32>, epsilon: f64) -> Summary {
        values.sort_by(f32::total_cmp);
        let step = (values.len() as f64 * epsilon).max(1.0);
        let kept = values.iter().skip((step - 1.0) as usize).step_by(step as usize);
        let values: Vec<f64> = kept.map(|&value| f64::from(value)).collect();
        Summary { weights: vec![step; values.len()], values }
    }

    /// Values at equal steps of the running weights, by interpolation.
    fn compress(&mut self, epsilon: f64) {
        if (self.values.len() as f64) * epsilon < 1.0 {
            return;
        }
        let running: Vec<f64> = self
            .weights
            .iter()
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        let total = running.last().copied().unwrap_or(1.0);
        let parts: Vec<f64> = running.iter().map(|weight| weight / total).collect();
        let count = (1.0 / epsilon).ceil() as usize;
        let places = (0..count).map(|i| epsilon + i as f64 * epsilon);
        let (values, weights): (Vec<f64>, Vec<f64>) = places
            .map(|place| (interpolated(place, &parts, &self.values), interpolated(place, &parts, &running)))
            .unzip();
        let before = [0.0].into_iter().chain(weights.iter().copied());
        let weights = weights.iter().zip(before).map(|(now, before)| now - before).collect();
        *self = Summary { values, weights };
    }
}

/// The line through points with ascending `xs`, flat beyond them.
fn interpolated(x: f64, xs: &[f64], ys: &[f64]) -> f64 {
    let after = xs.partition_point(|&own| own < x);
    if after == 0 || after == xs.len() {
        return ys[after.min(xs.len() - 1)];
    }
    let (left, right) = (after - 1, after);
    let slope = (ys[right] - ys[left]) / (xs[right] - xs[left]);
    slope * (x - xs[left]) + ys[left]
}
