//! Vector math as CLIF.
//!
//! [`Emit`] appends the instructions of a function to the block a `FunctionBuilder` stands in, for scalars (`F32`, `F64`)
//! or 128-bit vectors (`F32X4`, `F64X2`). On a CPU with fused multiply-add the results have the same bits as [`ScalarLanes`](super::ScalarLanes)'s;
//! without it `fma` becomes a library call, slow but still the same.

use std::cell::RefCell;
use std::marker::PhantomData;

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{
    Block, ConstantData, InstBuilder, MemFlagsData, StackSlot, StackSlotData, StackSlotKind, Type, Value,
    types,
};
use cranelift_frontend::{FuncInstBuilder, FunctionBuilder};

use super::lanes::{Lanes, Scalar};
use super::payne_hanek::{self, Angle, Words};

/// Emits CLIF for vectors of `T`.
pub struct Emit<'a, 'b, T> {
    builder: RefCell<&'a mut FunctionBuilder<'b>>,
    lanes: u32,
    scalar: PhantomData<T>,
}

/// A float type that CLIF has.
pub trait Clif: Scalar {
    /// The float type.
    const FLOAT: Type;
    /// The integer type of the same width.
    const INT: Type;
}

impl Clif for f32 {
    const FLOAT: Type = types::F32;
    const INT: Type = types::I32;
}

impl Clif for f64 {
    const FLOAT: Type = types::F64;
    const INT: Type = types::I64;
}

impl<'a, 'b, T: Clif> Emit<'a, 'b, T> {
    /// Emits at the builder's position, for vectors of `lanes` lanes that fill 128 bits, or for scalars if it is 1.
    pub fn new(builder: &'a mut FunctionBuilder<'b>, lanes: u32) -> Self {
        Self { builder: RefCell::new(builder), lanes, scalar: PhantomData }
    }

    /// Appends what `f` builds. A call, because the functions inline completely for [`ScalarLanes`](super::ScalarLanes)'s sake, and an
    /// instruction's construction in each place of them would be a sixth of this crate's code.
    #[inline(never)]
    fn ins<R>(&self, f: impl FnOnce(FuncInstBuilder<'_, '_>) -> R) -> R {
        f(self.builder.borrow_mut().ins())
    }

    fn float_type(&self) -> Type {
        T::FLOAT.by(self.lanes).unwrap_or(T::FLOAT)
    }

    fn int_type(&self) -> Type {
        T::INT.by(self.lanes).unwrap_or(T::INT)
    }

    fn cast(&self, to: Type, a: Value) -> Value {
        self.ins(|i| i.bitcast(to, MemFlagsData::new(), a))
    }

    /// A vector constant, from the low `T::BITS` of `pattern`.
    fn vector(&self, ty: Type, pattern: i64) -> Value {
        let lane = (T::BITS / 8) as usize;
        let bytes: ConstantData =
            (0..self.lanes).flat_map(|_| pattern.to_le_bytes().into_iter().take(lane)).collect();
        let constant = self.builder.borrow_mut().func.dfg.constants.insert(bytes);
        self.ins(|i| i.vconst(ty, constant))
    }

    fn integer(&self, value: i64) -> Value {
        if self.lanes > 1 {
            return self.vector(self.int_type(), value);
        }
        // An immediate must be zero-extended from the width of its type.
        let mask = u64::MAX >> (64 - T::BITS);
        self.ins(|i| i.iconst(T::INT, (value as u64 & mask) as i64))
    }

    fn compare(&self, cc: FloatCC, a: Value, b: Value) -> Value {
        self.ins(|i| i.fcmp(cc, a, b))
    }

    /// `if mask { a } else { b }` for values of type `ty`. Written so that code generation recognises minimum, maximum and blend.
    fn choose(&self, ty: Type, mask: Value, a: Value, b: Value) -> Value {
        if self.lanes == 1 {
            return self.ins(|i| i.select(mask, a, b));
        }
        let mask = if ty == self.int_type() { mask } else { self.cast(ty, mask) };
        self.ins(|i| i.bitselect(mask, a, b))
    }

