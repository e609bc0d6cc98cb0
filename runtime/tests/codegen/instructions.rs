//! Every instruction on every dtype that it takes, on all pairs of special values.

use tensorwright_compiler::kernel::*;
use tensorwright_ir::op::Random;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, UnaryFn};
use tensorwright_ir::{DType, Scalar};

use crate::harness::{bytes, check_on, moderate, sample, special};

/// Dtypes that instructions compute with.
fn computed() -> impl Iterator<Item = DType> {
    DType::REAL.into_iter().filter(|d| !matches!(d, DType::F16 | DType::BF16))
}

/// `out[i] = body(in0[i], in1[i], ..)`, the last instruction's value; operands are registers 0, 1 and so on.
pub(crate) fn map(n: u64, operands: &[DType], rest: Vec<Instr>, result: DType) -> Kernel {
    let param = |dtype, access| Param { dtype, len: n, access };
    let at = || Affine::var(Var::Dim(0));
    let loads = (0..operands.len()).map(|i| Instr::Load { buffer: Buffer::Param(i as u32), index: at() });
    let body: Vec<Instr> = loads.chain(rest).collect();
    let value = Reg(body.len() as u32 - 1);
    let store = Store { buffer: Buffer::Param(operands.len() as u32), index: at(), value };
    let stage = Loop { dims: vec![Extent::Fixed(n)], body, stores: vec![store], folded: 0, folds: vec![] };
    let params =
        operands.iter().map(|&d| param(d, Access::Read)).chain([param(result, Access::Write)]).collect();
    Kernel { params, locals: vec![], grid: vec![], stages: vec![TileStage::Loop(stage)] }
}

fn output(dtype: DType, n: usize) -> Vec<u8> {
    vec![0; n * dtype.size()]
}

/// All special values, then random bits.
fn singles(dtype: DType) -> Vec<Scalar> {
    let mut rng = Random::new(dtype.size() as u64);
    let mut values = special(dtype);
    values.extend((0..150).map(|_| Scalar::from_bits(dtype, rng.bits())));
    values
}

/// All pairs of special values, then random pairs.
fn pairs(dtype: DType) -> (Vec<Scalar>, Vec<Scalar>) {
    let special = special(dtype);
    let mut pairs: Vec<(Scalar, Scalar)> =
        special.iter().flat_map(|&x| special.iter().map(move |&y| (x, y))).collect();
    let mut rng = Random::new(7);
    pairs.extend(
        (0..200).map(|_| (Scalar::from_bits(dtype, rng.bits()), Scalar::from_bits(dtype, rng.bits()))),
    );
    pairs.into_iter().unzip()
}

fn check_singles(instr: Instr, from: DType, to: DType) {
    let values = singles(from);
    let n = values.len();
    check_on(&map(n as u64, &[from], vec![instr], to), &[bytes(values), output(to, n)]);
}

#[test]
fn unary_functions() {
    for &f in UnaryFn::ALL.iter().filter(|f| f.ulps() == 0) {
        for dtype in computed().filter(|&d| f.class().contains(d)) {
            let result = if f.is_predicate() { DType::Bool } else { dtype };
            check_singles(Instr::Unary(f, Reg(0)), dtype, result);
        }
    }
}

#[test]
fn binary_functions() {
    for &f in BinaryFn::ALL.iter().filter(|f| f.ulps() == 0 || **f == BinaryFn::Pow) {
        let exact = |d: &DType| f.class().contains(*d) && (f != BinaryFn::Pow || d.is_int());
        for dtype in computed().filter(exact) {
            let (x, y) = pairs(dtype);
            let n = x.len();
            let kernel = map(n as u64, &[dtype, dtype], vec![Instr::Binary(f, Reg(0), Reg(1))], dtype);
            check_on(&kernel, &[bytes(x), bytes(y), output(dtype, n)]);
        }
    }
}

#[test]
fn binary_functions_of_constants() {
    let functions = [
        BinaryFn::Maximum,
        BinaryFn::Minimum,
        BinaryFn::Shl,
        BinaryFn::ShrLogic,
        BinaryFn::ShrArith,
        BinaryFn::Div,
        BinaryFn::FloorMod,
        BinaryFn::Sub,
    ];
    for f in functions {
        for dtype in computed().filter(|&d| f.class().contains(d)) {
            let x = singles(dtype);
            for constant in special(dtype).into_iter().step_by(if dtype.is_float() { 3 } else { 2 }) {
                for (a, b) in [(Reg(0), Reg(1)), (Reg(1), Reg(0))] {
                    let body = vec![Instr::Const(constant), Instr::Binary(f, a, b)];
                    let kernel = map(x.len() as u64, &[dtype], body, dtype);
                    check_on(&kernel, &[bytes(x.clone()), output(dtype, x.len())]);
                }
            }
        }
    }
}

