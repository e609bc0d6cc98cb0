//! Blocks packed in bytes against the makers of the format: `packed.txt`, which `scripts/packed.py` makes.

use tensorwright::BlockLayout;
use tensorwright::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("a byte")).collect()
}

fn floats(hex: &str) -> Vec<f32> {
    let words = bytes(hex);
    words.chunks_exact(4).map(|word| f32::from_le_bytes(word.try_into().expect("four bytes"))).collect()
}

/// The results of each case eagerly and compiled.
fn check<T: tensorwright::Element + PartialEq + std::fmt::Debug>(
    what: &str,
    f: impl Fn(Tensor) -> Tensor + Send + Sync + Clone + 'static,
    x: &Tensor,
    expected: &[T],
) {
    assert_eq!(f(x.clone()).to_vec::<T>().unwrap(), expected, "{what}, eagerly");
    assert_eq!(function(f).call(x).unwrap().to_vec::<T>().unwrap(), expected, "{what}, compiled");
}

#[test]
fn blocks_mean_what_their_makers_say() {
    let mut read = Vec::new();
    for line in include_str!("packed.txt").lines().filter(|line| !line.starts_with('#')) {
        let [what, word, operand, result] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("a case has four words")
        };
        let layout = *BlockLayout::ALL.iter().find(|layout| layout.word() == word).expect("a layout");
        match what {
            "read" => {
                read.push(layout);
                let x = bytes(operand);
                let x = Tensor::from_slice(&x, [x.len() / layout.bytes(), layout.bytes()]);
                let f = move |x: Tensor| x.dequantize_blocks(layout, DType::F32);
                check::<f32>(line, f, &x, &floats(result));
            }
            _ => {
                let x = floats(operand);
                let x = Tensor::from_slice(&x, [x.len()]);
                check::<u8>(line, move |x: Tensor| x.quantize_blocks(layout), &x, &bytes(result));
            }
        }
    }
    assert_eq!(read, BlockLayout::ALL, "there is a case for each layout");
}

#[test]
fn products_with_packed_weights_are_those_with_their_numbers() {
    let weights = RandomKey::new(1).normal((24, 512), 0.0f32, 1.0);
    let x = RandomKey::new(2).normal((3, 512), 0.0f32, 1.0);
    for layout in [BlockLayout::Q4_0, BlockLayout::Q8_0] {
        let packed = weights.quantize_blocks(layout);
        let product =
            function(move |(x, w): (Tensor, Tensor)| x.matmul(w.dequantize_blocks(layout, DType::F32).t()));
        let found = product.call((&x, &packed)).unwrap();
        let numbers = packed.dequantize_blocks(layout, DType::F32);
        assert!(found.allclose(x.matmul(numbers.t()), 1e-5, 1e-4).item::<bool>().unwrap());
        let error = (numbers - &weights).abs().max(..).item::<f32>().unwrap();
        assert!(error < if layout == BlockLayout::Q8_0 { 0.02 } else { 0.4 }, "{layout:?}: {error}");
    }
}

#[test]
fn integers_of_few_bits_come_back() {
    for bits in [1usize, 2, 4] {
        let count = 8 / bits * 6;
        let low = 1i8 << (bits - 1);
        let signed: Vec<i8> = (0..count).map(|i| (i * 5 % (2 * low as usize)) as i8 - low).collect();
        let x = Tensor::from_slice(&signed, [2, count / 2]);
        let packed = x.pack_bits(bits);
        assert_eq!(packed.shape().unwrap(), &[2, 3].into());
        assert_eq!(packed.unpack_bits(bits, DType::I8).to_vec::<i8>().unwrap(), signed);
    }
}

#[test]
fn what_is_no_block_is_refused() {
    let odd = Tensor::zeros(19, DType::U8).dequantize_blocks(BlockLayout::Q4_0, DType::F32);
    let message = odd.ok().unwrap_err().to_string();
    assert!(message.contains("must be a multiple of 18 for q4_0, found [19]"), "{message}");
    let floats = Tensor::zeros(18, DType::F32).dequantize_blocks(BlockLayout::Q4_0, DType::F32);
    assert!(floats.ok().unwrap_err().to_string().contains("packed numbers are bytes"));
    let grouped = Tensor::zeros(256, DType::F32).quantize_blocks(BlockLayout::Q4K);
    assert!(grouped.ok().unwrap_err().to_string().contains("found by search"));
    assert!(Tensor::zeros(8, DType::U8).unpack_bits(3, DType::U8).ok().is_err());
    assert!(Tensor::zeros((), DType::U8).unpack_bits(4, DType::U8).ok().is_err());
}
