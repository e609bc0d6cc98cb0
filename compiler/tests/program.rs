//! The text form and the verifier of programs: a valid program, and for each rule some that break it.

use tensorwright_compiler::program::{Product, Program, Target, TileSize, Tiled, verify};

struct Tiles;

impl Target for Tiles {
    fn tile(&self, _routine: &Tiled) -> Option<TileSize> {
        Some(TileSize::from_slice(&[2, 2]))
    }

    fn partial_sums(&self, _product: &Product) -> Option<usize> {
        None
    }

    fn packed_bytes(&self, _routine: &Tiled, _operand: usize) -> Option<usize> {
        Some(64)
    }
}

const VALID: &str = "program @\"a program\" (f32[4,4], f32[4,4], i32[2], list<f32[4]>, i32[]) arena 448 {
  s0: f32[4,4] = input 0
  s1: f32[4,4] = input 1, overwritten
  s2: i32[2] = input 2
  s3: list<f32[4]> = input 3
  s4: f32[4] = constant {value = f32[4] [1.0, -0.0, inf, nan:0x7fc00001]}
  s5: f32[4,4] = arena +0
  s6: u8[64] = arena +64
  s7: f32[4,4] = arena +128
  s8: list<f32[4]> = arena +192
  s9: f32[4,4] = output
  s10: u8[128] = arena +256
  s11: token = arena +0
  s12: f32[4] = output
  s13: i32[] = input 4
  k0 = kernel {
    param p0: readwrite f32[16]
    param p1: read f32[4]
    grid g0: 4 by 2
    grid g1: 4 by 2
    loop d0 < tile g0, d1 < tile g1 {
      r0 = load p0[4*g0 + g1 + 4*d0 + d1]
      r1 = load p1[g1 + d1]
      r2 = add r0 r1
      store p0[4*g0 + g1 + 4*d0 + d1] = r2
    }
  }
  k1 = kernel {
    param p0: read f32[16]
    param p1: write f32[16]
    loop d0 < 16 {
      r0 = load p0[d0]
      store p1[d0] = r0
    }
  }
  run k1(s0, s5)
  pack matmul f32->f32 rows 4 (4, 0, 4) columns 4 (0, 1, 1) depth 4 (1, 4, 0) _, s1 -> s6
  matmul f32->f32 rows 4 (4, 0, 4) columns 4 (0, 1, 1) depth 4 (1, 4, 0) s5, packed s6 -> s7 then k0(s7, s4)
  dynamic_update_slice(s1: f32[4,4], s4: f32[1,4], s2: i32[2]) -> (s1: f32[4,4]) @ \"src/main.rs\":12:8
  list_push(s3: list<f32[4]>, s4: f32[4]) -> (s8: list<f32[4]>)
  scan {carried = 1, scanned = 1, length = 4, reverse = false}(s7: f32[4,4], s1: f32[4,4], s6: u8[64]) -> (s9: f32[4,4]) in s10 (
    program @body (f32[4,4], f32[4], u8[64]) arena 64 {
      s0: f32[4,4] = input 0, overwritten
      s1: f32[4] = input 1
      s2: u8[64] = input 2
      s3: f32[4,4] = arena +0
      k0 = kernel {
        param p0: readwrite f32[16]
        param p1: read f32[16]
        loop d0 < 16 {
          r0 = load p0[d0]
          r1 = load p1[d0]
          r2 = add r0 r1
          store p0[d0] = r2
        }
      }
      matmul f32->f32 rows 4 (4, 0, 4) columns 4 (0, 1, 1) depth 4 (1, 4, 0) s0, packed s2 -> s3
      run k0(s0, s3)
      return s0: f32[4,4]
    }
  )
  list_get(s8: list<f32[4]>, s13: i32[]) -> (s12: f32[4])
  print {format = \"{}\"}(s11: token, s12: f32[4])
  return s9: f32[4,4], s1: f32[4,4], s12: f32[4], s4: f32[2,2]
}
";

