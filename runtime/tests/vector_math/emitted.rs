//! The emitted instance against the native one: the same bits.

use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, Type, types};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Module, default_libcall_names};
use tensorwright_compiler::math::{self, MathFn};

use super::inputs;
use super::strips::{Strip, Strips};

type Code = unsafe extern "C" fn(out: *mut u8, a: *const u8, b: *const u8);

/// A module whose functions apply one math function to one vector.
struct Emitted {
    module: JITModule,
}

impl Emitted {
    /// For this machine, with what its CPU offers or with the baseline of its architecture.
    fn new(baseline: bool) -> Self {
        let mut flags = settings::builder();
        flags.set("opt_level", "speed").expect("a setting of Cranelift");
        let isa = cranelift_native::builder_with_options(!baseline).expect("the host is a target");
        let isa = isa.finish(settings::Flags::new(flags)).expect("valid flags");
        Self { module: JITModule::new(JITBuilder::with_isa(isa, default_libcall_names())) }
    }

    fn compile(&mut self, function: MathFn, ty: Type) -> Code {
        let mut context = self.module.make_context();
        let pointer = self.module.target_config().pointer_type();
        context.func.signature.params = vec![AbiParam::new(pointer); 3];
        let mut frontend = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut context.func, &mut frontend);
        let block = builder.create_block();
        builder.append_block_params_for_function_params(block);
        builder.switch_to_block(block);
        builder.seal_block(block);
        let pointers = builder.block_params(block).to_vec();
        let args: Vec<_> = pointers[1..]
            .iter()
            .take(function.arity())
            .map(|&address| builder.ins().load(ty, MemFlagsData::new(), address, 0))
            .collect();
        let result = math::emit(&mut builder, function, &args).expect("a supported type");
        builder.ins().store(MemFlagsData::new(), result, pointers[0], 0);
        builder.ins().return_(&[]);
        builder.finalize(self.module.target_config());
        let id = self.module.declare_anonymous_function(&context.func.signature).expect("a new function");
        self.module.define_function(id, &mut context).unwrap_or_else(|e| panic!("{function:?} {ty}: {e:?}"));
        self.module.finalize_definitions().expect("no unresolved symbols");
        // SAFETY: the function just compiled has this signature.
        unsafe { std::mem::transmute::<*const u8, Code>(self.module.get_finalized_function(id)) }
    }
}

/// A float type as bits.
trait Bits: Strips + std::fmt::Debug {
    fn is_nan(self) -> bool;
    fn pattern(self) -> u64;
}

impl Bits for f32 {
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn pattern(self) -> u64 {
        u64::from(self.to_bits())
    }
}

impl Bits for f64 {
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn pattern(self) -> u64 {
        self.to_bits()
    }
}

fn check<T: Bits>(emitted: &mut Emitted, ty: Type, a: &[T], b: &[T]) {
    let lanes = ty.lane_count() as usize;
    for &function in MathFn::ALL {
        let native = Strip::of(function).run(a, b);
        let code = emitted.compile(function, ty);
        let mut out = vec![T::default(); a.len()];
        for i in (0..a.len()).step_by(lanes) {
            // SAFETY: lengths are multiples of the lanes.
            unsafe { code(out[i..].as_mut_ptr().cast(), a[i..].as_ptr().cast(), b[i..].as_ptr().cast()) };
        }
        for i in 0..a.len() {
            let same = out[i].pattern() == native[i].pattern() || out[i].is_nan() && native[i].is_nan();
            assert!(
                same,
                "{function:?} {ty} at {:?}, {:?}: {:?} emitted, {:?} native",
                a[i], b[i], out[i], native[i]
            );
        }
    }
}

#[test]
fn same_bits_on_this_cpu() {
    let mut emitted = Emitted::new(false);
    let (a, b) = inputs::narrow(4096);
    check(&mut emitted, types::F32, &a, &b);
    check(&mut emitted, types::F32X4, &a, &b);
    let (a, b) = inputs::wide(4096);
    check(&mut emitted, types::F64, &a, &b);
    check(&mut emitted, types::F64X2, &a, &b);
}

/// Without fused multiply-add the emitted code calls the C library for it.
#[test]
fn same_bits_on_the_baseline() {
    let mut emitted = Emitted::new(true);
    let (a, b) = inputs::narrow(512);
    check(&mut emitted, types::F32, &a, &b);
    check(&mut emitted, types::F32X4, &a, &b);
    let (a, b) = inputs::wide(512);
    check(&mut emitted, types::F64, &a, &b);
    check(&mut emitted, types::F64X2, &a, &b);
}

#[test]
fn refuses_other_types() {
    use cranelift_codegen::ir::Function;
    let mut function = Function::new();
    let mut frontend = FunctionBuilderContext::new();
    let mut builder = FunctionBuilder::new(&mut function, &mut frontend);
    let block = builder.create_block();
    builder.switch_to_block(block);
    let int = builder.ins().iconst(types::I32, 1);
    let float = builder.ins().f32const(1.0);
    assert!(matches!(math::emit(&mut builder, MathFn::Exp, &[int]), Err(math::EmitError::Type { .. })));
    assert!(matches!(
        math::emit(&mut builder, MathFn::Exp, &[]),
        Err(math::EmitError::Arity { given: 0, .. })
    ));
    let two = math::emit(&mut builder, MathFn::Exp, &[float, float]);
    assert_eq!(two.expect_err("one too many").to_string(), "`exp` takes 1 arguments, not 2");
}
