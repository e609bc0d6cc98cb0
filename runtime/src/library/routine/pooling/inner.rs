//! The innermost loops: what a tap does to the results of a stretch, for each op and element type, and with the instructions of the machine.

use tensorwright_ir::op::primitive::{ArgKind, ReduceKind};

use super::element::Pooled;
use super::sweep::{Met, Stretch};

/// Memory of a block.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// What is kept of each result.
    pub(super) kept: *mut u8,
    /// The first result of the block.
    pub(super) out: *mut u8,
    /// The first element of the source.
    pub(super) source: *const u8,
    /// Numbers of taps: for the block's results if they are gathered, for the source's elements if these are scattered.
    pub(super) numbers: *const i32,
}

/// What happens to a unit of results: the first of them, how many there are, and the elements that they meet.
type Unit = unsafe fn(&Place, (usize, usize), &[Met]);

/// What happens to a block: before the first tap, at each stretch, behind the last tap. The first and the last take the number of results.
#[derive(Clone, Copy)]
pub(super) struct Loops {
    pub(super) begin: unsafe fn(&Place, usize),
    pub(super) stretch: unsafe fn(&Place, &Stretch),
    pub(super) end: unsafe fn(&Place, usize),
    /// All of it, for adjacent results that meet adjacent elements.
    pub(super) unit: Unit,
    /// Bytes that are kept of a result.
    pub(super) kept: usize,
}

/// An op on elements of one type.
trait Visit {
    type Element: Pooled;
    /// What is kept of a result at first.
    const FIRST: <Self::Element as Pooled>::Kept;
    /// What is kept of a result, and the number that stands beside it, after an element at a tap. `number` is the result's.
    fn visit(
        kept: &mut <Self::Element as Pooled>::Kept,
        element: Self::Element,
        number: &mut i32,
        from_number: impl Fn() -> i32,
        tap: i32,
    );
    /// Whether results are numbers of taps.
    const NUMBERS: bool = false;
    /// Whether the result's own number is read.
    const READS: bool = false;
    /// Whether the element's own number is read.
    const READS_OF_ELEMENTS: bool = false;
}

/// # Safety
/// Memory of the block is writable for so many results.
#[inline(always)]
unsafe fn begin<V: Visit>(place: &Place, count: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let kept = place.kept.cast::<<V::Element as Pooled>::Kept>();
        (0..count).for_each(|i| *kept.add(i) = V::FIRST);
        if V::NUMBERS {
            (0..count).for_each(|i| *place.out.cast::<i32>().add(i) = -1);
        }
    }
}

/// # Safety
/// As of [`begin`].
#[inline(always)]
unsafe fn end<V: Visit>(place: &Place, count: usize) {
    let kept = place.kept.cast::<<V::Element as Pooled>::Kept>();
    if !V::NUMBERS {
        for i in 0..count {
            // SAFETY: the caller's promise.
            unsafe { *place.out.cast::<V::Element>().add(i) = V::Element::narrow(*kept.add(i)) };
        }
    }
}

/// # Safety
/// The stretch is within the block and the source.
#[inline(always)]
unsafe fn stretch<V: Visit>(place: &Place, along: &Stretch) {
    match (along.step, along.from_step) {
        // SAFETY: the caller's promise; steps that are known make vectors of the loop.
        (1, 1) => unsafe { visit_all::<V>(place, along, 1, 1) },
        // SAFETY: as above.
        (1, 2) => unsafe { visit_all::<V>(place, along, 1, 2) },
        // SAFETY: as above.
        (2, 1) => unsafe { visit_all::<V>(place, along, 2, 1) },
        // SAFETY: as above.
        (step, from_step) => unsafe { visit_all::<V>(place, along, step, from_step) },
    }
}

/// # Safety
/// As of [`stretch`].
#[inline(always)]
unsafe fn visit_all<V: Visit>(place: &Place, along: &Stretch, step: usize, from_step: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let kept = place.kept.cast::<<V::Element as Pooled>::Kept>().add(along.at);
        let from = place.source.cast::<V::Element>().add(along.from);
        for i in 0..along.count {
            let mut number = 0;
            let numbers = place.out.cast::<i32>().wrapping_add(along.at + i * step);
            if V::NUMBERS {
                number = *numbers;
            } else if V::READS {
                number = *place.numbers.add(along.at + i * step);
            }
            let from_number = || *place.numbers.add(along.from + i * from_step);
            let mut result = *kept.add(i * step);
            V::visit(&mut result, *from.add(i * from_step), &mut number, from_number, along.tap);
            *kept.add(i * step) = result;
            if V::NUMBERS {
                *numbers = number;
            }
        }
    }
}

