//! Tensors as NumPy files.

use std::path::Path;

use half::f16;
use npyz::{NpyFile, Order, WriterBuilder};
use num_complex::Complex;
use tensorwright_ir::op::rule;
use tensorwright_ir::{DType, Element, Literal, TensorType};

use crate::fault::Fault;
use crate::{input, output};

/// The tensor of type `ty` in a file. Fails if the file has another type; there is no conversion.
pub(crate) fn load(path: &Path, ty: &TensorType) -> Result<Literal, Fault> {
    let found = load_any(path, ty.dtype)?;
    if found.ty() == ty {
        return Ok(found);
    }
    let shape = found.ty().shape.sizes();
    Err(Fault::input(format!("{}: the tensor must be {ty}, found shape {shape:?}", path.display())))
}

/// The tensor in a file, of whatever shape.
pub(crate) fn load_any(path: &Path, dtype: DType) -> Result<Literal, Fault> {
    let bytes = input::read(path)?;
    parse(&bytes, dtype).map_err(|what| Fault::input(format!("{}: {what}", path.display())))
}

/// The tensor of a file's bytes; the error says what is wrong with them.
pub(crate) fn parse(bytes: &[u8], dtype: DType) -> Result<Literal, String> {
    let file = NpyFile::new(bytes).map_err(|error| format!("not an npy file: {error}"))?;
    let shape: Vec<usize> = file.shape().iter().map(|&d| usize::try_from(d).unwrap_or(usize::MAX)).collect();
    let ty = &TensorType::new(dtype, shape);
    let literal = match dtype {
        DType::Bool => elements::<bool>(file, ty),
        DType::I8 => elements::<i8>(file, ty),
        DType::I16 => elements::<i16>(file, ty),
        DType::I32 => elements::<i32>(file, ty),
        DType::I64 => elements::<i64>(file, ty),
        DType::U8 => elements::<u8>(file, ty),
        DType::U16 => elements::<u16>(file, ty),
        DType::U32 => elements::<u32>(file, ty),
        DType::U64 => elements::<u64>(file, ty),
        DType::F16 => elements::<f16>(file, ty),
        DType::F32 => elements::<f32>(file, ty),
        DType::F64 => elements::<f64>(file, ty),
        DType::C64 => elements::<Complex<f32>>(file, ty),
        DType::C128 => elements::<Complex<f64>>(file, ty),
        DType::BF16 => return Err("NumPy has no bf16: store f32 and cast in the graph".to_owned()),
    };
    literal.map_err(|error| format!("the tensor must be {ty}: {error}"))
}

fn elements<T: Element + npyz::Deserialize>(
    file: NpyFile<&[u8]>,
    ty: &TensorType,
) -> std::io::Result<Literal> {
    let order = file.order();
    let elements: Vec<T> = file.into_vec()?;
    let short = || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the file ends too early");
    let literal = Literal::new(ty.shape.clone(), &elements).ok_or_else(short)?;
    Ok(if order == Order::Fortran { from_fortran(&literal) } else { literal })
}

/// The tensor whose elements are stored with the first axis fastest.
fn from_fortran(stored: &Literal) -> Literal {
    let shape = &stored.ty().shape;
    Literal::from_fn(stored.ty().clone(), |flat| {
        let index = rule::unravel(flat, shape);
        let at = index.iter().zip(shape.dims()).rev().fold(0, |at, (&i, dim)| at * dim.size() + i);
        stored.get(at)
    })
}

/// Writes a tensor.
pub(crate) fn save(path: &Path, literal: &Literal) -> anyhow::Result<()> {
    output::save(path, &bytes(literal)?)
}

/// A tensor as a file's bytes.
pub(crate) fn bytes(literal: &Literal) -> anyhow::Result<Vec<u8>> {
    Ok(match literal.ty().dtype {
        DType::Bool => encoded::<bool>(literal),
        DType::I8 => encoded::<i8>(literal),
        DType::I16 => encoded::<i16>(literal),
        DType::I32 => encoded::<i32>(literal),
        DType::I64 => encoded::<i64>(literal),
        DType::U8 => encoded::<u8>(literal),
        DType::U16 => encoded::<u16>(literal),
        DType::U32 => encoded::<u32>(literal),
        DType::U64 => encoded::<u64>(literal),
        DType::F16 => encoded::<f16>(literal),
        DType::F32 => encoded::<f32>(literal),
        DType::F64 => encoded::<f64>(literal),
        DType::C64 => encoded::<Complex<f32>>(literal),
        DType::C128 => encoded::<Complex<f64>>(literal),
        DType::BF16 => {
            return Err(Fault::usage("NumPy has no bf16: cast the output to f32 in the graph").into());
        }
    }?)
}

fn encoded<T: Element + npyz::AutoSerialize>(literal: &Literal) -> std::io::Result<Vec<u8>> {
    let shape: Vec<u64> = literal.ty().shape.sizes().iter().map(|&d| d as u64).collect();
    let mut bytes = Vec::new();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd()?;
    writer.extend(literal.iter().map(T::from_scalar))?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::Scalar;

    use super::*;

    #[test]
    fn tensors_of_all_dtypes_are_read_back() {
        let path = std::env::temp_dir().join(format!("wright-npy-{}.npy", std::process::id()));
        for dtype in DType::ALL.into_iter().filter(|&d| d != DType::BF16) {
            for shape in [&[][..], &[3], &[2, 3], &[0, 2]] {
                let literal = Literal::from_fn(TensorType::new(dtype, shape), |i| {
                    Scalar::from_f64(dtype, i as f64 - 1.5)
                });
                save(&path, &literal).unwrap();
                assert_eq!(load(&path, literal.ty()).unwrap(), literal);
            }
        }
        assert!(
            load(&path, &TensorType::new(DType::F32, [0, 2]))
                .unwrap_err()
                .to_string()
                .contains("must be f32")
        );
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn fortran_order_is_turned() {
        let stored = Literal::new([2, 3], &[0i32, 3, 1, 4, 2, 5]).unwrap();
        assert_eq!(from_fortran(&stored).to_vec::<i32>().unwrap(), [0, 1, 2, 3, 4, 5]);
    }
}
