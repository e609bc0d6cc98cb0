//! Native code for kernels, through Cranelift; generic over where it goes (a JIT, an object file).
//!
//! [`define`] makes a kernel a function
//!
//! ```text
//! extern "C" fn(params: *const *mut u8, scratch: *mut u8, begin: u64, end: u64, stop: *const u8)
//! ```
//!
//! that computes the tiles `begin..end` of the linearised grid (row-major). `scratch` is 64-byte aligned and has
//! [`Kernel::scratch_bytes`] bytes. Loops of bodies look at `stop` in each run, and are left once it is not 0: somebody on another thread
//! has set it, and nobody will read the results.
//!
//! Results have the same bits as those of the kernel interpreter, but for transcendental functions and for the signs and
//! payloads of NaNs that arithmetic makes.
//!
//! | module | what |
//! |---|---|
//! | [`function`] | the function around the stages: parameters, tiles, grid variables |
//! | [`loops`], [`fold`], [`memory`] | a loop nest: loops, reductions, loads and stores |
//! | [`repeat`] | loops that each point runs by itself |
//! | [`transpose`] | transposed copies |
//! | [`unary`], [`binary`], [`divide`], [`compare`], [`cast`], [`half`] | instructions |
//! | [`math`], [`imports`] | calls of the runtime's functions |
//! | [`value`], [`control`] | vectors and loops as Cranelift has them |
//!
//! # How a nest becomes instructions
//!
//! **Notation.** A *pack* is the value of an instruction for one block: one scalar, or the vectors that together have its lanes, so
//! that an f64 takes twice as many as an f32. A *mask* is a bool in vectors: all bits of a lane or none. A *position* is the loop variable
//! and a constant distance from it, which becomes part of addresses.
//!
//! **Invariant.** Nothing is decided here. What to emit at which place is in the [nest]; this module only finds
//! Cranelift's instructions for it. All values that the block being emitted may use dominate it: scalars and splats were
//! emitted in front of the loops that are open, packs in this block, and what is known of addresses is forgotten when the loop variable
//! changes.
//!
//! **Phases.** `function` emits the loop over tiles and first indices. For each nest `loops` emits, level by level, addresses, scalars
//! and the head of the next loop; in front of the innermost loop splats and the beginnings of indices; then each section as a loop,
//! in which a block of points is evaluated instruction by instruction and stored, or folded by `fold`. Loops are made from
//! the back: a head with the loop variable and the accumulators as block parameters, the body, a test.
//!
//! **Example.** The nest of the [module `nest`](crate::nest): rows of 50 elements times an element of a vector. `block1` is the loop over
//! tiles, of which there is one; `block3` the loop over rows, with the factor and its splat; `block5` the main loop, four blocks of four
//! lanes; behind it, in `block6`, the last block, which begins at 46.
//!
//! ```
//! # use cranelift_codegen::{isa, settings};
//! # use cranelift_object::{ObjectBuilder, ObjectModule};
//! # use tensorwright_compiler::codegen::{self, KernelCompiler};
//! # let target = isa::lookup_by_name(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH))?;
//! # let target = target.finish(settings::Flags::new(settings::builder()))?;
//! # let names = cranelift_module::default_libcall_names();
//! # let mut module = ObjectModule::new(ObjectBuilder::new(target, "doc", names)?);
//! # let mut compiler = KernelCompiler::new();
//! let kernel = "kernel {
//!   param p0: read f32[200]
//!   param p1: read f32[4]
//!   param p2: write f32[200]
//!   loop d0 < 4, d1 < 50 {
//!     r0 = load p0[50*d0 + d1]
//!     r1 = load p1[d0]
//!     r2 = mul r0 r1
//!     store p2[50*d0 + d1] = r2
//!   }
//! }".parse()?;
//! codegen::build(&mut module, &mut compiler, &kernel)?;
//! let clif = compiler.clif();
//! let rows = clif.split("\nblock3(").nth(1).and_then(|rest| rest.split("\n\nblock4").next());
//! assert_eq!(rows, Some("\
//! v12: i64):
//!     v13 = iconst.i64 200
//!     v14 = imul v12, v13  ; v13 = 200
//!     v15 = iadd.i64 v5, v14
//!     v16 = iconst.i32 2
//!     v17 = ishl v12, v16  ; v16 = 2
//!     v18 = iadd.i64 v6, v17
//!     v19 = iconst.i64 200
//!     v20 = imul v12, v19  ; v19 = 200
//!     v21 = iadd.i64 v7, v20
//!     v22 = iconst.i64 0
//!     v23 = load.f32 notrap v18
//!     v24 = splat.f32x4 v23
//!     v25 = iconst.i64 0
//!     v26 = iconst.i64 48
//!     jump block5(v25)  ; v25 = 0
//!
//! block5(v27: i64):
//!     v28 = iconst.i32 2
//!     v29 = ishl v27, v28  ; v28 = 2
//!     v30 = iadd.i64 v15, v29
//!     v31 = load.f32x4 notrap v30
//!     v32 = fmul v31, v24
//!     v33 = iconst.i32 2
//!     v34 = ishl v27, v33  ; v33 = 2
//!     v35 = iadd.i64 v21, v34
//!     store notrap v32, v35
//!     v36 = load.f32x4 notrap v30+16
//!     v37 = fmul v36, v24
//!     store notrap v37, v35+16
//!     v38 = load.f32x4 notrap v30+32
//!     v39 = fmul v38, v24
//!     store notrap v39, v35+32
//!     v40 = load.f32x4 notrap v30+48
//!     v41 = fmul v40, v24
//!     store notrap v41, v35+48
//!     v42 = iconst.i64 16
//!     v43 = iadd v27, v42  ; v42 = 16
//!     v44 = icmp ult v43, v26  ; v26 = 48
//!     brif v44, block5(v43), block6
//!
//! block6:
//!     v45 = iconst.i64 50
//!     v46 = iconst.i64 -4
//!     v47 = iadd v45, v46  ; v45 = 50, v46 = -4
//!     v48 = iconst.i32 2
//!     v49 = ishl v47, v48  ; v48 = 2
//!     v50 = iadd.i64 v15, v49
//!     v51 = load.f32x4 notrap v50
//!     v52 = fmul v51, v24
//!     v53 = iconst.i32 2
//!     v54 = ishl v47, v53  ; v53 = 2
//!     v55 = iadd.i64 v21, v54
//!     store notrap v52, v55
//!     v56 = iconst.i64 1
//!     v57 = iadd.i64 v12, v56  ; v56 = 1
//!     v58 = icmp ult v57, v11  ; v11 = 4
//!     brif v58, block3(v57), block4"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod binary;
mod cast;
mod compare;
mod control;
mod divide;
mod fold;
mod function;
mod half;
mod imports;
mod loops;
mod math;
mod memory;
mod repeat;
mod transpose;
mod unary;
mod value;

