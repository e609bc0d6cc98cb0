//! Numbers of the size that networks like.

use serde_json::Value;
use tensorwright::{DType, Result, Tensor, keep};

use crate::{
    Argument, AxisList, Field, Inputs, Layer, Outputs, Scope, Setting, Signal, WeightSpec, initializers,
    layer,
};

/// A number, or one for each element along the last axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor(Vec<f64>);

impl Factor {
    fn tensor(&self, dtype: DType) -> Tensor {
        match self.0[..] {
            [number] => Tensor::from(number).cast(dtype),
            _ => Tensor::from_slice(&self.0, [self.0.len()]).cast(dtype),
        }
    }
}

impl Setting<Factor> for f64 {
    fn setting(self) -> Factor {
        Factor(vec![self])
    }
}

impl<const N: usize> Setting<Factor> for [f64; N] {
    fn setting(self) -> Factor {
        Factor(self.to_vec())
    }
}

impl<const N: usize> Setting<Option<Factor>> for [f64; N] {
    fn setting(self) -> Option<Factor> {
        Some(Factor(self.to_vec()))
    }
}

impl Field for Factor {
    fn to_json(&self) -> Value {
        if let [number] = self.0[..] { number.into() } else { self.0.clone().into() }
    }

    fn from_json(value: &Value) -> Result<Factor, String> {
        // Lists may be nested, as the mean of several axes is.
        fn collect(value: &Value, found: &mut Vec<f64>) -> Option<()> {
            match value {
                Value::Array(list) => list.iter().try_for_each(|item| collect(item, found)),
                one => {
                    found.push(one.as_f64()?);
                    Some(())
                }
            }
        }
        let mut found = Vec::new();
        collect(value, &mut found)
            .filter(|()| !found.is_empty())
            .ok_or_else(|| format!("numbers are wanted, found {value}"))?;
        Ok(Factor(found))
    }
}

layer! {
    /// Numbers times a factor plus an offset.
    pub struct Rescaling(
        /// The factor.
        scale: Factor,
    ) {
        /// The offset.
        offset: Factor = 0.0.setting(),
    }
}

impl Layer for Rescaling {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let dtype = scope.dtype();
        let x = inputs.tensor()?.cast(dtype);
        Ok(inputs.masked_like(x * self.scale.tensor(dtype) + self.offset.tensor(dtype)))
    }
}

layer! {
    /// Numbers less their mean, divided by their standard deviation, which are given or learnt from data by `adapt`.
    pub struct Normalization() {
        /// The axes each of whose places has a mean of its own; none for one mean of all.
        axis: Option<AxisList> = Some(Setting::<AxisList>::setting(-1)),
        /// The mean.
        mean: Option<Factor> = None,
        /// The variance.
        variance: Option<Factor> = None,
        /// Whether the layer goes the other way.
        invert: bool = false,
    }
}

impl Normalization {
    /// The axes that are kept, and the shape of means that broadcasts.
    fn kept(&self, x: &Tensor) -> Result<(Vec<usize>, Vec<usize>)> {
        let sizes = x.shape()?.sizes();
        let kept = self.axis.as_ref().map_or_else(|| Ok(Vec::new()), |axes| axes.of(sizes.len()))?;
        let broad = (0..sizes.len()).map(|axis| if kept.contains(&axis) { sizes[axis] } else { 1 }).collect();
        Ok((kept, broad))
    }

    fn moments(&self, x: &Tensor, scope: &Scope<'_>) -> Result<[Tensor; 2]> {
        let (kept, broad) = self.kept(x)?;
        if let (Some(mean), Some(variance)) = (&self.mean, &self.variance) {
            let spread = |factor: &Factor| {
                let given = factor.tensor(scope.dtype());
                match factor.0.len() {
                    1 => given.broadcast_to(&broad[..]),
                    count if count == broad.iter().product::<usize>() => given.reshape(&broad[..]),
                    _ => given,
                }
            };
            return Ok([spread(mean), spread(variance)]);
        }
        let sizes = x.shape()?.sizes();
        let shape: Vec<usize> = kept.iter().map(|&axis| sizes[axis]).collect();
        let [mean, variance] = self.variables(&shape, scope)?;
        Ok([mean, variance].map(|variable| variable.value().cast(scope.dtype()).reshape(&broad[..])))
    }

    fn variables(&self, shape: &[usize], scope: &Scope<'_>) -> Result<[tensorwright::Variable; 2]> {
        let fixed = |initializer: crate::Initializer| WeightSpec::from(initializer).frozen();
        let mean = scope.variable("mean", shape, fixed(initializers::Zeros.into()))?;
        let variance = scope.variable("variance", shape, fixed(initializers::Ones.into()))?;
        scope.variable("count", (), fixed(initializers::Zeros.into()).dtype(DType::I64))?;
        Ok([mean, variance])
    }
}

impl Layer for Normalization {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?.cast(scope.dtype());
        let [mean, variance] = self.moments(&x, scope)?;
        let deviation = variance.sqrt().maximum(1e-7);
        Ok(inputs.masked_like(if self.invert { mean + x * deviation } else { (x - mean) / deviation }))
    }

    fn adapt(&self, data: &[Argument], scope: &Scope<'_>) -> Result<()> {
        if self.mean.is_some() {
            return Err(scope.refuse("the mean was given, and is not learnt"));
        }
        let parts: Vec<Signal> = data.iter().flat_map(Argument::signals).collect();
        let parts: Vec<Tensor> = parts.into_iter().map(|part| part.value.cast(scope.dtype())).collect();
        if parts.is_empty() {
            return Err(scope.refuse("there is nothing to learn from"));
        }
        let x = Tensor::concat(&parts, 0);
        let (kept, _) = self.kept(&x)?;
        let sizes = x.shape()?.sizes();
        let shape: Vec<usize> = kept.iter().map(|&axis| sizes[axis]).collect();
        let rest: Vec<usize> = (0..sizes.len()).filter(|axis| !kept.contains(axis)).collect();
        let [mean, variance] = self.variables(&shape, scope)?;
        let (own_mean, own_variance) = match rest.is_empty() {
            true => (x.clone(), x.zeros_like()),
            false => (x.mean(keep(&rest)), x.var(keep(&rest), 0)),
        };
        mean.assign(own_mean.reshape(&shape[..]))?;
        variance.assign(own_variance.reshape(&shape[..]))
    }
}
