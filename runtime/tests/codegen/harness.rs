//! Runs a kernel both ways and compares.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use tensorwright_compiler::kernel::{Access, Buffer, Instr, Kernel, MathOp, TileStage, interpret};
use tensorwright_compiler::nest::{self, Machine, Vectors};
use tensorwright_ir::op::Random;
use tensorwright_ir::{DType, Scalar};
use tensorwright_runtime::jit::{self, CompiledKernel};

/// Bytes around each buffer that must stay as they are.
const GUARD: usize = 64;
/// What guards and uninitialised memory hold.
const FILL: u8 = 0xa5;

/// Values of a dtype at which things go wrong.
pub(crate) fn special(dtype: DType) -> Vec<Scalar> {
    match dtype {
        DType::Bool => vec![Scalar::Bool(false), Scalar::Bool(true)],
        dtype if dtype.is_float() => special_floats(dtype),
        dtype => special_ints(dtype),
    }
}

fn special_ints(dtype: DType) -> Vec<Scalar> {
    let small = [0, 1, 2, 3, 5, 7, 8, 31, 32, 33, 63, 64, 100, 127, 128, 255, 256];
    let negative = [-1, -2, -3, -7, -8, -64];
    let (lowest, highest) = (Scalar::lowest(dtype).to_i128(), Scalar::highest(dtype).to_i128());
    let edges = [lowest, lowest + 1, highest, highest - 1, highest / 2, highest / 3];
    let all = small.into_iter().chain(negative).chain(edges);
    all.map(|v| Scalar::from_i128(dtype, v)).collect()
}

/// Numbers around which rounding, conversions and series change, without their negatives.
const FLOATS: [f64; 45] = [
    0.0,
    0.25,
    0.5,
    0.75,
    1.0,
    1.5,
    2.0,
    2.5,
    3.5,
    0.1,
    7.3,
    100.0,
    127.5,
    128.0,
    255.5,
    256.0,
    32767.6,
    32768.0,
    65504.0,
    65519.9,
    65520.0,
    65536.0,
    2147483520.0,
    2147483648.0,
    4294967040.0,
    4294967296.0,
    9.3e18,
    1.9e19,
    3e38,
    1e300,
    1e-3,
    6.1e-5,
    6e-8,
    2.9e-8,
    1e-20,
    1e-40,
    1e-45,
    1e-310,
    5e-324,
    8388608.5,
    16777217.0,
    4503599627370497.5,
    0.49999997,
    f64::INFINITY,
    f64::NAN,
];

fn special_floats(dtype: DType) -> Vec<Scalar> {
    let both = FLOATS.into_iter().flat_map(|v| [v, -v]);
    let mut all: Vec<Scalar> = both.map(|v| Scalar::from_f64(dtype, v)).collect();
    let largest = Scalar::highest(dtype).bits() - 1;
    let sign = 1 << (dtype.bits() - 1);
    all.extend([1, largest, 1 | sign, largest | sign, 2, 3].map(|bits| Scalar::from_bits(dtype, bits)));
    all
}

/// The bytes of elements.
pub(crate) fn bytes(values: impl IntoIterator<Item = Scalar>) -> Vec<u8> {
    values.into_iter().flat_map(|v| v.bits().to_le_bytes().into_iter().take(v.dtype().size())).collect()
}

/// `len` elements: the special values in some order, then random bits, then moderate numbers.
pub(crate) fn sample(dtype: DType, len: u64, rng: &mut Random) -> Vec<u8> {
    let special = special(dtype);
    bytes((0..len).map(|_| match rng.below(4) {
        0 | 1 => special[rng.below(special.len())],
        2 => Scalar::from_bits(dtype, rng.bits()),
        _ => Scalar::from_f64(dtype, (rng.bits() as i64 >> 40) as f64 / 65536.0),
    }))
}

/// Numbers of ordinary size, as transcendental functions and sums can be compared on.
pub(crate) fn moderate(dtype: DType, len: u64, rng: &mut Random) -> Vec<u8> {
    bytes((0..len).map(|_| Scalar::from_f64(dtype, (rng.bits() as i64 >> 40) as f64 / 1048576.0)))
}

