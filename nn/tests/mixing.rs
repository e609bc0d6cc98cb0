//! Images that are mixed with others, and those that are changed in ways that are drawn: what holds whatever is drawn.

use tensorwright::prelude::*;
use tensorwright_nn::layers::{
    AugMix, CenterCrop, CutMix, MixUp, PixelMethod, RandAugment, RandomBrightness, RandomCrop,
    RandomElasticTransform, RandomErasing, RandomFlip, RandomPerspective, RandomRotation, RandomTranslation,
    RandomZoom, Resizing,
};
use tensorwright_nn::{Context, DataFormat, Inputs, LayerRef};

/// Images each of which has one colour: 10 times its number.
fn plain(batch: usize) -> Tensor {
    let numbers = Tensor::arange(batch, DType::F32).reshape([batch, 1, 1, 1]) * 10.0;
    numbers.broadcast_to([batch, 6, 8, 3])
}

fn labels(batch: usize) -> Tensor {
    Tensor::arange(batch, DType::I32).one_hot(batch, -1, DType::F32)
}

fn mixed(layer: &LayerRef, images: &Tensor, seed: u64) -> [Tensor; 2] {
    let call = Inputs::from(images).with("labels", labels(images.extent(0).unwrap()));
    let outputs = layer.call(call, &Context::training(RandomKey::new(seed))).unwrap().tensors();
    outputs.try_into().expect("images and labels")
}

/// What labels say of images that have one colour each: the mean colour.
fn expected(labels: &Tensor) -> Vec<f32> {
    let colours = Tensor::arange(labels.extent(1).unwrap(), DType::F32) * 10.0;
    labels.matmul(colours.expand_dims(1)).squeeze([1]).to_vec().unwrap()
}

#[test]
fn mixed_images_and_labels_are_mixed_alike() -> Result<()> {
    let images = plain(5);
    let mut moved = 0;
    for seed in 0..20 {
        let [images, labels] = mixed(&MixUp::new().alpha(0.8).layer(), &images, seed);
        assert!(labels.sum(-1).allclose([1.0f32; 5], 1e-6, 0.0).item::<bool>()?);
        // All of an image is mixed by the same weight, and labels by that too.
        let means = images.mean((1, 2, 3)).to_vec::<f32>()?;
        assert!(means.iter().zip(expected(&labels)).all(|(a, b)| (a - b).abs() < 1e-3), "{means:?}");
        assert!((images.max((1, 2, 3)) - images.min((1, 2, 3))).le(1e-4).all(..).item::<bool>()?);
        moved += usize::from(labels.max(-1).lt(0.99).any(..).item::<bool>()?);
    }
    assert!(moved > 10, "{moved} of 20 batches are mixed");
    Ok(())
}

#[test]
fn rectangles_are_cut_and_labels_follow_their_areas() -> Result<()> {
    let images = plain(4);
    let (mut far, mut cut) = (0.0f32, 0);
    for seed in 0..40 {
        let [images, labels] = mixed(&CutMix::new().layer(), &images, seed);
        // Each image has its own colour and at most one other, which fills a rectangle.
        for (i, image) in images.to_vec::<f32>()?.chunks(6 * 8 * 3).enumerate() {
            let own = 10.0 * i as f32;
            let others: Vec<usize> = (0..48).filter(|pixel| image[pixel * 3] != own).collect();
            let [rows, columns]: [Vec<usize>; 2] = [8, 1].map(|by| {
                let mut all: Vec<usize> =
                    others.iter().map(|p| if by == 8 { p / 8 } else { p % 8 }).collect();
                all.sort_unstable();
                all.dedup();
                all
            });
            assert_eq!(others.len(), rows.len() * columns.len(), "a rectangle");
            assert!(others.iter().all(|p| image[p * 3] == image[others[0] * 3]), "of one colour");
            cut += usize::from(!others.is_empty());
        }
        // Areas count parts of pixels, pixels are whole.
        let means = images.mean((1, 2, 3)).to_vec::<f32>()?;
        far = means.iter().zip(expected(&labels)).fold(far, |far, (a, b)| far.max((a - b).abs() / 30.0));
    }
    assert!(far < 0.3 && cut > 20, "{far}, {cut} images cut");
    Ok(())
}

#[test]
fn labels_that_cannot_be_mixed_are_refused() {
    let images = plain(3);
    let context = Context::training(RandomKey::new(1));
    for labels in [Tensor::arange(3, DType::I32), Tensor::ones([2, 3], DType::F32), Tensor::from(1.0f32)] {
        for layer in [MixUp::new().layer(), CutMix::new().layer()] {
            let said = layer.call(Inputs::from(&images).with("labels", &labels), &context);
            let said = said.err().expect("refused").to_string();
            assert!(said.contains("labels are mixed") && said.contains(&layer.name()), "{said}");
        }
    }
    assert!(MixUp::new().alpha(0.0).layer().call(&images, &context).is_err());
}

#[test]
fn outside_training_nothing_changes() -> Result<()> {
    let images = plain(3);
    let call = || Inputs::from(&images).with("labels", labels(3));
    for layer in [MixUp::new().layer(), CutMix::new().layer()] {
        let outputs = layer.call(call(), &Context::inference())?.tensors();
        assert_eq!(outputs[0].to_vec::<f32>()?, images.to_vec::<f32>()?);
        assert_eq!(outputs[1].to_vec::<f32>()?, labels(3).to_vec::<f32>()?);
    }
    for layer in [RandAugment::new().layer(), AugMix::new().layer()] {
        assert_eq!(layer.infer(&images)?.to_vec::<f32>()?, images.to_vec::<f32>()?);
    }
    Ok(())
}

