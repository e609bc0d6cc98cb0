//! Ranges of places, of kernels written out.

use super::*;
use crate::kernel::{Kernel, TileStage};

fn in_range(place: &str) -> bool {
    let text = format!(
        "kernel {{
          param p0: read i64[8]
          param p1: write i64[1]
          loop {{
            r0 = load p0[0]
            r1 = const i64 0
            r2 = const i64 3
            {place}
            r6 = load p0[0] at r5 of 8
            store p1[0] = r6
          }}
        }}"
    );
    let kernel: Kernel = text.parse().unwrap_or_else(|error| panic!("{error}"));
    let TileStage::Loop(stage) = &kernel.stages[0] else { unreachable!("it is a loop") };
    Bounds::new(&kernel, stage).is_in_range(6)
}

#[test]
fn places_between_constants_are_in_range() {
    let clamped = "r3 = maximum r0 r1 r4 = minimum r3 r2";
    assert!(in_range(&format!("{clamped} r5 = add r4 r2")));
    assert!(!in_range(&format!("{clamped} r5 = mul r4 r2")));
    assert!(!in_range("r3 = maximum r0 r1 r4 = add r3 r2 r5 = minimum r0 r2"));
}

#[test]
fn what_is_chosen_is_what_the_choice_says() {
    let body = |choice: &str| {
        let text = format!(
            "kernel {{
              param p0: read i64[8]
              param p1: write i64[1]
              loop {{
                r0 = load p0[0] r1 = const i64 0 r2 = const i64 8 r3 = const i64 3
                {choice}
                r9 = load p0[0] at r8 of 8
                store p1[0] = r9
              }}
            }}"
        );
        let kernel: Kernel = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let TileStage::Loop(stage) = &kernel.stages[0] else { unreachable!("it is a loop") };
        Bounds::new(&kernel, stage).is_in_range(9)
    };
    let guarded = |low: &str| format!("r4 = {low} r5 = lt r0 r2 r6 = and r4 r5 r7 = add r0 r1");
    assert!(body(&format!("{} r8 = select r6 r0 r3", guarded("ge r0 r1"))));
    assert!(!body(&format!("{} r8 = select r6 r3 r0", guarded("ge r0 r1"))), "of the other one");
    assert!(!body(&format!("{} r8 = select r6 r0 r3", guarded("ge r3 r1"))), "of another number");
    let ring = |most: &str| {
        format!("r4 = maximum r0 r1 r5 = minimum r4 {most} r6 = lt r5 r2 r7 = sub r5 r2 r8 = select r6 r5 r7")
    };
    assert!(body(&ring("r2")), "less than two rounds");
    assert!(!body(&ring("r0")));
}

#[test]
fn what_may_wrap_may_be_anything() {
    assert!(!in_range("r3 = maximum r0 r1 r4 = add r3 r2 r5 = minimum r4 r2"));
}

/// Whether the place `r20` of a loop with the body `inside` is below 8.
fn in_range_of_a_loop(before: &str, inside: &str) -> bool {
    let text = format!(
        "kernel {{
          param p0: read i64[8]
          param p1: write i64[1]
          loop {{
            r0 = const i64 0 r1 = const i64 1 r2 = const i64 8 r3 = load p0[0] r4 = const i64 7
            {before}
            {inside}
            r21 = load p0[0] at r20 of 8
            r22 = repeat r18 r19
            store p1[0] = r10
          }}
        }}"
    );
    let kernel: Kernel = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    let TileStage::Loop(stage) = &kernel.stages[0] else { unreachable!("it is a loop") };
    Bounds::new(&kernel, stage).is_in_range(21)
}

/// A loop whose counter `r10` begins at `first`, goes on to `r18`, and runs while `r16` holds; `r11` becomes `r19`, and `r20` is read.
fn counted(first: &str, test: &str, next: &str, other: &str, place: &str) -> bool {
    let before = "r5 = const i64 -1 r6 = const i64 2 r7 = const i64 3 r8 = const i64 64";
    let head = format!("r9 = loop r10 = state {first} r11 = state r0 r12 = mul r10 r10 r13 = mul r11 r11");
    let test = format!("r14 = sub r10 r1 r15 = sub r4 r10 r16 = {test} r17 = while r16");
    in_range_of_a_loop(before, &format!("{head} {test} r18 = {next} r19 = {other} r20 = {place}"))
}

#[test]
fn a_counter_is_what_its_test_admits() {
    let up = |first: &str, limit: &str, place: &str| {
        counted(first, &format!("lt r10 {limit}"), "add r10 r1", "add r11 r0", place)
    };
    assert!(up("r0", "r2", "add r10 r0"));
    assert!(up("r0", "r2", "add r15 r0"), "what is left");
    assert!(!up("r0", "r2", "add r10 r1"), "the next one");
    assert!(!up("r0", "r3", "add r10 r0"), "a limit that nobody knows");
    assert!(!up("r3", "r2", "add r10 r0"), "a first number that nobody knows");
    assert!(!up("r0", "r2", "add r14 r0"), "-1");
    assert!(up("r1", "r2", "add r14 r0"));
    assert!(counted("r4", "ge r10 r0", "add r10 r5", "add r11 r0", "add r10 r0"), "downwards");
    assert!(!counted("r4", "ge r10 r5", "add r10 r5", "add r11 r0", "add r10 r0"));
    assert!(!counted("r0", "lt r10 r2", "mul r10 r6", "add r11 r0", "add r10 r0"), "not by additions");
}

#[test]
fn a_square_bounds_its_root() {
    let root =
        |limit: &str| counted("r0", &format!("lt r12 {limit}"), "add r10 r1", "add r11 r0", "add r10 r0");
    assert!(root("r8"));
    assert!(!root("r3"));
}

#[test]
fn a_variable_goes_no_further_than_runs_take_it() {
    let beside = |next: &str| counted("r0", "lt r10 r4", "add r10 r1", next, "add r11 r0");
    assert!(beside("add r11 r1"), "seven runs");
    assert!(!beside("add r11 r6"));
    assert!(!beside("sub r11 r1"));
    assert!(beside("select r16 r11 r1"), "one of two numbers");
    assert!(beside("floor_mod r3 r2"));
    assert!(!beside("rem r3 r2"));
}
