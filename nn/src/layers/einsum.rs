//! Products that an equation describes.

use tensorwright::{Result, Tensor};

use crate::{
    Activation, Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, initializers, layer,
};

layer! {
    /// A product of the input and a kernel along the axes that an equation names, such as `"abc,cd->abd"`, plus a bias.
    pub struct EinsumDense(
        /// Letters for the axes of the input, of the kernel, and of the result; `...` for axes that stay.
        equation: String,
        /// The shape of the result without the batch, null for what the input says.
        output_shape: Vec<Option<usize>>,
    ) {
        /// What is done to the numbers at last.
        activation: Activation = Activation::Linear,
        /// The axes of the result that the bias has.
        bias_axes: Option<String> = None,
        /// The kernel before training.
        kernel_initializer: Initializer = Initializer::default(),
        /// The bias before training.
        bias_initializer: Initializer = initializers::Zeros.into(),
        /// What the kernel adds to the loss.
        kernel_regularizer: Option<Regularizer> = None,
        /// What the bias adds to the loss.
        bias_regularizer: Option<Regularizer> = None,
        /// What the results add to the loss.
        activity_regularizer: Option<Regularizer> = None,
        /// What is done to the kernel after each step.
        kernel_constraint: Option<Constraint> = None,
        /// What is done to the bias after each step.
        bias_constraint: Option<Constraint> = None,
    }
}

/// An equation with letters for all axes.
struct Equation {
    input: Vec<char>,
    kernel: Vec<char>,
    output: Vec<char>,
    /// How many axes the dots stand for, and whether these come first.
    dots: usize,
    dots_first: bool,
}

impl Equation {
    /// Reads `input,kernel->output` for an input of this rank: dots become letters that it does not use.
    fn read(text: &str, rank: usize) -> Option<Equation> {
        let (operands, output) = text.split_once("->")?;
        let (input, kernel) = operands.split_once(',')?;
        let named = input.replace("...", "").chars().count();
        let dots = rank.checked_sub(named)?;
        let word: String = ('A'..='Z').filter(|c| !text.contains(*c)).take(dots).collect();
        let letters = |part: &str| part.trim().replace("...", &word).chars().collect::<Vec<char>>();
        let dots_first = input.trim().starts_with("...");
        let (input, kernel, output) = (letters(input), letters(kernel), letters(output));
        let equation = Equation { input, kernel, output, dots, dots_first };
        let known = |part: &[char]| part.iter().all(|c| c.is_ascii_alphabetic());
        let whole = equation.input.len() == rank
            && equation.output.iter().all(|c| equation.input.contains(c) || equation.kernel.contains(c));
        (whole && known(&equation.input) && known(&equation.kernel)).then_some(equation)
    }

    /// The extents of the result, as far as they are known: of the input's batch, those that the layer is told, and between them or behind them those
    /// that the dots stand for.
    fn extents(&self, input: &[usize], told: &[Option<usize>]) -> Vec<Option<usize>> {
        let known = |sizes: &[usize]| sizes.iter().map(|&size| Some(size)).collect::<Vec<_>>();
        let batch = self.dots.max(1).min(input.len());
        match self.dots_first {
            true => [known(&input[..batch]), told.to_vec()].concat(),
            false => {
                [known(&input[..1.min(input.len())]), told.to_vec(), known(&input[input.len() - self.dots..])]
                    .concat()
            }
        }
    }

    fn text(&self) -> String {
        let word = |letters: &[char]| letters.iter().collect::<String>();
        format!("{},{}->{}", word(&self.input), word(&self.kernel), word(&self.output))
    }
}

impl Layer for EinsumDense {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?;
        let sizes = x.shape()?.sizes();
        let equation = Equation::read(&self.equation, sizes.len()).ok_or_else(|| {
            scope.refuse(format!(
                "the equation `{}` is not for {}",
                self.equation,
                x.ty().map_or_else(|e| e.to_string(), ToString::to_string)
            ))
        })?;
        let extents = equation.extents(&sizes, &self.output_shape);
        let size = |letter: &char| -> Result<usize> {
            if let Some(at) = equation.input.iter().position(|own| own == letter) {
                return Ok(sizes[at]);
            }
            let at = equation.output.iter().position(|own| own == letter);
            let given = at.and_then(|at| *extents.get(at)?);
            given.ok_or_else(|| scope.refuse(format!("the extent of `{letter}` is not known")))
        };
        let shape = equation.kernel.iter().map(size).collect::<Result<Vec<usize>>>()?;
        let spec = self.kernel_initializer.spec(&self.kernel_regularizer, &self.kernel_constraint);
        let kernel = scope.weight("kernel", shape, spec)?;
        let mut y = Tensor::einsum(&[&x, &kernel], equation.text().as_str());
        if let Some(axes) = &self.bias_axes {
            let shape = self.bias_shape(axes, &equation, &y, scope)?;
            let spec = self.bias_initializer.spec(&self.bias_regularizer, &self.bias_constraint);
            y += scope.weight("bias", shape, spec)?;
        }
        let y = self.activation.call(&y);
        scope.regularize(&self.activity_regularizer, &y)?;
        // Axes may be others: a mask ends here, as in Keras.
        Ok(y.into())
    }

    fn low_rank(&self) -> &'static [&'static str] {
        &["kernel"]
    }
}

impl EinsumDense {
    /// The shape of the bias: from its first axis on, 1 for those that it does not have.
    fn bias_shape(
        &self,
        axes: &str,
        equation: &Equation,
        y: &Tensor,
        scope: &Scope<'_>,
    ) -> Result<Vec<usize>> {
        if let Some(unknown) = axes.chars().find(|c| !equation.output.contains(c)) {
            return Err(
                scope.refuse(format!("the bias has an axis `{unknown}` that the result does not have"))
            );
        }
        let first = equation.output.iter().position(|c| axes.contains(*c)).unwrap_or(equation.output.len());
        let extents = equation.output.iter().zip(y.shape()?.sizes());
        Ok(extents.skip(first).map(|(c, size)| if axes.contains(*c) { size } else { 1 }).collect())
    }
}
