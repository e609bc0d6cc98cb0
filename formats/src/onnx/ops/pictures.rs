//! Files of pictures as pixels.

use tensorwright::{DType, Tensor, TensorType};
use tensorwright_images::decode;

use super::Apply;
use crate::onnx::call::{Call, Results, one};
use crate::onnx::error::Reason;
use crate::onnx::graph::{Attribute, Graph};

pub(super) const OPERATORS: &[(&str, Apply)] = &[("ImageDecoder", image_decoder)];

/// The order of the colours of a pixel, and how many there are.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Rgb,
    Bgr,
    Grey,
}

impl Order {
    fn of(word: &str) -> Option<Order> {
        match word {
            "RGB" => Some(Order::Rgb),
            "BGR" => Some(Order::Bgr),
            "Grayscale" => Some(Order::Grey),
            _ => None,
        }
    }
}

/// A vector of bytes is a file; pixels are those of a file that [`decoded`] has read.
fn image_decoder(call: &Call<'_>) -> Results {
    let word = call.word("pixel_format", "RGB")?;
    let order = Order::of(word).ok_or_else(|| call.unknown_word("pixel_format", word))?;
    let x = call.tensor(0)?;
    if x.rank()? == 3 {
        return one(x.clone());
    }
    if x.is_traced() {
        return Err(Reason::other(
            "a file of a picture that is computed cannot be decoded in a compiled model, only an input that no other node takes",
        ));
    }
    one(read(x, order)?)
}

/// `[height, width, colours]` of the bytes of a file.
fn read(file: &Tensor, order: Order) -> Result<Tensor, Reason> {
    let bytes = tensorwright::eagerly(|| file.reshape([-1])).to_vec::<u8>()?;
    let image = decode(&bytes).map_err(|error| Reason::other(error.to_string()))?;
    let colours = if order == Order::Grey { 1 } else { 3 };
    let pixels: Vec<u8> =
        image.pixels.chunks_exact(image.channels).flat_map(|pixel| coloured(pixel, order)).collect();
    let ty = TensorType::new(DType::U8, [image.height, image.width, colours]);
    Ok(Tensor::from_bytes(&pixels, ty).ok()?)
}

/// A pixel without its opacity. Grey is that of ITU-R BT.601.
fn coloured(pixel: &[u8], order: Order) -> impl Iterator<Item = u8> {
    let [red, green, blue] = match *pixel {
        [red, green, blue, ..] => [red, green, blue],
        [grey, ..] => [grey; 3],
        [] => [0; 3],
    };
    let weighed = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
    let grey = ((weighed + 0x8000) >> 16) as u8;
    let (colours, count) = match order {
        Order::Rgb => ([red, green, blue], 3),
        Order::Bgr => ([blue, green, red], 3),
        Order::Grey => ([grey; 3], 1),
    };
    colours.into_iter().take(count)
}

/// The pixels of an input that is a file of a picture and goes to one decoder alone: files differ from call to call, and a model is compiled
/// for sizes of pictures. `None` if the input is no such.
pub(crate) fn decoded(graph: &Graph, input: &str, file: &Tensor) -> Result<Option<Tensor>, Reason> {
    let mut readers = graph.nodes.iter().filter(|node| node.uses().contains(input));
    let (Some(node), None) = (readers.next(), readers.next()) else { return Ok(None) };
    let is_output = graph.outputs.iter().any(|port| port.name == input);
    if node.op != "ImageDecoder" || !node.domain.is_empty() || is_output || file.rank()? != 1 {
        return Ok(None);
    }
    let word = match node.attributes.get("pixel_format") {
        Some(Attribute::Text(text)) => std::str::from_utf8(text).unwrap_or_default(),
        _ => "RGB",
    };
    Order::of(word).map(|order| read(file, order)).transpose()
}
