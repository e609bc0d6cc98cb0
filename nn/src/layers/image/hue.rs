//! What training does to hue and saturation of images (Smith 1978).

use tensorwright::{Result, Tensor, keep};

use super::color::contrasted;
use super::pictures::augmentations;
use super::range::Range;
use crate::Scope;

/// Hue, saturation and value of pixels, `T[b, h, w, 1]` each.
struct Colors {
    hue: Tensor,
    saturation: Tensor,
    value: Tensor,
}

impl Colors {
    /// Of red, green and blue, `T[b, h, w, 3]`.
    fn of(x: &Tensor, scope: &Scope<'_>) -> Result<Colors> {
        if x.extent(-1)? != 3 {
            return Err(scope.refuse(format!("images of red, green and blue are wanted, found {}", x.ty()?)));
        }
        let [red, green, blue] = [0, 1, 2].map(|channel| x.i((.., .., .., channel..channel + 1)));
        let value = x.max(keep(-1));
        let range = &value - x.min(keep(-1));
        let is_gray = range.le(0.0);
        let sixth = 1.0 / (is_gray.select(1.0, &range) * 6.0);
        let [from_red, from_green, from_blue] = [
            &sixth * (&green - &blue),
            &sixth * (&blue - &red) + 2.0 / 6.0,
            &sixth * (&red - &green) + 4.0 / 6.0,
        ];
        let hue = red.eq(&value).select(from_red, green.eq(&value).select(from_green, from_blue));
        let hue = is_gray.select(0.0, &hue);
        let saturation = value.gt(0.0).select(&range / value.gt(0.0).select(&value, 1.0), 0.0);
        Ok(Colors { hue: hue.lt(0.0).select(&hue + 1.0, &hue), saturation, value })
    }

    /// Red, green and blue, `T[b, h, w, 3]`.
    fn mixed(&self) -> Tensor {
        let sixths = &self.hue * 6.0;
        let parts = [(&sixths - 3.0).abs() - 1.0, 2.0 - (&sixths - 2.0).abs(), 2.0 - (&sixths - 4.0).abs()];
        let channel =
            |part: Tensor| ((1.0 - &self.saturation) + &self.saturation * part.clamp(0.0, 1.0)) * &self.value;
        Tensor::concat(&parts.map(channel), -1)
    }
}

/// Images whose hue is turned by up to half of the factor, either way.
fn turned(x: &Tensor, factor: Range, values: Range, scope: &Scope<'_>) -> Result<Tensor> {
    let unit = Range::new(0.0, 1.0);
    let sign = unit.draw(x, scope)?.gt(0.5).select(-0.5, 0.5).cast(x.dtype()?);
    let more = sign * factor.at_least(0.0).draw(x, scope)?;
    let colors = Colors::of(&values.mapped(x, unit), scope)?;
    let hue = &colors.hue + more;
    let hue = hue.gt(1.0).select(&hue - 1.0, &hue);
    let hue = hue.lt(0.0).select(&hue + 1.0, &hue);
    Ok(unit.mapped(&unit.clamp(Colors { hue, ..colors }.mixed()), values))
}

/// Images of other saturation: of a factor from 0 to 1, 0.5 is as it was.
fn saturated(x: &Tensor, factor: Range, values: Range, scope: &Scope<'_>) -> Result<Tensor> {
    let factor = factor.at_least(0.0).draw(x, scope)?;
    let factor = &factor / (1.0 - &factor + 1e-7);
    let colors = Colors::of(x, scope)?;
    let saturation = values.clamp(&colors.saturation * factor);
    Ok(Colors { saturation, ..colors }.mixed())
}

augmentations! {
    /// In training, images whose hue is turned, of red, green and blue.
    RandomHue(
        /// By which part of half a circle, either way.
        factor: Range,
    ) {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) reads FloatsInTraining => turned(&x, this.factor, this.value_range, scope)?;
    /// In training, images of stronger or weaker colours, of red, green and blue.
    RandomSaturation(
        /// How strong: 0.5 is as it was, 0 gray, 1 as strong as can be.
        factor: Range,
    ) {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
    } (this, x, scope) reads FloatsInTraining => saturated(&x, this.factor, this.value_range, scope)?;
    /// In training, other brightness, contrast, saturation and hue, as far as their factors are given.
    RandomColorJitter() {
        /// The least and the greatest number of a pixel.
        value_range: Range = Range::of_pixels(),
        /// As [`RandomBrightness`](super::RandomBrightness) has it.
        brightness_factor: Option<Range> = None,
        /// As [`RandomContrast`](super::RandomContrast) has it.
        contrast_factor: Option<Range> = None,
        /// As [`RandomSaturation`] has it.
        saturation_factor: Option<Range> = None,
        /// As [`RandomHue`] has it.
        hue_factor: Option<Range> = None,
    } (this, x, scope) reads FloatsInTraining => {
        let (values, mut x) = (this.value_range, x);
        if let Some(factor) = this.brightness_factor {
            x = values.clamp(&x + factor.draw(&x, scope)? * values.length());
        }
        if let Some(factor) = this.contrast_factor {
            let factor = factor.at_least(0.0);
            let factor = Range::new(1.0 - factor.low(), 1.0 + factor.high()).draw(&x, scope)?;
            x = contrasted(&x, factor, values);
        }
        if let Some(factor) = this.saturation_factor {
            x = saturated(&x, factor, values, scope)?;
        }
        match this.hue_factor {
            Some(factor) => turned(&x, factor, values, scope)?,
            None => x,
        }
    };
}
