//! Dtypes by the numbers and names of TensorFlow.

use tensorwright::DType;

use crate::proto::tensor::DataType;
use crate::value::ElementType;

/// Each dtype with its number and its two names.
const TABLE: [(ElementType, DataType, &str, &str); 16] = [
    (ElementType::Number(DType::F32), DataType::Float, "DT_FLOAT", "float"),
    (ElementType::Number(DType::F64), DataType::Double, "DT_DOUBLE", "double"),
    (ElementType::Number(DType::I32), DataType::Int32, "DT_INT32", "int32"),
    (ElementType::Number(DType::U8), DataType::Uint8, "DT_UINT8", "uint8"),
    (ElementType::Number(DType::I16), DataType::Int16, "DT_INT16", "int16"),
    (ElementType::Number(DType::I8), DataType::Int8, "DT_INT8", "int8"),
    (ElementType::Bytes, DataType::String, "DT_STRING", "string"),
    (ElementType::Number(DType::C64), DataType::Complex64, "DT_COMPLEX64", "complex64"),
    (ElementType::Number(DType::I64), DataType::Int64, "DT_INT64", "int64"),
    (ElementType::Number(DType::Bool), DataType::Bool, "DT_BOOL", "bool"),
    (ElementType::Number(DType::BF16), DataType::Bfloat16, "DT_BFLOAT16", "bfloat16"),
    (ElementType::Number(DType::U16), DataType::Uint16, "DT_UINT16", "uint16"),
    (ElementType::Number(DType::C128), DataType::Complex128, "DT_COMPLEX128", "complex128"),
    (ElementType::Number(DType::F16), DataType::Half, "DT_HALF", "half"),
    (ElementType::Number(DType::U32), DataType::Uint32, "DT_UINT32", "uint32"),
    (ElementType::Number(DType::U64), DataType::Uint64, "DT_UINT64", "uint64"),
];

fn row(ty: ElementType) -> &'static (ElementType, DataType, &'static str, &'static str) {
    // All dtypes are in the table, which a test checks.
    TABLE.iter().find(|row| row.0 == ty).unwrap_or(&TABLE[0])
}

/// The number of a dtype.
pub(crate) fn number(ty: ElementType) -> DataType {
    row(ty).1
}

/// Its name in metadata: `DT_FLOAT`.
pub(crate) fn enum_name(ty: ElementType) -> &'static str {
    row(ty).2
}

/// Its name in messages: `float`.
pub(crate) fn plain_name(ty: ElementType) -> &'static str {
    row(ty).3
}

/// The dtype of a number.
pub(crate) fn of_number(number: i32) -> Option<ElementType> {
    TABLE.iter().find(|row| row.1 as i32 == number).map(|row| row.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dtype_has_a_number_of_its_own() {
        for dtype in DType::ALL {
            let ty = ElementType::Number(dtype);
            assert_eq!(of_number(number(ty) as i32), Some(ty), "{dtype}");
        }
        assert_eq!(of_number(7), Some(ElementType::Bytes));
    }
}