/// # Safety
/// The results are within the block, and what they meet within the source.
#[inline(always)]
unsafe fn unit<V: Visit>(place: &Place, (at, count): (usize, usize), met: &[Met]) {
    let mut first = 0;
    // SAFETY: the caller's promise, for parts: as many results as have room in registers.
    unsafe {
        while !V::NUMBERS && first + 32 <= count {
            part_of_unit::<V, 32>(place, (at, first), met);
            first += 32;
        }
        while first + 16 <= count {
            part_of_unit::<V, 16>(place, (at, first), met);
            first += 16;
        }
        while first + 8 <= count {
            part_of_unit::<V, 8>(place, (at, first), met);
            first += 8;
        }
        while first < count {
            part_of_unit::<V, 1>(place, (at, first), met);
            first += 1;
        }
    }
}

/// # Safety
/// As of [`unit`], for `COUNT` of the results from one on.
#[inline(always)]
unsafe fn part_of_unit<V: Visit, const COUNT: usize>(
    place: &Place,
    (at, first): (usize, usize),
    met: &[Met],
) {
    let numbers_from = |at: usize| place.numbers.wrapping_add(at).cast::<[i32; COUNT]>();
    let mut kept = [V::FIRST; COUNT];
    let mut numbers = [-1; COUNT];
    if V::READS {
        // SAFETY: each result has a number.
        numbers = unsafe { numbers_from(at + first).read_unaligned() };
    }
    for &Met { from, tap } in met {
        let source = place.source.cast::<V::Element>().wrapping_add(from + first);
        // SAFETY: the caller's promise.
        let elements = unsafe { source.cast::<[V::Element; COUNT]>().read_unaligned() };
        let mut of_elements = [0; COUNT];
        if V::READS_OF_ELEMENTS {
            // SAFETY: each element has a number.
            of_elements = unsafe { numbers_from(from + first).read_unaligned() };
        }
        // New arrays take the place of the old ones: one that is changed in place stays in memory.
        let (mut next, mut next_numbers) = ([V::FIRST; COUNT], [0; COUNT]);
        for i in 0..COUNT {
            let (mut result, mut number) = (kept[i], numbers[i]);
            V::visit(&mut result, elements[i], &mut number, || of_elements[i], tap);
            (next[i], next_numbers[i]) = (result, number);
        }
        (kept, numbers) = (next, next_numbers);
    }
    // SAFETY: the caller's promise.
    unsafe {
        if V::NUMBERS {
            place.out.cast::<i32>().add(at + first).cast::<[i32; COUNT]>().write_unaligned(numbers);
        } else {
            let out = place.out.cast::<V::Element>().add(at + first);
            (0..COUNT).for_each(|i| *out.add(i) = V::Element::narrow(kept[i]));
        }
    }
}

macro_rules! folds {
    ($($name:ident $first:ident $join:ident;)*) => {$(
        struct $name<E>(std::marker::PhantomData<E>);
        impl<E: Pooled> Visit for $name<E> {
            type Element = E;
            const FIRST: E::Kept = E::$first;
            #[inline(always)]
            fn visit(kept: &mut E::Kept, element: E, _: &mut i32, _: impl Fn() -> i32, _: i32) {
                *kept = E::$join(*kept, element.widen());
            }
        }
    )*};
}
folds! {
    Sum ZERO plus;
    Product ONE times;
    Greatest LOWEST greater;
    Least HIGHEST lesser;
    // Of bools, which are 0 and 1.
    Any ZERO greater;
    All ONE lesser;
}