fn picture(batch: usize) -> Tensor {
    RandomKey::new(5).uniform([batch, 7, 6, 3], 0.0f32, 255.0)
}

#[test]
fn drawn_changes_stay_in_the_range_and_differ_from_key_to_key() -> Result<()> {
    let (x, unit) = (picture(2), picture(2) / 255.0);
    for layer in [
        RandAugment::new().num_ops(3).factor((0.2, 0.8)).layer(),
        AugMix::new().factor((0.2, 0.8)).layer(),
        AugMix::new().all_ops(false).num_chains(1).chain_depth(5).layer(),
    ] {
        let drawn = |seed: u64, x: &Tensor| -> Result<Vec<f32>> {
            layer.call(x, &Context::training(RandomKey::new(seed)))?.tensor()?.to_vec::<f32>()
        };
        let all: Vec<Vec<f32>> = (0..12).map(|seed| drawn(seed, &x)).collect::<Result<_>>()?;
        assert!(all.iter().flatten().all(|pixel| (-0.01..=255.01).contains(pixel)));
        let mut different = all.clone();
        different.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        different.dedup();
        assert!(different.len() >= 8, "{} of 12 differ", different.len());
        assert_eq!(drawn(3, &x)?, all[3], "a key says all");
    }
    let small = RandAugment::new().value_range((0.0, 1.0)).layer();
    for seed in 0..12 {
        let found = small.call(&unit, &Context::training(RandomKey::new(seed)))?.tensor()?;
        assert!((found.ge(-0.01) & found.le(1.01)).all(..).item::<bool>()?);
    }
    Ok(())
}

#[test]
fn the_format_and_a_compiled_function_change_nothing() -> Result<()> {
    let x = picture(2);
    let turned = x.move_axis(-1, 1);
    for seed in 0..6 {
        let context = || Context::training(RandomKey::new(seed));
        let last = RandAugment::new().layer();
        let first = RandAugment::new().data_format(DataFormat::ChannelsFirst).layer();
        let wanted = last.call(&x, &context())?.tensor()?;
        let found = first.call(&turned, &context())?.tensor()?.move_axis(1, -1);
        assert!(found.allclose(&wanted, 1e-4, 1e-2).item::<bool>()?, "seed {seed}");
        let compiled =
            function(move |x: Tensor| last.call(&x, &Context::training(RandomKey::new(seed)))?.tensor());
        assert!(compiled.call(&x)?.allclose(&wanted, 1e-4, 1e-2).item::<bool>()?, "seed {seed}");
    }
    Ok(())
}

#[test]
fn masks_move_as_images_do_and_labels_stay() -> Result<()> {
    // Each pixel is its own number, so that a mask that is the image says where all went.
    let x = Tensor::arange(2 * 6 * 8, DType::F32).reshape([2, 6, 8, 1]);
    let labels = Tensor::from([7i32, 9]);
    let call = || Inputs::from(&x).with("labels", &labels).with("segmentation_masks", &x);
    let nearest = PixelMethod::Nearest;
    for layer in [
        RandomFlip::new().layer(),
        RandomCrop::new(4, 3).layer(),
        RandomTranslation::new(0.4, 0.4).interpolation(nearest).layer(),
        RandomRotation::new(0.4).interpolation(nearest).layer(),
        RandomZoom::new(0.4).interpolation(nearest).layer(),
        RandomPerspective::new().interpolation(nearest).layer(),
        RandomElasticTransform::new().interpolation(nearest).value_range((0.0, 100.0)).layer(),
        Resizing::new(3, 4).interpolation(tensorwright_nn::layers::ResizeMethod::Nearest).layer(),
        CenterCrop::new(3, 4).layer(),
        CutMix::new().layer(),
    ] {
        let call = if layer.class_name() == "CutMix" {
            Inputs::from(&x).with("segmentation_masks", &x)
        } else {
            call()
        };
        let outputs = layer.call(call, &Context::training(RandomKey::new(3)))?.tensors();
        let masks = outputs.last().expect("masks");
        assert_eq!(masks.to_vec::<f32>()?, outputs[0].to_vec::<f32>()?, "{}", layer.name());
        if outputs.len() == 3 {
            assert_eq!(outputs[1].to_vec::<i32>()?, [7, 9]);
        }
    }
    // Between pixels there are no classes: whole numbers stay whole.
    let turned =
        RandomRotation::new((0.1, 0.1)).layer().call(call(), &Context::training(RandomKey::new(3)))?;
    assert!(turned.tensors()[2].to_vec::<f32>()?.iter().all(|class| class.fract() == 0.0));
    for layer in [RandomBrightness::new(0.5).layer(), RandomErasing::new().layer()] {
        let outputs = layer.call(call(), &Context::training(RandomKey::new(3)))?.tensors();
        assert_eq!(outputs[2].to_vec::<f32>()?, x.to_vec::<f32>()?, "{}", layer.name());
    }
    let said = RandAugment::new().layer().call(call(), &Context::training(RandomKey::new(3))).err();
    assert!(said.expect("refused").to_string().contains("masks do not move"));
    Ok(())
}
