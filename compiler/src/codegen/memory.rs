//! Loads and stores of packs.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};
use smallvec::{SmallVec, smallvec};
use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn};

use super::CodegenError;
use super::loops::{LoopEmitter, Position};
use super::value::{Emitter, Pack, VECTOR, lane_type, memory, vector_type};
use crate::kernel::{Instr, Outside, Reg};
use crate::nest::{MemoryAccess, Pattern};

/// A base address and bytes to add.
#[derive(Clone, Copy)]
pub(super) struct Address {
    pub(super) base: Value,
    pub(super) bytes: i64,
}

impl LoopEmitter<'_, '_, '_, '_> {
    /// The load at instruction `i`, so many elements further on.
    pub(super) fn load(
        &mut self,
        i: usize,
        at: Position,
        further: Option<Value>,
    ) -> Result<Pack, CodegenError> {
        let access = self.nest.values[i].access;
        let access = access.ok_or(CodegenError::Internal { what: "loads have an access" })?;
        let varies = self.nest.varies(Reg(i as u32));
        let mut address = match varies {
            true => self.locate(access, at),
            false => Address { base: self.pointer(access.address), bytes: i64::from(access.displacement) },
        };
        if let Some(further) = further {
            address.base = self.e.advance(address.base, further, access.dtype.size() as i64);
        }
        if !varies {
            return Ok(smallvec![self.e.load_lane(access.dtype, address)]);
        }
        let pattern = access.pattern(self.e.machine, self.e.lanes);
        Ok(self.e.load_pack(access, pattern, address))
    }

    /// The computed place of instruction `i`.
    pub(super) fn place(&mut self, i: usize, at: Reg, count: u64) -> Result<Value, CodegenError> {
        let place = self.scalar(at)?;
        let plain = self.plain(at, count)?;
        if self.nest.values[i].in_range {
            return Ok(place);
        }
        if let Some(&(.., known)) = self.clamped.iter().find(|known| (known.0, known.1) == (place, count)) {
            return Ok(known);
        }
        let clamped = self.e.clamped(plain, place, count);
        self.clamped.push((place, count, clamped));
        Ok(clamped)
    }

    /// What a computed place mostly is: itself, or the index behind it, if negative ones count from the end.
    fn plain(&mut self, at: Reg, count: u64) -> Result<Value, CodegenError> {
        let instr = |reg: Reg| self.nest.instr(reg);
        let chosen = match *instr(at) {
            Instr::Cast(_, x) if self.nest.dtype(x).is_signed_int() => x,
            _ => at,
        };
        let is = |reg: Reg, n: i128| self.nest.constant(reg).is_some_and(|scalar| scalar.to_i128() == n);
        if let Instr::Select(test, more, index) = *instr(chosen)
            && matches!(*instr(test), Instr::Compare(CompareFn::Lt, x, zero) if x == index && is(zero, 0))
            && matches!(*instr(more), Instr::Binary(BinaryFn::Add, x, n) if x == index && is(n, count.into()))
        {
            let index_dtype = self.nest.dtype(index);
            let index = self.scalar(index)?;
            return Ok(self.e.cast(index_dtype, DType::I64, &[index])[0]);
        }
        self.scalar(at)
    }

    /// Emits instruction `i` if it is a store at a computed place.
    pub(super) fn emit_store(&mut self, i: usize) -> Result<bool, CodegenError> {
        let Instr::StoreAt { at, count, value, outside, .. } = self.nest.source.body[i] else {
            return Ok(false);
        };
        let access = self.nest.values[i].access;
        let access = access.ok_or(CodegenError::Internal { what: "stores have an access" })?;
        let value = self.scalar(value)?;
        let skips = outside == Outside::Nowhere && !self.nest.values[i].in_range;
        let (place, behind) = match skips {
            true => {
                let (plain, place) = (self.plain(at, count)?, self.scalar(at)?);
                let (place, behind) = self.e.entered(plain, place, count);
                (place, Some(behind))
            }
            false => (self.place(i, at, count)?, None),
        };
        let base = self.pointer(access.address);
        let base = self.e.advance(base, place, access.dtype.size() as i64);
        self.e.ins().store(memory(), value, base, access.displacement);
        if let Some(behind) = behind {
            self.e.ins().jump(behind, &[]);
            self.e.builder.seal_block(behind);
            self.e.builder.switch_to_block(behind);
        }
        Ok(true)
    }

