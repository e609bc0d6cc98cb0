//! The text form and the verifier of kernels: a valid kernel, and for each rule one that breaks it.

use tensorwright_compiler::kernel::{Kernel, verify};

const VALID: &str = "kernel {
  param p0: read f32[60]
  param p1: write f32[60]
  param p2: write f32[6]
  local l0: f32[20]
  grid g0: 6 by 2
  loop d0 < tile g0, d1 < 10 {
    r0 = load p0[10*g0 + 10*d0 + d1]
    r1 = const f32 -2.5
    r2 = mul r0 r1
    store l0[10*d0 + d1] = r2
  }
  math exp f32 p1[10*g0] = l0[0] for tile g0, 10
  loop d0 < tile g0 fold d1 < 10 {
    r0 = load l0[10*d0 + d1]
    fold sum p2[g0 + d0] = r0
  }
}
";

fn rules_broken(text: &str) -> Vec<u32> {
    let kernel: Kernel = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
    verify(&kernel).err().map_or_else(Vec::new, |invalid| invalid.violations.iter().map(|v| v.rule).collect())
}

/// Replaces a part of the valid kernel and expects the rule to be broken.
fn breaks(rule: u32, from: &str, to: &str) {
    assert!(VALID.contains(from), "{from}");
    let rules = rules_broken(&VALID.replace(from, to));
    assert!(rules.contains(&rule), "{to}: {rules:?}");
}

#[test]
fn the_valid_kernel_is_valid_and_prints_as_it_is() {
    assert_eq!(rules_broken(VALID), []);
    assert_eq!(VALID.parse::<Kernel>().unwrap().to_string(), VALID);
}

#[test]
fn sizes_have_limits() {
    breaks(1, "local l0: f32[20]", "local l0: f32[2000000000000]");
    breaks(1, "grid g0: 6 by 2", "grid g0: 6 by 0");
    breaks(1, "d1 < 10 {\n    r0 = load p0", "d1 < 9000000000000 {\n    r0 = load p0");
}

#[test]
fn names_exist() {
    breaks(2, "load p0[10*g0 + 10*d0 + d1]", "load p7[0]");
    breaks(2, "load p0[10*g0 + 10*d0 + d1]", "load p0[g1]");
    breaks(2, "load p0[10*g0 + 10*d0 + d1]", "load p0[d2]");
    breaks(2, "p2[g0 + d0]", "p2[d1]");
    breaks(2, "exp f32 p1[10*g0]", "exp f32 p1[d0]");
}

#[test]
fn operands_come_before() {
    breaks(4, "mul r0 r1", "mul r0 r2");
    breaks(4, "store l0[10*d0 + d1] = r2", "store l0[10*d0 + d1] = r3");
}

#[test]
fn dtypes_fit() {
    breaks(5, "const f32 -2.5", "const f64 -2.5");
    breaks(5, "mul r0 r1", "popcount r0");
    breaks(5, "mul r0 r1", "select r0 r0 r1");
    breaks(5, "mul r0 r1", "bitcast i64 r0");
    breaks(5, "const f32 -2.5\n    r2 = mul r0 r1", "cast f16 r0\n    r2 = add r1 r1");
    breaks(6, "mul r0 r1", "cast i32 r0");
    breaks(6, "fold sum", "fold any");
}

#[test]
fn stages_store_or_fold() {
    breaks(7, "store l0[10*d0 + d1] = r2", "fold sum l0[0] = r2");
    breaks(7, "fold sum p2[g0 + d0] = r0", "store p2[g0 + d0] = r0");
}

#[test]
fn params_are_used_as_declared() {
    breaks(8, "param p1: write", "param p1: read");
    breaks(8, "param p0: read", "param p0: write");
}

#[test]
fn accesses_stay_inside() {
    breaks(9, "param p0: read f32[60]", "param p0: read f32[59]");
    breaks(9, "10*g0 + 10*d0 + d1]", "10*g0 + 10*d0 + d1 + 1]");
    breaks(9, "10*g0 + 10*d0 + d1]", "10*g0 + 10*d0 - d1]");
    breaks(9, "local l0: f32[20]", "local l0: f32[19]");
    breaks(9, "for tile g0, 10", "for tile g0, 11");
    breaks(9, "param p2: write f32[6]", "param p2: write f32[5]");
}

/// The last tile is shorter: what would reach beyond it in a whole tile does not.
#[test]
fn partial_tiles_are_known_to_be_shorter() {
    let text = VALID.replace("6 by 2", "6 by 4").replace("f32[20]", "f32[40]");
    assert_eq!(rules_broken(&text), []);
}

#[test]
fn tiles_do_not_share_elements() {
    breaks(10, "p2[g0 + d0]", "p2[d0]");
    breaks(10, "exp f32 p1[10*g0]", "exp f32 p1[5*g0]");
}

