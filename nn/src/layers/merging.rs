//! Layers that make one tensor of several.

use tensorwright::{Result, Shape, Tensor, keep};

use crate::{AxisList, Inputs, Layer, Outputs, Scope, Signal, layer};

/// Operands of the ranks of the greatest: axes of extent 1 come in behind the batch.
fn aligned(inputs: &Inputs, scope: &Scope<'_>) -> Result<Vec<Tensor>> {
    let xs: Vec<Tensor> = inputs.list().into_iter().map(|signal| signal.value).collect();
    if xs.is_empty() {
        return Err(scope.refuse("there is nothing to merge"));
    }
    let ranks = xs.iter().map(Tensor::rank).collect::<Result<Vec<_>>>()?;
    let rank = ranks.iter().copied().max().unwrap_or(0);
    let widened = |(x, own): (Tensor, usize)| {
        let axes: Vec<usize> = (1..=rank - own).collect();
        if axes.is_empty() || own == 0 { x } else { x.expand_dims(axes) }
    };
    Ok(xs.into_iter().zip(ranks).map(widened).collect())
}

/// The mask of what is merged element by element: steps that any mask leaves; none if an operand has none.
fn common_mask(signals: &[Signal]) -> Option<Tensor> {
    let masks: Option<Vec<Tensor>> = signals.iter().map(|signal| signal.mask.clone()).collect();
    masks?.into_iter().reduce(|all, mask| all | mask)
}

/// Declares a layer that folds its operands.
macro_rules! folds {
    ($($(#[$doc:meta])* $name:ident: $fold:expr;)*) => {$(
        layer! {
            $(#[$doc])*
            pub struct $name() {}
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
                let fold: fn(Vec<Tensor>) -> Option<Tensor> = $fold;
                let value = fold(aligned(inputs, scope)?);
                let value = value.ok_or_else(|| scope.refuse("there is nothing to merge"))?;
                Ok(Signal { value, mask: common_mask(&inputs.list()) }.into())
            }
        }
    )*};
}

folds! {
    /// The sum of tensors, which broadcast.
    Add: |xs| xs.into_iter().reduce(|a, b| a + b);
    /// The first of two tensors less the second.
    Subtract: |xs| xs.into_iter().reduce(|a, b| a - b);
    /// The mean of tensors.
    Average: |xs| {
        let count = xs.len() as f64;
        xs.into_iter().reduce(|a, b| a + b).map(|sum| sum / count)
    };
}

/// A tensor that is merged, with its mask in the tensor's shape.
fn with_wide_masks(inputs: &Inputs, scope: &Scope<'_>) -> Result<Vec<(Tensor, Option<Tensor>)>> {
    let masks = inputs.list().into_iter().map(|signal| signal.mask);
    let wide = |(x, mask): (Tensor, Option<Tensor>)| match mask {
        Some(mask) => {
            let mask = mask.expand_dims(-1).broadcast_to(x.shape()?.clone());
            Ok((x, Some(mask)))
        }
        None => Ok((x, None)),
    };
    aligned(inputs, scope)?.into_iter().zip(masks).map(wide).collect()
}

/// The masks of all, if all have one.
fn all_masks(parts: &[(Tensor, Option<Tensor>)]) -> Option<Tensor> {
    let masks: Option<Vec<Tensor>> = parts.iter().map(|(_, mask)| mask.clone()).collect();
    masks?.into_iter().reduce(|all, mask| all | mask)
}

layer! {
    /// The product of tensors, element by element, of those steps that their masks leave; 0 where no mask does.
    pub struct Multiply() {}
}

impl Layer for Multiply {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let parts = with_wide_masks(inputs, scope)?;
        let counted = |(x, mask): &(Tensor, Option<Tensor>)| {
            mask.as_ref().map_or_else(|| x.clone(), |mask| mask.select(x, 1.0))
        };
        let product = parts.iter().map(counted).reduce(|a, b| a * b);
        let product = product.ok_or_else(|| scope.refuse("there is nothing to merge"))?;
        let mask = all_masks(&parts);
        let value = mask.as_ref().map_or_else(|| product.clone(), |mask| mask.select(&product, 0.0));
        Ok(Signal { value, mask: mask.map(|mask| mask.any(-1)) }.into())
    }
}

