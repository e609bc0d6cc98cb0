//! One image in all formats, as another library writes them, and what becomes of damaged files.

use std::path::{Path, PathBuf};

use tensorwright_images::{Image, decode};

const ROWS: usize = 11;
const COLUMNS: usize = 13;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The pixels by the formula of `scripts/image_files.py`.
fn pixels(channels: usize) -> Vec<u8> {
    let pixel = |at: usize| {
        let (row, column) = (at / COLUMNS, at % COLUMNS);
        let (red, green) = (20 * row, 17 * column);
        let blue = (3 * row * column).min(255);
        match channels {
            1 => vec![green as u8],
            3 => vec![red as u8, green as u8, blue as u8],
            _ => vec![red as u8, green as u8, blue as u8, (255 - 5 * (row + column)) as u8],
        }
    };
    (0..ROWS * COLUMNS).flat_map(pixel).collect()
}

fn image(name: &str) -> Image {
    let image = decode(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!((image.height, image.width), (ROWS, COLUMNS), "{name}");
    image
}

#[test]
fn files_without_loss_are_read_exactly() {
    for (stem, channels, endings) in [
        ("colour", 3, ["png", "bmp", "tiff", "ppm", "jp2", "webp"].as_slice()),
        ("grey", 1, &["png", "tiff", "pgm", "jp2"]),
        ("transparent", 4, &["png", "tiff", "jp2", "webp"]),
        ("wide", 1, &["png", "tiff"]),
        ("colour_tiff_lzw", 3, &["tiff"]),
        ("colour_tiff_adobe_deflate", 3, &["tiff"]),
        ("colour_packbits", 3, &["tiff"]),
    ] {
        for ending in endings {
            let name = format!("{stem}.{ending}");
            let image = image(&name);
            assert_eq!(image.channels, channels, "{name}");
            assert_eq!(image.pixels, pixels(channels), "{name}");
        }
    }
}

/// Palettes may be given back as colours: all channels are the grey then.
#[test]
fn palettes_and_bits_are_expanded() {
    for name in ["grey.bmp", "palette.png", "palette.bmp"] {
        let image = image(name);
        let greys: Vec<u8> = image.pixels.chunks(image.channels).map(|pixel| pixel[0]).collect();
        assert_eq!(greys, pixels(1), "{name}");
        assert!(
            image.pixels.chunks(image.channels).all(|pixel| pixel.iter().all(|x| *x == pixel[0])),
            "{name}"
        );
    }
    let bits: Vec<u8> = pixels(1).into_iter().map(|grey| if grey > 100 { 255 } else { 0 }).collect();
    for name in ["bits.tiff", "bits.png"] {
        let image = image(name);
        let found: Vec<u8> = image.pixels.chunks(image.channels).map(|pixel| pixel[0]).collect();
        assert_eq!(found, bits, "{name}");
    }
    let error = decode(&bytes("bits.bmp")).expect_err("rows that are filled up");
    assert_eq!(error.to_string(), "BMP: pixels of 1 bits are not read");
}

/// On average: colours are stored at half the size, so that single pixels are far off.
#[test]
fn files_with_loss_are_near() {
    for (name, channels, most) in [("colour.jpg", 3, 14.0), ("grey.jpg", 1, 4.0), ("lossy.webp", 3, 14.0)] {
        let image = image(name);
        assert_eq!(image.channels, channels, "{name}");
        let off = image.pixels.iter().zip(pixels(channels)).map(|(a, b)| f64::from(a.abs_diff(b)));
        let mean = off.sum::<f64>() / image.pixels.len() as f64;
        assert!(mean < most, "{name}: {mean} of 255 apart on average");
    }
}

/// Whatever is in a file, it is an image or an error.
#[test]
fn damaged_files_do_not_panic() {
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let entries = std::fs::read_dir(folder()).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let files: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("a file")).collect();
    let (mut read, count) = (0, 4000);
    for _ in 0..count {
        let mut bytes = files[random(files.len())].clone();
        for _ in 0..1 + random(3) {
            // Headers are short, and what is in them matters most.
            let within = if random(2) == 0 { bytes.len().min(64) } else { bytes.len() };
            let at = random(within);
            bytes[at] = [bytes[at] ^ (1 << random(8)), 0, 0xff, random(256) as u8][random(4)];
        }
        if random(8) == 0 {
            bytes.truncate(random(bytes.len()));
        }
        read += usize::from(decode(&bytes).is_ok());
    }
    assert!(read > count / 20, "what is damaged is still mostly an image: {read}");
}
