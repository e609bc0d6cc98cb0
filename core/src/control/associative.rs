//! Scans and folds by an associative function, in a number of steps that grows with the logarithm of the length.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Offsets;
use tensorwright_ir::op::primitive::Slice;

use super::slices::Slices;
use crate::error::{CallSite, Error, Result, caller};
use crate::function::Output;
use crate::interpret::one;
use crate::tree::tensors::{tensors, types_of, with_tensors};
use crate::{Tensor, Tree};

/// All prefixes of `xs` along axis 0, combined by an associative function: result `i` is `combine(.. combine(x0, x1) .., xi)`.
///
/// `combine` is given stacks of elements, `T[m, b..]` for `T[n, b..]`, and combines them one by one, as element-wise functions and products of stacked matrices do. It is called some
/// `2 log2(n)` times. [`scan`](crate::scan) takes `n` steps, and any function.
///
/// # Errors
/// When tensors in `xs` have no common extent along axis 0, or `combine` fails or gives other types.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::associative_scan;
///
/// // x[i] = a[i] x[i - 1] + b[i], all at once: pairs (a, b) combine as such functions do.
/// let (a, b) = (Tensor::from([0.5, 2.0, 3.0]), Tensor::from([1.0, 1.0, 1.0]));
/// let (_, x) = associative_scan((a, b), |(a, b): (Tensor, Tensor), (c, d): (Tensor, Tensor)| (&a * &c, b * &c + d))?;
/// assert_eq!(x.to_vec::<f64>()?, [1.0, 3.0, 10.0]);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("parallel_scan", "prefix_sum"))]
#[track_caller]
pub fn associative_scan<X: Tree, O: Output<Tree = X>>(xs: X, combine: impl Fn(X, X) -> O) -> Result<X> {
    over_rows("associative_scan", &xs, &combine, |scan, row, length| scan.prefixes(row, length), caller())
}

/// The elements of `xs` along axis 0 combined by an associative function, in their order: `combine(.. combine(x0, x1) .., xn)`, without that axis.
///
/// A fold of several tensors at once by a function of one's own. `combine` is given stacks of elements as by [`associative_scan`], and is called some `log2(n)` times.
///
/// # Errors
/// When tensors in `xs` have no common extent along axis 0, or none at all there, or `combine` fails or gives other types.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::associative_reduce;
///
/// // The greatest number and its place.
/// let (x, place) = (Tensor::from([2.0, 7.0, 5.0, 7.0, 1.0]), Tensor::arange(5, DType::I32));
/// let (most, at) = associative_reduce((x, place), |(x, i): (Tensor, Tensor), (y, j): (Tensor, Tensor)| {
///     let first = x.ge(&y);
///     (first.select(&x, &y), first.select(&i, &j))
/// })?;
/// assert_eq!((most.item::<f64>()?, at.item::<i32>()?), (7.0, 1));
/// # Ok::<(), Error>(())
/// ```
#[doc(alias("reduce", "fold", "variadic_reduce"))]
#[track_caller]
pub fn associative_reduce<X: Tree, O: Output<Tree = X>>(xs: X, combine: impl Fn(X, X) -> O) -> Result<X> {
    over_rows("associative_reduce", &xs, &combine, |scan, row, length| scan.folded(row, length), caller())
}

/// What one of the methods of [`Scan`] makes of a tree of rows.
fn over_rows<X: Tree, O: Output<Tree = X>>(
    name: &'static str,
    xs: &X,
    combine: &impl Fn(X, X) -> O,
    method: fn(&Scan<'_>, Vec<Tensor>, usize) -> Result<Vec<Tensor>>,
    at: CallSite,
) -> Result<X> {
    let row = tensors(xs);
    let length = Slices::of(row.clone(), name, at)?.length();
    let whole = |left: Vec<Tensor>, right: Vec<Tensor>| {
        let combined = combine(with_tensors(xs, left), with_tensors(xs, right)).into_result()?;
        Ok(tensors(&combined))
    };
    Ok(with_tensors(xs, method(&Scan { name, combine: &whole, at }, row, length)?))
}

struct Scan<'c> {
    name: &'static str,
    combine: &'c dyn Fn(Vec<Tensor>, Vec<Tensor>) -> Result<Vec<Tensor>>,
    at: CallSite,
}

