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
    /// All of them as one, `bool[b, n, m]` with extents of 1 where it is the same; together with one that is given, which keeps its dtype where it is the only one.
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
        ];
        with_given(parts.into_iter().flatten().reduce(|all, part| all & part), given)
    }

    /// All of them as one, `bool[b, h, n, m]` with extents of 1 where it is the same; one that is given is `[n, m]`, `[b, n, m]` or `[b, h, n, m]`, and keeps its dtype where
    /// it is the only one.
    pub(super) fn by_head(
        &self,
        queries: usize,
        keys: usize,
        given: Option<Tensor>,
        scope: &Scope<'_>,
    ) -> Result<Option<Tensor>> {
        let own = self.joined(queries, keys, None)?.map(|mask| mask.expand_dims(1));
        let given = given.map(|mask| match mask.rank()? {
            2 => Ok(mask.expand_dims([0, 1])),
            3 => Ok(mask.expand_dims(1)),
            4 => Ok(mask),
            _ => {
                Err(scope.refuse(format!("`attention_mask` is for each query and key, found {}", mask.ty()?)))
            }
        });
        with_given(own, given.transpose()?)
    }

    /// How far each key is behind each query, `i32[1, n, m]`.
    pub(super) fn distances(&self, queries: usize, keys: usize) -> Tensor {
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

/// Both masks, if there are two; one that is given keeps its dtype where it is the only one, as in Keras.
fn with_given(own: Option<Tensor>, given: Option<Tensor>) -> Result<Option<Tensor>> {
    match (own, given) {
        (Some(own), Some(given)) => (own & given.cast(DType::Bool)).ok().map(Some),
        (own, given) => own.or(given).map(Tensor::ok).transpose(),
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
