//! Taps that slide along an axis: of convolutions and of windows.

/// How taps slide: tap `k` of result `y` is at place `y * stride + k * tap_places - low`, element `i` at place `i * element_places`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slide {
    pub(super) stride: usize,
    pub(super) low: i64,
    pub(super) high: i64,
    pub(super) element_places: usize,
    pub(super) tap_places: usize,
}

/// Places from the first to the last of so many things that are `apart`.
fn span(count: usize, apart: usize) -> i128 {
    if count == 0 { 0 } else { (count as i128 - 1).saturating_mul(apart as i128) + 1 }
}

fn offset(places: i128) -> i64 {
    places.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

impl Slide {
    /// How many results there are; `None` if the numbers are too large to tell.
    pub(super) fn results(&self, elements: usize, taps: usize) -> Option<usize> {
        let padding = i128::from(self.low) + i128::from(self.high);
        let room = span(elements, self.element_places)
            .checked_add(padding)?
            .checked_sub(span(taps, self.tap_places))?;
        if room < 0 {
            return Some(0);
        }
        usize::try_from(room / self.stride as i128 + 1).ok()
    }

    /// The element that a tap of a result meets.
    pub(super) fn source(&self, result: usize, tap: usize, elements: usize) -> Option<usize> {
        let at = (result as i128)
            .checked_mul(self.stride as i128)?
            .checked_add((tap as i128).checked_mul(self.tap_places as i128)?)?
            .checked_sub(i128::from(self.low))?;
        let apart = self.element_places as i128;
        let fits = at >= 0 && at % apart == 0 && at / apart < elements as i128;
        fits.then_some((at / apart) as usize)
    }

    /// Taps of a result with the elements that they meet, in ascending order. It takes as long as there are elements, however many taps there are.
    pub(super) fn met(&self, result: usize, elements: usize, taps: usize) -> Vec<(usize, usize)> {
        let tap = |element: usize| {
            let first = (result as i128).checked_mul(self.stride as i128)?.checked_sub(self.low.into())?;
            let places = (element as i128).checked_mul(self.element_places as i128)?.checked_sub(first)?;
            let (tap, apart) = (places / self.tap_places as i128, self.tap_places as i128);
            (places >= 0 && places % apart == 0 && tap < taps as i128).then_some((tap as usize, element))
        };
        (0..elements).filter_map(tap).collect()
    }

    /// The other way round: from results to elements, with taps counted from the last one on.
    pub(super) fn transposed(&self, elements: usize, taps: usize, results: usize) -> Slide {
        let low = (taps as i128 - 1).saturating_mul(self.tap_places as i128) - i128::from(self.low);
        let steps = (elements as i128 - 1).saturating_mul(self.element_places as i128);
        let high = steps + span(taps, self.tap_places) - span(results, self.stride) - low;
        Slide {
            stride: self.element_places,
            low: offset(low),
            high: offset(high),
            element_places: self.stride,
            tap_places: self.tap_places,
        }
    }

    /// From results, as taps, to taps, as results.
    pub(super) fn by_taps(&self, elements: usize, taps: usize, results: usize) -> Slide {
        let steps = (taps as i128 - 1).saturating_mul(self.tap_places as i128);
        let high =
            steps + span(results, self.stride) - span(elements, self.element_places) - i128::from(self.low);
        Slide {
            stride: self.tap_places,
            low: self.low,
            high: offset(high),
            element_places: self.element_places,
            tap_places: self.stride,
        }
    }
}
