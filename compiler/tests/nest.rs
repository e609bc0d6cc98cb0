//! Nests: what they say in small cases, that they mean what their kernel means whatever the machine, and for each rule of the
//! verifier a nest that breaks it.

use std::path::Path;

use tensorwright_compiler::kernel::{self, Kernel, Reg};
use tensorwright_compiler::nest::{
    self, Edge, Entry, FoldOrder, FusedMultiplyAdd, Import, Joining, LoopNest, Machine, NestProgram,
    NestStage, Section, Splat, Variation, Vectors, Work,
};

/// Machines that have little in common.
const MACHINES: [Machine; 5] = [
    Machine::SIMD128,
    Machine::SCALAR,
    Machine { vectors: Vectors::Bytes(32), fma: FusedMultiplyAdd::Instruction },
    Machine { vectors: Vectors::Bytes(64), fma: FusedMultiplyAdd::Instruction },
    Machine { vectors: Vectors::Bytes(16), fma: FusedMultiplyAdd::Call },
];

fn parse(text: &str) -> Kernel {
    text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn files() -> Vec<(String, Kernel)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/tests/codegen/kernels");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|p| (p.display().to_string(), parse(&std::fs::read_to_string(p).unwrap()))).collect()
}

/// Bytes that are ordinary numbers as floats of any width.
fn memory(kernel: &Kernel) -> Vec<Vec<u8>> {
    let bytes = |param: &kernel::Param| {
        let values = (0..param.len).map(|i| {
            let number = ((i * 37 + 11) % 101) as f64 / 8.0 - 5.0;
            tensorwright_ir::Scalar::from_f64(param.dtype, number).bits()
        });
        values.flat_map(|bits| bits.to_le_bytes().into_iter().take(param.dtype.size())).collect()
    };
    kernel.params.iter().map(bytes).collect()
}

#[test]
fn nests_mean_what_their_kernel_means() {
    for (name, kernel) in files() {
        let mut expected = memory(&kernel);
        kernel::interpret(&kernel, &mut expected, 0, kernel.tiles()).unwrap();
        for machine in MACHINES {
            let program = nest::lower(&kernel, machine).unwrap();
            nest::verify(&program).unwrap_or_else(|e| panic!("{name}: {e}\n{program}"));
            let mut got = memory(&kernel);
            nest::interpret::interpret(&program, &mut got, 0, kernel.tiles()).unwrap();
            assert_eq!(got, expected, "{name}\n{program}");
        }
    }
}

#[test]
fn a_machine_without_vectors_has_accumulators_for_each_partial() {
    let kernel = parse(FOLD);
    let program = nest::lower(&kernel, Machine::SCALAR).unwrap();
    let text = program.to_string();
    assert!(text.contains("f0 = sum of 16 partials of 4 bytes in 16 registers, fixed order"), "{text}");
    assert!(text.contains("16 x 1 lanes: 0..96"), "{text}");
    assert!(!text.contains("splat"), "{text}");
}

#[test]
fn without_an_instruction_fused_multiply_adds_are_not_unrolled() {
    let text = "kernel { param p0: read f32[64] param p1: write f32[64] loop d0 < 64 {
        r0 = load p0[d0] r1 = fma r0 r0 r0 store p1[d0] = r1 } }";
    let kernel = parse(text);
    let sections = |fma| {
        let machine = Machine { vectors: Vectors::Bytes(16), fma };
        let program = nest::lower(&kernel, machine).unwrap();
        nests(&program)[0].sections().to_vec()
    };
    let unroll = |sections: &[Section]| match sections[0] {
        Section::Blocks { unroll, .. } => unroll,
        _ => 0,
    };
    assert_eq!(unroll(&sections(FusedMultiplyAdd::Instruction)), 4);
    assert_eq!(unroll(&sections(FusedMultiplyAdd::Call)), 1);
}

/// A map with an invariant, an index, and a loop whose length depends on the tile.
const MAP: &str = "kernel {
  param p0: read f32[90]
  param p1: write f32[90]
  grid g0: 30 by 16
  loop d0 < 3, d1 < tile g0 {
    r0 = load p0[30*d0 + g0 + d1]
    r1 = load p0[30*d0]
    r2 = index f32 [d1]
    r3 = add r1 r2
    r4 = mul r0 r3
    store p1[30*d0 + g0 + d1] = r4
  }
}
";

const FOLD: &str = "kernel {
  param p0: read f32[1000]
  param p1: write f32[10]
  param p2: write f32[10]
  loop d0 < 10 fold d1 < 100 {
    r0 = load p0[100*d0 + d1]
    fold sum p1[d0] = r0
    fold max p2[d0] = r0
  }
}
";

