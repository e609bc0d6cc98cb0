//! Random bits of small tensors, spelled out: the rounds of a counter-based generator on words of 32 bits.
//!
//! Words are u64 registers below 2^32, so that products need no other instruction, and sums are cut off.

use tensorwright_ir::op::primitive::{BinaryFn, RngAlgorithm, RngBits};
use tensorwright_ir::{DType, Graph, Node, Scalar};

use super::lower::{Elements, Lowerer, Tensor};
use crate::kernel::Reg;
use crate::schedule::scalar::Instructions;

/// Factors of the rounds of Philox, and what its key grows by.
const FACTORS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
/// Distances of Threefry's rotations.
const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
const PARITY: u32 = 0x1BD1_1BDA;

impl Lowerer {
    pub(super) fn random(
        &mut self,
        op: &RngBits,
        graph: &Graph,
        node: &Node,
        operands: &[Tensor],
    ) -> Option<Tensor> {
        if self.form.is_wide(graph.tensor(node.results[0])) {
            return None;
        }
        let key = self.registers(&operands[0], graph.tensor(node.operands[0]))?;
        let counter = operands[1].as_scalar()?;
        self.rng_bits(op, &key, counter).map(Tensor::Registers)
    }

    fn rng_bits(&mut self, op: &RngBits, key: &Elements, counter: Reg) -> Option<Elements> {
        let key = [self.cast(*key.first()?, DType::U64), self.cast(*key.get(1)?, DType::U64)];
        let words = op.shape.elements() * op.dtype.size() / DType::U32.size();
        let mut stream: Vec<Reg> = Vec::new();
        for block in 0..words.div_ceil(op.algorithm.block_words() as usize) {
            let number = self.word(block as u64);
            let block = self.binary(BinaryFn::Add, counter, number, DType::U64);
            let halves = [self.low(block), self.high(block)];
            match op.algorithm {
                RngAlgorithm::Philox => stream.extend(self.philox(halves, key)),
                RngAlgorithm::Threefry => stream.extend(self.threefry(halves, key)),
            }
        }
        let elements = 0..op.shape.elements();
        Some(match op.dtype {
            DType::U32 => elements.map(|k| self.cast(stream[k], DType::U32)).collect(),
            _ => elements.map(|k| self.joined(stream[2 * k], stream[2 * k + 1])).collect(),
        })
    }

    fn word(&mut self, n: u64) -> Reg {
        self.constant(Scalar::U64(n))
    }

    fn op(&mut self, function: BinaryFn, x: Reg, y: Reg) -> Reg {
        self.binary(function, x, y, DType::U64)
    }

    fn low(&mut self, x: Reg) -> Reg {
        let mask = self.word(u32::MAX.into());
        self.op(BinaryFn::And, x, mask)
    }

    fn high(&mut self, x: Reg) -> Reg {
        let half = self.word(32);
        self.op(BinaryFn::ShrLogic, x, half)
    }

    fn joined(&mut self, low: Reg, high: Reg) -> Reg {
        let half = self.word(32);
        let high = self.op(BinaryFn::Shl, high, half);
        self.op(BinaryFn::Or, low, high)
    }

    /// A sum of words.
    fn sum(&mut self, x: Reg, y: Reg) -> Reg {
        let sum = self.op(BinaryFn::Add, x, y);
        self.low(sum)
    }

    fn rotated(&mut self, x: Reg, by: u32) -> Reg {
        let (left, right) = (self.word(by.into()), self.word(u64::from(32 - by)));
        let (left, right) = (self.op(BinaryFn::Shl, x, left), self.op(BinaryFn::ShrLogic, x, right));
        let both = self.op(BinaryFn::Or, left, right);
        self.low(both)
    }

    fn philox(&mut self, counter: [Reg; 2], mut key: [Reg; 2]) -> [Reg; 4] {
        let zero = self.word(0);
        let mut c = [counter[0], counter[1], zero, zero];
        for _ in 0..10 {
            let products = [0, 1].map(|k| {
                let factor = self.word(FACTORS[k].into());
                let product = self.op(BinaryFn::Mul, c[2 * k], factor);
                (self.high(product), self.low(product))
            });
            let [(high0, low0), (high1, low1)] = products;
            let (even, odd) = (self.op(BinaryFn::Xor, high1, c[1]), self.op(BinaryFn::Xor, high0, c[3]));
            c = [self.op(BinaryFn::Xor, even, key[0]), low1, self.op(BinaryFn::Xor, odd, key[1]), low0];
            key = [0, 1].map(|k| {
                let step = self.word(WEYL[k].into());
                self.sum(key[k], step)
            });
        }
        c
    }

    fn threefry(&mut self, counter: [Reg; 2], key: [Reg; 2]) -> [Reg; 2] {
        let parity = self.word(PARITY.into());
        let both = self.op(BinaryFn::Xor, key[0], key[1]);
        let keys = [key[0], key[1], self.op(BinaryFn::Xor, both, parity)];
        let (mut x, mut y) = (self.sum(counter[0], keys[0]), self.sum(counter[1], keys[1]));
        for group in 1..=5 {
            for rotation in ROTATIONS[(group - 1) % 2] {
                x = self.sum(x, y);
                let rotated = self.rotated(y, rotation);
                y = self.op(BinaryFn::Xor, rotated, x);
            }
            x = self.sum(x, keys[group % 3]);
            let (last, number) = (self.sum(y, keys[(group + 1) % 3]), self.word(group as u64));
            y = self.sum(last, number);
        }
        [x, y]
    }
}
