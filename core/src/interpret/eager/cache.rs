//! The cache of the process: what eager ops compiled to.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use hashbrown::Equivalent;
use smallvec::SmallVec;
use tensorwright_ir::op::Lowering;
use tensorwright_ir::{BuildError, Builder, Graph, Op, TensorType, Value};
use tensorwright_runtime::Executable;
use tensorwright_runtime::cache::{self, Cache, CacheStats, LookupError, Weigh};

use super::super::broadcast;
use super::order::without_tokens;
use crate::error::{CallSite, Error, Failure};

/// The budget of the cache of eager ops unless told otherwise: 64 MiB.
pub const DEFAULT_EAGER_BUDGET: usize = 64 << 20;

/// Counters of the cache of small graphs that eager ops run.
pub fn eager_cache_stats() -> CacheStats {
    compiled().stats()
}

/// Changes the bytes that the cache of eager ops may hold.
pub fn set_eager_cache_budget(bytes: usize) {
    compiled().set_budget(bytes);
}

/// What was compiled.
#[derive(PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all keys are ops, and each eager op compares one")]
pub(super) enum EagerKey {
    /// An op, for operands of these types. Of an effect the operands without the token.
    Op(Op, SmallVec<[TensorType; 2]>),
    /// A whole graph as it is applied, tokens, names and lines included: messages of its checks show them.
    Graph(Graph),
}

impl Hash for EagerKey {
    /// As the queries hash.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            EagerKey::Op(op, types) => {
                op.hash(state);
                types.hash(state);
            }
            EagerKey::Graph(graph) => graph.hash(state),
        }
    }
}

/// What makes a graph of a query, if the cache has no entry.
pub(super) trait Query: Hash + Equivalent<EagerKey> {
    /// The graph to be compiled.
    fn graph(&self) -> Result<Graph, BuildError>;
}

pub(super) struct OpQuery<'q> {
    pub(super) op: &'q Op,
    pub(super) types: SmallVec<[&'q TensorType; 4]>,
}

impl Hash for OpQuery<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.op.hash(state);
        self.types.hash(state);
    }
}

impl Equivalent<EagerKey> for OpQuery<'_> {
    fn equivalent(&self, key: &EagerKey) -> bool {
        match key {
            EagerKey::Op(op, types) => self.op == op && self.types.iter().copied().eq(types),
            EagerKey::Graph(_) => false,
        }
    }
}

impl From<&OpQuery<'_>> for EagerKey {
    fn from(query: &OpQuery<'_>) -> EagerKey {
        EagerKey::Op(query.op.clone(), query.types.iter().map(|&ty| ty.clone()).collect())
    }
}

impl Query for OpQuery<'_> {
    fn graph(&self) -> Result<Graph, BuildError> {
        let mut b = Builder::new(self.op.name());
        let inputs: SmallVec<[Value; 4]> = self.types.iter().map(|&ty| b.input(ty.clone())).collect();
        if self.op.lowering() == Lowering::Effect {
            let operands: SmallVec<[Value; 4]> = [b.token()].into_iter().chain(inputs).collect();
            b.push(self.op.clone(), &operands)?;
            return Ok(b.finish(&[]));
        }
        let operands = broadcast::operands(&mut b, self.op, inputs)?;
        let results = b.push(self.op.clone(), &operands)?;
        Ok(b.finish(&results))
    }
}

#[derive(Hash)]
pub(super) struct GraphQuery<'q>(pub(super) &'q Graph);

impl Equivalent<EagerKey> for GraphQuery<'_> {
    fn equivalent(&self, key: &EagerKey) -> bool {
        matches!(key, EagerKey::Graph(graph) if graph == self.0)
    }
}

impl From<&GraphQuery<'_>> for EagerKey {
    fn from(query: &GraphQuery<'_>) -> EagerKey {
        EagerKey::Graph(query.0.clone())
    }
}

impl Query for GraphQuery<'_> {
    fn graph(&self) -> Result<Graph, BuildError> {
        without_tokens(self.0)
    }
}

pub(super) struct Compiled {
    pub(super) executable: Executable,
    key_bytes: usize,
}

impl Weigh for Compiled {
    fn bytes(&self) -> usize {
        self.key_bytes + self.executable.held_bytes()
    }
}

type EagerCache = Cache<EagerKey, Compiled, Failure>;
pub(super) type Entry = Arc<cache::Entry<EagerKey, Compiled>>;

fn compiled() -> &'static EagerCache {
    static CACHE: OnceLock<EagerCache> = OnceLock::new();
    CACHE.get_or_init(|| Cache::new(DEFAULT_EAGER_BUDGET))
}

/// The executable of a query, out of the cache or compiled now.
#[inline]
pub(super) fn executable<Q: Query>(query: &Q, at: CallSite) -> Result<Entry, Failure>
where
    for<'q> EagerKey: From<&'q Q>,
{
    compiled().get_or_make(query, || compile(query, at)).map_err(|error| relocated(error, at))
}

/// The executable of a query, if it was compiled before.
#[inline]
pub(super) fn known(query: &OpQuery<'_>) -> Option<Entry> {
    compiled().get(query)
}

pub(super) fn compile(query: &impl Query, at: CallSite) -> Result<Compiled, Failure> {
    let graph = query.graph().map_err(|error| Error::op(at, error))?;
    let executable = Executable::compile(&graph, &Default::default())
        .map_err(|error| Error::compile(at, &graph, error))?;
    let key_bytes = size_of::<EagerKey>() + executable.graph_bytes();
    Ok(Compiled { executable, key_bytes })
}

/// A failure that another thread's line caused is told with this line.
fn relocated(error: LookupError<Failure>, at: CallSite) -> Failure {
    match error {
        LookupError::Failed(failure) => match &*failure {
            Error::Op { error, .. } => Error::op(at, (**error).clone()).into(),
            _ => failure,
        },
        LookupError::Cycle => unreachable!("compiling an op runs no eager op"),
    }
}
