//! Functions outside of the kernel that its code calls: strips of vector math, and scalar functions too large to inline.

use cranelift_codegen::ir::{AbiParam, FuncRef, Function, Signature, Type, types};
use cranelift_module::{Linkage, Module};
use hashbrown::HashMap;
use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::BinaryFn;

use super::CodegenError;
use crate::kernel::{Instr, Kernel, Loop, Stage};
use crate::math::{Float, MathFn};

/// A function that the runtime provides, by its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Import {
    /// A strip of vector math, see [`MathFn::symbol`].
    Strip(MathFn, Float),
    /// `fn(f32, f32) -> f32`, the remainder of truncated division.
    FmodF32,
    /// `fn(f64, f64) -> f64`, the remainder of truncated division.
    FmodF64,
    /// `fn(i64, i64) -> i64`, the power of the `pow` op, wrapped.
    PowI64,
    /// `fn(u64, u64) -> u64`, the power of the `pow` op, wrapped.
    PowU64,
}

impl Import {
    /// The name that the linker or the JIT resolves.
    pub const fn symbol(self) -> &'static str {
        match self {
            Import::Strip(function, float) => function.symbol(float),
            Import::FmodF32 => "tw_fmod_f32",
            Import::FmodF64 => "tw_fmod_f64",
            Import::PowI64 => "tw_pow_i64",
            Import::PowU64 => "tw_pow_u64",
        }
    }

    fn signature(self, mut signature: Signature, pointer: Type) -> Signature {
        let (params, result): (&[Type], _) = match self {
            Import::Strip(function, _) if function.arity() == 1 => (&[pointer, pointer, types::I64], None),
            Import::Strip(..) => (&[pointer, pointer, pointer, types::I64], None),
            Import::FmodF32 => (&[types::F32, types::F32], Some(types::F32)),
            Import::FmodF64 => (&[types::F64, types::F64], Some(types::F64)),
            Import::PowI64 | Import::PowU64 => (&[types::I64, types::I64], Some(types::I64)),
        };
        signature.params.extend(params.iter().map(|&ty| AbiParam::new(ty)));
        signature.returns.extend(result.map(AbiParam::new));
        signature
    }
}

/// The imports of one function under construction.
pub(super) struct Imports {
    refs: HashMap<Import, FuncRef>,
}

impl Imports {
    /// Declares what `kernel` calls.
    pub(super) fn declare<M: Module>(
        module: &mut M,
        function: &mut Function,
        kernel: &Kernel,
    ) -> Result<Imports, CodegenError> {
        let pointer = module.target_config().pointer_type();
        let mut refs = HashMap::new();
        for import in imports(kernel)? {
            let signature = import.signature(module.make_signature(), pointer);
            let id = module.declare_function(import.symbol(), Linkage::Import, &signature)?;
            refs.insert(import, module.declare_func_in_func(id, function));
        }
        Ok(Imports { refs })
    }

    pub(super) fn get(&self, import: Import) -> Result<FuncRef, CodegenError> {
        self.refs.get(&import).copied().ok_or(CodegenError::Import { symbol: import.symbol() })
    }
}

/// What a kernel calls, in ascending order.
fn imports(kernel: &Kernel) -> Result<Vec<Import>, CodegenError> {
    let mut imports = Vec::new();
    for stage in &kernel.stages {
        match stage {
            Stage::Math(math) => imports.push(super::math::strip(math)?),
            Stage::Loop(body) => imports.extend(scalar_imports(kernel, body)),
        }
    }
    imports.sort_unstable_by_key(|import| import.symbol());
    imports.dedup();
    Ok(imports)
}

fn scalar_imports<'a>(kernel: &'a Kernel, body: &'a Loop) -> impl Iterator<Item = Import> + 'a {
    let dtypes = kernel.dtypes(body);
    body.body.iter().filter_map(move |instr| match *instr {
        Instr::Binary(function, lhs, _) => of_binary(function, dtypes[lhs.0 as usize]),
        _ => None,
    })
}

/// What a binary function is a call of.
pub(super) fn of_binary(function: BinaryFn, dtype: DType) -> Option<Import> {
    match (function, dtype) {
        (BinaryFn::Rem | BinaryFn::FloorMod, DType::F32) => Some(Import::FmodF32),
        (BinaryFn::Rem | BinaryFn::FloorMod, DType::F64) => Some(Import::FmodF64),
        (BinaryFn::Pow, _) if dtype.is_signed_int() => Some(Import::PowI64),
        (BinaryFn::Pow, _) if dtype.is_unsigned_int() => Some(Import::PowU64),
        _ => None,
    }
}