/// Blocks of a matrix, whose rows interleave, are distinct.
#[test]
fn interleaved_tiles_are_distinct() {
    let text = "kernel {
  param p0: write f32[77]
  grid g0: 7 by 3
  grid g1: 11 by 4
  loop d0 < tile g1, d1 < tile g0 {
    r0 = const f32 1.0
    store p0[11*g0 + g1 + d0 + 11*d1] = r0
  }
}";
    assert_eq!(rules_broken(text), []);
    assert_eq!(rules_broken(&text.replace("11*g0 + g1", "10*g0 + g1")), [10]);
}

#[test]
fn points_are_independent() {
    breaks(11, "store l0[10*d0 + d1] = r2", "store l0[d0] = r2");
    breaks(11, "load p0[10*g0 + 10*d0 + d1]", "load l0[9*d0 + d1]");
    breaks(11, "load p0[10*g0 + 10*d0 + d1]", "load l0[10*d0]");
}

/// Along outer loops points follow each other.
#[test]
fn accumulation_along_an_outer_loop_is_valid() {
    let text = "kernel {
  param p0: readwrite f32[88]
  loop d0 < 10, d1 < 8 {
    r0 = load p0[8*d0 + d1]
    store p0[8*d0 + d1 + 8] = r0
  }
}";
    assert_eq!(rules_broken(text), []);
    assert_eq!(rules_broken(&text.replace("d1 + 8]", "d1 + 3]")), [11]);
}

#[test]
fn strips_are_of_floats() {
    breaks(12, "math exp f32", "math exp f64");
    breaks(12, "math exp f32", "math popcount f32");
    breaks(12, "= l0[0] for", "= l0[0] l0[0] for");
    breaks(12, "exp f32 p1[10*g0] = l0[0] for tile g0, 10", "exp f32 l0[1] = l0[0] for 10");
}

#[test]
fn errors_say_where_and_what() {
    let error = VALID.replace("mul r0 r1", "mull r0 r1").parse::<Kernel>().unwrap_err();
    assert_eq!(error.to_string(), "line 10, column 10: expected an instruction");
    let error = VALID.replace("f32[20]", "f33[20]").parse::<Kernel>().unwrap_err();
    assert_eq!(error.to_string(), "line 5, column 13: expected a dtype");
}

/// No prefix of a kernel, and no kernel with a character replaced, makes the parser or the verifier panic.
#[test]
fn damaged_text_is_an_error_at_most() {
    for end in 0..VALID.len() {
        assert!(VALID[..end].trim_end().parse::<Kernel>().is_err() || end + 1 >= VALID.len());
        for with in ["9", "-", "*", "g", "[", "99999999999999999999", "é"] {
            let text = format!("{}{with}{}", &VALID[..end], &VALID[end + 1..]);
            if let Ok(kernel) = text.parse::<Kernel>() {
                let _ = verify(&kernel);
            }
        }
    }
}

const LOOP: &str = "kernel {
  param p0: read f32[8]
  param p1: write f32[8]
  loop d0 < 8 {
    r0 = load p0[d0]
    r1 = const i32 0
    r2 = const i32 3
    r3 = const i32 1
    r4 = loop
    r5 = state r1
    r6 = state r0
    r7 = lt r5 r2
    r8 = while r7
    r9 = add r6 r6
    r10 = add r5 r3
    r11 = repeat r10 r9
    store p1[d0] = r6
  }
}
";

#[test]
fn loops_in_bodies_are_whole() {
    assert_eq!(rules_broken(LOOP), []);
    assert_eq!(LOOP.parse::<Kernel>().unwrap().to_string(), LOOP);
    let breaks = |from: &str, to: &str| {
        assert!(LOOP.contains(from), "{from}");
        let rules = rules_broken(&LOOP.replace(from, to));
        assert!(rules.contains(&13), "{to}: {rules:?}");
    };
    breaks("r8 = while r7", "r8 = const i32 1");
    breaks("r11 = repeat r10 r9", "r11 = const i32 1");
    breaks("r11 = repeat r10 r9", "r11 = repeat r10");
    breaks("r11 = repeat r10 r9", "r11 = repeat r9 r10");
    breaks("r9 = add r6 r6", "r9 = while r7");
    breaks("r9 = add r6 r6", "r9 = state r6");
    breaks("r4 = loop", "r4 = const i32 1");
    // Known only inside, or not yet.
    breaks("store p1[d0] = r6", "store p1[d0] = r9");
    let inside = LOOP.replace("p1: write f32", "p1: write i32").replace("r6 = state r0", "r6 = state r5");
    assert!(rules_broken(&inside).contains(&13));
    breaks("r9 = add r6 r6", "r9 = select r8 r6 r6");
    // It must hold for all points, and be a bool.
    breaks("r7 = lt r5 r2", "r7 = lt r6 r0");
    breaks("r8 = while r7", "r8 = while r5");
}

const COMPUTED: &str = "kernel {
  param p0: read f32[30]
  param p1: read i64[1]
  param p2: write f32[20]
  grid g0: 20 by 5
  loop d0 < tile g0 {
    r0 = load p1[0]
    r1 = load p0[g0 + d0] at r0 of 11
    store p2[g0 + d0] = r1
  }
}
";

