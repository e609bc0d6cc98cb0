//! Tensors that a checkpoint keeps in slices.
//!
//! A slice is an entry of its own. Its key is the name of the tensor and the slice in an encoding that keeps order, which begins with a zero byte, so that it
//! stands before all names: numbers are their length and their bytes from the highest, signed ones say their length in their first bits, texts
//! end with `0 1`, and zeros in them are `0 255`, bytes of 255 `255 0`.

use tensorwright::Shape;

use super::super::error::{Damage, Read, damaged};
use super::schema::TensorSliceProto;

/// The most slices of a tensor.
const MOST: usize = 4096;

/// Where a slice begins on each axis, and how long it is; whether it says so, or is all of the axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    starts: Vec<usize>,
    lengths: Vec<usize>,
    stated: Vec<bool>,
}

impl Slice {
    /// The slice of a tensor of this shape.
    pub(super) fn of(proto: &TensorSliceProto, shape: &Shape) -> Read<Slice> {
        let refused = || Damage::new(format!("a slice of it is not in {shape}"));
        if proto.extent.len() != shape.rank() {
            return Err(refused());
        }
        let mut slice = Slice { starts: Vec::new(), lengths: Vec::new(), stated: Vec::new() };
        for (extent, size) in proto.extent.iter().zip(shape.sizes()) {
            let (start, length) = match extent.length {
                Some(length) => (extent.start, length),
                None => (0, size as i64),
            };
            let start = usize::try_from(start).map_err(|_| refused())?;
            let length = usize::try_from(length).map_err(|_| refused())?;
            if start.checked_add(length).is_none_or(|end| end > size) {
                return Err(refused());
            }
            slice.starts.push(start);
            slice.lengths.push(length);
            slice.stated.push(extent.length.is_some());
        }
        Ok(slice)
    }

    /// The key of the slice of a tensor of this name.
    pub(super) fn key(&self, name: &str) -> Vec<u8> {
        let mut key = Vec::new();
        number(0, &mut key);
        text(name.as_bytes(), &mut key);
        number(self.starts.len() as u64, &mut key);
        for ((&start, &length), stated) in self.starts.iter().zip(&self.lengths).zip(&self.stated) {
            signed(start as i64, &mut key);
            signed(if *stated { length as i64 } else { -1 }, &mut key);
        }
        key
    }

    /// Its shape.
    pub(super) fn shape(&self) -> Shape {
        self.lengths.iter().copied().collect()
    }

    fn meets(&self, other: &Slice) -> bool {
        let own = self.starts.iter().zip(&self.lengths);
        own.zip(other.starts.iter().zip(&other.lengths))
            .all(|((&a, &n), (&b, &m))| n > 0 && m > 0 && a < b + m && b < a + n)
    }

    /// Writes the slice, row-major with elements of `size` bytes, to its place in the whole.
    pub(super) fn put(&self, bytes: &[u8], whole: &mut [u8], shape: &Shape, size: usize) {
        let (rank, strides) = (self.lengths.len(), shape.strides());
        let row = self.lengths.last().map_or(size, |length| length * size);
        if row == 0 || bytes.is_empty() {
            return;
        }
        let outer = rank.saturating_sub(1);
        for (at, own) in bytes.chunks_exact(row).enumerate() {
            let mut rest = at;
            let mut to = self.starts.last().map_or(0, |start| *start);
            for axis in (0..outer).rev() {
                to += (self.starts[axis] + rest % self.lengths[axis]) * strides[axis];
                rest /= self.lengths[axis];
            }
            whole[to * size..to * size + row].copy_from_slice(own);
        }
    }
}

/// The slices of a tensor, which have each of its elements once.
pub(super) fn of(protos: &[TensorSliceProto], shape: &Shape) -> Read<Vec<Slice>> {
    if protos.len() > MOST {
        return damaged(format!("it is in {} slices, at most {MOST} are read", protos.len()));
    }
    let slices = protos.iter().map(|proto| Slice::of(proto, shape)).collect::<Read<Vec<_>>>()?;
    for (at, slice) in slices.iter().enumerate() {
        if slices[..at].iter().any(|before| before.meets(slice)) {
            return damaged("slices of it overlap");
        }
    }
    let elements = slices.iter().fold(0usize, |all, slice| all.saturating_add(slice.shape().elements()));
    match elements == shape.elements() {
        true => Ok(slices),
        false => damaged(format!("its slices have {elements} elements, {shape} has {}", shape.elements())),
    }
}

