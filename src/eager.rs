//! Eager ops: each runs a compiled graph of one op, out of a cache of the process.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use hashbrown::Equivalent;
use smallvec::{SmallVec, smallvec};
use tensorwright_ir::{Builder, Op, Type, Value};
use tensorwright_runtime::buffer::SharedBuffer;
use tensorwright_runtime::cache::{Cache, CacheStats, LookupError, Weigh};

use crate::backend::{CompileOptions, Executable};
use crate::error::{Error, Failure, Place};
use crate::settings;
use crate::tensor::{Repr, Results, Tensor, broadcast};

/// The budget of the cache of one-op graphs unless told otherwise: 64 MiB.
pub const DEFAULT_EAGER_BUDGET: usize = 64 << 20;

/// Counters of the cache of one-op graphs that eager ops run.
pub fn eager_cache_stats() -> CacheStats {
    cache().stats()
}

/// Changes the bytes that the cache of one-op graphs may hold.
pub fn set_eager_cache_budget(bytes: usize) {
    cache().set_budget(bytes);
}

#[derive(PartialEq, Eq, Hash)]
struct OpKey {
    op: Op,
    types: SmallVec<[Type; 2]>,
}

struct OpQuery<'q> {
    op: &'q Op,
    types: SmallVec<[&'q Type; 4]>,
}

impl Hash for OpQuery<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.op.hash(state);
        self.types.hash(state);
    }
}

impl Equivalent<OpKey> for OpQuery<'_> {
    fn equivalent(&self, key: &OpKey) -> bool {
        *self.op == key.op && self.types.iter().copied().eq(&key.types)
    }
}

impl From<&OpQuery<'_>> for OpKey {
    fn from(query: &OpQuery<'_>) -> OpKey {
        OpKey { op: query.op.clone(), types: query.types.iter().map(|&ty| ty.clone()).collect() }
    }
}

struct CompiledOp(Executable);

impl Weigh for CompiledOp {
    fn bytes(&self) -> usize {
        let Self(executable) = self;
        size_of::<OpKey>() + executable.held_bytes()
    }
}

type EagerCache = Cache<OpKey, CompiledOp, Failure>;

fn cache() -> &'static EagerCache {
    static CACHE: OnceLock<EagerCache> = OnceLock::new();
    CACHE.get_or_init(|| Cache::new(DEFAULT_EAGER_BUDGET))
}

/// Runs an op on concrete tensors.
pub(crate) fn run(op: Op, operands: &[&Tensor], at: Place) -> Result<Results, Failure> {
    let mut inputs: SmallVec<[&SharedBuffer; 4]> = SmallVec::new();
    let mut types: SmallVec<[&Type; 4]> = SmallVec::new();
    for operand in operands {
        match operand.repr() {
            Repr::Concrete(ty, buffer) => {
                types.push(ty);
                inputs.push(buffer);
            }
            Repr::Traced(traced) => {
                let (made, used) = (traced.made.into(), at.into());
                return Err(Error::Escaped { made, used }.into());
            }
            Repr::List(rows) => return Err(crate::control::list::no_tensor(rows.ty(), at).into()),
            Repr::Failed(failure) => return Err(Arc::clone(failure)),
        }
    }
    if let Some(result) = without_code(&op, &types, &inputs, at) {
        return result;
    }
    let query = OpQuery { op: &op, types };
    let compiled =
        cache().get_or_make(&query, || compile(&query, at)).map_err(|error| relocated(error, at))?;
    let CompiledOp(executable) = &**compiled;
    let outputs =
        executable.run(&inputs, settings::eager_threads()).map_err(|error| Error::run(at, error))?;
    let types = executable.output_types().iter().cloned();
    Ok(types.zip(outputs).map(|(ty, buffer)| Tensor::concrete(ty, buffer)).collect())
}

/// Ops that need no code: the result of a reshape shares the operand's memory, and a constant is there already.
fn without_code(
    op: &Op,
    types: &[&Type],
    inputs: &[&SharedBuffer],
    at: Place,
) -> Option<Result<Results, Failure>> {
    let owned = || types.iter().map(|&ty| ty.clone()).collect();
    match op {
        Op::Constant(constant) => Some(Ok(smallvec![Tensor::from_literal_at(&constant.value, at)])),
        Op::Reshape(_) => Some(match op.infer(types, &[]) {
            Ok(results) => {
                Ok(results.into_iter().map(|ty| Tensor::concrete(ty, inputs[0].clone())).collect())
            }
            Err(source) => Err(Error::refused(at, op.name(), owned(), source).into()),
        }),
        _ => None,
    }
}

fn compile(query: &OpQuery<'_>, at: Place) -> Result<CompiledOp, Failure> {
    let mut builder = Builder::new(query.op.name());
    let inputs: SmallVec<[Value; 4]> = query.types.iter().map(|&ty| builder.input(ty.clone())).collect();
    let results = broadcast::operands(&mut builder, query.op, inputs)
        .and_then(|values| builder.push(query.op.clone(), &values))
        .map_err(|error| Error::op(at, error))?;
    let graph = builder.finish(&results);
    let executable = Executable::compile(&graph, &CompileOptions::default())
        .map_err(|error| Error::Compile { at: at.into(), message: error.to_string().into() })?;
    Ok(CompiledOp(executable))
}

/// A failure that another thread's line caused is told with this line.
fn relocated(error: LookupError<Failure>, at: Place) -> Failure {
    match error {
        LookupError::Failed(failure) => match &*failure {
            Error::Op { error, .. } => Error::op(at, (**error).clone()).into(),
            _ => failure,
        },
        LookupError::Cycle => unreachable!("compiling an op runs no eager op"),
    }
}
