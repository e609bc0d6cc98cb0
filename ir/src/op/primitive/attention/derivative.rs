//! Derivatives of attention. The way back is an op; tangents are written out.

use smallvec::smallvec;

use super::written::Written;
use super::{Attend, ScoreCotangent};
use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::derivative::Differentiable;
use crate::op::{Derivatives, Primal};
use crate::{Builder, Shape, Value};

impl Attend {
    fn written<'a>(&'a self, b: &Builder, operands: &'a [Value]) -> Written<'a> {
        Written::new(b, self, operands).expect("the node has been typed")
    }
}

impl Differentiable for Attend {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let (operands, logs) = (primal.operands, primal.results[1]);
        let b = &mut *primal.b;
        let written = self.written(b, operands);
        let scores = written.scores(b)?;
        let weights = written.weights(b, scores.all, logs)?;
        let by_values = tangents[2].map(|v| written.mixed(b, weights, v)).transpose()?;
        let Some(of_scores) = self.tangent_of_scores(b, &written, tangents)? else {
            return Ok(smallvec![by_values, None]);
        };
        let rank = b.shape(of_scores).rank();
        let weighted = b.mul(weights, of_scores)?;
        let mean = b.sum_over(weighted, &[rank - 1])?;
        let spread = b.spread(mean, &[rank - 1], &b.shape(weighted))?;
        let common = b.mul(weights, spread)?;
        let of_weights = b.sub(weighted, common)?;
        let by_weights = written.mixed(b, of_weights, operands[2])?;
        Ok(smallvec![b.add_derivatives(by_values, Some(by_weights))?, Some(mean)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let (operands, results) = (primal.operands, primal.results);
        let b = &mut *primal.b;
        let extents = self.written(b, operands).extents;
        let cotangent = match cotangents[0] {
            Some(cotangent) => cotangent,
            None => b.full_like(0.0, results[0])?,
        };
        let products = b.mul(results[0], cotangent)?;
        let mut sums = b.sum_over(products, &[b.shape(products).rank() - 1])?;
        if let Some(of_logs) = cotangents[1] {
            sums = b.sub(sums, of_logs)?;
        }
        let wanted = |operand: Option<usize>| operand.filter(|&operand| primal.wanted[operand]);
        let (bias, slopes) = (wanted(extents.bias), wanted(extents.slopes));
        let kept = if bias.or(slopes).is_some() { ScoreCotangent::Kept } else { ScoreCotangent::Dropped };
        let all: Vec<Value> = operands.iter().copied().chain([results[1], sums, cotangent]).collect();
        let found = b.push(self.back(kept), &all)?;
        let mut derivatives: Derivatives = found.iter().take(3).copied().map(Some).collect();
        derivatives.resize(operands.len(), None);
        if let Some(bias) = bias {
            derivatives[bias] = Some(summed_to(b, found[3], &b.shape(operands[bias]))?);
        }
        if let Some(slopes) = slopes {
            let ones = b.full_like(1.0, operands[slopes])?;
            let distances = self.written(b, operands).slopes(b, ones)?;
            let product = b.mul(found[3], distances)?;
            let rank = b.shape(product).rank();
            let sum = b.sum_over(product, &[rank - 2, rank - 1])?;
            let sum = b.neg(sum)?;
            derivatives[slopes] = Some(summed_to(b, sum, &b.shape(operands[slopes]))?);
        }
        Ok(derivatives)
    }
}

impl Attend {
    fn tangent_of_scores(
        &self,
        b: &mut Builder,
        written: &Written<'_>,
        tangents: &[Option<Value>],
    ) -> Result<Option<Value>, BuildError> {
        let [q, k] = [0, 1].map(|i| written.operands[i]);
        let by_q = tangents[0].map(|tangent| written.products(b, tangent, k)).transpose()?;
        let by_k = tangents[1].map(|tangent| written.products(b, q, tangent)).transpose()?;
        let mut sum = b.add_derivatives(by_q, by_k)?;
        if let Some(products) = sum {
            let scores = written.scores(b)?;
            sum = Some(written.through_scale(b, &scores, products)?);
        }
        let extents = &written.extents;
        let tangent = |operand: Option<usize>| operand.and_then(|operand| tangents[operand]);
        if let Some(bias) = tangent(extents.bias) {
            let bias = b.broadcast_to(bias, &extents.ty(&[extents.queries, extents.keys]).shape)?;
            sum = b.add_derivatives(sum, Some(bias))?;
        }
        if let Some(slopes) = tangent(extents.slopes) {
            let slopes = written.slopes(b, slopes)?;
            let slopes = b.neg(slopes)?;
            sum = b.add_derivatives(sum, Some(slopes))?;
        }
        sum.map(|sum| written.where_looked(b, sum)).transpose()
    }
}

/// The sum along the axes that have the extent 1 in `shape`, and in `x` not.
fn summed_to(b: &mut Builder, x: Value, shape: &Shape) -> Result<Value, BuildError> {
    let from = b.shape(x);
    let axes: Axes = (0..shape.rank()).filter(|&axis| shape[axis] != from[axis]).collect();
    let sum = b.sum_over(x, &axes)?;
    b.reshape(sum, shape.clone())
}
