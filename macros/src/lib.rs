//! Derives for containers of tensors and layers, and natural control flow.

mod function;
mod layer;
mod module;
mod tree;

use proc_macro::TokenStream;

/// Makes a struct or enum a tree of its fields, so that functions can take and return it.
///
/// Fields are trees themselves: tensors, plain values, containers of them. A field marked `#[tree(static)]`
/// need not be: it is part of the signature by its `Hash`, and must be `Clone + Debug + Eq + Hash + Send +
/// Sync`. Variants of an enum are part of the signature.
#[proc_macro_derive(Tree, attributes(tree))]
pub fn derive_tree(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    tree::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct a module of its fields: its variables are theirs, with the names of fields in their paths. A field marked
/// `#[module(skip)]` holds none.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    module::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct of settings a layer, whose function is its method `forward`: a layer is written down as JSON, loaded again, and part of models.
///
/// A field marked `#[layer(default)]` or `#[layer(default = 0.5)]` has a default, and a method of its name that sets it; `new` takes the other
/// fields. The name of the class is that of the struct, unless it is marked `#[layer(class = "Name")]`. Fields are `Field`s: numbers,
/// strings, options, lists, initialisers and the like, other layers; the struct is `Clone`.
///
/// `forward` takes what the layer is applied to, a tensor or whatever else is `FromInputs`, and the scope of the call, which makes weights; it gives
/// a `Result` of a tensor, several, or `Outputs`.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::nn::{Initializer, Layer, Scope, initializers, layer_from_json, register};
///
/// /// Each channel times a number that is learnt.
/// #[derive(Clone, Layer)]
/// pub struct Scale {
///     /// The number to begin with.
///     #[layer(default = 1.0)]
///     start: f64,
/// }
///
/// impl Scale {
///     fn forward(&self, x: Tensor, scope: &Scope<'_>) -> Result<Tensor> {
///         let start = Initializer::from(initializers::Constant { value: self.start });
///         Ok(&x * scope.weight("scale", [x.extent(-1)?], start)?)
///     }
/// }
///
/// register::<Scale>();
/// let scale = Scale::new().start(2.0).layer();
/// assert_eq!(scale.infer(Tensor::from([1.0f32, 2.0]))?.to_vec::<f32>()?, [2.0, 4.0]);
/// let loaded = layer_from_json(&scale.to_json())?;
/// assert_eq!(loaded.infer(Tensor::from([3.0f32]))?.to_vec::<f32>()?, [6.0]);
/// # Ok::<(), tensorwright::nn::Error>(())
/// ```
#[proc_macro_derive(Layer, attributes(layer))]
pub fn derive_layer(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    layer::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a function over tensors a traced one, with ordinary Rust control flow that tensors may decide.
///
/// A call traces and compiles the function once per signature of its arguments, and then just runs it. Where a tensor decides,
/// control flow becomes part of the graph; where a plain value does, it stays Rust, and runs while tracing.
///
/// ```
/// use tensorwright::prelude::*;
///
/// #[function]
/// fn collatz(n: Tensor) -> Tensor {
///     let (mut n, mut steps) = (n, Tensor::from(0i32));
///     while n != 1 {
///         if n.rem(2) == 0 {
///             n = n.div(2);
///         } else {
///             n = n * 3 + 1;
///         }
///         steps += 1;
///     }
///     steps
/// }
///
/// assert_eq!(collatz(Tensor::from(27i32)).item::<i32>()?, 111);
/// assert_eq!(collatz(Tensor::from(6i32)).item::<i32>()?, 8);
/// assert_eq!(collatz::function().trace_count(), 1); // one graph, with a loop in it
/// # Ok::<(), Error>(())
/// ```
///
/// | Rust | becomes | rules |
/// |---|---|---|
/// | `if` of a tensor | `cond` | a variable that a side assigns has the same dtype and shape after both |
/// | `while` of a tensor, `loop` that a tensor ends | `while_loop` | a variable that the body assigns keeps its dtype and shape |
/// | `for x in tensor` | a loop over axis 0 | |
/// | `for i in range(n)`, `range(a..=b)`, `a..n` of a tensor, with `.rev()`, `.step_by(k)` | a loop that counts | bounds are integer scalars; the items have their dtype |
/// | `break`, `continue`, `return`, with labels | flags, and guards of what they skip | in statements, `let`, assignments and at the end of blocks |
/// | `a < b` and so on, `&&`, `\|\|`, `!` | ops | plain values alone keep the short circuit |
/// | `println!`; `assert!`, `assert_eq!`, `assert_ne!`, `debug_assert!` | `print` and `assert` ops, in order | if a tensor is among their arguments; `assert_eq!` is about all elements |
/// | `(a, b) = ..`, `[x, _] = ..`, `P { x, .. } = ..` | assignments to each part | |
/// | `print!`, `eprintln!`, `dbg!` | Rust | they show what is known while tracing: a tensor's type |
/// | `match`, `if let`, plain conditions, `for` over iterators, `0..10` | Rust | loops are unrolled; `range(0..10)` is not |
///
/// # Arguments and results
///
/// Arguments are trees or references to trees: tensors, and plain values, which are part of the signature. A call that fails returns
/// tensors that carry the error; a `tensorwright::Result` is returned as such, and is needed for other results than tensors and
/// tuples and arrays of them. Inside, `?` ends the trace.
///
/// # The function behind it
///
/// `f::function()` is the [`Function`](https://docs.rs/tensorwright) of `f`, with its counters and dumps; a generic function has one for
/// each instance, `f::function::<T>()`. A method with the receiver `&self` has `Self::f_function()`: the receiver is an argument like
/// the others, so its type derives `Tree`, and receivers of one signature share their code. So has a function without a receiver in
/// an `impl` block; if it does not mention `Self`, it says `#[function(associated)]`. Functions called in a trace join it.
///
/// # What stays as it is
///
/// Closures in the body are ordinary Rust: use `cond` and `while_loop` in them. What a block does to values that are no trees
/// happens while tracing, for both sides of an `if`. A variable that a block moves is cloned if another block may use it too.
#[proc_macro_attribute]
pub fn function(options: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
