//! Readers of well-known layouts of files: CIFAR's records, texts and images in folders of labels, lines of words.

use std::path::{Path, PathBuf};

use tensorwright::DType;

use crate::error::{DataError, ErrorKind, Result};
use crate::file::{Compression, FixedOptions, ImageOptions, image, pictures};
use crate::item::{Item, Text};
use crate::pipeline::Dataset;
use crate::spec::{ElementKind, Spec};

const SIDE: usize = 32;
const PIXELS: usize = SIDE * SIDE;

/// The images of CIFAR's binary files, with so many bytes of labels before each image: 1 for CIFAR-10, 2 for CIFAR-100, of which the last is given: `(u8[32,32,3], i64[])`.
#[track_caller]
pub fn cifar(paths: impl IntoIterator<Item = impl AsRef<Path>>, labels: usize) -> Dataset {
    if labels == 0 {
        return Dataset::failed(DataError::invalid("there is at least one label"));
    }
    let spec = Spec::Tuple(vec![Spec::number(DType::U8, [SIDE, SIDE, 3]), Spec::scalar(DType::I64)]);
    let records = Dataset::fixed_length_records(paths, FixedOptions::new(labels + 3 * PIXELS));
    records.map_items(spec, move |record| {
        let Item::Text(bytes) = &record else { return Err(DataError::invalid("a record is wanted")) };
        let (own, planes) = bytes.split_at(labels);
        let pixels: Vec<u8> =
            (0..PIXELS).flat_map(|i| [planes[i], planes[PIXELS + i], planes[2 * PIXELS + i]]).collect();
        let image = Item::array(DType::U8, &[SIDE, SIDE, 3], &pixels)?;
        Ok(Item::tuple([image, Item::number(i64::from(own[labels - 1]))]))
    })
}

/// What is in a folder, sorted, without what is hidden: names that begin with a dot.
pub(crate) fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_visible =
        |path: &PathBuf| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."));
    let entries = std::fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()
    });
    let mut paths = entries.map_err(|error| DataError::io(folder, &error))?;
    paths.retain(is_visible);
    paths.sort();
    Ok(paths)
}

/// The files in folders that are named by labels, sorted, and the label of each.
fn labelled(folder: &Path) -> Result<Vec<(PathBuf, i64)>> {
    let mut files = Vec::new();
    let labels = sorted(folder)?.into_iter().filter(|path| path.is_dir());
    for (label, inner) in labels.enumerate() {
        files.extend(
            sorted(&inner)?.into_iter().filter(|path| path.is_file()).map(|path| (path, label as i64)),
        );
    }
    match files.is_empty() {
        true => {
            Err(DataError::new(ErrorKind::NotFound, "there are no files in folders of labels")
                .in_file(folder))
        }
        false => Ok(files),
    }
}

/// The texts of files in folders that are named by labels, as IMDB's reviews are: `(text, i64)`, labels numbered by the sorted names of folders.
#[track_caller]
pub fn text_folders(folder: impl AsRef<Path>) -> Dataset {
    let files = match labelled(folder.as_ref()) {
        Ok(files) => files,
        Err(error) => return Dataset::failed(error),
    };
    let spec = Spec::Tuple(vec![Spec::scalar(ElementKind::Text), Spec::scalar(DType::I64)]);
    Dataset::from_fn(files.len() as u64, move |i| -> Result<Item> {
        let (path, label) = &files[i as usize];
        let text = std::fs::read(path).map_err(|error| DataError::io(path, &error))?;
        Ok(Item::tuple([Item::text(text), Item::number(*label)]))
    })
    .with_spec(spec)
}

