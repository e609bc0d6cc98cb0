//! Compiled kernels do what they say.

use tensorwright_compiler::kernel::*;
use tensorwright_ir::op::primitive::{BinaryFn, ReduceKind, UnaryFn};
use tensorwright_ir::{DType, Scalar};
use tensorwright_runtime::jit;

fn param(dtype: DType, len: u64, access: Access) -> Param {
    Param { dtype, len, access }
}

#[test]
fn scale_and_shift() {
    let n = 1003;
    let at = || Affine::var(Var::Grid(0)).plus(Var::Dim(0), 1);
    let kernel = Kernel {
        params: vec![param(DType::F32, n, Access::Read), param(DType::F32, n, Access::Write)],
        locals: vec![],
        grid: vec![GridDim { extent: n, tile: 100 }],
        stages: vec![Stage::Loop(Loop {
            dims: vec![Extent::Tile(0)],
            body: vec![
                Instr::Load { buffer: Buffer::Param(0), index: at() },
                Instr::Const(Scalar::F32(2.0)),
                Instr::Binary(BinaryFn::Mul, Reg(0), Reg(1)),
                Instr::Const(Scalar::F32(1.0)),
                Instr::Binary(BinaryFn::Add, Reg(2), Reg(3)),
            ],
            stores: vec![Store { buffer: Buffer::Param(1), index: at(), value: Reg(4) }],
            folded: 0,
            folds: vec![],
        })],
    };
    let x: Vec<f32> = (0..n).map(|i| i as f32 * 0.5).collect();
    let mut y = vec![0f32; n as usize];
    let listing = jit::listing(&kernel).unwrap();
    println!("{}\n{}", listing.clif, listing.assembly);
    let code = jit::compile_kernel(&kernel).unwrap();
    let params = [x.as_ptr() as *mut u8, y.as_mut_ptr() as *mut u8];
    // SAFETY: params as declared, no scratch.
    unsafe { code.run(params.as_ptr(), std::ptr::null_mut(), 0, kernel.tiles()) };
    assert!(x.iter().zip(&y).all(|(x, y)| x * 2.0 + 1.0 == *y));
}

#[test]
fn row_maxima() {
    let (rows, n) = (5u64, 1003u64);
    let kernel = Kernel {
        params: vec![param(DType::F32, rows * n, Access::Read), param(DType::F32, rows, Access::Write)],
        locals: vec![Local { dtype: DType::F32, len: n }],
        grid: vec![GridDim { extent: rows, tile: 1 }],
        stages: vec![
            Stage::Loop(Loop {
                dims: vec![Extent::Fixed(n)],
                body: vec![
                    Instr::Load {
                        buffer: Buffer::Param(0),
                        index: Affine::var(Var::Dim(0)).plus(Var::Grid(0), n as i64),
                    },
                    Instr::Unary(UnaryFn::Neg, Reg(0)),
                ],
                stores: vec![Store {
                    buffer: Buffer::Local(0),
                    index: Affine::var(Var::Dim(0)),
                    value: Reg(1),
                }],
                folded: 0,
                folds: vec![],
            }),
            Stage::Loop(Loop {
                dims: vec![Extent::Fixed(n)],
                body: vec![Instr::Load { buffer: Buffer::Local(0), index: Affine::var(Var::Dim(0)) }],
                stores: vec![],
                folded: 1,
                folds: vec![Fold {
                    kind: ReduceKind::Max,
                    value: Reg(0),
                    buffer: Buffer::Param(1),
                    index: Affine::var(Var::Grid(0)),
                }],
            }),
        ],
    };
    let x: Vec<f32> = (0..rows * n).map(|i| ((i * 7919) % 4001) as f32 - 2000.0).collect();
    let mut y = vec![0f32; rows as usize];
    let mut scratch = vec![0u128; kernel.scratch_bytes() / 16 + 4];
    let code = jit::compile_kernel(&kernel).unwrap();
    let params = [x.as_ptr() as *mut u8, y.as_mut_ptr() as *mut u8];
    // SAFETY: params as declared; the scratch is large enough.
    unsafe { code.run(params.as_ptr(), scratch.as_mut_ptr().cast(), 0, kernel.tiles()) };
    for (row, y) in x.chunks(n as usize).zip(&y) {
        assert_eq!(row.iter().fold(f32::NEG_INFINITY, |m, &x| m.max(-x)), *y);
    }
}