const TRANSPOSE: &str = "kernel {
  param p0: read f32[300]
  param p1: write f32[300]
  loop d0 < 20, d1 < 15 {
    r0 = load p0[15*d0 + d1]
    store p1[d0 + 20*d1] = r0
  }
}
";

/// A power that each point computes by itself.
const REPEAT: &str = "kernel {
  param p0: read f32[64]
  param p1: read i32[1]
  param p2: write f32[64]
  loop d0 < 64 {
    r0 = load p0[d0]
    r1 = load p1[0]
    r2 = const i32 0
    r3 = const i32 1
    r4 = loop
    r5 = state r2
    r6 = state r0
    r7 = lt r5 r1
    r8 = while r7
    r9 = add r5 r3
    r10 = mul r6 r0
    r11 = repeat r9 r10
    store p2[d0] = r6
  }
}
";

/// Cells that are stored as the points go along.
const CELLS: &str = "kernel {
  param p0: readwrite i64[8]
  param p1: read i64[4]
  loop d0 < 4, d1 < 1 {
    r0 = load p1[d0]
    r1 = const i64 0
    r2 = const i64 7
    r3 = maximum r0 r1
    r4 = minimum r3 r2
    r5 = load p0[0] at r4 of 8
    r6 = store p0[0] at r0 of 8 = r5
    r7 = load p0[3]
    store p0[0] = r7
  }
}
";

fn nests<'p, 'k>(program: &'p NestProgram<'k>) -> Vec<&'p LoopNest<'k>> {
    let nest = |stage: &'p NestStage<'k>| match stage {
        NestStage::Nest(nest) => Some(&**nest),
        NestStage::Strip(_) => None,
    };
    program.stages.iter().filter_map(nest).collect()
}

/// Changes the only nest of a kernel, which is valid before, and expects the rule to be broken.
fn breaks(rule: u32, text: &str, change: impl FnOnce(&mut LoopNest<'_>)) {
    let kernel = parse(text);
    let mut program = nest::lower(&kernel, Machine::SIMD128).unwrap();
    nest::verify(&program).unwrap_or_else(|e| panic!("{e}\n{program}"));
    let Some(NestStage::Nest(nest)) = program.stages.first_mut() else { panic!("{program}") };
    change(nest);
    let broken = nest::verify(&program).err().map_or_else(Vec::new, |invalid| invalid.violations);
    assert!(broken.iter().any(|v| v.rule == rule), "{broken:?}\n{program}");
}

fn change_sections(nest: &mut LoopNest<'_>, change: impl FnOnce(&mut Vec<Section>)) {
    match &mut nest.work {
        Work::Map(map) => change(&mut map.sections),
        Work::Fold(fold) => change(&mut fold.sections),
        work => panic!("{work:?}"),
    }
}

#[test]
fn instructions_are_evaluated_once() {
    breaks(1, MAP, |nest| nest.scalars[1].clear());
    breaks(1, MAP, |nest| nest.body.push(Reg(0)));
    breaks(1, MAP, |nest| nest.scalars[0].push(Reg(0)));
}

#[test]
fn operands_are_known() {
    breaks(2, MAP, |nest| nest.values[4].variation = Variation::Invariant(1));
    breaks(2, MAP, |nest| nest.values[0].variation = Variation::Unused);
}

#[test]
fn what_is_made_of_varying_values_varies() {
    breaks(3, MAP, |nest| nest.values[4].variation = Variation::Uniform);
    breaks(3, REPEAT, |nest| nest.values[7].variation = Variation::Varying);
}

#[test]
fn loads_are_not_hoisted_too_far() {
    breaks(4, MAP, |nest| nest.values[1].variation = Variation::Invariant(0));
    let running =
        MAP.replace("param p1: write", "param p1: readwrite").replace("load p0[30*d0]", "load p1[0]");
    if let Ok(kernel) = running.parse::<Kernel>()
        && kernel::verify(&kernel).is_ok()
    {
        breaks(4, &running, |nest| nest.values[1].variation = Variation::Invariant(0));
    }
}

#[test]
fn stores_in_a_body_keep_their_place() {
    let places = |nest: &mut LoopNest<'_>| {
        assert!(nest.values[5].in_range && !nest.values[6].in_range);
        assert_eq!(nest.variation(Reg(7)), Variation::Uniform);
    };
    breaks(4, CELLS, |nest| {
        places(nest);
        nest.values[7].variation = Variation::Invariant(1);
    });
    breaks(1, CELLS, |nest| nest.body.retain(|&reg| reg != Reg(6)));
    breaks(5, CELLS, |nest| nest.values[6].access.as_mut().unwrap().displacement = 8);
    breaks(14, CELLS, |nest| nest.values[6].in_range = true);
}

