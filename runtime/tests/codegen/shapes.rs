//! Loops of all lengths around the vector widths, strides, tiles that are partial, folds.

use tensorwright_compiler::kernel::*;
use tensorwright_ir::DType;
use tensorwright_ir::op::Random;
use tensorwright_ir::op::primitive::{BinaryFn, ReduceKind, UnaryFn};

use crate::harness::{check, check_on, moderate};
use crate::instructions::map;

const LENGTHS: [u64; 18] = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 130];

fn twice(dtype: DType) -> Vec<Instr> {
    vec![match dtype {
        DType::Bool => Instr::Unary(UnaryFn::Not, Reg(0)),
        DType::F16 | DType::BF16 => Instr::Cast(dtype, Reg(0)),
        _ => Instr::Binary(BinaryFn::Add, Reg(0), Reg(0)),
    }]
}

#[test]
fn lengths() {
    for dtype in DType::REAL {
        LENGTHS.into_iter().for_each(|n| check(&map(n, &[dtype], twice(dtype), dtype), n));
    }
}

#[test]
fn no_iterations() {
    let mut kernel = map(5, &[DType::F32], twice(DType::F32), DType::F32);
    if let TileStage::Loop(body) = &mut kernel.stages[0] {
        body.dims = vec![Extent::Fixed(3), Extent::Fixed(0)];
    }
    check(&kernel, 1);
}

/// A kernel with a load stride and a store stride; offsets make negative ones end at the beginning.
fn strided(dtype: DType, n: u64, load: i64, store: i64) -> Kernel {
    let index = |stride: i64| {
        let first = if stride < 0 { -stride * (n as i64 - 1) } else { 0 };
        Affine::constant(first).plus(Var::Dim(0), stride)
    };
    let len = |stride: i64| stride.unsigned_abs() * (n - 1) + 1;
    let mut kernel = map(n, &[dtype], twice(dtype), dtype);
    kernel.params[0].len = len(load);
    kernel.params[1] = Param { len: len(store), access: Access::ReadWrite, ..kernel.params[1] };
    if let TileStage::Loop(body) = &mut kernel.stages[0] {
        body.body[0] = Instr::Load { buffer: Buffer::Param(0), index: index(load) };
        body.stores[0].index = index(store);
    }
    kernel
}

#[test]
fn strides() {
    for dtype in DType::REAL {
        for load in [0, 1, -1, 2, -2, 3, 17] {
            for store in [1, -1, 2, -3] {
                for n in [3, 16, 37, 70] {
                    check(&strided(dtype, n, load, store), n);
                }
            }
        }
    }
}

/// A grid of partial tiles in two dimensions; what is read is transposed.
#[test]
fn tiles() {
    for (rows, columns, tile_rows, tile_columns) in
        [(7, 9, 2, 4), (8, 64, 3, 16), (1, 70, 1, 64), (33, 5, 8, 5), (16, 16, 16, 16)]
    {
        let (r, c) =
            (Affine::var(Var::Grid(0)).plus(Var::Dim(0), 1), Affine::var(Var::Grid(1)).plus(Var::Dim(1), 1));
        let at = |row: i64, column: i64| r.scaled(row).added(&c.scaled(column));
        for dtype in [DType::F32, DType::I8, DType::F64] {
            let param = |access| Param { dtype, len: (rows * columns) as u64, access };
            let load = Instr::Load { buffer: Buffer::Param(0), index: at(1, rows) };
            let mut body = vec![load];
            body.extend(twice(dtype));
            let store = Store { buffer: Buffer::Param(1), index: at(columns, 1), value: Reg(1) };
            let dims = vec![Extent::Tile(0), Extent::Tile(1)];
            let stage = Loop { dims, body, stores: vec![store], folded: 0, folds: vec![] };
            let grid = |extent: i64, tile: u64| GridDim { extent: extent as u64, tile };
            let kernel = Kernel {
                params: vec![param(Access::Read), param(Access::Write)],
                locals: vec![],
                grid: vec![grid(rows, tile_rows), grid(columns, tile_columns)],
                stages: vec![TileStage::Loop(stage)],
            };
            check(&kernel, 5);
        }
    }
}

