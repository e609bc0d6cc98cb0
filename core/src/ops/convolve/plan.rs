//! Which op a convolution is: names of axes become numbers, and channels are split into groups.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::{Axes, ShortAxes, ShortOffsets};
use tensorwright_ir::op::primitive::{Conv, taps_first};
use tensorwright_ir::{DType, Op, Shape, TensorType};

use super::layout::{ImageAxes, KernelAxes};
use super::options::ConvOptions;
use super::spatial::{Padding, Sliding};

/// A convolution as one op between movements of axes.
pub(super) struct Plan {
    /// Shapes that split channels into groups.
    pub(super) shapes: [Shape; 2],
    /// Axes of the kernel along which it is turned round.
    pub(super) reversed: Axes,
    pub(super) op: Conv,
    /// The shape of the result, its groups merged.
    pub(super) result: Shape,
}

/// A convolution in which every tensor has an axis of groups before its channels.
pub(super) fn direct(options: &ConvOptions, [x, kernel]: [&TensorType; 2]) -> Result<Plan, TypeError> {
    let (image, taps, result) = options.layout.axes(x.rank())?;
    check_rank(kernel, taps.spatial.len())?;
    let (channels, filters) = (x.shape.size(image.channel), kernel.shape.size(taps.output));
    let groups = options.groups;
    let per_group = divided("channels of the image", channels, groups)?;
    divided("filters of the kernel", filters, groups)?;
    let expected = kernel.shape.size(taps.input);
    if expected != per_group {
        return Err(TypeError::Other(format!(
            "the kernel takes {expected} channels, but the image has {channels}{}",
            if groups == 1 { String::new() } else { format!(" in {groups} groups, {per_group} each") }
        )));
    }
    let sliding = options.sliding(x, &image.spatial, kernel, &taps.spatial)?;
    let padding = options.padding.of(&sliding)?;
    let axes = Split { image, kernel: taps.clone(), result, groups, contract: taps.input };
    let slides = sliding.iter().zip(padding).map(|(axis, padding)| Slides {
        padding,
        stride: axis.stride,
        image_dilation: 1,
        kernel_dilation: axis.dilation,
    });
    axes.plan([x, kernel], &slides.collect::<Vec<_>>(), options.dtype.unwrap_or(x.dtype), Axes::new())
}

pub(super) fn depthwise(options: &ConvOptions, [x, kernel]: [&TensorType; 2]) -> Result<Plan, TypeError> {
    let (image, taps, _) = options.layout.axes(x.rank())?;
    check_rank(kernel, taps.spatial.len())?;
    let channels = x.shape.size(image.channel);
    // Channels come before their multiples, wherever the layout of full kernels has which.
    let (first, second) = (taps.input.min(taps.output), taps.input.max(taps.output));
    let (found, multiples) = (kernel.shape.size(first), kernel.shape.size(second));
    if found != channels {
        return Err(TypeError::Other(format!(
            "the kernel has {found} channels in axis {first}, but the image has {channels}"
        )));
    }
    let mut sizes = kernel.shape.sizes();
    sizes[taps.input] = 1;
    sizes[taps.output] = found.saturating_mul(multiples);
    let full = TensorType { dtype: kernel.dtype, shape: sizes.into_iter().collect() };
    if options.groups != 1 {
        return Err(TypeError::attribute("groups", "are the channels of a depthwise convolution"));
    }
    direct(&ConvOptions { groups: channels.max(1), ..options.clone() }, [x, &full])
}

pub(super) fn transposed(options: &ConvOptions, [x, kernel]: [&TensorType; 2]) -> Result<Plan, TypeError> {
    let (image, taps, result) = options.layout.axes(x.rank())?;
    check_rank(kernel, taps.spatial.len())?;
    let (channels, filters) = (x.shape.size(image.channel), kernel.shape.size(taps.output));
    divided("filters of the kernel", filters, options.groups)?;
    if channels != filters {
        return Err(TypeError::Other(format!(
            "the kernel makes {filters} channels, but the image, which is to be their origin, has {channels}"
        )));
    }
    let sliding = options.sliding(x, &image.spatial, kernel, &taps.spatial)?;
    let more = options.output_padding.numbers("output_padding", sliding.len())?;
    let cut = options.cut(&sliding)?;
    let spatial = taps.spatial.clone();
    let axes = Split { image, kernel: taps.clone(), result, groups: options.groups, contract: taps.output };
    let slides = sliding.iter().zip(cut).zip(more).map(|((axis, (low, high)), more)| {
        let whole = axis.span() as i64 - 1;
        Slides {
            padding: (whole.saturating_sub(low), whole.saturating_sub(high).saturating_add(more as i64)),
            stride: 1,
            image_dilation: axis.stride,
            kernel_dilation: axis.dilation,
        }
    });
    axes.plan([x, kernel], &slides.collect::<Vec<_>>(), options.dtype.unwrap_or(x.dtype), spatial)
}

fn check_rank(kernel: &TensorType, spatial: usize) -> Result<(), TypeError> {
    match kernel.rank() {
        rank if rank == spatial + 2 => Ok(()),
        rank => Err(TypeError::Other(format!(
            "a kernel for {spatial} spatial axes has rank {}, found rank {rank}",
            spatial + 2
        ))),
    }
}

/// How many there are in each group.
fn divided(what: &str, count: usize, groups: usize) -> Result<usize, TypeError> {
    if groups == 0 || !count.is_multiple_of(groups) {
        return Err(TypeError::attribute("groups", format!("the {count} {what} are no {groups} groups")));
    }
    Ok(count / groups)
}

