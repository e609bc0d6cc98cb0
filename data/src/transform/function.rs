//! Closures of users as functions of elements. What takes and gives tensors alone is traced and compiled; anything else is called.

use std::sync::{Arc, Mutex, PoisonError};

use tensorwright::{Function, Graph, Tensor, TensorSpec, function};

use super::blocks::{Blocks, MapFn};
use crate::error::{DataError, Result};
use crate::item::{FromItem, IntoItem, Item};
use crate::pipeline::not_a;
use crate::spec::{ElementKind, Extents, Spec};

/// A function of elements.
pub(crate) type ItemFn = Arc<dyn Fn(Item) -> Result<Item> + Send + Sync>;

/// A function of elements, and what it gives.
pub(crate) struct Typed {
    pub(crate) f: ItemFn,
    /// The same for many elements at once, where there is such a thing.
    pub(super) blocks: Option<Arc<Blocks>>,
    pub(crate) spec: Spec,
}

impl Typed {
    /// A closure over elements of a spec.
    ///
    /// # Errors
    /// When it takes something else, or an op in it does not accept its operands.
    pub(crate) fn new<A, B, F>(input: &Spec, f: F) -> Result<Typed>
    where
        A: FromItem,
        B: IntoItem,
        F: Fn(A) -> B + Send + Sync + 'static,
    {
        if !A::accepts(input) {
            return Err(not_a::<A>(input));
        }
        if A::IS_TENSORS && B::IS_TENSORS {
            let body = Arc::new(move |item: Item| f(A::from_item(item)?).into_item());
            return traced(input, body);
        }
        let f = Arc::new(move |item: Item| f(A::from_item(item)?).into_item());
        Ok(Typed { f, blocks: None, spec: B::spec() })
    }

    /// A function that is given what it makes of elements, which each result must be.
    pub(crate) fn given(spec: Spec, f: impl Fn(Item) -> Result<Item> + Send + Sync + 'static) -> Typed {
        let wanted = spec.clone();
        Typed { f: Arc::new(move |item| f(item)?.fitting(&wanted)), blocks: None, spec }
    }

    /// A function that gives anything.
    pub(super) fn any(f: ItemFn) -> Typed {
        Typed { f, blocks: None, spec: Spec::Any }
    }

    /// As what a map applies.
    pub(super) fn map_fn(self) -> MapFn {
        MapFn { one: self.f, blocks: self.blocks }
    }
}

/// The structure of what a closure gave, noted while it is traced.
pub(super) type Noted = Arc<Mutex<Option<Item>>>;

fn traced(input: &Spec, body: ItemFn) -> Result<Typed> {
    let (noted, wanted) = (Noted::default(), input.clone());
    let note = Arc::clone(&noted);
    let function = function(move |tensors: Vec<Tensor>| -> tensorwright::Result<Vec<Tensor>> {
        let item = body(arranged(&wanted, &mut tensors.into_iter().map(leaf))?)?;
        let tensors = item.components().into_iter().map(|leaf| Ok(leaf.to_tensor()?));
        let tensors = tensors.collect::<tensorwright::Result<_>>()?;
        *note.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(item.try_map(&mut |_| Ok::<_, DataError>(Item::number(false)))?);
        Ok(tensors)
    });
    let (spec, graph) = result_spec(input, &function, &noted)?;
    let blocks = graph.and_then(|graph| Blocks::new(input, &function, &graph, &noted)).map(Arc::new);
    let f = move |item: Item| {
        let tensors = item.components().into_iter().map(Item::to_tensor).collect::<Result<Vec<_>>>()?;
        refilled(&noted, function.call_with_threads(1, &tensors)?)
    };
    Ok(Typed { f: Arc::new(f), blocks, spec })
}

/// A tensor that may be traced, as a leaf.
fn leaf(tensor: Tensor) -> Result<Item> {
    Item::from_tensor(tensor)
}

/// Leaves in the structure of a spec.
fn arranged(spec: &Spec, leaves: &mut dyn Iterator<Item = Result<Item>>) -> Result<Item> {
    match spec {
        Spec::Tuple(parts) => {
            Ok(Item::tuple(parts.iter().map(|part| arranged(part, leaves)).collect::<Result<Vec<_>>>()?))
        }
        Spec::Dict(parts) => {
            let parts = parts.iter().map(|(name, part)| Ok((&**name, arranged(part, leaves)?)));
            Ok(Item::dict(parts.collect::<Result<Vec<_>>>()?))
        }
        _ => leaves.next().unwrap_or_else(|| Err(DataError::invalid("a component is missing"))),
    }
}

/// Tensors in the structure of an element.
pub(super) fn refilled(noted: &Noted, tensors: Vec<Tensor>) -> Result<Item> {
    let shape = noted.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let shape = shape.ok_or_else(|| DataError::invalid("the function was not traced"))?;
    let mut tensors = tensors.into_iter();
    shape.try_map(&mut |_| match tensors.next() {
        Some(tensor) => Item::from_tensor(tensor),
        None => Err(DataError::invalid("the function gave fewer tensors than when it was traced")),
    })
}

/// What a function of tensors gives, and its graph, if sizes are known. Sizes that are not known are tried out: extents that differ with them are not known.
fn result_spec(
    input: &Spec,
    function: &Function<Vec<Tensor>, Vec<Tensor>>,
    noted: &Noted,
) -> Result<(Spec, Option<Graph>)> {
    let is_whole = input
        .components()
        .iter()
        .all(|spec| matches!(spec, Spec::Dense(_, shape) if shape.sizes().is_some()));
    if is_whole {
        return spec_for(input, 0, function, noted);
    }
    let [small, large] = [2, 3].map(|size| spec_for(input, size, function, noted).map(|(spec, _)| spec));
    let spec = small.ok().zip(large.ok()).and_then(|(small, large)| small.relaxed(&large));
    Ok((spec.unwrap_or(Spec::Any), None))
}

/// What it gives if all unknown extents are `size`, and its graph then, if it is one.
fn spec_for(
    input: &Spec,
    size: usize,
    function: &Function<Vec<Tensor>, Vec<Tensor>>,
    noted: &Noted,
) -> Result<(Spec, Option<Graph>)> {
    let specs = input.components().into_iter().map(|spec| match spec {
        Spec::Dense(ElementKind::Number(dtype), shape) => {
            let extents = shape.known()?.iter().map(|extent| Some(extent.unwrap_or(size)));
            Some(TensorSpec::new(*dtype, extents))
        }
        _ => None,
    });
    let Some(specs) = specs.collect::<Option<Vec<TensorSpec>>>() else { return Ok((Spec::Any, None)) };
    let concrete = function.concrete(&specs)?;
    let mut types = concrete.output_types().iter();
    let shape = noted.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(shape) = shape.filter(|_| types.len() > 0) else { return Ok((Spec::Any, None)) };
    let spec = shape.spec().map(|_| match types.next() {
        Some(ty) => Spec::number(ty.dtype, Extents::from(ty.shape.sizes().as_slice())),
        None => Spec::Any,
    });
    Ok((spec, Some(concrete.graph().clone())))
}
