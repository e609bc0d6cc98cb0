//! Numbers of few bits: packed in bytes, and in blocks with scales of their own as the files of language models have them.
//!
//! [`fields`] reads blocks and writes them, [`layouts`] says what the bytes of each layout mean, [`rounding`] makes blocks of numbers.

mod fields;
mod layouts;
mod rounding;

use smallvec::smallvec;

use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Shape, TensorType, Value, attributes, word_attribute};
use fields::{Reader, bits, split_last};

word_attribute! {
    /// How a block of numbers is packed in bytes: the layouts of GGUF files.
    ///
    /// A number is `scale q`, or `scale q + least`, with an integer `q` of so many bits. In the layouts with a `K`, groups of 16 or 32 numbers have scales of their own, which are
    /// integers of few bits times a scale of the block.
    pub enum BlockLayout {
        /// 32 numbers of 4 bits in 18 bytes: a scale.
        Q4_0 = "q4_0",
        /// 32 numbers of 4 bits in 20 bytes: a scale, and the least number.
        Q4_1 = "q4_1",
        /// 32 numbers of 5 bits in 22 bytes: a scale.
        Q5_0 = "q5_0",
        /// 32 numbers of 5 bits in 24 bytes: a scale, and the least number.
        Q5_1 = "q5_1",
        /// 32 numbers of 8 bits in 34 bytes: a scale.
        Q8_0 = "q8_0",
        /// 256 numbers of 2 bits in 84 bytes: scales and least numbers of 4 bits for each 16.
        Q2K = "q2_k",
        /// 256 numbers of 3 bits in 110 bytes: scales of 6 bits for each 16.
        Q3K = "q3_k",
        /// 256 numbers of 4 bits in 144 bytes: scales and least numbers of 6 bits for each 32.
        Q4K = "q4_k",
        /// 256 numbers of 5 bits in 176 bytes: scales and least numbers of 6 bits for each 32.
        Q5K = "q5_k",
        /// 256 numbers of 6 bits in 210 bytes: scales of 8 bits for each 16.
        Q6K = "q6_k",
        /// 256 numbers of 8 bits in 292 bytes: a scale in f32, and sums of each 16, which are not needed to read them.
        Q8K = "q8_k",
    }
}

impl BlockLayout {
    /// Numbers of a block.
    pub const fn length(self) -> usize {
        match self {
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K | Self::Q8K => 256,
        }
    }

    /// Bytes of a block.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
            Self::Q8K => 292,
        }
    }

    /// Blocks in the last axis of a shape, `size` of whose elements are one.
    fn blocks(self, shape: &Shape, size: usize) -> Result<usize, TypeError> {
        match shape.sizes().last() {
            Some(&last) if last.is_multiple_of(size) => Ok(last / size),
            _ => {
                let word = self.word();
                Err(TypeError::Other(format!(
                    "the last axis must be a multiple of {size} for {word}, found {shape}"
                )))
            }
        }
    }
}

attributes! {
    /// The numbers of blocks that are packed in bytes: `u8[s.., n * bytes] -> T[s.., n * length]`, floats `T`. They are computed in f32.
    pub struct DequantizeBlocks {
        /// What the bytes mean.
        pub layout: BlockLayout,
        /// Dtype of the result.
        pub dtype: DType,
    }
}

