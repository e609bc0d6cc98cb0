//! Axes that go on beyond their ends with elements of their own.

use smallvec::smallvec;

use super::reread;
use crate::op::attribute::Offsets;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Dim, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// How an axis `a b c d` goes on beyond its ends.
    pub enum PadMode {
        /// `a a | a b c d | d d`: the outermost element.
        Edge = "edge",
        /// `c b | a b c d | c b`: a mirror in the middle of the outermost element.
        Reflect = "reflect",
        /// `b a | a b c d | d c`: a mirror at the end.
        Symmetric = "symmetric",
        /// `c d | a b c d | a b`: from the beginning again.
        Wrap = "wrap",
    }
}

impl PadMode {
    /// The element at a place of an axis, which may be beyond its ends; `elements` is at least 1.
    fn element(self, place: i128, elements: usize) -> usize {
        let n = elements as i128;
        let mirrored = |period: i128, shift: i128| {
            let at = place.rem_euclid(period.max(1));
            if at < n { at } else { period - shift - at }
        };
        let element = match self {
            PadMode::Edge => place.clamp(0, n - 1),
            PadMode::Reflect => mirrored(2 * (n - 1), 0),
            PadMode::Symmetric => mirrored(2 * n, 1),
            PadMode::Wrap => place.rem_euclid(n),
        };
        element as usize
    }
}

attributes! {
    /// Adds elements before and after each axis, which are others of the axis. `T[s] -> T[s']`, any dtype.
    pub struct PadBorder {
        /// Elements before the first one of each axis; negative to cut off.
        pub low: Offsets,
        /// Elements after the last one of each axis; negative to cut off.
        pub high: Offsets,
        /// Which ones.
        pub mode: PadMode,
    }
}

/// The longest axis that is made: which elements it has is a constant of the graph.
const MAX_LISTED: i128 = 1 << 24;

impl CompositeDef for PadBorder {
    const NAME: &'static str = "pad_border";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(operands[0]);
        rule::check_per_axis("low", self.low.len(), ty.rank())?;
        rule::check_per_axis("high", self.high.len(), ty.rank())?;
        let mut listed = Vec::new();
        let mut shape = ty.shape.clone();
        for axis in 0..ty.rank() {
            let places = self.elements(axis, ty.shape.size(axis))?;
            shape = shape.with_dim(axis, Dim::known(places.len()));
            listed.push(places);
        }
        rule::one(ty.dtype, shape)?;
        let mut x = operands[0];
        for (axis, places) in listed.iter().enumerate() {
            x = reread(b, x, axis, places)?;
        }
        Ok(smallvec![x])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<PadBorder> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let few: Vec<usize> = ty.shape.sizes().iter().map(|&n| n.clamp(1, 4)).collect();
        let ty = ty.with_shape(few);
        let mut offsets = || (0..ty.rank()).map(|_| draw.choose(&[1, 0, 2, -1])).collect();
        let (low, high) = (offsets(), offsets());
        Sample::exact(PadBorder { low, high, mode: draw.choose(PadMode::ALL) }, [Operand::any(ty)])
    }
}

impl PadBorder {
    /// Numbers of the elements that an axis gets.
    fn elements(&self, axis: usize, elements: usize) -> Result<Vec<usize>, TypeError> {
        let (low, high) = (i128::from(self.low[axis]), i128::from(self.high[axis]));
        let results = (elements as i128 + low + high).max(0);
        if results > MAX_LISTED {
            return Err(TypeError::attribute("low", format!("axis {axis} would get {results} elements")));
        }
        if results > 0 && elements == 0 {
            return Err(TypeError::Other(format!("axis {axis} of operand 0 has no elements to go on with")));
        }
        Ok((0..results).map(|i| self.mode.element(i - low, elements)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_go_on_as_the_pictures_say() {
        let letters = |mode: PadMode, n: usize| -> String {
            (-5..9).map(|place| char::from(b'a' + mode.element(place, n) as u8)).collect()
        };
        assert_eq!(letters(PadMode::Edge, 4), "aaaaaabcdddddd");
        assert_eq!(letters(PadMode::Reflect, 4), "bcdcbabcdcbabc");
        assert_eq!(letters(PadMode::Symmetric, 4), "ddcbaabcddcbaa");
        assert_eq!(letters(PadMode::Wrap, 4), "dabcdabcdabcda");
        assert_eq!(letters(PadMode::Reflect, 1), "aaaaaaaaaaaaaa");
        assert_eq!(letters(PadMode::Symmetric, 1), "aaaaaaaaaaaaaa");
        assert_eq!(letters(PadMode::Reflect, 2), "bababababababa");
    }
}