/// The images in folders that are named by labels: pixels, as the options say, and `i64`, labels numbered by the sorted names of folders. A file that is no such
/// image is an error in its place.
///
/// ```
/// # use tensorwright::data::ImageOptions;
/// # use tensorwright::data::sets::image_folders;
/// # let folder = std::env::temp_dir().join(format!("pictures-{}", std::process::id()));
/// # std::fs::create_dir_all(folder.join("cats"))?;
/// # std::fs::write(folder.join("cats/1.png"), "")?;
/// let pairs = image_folders(&folder, ImageOptions::new().size(64, 64).channels(3));
/// assert_eq!(pairs.batch(32).spec()?.to_string(), "(f32[?,64,64,3], i64[?])");
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias("image_dataset_from_directory"))]
#[track_caller]
pub fn image_folders(folder: impl AsRef<Path>, options: ImageOptions) -> Dataset {
    let files = match options.check().and_then(|()| labelled(folder.as_ref())) {
        Ok(files) => files,
        Err(error) => return Dataset::failed(error),
    };
    let spec = Spec::Tuple(vec![options.spec(), Spec::scalar(DType::I64)]);
    pictures(files.len(), &options, spec, move |i| {
        let (path, label) = &files[i];
        Ok(Item::tuple([image(path, &options)?, Item::number(*label)]))
    })
}

/// The words of each line of files, with `end` behind them, as language models read the Penn Treebank: `text[?]`.
#[track_caller]
pub fn word_lines(paths: impl IntoIterator<Item = impl AsRef<Path>>, end: &str) -> Dataset {
    let end = Text::from(end.as_bytes());
    Dataset::text_lines(paths, Compression::None).map_items(Spec::text([None]), move |line| {
        let Item::Text(line) = &line else { return Err(DataError::invalid("a line is wanted")) };
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(Text::from);
        let words: Vec<Text> = words.chain([end.clone()]).collect();
        Item::texts(&[words.len()], words)
    })
}

#[cfg(test)]
mod tests {
    use super::{cifar, image_folders, text_folders, word_lines};
    use crate::file::ImageOptions;

    #[test]
    fn layouts_are_read() {
        let folder = std::env::temp_dir().join(format!("tensorwright-sets-{}", std::process::id()));
        for (label, text) in [("neg", "bad"), ("pos", "good")] {
            std::fs::create_dir_all(folder.join(label)).expect("a folder");
            std::fs::write(folder.join(label).join("1.txt"), text).expect("written");
        }
        let texts: Vec<(String, i64)> =
            text_folders(&folder).iter_as().expect("pairs").collect::<Result<_, _>>().expect("read");
        assert_eq!(texts, [("bad".to_owned(), 0), ("good".to_owned(), 1)]);
        let lines = folder.join("lines");
        std::fs::write(&lines, "a b\nc\n").expect("written");
        assert_eq!(
            word_lines([&lines], "<eos>")
                .iter()
                .expect("lines")
                .map(|line| line.expect("words").rows())
                .collect::<Vec<_>>(),
            [Some(3), Some(2)]
        );
        let images = folder.join("images");
        std::fs::write(&images, [&[7][..], &[1; 1024], &[2; 1024], &[3; 1024]].concat()).expect("written");
        let (image, label): (tensorwright::Tensor, i64) =
            cifar([&images], 1).iter_as().expect("pairs").next().expect("one").expect("read");
        assert_eq!((image.to_vec::<u8>().expect("values")[..3].to_vec(), label), (vec![1, 2, 3], 7));
        assert!(text_folders(folder.join("pos")).error().is_some());
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn images_are_read_and_damaged_ones_are_errors() {
        let folder = std::env::temp_dir().join(format!("tensorwright-images-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("a")).expect("a folder");
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 2, 1);
        encoder.set_color(png::ColorType::Rgb);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&[1, 2, 3, 4, 5, 6]))
            .expect("written");
        std::fs::write(folder.join("a/1.png"), &file).expect("written");
        std::fs::write(folder.join("a/2.png"), &file[..file.len() / 2]).expect("written");
        let images: Vec<_> = image_folders(&folder, ImageOptions::new())
            .iter_as::<(tensorwright::Tensor, i64)>()
            .expect("pairs")
            .collect();
        let (image, _) = images[0].as_ref().expect("an image");
        assert_eq!(image.shape().expect("pixels"), &[1, 2, 3].into());
        assert_eq!(image.to_vec::<u8>().expect("values"), [1, 2, 3, 4, 5, 6]);
        assert_eq!(images[1].as_ref().expect_err("cut short").file(), Some(&*folder.join("a/2.png")));
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
