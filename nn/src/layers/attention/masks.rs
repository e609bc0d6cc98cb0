//! Masks of attention: who may look at whom.

use tensorwright::{DType, Result, Tensor};

use super::memory::remembered;
use crate::{Decoding, Scope};

/// The masks of one call.
pub(super) struct Masks {
    /// Which queries count, `bool[b, n]`.
    pub(super) query: Option<Tensor>,
    /// Which values count, `bool[b, m]`.
    pub(super) value: Option<Tensor>,
    /// Which keys count, `bool[b, m]`.
    pub(super) key: Option<Tensor>,
    /// Whether a query looks at nothing behind it.
    pub(super) causal: bool,
    /// How far a query looks, itself included.
    pub(super) window: Option<usize>,
    /// The place of the first query, if it is not that of the first key.
    pub(super) start: Option<Tensor>,
}

impl Masks {
    /// All of them as one, `bool[b, n, m]` with extents of 1 where it is the same; together with one that is given.
    pub(super) fn joined(
        &self,
        queries: usize,
        keys: usize,
        given: Option<Tensor>,
    ) -> Result<Option<Tensor>> {
        let column = |mask: &Tensor| mask.cast(DType::Bool).expand_dims(-1);
        let row = |mask: &Tensor| mask.cast(DType::Bool).expand_dims(-2);
        let parts = [
            self.query.as_ref().map(column),
            self.value.as_ref().map(row),
            self.key.as_ref().map(row),
            self.causal.then(|| self.distances(queries, keys).ge(0)),
            self.window.map(|window| {
                self.distances(queries, keys).abs().lt(i32::try_from(window).unwrap_or(i32::MAX))
            }),
            given.map(|given| given.cast(DType::Bool)),
        ];
        parts.into_iter().flatten().reduce(|all, part| all & part).map(Tensor::ok).transpose()
    }

    /// How far each key is behind each query, `i32[1, n, m]`.
    fn distances(&self, queries: usize, keys: usize) -> Tensor {
        let distances = distances(queries, keys);
        match &self.start {
            Some(start) => distances + start,
            None => distances,
        }
    }

    /// The masks of a call that sees the last part of a sequence alone.
    pub(super) fn go_on(&mut self, decoding: &Decoding, scope: &Scope<'_>) -> Result<()> {
        self.start = Some(decoding.position.clone());
        for (name, mask) in [("value_mask", &mut self.value), ("key_mask", &mut self.key)] {
            if let Some(steps) = mask.take() {
                let all = remembered(name, &steps.cast(scope.dtype()), decoding, scope)?;
                *mask = Some(all.cast(DType::Bool));
            }
        }
        Ok(())
    }
}

/// How far each key is behind each query, `i32[1, n, m]`.
fn distances(queries: usize, keys: usize) -> Tensor {
    let places = |count: usize| Tensor::arange(count, DType::I32);
    places(queries).reshape([1, queries, 1]) - places(keys).reshape([1, 1, keys])
}

/// True where a key is not behind the query.
pub(super) fn causal(queries: usize, keys: usize) -> Tensor {
    distances(queries, keys).ge(0)
}
