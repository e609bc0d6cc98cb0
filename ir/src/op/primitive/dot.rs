//! Contractions: sums of products over common axes.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::batching::{BatchRule, Examples, Item, Items, up, zero_and_up};
use crate::op::derivative::Differentiable;
use crate::op::primitive::movement::inverse;
use crate::op::primitive::{BinaryFn, bulk};
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DType, DTypeClass, Literal, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// The general product of two tensors: axes are paired as batch or as contracted axes, the rest is free, and
    /// `result[b.., l.., r..] = sum over c.. of lhs[b, l, c] * rhs[b, r, c]`.
    ///
    /// `T[..], T[..] -> R[batch.., free axes of lhs.., free axes of rhs..]`, batch axes in the order of `lhs_batch`, free axes
    /// in the order of their operand. Matrix multiplication contracts axis 1 with axis 0.
    ///
    /// Products are taken and added up in `dtype`, to which operands convert without loss, so it also sets the precision of
    /// accumulation: i8 may accumulate in i32, bf16 in f32. Integers wrap. Floats are added in unspecified order, fused or
    /// not; f16 and bf16 results are added up in f32 and rounded once.
    pub struct DotGeneral {
        /// Batch axes of `lhs`.
        pub lhs_batch: Axes,
        /// The batch axes of `rhs` that go with them, in the same order.
        pub rhs_batch: Axes,
        /// Contracted axes of `lhs`.
        pub lhs_contract: Axes,
        /// The contracted axes of `rhs` that go with them, in the same order.
        pub rhs_contract: Axes,
        /// Dtype of the result: that of the operands, or a wider one of the same kind.
        pub dtype: DType,
    }
}

impl DotGeneral {
    /// Axes of `lhs`, of this rank, that are neither batch axes nor contracted.
    pub fn lhs_free(&self, rank: usize) -> Axes {
        (0..rank).filter(|axis| !self.lhs_batch.contains(axis) && !self.lhs_contract.contains(axis)).collect()
    }

    /// Axes of `rhs`, of this rank, that are neither batch axes nor contracted.
    pub fn rhs_free(&self, rank: usize) -> Axes {
        (0..rank).filter(|axis| !self.rhs_batch.contains(axis) && !self.rhs_contract.contains(axis)).collect()
    }

    fn check_pairs(&self, lhs: &Shape, rhs: &Shape) -> Result<(), TypeError> {
        for (attribute, left, right) in [
            ("rhs_batch", &self.lhs_batch, &self.rhs_batch),
            ("rhs_contract", &self.lhs_contract, &self.rhs_contract),
        ] {
            if left.len() != right.len() {
                let reason = format!("{} axes to go with {} of lhs", right.len(), left.len());
                return Err(TypeError::attribute(attribute, reason));
            }
            if let Some((&l, &r)) = left.iter().zip(right).find(|&(&l, &r)| lhs[l] != rhs[r]) {
                let what = format!("extents of lhs axis {l} and rhs axis {r}");
                return Err(TypeError::ShapeMismatch { what, left: lhs.clone(), right: rhs.clone() });
            }
        }
        Ok(())
    }
}

/// Whether every value of `from` is one of `to`, and both are floats, both complex or both integers.
pub fn widens(from: DType, to: DType) -> bool {
    let sign_kept = from.is_unsigned_int() || to.is_signed_int();
    let larger = to.size() > from.size();
    let (floats, complex) = (from.is_float() && to.is_float(), from.is_complex() && to.is_complex());
    from == to || larger && (floats || complex || from.is_int() && to.is_int() && sign_kept)
}

/// Products of the operands are numbers that can be added up in a dtype.
pub(super) fn check_sums(operands: &[&TensorType], sums: DType) -> Result<(), TypeError> {
    rule::require_class(operands, 0, DTypeClass::Number)?;
    let dtype = rule::same_dtype(operands, 0, 1)?;
    match widens(dtype, sums) {
        true => Ok(()),
        false => {
            Err(TypeError::attribute("dtype", format!("products of {dtype} cannot be added up in {sums}")))
        }
    }
}

/// Axes named in either list must be distinct and below the rank.
fn check_operand_axes(batch: &[usize], contract: &[usize], rank: usize) -> Result<(), TypeError> {
    rule::check_axes(batch, rank)?;
    rule::check_axes(contract, rank)?;
    match batch.iter().find(|axis| contract.contains(axis)) {
        Some(&axis) => Err(TypeError::DuplicateAxis { axis }),
        None => Ok(()),
    }
}

