//! Native code for kernels, through Cranelift; generic over where it goes (a JIT, an object file).
//!
//! [`define`] makes a kernel a function
//!
//! ```text
//! extern "C" fn(params: *const *mut u8, scratch: *mut u8, begin: u64, end: u64)
//! ```
//!
//! that computes the tiles `begin..end` of the linearised grid (row-major). `scratch` is 64-byte aligned and has
//! [`Kernel::scratch_bytes`] bytes.
//!
//! Results have the same bits as those of the kernel interpreter, but for transcendental functions and for the signs and
//! payloads of NaNs that arithmetic makes.
//!
//! | module | what |
//! |---|---|
//! | [`function`] | the function around the stages: parameters, tiles, grid variables |
//! | [`plan`] | decisions about a loop nest: levels, lanes, addresses |
//! | [`nest`], [`fold`], [`memory`] | a loop nest: loops, reductions, loads and stores |
//! | [`repeat`] | loops that each point runs by itself |
//! | [`crosswise`] | copies that turn rows into columns |
//! | [`unary`], [`binary`], [`compare`], [`cast`], [`half`] | instructions |
//! | [`math`], [`imports`] | calls of the runtime's functions |
//! | [`value`], [`control`] | vectors and loops as Cranelift has them |

mod binary;
mod cast;
mod compare;
mod control;
mod crosswise;
mod fold;
mod function;
mod half;
mod imports;
mod math;
mod memory;
mod nest;
mod plan;
mod repeat;
mod unary;
mod value;

use cranelift_codegen::Context;
use cranelift_codegen::ir::{AbiParam, Signature, UserFuncName, types};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_module::{FuncId, Linkage, Module, ModuleError};
use tensorwright_ir::DType;

pub use imports::Import;

use crate::kernel::{InvalidKernel, Kernel, verify};
use crate::math::EmitError;
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
pub struct Workspace {
    context: Context,
    builder: FunctionBuilderContext,
    disassembly: bool,
}

impl Workspace {
    /// An empty one.
    pub fn new() -> Workspace {
        Workspace { context: Context::new(), builder: FunctionBuilderContext::new(), disassembly: false }
    }

    /// Whether compilations keep a listing of the machine code, for [`Workspace::disassembly`].
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

impl Default for Workspace {
    fn default() -> Workspace {
        Workspace::new()
    }
}

/// Compiles `kernel` as the exported function `name` of `module`.
///
/// # Errors
///
/// If the kernel is invalid, there is no code for one of its functions, or `module` refuses.
pub fn define<M: Module>(
    module: &mut M,
    workspace: &mut Workspace,
    kernel: &Kernel,
    name: &str,
) -> Result<FuncId, CodegenError> {
    build(module, workspace, kernel)?;
    let id = module.declare_function(name, Linkage::Export, &workspace.context.func.signature)?;
    workspace.context.func.name = UserFuncName::user(0, id.as_u32());
    module.define_function(id, &mut workspace.context)?;
    Ok(id)
}

/// Builds the Cranelift IR of `kernel` in `workspace`, without compiling it.
///
/// # Errors
///
/// As for [`define`].
pub fn build<M: Module>(
    module: &mut M,
    workspace: &mut Workspace,
    kernel: &Kernel,
) -> Result<(), CodegenError> {
    verify(kernel)?;
    workspace.context.clear();
    workspace.context.set_disasm(workspace.disassembly);
    let function = &mut workspace.context.func;
    function.signature = signature(module);
    let imports = Imports::declare(module, function, kernel)?;
    let mut builder = FunctionBuilder::new(function, &mut workspace.builder);
    function::emit(&mut Emitter { builder: &mut builder, imports: &imports, lanes: 1 }, kernel)?;
    builder.finalize(module.target_config());
    Ok(())
}

fn signature<M: Module>(module: &M) -> Signature {
    let pointer = AbiParam::new(module.target_config().pointer_type());
    let mut signature = module.make_signature();
    signature.params.extend([pointer, pointer, AbiParam::new(types::I64), AbiParam::new(types::I64)]);
    signature
}