    /// A stack slot for one vector.
    fn slot(&self) -> StackSlot {
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, 16, 4);
        self.builder.borrow_mut().create_sized_stack_slot(data)
    }

    /// The Payne-Hanek reduction of all lanes of `x`, by a loop over its copy in memory.
    fn reduce_lanes(&self, x: Value) -> Angle<Self> {
        let (xs, quadrants, rests) = (self.slot(), self.slot(), self.slot());
        let (body, done) = {
            let mut builder = self.builder.borrow_mut();
            let (body, done) = (builder.create_block(), builder.create_block());
            builder.set_cold_block(body);
            builder.set_cold_block(done);
            builder.append_block_param(body, types::I64);
            (body, done)
        };
        self.ins(|i| i.stack_store(types::I64, x, xs, 0));
        let zero = self.ins(|i| i.iconst(types::I64, 0));
        self.ins(|i| i.jump(body, &[zero.into()]));
        self.builder.borrow_mut().switch_to_block(body);
        let offset = self.builder.borrow().block_params(body)[0];
        let address = |slot| {
            let base = self.ins(|i| i.stack_addr(types::I64, slot, 0));
            self.ins(|i| i.iadd(base, offset))
        };
        let (from, quadrant_to, rest_to) = (address(xs), address(quadrants), address(rests));
        let flags = MemFlagsData::trusted();
        let lane = self.ins(|i| i.load(T::FLOAT, flags, from, 0));
        let (quadrant, r) = self.reduce_scalar(lane);
        self.ins(|i| i.store(flags, quadrant, quadrant_to, 0));
        self.ins(|i| i.store(flags, r, rest_to, 0));
        let bytes = self.ins(|i| i.iconst(types::I64, i64::from(T::BITS / 8)));
        let next = self.ins(|i| i.iadd(offset, bytes));
        let end = self.ins(|i| i.iconst(types::I64, 16));
        let more = self.ins(|i| i.icmp(IntCC::UnsignedLessThan, next, end));
        self.ins(|i| i.brif(more, body, &[next.into()], done, &[]));
        self.builder.borrow_mut().seal_block(body);
        self.enter(done);
        Angle {
            quadrant: self.ins(|i| i.stack_load(types::I64, self.int_type(), quadrants, 0)),
            r: self.ins(|i| i.stack_load(types::I64, self.float_type(), rests, 0)),
        }
    }

    /// The Payne-Hanek reduction of a scalar.
    fn reduce_scalar(&self, x: Value) -> (Value, Value) {
        let narrow = T::FLOAT == types::F32;
        let wide = if narrow { self.ins(|i| i.fpromote(types::F64, x)) } else { x };
        let step = if narrow { payne_hanek::NARROW_STEP } else { payne_hanek::WIDE_STEP };
        let (quadrant, r) = {
            let mut builder = self.builder.borrow_mut();
            payne_hanek::reduce(&Emit::<f64>::new(&mut builder, 1), wide, step)
        };
        if !narrow {
            return (quadrant, r);
        }
        let quadrant = self.ins(|i| i.ireduce(types::I32, quadrant));
        (quadrant, self.ins(|i| i.fdemote(types::F32, r)))
    }
}

impl<T: Clif> Lanes for Emit<'_, '_, T> {
    type Scalar = T;
    type F = Value;
    type I = Value;
    type M = Value;

