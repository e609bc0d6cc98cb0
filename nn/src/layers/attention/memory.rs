//! What a sequence had before, where a call sees a part of it alone.

use tensorwright::{Result, Tensor, assert_that};

use crate::{Decoding, Scope};

/// The steps `T[b, n, ..]` of a call behind those of the calls before, `T[b, capacity, ..]`; what is not there yet is 0.
pub(super) fn remembered(
    name: &str,
    steps: &Tensor,
    decoding: &Decoding,
    scope: &Scope<'_>,
) -> Result<Tensor> {
    let mut sizes = steps.shape()?.sizes().to_vec();
    let Decoding { position, capacity } = decoding;
    let (count, most) = (sizes[1] as i64, *capacity as i64);
    let outside = scope.refuse(format!("{count} steps from there on are not in a sequence of {capacity}"));
    match position.item::<i32>() {
        Ok(first) if first < 0 || i64::from(first) + count > most => return Err(outside),
        Ok(_) => {}
        Err(_) => assert_that(&(position.ge(0) & position.le((most - count) as i32)), &outside.to_string())?,
    }
    sizes[1] = *capacity;
    let memory = scope.state(name, &sizes[..])?;
    let zero = Tensor::scalar(0i32);
    let starts: Vec<Tensor> =
        (0..sizes.len()).map(|axis| if axis == 1 { position.clone() } else { zero.clone() }).collect();
    let all = memory.value().dynamic_update_slice(steps, Tensor::stack(&starts, 0)).ok()?;
    memory.assign(&all)?;
    Ok(all)
}
