//! Shorter gradients.

use tensorwright::{Result, Tensor};

use super::Settings;

/// The gradients, clipped as the settings say.
pub(super) fn clipped(gradients: Vec<Tensor>, settings: &Settings) -> Result<Vec<Tensor>> {
    let each = |clip: &dyn Fn(&Tensor) -> Tensor| gradients.iter().map(clip).collect();
    if let Some(longest) = settings.clipnorm {
        return Ok(each(&|g| by_norm(g, longest)));
    }
    if let Some(longest) = settings.global_clipnorm {
        return by_global_norm(&gradients, longest);
    }
    if let Some(distance) = settings.clipvalue {
        return Ok(each(&|g| g.clamp(-distance, distance)));
    }
    Ok(gradients)
}

fn by_norm(gradient: &Tensor, longest: f64) -> Tensor {
    gradient * longest / gradient.square().sum(..).sqrt().maximum(longest)
}

/// Gradients of different dtypes are measured in that of the first.
fn by_global_norm(gradients: &[Tensor], longest: f64) -> Result<Vec<Tensor>> {
    let Some(first) = gradients.first() else { return Ok(Vec::new()) };
    let dtype = first.dtype()?;
    let squares = gradients.iter().map(|g| g.square().sum(..).cast(dtype));
    let Some(length) = squares.reduce(|sum, square| sum + square).map(|sum| sum.sqrt()) else {
        return Ok(Vec::new());
    };
    // What is infinite or NaN is so for all.
    let scale = (1.0 / &length).minimum(1.0 / longest) * longest + &length * 0.0;
    gradients.iter().map(|g| Ok(g * scale.cast(g.dtype()?))).collect()
}