/// An extreme of tensors at each place, of those that their masks leave there.
fn extreme(inputs: &Inputs, scope: &Scope<'_>, fold: fn(&Tensor, &Tensor) -> Tensor) -> Result<Outputs> {
    let mut parts = with_wide_masks(inputs, scope)?.into_iter();
    let (mut value, mut mask) = parts.next().ok_or_else(|| scope.refuse("there is nothing to merge"))?;
    for (mut x, own) in parts {
        if let Some(own) = &own {
            x = own.select(&x, &value);
        }
        if let Some(mask) = &mask {
            value = mask.select(&value, &x);
        }
        mask = mask.zip(own).map(|(mask, own)| mask | own);
        value = fold(&value, &x);
    }
    Ok(Signal { value, mask: mask.map(|mask| mask.any(-1)) }.into())
}

layer! {
    /// The greatest of the elements at each place.
    pub struct Maximum() {}
}

impl Layer for Maximum {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        extreme(inputs, scope, |a, b| a.maximum(b))
    }
}

layer! {
    /// The least of the elements at each place.
    pub struct Minimum() {}
}

impl Layer for Minimum {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        extreme(inputs, scope, |a, b| a.minimum(b))
    }
}

layer! {
    /// Tensors one after the other.
    pub struct Concatenate() {
        /// Along which axis.
        axis: i64 = -1,
    }
}

impl Layer for Concatenate {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        let signals = inputs.list();
        let values: Vec<Tensor> = signals.iter().map(|signal| signal.value.clone()).collect();
        let mask = self.mask(&signals)?;
        Ok(Signal { value: Tensor::concat(&values, self.axis), mask }.into())
    }
}

impl Concatenate {
    /// The masks one after the other too; where a tensor has none, all of its steps count. A step of the result counts if any of its parts does.
    fn mask(&self, signals: &[Signal]) -> Result<Option<Tensor>> {
        if signals.iter().all(|signal| signal.mask.is_none()) {
            return Ok(None);
        }
        let whole = |signal: &Signal| -> Result<Tensor> {
            let shape = signal.value.shape()?.clone();
            match &signal.mask {
                None => Ok(Tensor::ones(shape, tensorwright::DType::Bool)),
                Some(mask) => {
                    let missing: Vec<usize> = (mask.rank()?..shape.rank()).collect();
                    Ok(mask.expand_dims(missing).broadcast_to(shape))
                }
            }
        };
        let masks = signals.iter().map(whole).collect::<Result<Vec<_>>>()?;
        let joined = Tensor::concat(&masks, self.axis);
        Ok(Some(joined.any(-1)))
    }
}

layer! {
    /// The products of two batches of tensors, summed along an axis of each.
    pub struct Dot(
        /// The axis that is summed along, of both, or of each.
        axes: AxisList,
    ) {
        /// Whether vectors are divided by their length first, so that products are cosines.
        normalize: bool = false,
    }
}

impl Layer for Dot {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let signals = inputs.list();
        let [x, y] = &signals[..] else {
            return Err(scope.refuse(format!("two tensors are wanted, found {}", signals.len())));
        };
        let (mut x, mut y) = (x.value.clone(), y.value.clone());
        let axes = self.axes.given();
        let absolute =
            |axis: i64, rank: usize| if axis < 0 { (axis + rank as i64) as usize } else { axis as usize };
        let (at_x, at_y) = (absolute(axes[0], x.rank()?), absolute(axes[axes.len() - 1], y.rank()?));
        if self.normalize {
            (x, y) = (unit(&x, at_x), unit(&y, at_y));
        }
        let product = batch_dot(&x, &y, at_x, at_y)?;
        Ok(if product.rank()? == 1 { product.expand_dims(1) } else { product }.into())
    }
}

/// Vectors along an axis, divided by their length.
fn unit(x: &Tensor, axis: usize) -> Tensor {
    x / x.square().sum(keep(axis)).maximum(1e-12).sqrt()
}

/// The sum of products along an axis of each, for each example: other axes of the first come first.
fn batch_dot(x: &Tensor, y: &Tensor, at_x: usize, at_y: usize) -> Result<Tensor> {
    let free = |shape: &Shape, at: usize| -> Vec<usize> {
        shape
            .sizes()
            .iter()
            .enumerate()
            .filter(|&(axis, _)| axis != 0 && axis != at)
            .map(|(_, &size)| size)
            .collect()
    };
    let (free_x, free_y) = (free(x.shape()?, at_x), free(y.shape()?, at_y));
    let (batch, terms) = (x.extent(0)?, x.extent(at_x)?);
    let rows = x.move_axis(at_x, -1).reshape([batch, free_x.iter().product(), terms]);
    let columns = y.move_axis(at_y, -1).reshape([batch, free_y.iter().product(), y.extent(at_y)?]);
    let shape: Vec<usize> = [batch].into_iter().chain(free_x).chain(free_y).collect();
    Ok(rows.matmul(columns.swap_axes(1, 2)).reshape(shape))
}