#[test]
fn accesses_are_those_of_the_source() {
    let shifted = |nest: &mut LoopNest<'_>| nest.values[0].access.as_mut().unwrap().displacement += 4;
    breaks(5, MAP, shifted);
    breaks(5, MAP, |nest| nest.values[0].access.as_mut().unwrap().stride = 2);
    breaks(5, MAP, |nest| nest.values[0].access.as_mut().unwrap().address = 9);
    breaks(5, FOLD, |nest| nest.addresses[0].index.offset = 1);
}

#[test]
fn sections_cover_the_loop_once() {
    breaks(6, MAP, |nest| change_sections(nest, |sections| _ = sections.pop()));
    breaks(6, MAP, |nest| change_sections(nest, |sections| sections.swap(0, 1)));
    breaks(6, MAP, |nest| {
        change_sections(nest, |sections| sections.insert(0, Section::LastBlock { lanes: 4 }))
    });
    // Additions are not idempotent.
    breaks(6, FOLD, |nest| {
        change_sections(nest, |sections| {
            sections.pop();
            sections.push(Section::LastBlock { lanes: 4 });
        });
    });
}

#[test]
fn sections_are_whole_iterations() {
    let entered = |section: &mut Section| {
        if let Section::Blocks { range, .. } = section {
            (range.to, range.entry) = (Edge::At(0), Entry::Always);
        }
    };
    breaks(7, MAP, |nest| change_sections(nest, |sections| entered(&mut sections[0])));
    let longer = |section: &mut Section| {
        if let Section::Blocks { range, .. } = section {
            range.to = Edge::At(7);
        }
    };
    breaks(7, FOLD, |nest| change_sections(nest, |sections| longer(&mut sections[0])));
}

#[test]
fn lanes_fit_the_machine() {
    let odd = |section: &mut Section| {
        if let Section::Blocks { lanes, .. } = section {
            *lanes = 3;
        }
    };
    breaks(8, MAP, |nest| change_sections(nest, |sections| odd(&mut sections[0])));
    for text in [MAP, TRANSPOSE] {
        let kernel = parse(text);
        let mut program = nest::lower(&kernel, Machine::SIMD128).unwrap();
        program.machine = Machine::SCALAR;
        let broken = nest::verify(&program).unwrap_err().violations;
        assert!(broken.iter().any(|v| v.rule == 8), "{broken:?}");
    }
}

#[test]
fn invariants_are_splat() {
    breaks(9, MAP, |nest| nest.splats.clear());
    breaks(9, MAP, |nest| nest.splats.push(Splat { value: Reg(0), width: 4 }));
    breaks(9, MAP, |nest| nest.index_bases.clear());
}

#[test]
fn accumulators_keep_the_order() {
    let change = |nest: &mut LoopNest<'_>, change: &dyn Fn(&mut nest::Accumulator)| {
        if let Work::Fold(fold) = &mut nest.work {
            change(&mut fold.accumulators[0]);
        }
    };
    breaks(10, FOLD, |nest| change(nest, &|a| a.order = FoldOrder::Free));
    breaks(10, FOLD, |nest| change(nest, &|a| a.registers = 3));
    breaks(10, FOLD, |nest| change(nest, &|a| (a.partials, a.registers) = (8, 2)));
    let halved = |section: &mut Section| {
        if let Section::Blocks { unroll, .. } = section {
            *unroll /= 2;
        }
    };
    breaks(10, FOLD, |nest| change_sections(nest, |sections| halved(&mut sections[0])));
    breaks(11, FOLD, |nest| change(nest, &|a| a.joining = Joining::Mended));
}

#[test]
fn transposed_copies_exchange_rows_and_columns() {
    let change = |nest: &mut LoopNest<'_>, change: &dyn Fn(&mut nest::TransposedCopy)| {
        if let Work::Transpose(copy) = &mut nest.work {
            change(copy);
        }
    };
    breaks(12, TRANSPOSE, |nest| change(nest, &|copy| copy.load_row = 4));
    breaks(12, TRANSPOSE, |nest| change(nest, &|copy| copy.block = 8));
    breaks(5, TRANSPOSE, |nest| change(nest, &|copy| copy.store.stride = 1));
}

#[test]
fn imports_are_what_is_called() {
    let kernel = parse(MAP);
    let mut program = nest::lower(&kernel, Machine::SIMD128).unwrap();
    program.imports.push(Import::FmodF32);
    let broken = nest::verify(&program).unwrap_err().violations;
    assert!(broken.iter().any(|v| v.rule == 13), "{broken:?}");
}