/// The values that decide how a maximum against a constant is emitted.
#[test]
fn maxima_against_special_constants() {
    for dtype in [DType::F32, DType::F64] {
        for constant in [0.0, -0.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for f in [BinaryFn::Maximum, BinaryFn::Minimum] {
                let x = singles(dtype);
                let body =
                    vec![Instr::Const(Scalar::from_f64(dtype, constant)), Instr::Binary(f, Reg(0), Reg(1))];
                let kernel = map(x.len() as u64, &[dtype], body, dtype);
                check_on(&kernel, &[bytes(x.clone()), output(dtype, x.len())]);
            }
        }
    }
}

/// A count that is one scalar for all lanes, but not a constant.
#[test]
fn shifts_by_a_loaded_scalar() {
    for dtype in computed().filter(|d| d.is_int()) {
        for f in [BinaryFn::Shl, BinaryFn::ShrLogic, BinaryFn::ShrArith] {
            for count in special(dtype).into_iter().step_by(4) {
                let x = singles(dtype);
                let mut kernel =
                    map(x.len() as u64, &[dtype, dtype], vec![Instr::Binary(f, Reg(0), Reg(1))], dtype);
                kernel.params[1].len = 1;
                if let TileStage::Loop(body) = &mut kernel.stages[0] {
                    body.body[1] = Instr::Load { buffer: Buffer::Param(1), index: Affine::constant(0) };
                }
                check_on(&kernel, &[bytes(x.clone()), bytes([count]), output(dtype, x.len())]);
            }
        }
    }
}

#[test]
fn comparisons() {
    for &f in CompareFn::ALL {
        for dtype in computed() {
            let (x, y) = pairs(dtype);
            let n = x.len();
            let kernel = map(n as u64, &[dtype, dtype], vec![Instr::Compare(f, Reg(0), Reg(1))], DType::Bool);
            check_on(&kernel, &[bytes(x), bytes(y), output(DType::Bool, n)]);
        }
    }
}

#[test]
fn casts() {
    for from in DType::REAL {
        for to in DType::REAL {
            check_singles(Instr::Cast(to, Reg(0)), from, to);
        }
    }
}

/// All values of the 16-bit floats there and back.
#[test]
fn short_floats_exhaustively() {
    for dtype in [DType::F16, DType::BF16] {
        let all: Vec<Scalar> = (0..=u16::MAX).map(|bits| Scalar::from_bits(dtype, u64::from(bits))).collect();
        let n = all.len();
        let kernel = map(n as u64, &[dtype], vec![Instr::Cast(DType::F32, Reg(0))], DType::F32);
        check_on(&kernel, &[bytes(all.clone()), output(DType::F32, n)]);
        // Each value, and what lies just above, just below and half way to the next one.
        let wide = all.iter().flat_map(|x| {
            let bits = x.cast(DType::F32).bits();
            let half = if dtype == DType::F16 { 1 << 12 } else { 1 << 15 };
            [0, 1, half, half - 1, half + 1]
                .map(|more| Scalar::from_bits(DType::F32, bits.wrapping_add(more)))
        });
        let wide: Vec<Scalar> = wide.collect();
        let n = wide.len();
        let kernel = map(n as u64, &[DType::F32], vec![Instr::Cast(dtype, Reg(0))], dtype);
        check_on(&kernel, &[bytes(wide), output(dtype, n)]);
    }
}

#[test]
fn bitcasts() {
    let pairs = [
        (DType::F32, DType::I32),
        (DType::U32, DType::F32),
        (DType::F64, DType::U64),
        (DType::I64, DType::F64),
        (DType::F16, DType::I16),
        (DType::BF16, DType::F16),
        (DType::I8, DType::U8),
    ];
    pairs.into_iter().for_each(|(from, to)| check_singles(Instr::Bitcast(to, Reg(0)), from, to));
}

#[test]
fn selects() {
    for dtype in DType::REAL {
        let n = 101;
        let mut rng = Random::new(3);
        let kernel = map(n, &[DType::Bool, dtype, dtype], vec![Instr::Select(Reg(0), Reg(1), Reg(2))], dtype);
        let params = [DType::Bool, dtype, dtype].map(|d| sample(d, n, &mut rng));
        check_on(&kernel, &[params.to_vec(), vec![output(dtype, n as usize)]].concat());
    }
}