/// A number, so that greater ones are greater as texts.
fn number(number: u64, to: &mut Vec<u8>) {
    let length = (64 - number.leading_zeros()).div_ceil(8) as usize;
    to.push(length as u8);
    to.extend(&number.to_be_bytes()[8 - length..]);
}

fn text(text: &[u8], to: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            0 => to.extend([0, 0xff]),
            0xff => to.extend([0xff, 0]),
            byte => to.push(byte),
        }
    }
    to.extend([0, 1]);
}

/// A number with its sign: seven bits a byte, of which the first ones say how many bytes follow.
fn signed(number: i64, to: &mut Vec<u8>) {
    const HEADERS: [[u8; 2]; 11] = [
        [0, 0],
        [0x80, 0],
        [0xc0, 0],
        [0xe0, 0],
        [0xf0, 0],
        [0xf8, 0],
        [0xfc, 0],
        [0xfe, 0],
        [0xff, 0],
        [0xff, 0x80],
        [0xff, 0xc0],
    ];
    let size = if number < 0 { !number } else { number } as u64;
    let length = (64 - size.leading_zeros()) as usize / 7 + 1;
    let wide = i128::from(number).to_be_bytes();
    let mut own = wide[16 - length..].to_vec();
    own.iter_mut().zip(HEADERS[length]).for_each(|(byte, header)| *byte ^= header);
    to.extend(own);
}

#[cfg(test)]
mod tests {
    use super::super::schema::{Extent, TensorSliceProto};
    use super::{Slice, of, signed};
    use tensorwright::Shape;

    fn proto(extents: &[(i64, Option<i64>)]) -> TensorSliceProto {
        let extent = extents.iter().map(|&(start, length)| Extent { start, length }).collect();
        TensorSliceProto { extent }
    }

    #[test]
    fn keys_are_those_of_tensorflow() {
        // As TensorFlow 2.21 writes them for slices `0,2:-` and `2,2:-` of a matrix `p` with four rows.
        let shape = Shape::from([4, 3]);
        let key =
            |start| Slice::of(&proto(&[(start, Some(2)), (0, None)]), &shape).expect("a slice").key("p");
        assert_eq!(key(0), b"\x00p\x00\x01\x01\x02\x80\x82\x80\x7f");
        assert_eq!(key(2), b"\x00p\x00\x01\x01\x02\x82\x82\x80\x7f");
    }

    #[test]
    fn signed_numbers_keep_their_order() {
        let mut numbers: Vec<i64> =
            (0..63).flat_map(|bit| [(1 << bit) - 1, 1 << bit, -(1 << bit), !(1i64 << bit)]).collect();
        numbers.extend([i64::MAX, i64::MIN]);
        numbers.sort_unstable();
        let keys: Vec<Vec<u8>> = numbers
            .iter()
            .map(|&number| {
                let mut key = Vec::new();
                signed(number, &mut key);
                key
            })
            .collect();
        assert!(keys.is_sorted());
        assert_eq!(
            [&keys[0][..], &keys[keys.len() - 1]],
            [
                &[0, 0x3f, 0x80, 0, 0, 0, 0, 0, 0, 0][..],
                &[0xff, 0xc0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
            ]
        );
    }

    #[test]
    fn slices_make_up_the_tensor() {
        let shape = Shape::from([2, 3]);
        let whole = of(&[proto(&[(0, None), (0, Some(1))]), proto(&[(0, None), (1, Some(2))])], &shape)
            .expect("slices");
        let mut bytes = [0; 6];
        whole[0].put(&[1, 4], &mut bytes, &shape, 1);
        whole[1].put(&[2, 3, 5, 6], &mut bytes, &shape, 1);
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6]);
        let wrong = |extents: &[&[(i64, Option<i64>)]]| {
            let protos: Vec<TensorSliceProto> = extents.iter().map(|own| proto(own)).collect();
            format!("{:?}", of(&protos, &shape).expect_err("they do not make it up"))
        };
        assert!(wrong(&[&[(0, None), (0, Some(2))], &[(0, None), (1, Some(1))]]).contains("overlap"));
        assert!(wrong(&[&[(0, None), (0, Some(2))]]).contains("has 6"));
        assert!(wrong(&[&[(0, None), (2, Some(2))]]).contains("not in"));
        assert!(wrong(&[&[(0, None)]]).contains("not in"));
    }
}
