//! Kernels as machine code in this process.
//!
//! [`compile_kernel`] goes through a cache keyed by the kernel's structure, so that equal kernels of all graphs are
//! compiled once, by one thread, while others that ask for the same wait. The cache holds weak references: a kernel's
//! code lives as long as somebody holds its [`CompiledKernel`], and its memory goes back to the system with the last of
//! them. Each kernel is a JIT module of its own, because a module's memory can only be freed as a whole; that costs a
//! page or two for each kernel (code and constants share them).

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{ModuleError, default_libcall_names};
use hashbrown::HashMap;
use tensorwright_compiler::codegen::{self, CodegenError, KernelCompiler};
use tensorwright_compiler::kernel::{Kernel, TileStage};
use tensorwright_compiler::nest::{self, Machine};

use crate::library::{math, scalar, special};

/// Why there is no machine code.
#[derive(Debug, thiserror::Error)]
pub enum JitError {
    /// Cranelift does not support this machine.
    #[error("no code can be generated for this machine: {0}")]
    Target(String),
    /// The kernel could not be compiled.
    #[error(transparent)]
    Codegen(#[from] CodegenError),
    /// The code could not be put into memory.
    #[error("machine code could not be made executable: {0}")]
    Memory(#[from] Box<ModuleError>),
}

/// How much work Cranelift puts into the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JitOptions {
    /// Whether Cranelift optimises: common subexpressions, loop-invariant code. The code generator does that
    /// itself as far as kernels need it.
    pub optimize: bool,
    /// Whether registers are allocated in one pass, which is quicker and gives slower code.
    pub single_pass: bool,
    /// Whether Cranelift checks its input.
    pub verify: bool,
}

impl Default for JitOptions {
    fn default() -> JitOptions {
        JitOptions { optimize: false, single_pass: false, verify: cfg!(debug_assertions) }
    }
}

/// The instruction set of this machine, with all its extensions.
///
/// # Errors
///
/// If Cranelift does not support the machine.
pub fn host_isa(options: JitOptions) -> Result<OwnedTargetIsa, JitError> {
    let target = |error: &dyn std::fmt::Display| JitError::Target(error.to_string());
    let choose = |which: bool, yes: &'static str, no: &'static str| if which { yes } else { no };
    let mut flags = settings::builder();
    for (name, value) in [
        ("opt_level", choose(options.optimize, "speed", "none")),
        ("regalloc_algorithm", choose(options.single_pass, "single_pass", "backtracking")),
        ("enable_verifier", choose(options.verify, "true", "false")),
        ("enable_probestack", "false"),
        ("unwind_info", "false"),
        ("is_pic", "false"),
        ("use_colocated_libcalls", "false"),
    ] {
        flags.set(name, value).map_err(|e| target(&e))?;
    }
    let builder = cranelift_native::builder().map_err(|e| target(&e))?;
    builder.finish(settings::Flags::new(flags)).map_err(|e| target(&e))
}

static HOST: LazyLock<Result<OwnedTargetIsa, String>> =
    LazyLock::new(|| host_isa(JitOptions::default()).map_err(|e| e.to_string()));

fn shared_isa() -> Result<OwnedTargetIsa, JitError> {
    HOST.clone().map_err(JitError::Target)
}

/// The functions that compiled code may call, by symbol. The addresses are those of functions, as integers.
static SYMBOLS: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    math::symbols()
        .into_iter()
        .chain(scalar::symbols())
        .chain(special::symbols())
        .map(|(name, at)| (name, at.expose_provenance()))
        .collect()
});

type Entry =
    unsafe extern "C" fn(params: *const *mut u8, scratch: *mut u8, begin: u64, end: u64, stop: *const bool);

/// A kernel's machine code. It can be run by any number of threads at once.
pub struct CompiledKernel {
    /// Freed on drop; only ever taken out there.
    module: Mutex<Option<JITModule>>,
    entry: Entry,
    code_bytes: usize,
}

impl CompiledKernel {
    /// Compiles without the cache.
    ///
    /// # Errors
    ///
    /// If the kernel needs a function that there is no code for, or memory cannot be had.
    pub fn new(kernel: &Kernel, isa: OwnedTargetIsa) -> Result<CompiledKernel, JitError> {
        thread_local! {
            static COMPILER: RefCell<KernelCompiler> = RefCell::new(KernelCompiler::new());
        }
        COMPILER.with_borrow_mut(|compiler| CompiledKernel::define(kernel, isa, compiler))
    }

