//! Where tokens are, told to attention by heads: queries and keys that are turned, and scores that fall with the distance.

use tensorwright::{AttentionOptions, DType, Result, Tensor};

use super::masks::Masks;
use crate::Scope;
use crate::layers::AlibiBias;

/// What a layer says of places.
#[derive(Clone, Copy)]
pub(super) struct Places {
    /// The slowest turn has a wavelength of `2 pi` times this.
    pub(super) wavelength: Option<f64>,
    /// The last head's slope is 2 to the power of minus this.
    pub(super) slope: Option<f64>,
}

impl Places {
    /// Queries and keys `T[b, n, h, d]` turned by where they are; of a part of a sequence, from where it begins.
    pub(super) fn turned(
        self,
        [query, key]: [Tensor; 2],
        causal: bool,
        scope: &Scope<'_>,
    ) -> Result<[Tensor; 2]> {
        let Some(wavelength) = self.wavelength else {
            self.check(&query, scope)?;
            return Ok([query, key]);
        };
        if query.rank()? != 4 || query.extent(-1)? % 2 != 0 {
            let found = query.ty()?;
            return Err(
                scope.refuse(format!("heads of even length in sequences are turned, found {found} of them"))
            );
        }
        let first = scope.decoding().filter(|_| causal).map(|decoding| decoding.position.clone());
        let turn = |x: Tensor| -> Result<Tensor> {
            let places = Tensor::arange(x.extent(1)?, DType::I32);
            let places = first.as_ref().map_or(places.clone(), |first| places + first);
            x.swap_axes(1, 2).rotary_embedding(places, wavelength).swap_axes(1, 2).ok()
        };
        Ok([turn(query)?, turn(key)?])
    }

    fn check(self, query: &Tensor, scope: &Scope<'_>) -> Result<()> {
        match self.slope.is_some() && query.rank()? != 4 {
            true => Err(scope.refuse(format!("distances are those of sequences, found {}", query.ty()?))),
            false => Ok(()),
        }
    }

    fn slopes(self, heads: usize) -> Option<Tensor> {
        let slopes = AlibiBias::new().alibi_bias_max(self.slope?).slopes(heads);
        Some(Tensor::from_slice(&slopes, [heads]))
    }

    /// What scores of so many heads, queries and keys lose, `T[h, n, m]`.
    pub(super) fn lost(
        self,
        [heads, queries, keys]: [usize; 3],
        masks: &Masks,
        dtype: DType,
    ) -> Option<Tensor> {
        let slopes = self.slopes(heads)?.cast(dtype).reshape([heads, 1, 1]);
        Some(slopes * masks.distances(queries, keys).abs().cast(dtype))
    }

    /// Options of attention that takes that off.
    pub(super) fn options(
        self,
        options: AttentionOptions,
        extents: [usize; 3],
        masks: &Masks,
        dtype: DType,
    ) -> AttentionOptions {
        match (&masks.start, self.slopes(extents[0])) {
            (_, None) => options,
            (None, Some(slopes)) => options.slopes(slopes),
            (Some(_), Some(_)) => match self.lost(extents, masks, dtype) {
                Some(lost) => options.bias(-lost),
                None => options,
            },
        }
    }
}