macro_rules! args {
    ($($name:ident $first:ident $beats:ident;)*) => {$(
        struct $name<E>(std::marker::PhantomData<E>);
        impl<E: Pooled> Visit for $name<E> {
            type Element = E;
            const FIRST: E::Kept = E::$first;
            const NUMBERS: bool = true;
            #[inline(always)]
            fn visit(kept: &mut E::Kept, element: E, number: &mut i32, _: impl Fn() -> i32, tap: i32) {
                let x = element.widen();
                let beats = (*number < 0) | E::$beats(x, *kept);
                *kept = if beats { x } else { *kept };
                *number = if beats { tap } else { *number };
            }
        }
    )*};
}
args! {
    ArgGreatest LOWEST above;
    ArgLeast HIGHEST below;
}

struct Gather<E>(std::marker::PhantomData<E>);
impl<E: Pooled> Visit for Gather<E> {
    type Element = E;
    const FIRST: E::Kept = E::ZERO;
    const READS: bool = true;
    #[inline(always)]
    fn visit(kept: &mut E::Kept, element: E, number: &mut i32, _: impl Fn() -> i32, tap: i32) {
        *kept = if *number == tap { element.widen() } else { *kept };
    }
}

struct Scatter<E>(std::marker::PhantomData<E>);
impl<E: Pooled> Visit for Scatter<E> {
    type Element = E;
    const FIRST: E::Kept = E::ZERO;
    const READS_OF_ELEMENTS: bool = true;
    #[inline(always)]
    fn visit(kept: &mut E::Kept, element: E, _: &mut i32, from_number: impl Fn() -> i32, tap: i32) {
        let sum = E::plus(*kept, element.widen());
        *kept = if from_number() == tap { sum } else { *kept };
    }
}

/// The loops of one op and element type, for the instructions that the machine has.
fn loops<V: Visit>() -> Loops {
    let kept = size_of::<<V::Element as Pooled>::Kept>();
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        /// # Safety
        /// As of `begin`, and the instructions are there.
        #[target_feature(enable = "avx2")]
        unsafe fn begin_wide<V: Visit>(place: &Place, count: usize) {
            // SAFETY: the caller's promise.
            unsafe { begin::<V>(place, count) };
        }
        /// # Safety
        /// As of `end`, and the instructions are there.
        #[target_feature(enable = "avx2")]
        unsafe fn end_wide<V: Visit>(place: &Place, count: usize) {
            // SAFETY: the caller's promise.
            unsafe { end::<V>(place, count) };
        }
        /// # Safety
        /// As of `stretch`, and the instructions are there.
        #[target_feature(enable = "avx2")]
        unsafe fn stretch_wide<V: Visit>(place: &Place, along: &Stretch) {
            // SAFETY: the caller's promise.
            unsafe { stretch::<V>(place, along) };
        }
        /// # Safety
        /// As of `unit`, and the instructions are there.
        #[target_feature(enable = "avx2")]
        unsafe fn unit_wide<V: Visit>(place: &Place, results: (usize, usize), met: &[Met]) {
            // SAFETY: the caller's promise.
            unsafe { unit::<V>(place, results, met) };
        }
        let (begin, stretch, end, unit) = (begin_wide::<V>, stretch_wide::<V>, end_wide::<V>, unit_wide::<V>);
        return Loops { begin, stretch, end, unit, kept };
    }
    Loops { begin: begin::<V>, stretch: stretch::<V>, end: end::<V>, unit: unit::<V>, kept }
}

pub(super) fn fold<E: Pooled>(kind: ReduceKind) -> Loops {
    match kind {
        ReduceKind::Sum => loops::<Sum<E>>(),
        ReduceKind::Prod => loops::<Product<E>>(),
        ReduceKind::Max => loops::<Greatest<E>>(),
        ReduceKind::Min => loops::<Least<E>>(),
        ReduceKind::Any => loops::<Any<E>>(),
        ReduceKind::All => loops::<All<E>>(),
    }
}

pub(super) fn arg<E: Pooled>(kind: ArgKind) -> Loops {
    match kind {
        ArgKind::Max => loops::<ArgGreatest<E>>(),
        ArgKind::Min => loops::<ArgLeast<E>>(),
    }
}

pub(super) fn gather<E: Pooled>() -> Loops {
    loops::<Gather<E>>()
}

pub(super) fn scatter<E: Pooled>() -> Loops {
    loops::<Scatter<E>>()
}