    fn float(&self, value: T) -> Value {
        if self.lanes > 1 {
            return self.vector(self.float_type(), value.pattern());
        }
        if T::BITS == 32 {
            self.ins(|i| i.f32const(f32::from_bits(value.pattern() as u32)))
        } else {
            self.ins(|i| i.f64const(f64::from_bits(value.pattern() as u64)))
        }
    }
    fn int(&self, value: T::Int) -> Value {
        self.integer(T::widen(value))
    }
    fn add(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.fadd(a, b))
    }
    fn sub(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.fsub(a, b))
    }
    fn mul(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.fmul(a, b))
    }
    fn div(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.fdiv(a, b))
    }
    fn fma(&self, a: Value, b: Value, c: Value) -> Value {
        self.ins(|i| i.fma(a, b, c))
    }
    fn neg(&self, a: Value) -> Value {
        self.ins(|i| i.fneg(a))
    }
    fn abs(&self, a: Value) -> Value {
        self.ins(|i| i.fabs(a))
    }
    fn sqrt(&self, a: Value) -> Value {
        self.ins(|i| i.sqrt(a))
    }
    fn round_even(&self, a: Value) -> Value {
        self.ins(|i| i.nearest(a))
    }
    fn min(&self, a: Value, b: Value) -> Value {
        self.select(self.lt(a, b), a, b)
    }
    fn max(&self, a: Value, b: Value) -> Value {
        self.select(self.lt(b, a), a, b)
    }
    fn lt(&self, a: Value, b: Value) -> Value {
        self.compare(FloatCC::LessThan, a, b)
    }
    fn le(&self, a: Value, b: Value) -> Value {
        self.compare(FloatCC::LessThanOrEqual, a, b)
    }
    fn eq(&self, a: Value, b: Value) -> Value {
        self.compare(FloatCC::Equal, a, b)
    }
    fn int_eq(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.icmp(IntCC::Equal, a, b))
    }
    fn both(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.band(a, b))
    }
    fn either(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.bor(a, b))
    }
    fn not(&self, a: Value) -> Value {
        if self.lanes > 1 { self.ins(|i| i.bnot(a)) } else { self.ins(|i| i.bxor_imm_u(a, 1)) }
    }
    fn select(&self, mask: Value, a: Value, b: Value) -> Value {
        self.choose(self.float_type(), mask, a, b)
    }
    fn bits(&self, a: Value) -> Value {
        self.cast(self.int_type(), a)
    }
    fn float_from(&self, a: Value) -> Value {
        self.cast(self.float_type(), a)
    }
    fn int_add(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.iadd(a, b))
    }
    fn int_sub(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.isub(a, b))
    }
    fn and(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.band(a, b))
    }
    fn or(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.bor(a, b))
    }
    fn xor(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.bxor(a, b))
    }
    fn shl(&self, a: Value, count: u32) -> Value {
        let count = self.ins(|i| i.iconst(types::I32, i64::from(count)));
        self.ins(|i| i.ishl(a, count))
    }
    fn ushr(&self, a: Value, count: u32) -> Value {
        let count = self.ins(|i| i.iconst(types::I32, i64::from(count)));
        self.ins(|i| i.ushr(a, count))
    }

    /// The work sits in a cold block of its own; emission goes on in a third block, whose parameters are the angle.
    fn reduce_far(&self, x: Value, far: Value, near: Angle<Self>) -> Angle<Self> {
        let (cold, join) = {
            let mut builder = self.builder.borrow_mut();
            let (cold, join) = (builder.create_block(), builder.create_block());
            builder.set_cold_block(cold);
            builder.append_block_param(join, self.int_type());
            builder.append_block_param(join, self.float_type());
            (cold, join)
        };
        let any = if self.lanes > 1 { self.ins(|i| i.vany_true(far)) } else { far };
        self.ins(|i| i.brif(any, cold, &[], join, &[near.quadrant.into(), near.r.into()]));
        self.enter(cold);
        let all = if self.lanes > 1 {
            self.reduce_lanes(x)
        } else {
            let (quadrant, r) = self.reduce_scalar(x);
            Angle { quadrant, r }
        };
        let quadrant = self.choose(self.int_type(), far, all.quadrant, near.quadrant);
        let r = self.choose(self.float_type(), far, all.r, near.r);
        self.ins(|i| i.jump(join, &[quadrant.into(), r.into()]));
        self.enter(join);
        let builder = self.builder.borrow();
        let params = builder.block_params(join);
        Angle { quadrant: params[0], r: params[1] }
    }
}

impl<T> Emit<'_, '_, T> {
    /// Goes on in a block all of whose predecessors are known.
    fn enter(&self, block: Block) {
        let mut builder = self.builder.borrow_mut();
        builder.seal_block(block);
        builder.switch_to_block(block);
    }
}

impl Words for Emit<'_, '_, f64> {
    fn mul_low(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.imul(a, b))
    }
    fn mul_high(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.umulhi(a, b))
    }
    fn shl_by(&self, a: Value, count: Value) -> Value {
        self.ins(|i| i.ishl(a, count))
    }
    fn ushr_by(&self, a: Value, count: Value) -> Value {
        self.ins(|i| i.ushr(a, count))
    }
    fn below(&self, a: Value, b: Value) -> Value {
        self.ins(|i| i.icmp(IntCC::UnsignedLessThan, a, b))
    }
    fn pick(&self, mask: Value, a: Value, b: Value) -> Value {
        self.ins(|i| i.select(mask, a, b))
    }
}