    /// Compiles without the cache, with loops as they are chosen for `machine`, such as for one without vectors.
    ///
    /// # Errors
    ///
    /// As for [`CompiledKernel::new`], or if this machine cannot do what that one does.
    pub fn for_machine(
        kernel: &Kernel,
        isa: OwnedTargetIsa,
        machine: Machine,
    ) -> Result<CompiledKernel, JitError> {
        let mut compiler = KernelCompiler::new();
        compiler.choose_machine(machine);
        CompiledKernel::define(kernel, isa, &mut compiler)
    }

    fn define(
        kernel: &Kernel,
        isa: OwnedTargetIsa,
        compiler: &mut KernelCompiler,
    ) -> Result<CompiledKernel, JitError> {
        let mut owned = OwnedModule(Some(module(isa)));
        let (entry, code_bytes) = owned.define(kernel, compiler)?;
        Ok(CompiledKernel { module: Mutex::new(owned.0.take()), entry, code_bytes })
    }

    /// Bytes of machine code and constants.
    pub fn code_bytes(&self) -> usize {
        self.code_bytes
    }

    /// Bytes of memory that the code takes: whole pages.
    pub fn memory_bytes(&self) -> usize {
        self.code_bytes.next_multiple_of(PAGE)
    }

    /// Computes some tiles. Loops of bodies are left when `stop` is set, with results that are unfinished.
    ///
    /// # Safety
    ///
    /// `params` has a pointer for each param of the kernel, to memory that may be read, and written unless the param is only
    /// read, for its length. Params overlap only if none of them is written. `scratch` is 64-byte aligned and has
    /// [`Kernel::scratch_bytes`] bytes that nobody else uses during the call. The tiles end with [`Kernel::tiles`] at most. No other
    /// call computes the same tiles of the same params at the same time. The kernel was valid.
    pub unsafe fn run(&self, params: *const *mut u8, scratch: *mut u8, tiles: Range<u64>, stop: &AtomicBool) {
        // SAFETY: `entry` is code of this signature, alive as long as `self`, and stays within the memory that the caller
        // vouches for: the verifier has proved each index to be inside its buffer. It only reads the flag.
        unsafe { (self.entry)(params, scratch, tiles.start, tiles.end, stop.as_ptr()) }
    }
}

impl std::fmt::Debug for CompiledKernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledKernel").field("code_bytes", &self.code_bytes).finish_non_exhaustive()
    }
}

impl Drop for CompiledKernel {
    fn drop(&mut self) {
        let module = self.module.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        drop(OwnedModule(module));
    }
}

/// The usual size of a page.
const PAGE: usize = 4096;

/// A module whose memory is freed with it.
struct OwnedModule(Option<JITModule>);

impl OwnedModule {
    fn define(&mut self, kernel: &Kernel, compiler: &mut KernelCompiler) -> Result<(Entry, usize), JitError> {
        let Some(module) = &mut self.0 else {
            return Err(
                CodegenError::Internal { what: "the module is there until the kernel is dropped" }.into()
            );
        };
        let id = codegen::define(module, compiler, kernel, "kernel")?;
        module.finalize_definitions().map_err(Box::new)?;
        let code = module.get_finalized_function(id);
        // SAFETY: `define` made a function of this signature.
        let entry = unsafe { std::mem::transmute::<*const u8, Entry>(code) };
        Ok((entry, compiler.code_size()))
    }
}

impl Drop for OwnedModule {
    fn drop(&mut self) {
        if let Some(module) = self.0.take() {
            // SAFETY: the only pointer into the module is the entry of a `CompiledKernel`, which is either not made yet or
            // being dropped, so that no call is in progress and none will follow.
            unsafe { module.free_memory() };
        }
    }
}

fn module(isa: OwnedTargetIsa) -> JITModule {
    let mut builder = JITBuilder::with_isa(isa, default_libcall_names());
    builder.symbol_lookup_fn(Box::new(|name| {
        SYMBOLS.get(name).map(|&address| std::ptr::with_exposed_provenance(address))
    }));
    JITModule::new(builder)
}

/// Code of one kernel; locked while it is being compiled.
type Slot = Arc<Mutex<Weak<CompiledKernel>>>;

struct Cache {
    slots: HashMap<Arc<Kernel>, Slot>,
    /// Dead entries are swept out when there are this many.
    sweep_at: usize,
}

static CACHE: LazyLock<Mutex<Cache>> =
    LazyLock::new(|| Mutex::new(Cache { slots: HashMap::new(), sweep_at: LEAST_SWEEP }));

