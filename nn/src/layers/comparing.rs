//! What Keras puts into a graph to find masks: comparisons as layers.

use serde_json::Value;
use tensorwright::{Result, keep};

use crate::{Argument, AxisList, Inputs, Layer, Outputs, Scope, layer};

layer! {
    /// Where elements are not the argument `x2`, a number or a tensor.
    pub struct NotEqual() {}
}

impl Layer for NotEqual {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        Ok(match inputs.argument("x2") {
            Some(Argument::Signal(other)) => x.ne(&other.value),
            Some(Argument::Plain(Value::Number(number))) => match (number.as_i64(), x.dtype()?.is_int()) {
                (Some(whole), true) => x.ne(whole),
                _ => x.ne(number.as_f64().unwrap_or(f64::NAN)),
            },
            _ => return Err(scope.refuse("the argument `x2` is missing")),
        }
        .into())
    }
}

layer! {
    /// Whether any element along axes is true.
    pub struct Any() {
        /// The axes; all if nothing is said.
        axis: Option<AxisList> = None,
        /// Whether the axes stay, with extent 1.
        keepdims: bool = false,
    }
}

impl Layer for Any {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let rank = x.rank()?;
        let axes = self.axis.as_ref().map_or_else(|| Ok((0..rank).collect()), |axes| axes.of(rank))?;
        Ok(if self.keepdims { x.any(keep(&axes)) } else { x.any(&axes[..]) }.into())
    }
}