#[test]
fn computed_places_are_inside_of_what_no_other_point_stores() {
    assert_eq!(rules_broken(COMPUTED), []);
    assert_eq!(COMPUTED.parse::<Kernel>().unwrap().to_string(), COMPUTED);
    let breaks = |rule: u32, from: &str, to: &str| {
        assert!(COMPUTED.contains(from), "{from}");
        let rules = rules_broken(&COMPUTED.replace(from, to));
        assert!(rules.contains(&rule), "{to}: {rules:?}");
    };
    breaks(9, "of 11", "of 12");
    breaks(14, "of 11", "of 0");
    breaks(14, "i64[1]", "i32[1]");
    breaks(14, "load p1[0]", "index i64 [d0]");
    // What is read may be changed, but neither by another point nor by another tile.
    let written = COMPUTED.replace("read f32[30]", "readwrite f32[30]");
    assert_eq!(rules_broken(&written), []);
    assert_eq!(rules_broken(&written.replace("store p2", "store p0")), [14]);
    let later = "  loop d0 < tile g0 {
    r0 = const f32 1.0
    store p0[g0 + d0] = r0
  }
}
";
    let later = format!("{}{later}", written.trim_end().strip_suffix('}').expect("it ends"));
    assert_eq!(rules_broken(&later), [10]);
    assert_eq!(rules_broken(&later.replace("20 by 5", "20 by 20")), []);
}

const CELLS: &str = "kernel {
  param p0: readwrite i64[8]
  param p1: read i64[1]
  loop d0 < 4, d1 < 1 {
    r0 = load p1[0]
    r1 = load p0[0] at r0 of 8
    r2 = add r1 r0
    r3 = store p0[0] at r0 of 8 = r2
    r4 = load p0[7]
    store p0[0] = r4
  }
}
";

#[test]
fn cells_are_stored_by_one_point_at_a_time() {
    assert_eq!(rules_broken(CELLS), []);
    assert_eq!(CELLS.parse::<Kernel>().unwrap().to_string(), CELLS);
    let breaks = |rule: u32, from: &str, to: &str| {
        assert!(CELLS.contains(from), "{from}");
        let rules = rules_broken(&CELLS.replace(from, to));
        assert!(rules.contains(&rule), "{to}: {rules:?}");
    };
    breaks(15, "d1 < 1", "d1 < 2");
    breaks(6, "r4 = load p0[7]", "r4 = store p0[0] at r0 of 8 = r3");
    breaks(14, "store p0[0] at r0 of 8", "store p0[0] at r0 of 0");
    breaks(15, "store p0[0] at r0", "store p0[d1] at r0");
    breaks(9, "store p0[0] at r0 of 8", "store p0[1] at r0 of 8");
    breaks(8, "readwrite", "read");
    breaks(6, "r2 = add r1 r0", "r2 = lt r1 r0");
    breaks(4, "of 8 = r2", "of 8 = r7");
    breaks(2, "store p0[0] at", "store p7[0] at");
    let fold = CELLS
        .replace("d0 < 4, d1 < 1", "d0 < 4 fold d1 < 1")
        .replace("store p0[0] = r4", "fold sum p0[0] = r4");
    assert!(rules_broken(&fold).contains(&15));
    let tiles = CELLS.replace("  loop d0 < 4", "  grid g0: 8 by 4\n  loop d0 < tile g0");
    assert!(rules_broken(&tiles).contains(&10));
    let bools = "kernel {
      param p0: readwrite bool[8]
      param p1: read i64[1]
      loop {
        r0 = load p1[0]
        r1 = load p0[0]
        r2 = store p0[0] at r0 of 8 = r1
        r3 = store p0[0] at r0 of 8 = r2
      }
    }";
    assert_eq!(rules_broken(bools), [15]);
    // Tiles with memory of their own may.
    let apart = "kernel {
      param p0: readwrite i64[32]
      grid g0: 4 by 1
      loop d0 < tile g0, d1 < 1 {
        r0 = load p0[8*g0 + 8*d0]
        r1 = store p0[8*g0 + 8*d0] at r0 of 8 = r0
      }
    }";
    assert_eq!(
        rules_broken(&apart.replace("      }\n    }", "        store p0[8*g0 + 8*d0] = r0\n      }\n    }")),
        []
    );
}

#[test]
fn points_leave_loops_by_themselves_if_their_state_is_frozen() {
    let frozen = LOOP
        .replace("r5 = state r1", "r5 = state r0")
        .replace("r7 = lt r5 r2", "r7 = lt r5 r0")
        .replace("r9 = add r6 r6", "r9 = select r7 r6 r6")
        .replace("r10 = add r5 r3", "r10 = select r7 r0 r5");
    assert_eq!(rules_broken(&frozen), []);
    assert_eq!(rules_broken(&frozen.replace("select r7 r0 r5", "add r5 r5")), [13]);
    assert_eq!(rules_broken(&frozen.replace("select r7 r0 r5", "select r7 r5 r0")), [13]);
}
