//! Values during emission: scalars, or packs of 128-bit vectors that together cover a fixed number of lanes.
//!
//! An [`Emitter`] emits either scalar code (`lanes == 1`) or code for `lanes` elements at once. In the latter a value of an
//! 8-byte dtype takes twice as many vectors as one of a 4-byte dtype; a value that needs less than 16 bytes sits in
//! the low lanes of one vector. f16 and bf16 are 16-bit integers here, and a bool is an `i8` 0 or 1 in scalar code, but an
//! integer lane mask (all bits or none) in vectors, of the width of the lanes that it was made from.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{ConstantData, Endianness, InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::{FuncInstBuilder, FunctionBuilder};
use smallvec::{SmallVec, smallvec};
use tensorwright_ir::DType;

use super::imports::Imports;
use crate::nest::Machine;

/// Bytes of a vector.
pub(super) const VECTOR: u32 = 16;

/// The vectors, or the one scalar, of a value.
pub(super) type Pack = SmallVec<[Value; 4]>;

/// Appends instructions for some number of lanes.
pub(super) struct Emitter<'a, 'f> {
    pub(super) builder: &'a mut FunctionBuilder<'f>,
    pub(super) imports: &'a Imports,
    /// What nests were made for.
    pub(super) machine: Machine,
    /// Elements that a value covers; 1 means scalar code. A power of two.
    pub(super) lanes: u32,
}

/// The integer type of a width in bytes.
pub(super) fn int_type(width: u32) -> Type {
    match width {
        1 => types::I8,
        2 => types::I16,
        4 => types::I32,
        _ => types::I64,
    }
}

/// The type of a scalar of `dtype` in registers.
pub(super) fn lane_type(dtype: DType) -> Type {
    match dtype {
        DType::F32 => types::F32,
        DType::F64 => types::F64,
        _ => int_type(dtype.size() as u32),
    }
}

/// `lane` repeated to fill a vector.
pub(super) fn vector_type(lane: Type) -> Type {
    lane.by(VECTOR / lane.bytes()).unwrap_or(lane)
}

/// Memory access that cannot fault.
pub(super) fn memory() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

