//! The order of axes of images and kernels.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::composite::ImageLayout;

/// The order of the axes of images, kernels and results of convolutions.
///
/// Made of an [`ImageLayout`], or of three words with a letter for each axis: `N` is the images, `C` channels, `I` and `O` the kernel's
/// channels in and out, and every other letter a spatial axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvLayout(Order);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Order {
    Image(ImageLayout),
    Letters([String; 3]),
}

impl From<ImageLayout> for ConvLayout {
    fn from(layout: ImageLayout) -> ConvLayout {
        ConvLayout(Order::Image(layout))
    }
}

/// Images, kernels, results: `("NCHW", "OIHW", "NHWC")`.
impl From<(&str, &str, &str)> for ConvLayout {
    fn from((images, kernels, results): (&str, &str, &str)) -> ConvLayout {
        ConvLayout(Order::Letters([images, kernels, results].map(str::to_owned)))
    }
}

/// Where the axes of an image are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageAxes {
    pub(crate) batch: usize,
    pub(crate) channel: usize,
    pub(crate) spatial: Axes,
}

/// Where the axes of a kernel are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KernelAxes {
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) spatial: Axes,
}

impl ImageAxes {
    /// Axes of an image of that rank, which is at least 2.
    pub(crate) fn of(layout: ImageLayout, rank: usize) -> ImageAxes {
        match layout {
            ImageLayout::Nhwc => ImageAxes { batch: 0, channel: rank - 1, spatial: (1..rank - 1).collect() },
            ImageLayout::Nchw => ImageAxes { batch: 0, channel: 1, spatial: (2..rank).collect() },
        }
    }
}

impl ConvLayout {
    /// Axes of images of that rank, of their kernels, and of the results.
    pub(super) fn axes(&self, rank: usize) -> Result<(ImageAxes, KernelAxes, ImageAxes), TypeError> {
        match &self.0 {
            Order::Image(_) if rank < 2 => {
                Err(TypeError::Other(format!("an image has images and channels, found rank {rank}")))
            }
            Order::Image(layout) => {
                let image = ImageAxes::of(*layout, rank);
                let kernel = match layout {
                    ImageLayout::Nhwc => {
                        KernelAxes { input: rank - 2, output: rank - 1, spatial: (0..rank - 2).collect() }
                    }
                    ImageLayout::Nchw => KernelAxes { input: 1, output: 0, spatial: (2..rank).collect() },
                };
                Ok((image.clone(), kernel, image))
            }
            Order::Letters([images, kernels, results]) => {
                let spatial: Vec<char> = images.chars().filter(|c| !"NC".contains(*c)).collect();
                let image = |word: &str| -> Result<ImageAxes, TypeError> {
                    let [batch, channel] = [place(word, 'N')?, place(word, 'C')?];
                    Ok(ImageAxes { batch, channel, spatial: places(word, &spatial, 2)? })
                };
                let (input, output) = (place(kernels, 'I')?, place(kernels, 'O')?);
                let kernel = KernelAxes { input, output, spatial: places(kernels, &spatial, 2)? };
                if images.chars().count() != rank {
                    let reason = format!("`{images}` is no order of the axes of a tensor of rank {rank}");
                    return Err(TypeError::attribute("layout", reason));
                }
                Ok((image(images)?, kernel, image(results)?))
            }
        }
    }
}

/// Where the letter is, of which there must be one.
fn place(word: &str, letter: char) -> Result<usize, TypeError> {
    let mut found = word.chars().enumerate().filter(|&(_, c)| c == letter).map(|(at, _)| at);
    match (found.next(), found.next()) {
        (Some(at), None) => Ok(at),
        _ => Err(TypeError::attribute("layout", format!("`{word}` must have one `{letter}`"))),
    }
}

/// Where the letters are; there must be `others` besides.
fn places(word: &str, letters: &[char], others: usize) -> Result<Axes, TypeError> {
    if word.chars().count() != letters.len() + others {
        let letters: String = letters.iter().collect();
        let reason = format!("`{word}` must have the spatial axes `{letters}`");
        return Err(TypeError::attribute("layout", reason));
    }
    letters.iter().map(|&letter| place(word, letter)).collect()
}