    /// Stores a pack; bools come as masks of bytes.
    pub(super) fn store(&mut self, access: MemoryAccess, at: Position, value: &[Value]) {
        let address = self.locate(access, at);
        let pattern = access.pattern(self.e.machine, self.e.lanes);
        self.e.store_pack(access, pattern, address, value);
    }

    /// Stores one scalar at the current level of loops.
    pub(super) fn store_here(&mut self, access: MemoryAccess, value: Value) {
        let pointer = self.pointer(access.address);
        self.e.ins().store(memory(), value, pointer, access.displacement);
    }

    fn locate(&mut self, access: MemoryAccess, at: Position) -> Address {
        let step = access.step();
        let base = self.address(access.address, self.depth(), step, at.index);
        Address { base, bytes: i64::from(access.displacement) + i64::from(at.offset).wrapping_mul(step) }
    }
}

impl Emitter<'_, '_> {
    /// The place, at least 0 and below `count`. Mostly `plain` is, which a branch finds out without making anything wait.
    pub(super) fn clamped(&mut self, plain: Value, place: Value, count: u64) -> Value {
        let inside = self.unless_below(plain, count);
        let (zero, last) = (self.int(types::I64, 0), self.int(types::I64, count as i64 - 1));
        let low = self.ins().smax(place, zero);
        let nearest = self.ins().smin(low, last);
        self.ins().jump(inside, &[nearest.into()]);
        self.go_on(inside)
    }

    /// The place where it is below `count`, and the block where it is not and to which that one leads.
    fn entered(&mut self, plain: Value, place: Value, count: u64) -> (Value, Block) {
        let behind = self.builder.create_block();
        let inside = self.unless_below(plain, count);
        if place == plain {
            self.ins().jump(behind, &[]);
        } else {
            let is_inside = self.is_below(place, count);
            self.ins().brif(is_inside, inside, &[place.into()], behind, &[]);
        }
        (self.go_on(inside), behind)
    }

    /// Goes on where a place is not below `count`; the block to which all others lead takes the place.
    fn unless_below(&mut self, place: Value, count: u64) -> Block {
        let (outside, inside) = (self.builder.create_block(), self.builder.create_block());
        self.builder.append_block_param(inside, types::I64);
        self.builder.set_cold_block(outside);
        let is_inside = self.is_below(place, count);
        self.ins().brif(is_inside, inside, &[place.into()], outside, &[]);
        self.builder.seal_block(outside);
        self.builder.switch_to_block(outside);
        inside
    }

    /// Goes on in a block that takes one value.
    fn go_on(&mut self, block: Block) -> Value {
        self.builder.seal_block(block);
        self.builder.switch_to_block(block);
        self.builder.block_params(block)[0]
    }

    /// Whether a signed integer is at least 0 and below a number.
    pub(super) fn is_below(&mut self, number: Value, places: u64) -> Value {
        let places = self.bits(self.type_of(number), places);
        self.icmp(IntCC::UnsignedLessThan, number, places)
    }

    /// An address that an instruction can have: with a small constant part.
    pub(super) fn settle(&mut self, address: Address, more: i64) -> (Value, i32) {
        let bytes = address.bytes.wrapping_add(more);
        match i32::try_from(bytes) {
            Ok(bytes) => (address.base, bytes),
            Err(_) => (self.ins().iadd_imm_s(address.base, bytes), 0),
        }
    }

    fn load_lane(&mut self, dtype: DType, address: Address) -> Value {
        let (base, bytes) = self.settle(address, 0);
        self.ins().load(lane_type(dtype), memory(), base, bytes)
    }

    fn load_pack(&mut self, access: MemoryAccess, pattern: Pattern, address: Address) -> Pack {
        let dtype = access.dtype;
        let pack = match pattern {
            Pattern::Element => return smallvec![self.load_lane(dtype, address)],
            Pattern::Vectors => self.load_vectors(dtype, address),
            Pattern::PartOfVector => smallvec![self.load_part(dtype, address)],
            Pattern::Reversed => self.load_reversed(dtype, address),
            Pattern::Strided => self.gather(access, address),
        };
        if dtype == DType::Bool { self.map(&pack, |e, x| e.ins().ineg(x)) } else { pack }
    }

