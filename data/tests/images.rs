//! Pictures in files, by themselves and in pipelines.

use std::path::{Path, PathBuf};

use tensorwright::Tensor;
use tensorwright_data::sets::image_folders;
use tensorwright_data::{Dataset, ErrorKind, ImageOptions, Parallel, Result, decode_image};

fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(picture(name)).expect("it is there")
}

fn pixels(name: &str) -> (Vec<usize>, Vec<u8>) {
    let image = decode_image(&bytes(name), &ImageOptions::new()).expect("an image");
    (image.shape().expect("pixels").sizes().to_vec(), image.to_vec().expect("values"))
}

#[test]
fn jpeg_files_of_all_kinds_are_read() {
    let (sizes, greys) = pixels("grey.jpg");
    assert_eq!(sizes, [8, 16, 1]);
    assert!(greys.iter().enumerate().all(|(i, grey)| grey.abs_diff((i % 16 * 16) as u8) < 6), "{greys:?}");
    for name in ["colour.jpg", "progressive.jpg", "print.jpg"] {
        let (sizes, pixels) = pixels(name);
        assert_eq!(sizes, [16, 16, 3]);
        let wanted = |i: usize| if i % 16 < 8 { [255u8, 0, 0] } else { [0, 0, 255] };
        let is_near = |(i, own): (usize, &[u8])| own.iter().zip(wanted(i)).all(|(a, b)| a.abs_diff(b) < 8);
        assert!(pixels.chunks(3).enumerate().all(is_near), "{name}: {pixels:?}");
    }
}

#[test]
fn files_that_are_cut_short_are_errors() {
    for name in ["colour.jpg", "grey.jpg", "progressive.jpg", "print.jpg"] {
        let whole = bytes(name);
        for cut in 0..whole.len() - 2 {
            let error = decode_image(&whole[..cut], &ImageOptions::new()).expect_err("it is cut short");
            assert_eq!(error.kind(), ErrorKind::DataLoss, "{name} at {cut}");
        }
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for options in [ImageOptions::new().channels(2), ImageOptions::new().size(0, 1)] {
        assert!(decode_image(&bytes("grey.jpg"), &options).is_err());
        assert!(Dataset::image_files([picture("grey.jpg")], options).error().is_some());
        assert!(image_folders(picture(""), options).error().is_some());
    }
}

#[test]
fn pictures_of_all_sizes_come_in_batches() {
    let names = ["colour.jpg", "grey.jpg", "README.md", "print.jpg"];
    let files = Dataset::image_files(names.map(picture), ImageOptions::new().size(4, 6).channels(3));
    assert_eq!(files.spec().expect("known").to_string(), "f32[4,6,3]");
    let scaled = files.map_parallel(Parallel::new(2), |x: Tensor| x / 255.0);
    let outcomes: Vec<_> = scaled.iter().expect("it can be built").collect();
    let error = outcomes[2].as_ref().expect_err("no picture");
    assert_eq!(error.file(), Some(&*picture("README.md")));
    assert!(error.to_string().contains("element 2"), "{error}");
    let batches = files.on_error(tensorwright_data::OnError::Skip).batch(3).iter_as::<Tensor>();
    let batches: Vec<Tensor> = batches.expect("tensors").collect::<Result<_>>().expect("no errors");
    assert_eq!(batches[0].shape().expect("pixels"), &[3, 4, 6, 3].into());
}

#[test]
fn pictures_that_are_read_on_threads_are_the_same() {
    let names = ["colour.jpg", "grey.jpg", "README.md", "print.jpg", "progressive.jpg"];
    let options = ImageOptions::new().size(9, 5).channels(3);
    let read = |options| {
        let iter = Dataset::image_files(names.map(picture), options).iter_as::<Tensor>().expect("tensors");
        let values = iter.map(|image| match image {
            Ok(image) => image.to_vec::<f32>().expect("values"),
            Err(error) => {
                assert_eq!(error.file(), Some(&*picture("README.md")));
                Vec::new()
            }
        });
        values.collect::<Vec<_>>()
    };
    let wanted = read(options);
    assert_eq!(wanted.len(), names.len());
    for parallel in [Parallel::new(2), Parallel::Auto] {
        assert_eq!(read(options.parallel(parallel)), wanted);
    }
    let refused = Dataset::image_files(names.map(picture), options.parallel(0));
    assert!(refused.error().is_some());
}