fn element(bytes: &[u8], dtype: DType, at: usize) -> Scalar {
    let mut bits = [0; 8];
    bits[..dtype.size()].copy_from_slice(&bytes[at * dtype.size()..][..dtype.size()]);
    Scalar::from_bits(dtype, u64::from_le_bytes(bits))
}

/// Inputs for the params of a kernel.
pub(crate) fn inputs(kernel: &Kernel, seed: u64) -> Vec<Vec<u8>> {
    let mut rng = Random::new(seed);
    let fresh = |len: u64, dtype: DType| vec![FILL; len as usize * dtype.size()];
    let params = kernel.params.iter();
    params
        .map(
            |p| {
                if p.access == Access::Write {
                    fresh(p.len, p.dtype)
                } else {
                    sample(p.dtype, p.len, &mut rng)
                }
            },
        )
        .collect()
}

/// How far the results may be apart, in units in the last place: as far as the functions of the kernel allow.
fn tolerance(kernel: &Kernel) -> u64 {
    let of = |stage: &TileStage| match stage {
        TileStage::Loop(body) => body
            .body
            .iter()
            .map(|instr| match instr {
                Instr::Unary(f, _) => f.ulps(),
                Instr::Binary(f, ..) => f.ulps(),
                _ => 0,
            })
            .sum(),
        TileStage::Math(math) => match math.function {
            MathOp::Unary(f) => f.ulps(),
            MathOp::Binary(f) => f.ulps(),
        },
    };
    kernel.stages.iter().map(of).map(u64::from).sum()
}

fn close(a: Scalar, b: Scalar, ulps: u64) -> bool {
    if a == b || (a.dtype().is_float() && a.to_f64().is_nan() && b.to_f64().is_nan()) {
        return true;
    }
    let key = |x: Scalar| {
        let sign = 1u64 << (x.dtype().bits() - 1);
        let magnitude = i128::from(x.bits() & (sign - 1));
        if x.bits() & sign != 0 { -magnitude } else { magnitude }
    };
    ulps > 0 && a.dtype().is_float() && (key(a) - key(b)).unsigned_abs() <= u128::from(ulps)
}

/// Memory aligned to 64 bytes.
struct Aligned {
    bytes: Vec<u8>,
    start: usize,
}

impl Aligned {
    /// `data` between guards, at an address that is aligned to the element's size only, not to vectors.
    fn guarded(data: &[u8], size: usize) -> Aligned {
        let mut memory = Aligned::zeroed(data.len() + 3 * GUARD);
        memory.start += GUARD + size;
        memory.bytes.fill(FILL);
        let start = memory.start;
        memory.bytes[start..start + data.len()].copy_from_slice(data);
        memory
    }

    fn zeroed(len: usize) -> Aligned {
        let bytes = vec![FILL; len + 64];
        let start = bytes.as_ptr().align_offset(64);
        Aligned { bytes, start }
    }

    fn pointer(&mut self) -> *mut u8 {
        self.bytes[self.start..].as_mut_ptr()
    }
}