impl ConvOptions {
    fn sliding(
        &self,
        x: &TensorType,
        image: &[usize],
        kernel: &TensorType,
        taps: &[usize],
    ) -> Result<Vec<Sliding>, TypeError> {
        let strides = self.strides.positive("strides", image.len())?;
        let dilation = self.dilation.positive("dilation", image.len())?;
        let axis = |i: usize| Sliding {
            elements: x.shape.size(image[i]),
            taps: kernel.shape.size(taps[i]),
            stride: strides[i],
            dilation: dilation[i],
        };
        Ok((0..image.len()).map(axis).collect())
    }

    /// What a transposed convolution cuts off before and after each axis.
    fn cut(&self, sliding: &[Sliding]) -> Result<Vec<(i64, i64)>, TypeError> {
        let lower = match self.padding {
            Padding::Same => false,
            Padding::SameLower => true,
            Padding::Causal => {
                return Err(TypeError::attribute(
                    "padding",
                    "causal padding is not for transposed convolutions",
                ));
            }
            _ => return self.padding.of(sliding),
        };
        let pair = |axis: &Sliding| {
            let excess = axis.span() as i64 - axis.stride as i64;
            let low = (excess.max(0) + i64::from(lower)) / 2;
            (low, excess - low)
        };
        Ok(sliding.iter().map(pair).collect())
    }
}

/// How one axis slides, as the op has it.
struct Slides {
    padding: (i64, i64),
    stride: usize,
    image_dilation: usize,
    kernel_dilation: usize,
}

/// A convolution whose channels are split into groups.
struct Split {
    image: ImageAxes,
    kernel: KernelAxes,
    result: ImageAxes,
    groups: usize,
    /// The kernel's channels that are summed over.
    contract: usize,
}

impl Split {
    fn is_grouped(&self) -> bool {
        self.groups > 1
    }

    /// Where an axis is when another one has been split in two; the second part of the split one.
    fn behind(&self, split: usize, axis: usize) -> usize {
        if self.is_grouped() && axis >= split { axis + 1 } else { axis }
    }

    /// The shape with its channels split.
    fn split(&self, shape: &Shape, axis: usize) -> Shape {
        let mut sizes = shape.sizes();
        if self.is_grouped() {
            sizes[axis] /= self.groups;
            sizes.insert(axis, self.groups);
        }
        sizes.into_iter().collect()
    }

    /// The axes of the result, as the op counts them.
    fn order(&self) -> Axes {
        let first = usize::from(self.is_grouped());
        let rank = self.result.spatial.len() + 2;
        let mut order = Axes::new();
        for axis in 0..rank {
            if axis == self.result.batch {
                order.push(first);
            } else if axis == self.result.channel {
                order.extend(self.is_grouped().then_some(0));
                order.push(first + 1);
            } else {
                let spatial = self.result.spatial.iter().position(|&other| other == axis);
                order.push(first + 2 + spatial.unwrap_or(0));
            }
        }
        order
    }

    fn op(&self, slides: &[Slides], dtype: DType) -> Conv {
        let group = |axis: usize| -> ShortAxes { self.is_grouped().then_some(axis).into_iter().collect() };
        let (image, kernel) = (self.image.channel, self.kernel.output);
        let spatial = |axes: &Axes, split: usize| axes.iter().map(|&axis| self.behind(split, axis)).collect();
        Conv {
            lhs_batch: group(image),
            rhs_batch: group(kernel),
            lhs_contract: [self.behind(image, image)].into_iter().collect(),
            rhs_contract: [self.behind(kernel, self.contract)].into_iter().collect(),
            lhs_spatial: spatial(&self.image.spatial, image),
            rhs_spatial: spatial(&self.kernel.spatial, kernel),
            strides: slides.iter().map(|axis| axis.stride).collect(),
            low: slides.iter().map(|axis| axis.padding.0).collect::<ShortOffsets>(),
            high: slides.iter().map(|axis| axis.padding.1).collect::<ShortOffsets>(),
            lhs_dilation: slides.iter().map(|axis| axis.image_dilation).collect(),
            rhs_dilation: slides.iter().map(|axis| axis.kernel_dilation).collect(),
            order: self.order(),
            sum_order: taps_first(1, self.image.spatial.len()),
            dtype,
        }
    }

    /// The op with the movements around it; the kernel is turned round along `reversed`.
    fn plan(
        &self,
        [x, kernel]: [&TensorType; 2],
        slides: &[Slides],
        dtype: DType,
        reversed: Axes,
    ) -> Result<Plan, TypeError> {
        let op = self.op(slides, dtype);
        let shapes =
            [self.split(&x.shape, self.image.channel), self.split(&kernel.shape, self.kernel.output)];
        let types = [(x, &shapes[0]), (kernel, &shapes[1])]
            .map(|(ty, shape)| TensorType { dtype: ty.dtype, shape: shape.clone() });
        let mut sizes = Op::from(op.clone()).infer_tensors(&[&types[0], &types[1]])?[0].shape.sizes();
        if self.is_grouped() {
            let group = sizes.remove(self.result.channel);
            sizes[self.result.channel] *= group;
        }
        let reversed = reversed.into_iter().map(|axis| self.behind(self.kernel.output, axis)).collect();
        Ok(Plan { shapes, reversed, op, result: sizes.into_iter().collect() })
    }
}