    fn load_vectors(&mut self, dtype: DType, address: Address) -> Pack {
        let ty = self.part(dtype);
        (0..self.parts(dtype.size() as u32))
            .map(|part| {
                let (base, bytes) = self.settle(address, part as i64 * i64::from(VECTOR));
                self.ins().load(ty, memory(), base, bytes)
            })
            .collect()
    }

    /// Less than a vector: its bytes are loaded as one integer.
    fn load_part(&mut self, dtype: DType, address: Address) -> Value {
        let ty = self.part(dtype);
        let word = super::value::int_type(self.lanes * dtype.size() as u32);
        let (base, bytes) = self.settle(address, 0);
        let word = self.ins().load(word, memory(), base, bytes);
        let word_type = self.type_of(word);
        let vector = self.low_lane(vector_type(word_type), word);
        self.reinterpret(ty, vector)
    }

    fn load_reversed(&mut self, dtype: DType, address: Address) -> Pack {
        let (ty, size) = (self.part(dtype), dtype.size() as i64);
        (1..=self.parts(dtype.size() as u32))
            .map(|part| {
                let (base, bytes) = self.settle(address, size - part as i64 * i64::from(VECTOR));
                let vector = self.ins().load(ty, memory(), base, bytes);
                self.reverse(vector)
            })
            .collect()
    }

    /// The lanes in reverse order.
    fn reverse(&mut self, vector: Value) -> Value {
        let size = self.type_of(vector).lane_type().bytes() as u8;
        let mask = std::array::from_fn(|k| {
            let (lane, byte) = (k as u8 / size, k as u8 % size);
            16 - (lane + 1) * size + byte
        });
        self.shuffle(vector, vector, mask)
    }

    fn gather(&mut self, access: MemoryAccess, address: Address) -> Pack {
        let (dtype, step) = (access.dtype, access.step());
        let lanes: SmallVec<[Value; 16]> = (0..i64::from(self.lanes))
            .map(|lane| {
                let (base, bytes) = self.settle(address, step.wrapping_mul(lane));
                self.ins().load(lane_type(dtype), memory(), base, bytes)
            })
            .collect();
        self.collect(&lanes)
    }

    fn store_pack(&mut self, access: MemoryAccess, pattern: Pattern, address: Address, value: &[Value]) {
        let mut value = Pack::from_slice(value);
        if access.dtype == DType::Bool && self.is_vector() {
            let one = self.int(types::I8X16, 1);
            value = self.map(&value, |e, x| e.ins().band(x, one));
        }
        match pattern {
            Pattern::Element => {
                let (base, bytes) = self.settle(address, 0);
                self.ins().store(memory(), value[0], base, bytes);
            }
            Pattern::Vectors => self.store_vectors(address, &value),
            Pattern::PartOfVector => self.store_part(access.dtype, address, value[0]),
            Pattern::Reversed | Pattern::Strided => self.scatter(access, address, &value),
        }
    }

    fn store_vectors(&mut self, address: Address, value: &[Value]) {
        for (part, &vector) in value.iter().enumerate() {
            let (base, bytes) = self.settle(address, part as i64 * i64::from(VECTOR));
            self.ins().store(memory(), vector, base, bytes);
        }
    }

    fn store_part(&mut self, dtype: DType, address: Address, vector: Value) {
        let word = vector_type(super::value::int_type(self.lanes * dtype.size() as u32));
        let words = self.reinterpret(word, vector);
        let word = self.ins().extractlane(words, 0u8);
        let (base, bytes) = self.settle(address, 0);
        self.ins().store(memory(), word, base, bytes);
    }

    fn scatter(&mut self, access: MemoryAccess, address: Address, value: &[Value]) {
        let step = access.step();
        for lane in 0..self.lanes {
            let scalar = self.extract(value, lane);
            let (base, bytes) = self.settle(address, step.wrapping_mul(i64::from(lane)));
            self.ins().store(memory(), scalar, base, bytes);
        }
    }
}