impl CompositeDef for DequantizeBlocks {
    const NAME: &'static str = "dequantize_blocks";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        require_bytes(b, operands[0])?;
        if !DTypeClass::Float.contains(self.dtype) {
            let reason = format!("must be {}, found {}", DTypeClass::Float.describe(), self.dtype);
            return Err(TypeError::attribute("dtype", reason));
        }
        let shape = b.shape(operands[0]);
        let blocks = self.layout.blocks(&shape, self.layout.bytes())?;
        let bytes = split_last(b, operands[0], &[blocks, self.layout.bytes()])?;
        let mut reader = Reader::new(b, bytes);
        let numbers = self.layout.numbers(&mut reader)?;
        let mut sizes = shape.sizes();
        *sizes.last_mut().expect("blocks have an axis") = blocks * self.layout.length();
        let numbers = b.reshape(numbers, sizes.into_iter().collect::<Shape>())?;
        Ok(smallvec![b.convert(numbers, self.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, _hint: &TensorType) -> Sample<DequantizeBlocks> {
        let layout = draw.choose(BlockLayout::ALL);
        let sizes = [draw.below(3), layout.bytes() * draw.below(3)];
        let dtype = draw.choose(&[DType::F32, DType::F64, DType::BF16]);
        let bytes = TensorType::new(DType::U8, sizes.into_iter().collect::<Shape>());
        Sample::exact(DequantizeBlocks { layout, dtype }, [Operand::any(bytes)])
    }
}

attributes! {
    /// Numbers as blocks packed in bytes, rounded to the nearest: `T[s.., n * length] -> u8[s.., n * bytes]`, floats `T`, in a layout without groups. Numbers are finite.
    pub struct QuantizeBlocks {
        /// What the bytes mean.
        pub layout: BlockLayout,
    }
}

impl CompositeDef for QuantizeBlocks {
    const NAME: &'static str = "quantize_blocks";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let x = b.type_of(operands[0]);
        rule::require_class(&[&x], 0, DTypeClass::Float)?;
        let blocks = self.layout.blocks(&x.shape, self.layout.length())?;
        let numbers = b.convert(operands[0], DType::F32)?;
        let numbers = split_last(b, numbers, &[blocks, self.layout.length()])?;
        let bytes = self.layout.rounded(b, numbers)?;
        let mut sizes = x.shape.sizes();
        *sizes.last_mut().expect("blocks have an axis") = blocks * self.layout.bytes();
        Ok(smallvec![b.reshape(bytes, sizes.into_iter().collect::<Shape>())?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<QuantizeBlocks> {
        use BlockLayout::{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
        let layout = draw.choose(&[Q4_0, Q4_1, Q5_0, Q5_1, Q8_0]);
        let dtype = draw.dtype(hint.dtype, DTypeClass::Float);
        let shape: Shape = [draw.below(3), layout.length() * draw.below(3)].into_iter().collect();
        Sample::exact(QuantizeBlocks { layout }, [Operand::moderate(TensorType::new(dtype, shape))])
    }
}

attributes! {
    /// Integers of few bits out of bytes, the lowest bits first: `u8[s.., n] -> I[s.., n * 8 / bits]`. Signed ones are in two's complement.
    pub struct UnpackBits {
        /// Bits of each: 1, 2 or 4.
        pub bits: usize,
        /// Dtype of the result: `u8`, or `i8` for signed ones.
        pub dtype: DType,
    }
}

impl CompositeDef for UnpackBits {
    const NAME: &'static str = "unpack_bits";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        require_bytes(b, operands[0])?;
        let parts = parts_of_byte(self.bits)?;
        if !matches!(self.dtype, DType::U8 | DType::I8) {
            return Err(TypeError::attribute("dtype", format!("must be u8 or i8, found {}", self.dtype)));
        }
        let mut sizes = b.shape(operands[0]).sizes();
        let last = *sizes.last().ok_or_else(|| TypeError::Other("a scalar has no axis of bytes".into()))?;
        let whole = split_last(b, operands[0], &[last, 1])?;
        let shape: Shape = sizes.iter().copied().chain([parts]).collect();
        let spread = b.broadcast_to(whole, &shape)?;
        let step = b.iota(DType::U8, shape, sizes.len())?;
        let step = b.mul_number(step, self.bits as f64)?;
        let numbers = if self.dtype == DType::I8 {
            // To the top and back, which brings the sign along.
            let top = b.number_minus((8 - self.bits) as f64, step)?;
            let high = b.shl(spread, top)?;
            let signed = b.bitcast(high, DType::I8)?;
            let by = b.full_like((8 - self.bits) as f64, signed)?;
            b.shr_arith(signed, by)?
        } else {
            bits(b, spread, step, self.bits)?
        };
        *sizes.last_mut().expect("there is an axis of bytes") = last * parts;
        Ok(smallvec![b.reshape(numbers, sizes.into_iter().collect::<Shape>())?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<UnpackBits> {
        let op = UnpackBits { bits: draw.choose(&[1, 2, 4]), dtype: draw.choose(&[DType::U8, DType::I8]) };
        let shape = draw.like(hint, DTypeClass::Real, 1).shape;
        Sample::exact(op, [Operand::any(TensorType::new(DType::U8, shape))])
    }
}

attributes! {
    /// The low bits of integers packed in bytes, the first ones lowest: `I[s.., n * 8 / bits] -> u8[s.., n]`, `I` being `u8` or `i8`.
    pub struct PackBits {
        /// Bits of each: 1, 2 or 4.
        pub bits: usize,
    }
}

impl CompositeDef for PackBits {
    const NAME: &'static str = "pack_bits";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let x = b.type_of(operands[0]);
        if !matches!(x.dtype, DType::U8 | DType::I8) {
            return Err(TypeError::Other(format!("integers of few bits are u8 or i8, found {x}")));
        }
        let parts = parts_of_byte(self.bits)?;
        let last = x.shape.sizes().last().copied().filter(|last| last.is_multiple_of(parts));
        let Some(last) = last else {
            let reason = format!("the last axis must be a multiple of {parts}, found {}", x.shape);
            return Err(TypeError::Other(reason));
        };
        let numbers = b.convert(operands[0], DType::U8)?;
        let numbers = split_last(b, numbers, &[last / parts, parts])?;
        Ok(smallvec![fields::packed(b, numbers, self.bits)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<PackBits> {
        let bits = draw.choose(&[1, 2, 4]);
        let shape = draw.like(hint, DTypeClass::Real, 0).shape;
        let shape: Shape = shape.sizes().into_iter().take(5).chain([8 / bits * draw.below(3)]).collect();
        let dtype = draw.choose(&[DType::U8, DType::I8]);
        Sample::exact(PackBits { bits }, [Operand::any(TensorType::new(dtype, shape))])
    }
}

fn parts_of_byte(bits: usize) -> Result<usize, TypeError> {
    match bits {
        1 | 2 | 4 => Ok(8 / bits),
        _ => Err(TypeError::attribute("bits", format!("must be 1, 2 or 4, found {bits}"))),
    }
}

fn require_bytes(b: &Builder, x: Value) -> Result<(), TypeError> {
    match b.type_of(x) {
        ty if ty.dtype == DType::U8 => Ok(()),
        ty => Err(TypeError::Other(format!("packed numbers are bytes, u8, found {ty}"))),
    }
}