/// No sweeping below so many entries.
const LEAST_SWEEP: usize = 64;

/// A panic elsewhere leaves the data whole: it is changed in single steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    fn slot(&mut self, kernel: &Kernel) -> Slot {
        if let Some(slot) = self.slots.get(kernel) {
            return slot.clone();
        }
        if self.slots.len() >= self.sweep_at {
            // An entry that somebody else holds is being compiled.
            self.slots.retain(|_, slot| Arc::strong_count(slot) > 1 || lock(slot).strong_count() > 0);
            self.sweep_at = (2 * self.slots.len()).max(LEAST_SWEEP);
        }
        self.slots.entry(Arc::new(kernel.clone())).or_default().clone()
    }
}

/// The machine code of `kernel`, from the cache or freshly compiled.
///
/// # Errors
///
/// If the kernel needs a function that there is no code for, the machine is not supported, or memory cannot be had.
pub fn compile_kernel(kernel: &Kernel) -> Result<Arc<CompiledKernel>, JitError> {
    let slot = lock(&CACHE).slot(kernel);
    let mut code = lock(&slot);
    if let Some(compiled) = code.upgrade() {
        return Ok(compiled);
    }
    let compiled = Arc::new(CompiledKernel::new(kernel, shared_isa()?)?);
    *code = Arc::downgrade(&compiled);
    Ok(compiled)
}

/// The machine code of several kernels, in order; on two threads if there is enough to compile.
///
/// # Errors
///
/// The first kernel's error, if one fails.
pub fn compile_kernels(kernels: &[Kernel]) -> Result<Vec<Arc<CompiledKernel>>, JitError> {
    let work: usize = kernels.iter().map(work).sum();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if kernels.len() < 2 || work < PARALLEL_WORK || threads < 2 {
        return kernels.iter().map(compile_kernel).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let Some((at, kernel)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, kernels.get(i)?)))
        {
            done.push((at, compile_kernel(kernel)));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let other = scope.spawn(take);
        let mut done = take();
        // A panicking helper leaves its kernels to this thread.
        done.extend(other.join().unwrap_or_default());
        done
    });
    done.sort_by_key(|&(at, _)| at);
    if done.len() < kernels.len() {
        return kernels.iter().map(compile_kernel).collect();
    }
    done.into_iter().map(|(_, compiled)| compiled).collect()
}

/// Work below which a second thread costs more than it saves, in instructions.
const PARALLEL_WORK: usize = 24;

fn work(kernel: &Kernel) -> usize {
    kernel
        .stages
        .iter()
        .map(|stage| if let TileStage::Loop(body) = stage { body.body.len() + 4 } else { 1 })
        .sum()
}

/// A kernel's code as text.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The decisions about its loops.
    pub nests: String,
    /// Cranelift IR.
    pub clif: String,
    /// Machine code of this machine, as Cranelift lists it.
    pub assembly: String,
    /// Bytes of machine code and constants.
    pub code_bytes: usize,
}

/// Compiles `kernel` for reading.
///
/// # Errors
///
/// As for [`compile_kernel`].
pub fn listing(kernel: &Kernel) -> Result<Listing, JitError> {
    let (mut compiler, isa) = (KernelCompiler::new(), shared_isa()?);
    let nests = nest::lower(kernel, codegen::machine(&*isa)).map_err(CodegenError::from)?.to_string();
    let mut owned = OwnedModule(Some(module(isa)));
    if let Some(module) = &mut owned.0 {
        codegen::build(module, &mut compiler, kernel)?;
    }
    let clif = compiler.clif();
    compiler.keep_disassembly(true);
    owned.define(kernel, &mut compiler)?;
    let assembly = compiler.disassembly().unwrap_or_default().to_owned();
    Ok(Listing { nests, clif, assembly, code_bytes: compiler.code_size() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensorwright_compiler::kernel::GridDim;

    #[test]
    fn dead_entries_are_swept_out() {
        let mut cache = Cache { slots: HashMap::new(), sweep_at: LEAST_SWEEP };
        let kernel = |extent| Kernel {
            params: vec![],
            locals: vec![],
            grid: vec![GridDim { extent, tile: 1 }],
            stages: vec![],
        };
        let held = cache.slot(&kernel(0));
        for extent in 1..1000 {
            cache.slot(&kernel(extent));
        }
        assert!(cache.slots.len() <= LEAST_SWEEP && Arc::ptr_eq(&held, &cache.slot(&kernel(0))));
    }
}
