//! Loops over elements of an operand, and walks through them.
//!
//! Steps are taken modulo 2^64: padding is at places where there is no memory, and nothing is read there.

use smallvec::SmallVec;

/// Numbers for each of the axes along which taps slide.
pub(super) type Places = SmallVec<[i64; 4]>;

/// One loop: steps in elements of an operand and of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loop {
    pub(super) count: usize,
    pub(super) step: isize,
    pub(super) out: isize,
    /// The axis along which it slides, and by how many elements.
    pub(super) slide: Option<(usize, i64)>,
}

/// Loops, the outermost first; those that run once are left out.
pub(super) type Loops = SmallVec<[Loop; 6]>;

/// Iterations of all loops together.
pub(super) fn count(loops: &[Loop]) -> usize {
    loops.iter().map(|l| l.count).product()
}

/// Whether all loops together are one with a constant step, which is returned: that of no or one iteration is 0.
pub(super) fn common_step(loops: &[Loop], step: fn(&Loop) -> isize) -> Option<isize> {
    let mut inner: Option<(isize, usize)> = None;
    for l in loops.iter().rev() {
        match inner {
            None => inner = Some((step(l), l.count)),
            Some((of, count)) if step(l) == of.wrapping_mul(count as isize) => {
                inner = Some((of, count * l.count))
            }
            Some(_) => return None,
        }
    }
    Some(inner.map_or(0, |(of, _)| of))
}

/// A place in loops.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    loops: &'a [Loop],
    index: SmallVec<[usize; 6]>,
    /// Elements from the first one of the operand.
    pub(super) offset: isize,
    /// Elements from the first one of the result.
    pub(super) out: isize,
    /// Elements along the axes that slide.
    pub(super) places: Places,
}

impl<'a> Cursor<'a> {
    /// The iteration with that number.
    pub(super) fn new(loops: &'a [Loop], slides: usize, mut number: usize) -> Cursor<'a> {
        let mut cursor = Cursor {
            loops,
            index: SmallVec::from_elem(0, loops.len()),
            offset: 0,
            out: 0,
            places: Places::from_elem(0, slides),
        };
        for (axis, l) in loops.iter().enumerate().rev() {
            let i = number % l.count.max(1);
            number /= l.count.max(1);
            cursor.index[axis] = i;
            cursor.go(l, i as isize);
        }
        cursor
    }

    fn go(&mut self, l: &Loop, iterations: isize) {
        self.offset = self.offset.wrapping_add(l.step.wrapping_mul(iterations));
        self.out += l.out * iterations;
        if let Some((axis, by)) = l.slide {
            self.places[axis] += by * iterations as i64;
        }
    }

    /// Goes on to the next iteration; from the last one to the first.
    #[inline]
    pub(super) fn advance(&mut self) {
        for axis in (0..self.loops.len()).rev() {
            let l = &self.loops[axis];
            if self.index[axis] + 1 < l.count {
                self.index[axis] += 1;
                self.go(l, 1);
                return;
            }
            self.go(l, -(self.index[axis] as isize));
            self.index[axis] = 0;
        }
    }
}

/// The innermost loops as one run of elements at a constant step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Elements.
    pub(super) length: usize,
    /// From one element to the next.
    pub(super) step: isize,
    /// Elements for which the run slides once.
    pub(super) unit: usize,
    /// As of [`Loop`].
    pub(super) slide: Option<(usize, i64)>,
}

impl Run {
    /// The longest run, and the loops around it.
    pub(super) fn of(loops: &[Loop]) -> (&[Loop], Run) {
        let Some((&last, mut around)) = loops.split_last() else {
            return (loops, Run { length: 1, step: 0, unit: 1, slide: None });
        };
        let mut run = Run { length: last.count, step: last.step, unit: last.count, slide: last.slide };
        if run.slide.is_some() {
            return (around, Run { unit: 1, ..run });
        }
        while let Some((&next, outer)) = around.split_last()
            && next.step == run.step.wrapping_mul(run.length as isize)
            && run.slide.is_none()
        {
            run.length *= next.count;
            match next.slide {
                Some(slide) => run.slide = Some(slide),
                None => run.unit = run.length,
            }
            around = outer;
        }
        (around, run)
    }
}