impl<'f> Emitter<'_, 'f> {
    pub(super) fn ins(&mut self) -> FuncInstBuilder<'_, 'f> {
        self.builder.ins()
    }

    pub(super) fn is_vector(&self) -> bool {
        self.lanes > 1
    }

    /// The type of each part of a pack whose lanes have type `lane`.
    pub(super) fn of(&self, lane: Type) -> Type {
        if self.is_vector() { vector_type(lane) } else { lane }
    }

    /// The type of each part of a pack of `dtype`; for bool that of bytes.
    pub(super) fn part(&self, dtype: DType) -> Type {
        self.of(lane_type(dtype))
    }

    /// Parts of a pack with lanes of `width` bytes.
    pub(super) fn parts(&self, width: u32) -> usize {
        if self.is_vector() { (self.lanes * width).div_ceil(VECTOR) as usize } else { 1 }
    }

    pub(super) fn type_of(&self, value: Value) -> Type {
        self.builder.func.dfg.value_type(value)
    }

    pub(super) fn map(&mut self, x: &[Value], mut f: impl FnMut(&mut Self, Value) -> Value) -> Pack {
        x.iter().map(|&x| f(self, x)).collect()
    }

    pub(super) fn zip(
        &mut self,
        x: &[Value],
        y: &[Value],
        mut f: impl FnMut(&mut Self, Value, Value) -> Value,
    ) -> Pack {
        x.iter().zip(y).map(|(&x, &y)| f(self, x, y)).collect()
    }

    /// A constant whose lanes have the low bits of `bits`.
    pub(super) fn bits(&mut self, ty: Type, bits: u64) -> Value {
        let lane = ty.lane_type();
        if ty.is_vector() {
            let size = lane.bytes() as usize;
            let bytes: ConstantData =
                (0..ty.lane_count()).flat_map(|_| bits.to_le_bytes().into_iter().take(size)).collect();
            let constant = self.builder.func.dfg.constants.insert(bytes);
            return self.ins().vconst(ty, constant);
        }
        match lane {
            types::F32 => self.ins().f32const(f32::from_bits(bits as u32)),
            types::F64 => self.ins().f64const(f64::from_bits(bits)),
            _ => {
                let mask = u64::MAX >> (64 - lane.bits());
                self.ins().iconst(lane, (bits & mask) as i64)
            }
        }
    }

    /// An integer constant in each lane.
    pub(super) fn int(&mut self, ty: Type, value: i64) -> Value {
        self.bits(ty, value as u64)
    }

    /// A float constant in each lane.
    pub(super) fn float(&mut self, ty: Type, value: f64) -> Value {
        let bits =
            if ty.lane_type() == types::F32 { u64::from((value as f32).to_bits()) } else { value.to_bits() };
        self.bits(ty, bits)
    }

    /// A reinterpretation of the bits as another type of the same size.
    pub(super) fn reinterpret(&mut self, ty: Type, value: Value) -> Value {
        if self.type_of(value) == ty {
            return value;
        }
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.ins().bitcast(ty, flags, value)
    }

    /// The integers with the bits of `value`.
    pub(super) fn as_int(&mut self, value: Value) -> Value {
        let ty = self.type_of(value);
        let lane = int_type(ty.lane_type().bytes());
        let to = if ty.is_vector() { vector_type(lane) } else { lane };
        self.reinterpret(to, value)
    }

    /// `if mask { a } else { b }`; the mask has the width of the values.
    pub(super) fn choose(&mut self, mask: Value, a: Value, b: Value) -> Value {
        let ty = self.type_of(a);
        if !ty.is_vector() {
            return self.ins().select(mask, a, b);
        }
        let mask = self.reinterpret(ty, mask);
        self.ins().bitselect(mask, a, b)
    }

    pub(super) fn fcmp(&mut self, code: FloatCC, a: Value, b: Value) -> Value {
        self.ins().fcmp(code, a, b)
    }

    pub(super) fn icmp(&mut self, code: IntCC, a: Value, b: Value) -> Value {
        self.ins().icmp(code, a, b)
    }

    /// Logical negation of a bool.
    pub(super) fn not_bool(&mut self, mask: Value) -> Value {
        if self.type_of(mask).is_vector() { self.ins().bnot(mask) } else { self.ins().bxor_imm_u(mask, 1) }
    }

    /// Shift left by a constant below the width.
    pub(super) fn shl(&mut self, a: Value, count: u32) -> Value {
        let count = self.ins().iconst(types::I32, i64::from(count));
        self.ins().ishl(a, count)
    }

    /// Logical shift right by a constant below the width.
    pub(super) fn ushr(&mut self, a: Value, count: u32) -> Value {
        let count = self.ins().iconst(types::I32, i64::from(count));
        self.ins().ushr(a, count)
    }

    /// Arithmetic shift right by a constant below the width.
    pub(super) fn sshr(&mut self, a: Value, count: u32) -> Value {
        let count = self.ins().iconst(types::I32, i64::from(count));
        self.ins().sshr(a, count)
    }

    /// Bytes of `a` (0 to 15) and `b` (16 to 31) in the order of `mask`, as a value of the type of `a`.
    pub(super) fn shuffle(&mut self, a: Value, b: Value, mask: [u8; 16]) -> Value {
        let ty = self.type_of(a);
        let (a, b) = (self.reinterpret(types::I8X16, a), self.reinterpret(types::I8X16, b));
        let mask = self.builder.func.dfg.immediates.push(ConstantData::from(mask.as_slice()));
        let bytes = self.ins().shuffle(a, b, mask);
        self.reinterpret(ty, bytes)
    }

    /// The bytes of `a` from `first` on, moved to the bottom; what comes above is unspecified.
    pub(super) fn shift_down(&mut self, a: Value, first: u32) -> Value {
        let mask = std::array::from_fn(|k| (k as u8 + first as u8) % 16);
        self.shuffle(a, a, mask)
    }

    /// The lower halves of `a` and `b`.
    pub(super) fn join_low(&mut self, a: Value, b: Value) -> Value {
        self.shuffle(a, b, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23])
    }

    /// Lane `lane` of a pack.
    pub(super) fn extract(&mut self, pack: &[Value], lane: u32) -> Value {
        let ty = self.type_of(pack[0]);
        if !ty.is_vector() {
            return pack[0];
        }
        let per = ty.lane_count();
        self.ins().extractlane(pack[(lane / per) as usize], (lane % per) as u8)
    }

    /// A pack from its lanes, as many as the emitter has.
    pub(super) fn collect(&mut self, lanes: &[Value]) -> Pack {
        if !self.is_vector() {
            return smallvec![lanes[0]];
        }
        let ty = vector_type(self.type_of(lanes[0]));
        lanes.chunks(ty.lane_count() as usize).map(|chunk| self.collect_vector(ty, chunk)).collect()
    }

    fn collect_vector(&mut self, ty: Type, lanes: &[Value]) -> Value {
        let mut vector = self.low_lane(ty, lanes[0]);
        for (k, &lane) in lanes.iter().enumerate().skip(1) {
            vector = self.ins().insertlane(vector, lane, k as u8);
        }
        vector
    }

    /// A vector with `scalar` in its lowest lane. Not all targets move integers of less than 32 bits.
    pub(super) fn low_lane(&mut self, ty: Type, scalar: Value) -> Value {
        if ty.lane_bits() >= 32 {
            return self.ins().scalar_to_vector(ty, scalar);
        }
        let wide = self.ins().uextend(types::I32, scalar);
        let vector = self.ins().scalar_to_vector(types::I32X4, wide);
        self.reinterpret(ty, vector)
    }

    /// Applies scalar code to each lane; the way for what vectors cannot do.
    pub(super) fn by_lane(
        &mut self,
        args: &[&[Value]],
        mut f: impl FnMut(&mut Self, &[Value]) -> Value,
    ) -> Pack {
        let all = self.lanes;
        let results: SmallVec<[Value; 16]> = (0..all)
            .map(|lane| {
                let scalars: SmallVec<[Value; 3]> = args.iter().map(|arg| self.extract(arg, lane)).collect();
                self.lanes = 1;
                let result = f(self, &scalars);
                self.lanes = all;
                result
            })
            .collect();
        self.collect(&results)
    }

    /// The scalar in all lanes of one vector; a bool becomes a mask of `width`.
    pub(super) fn splat(&mut self, dtype: DType, scalar: Value, width: u32) -> Value {
        if dtype != DType::Bool {
            return self.ins().splat(vector_type(lane_type(dtype)), scalar);
        }
        let lane = int_type(width);
        let wide = if width == 1 { scalar } else { self.ins().uextend(lane, scalar) };
        let mask = self.ins().ineg(wide);
        self.ins().splat(vector_type(lane), mask)
    }

    /// Integers of twice the width.
    pub(super) fn widen(&mut self, pack: &[Value], width: u32, signed: bool) -> Pack {
        (0..self.parts(2 * width))
            .map(|part| {
                let (x, low) = (pack[part / 2], part % 2 == 0);
                match (signed, low) {
                    (true, true) => self.ins().swiden_low(x),
                    (true, false) => self.ins().swiden_high(x),
                    (false, true) => self.ins().uwiden_low(x),
                    (false, false) => self.ins().uwiden_high(x),
                }
            })
            .collect()
    }

    /// Integers of half the width: each pair of vectors (the last one perhaps alone) through `f`.
    pub(super) fn halve(
        &mut self,
        pack: &[Value],
        mut f: impl FnMut(&mut Self, Value, Value) -> Value,
    ) -> Pack {
        pack.chunks(2).map(|pair| f(self, pair[0], pair[pair.len() - 1])).collect()
    }

    /// The even 32-bit lanes of both.
    pub(super) fn even_words(&mut self, a: Value, b: Value) -> Value {
        let words = self.shuffle(a, b, [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
        self.reinterpret(types::I32X4, words)
    }

    /// Integers wrapped into half the width.
    pub(super) fn wrap_half(&mut self, pack: &[Value], width: u32) -> Pack {
        if width == 8 {
            return self.halve(pack, |e, a, b| e.even_words(a, b));
        }
        let ty = vector_type(int_type(width));
        let low = (1 << (4 * width)) - 1;
        let mask = self.int(ty, low);
        self.halve(pack, |e, a, b| {
            let (a, b) = (e.ins().band(a, mask), e.ins().band(b, mask));
            e.ins().unarrow(a, b)
        })
    }

    /// A mask with lanes of another width.
    pub(super) fn resize_mask(&mut self, mask: Pack, from: u32, to: u32) -> Pack {
        if !self.is_vector() {
            return mask;
        }
        let (mut mask, mut width) = (mask, from);
        while width < to {
            mask = self.widen(&mask, width, true);
            width *= 2;
        }
        while width > to {
            mask = match width {
                8 => self.halve(&mask, |e, a, b| e.even_words(a, b)),
                _ => self.halve(&mask, |e, a, b| e.ins().snarrow(a, b)),
            };
            width /= 2;
        }
        mask
    }
}