/// `out[g] = fold of in[g, ..]` along dims of these lengths.
fn fold(kind: ReduceKind, dtype: DType, rows: u64, lengths: &[u64]) -> Kernel {
    let row: u64 = lengths.iter().product();
    let mut index = Affine::default().plus(Var::Grid(0), row as i64);
    let mut stride = row as i64;
    for (d, &n) in lengths.iter().enumerate() {
        stride /= n.max(1) as i64;
        index = index.plus(Var::Dim(d as u32), stride);
    }
    let stage = Loop {
        dims: lengths.iter().map(|&n| Extent::Fixed(n)).collect(),
        body: vec![Instr::Load { buffer: Buffer::Param(0), index }],
        stores: vec![],
        folded: lengths.len() as u32,
        folds: vec![Fold { kind, value: Reg(0), buffer: Buffer::Param(1), index: Affine::var(Var::Grid(0)) }],
    };
    Kernel {
        params: vec![
            Param { dtype, len: rows * row, access: Access::Read },
            Param { dtype, len: rows, access: Access::Write },
        ],
        locals: vec![],
        grid: vec![GridDim { extent: rows, tile: 1 }],
        stages: vec![TileStage::Loop(stage)],
    }
}

fn folded() -> impl Iterator<Item = (ReduceKind, DType)> {
    let computed = |d: &DType| !matches!(d, DType::F16 | DType::BF16);
    ReduceKind::ALL
        .iter()
        .flat_map(move |&kind| kind.class().members().filter(computed).map(move |dtype| (kind, dtype)))
}

#[test]
fn folds() {
    for (kind, dtype) in folded() {
        for n in LENGTHS {
            let kernel = fold(kind, dtype, 3, &[n]);
            check(&kernel, n);
            let mut rng = Random::new(n);
            check_on(&kernel, &[moderate(dtype, 3 * n, &mut rng), vec![0; 3 * dtype.size()]]);
        }
    }
}

#[test]
fn folds_of_nothing() {
    folded().for_each(|(kind, dtype)| check(&fold(kind, dtype, 2, &[0]), 1));
}

#[test]
fn folds_along_several_dims() {
    for (kind, dtype) in folded() {
        for lengths in [&[2, 3][..], &[3, 17], &[5, 64], &[2, 3, 21], &[4, 1], &[1, 35]] {
            check(&fold(kind, dtype, 2, lengths), 9);
        }
    }
}

/// The innermost loop is as long as the tile, which in the last one is shorter.
#[test]
fn folds_over_partial_tiles() {
    for (kind, dtype) in folded() {
        for (extent, tile) in [(70u64, 64u64), (33, 16), (10, 4), (100, 99), (5, 3)] {
            let index = Affine::var(Var::Grid(0)).plus(Var::Dim(0), 1);
            let tiles = extent.div_ceil(tile);
            let mut kernel = fold(kind, dtype, 1, &[extent]);
            kernel.grid = vec![GridDim { extent, tile }];
            // One result per tile, in scratch first, then in the place of the tile's first index.
            kernel.locals = vec![Local { dtype, len: 1 }];
            kernel.params[1].len = tiles * tile;
            if let TileStage::Loop(body) = &mut kernel.stages[0] {
                body.dims = vec![Extent::Tile(0)];
                body.body[0] = Instr::Load { buffer: Buffer::Param(0), index };
                body.folds[0].buffer = Buffer::Local(0);
                body.folds[0].index = Affine::constant(0);
            }
            kernel.params[1].access = Access::ReadWrite;
            kernel.stages.push(TileStage::Loop(Loop {
                dims: vec![],
                body: vec![Instr::Load { buffer: Buffer::Local(0), index: Affine::constant(0) }],
                stores: vec![Store {
                    buffer: Buffer::Param(1),
                    index: Affine::var(Var::Grid(0)),
                    value: Reg(0),
                }],
                folded: 0,
                folds: vec![],
            }));
            check(&kernel, 21);
        }
    }
}

