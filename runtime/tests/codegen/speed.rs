//! Measurements, not tests: how long kernels take to compile under each choice of Cranelift's settings, and how fast their
//! code is.
//!
//! ```text
//! cargo test --release -p tensorwright-runtime --test codegen -- --ignored --nocapture measure
//! ```

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tensorwright_compiler::kernel::Kernel;
use tensorwright_runtime::jit::{CompiledKernel, JitOptions, host_isa};

/// Kernels of the sizes that users have.
fn kernels() -> Vec<(&'static str, Kernel)> {
    let parse = |text: &str| text.parse::<Kernel>().unwrap_or_else(|e| panic!("{e}\n{text}"));
    let map = |params: &str, body: &str| {
        parse(&format!(
            "kernel {{ {params} grid g0: 1048576 by 4096 loop d0 < tile g0 {{ r0 = load p0[g0 + d0] {body} }} }}"
        ))
    };
    let unary = "param p0: read f32[1048576] param p1: write f32[1048576]";
    let ternary = "param p0: read f32[1048576] param p1: read f32[1048576] param p2: read f32[1048576] \
                   param p3: write f32[1048576]";
    let rows = |kind: &str| {
        parse(&format!(
            "kernel {{ param p0: read f32[1048576] param p1: write f32[1024] grid g0: 1024 by 1 \
             loop fold d0 < 1024 {{ r0 = load p0[1024*g0 + d0] fold {kind} p1[g0] = r0 }} }}"
        ))
    };
    let gelu = "r1 = load p1[g0 + d0] r2 = load p2[g0 + d0] r3 = mul r0 r1 r4 = add r3 r2 r5 = mul r4 r4 r6 = mul r5 r4 \
                r7 = const f32 0.044715 r8 = mul r6 r7 r9 = add r4 r8 r10 = const f32 0.7978846 r11 = mul r9 r10";
    let tail = "r13 = const f32 1.0 r14 = add r12 r13 r15 = const f32 0.5 r16 = mul r4 r15 r17 = mul r16 r14";
    vec![
        (
            "x*2+1",
            map(
                unary,
                "r1 = const f32 2.0 r2 = mul r0 r1 r3 = const f32 1.0 r4 = add r2 r3 store p1[g0 + d0] = r4",
            ),
        ),
        ("relu", map(unary, "r1 = const f32 0.0 r2 = maximum r0 r1 store p1[g0 + d0] = r2")),
        ("gelu inline", map(ternary, &format!("{gelu} r12 = tanh r11 {tail} store p3[g0 + d0] = r17"))),
        ("gelu strips", {
            let head = map(ternary, &format!("{gelu} store p3[g0 + d0] = r11")).to_string();
            let text = head.replace("  grid", "  local l0: f32[1024]\n  local l1: f32[1024]\n  grid");
            let text = text
                .replace("by 4096", "by 1024")
                .replace("store p3[g0 + d0] = r11", "store l0[d0] = r11\n    store l1[d0] = r4");
            let more = "  math tanh f32 l0[0] = l0[0] for tile g0\n  loop d0 < tile g0 {\n    r0 = load l0[d0]\n    \
                        r1 = load l1[d0]\n    r2 = const f32 1.0\n    r3 = add r0 r2\n    r4 = const f32 0.5\n    \
                        r5 = mul r1 r4\n    r6 = mul r5 r3\n    store p3[g0 + d0] = r6\n  }\n}\n";
            parse(&format!("{}{more}", text.trim_end().trim_end_matches('}')))
        }),
        ("row max", rows("max")),
        ("row sum", rows("sum")),
    ]
}

/// The shortest of some runs.
fn best(runs: usize, mut f: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        f();
        start.elapsed()
    };
    (0..runs).map(time).min().unwrap_or_default()
}

/// Elements of the first param per nanosecond, on this thread.
fn throughput(kernel: &Kernel, code: &CompiledKernel) -> f64 {
    let mut memory: Vec<Vec<f32>> = kernel.params.iter().map(|p| vec![0.5; p.len as usize]).collect();
    let pointers: Vec<*mut u8> = memory.iter_mut().map(|m| m.as_mut_ptr().cast()).collect();
    let mut scratch = vec![0u128; kernel.scratch_bytes() / 16 + 4];
    let offset = scratch.as_ptr().align_offset(64);
    let aligned = scratch[offset..].as_mut_ptr().cast();
    // SAFETY: the buffers are as large as the kernel declares, all its params are of f32.
    let run = || unsafe { code.run(pointers.as_ptr(), aligned, 0..kernel.tiles(), &AtomicBool::new(false)) };
    kernel.params[0].len as f64 / best(15, run).as_nanos() as f64
}

#[test]
#[ignore = "a measurement"]
fn measure() {
    for (name, kernel) in kernels() {
        for (optimize, single_pass) in [(false, false), (false, true), (true, false), (true, true)] {
            let options = JitOptions { optimize, single_pass, verify: false };
            let isa = host_isa(options).unwrap();
            let compile = || CompiledKernel::new(&kernel, isa.clone()).unwrap();
            let time = best(20, || drop(compile()));
            let code = compile();
            let speed = throughput(&kernel, &code);
            let (bytes, micros) = (code.code_bytes(), time.as_micros());
            let allocator = if single_pass { "single pass" } else { "backtracking" };
            let level = if optimize { "speed" } else { "none" };
            println!(
                "{name:12} {level:6} {allocator:12} {micros:6} us {bytes:6} bytes {speed:6.2} elements/ns"
            );
        }
    }
}
