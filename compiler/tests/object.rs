//! Kernels as object files: code generation needs no JIT. With the feature `cross-isa` for other machines too, one without vectors among
//! them: `scripts/objects.sh`.

use std::path::Path;

use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_module::default_libcall_names;
use cranelift_object::{ObjectBuilder, ObjectModule};
use tensorwright_compiler::codegen::{self, KernelCompiler};
use tensorwright_compiler::kernel::Kernel;
use tensorwright_compiler::nest::Vectors;
use tensorwright_compiler::program::Untiled;
use tensorwright_compiler::{CompileOptions, compile};

/// The texts of the files below a folder that have this extension.
fn texts(folder: &str, extension: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// The kernels of the tests of code generation, and those of the graphs of the corpus.
fn kernels() -> Vec<Kernel> {
    let files = texts("../runtime/tests/codegen/kernels", "kernel");
    let mut kernels: Vec<Kernel> = files.iter().map(|text| text.parse().unwrap()).collect();
    for text in texts("../tests/corpus", "tw") {
        let graph = text.parse().unwrap();
        kernels.extend(compile(&graph, &CompileOptions::default(), &Untiled).unwrap().kernels);
    }
    kernels
}

fn isa(triple: &str, features: &[&str]) -> OwnedTargetIsa {
    let mut flags = settings::builder();
    flags.set("is_pic", "true").unwrap();
    let mut builder = isa::lookup_by_name(triple).unwrap();
    features.iter().for_each(|feature| builder.enable(feature).unwrap());
    builder.finish(settings::Flags::new(flags)).unwrap()
}

/// An object file with a function for each kernel.
fn object(isa: OwnedTargetIsa) -> Vec<u8> {
    let builder = ObjectBuilder::new(isa, "kernels", default_libcall_names()).unwrap();
    let (mut module, mut compiler) = (ObjectModule::new(builder), KernelCompiler::new());
    for (number, kernel) in kernels().iter().enumerate() {
        let name = format!("kernel{number}");
        codegen::define(&mut module, &mut compiler, kernel, &name)
            .unwrap_or_else(|e| panic!("{e}\n{kernel}"));
    }
    module.finish().emit().unwrap()
}

/// Defines all kernels for a machine, which has vectors or not, and looks for the last one in the file.
fn check(triple: &str, features: &[&str], vectors: Vectors) {
    assert_eq!(codegen::machine(&*isa(triple, features)).vectors, vectors, "{triple} {features:?}");
    let file = object(isa(triple, features));
    assert!(file.starts_with(b"\x7fELF"), "{triple}");
    let last = format!("kernel{}", kernels().len() - 1);
    assert!(file.windows(last.len()).any(|bytes| bytes == last.as_bytes()), "{triple}");
}

const SIMD128: Vectors = Vectors::Bytes(16);

#[test]
#[cfg(target_arch = "x86_64")]
fn kernels_are_objects_for_this_machine() {
    check("x86_64-unknown-linux-gnu", &["has_sse3", "has_ssse3", "has_sse41", "has_avx", "has_fma"], SIMD128);
}

#[test]
#[cfg(target_arch = "aarch64")]
fn kernels_are_objects_for_this_machine() {
    check("aarch64-unknown-linux-gnu", &[], SIMD128);
}

#[cfg(feature = "cross-isa")]
mod others {
    use super::*;

    #[test]
    fn x86_64_without_extensions() {
        check("x86_64-unknown-linux-gnu", &[], SIMD128);
    }

    #[test]
    fn x86_64() {
        let features = ["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_avx", "has_avx2", "has_fma"];
        check("x86_64-unknown-linux-gnu", &features, SIMD128);
    }

    #[test]
    fn aarch64() {
        check("aarch64-unknown-linux-gnu", &[], SIMD128);
    }

    #[test]
    fn riscv64_with_vectors() {
        check("riscv64gc-unknown-linux-gnu", &["has_v"], SIMD128);
    }

    #[test]
    fn riscv64_without_vectors() {
        check("riscv64gc-unknown-linux-gnu", &[], Vectors::None);
    }
}