impl Scan<'_> {
    /// Pairs are combined, prefixes of those found, which are every second result, and the others follow from them.
    fn prefixes(&self, xs: Vec<Tensor>, length: usize) -> Result<Vec<Tensor>> {
        if length < 2 {
            return Ok(xs);
        }
        let pairs =
            self.combined(self.every_second(&xs, 0, length - 1)?, self.every_second(&xs, 1, length)?)?;
        let odd = self.prefixes(pairs, length / 2)?;
        let before = self.section(&odd, 0, (length - 1) / 2, 1)?;
        let rest = self.combined(before, self.every_second(&xs, 2, length)?)?;
        let first = self.section(&xs, 0, 1, 1)?;
        first
            .iter()
            .zip(&rest)
            .zip(&odd)
            .map(|((first, rest), odd)| self.woven(first, rest, odd, length))
            .collect()
    }

    /// Pairs are combined until one element is left.
    fn folded(&self, mut xs: Vec<Tensor>, mut length: usize) -> Result<Vec<Tensor>> {
        if length == 0 {
            let reason = "there must be an element along axis 0".to_owned();
            return Err(Error::refused(self.at, self.name, types_of(&xs)?, TypeError::Other(reason)));
        }
        while length > 1 {
            let even = length / 2 * 2;
            let pairs = self.combined(self.every_second(&xs, 0, even)?, self.every_second(&xs, 1, even)?)?;
            let last = self.section(&xs, even, length, 1)?;
            xs = match even == length {
                true => pairs,
                false => {
                    pairs.iter().zip(&last).map(|(pairs, last)| Tensor::concat(&[pairs, last], 0)).collect()
                }
            };
            length = length.div_ceil(2);
        }
        xs.iter().map(|x| Ok(x.reshape(x.ty()?.shape.sizes()[1..].to_vec()))).collect()
    }

    fn combined(&self, left: Vec<Tensor>, right: Vec<Tensor>) -> Result<Vec<Tensor>> {
        let before = types_of(&left)?;
        let combined = (self.combine)(left, right)?;
        let after = types_of(&combined)?;
        if before == after {
            return Ok(combined);
        }
        let reason = "what is combined must have the types of its parts".to_owned();
        Err(Error::refused(self.at, self.name, after, TypeError::Other(reason)))
    }

    fn every_second(&self, xs: &[Tensor], start: usize, limit: usize) -> Result<Vec<Tensor>> {
        self.section(xs, start, limit, 2)
    }

    /// Elements along axis 0.
    fn section(&self, xs: &[Tensor], start: usize, limit: usize, stride: usize) -> Result<Vec<Tensor>> {
        xs.iter().map(|x| self.sliced(x, start, limit, stride)).collect()
    }

    fn sliced(&self, x: &Tensor, start: usize, limit: usize, stride: usize) -> Result<Tensor> {
        let shape = &x.ty()?.shape;
        let mut starts = Offsets::from_elem(0, shape.rank());
        let mut limits: Offsets = shape.sizes().iter().map(|&n| n as i64).collect();
        let mut strides = Offsets::from_elem(1, shape.rank());
        (starts[0], limits[0], strides[0]) = (start as i64, limit.max(start) as i64, stride as i64);
        Ok(one(Slice { starts, limits, strides }, &[x], self.at))
    }

    /// The first element, then elements of `odd` and of `rest` by turns.
    fn woven(&self, first: &Tensor, rest: &Tensor, odd: &Tensor, length: usize) -> Result<Tensor> {
        let even = Tensor::concat(&[first, rest], 0);
        let both = length / 2;
        let pairs = Tensor::stack(&[&self.sliced(&even, 0, both, 1)?, odd], 1);
        let mut shape: Vec<usize> = odd.ty()?.shape.sizes().to_vec();
        shape[0] = 2 * both;
        let woven = pairs.reshape(shape);
        if length.is_multiple_of(2) {
            return Ok(woven);
        }
        Ok(Tensor::concat(&[&woven, &self.sliced(&even, both, both + 1, 1)?], 0))
    }
}