use cranelift_codegen::Context;
use cranelift_codegen::ir::{AbiParam, Signature, UserFuncName, types};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_module::{FuncId, Linkage, Module, ModuleError};
use tensorwright_ir::DType;

use crate::kernel::{InvalidKernel, Kernel, verify};
use crate::math::EmitError;
use crate::nest::{self, FusedMultiplyAdd, InvalidNest, Machine, Unsupported, Vectors};
use imports::Imports;
use value::Emitter;

/// Why a kernel could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CodegenError {
    /// The kernel breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidKernel),
    /// There is no code for a function of elements of this dtype.
    #[error("`{function}` is not supported for {dtype}")]
    Unsupported {
        /// The function.
        function: &'static str,
        /// The dtype.
        dtype: DType,
    },
    /// There is no strip of a function.
    #[error(transparent)]
    Strip(#[from] Unsupported),
    /// A decision about a loop breaks a rule.
    #[error("internal error: {0}")]
    Nest(#[from] InvalidNest),
    /// A vector math function was given operands of a type that it does not take.
    #[error(transparent)]
    Math(#[from] EmitError),
    /// A function that the code calls was not declared.
    #[error("the import `{symbol}` was not declared")]
    Import {
        /// Its symbol.
        symbol: &'static str,
    },
    /// Cranelift refused.
    #[error("Cranelift: {0}")]
    Module(#[from] Box<ModuleError>),
    /// A property of verified kernels does not hold.
    #[error("internal error: it does not hold that {what}")]
    Internal {
        /// The property.
        what: &'static str,
    },
}

impl From<ModuleError> for CodegenError {
    fn from(error: ModuleError) -> CodegenError {
        CodegenError::Module(Box::new(error))
    }
}

/// Memory that compilations use one after the other, and the last one's result.
pub struct KernelCompiler {
    context: Context,
    builder: FunctionBuilderContext,
    disassembly: bool,
    machine: Option<Machine>,
}

impl KernelCompiler {
    /// A compiler that has compiled nothing.
    pub fn new() -> KernelCompiler {
        KernelCompiler {
            context: Context::new(),
            builder: FunctionBuilderContext::new(),
            disassembly: false,
            machine: None,
        }
    }

    /// Loops of further compilations are chosen for this machine, which the target must be able to do, instead of for all that the
    /// target has.
    pub fn choose_machine(&mut self, machine: Machine) {
        self.machine = Some(machine);
    }

    /// Whether compilations keep a listing of the machine code, for [`KernelCompiler::disassembly`].
    pub fn keep_disassembly(&mut self, keep: bool) {
        self.disassembly = keep;
    }

    /// The last function as Cranelift IR, after the optimisations that are made in place.
    pub fn clif(&self) -> String {
        self.context.func.display().to_string()
    }

    /// The last function's machine code, if its listing was kept.
    pub fn disassembly(&self) -> Option<&str> {
        self.context.compiled_code()?.vcode.as_deref()
    }

    /// Bytes of the last function's machine code and constants.
    pub fn code_size(&self) -> usize {
        self.context.compiled_code().map_or(0, |code| code.code_buffer().len())
    }
}

impl Default for KernelCompiler {
    fn default() -> KernelCompiler {
        KernelCompiler::new()
    }
}

/// Compiles `kernel` as the exported function `name` of `module`.
///
/// # Errors
///
/// If the kernel is invalid, there is no code for one of its functions, or `module` refuses.
pub fn define<M: Module>(
    module: &mut M,
    compiler: &mut KernelCompiler,
    kernel: &Kernel,
    name: &str,
) -> Result<FuncId, CodegenError> {
    build(module, compiler, kernel)?;
    let id = module.declare_function(name, Linkage::Export, &compiler.context.func.signature)?;
    compiler.context.func.name = UserFuncName::user(0, id.as_u32());
    module.define_function(id, &mut compiler.context)?;
    Ok(id)
}

/// Builds the Cranelift IR of `kernel` in `compiler`, without compiling it.
///
/// # Errors
///
/// As for [`define`].
pub fn build<M: Module>(
    module: &mut M,
    compiler: &mut KernelCompiler,
    kernel: &Kernel,
) -> Result<(), CodegenError> {
    verify(kernel)?;
    let machine = compiler.machine.unwrap_or_else(|| machine(module.isa()));
    let program = nest::lower(kernel, machine)?;
    if cfg!(debug_assertions) {
        nest::verify(&program)?;
    }
    compiler.context.clear();
    compiler.context.set_disasm(compiler.disassembly);
    let function = &mut compiler.context.func;
    function.signature = signature(module);
    let imports = Imports::declare(module, function, &program.imports)?;
    let mut builder = FunctionBuilder::new(function, &mut compiler.builder);
    let mut emitter =
        Emitter { builder: &mut builder, imports: &imports, machine: program.machine, lanes: 1 };
    function::emit(&mut emitter, &program)?;
    builder.finalize(module.target_config());
    Ok(())
}

/// What Cranelift makes of an instruction set: vectors of 128 bits, where it has any.
pub fn machine(isa: &dyn TargetIsa) -> Machine {
    let has =
        |name: &str| isa.isa_flags().iter().any(|flag| flag.name == name && flag.as_bool() == Some(true));
    let (vectors, fma) = match isa.name() {
        "riscv64" => (has("has_v"), true),
        "x64" => (true, has("has_fma")),
        _ => (true, true),
    };
    Machine {
        vectors: if vectors { Vectors::Bytes(value::VECTOR) } else { Vectors::None },
        fma: if fma { FusedMultiplyAdd::Instruction } else { FusedMultiplyAdd::Call },
    }
}

fn signature<M: Module>(module: &M) -> Signature {
    let pointer = AbiParam::new(module.target_config().pointer_type());
    let mut signature = module.make_signature();
    let number = AbiParam::new(types::I64);
    signature.params.extend([pointer, pointer, number, number, pointer]);
    signature
}
