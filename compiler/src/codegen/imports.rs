//! Functions outside of the kernel that its code calls, as Cranelift declares them.

use cranelift_codegen::ir::{AbiParam, FuncRef, Function, Signature, Type, types};
use cranelift_module::{Linkage, Module};
use hashbrown::HashMap;

use super::CodegenError;
use crate::math::Float;
use crate::nest::Import;

/// The imports of one function under construction.
pub(super) struct Imports {
    refs: HashMap<Import, FuncRef>,
}

impl Imports {
    /// Declares imported functions in the module and the function.
    pub(super) fn declare<M: Module>(
        module: &mut M,
        function: &mut Function,
        imports: &[Import],
    ) -> Result<Imports, CodegenError> {
        let pointer = module.target_config().pointer_type();
        let mut refs = HashMap::new();
        for &import in imports {
            let signature = signature(import, module.make_signature(), pointer);
            let id = module.declare_function(import.symbol(), Linkage::Import, &signature)?;
            refs.insert(import, module.declare_func_in_func(id, function));
        }
        Ok(Imports { refs })
    }

    pub(super) fn get(&self, import: Import) -> Result<FuncRef, CodegenError> {
        self.refs.get(&import).copied().ok_or(CodegenError::Import { symbol: import.symbol() })
    }
}

fn signature(import: Import, mut signature: Signature, pointer: Type) -> Signature {
    let (params, result): (&[Type], _) = match import {
        Import::Strip(function, _) if function.arity() == 1 => (&[pointer, pointer, types::I64], None),
        Import::Strip(..) => (&[pointer, pointer, pointer, types::I64], None),
        Import::Special(function, float) => {
            let ty = if float == Float::F32 { types::F32 } else { types::F64 };
            (&[ty; 4][..function.operands()], Some(ty))
        }
        Import::FmodF32 => (&[types::F32, types::F32], Some(types::F32)),
        Import::FmodF64 => (&[types::F64, types::F64], Some(types::F64)),
        Import::PowI64 | Import::PowU64 => (&[types::I64, types::I64], Some(types::I64)),
    };
    signature.params.extend(params.iter().map(|&ty| AbiParam::new(ty)));
    signature.returns.extend(result.map(AbiParam::new));
    signature
}