/// Several folds of one loop, of dtypes of different widths.
#[test]
fn folds_of_different_widths() {
    for (small, wide) in [
        (DType::I8, DType::F64),
        (DType::F32, DType::F64),
        (DType::U16, DType::F32),
        (DType::Bool, DType::F32),
    ] {
        for n in [5, 16, 40, 131] {
            let at = Affine::var(Var::Dim(0));
            let narrow = if small == DType::Bool { ReduceKind::Any } else { ReduceKind::Sum };
            let store =
                |kind, value, i| Fold { kind, value, buffer: Buffer::Param(i), index: Affine::constant(0) };
            let body = vec![
                Instr::Load { buffer: Buffer::Param(0), index: at.clone() },
                Instr::Cast(wide, Reg(0)),
                Instr::Load { buffer: Buffer::Param(1), index: at },
                Instr::Binary(BinaryFn::Mul, Reg(1), Reg(2)),
            ];
            let folds = vec![
                store(narrow, Reg(0), 2),
                store(ReduceKind::Sum, Reg(3), 3),
                store(ReduceKind::Max, Reg(2), 4),
            ];
            let stage = Loop { dims: vec![Extent::Fixed(n)], body, stores: vec![], folded: 1, folds };
            let param = |dtype, len, access| Param { dtype, len, access };
            let params = vec![
                param(small, n, Access::Read),
                param(wide, n, Access::Read),
                param(small, 1, Access::Write),
                param(wide, 1, Access::Write),
                param(wide, 1, Access::Write),
            ];
            let kernel =
                Kernel { params, locals: vec![], grid: vec![], stages: vec![TileStage::Loop(stage)] };
            let mut rng = Random::new(n);
            let mut data = vec![moderate(small, n, &mut rng), moderate(wide, n, &mut rng)];
            data.extend([small, wide, wide].map(|d| vec![0; d.size()]));
            check_on(&kernel, &data);
        }
    }
}

/// Where the sign of a zero or a NaN decides: elements of few values, some of which are everywhere or nowhere.
#[test]
fn extremes_of_zeros_and_nans() {
    let sets: [&[f64]; 7] = [
        &[-0.0],
        &[0.0],
        &[-0.0, 0.0],
        &[-0.0, -1.0],
        &[0.0, 1.0, -0.0],
        &[0.0, -1.0, -0.0, -3.0],
        &[f64::NAN, 0.0, -0.0, 0.0, -0.0, 1.0, -0.0, -1.0, -0.0, 0.0, 0.0, -0.0, -0.0],
    ];
    for dtype in [DType::F32, DType::F64] {
        for kind in [ReduceKind::Max, ReduceKind::Min] {
            for lengths in [&[1][..], &[3], &[8], &[23], &[70], &[130], &[3, 37], &[2, 64]] {
                for (seed, set) in sets.iter().enumerate() {
                    let kernel = fold(kind, dtype, 6, lengths);
                    let mut rng = Random::new(seed as u64);
                    let n = kernel.params[0].len;
                    let x =
                        (0..n).map(|_| tensorwright_ir::Scalar::from_f64(dtype, set[rng.below(set.len())]));
                    check_on(&kernel, &[crate::harness::bytes(x), vec![0; 6 * dtype.size()]]);
                }
            }
        }
    }
}

/// Copies of `rows x columns` elements that turn rows into columns, inside an outer loop.
fn turning(dtype: DType, rows: u64, columns: u64) -> Kernel {
    let elements = rows * columns;
    let read = Affine::default()
        .plus(Var::Dim(0), elements as i64)
        .plus(Var::Dim(1), columns as i64)
        .plus(Var::Dim(2), 1);
    let written = Affine::default()
        .plus(Var::Dim(0), elements as i64)
        .plus(Var::Dim(1), 1)
        .plus(Var::Dim(2), rows as i64);
    let param = |access| Param { dtype, len: 2 * elements, access };
    let (load, store) = (Buffer::Param(0), Buffer::Param(1));
    Kernel {
        params: vec![param(Access::Read), param(Access::Write)],
        locals: vec![],
        grid: vec![],
        stages: vec![TileStage::Loop(Loop {
            dims: vec![Extent::Fixed(2), Extent::Fixed(rows), Extent::Fixed(columns)],
            body: vec![Instr::Load { buffer: load, index: read }],
            stores: vec![Store { buffer: store, index: written, value: Reg(0) }],
            folded: 0,
            folds: vec![],
        })],
    }
}

#[test]
fn copies_that_turn_rows_into_columns() {
    for dtype in DType::REAL {
        for (rows, columns) in
            [(1, 1), (1, 40), (40, 1), (3, 5), (4, 4), (16, 16), (17, 33), (35, 18), (64, 64)]
        {
            check(&turning(dtype, rows, columns), rows * columns);
        }
    }
}