fn rules_broken(text: &str) -> Vec<u32> {
    let program: Program = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(program.to_string().parse::<Program>().unwrap(), program, "{program}");
    let invalid = verify(&program, &Tiles).err();
    invalid.map_or_else(Vec::new, |invalid| invalid.violations.iter().map(|v| v.rule).collect())
}

/// Replaces a part of the valid program and expects the rule to be broken.
fn breaks(rule: u32, from: &str, to: &str) {
    assert!(VALID.contains(from), "{from}");
    let rules = rules_broken(&VALID.replacen(from, to, 1));
    assert!(rules.contains(&rule), "{to}: {rules:?}");
}

#[test]
fn the_valid_program_is_valid_and_prints_as_it_is() {
    assert_eq!(VALID.parse::<Program>().unwrap().to_string(), VALID);
    let invalid = verify(&VALID.parse().unwrap(), &Tiles).err();
    assert!(invalid.is_none(), "{}", invalid.unwrap());
}

#[test]
fn what_is_named_exists() {
    breaks(1, "run k1(s0, s5)", "run k2(s0, s5)");
    breaks(1, "run k1(s0, s5)", "run k1(s0, s14)");
    breaks(1, "s4: f32[2,2]\n", "s14: f32[2,2]\n");
    breaks(1, "= input 0\n", "= input 5\n");
    breaks(1, "= input 0\n", "= input 2\n");
}

#[test]
fn kernels_are_valid() {
    breaks(2, "store p1[d0]", "store p1[d0 + 1]");
}

#[test]
fn arguments_fit_params() {
    breaks(3, "run k1(s0, s5)", "run k1(s0)");
    breaks(3, "run k1(s0, s5)", "run k1(s4, s5)");
    breaks(3, "s0: f32[4,4] = input 0", "s0: bool[64] = input 0");
}

#[test]
fn what_is_written_is_one_argument() {
    breaks(4, "run k0(s0, s3)", "run k0(s0, s0)");
}

#[test]
fn products_stay_within_their_operands() {
    breaks(
        5,
        "rows 4 (4, 0, 4) columns 4 (0, 1, 1) depth 4 (1, 4, 0) s5",
        "rows 4 (5, 0, 4) columns 4 (0, 1, 1) depth 4 (1, 4, 0) s5",
    );
    breaks(5, "s5, packed s6 -> s7", "s7, packed s6 -> s7");
    breaks(5, "s5, packed s6 -> s7", "s4, packed s6 -> s7");
    breaks(5, "s5, packed s6 -> s7", "s5 -> s7");
    breaks(5, "s5, packed s6 -> s7", "s5, packed s6, s5 -> s7");
    breaks(5, "_, s1 -> s6", "_, s4 -> s6");
    breaks(5, "_, s1 -> s6", "s1 -> s6");
    breaks(5, "_, s1 -> s6", "_, _, s1 -> s6");
    breaks(5, "s5, packed s6 -> s7", "s5, packed s1 -> s7");
    breaks(5, "depth 4 (1, 4, 0) s0, packed", "depth 3 (1, 4, 0) s0, packed");
    breaks(5, "grid g1: 4 by 2", "grid g1: 4 by 1");
}

#[test]
fn ops_accept_what_they_take() {
    breaks(6, "s4: f32[1,4], s2", "s4: i32[1,4], s2");
    breaks(6, "s4: f32[1,4], s2", "s5: f32[1,4], s2");
    breaks(6, "list_get(s8: list<f32[4]>", "list_get(s5: list<f32[4]>");
    // As large as a token, but none.
    breaks(6, "s11: token = arena", "s11: bool[0] = arena");
}

#[test]
fn only_what_may_be_updated_is_updated() {
    breaks(
        7,
        "list_get(s8: list<f32[4]>, s13: i32[]) -> (s12: f32[4])",
        "reverse {axes = [0]}(s12: f32[4]) -> (s12: f32[4])",
    );
}