/// A comparison of one dtype that chooses between values of another.
#[test]
fn selects_by_comparisons() {
    for of in computed() {
        for dtype in DType::REAL {
            let n = 77;
            let mut rng = Random::new(5);
            let operands = [of, of, dtype, dtype];
            let body =
                vec![Instr::Compare(CompareFn::Lt, Reg(0), Reg(1)), Instr::Select(Reg(4), Reg(2), Reg(3))];
            let mut params = operands.map(|d| sample(d, n, &mut rng)).to_vec();
            params.push(output(dtype, n as usize));
            check_on(&map(n, &operands, body, dtype), &params);
        }
    }
}

/// Masks of different widths meet.
#[test]
fn bools_of_different_origins() {
    for (x, y) in
        [(DType::F32, DType::F64), (DType::F64, DType::I8), (DType::I16, DType::F32), (DType::U8, DType::U64)]
    {
        for f in [BinaryFn::And, BinaryFn::Or, BinaryFn::Xor, BinaryFn::Maximum, BinaryFn::Minimum] {
            let n = 61;
            let mut rng = Random::new(11);
            let operands = [x, x, y, y, DType::Bool];
            let body = vec![
                Instr::Compare(CompareFn::Lt, Reg(0), Reg(1)),
                Instr::Compare(CompareFn::Ge, Reg(2), Reg(3)),
                Instr::Binary(f, Reg(5), Reg(6)),
                Instr::Binary(f, Reg(4), Reg(7)),
                Instr::Unary(UnaryFn::Not, Reg(8)),
            ];
            let mut params = operands.map(|d| sample(d, n, &mut rng)).to_vec();
            params.push(output(DType::Bool, n as usize));
            check_on(&map(n, &operands, body, DType::Bool), &params);
        }
    }
}

#[test]
fn fused_multiply_add() {
    for dtype in [DType::F32, DType::F64] {
        let n = 999;
        let mut rng = Random::new(13);
        let kernel = map(n, &[dtype; 3], vec![Instr::Fma(Reg(0), Reg(1), Reg(2))], dtype);
        let mut params = [dtype; 3].map(|d| sample(d, n, &mut rng)).to_vec();
        params.push(output(dtype, n as usize));
        check_on(&kernel, &params);
    }
}

/// A product and a sum stay two operations.
#[test]
fn multiply_and_add_is_not_contracted() {
    let (n, dtype) = (999, DType::F32);
    let mut rng = Random::new(17);
    let body =
        vec![Instr::Binary(BinaryFn::Mul, Reg(0), Reg(1)), Instr::Binary(BinaryFn::Add, Reg(3), Reg(2))];
    let mut params = [dtype; 3].map(|d| moderate(d, n, &mut rng)).to_vec();
    params.push(output(dtype, n as usize));
    check_on(&map(n, &[dtype; 3], body, dtype), &params);
}

#[test]
fn transcendental_functions() {
    let mut rng = Random::new(19);
    for dtype in [DType::F32, DType::F64] {
        let n = 203;
        let x = moderate(dtype, n, &mut rng);
        for &f in UnaryFn::ALL.iter().filter(|f| f.ulps() > 0 && supported(f.name())) {
            let kernel = map(n, &[dtype], vec![Instr::Unary(f, Reg(0))], dtype);
            check_on(&kernel, &[x.clone(), output(dtype, n as usize)]);
        }
    }
}

/// Whether vector math has the function; rsqrt needs none.
fn supported(name: &str) -> bool {
    name == "rsqrt" || tensorwright_compiler::math::MathFn::ALL.iter().any(|f| f.name() == name)
}

#[test]
fn indices() {
    for dtype in computed().filter(|d| d.is_number()) {
        for (offset, step) in [(0, 1), (5, 3), (-7, -2), (1 << 33, 1 << 31), (3, 0)] {
            let index = Affine::constant(offset).plus(Var::Dim(0), step);
            check_on(&map(77, &[], vec![Instr::Index { dtype, index }], dtype), &[output(dtype, 77)]);
        }
    }
}

#[test]
fn constants() {
    for dtype in DType::REAL {
        for constant in special(dtype).into_iter().step_by(5) {
            check_on(&map(37, &[], vec![Instr::Const(constant)], dtype), &[output(dtype, 37)]);
        }
    }
}