impl OpDef for DotGeneral {
    const NAME: &'static str = "dot_general";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Tiled;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        check_sums(operands, self.dtype)?;
        let (lhs, rhs) = (&operands[0].shape, &operands[1].shape);
        check_operand_axes(&self.lhs_batch, &self.lhs_contract, lhs.rank())?;
        check_operand_axes(&self.rhs_batch, &self.rhs_contract, rhs.rank())?;
        self.check_pairs(lhs, rhs)?;
        let batch = self.lhs_batch.iter().map(|&axis| lhs[axis]);
        let lhs_free = self.lhs_free(lhs.rank()).into_iter().map(|axis| lhs[axis]);
        let rhs_free = self.rhs_free(rhs.rank()).into_iter().map(|axis| rhs[axis]);
        rule::one(self.dtype, batch.chain(lhs_free).chain(rhs_free).collect())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let [lhs, rhs] = [operands[0], operands[1]];
        let (lhs_free, rhs_free) = (self.lhs_free(lhs.ty().rank()), self.rhs_free(rhs.ty().rank()));
        let contracted: Shape = self.lhs_contract.iter().map(|&axis| lhs.ty().shape[axis]).collect();
        // Wide accumulation makes the reference more exact than any order of summation in the dtype itself.
        let wide = self.dtype.widest();
        let sum = |flat| {
            let index = rule::unravel(flat, &results[0].shape);
            let (batch, free) = index.split_at(self.lhs_batch.len());
            let (left, right) = free.split_at(lhs_free.len());
            let mut sum = Scalar::zero(wide);
            for k in 0..contracted.elements() {
                let common = rule::unravel(k, &contracted);
                let l = [(&self.lhs_batch, batch), (&lhs_free, left), (&self.lhs_contract, &common[..])];
                let r = [(&self.rhs_batch, batch), (&rhs_free, right), (&self.rhs_contract, &common[..])];
                let product = BinaryFn::Mul.eval(element(lhs, l).cast(wide), element(rhs, r).cast(wide));
                sum = BinaryFn::Add.eval(sum, product);
            }
            sum
        };
        vec![Literal::from_fn(results[0].clone(), sum)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::Rule(self)
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<DotGeneral> {
        let ty = draw.like(hint, DTypeClass::Number, 0);
        let (op, rhs) = sample_axes(draw, &ty);
        let wider: Vec<DType> =
            DType::REAL.into_iter().filter(|&d| d != ty.dtype && widens(ty.dtype, d)).collect();
        let dtype = if !wider.is_empty() && draw.below(3) == 1 { draw.choose(&wider) } else { ty.dtype };
        let (op, rhs) = (DotGeneral { dtype, ..op }, ty.with_shape(rhs));
        if dtype.is_differentiable() {
            Sample::epsilons(op, 64, [Operand::moderate(ty), Operand::moderate(rhs)])
        } else {
            Sample::exact(op, [Operand::any(ty), Operand::any(rhs)])
        }
    }
}

/// The element whose index is, along each list of axes, the list of numbers that goes with it.
fn element(x: &Literal, parts: [(&Axes, &[usize]); 3]) -> Scalar {
    let mut index = Axes::from_elem(0, x.ty().rank());
    for (axes, numbers) in parts {
        for (&axis, &number) in axes.iter().zip(numbers) {
            index[axis] = number;
        }
    }
    x.get(rule::ravel(&index, &x.ty().shape))
}

/// Gives each axis of `lhs` a role, adds free axes for `rhs`, and shuffles the axes of `rhs`.
fn sample_axes(draw: &mut Draw<'_>, lhs: &TensorType) -> (DotGeneral, Shape) {
    let mut op = DotGeneral {
        lhs_batch: Axes::new(),
        rhs_batch: Axes::new(),
        lhs_contract: Axes::new(),
        rhs_contract: Axes::new(),
        dtype: lhs.dtype,
    };
    for axis in 0..lhs.rank() {
        match draw.below(3) {
            0 => op.lhs_contract.push(axis),
            1 => op.lhs_batch.push(axis),
            _ => {}
        }
    }
    let paired: Axes = op.lhs_batch.iter().chain(&op.lhs_contract).copied().collect();
    let mut sizes: Axes = paired.iter().map(|&axis| lhs.shape.size(axis)).collect();
    let extents: &[usize] = if bulk(lhs) <= 512 { &[3, 2, 1, 5, 0] } else { &[1, 2] };
    for _ in 0..draw.below(3) {
        sizes.push(draw.choose(extents));
    }
    let order = draw.permutation(sizes.len());
    let place = |i: usize| order.iter().position(|&o| o == i).expect("a permutation");
    op.rhs_batch = (0..op.lhs_batch.len()).map(place).collect();
    op.rhs_contract = (op.lhs_batch.len()..paired.len()).map(place).collect();
    (op, order.iter().map(|&i| sizes[i]).collect())
}

/// The product is linear in each operand. The cotangent of one is the product of the result's cotangent with the other,
/// contracted over the axes that the other has of its own; in the dtype of the result, rounded to the operand's.
impl Differentiable for DotGeneral {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let (lhs, rhs) = (primal.operands[0], primal.operands[1]);
        let mut product =
            |pair: Option<[Value; 2]>| pair.map(|pair| primal.b.push_one(self.clone(), &pair)).transpose();
        let left = product(tangents[0].map(|tangent| [tangent, rhs]))?;
        let right = product(tangents[1].map(|tangent| [lhs, tangent]))?;
        Ok(smallvec![primal.b.add_derivatives(left, right)?])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None, None]) };
        let (lhs, rhs) = (primal.operands[0], primal.operands[1]);
        let left = primal.when_wanted(0, |b| self.cotangent(b, Side::Left, cotangent, lhs, rhs))?;
        let right = primal.when_wanted(1, |b| self.cotangent(b, Side::Right, cotangent, rhs, lhs))?;
        Ok(smallvec![left, right])
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl DotGeneral {
    /// The cotangent of `this`, the operand of that side.
    fn cotangent(
        &self,
        b: &mut Builder,
        side: Side,
        cotangent: Value,
        this: Value,
        other: Value,
    ) -> Result<Value, BuildError> {
        let op = if side == Side::Left { self.clone() } else { self.exchanged() };
        let (this_free, other_free) =
            (op.lhs_free(b.tensor(this).rank()), op.rhs_free(b.tensor(other).rank()));
        let batch = op.lhs_batch.len();
        // The product's axes are: batch, then the free ones of `this` and the contracted ones in the order in which `other` has
        // them, those of the first factor first.
        let mut pairs: Axes = (0..op.rhs_contract.len()).collect();
        pairs.sort_unstable_by_key(|&i| op.rhs_contract[i]);
        let contracted: Axes = pairs.iter().map(|&i| op.lhs_contract[i]).collect();
        let axes = |first: &Axes, second: &Axes| -> Axes {
            op.lhs_batch.iter().chain(first).chain(second).copied().collect()
        };
        let (mut axes, swapped) = (axes(&this_free, &contracted), axes(&contracted, &this_free));
        let first = if side == Side::Left { batch + this_free.len() } else { batch };
        let of_cotangent = Factor {
            value: cotangent,
            batch: (0..batch).collect(),
            contract: (first..first + other_free.len()).collect(),
        };
        let value = b.convert(other, self.dtype)?;
        let of_other = Factor { value, batch: op.rhs_batch.clone(), contract: other_free };
        // What comes out in the order of the operand needs no transposition.
        let product = if !axes.is_sorted() && swapped.is_sorted() {
            axes = swapped;
            self.product(b, of_other, of_cotangent)?
        } else {
            self.product(b, of_cotangent, of_other)?
        };
        let product = if axes.is_sorted() { product } else { b.transpose(product, inverse(&axes))? };
        let dtype = b.tensor(this).dtype;
        b.convert(product, dtype)
    }

    /// The product with its operands exchanged.
    fn exchanged(&self) -> DotGeneral {
        DotGeneral {
            lhs_batch: self.rhs_batch.clone(),
            rhs_batch: self.lhs_batch.clone(),
            lhs_contract: self.rhs_contract.clone(),
            rhs_contract: self.lhs_contract.clone(),
            dtype: self.dtype,
        }
    }

    fn product(&self, b: &mut Builder, lhs: Factor, rhs: Factor) -> Result<Value, BuildError> {
        let (left, right) = (lhs.value, rhs.value);
        b.dot_general(left, right, lhs.batch, rhs.batch, lhs.contract, rhs.contract, self.dtype)
    }
}