#[test]
fn nothing_else_is_overwritten() {
    breaks(8, "input 1, overwritten", "input 1");
    breaks(8, "s0: f32[4,4] = input 0\n", "s0: f32[4,4] = input 0, overwritten\n");
    breaks(8, "s1: f32[4,4], s12", "s9: f32[4,4], s12");
}

#[test]
fn what_is_read_was_written() {
    breaks(9, "  run k1(s0, s5)\n", "");
}

#[test]
fn outputs_are_written() {
    breaks(10, "s9: f32[4,4], s1", "s5: f32[4,4], s9: f32[4,4], s1");
    breaks(10, "s12: f32[4], s4: f32[2,2]\n", "s12: f32[4], s4: f32[3,2]\n");
    breaks(10, "s5: f32[4,4] = arena +0", "s5: f32[4,4] = output");
}

#[test]
fn what_is_used_has_a_place() {
    breaks(11, "s5: f32[4,4] = arena +0", "s5: f32[4,4] = unplaced");
    breaks(11, "s5: f32[4,4] = arena +0", "s5: f32[4,4] = arena +32");
    breaks(11, "s5: f32[4,4] = arena +0", "s5: f32[4,4] = arena +448");
}

#[test]
fn lifetimes_do_not_overlap() {
    breaks(12, "s7: f32[4,4] = arena +128", "s7: f32[4,4] = arena +64");
    breaks(12, "s8: list<f32[4]> = arena +192", "s8: list<f32[4]> = arena +0");
}

#[test]
fn workspaces_are_large_enough_and_for_nothing_else() {
    breaks(13, "s10: u8[128]", "s10: u8[64]");
}

#[test]
fn regions_fit_their_op() {
    breaks(14, "program @body (f32[4,4], f32[4], u8[64])", "program @body (f32[4,4], f32[2,2], u8[64])");
    breaks(14, "carried = 1, scanned = 1", "carried = 0, scanned = 2");
}

/// A program that keeps what it computes from an input that lasts.
const KEEPS: &str = "program @keeps (f32[4,4], f32[4,4]) arena 64 kept 128 ahead 2 {
  s0: f32[4,4] = input 0
  s1: f32[4,4] = input 1, lasting
  s2: f32[4,4] = arena +0
  s3: f32[4,4] = kept +0
  s4: f32[4,4] = output
  s5: f32[4,4] = kept +64
  k0 = kernel {
    param p0: read f32[16]
    param p1: write f32[16]
    loop d0 < 16 {
      r0 = load p0[d0]
      store p1[d0] = r0
    }
  }
  run k0(s1, s2)
  run k0(s2, s3)
  matmul f32->f32 rows 4 (4, 0, 4) columns 4 (0, 1, 1) depth 4 (1, 4, 0) s0, s3 -> s4
  return s4: f32[4,4]
}
";

#[test]
fn what_is_kept_is_written_ahead() {
    let program: Program = KEEPS.parse().expect("it parses");
    assert_eq!(program.to_string(), KEEPS);
    assert_eq!(rules_broken(KEEPS), []);
    for (rule, from, to) in [
        (15, "run k0(s1, s2)", "run k0(s0, s2)"),
        (15, "run k0(s2, s3)", "run k0(s2, s4)"),
        (9, "depth 4 (1, 4, 0) s0, s3", "depth 4 (1, 4, 0) s0, s2"),
        (15, "(1, 4, 0) s0, s3 -> s4", "(1, 4, 0) s0, s3 -> s3"),
        (15, "kept +64", "kept +32"),
        (15, "kept +64", "kept +72"),
        (15, "kept +64", "kept +128"),
        (15, "ahead 2", "ahead 4"),
        (15, "ahead 2", "ahead 1"),
        (15, "ahead 2", "ahead 3"),
        (10, "return s4", "return s3"),
    ] {
        let rules = rules_broken(&KEEPS.replacen(from, to, 1));
        assert!(rules.contains(&rule), "{to}: {rules:?}");
    }
}