/// What code without vectors makes of `params`.
fn run_scalar(kernel: &Kernel, params: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, String> {
    let isa = jit::host_isa(jit::JitOptions::default()).map_err(|e| e.to_string())?;
    let code = CompiledKernel::for_machine(kernel, isa, Machine::SCALAR).map_err(|e| e.to_string())?;
    run(kernel, &code, params)
}

/// What compiled code makes of `params`.
pub(crate) fn run_compiled(kernel: &Kernel, params: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, String> {
    let code = jit::compile_kernel(kernel).map_err(|e| e.to_string())?;
    run(kernel, &code, params)
}

fn run(kernel: &Kernel, code: &CompiledKernel, params: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, String> {
    let mut memory: Vec<Aligned> =
        params.iter().zip(&kernel.params).map(|(data, p)| Aligned::guarded(data, p.dtype.size())).collect();
    let pointers: Vec<*mut u8> = memory.iter_mut().map(Aligned::pointer).collect();
    let mut scratch = Aligned::zeroed(kernel.scratch_bytes() + GUARD);
    // Two calls, as two workers would do it, in the wrong order.
    let (tiles, half) = (kernel.tiles(), kernel.tiles() / 2);
    for (begin, end) in [(half, tiles), (0, half)] {
        // SAFETY: the buffers have the sizes that the kernel declares, and the kernel is verified.
        unsafe { code.run(pointers.as_ptr(), scratch.pointer(), begin..end, &AtomicBool::new(false)) };
    }
    let end = scratch.start + kernel.scratch_bytes();
    if scratch.bytes[end..].iter().any(|&b| b != FILL) {
        return Err("the code wrote beyond its scratch".to_owned());
    }
    let mut results = Vec::new();
    for (memory, data) in memory.into_iter().zip(params) {
        let (start, end) = (memory.start, memory.start + data.len());
        if memory.bytes[..start].iter().chain(&memory.bytes[end..]).any(|&b| b != FILL) {
            return Err("the code wrote beyond a param".to_owned());
        }
        results.push(memory.bytes[start..end].to_vec());
    }
    Ok(results)
}

/// What the nests of a kernel, made for vectors of so many bytes, mean.
fn run_nests(kernel: &Kernel, params: &[Vec<u8>], bytes: u32) -> Result<Vec<Vec<u8>>, String> {
    let machine = Machine { vectors: Vectors::Bytes(bytes), ..Machine::SIMD128 };
    let program = nest::lower(kernel, machine).map_err(|e| e.to_string())?;
    nest::verify(&program).map_err(|e| format!("{e}\n{program}"))?;
    let mut memory = params.to_vec();
    nest::interpret::interpret(&program, &mut memory, 0, kernel.tiles()).map_err(|e| e.to_string())?;
    Ok(memory)
}

/// Compares all ways of running `kernel` on `params`: compiled, without vectors too, and its nests for this machine and one with
/// wider vectors.
pub(crate) fn compare(kernel: &Kernel, params: &[Vec<u8>]) -> Result<(), String> {
    let mut expected = params.to_vec();
    interpret(kernel, &mut expected, 0, kernel.tiles()).map_err(|e| format!("{e}\n{kernel}"))?;
    for (how, got) in [
        ("compiled", run_compiled(kernel, params)),
        ("compiled without vectors", run_scalar(kernel, params)),
        ("as nests", run_nests(kernel, params, 16)),
        ("as nests for wide vectors", run_nests(kernel, params, 64)),
    ] {
        let got = got.map_err(|e| format!("{e}\n{kernel}"))?;
        let report = differences(kernel, params, &expected, &got);
        if !report.is_empty() {
            return Err(format!("{how}:\n{report}{kernel}"));
        }
    }
    Ok(())
}

/// The first elements that differ.
fn differences(kernel: &Kernel, params: &[Vec<u8>], expected: &[Vec<u8>], got: &[Vec<u8>]) -> String {
    let ulps = tolerance(kernel);
    let mut report = String::new();
    for (i, param) in kernel.params.iter().enumerate() {
        for at in 0..param.len as usize {
            let (a, b) = (element(&expected[i], param.dtype, at), element(&got[i], param.dtype, at));
            if !close(a, b, ulps) && report.lines().count() < 12 {
                let _ = writeln!(
                    report,
                    "{}[{at}]: {a:?} expected, {b:?} computed{}",
                    Buffer::Param(i as u32),
                    origin(kernel, params, at)
                );
            }
        }
    }
    report
}

/// The elements of the other params at the same place, as a hint.
fn origin(kernel: &Kernel, params: &[Vec<u8>], at: usize) -> String {
    let inputs =
        kernel.params.iter().zip(params).filter(|(p, _)| p.access == Access::Read && (at as u64) < p.len);
    inputs.map(|(p, data)| format!(", {:?}", element(data, p.dtype, at))).collect()
}

/// Panics with a report unless both ways agree on sampled inputs.
pub(crate) fn check(kernel: &Kernel, seed: u64) {
    if let Err(report) = compare(kernel, &inputs(kernel, seed)) {
        panic!("{report}");
    }
}

/// Panics with a report unless both ways agree on these inputs.
pub(crate) fn check_on(kernel: &Kernel, params: &[Vec<u8>]) {
    if let Err(report) = compare(kernel, params) {
        panic!("{report}");
    }
}