/// An operand of a product.
struct Factor {
    value: Value,
    batch: Axes,
    contract: Axes,
}

/// The new axis is a batch axis if both operands have it, else a free one.
impl BatchRule for DotGeneral {
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError> {
        let operands = [node.value(0), node.value(1)];
        let (left, right) = (node.has(0), node.has(1));
        let moved = |own: bool, axes: &Axes| if own { up(axes) } else { axes.clone() };
        let mut op = DotGeneral {
            lhs_batch: moved(left, &self.lhs_batch),
            rhs_batch: moved(right, &self.rhs_batch),
            lhs_contract: moved(left, &self.lhs_contract),
            rhs_contract: moved(right, &self.rhs_contract),
            dtype: self.dtype,
        };
        if left && right {
            op.lhs_batch = zero_and_up(&self.lhs_batch);
            op.rhs_batch = zero_and_up(&self.rhs_batch);
            return node.push(op, &operands);
        }
        // The first free axis of its operand: behind the batch axes, and behind the other operand's free axes if it is the right one.
        let free = self.lhs_free(node.tensor(0).rank()).len();
        let place = self.lhs_batch.len() + if left { 0 } else { free };
        let product = node.b.push_one(op, &operands)?;
        Ok(smallvec![Item::batched(to_front(node.b, product, place)?)])
    }
}

/// The tensor with `axis` before all others.
fn to_front(b: &mut Builder, x: Value, axis: usize) -> Result<Value, BuildError> {
    if axis == 0 {
        return Ok(x);
    }
    let others = (0..b.shape(x).rank()).filter(|&other| other != axis);
    let permutation: Axes = [axis].into_iter().chain(others).collect();
    b.transpose(x, permutation)
}
