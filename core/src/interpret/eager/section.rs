//! Slices that run at once: where a section begins is data, so that another beginning compiles nothing.
//!
//! ```text
//! slice(%x) {starts = [6], limits = [-1], strides = [-2]}
//!
//! %s = dynamic_slice(%x, [0]) {sizes = [7]}
//! slice(%s) {starts = [6], limits = [-1], strides = [-2]}
//! ```

use tensorwright_ir::op::attribute::Offsets;
use tensorwright_ir::op::primitive::{DynamicSlice, Slice};
use tensorwright_ir::{Literal, Shape};

/// The parts of a slice: what depends on where it begins, and what only depends on how it goes on from there.
pub(super) struct Sections {
    /// The section that holds all elements, and where it begins; none if that is the whole operand.
    pub(super) section: Option<(DynamicSlice, Literal)>,
    /// Every so many of its elements; none if that is all of them.
    pub(super) steps: Option<Slice>,
}

/// The parts of a slice of a tensor of this shape, for which the slice is well-typed.
pub(super) fn sections(slice: &Slice, shape: &Shape, result: &Shape) -> Sections {
    let (mut starts, mut sizes) = (Vec::new(), Vec::new());
    let mut steps = Slice { starts: Offsets::new(), limits: Offsets::new(), strides: Offsets::new() };
    for (axis, count) in result.sizes().iter().map(|&count| count as i64).enumerate() {
        let stride = if count > 1 { slice.strides[axis] } else { 1 };
        let (reach, first) = ((count - 1).max(0) * stride, slice.starts[axis]);
        let size = if count == 0 { 0 } else { reach.abs() + 1 };
        starts.push(if count == 0 { 0 } else { first.min(first + reach) });
        sizes.push(size as usize);
        steps.starts.push(if stride > 0 { 0 } else { size - 1 });
        steps.limits.push(if stride > 0 { size } else { -1 });
        steps.strides.push(stride);
    }
    let (sizes, of_all) = (Shape::from(sizes), shape.sizes());
    let starts = Literal::new([starts.len()], &starts);
    let section = starts.filter(|_| sizes.sizes() != of_all).map(|starts| (DynamicSlice { sizes }, starts));
    let steps = steps.strides.iter().any(|&stride| stride != 1).then_some(steps);
    Sections { section, steps }
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::op::{OpDef, Random};
    use tensorwright_ir::{DType, Scalar, TensorType};

    use super::*;

    fn apply(op: &impl OpDef, operands: &[&Literal]) -> Literal {
        let types: Vec<&TensorType> = operands.iter().map(|x| x.ty()).collect();
        let results = op.infer(&types).unwrap();
        op.eval(operands, &results).remove(0)
    }

    #[test]
    fn the_parts_are_the_slice() {
        let mut random = Random::new(5);
        for _ in 0..2000 {
            let sizes: Vec<usize> = (0..random.below(3)).map(|_| random.below(7)).collect();
            let x = Literal::from_fn(TensorType::new(DType::I32, Shape::from(&sizes[..])), |at| {
                Scalar::from(at as i32)
            });
            let mut slice = Slice { starts: Offsets::new(), limits: Offsets::new(), strides: Offsets::new() };
            for &size in &sizes {
                let stride = [1, 1, 2, 3, 9, i64::MAX, -1, -2, -9, i64::MIN][random.below(10)];
                let [a, b] = [random.below(size + 1), random.below(size + 1)].map(|at| at as i64);
                let (low, high) = (a.min(b), a.max(b));
                slice.starts.push(if stride > 0 { low } else { high - 1 });
                slice.limits.push(if stride > 0 { high } else { low - 1 });
                slice.strides.push(stride);
            }
            if slice.starts.iter().any(|&start| start < 0) {
                continue;
            }
            let expected = apply(&slice, &[&x]);
            let parts = sections(&slice, &x.ty().shape, &expected.ty().shape);
            let mut found = x.clone();
            if let Some((section, starts)) = &parts.section {
                found = apply(section, &[&found, starts]);
            }
            if let Some(steps) = &parts.steps {
                found = apply(steps, &[&found]);
            }
            assert_eq!(found, expected, "{slice:?} of {sizes:?}");
        }
    }
}
