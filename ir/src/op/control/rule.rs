//! The checks that ops with regions share.

use crate::op::rule::tensor;
use crate::op::{Port, RegionName, TypeError, Types};
use crate::{DType, DTypeClass, Graph, TensorType, Type};

/// A type that a region must take or give, with what prescribes it.
pub(super) type Expected = (Type, String);

/// The types of these operands, the first of which is number `first`.
pub(super) fn of_operands(operands: &[&Type], first: usize) -> Vec<Expected> {
    operands.iter().enumerate().map(|(i, &ty)| (ty.clone(), format!("operand {}", first + i))).collect()
}

/// The types of the outputs of a region, for others that must give the same.
pub(super) fn of_outputs(region: &Graph, name: RegionName) -> Vec<Expected> {
    let like = |i| format!("output {i} of region `{name}`");
    region.output_types().into_iter().enumerate().map(|(i, ty)| (ty, like(i))).collect()
}

/// The region must take inputs of these types.
pub(super) fn takes(region: &Graph, name: RegionName, expected: &[Expected]) -> Result<(), TypeError> {
    check(region, name, Port::Input, expected)
}

/// The region must give outputs of these types.
pub(super) fn gives(region: &Graph, name: RegionName, expected: &[Expected]) -> Result<(), TypeError> {
    check(region, name, Port::Output, expected)
}

fn check(region: &Graph, name: RegionName, port: Port, expected: &[Expected]) -> Result<(), TypeError> {
    let found = ports(region, port);
    if found.len() != expected.len() {
        let (expected, found) = (expected.len(), found.len());
        return Err(TypeError::RegionPorts { region: name, ports: port, expected, found });
    }
    agree(name, port, expected, found)
}

/// The first outputs of the region must have these types; there may be more of them.
pub(super) fn gives_first(region: &Graph, name: RegionName, expected: &[Expected]) -> Result<(), TypeError> {
    let found = region.output_types();
    if found.len() < expected.len() {
        let (expected, found) = (expected.len(), found.len());
        return Err(TypeError::RegionPorts { region: name, ports: Port::Output, expected, found });
    }
    agree(name, Port::Output, expected, found)
}

fn agree(region: RegionName, port: Port, expected: &[Expected], found: Vec<Type>) -> Result<(), TypeError> {
    match expected.iter().zip(found).enumerate().find(|(_, ((expected, _), found))| expected != found) {
        None => Ok(()),
        Some((position, ((expected, like), found))) => {
            let (expected, like, found) = (expected.clone().into(), like.clone(), found.into());
            Err(TypeError::RegionType { region, port, position, expected, like, found })
        }
    }
}

fn ports(region: &Graph, port: Port) -> Vec<Type> {
    match port {
        Port::Input => region.input_types(),
        Port::Output => region.output_types(),
    }
}

/// The operand must have this type.
pub(super) fn operand_is(
    operands: &[&Type],
    operand: usize,
    role: &'static str,
    expected: impl Into<Type>,
) -> Result<(), TypeError> {
    let expected = expected.into();
    match operands[operand] {
        found if *found == expected => Ok(()),
        found => {
            let (expected, found) = (expected.into(), found.clone().into());
            Err(TypeError::OperandType { operand, role, expected, found })
        }
    }
}

/// The operand must be a tensor with a dtype of the class.
pub(super) fn tensor_of<'a>(
    operands: &[&'a Type],
    operand: usize,
    class: DTypeClass,
) -> Result<&'a TensorType, TypeError> {
    let ty = tensor(operands[operand], operand)?;
    let error = || TypeError::DTypeClass { operand, expected: class, found: ty.dtype };
    class.contains(ty.dtype).then_some(ty).ok_or_else(error)
}

/// The condition of a loop gives one bool.
pub(super) fn decides(region: &Graph) -> Result<(), TypeError> {
    gives(
        region,
        RegionName::Condition,
        &[(TensorType::scalar(DType::Bool).into(), "every condition".to_owned())],
    )
}

/// That many operands are there.
pub(super) fn has_operands(
    attribute: &'static str,
    count: Option<usize>,
    operands: &[&Type],
) -> Result<(), TypeError> {
    match count {
        Some(count) if count <= operands.len() => Ok(()),
        _ => Err(TypeError::attribute(attribute, format!("there are only {} operands", operands.len()))),
    }
}

/// The type of a slice along axis 0.
pub(super) fn slice_of(ty: &TensorType) -> TensorType {
    ty.with_shape(ty.shape.without(&[0]))
}

/// Types of the slices of these operands along axis 0, which must have the extent `length`.
pub(super) fn slices(operands: &[&Type], first: usize, length: usize) -> Result<Vec<Expected>, TypeError> {
    let slice = |(i, ty): (usize, &&Type)| {
        let Some(ty) = ty.as_tensor() else {
            return Err(TypeError::Other(format!("operand {i} is a {ty} and has no slices")));
        };
        match ty.shape.first() {
            None => Err(TypeError::Other(format!("operand {i} is a scalar and has no slices"))),
            Some(extent) if extent.size() != length => {
                let reason = format!("operand {i} has {extent} slices, found {length}");
                Err(TypeError::attribute("length", reason))
            }
            Some(_) => Ok((slice_of(ty).into(), format!("a slice of operand {i}"))),
        }
    };
    operands.iter().enumerate().map(|(i, ty)| slice((first + i, ty))).collect()
}

/// Types of stacks of `length` such slices.
pub(super) fn stacks(slices: &[Type], length: usize) -> Result<Types, TypeError> {
    let stack = |ty: &Type| {
        let Some(ty) = ty.as_tensor() else {
            let what = format!("a {ty} cannot be stacked: lists and tokens are state or invariants");
            return Err(TypeError::Other(what));
        };
        let shape = ty.shape.with_leading(length.into());
        if shape.check() { Ok(ty.with_shape(shape).into()) } else { Err(TypeError::TooLarge { shape }) }
    };
    slices.iter().map(stack).collect()
}
