//! The datasets that are in the library: `embedded/README.md` says where they are from.

use std::io::Read;

use tensorwright::{DType, Tensor};

use super::registry::{SetBuilder, SetInfo, SplitInfo, no_split};
use crate::error::{DataError, Result};
use crate::pipeline::Dataset;
use crate::spec::Spec;

/// A table of numbers in the library, the last column of which is the label.
#[derive(Clone, Copy)]
pub(super) struct Embedded {
    name: &'static str,
    description: &'static str,
    source: &'static str,
    licence: &'static str,
    bytes: &'static [u8],
    /// The last column in a file of its own.
    labels: Option<&'static [u8]>,
    /// The shape of what is not the label.
    shape: &'static [usize],
    label: DType,
    /// Names, numbers of elements, checksums.
    splits: &'static [(&'static str, usize, u32)],
}

const CC_BY: &str = "CC BY 4.0";

pub(super) const ALL: [&Embedded; 5] = [
    &Embedded {
        name: "digits",
        description: "handwritten digits of 8 x 8 pixels, 0 to 16",
        source: "Optical Recognition of Handwritten Digits (the test half), E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, as distributed with scikit-learn 1.9.1",
        licence: CC_BY,
        bytes: include_bytes!("embedded/digits.csv.gz"),
        labels: None,
        shape: &[8, 8],
        label: DType::I64,
        splits: &[("train", 1347, 0xf787_af32), ("test", 450, 0x9af2_ed31)],
    },
    &Embedded {
        name: "iris",
        description: "lengths and widths of the leaves of flowers of three species",
        source: "Iris, R. A. Fisher, UCI Machine Learning Repository, as distributed with scikit-learn 1.9.1",
        licence: CC_BY,
        bytes: include_bytes!("embedded/iris.csv.gz"),
        labels: None,
        shape: &[4],
        label: DType::I64,
        splits: &[("train", 150, 0x53eb_48d7)],
    },
    &Embedded {
        name: "wine",
        description: "chemical measures of wines of three growers",
        source: "Wine, S. Aeberhard and M. Forina, UCI Machine Learning Repository, as distributed with scikit-learn 1.9.1",
        licence: CC_BY,
        bytes: include_bytes!("embedded/wine_data.csv.gz"),
        labels: None,
        shape: &[13],
        label: DType::I64,
        splits: &[("train", 178, 0xce1e_0524)],
    },
    &Embedded {
        name: "breast_cancer",
        description: "measures of tumours that are malignant (0) or benign (1)",
        source: "Breast Cancer Wisconsin (Diagnostic), W. Wolberg, O. Mangasarian, N. Street and W. Street, UCI Machine Learning Repository, as distributed with scikit-learn 1.9.1",
        licence: CC_BY,
        bytes: include_bytes!("embedded/breast_cancer.csv.gz"),
        labels: None,
        shape: &[30],
        label: DType::I64,
        splits: &[("train", 569, 0xe639_e252)],
    },
    &Embedded {
        name: "diabetes",
        description: "measures of patients, and the progress of their disease after a year",
        source: "B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least Angle Regression, 2004, as distributed with scikit-learn 1.9.1",
        licence: "BSD-3-Clause, that of scikit-learn",
        bytes: include_bytes!("embedded/diabetes_data_raw.csv.gz"),
        labels: Some(include_bytes!("embedded/diabetes_target.csv.gz")),
        shape: &[10],
        label: DType::F32,
        splits: &[("train", 442, 0x6a5a_bf53)],
    },
];

/// The rows of numbers of a compressed file; lines that are none, such as a line of names, are left out.
fn rows(bytes: &[u8], width: usize) -> Result<Vec<f32>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).map_err(DataError::data_loss)?;
    let row = |line: &str| {
        line.split([',', ' ']).map(|field| field.trim().parse().ok()).collect::<Option<Vec<f32>>>()
    };
    Ok(text.lines().filter_map(row).filter(|row| row.len() == width).flatten().collect())
}

impl Embedded {
    /// Features and labels of all elements.
    fn tensors(&self) -> Result<(Tensor, Tensor)> {
        let width: usize = self.shape.iter().product();
        let (features, labels) = match self.labels {
            Some(labels) => (rows(self.bytes, width)?, rows(labels, 1)?),
            None => {
                let all = rows(self.bytes, width + 1)?;
                let features = all.chunks_exact(width + 1).flat_map(|row| &row[..width]).copied().collect();
                (features, all.chunks_exact(width + 1).map(|row| row[width]).collect())
            }
        };
        let shape: Vec<usize> = [labels.len()].iter().chain(self.shape).copied().collect();
        let features = Tensor::from_slice(&features, shape).ok()?;
        let labels = Tensor::from_slice(&labels, labels.len()).cast(self.label).ok()?;
        Ok((features, labels))
    }
}

impl SetBuilder for &'static Embedded {
    fn info(&self) -> SetInfo {
        let split = |(name, count, checksum): &(&str, usize, u32)| SplitInfo {
            name: (*name).to_owned(),
            count: *count as u64,
            checksum: Some(*checksum),
        };
        SetInfo {
            name: self.name.to_owned(),
            version: "1.0.0".to_owned(),
            description: self.description.to_owned(),
            source: self.source.to_owned(),
            licence: self.licence.to_owned(),
            spec: Spec::Tuple(vec![Spec::number(DType::F32, self.shape), Spec::scalar(self.label)]),
            components: ["features", "label"].map(str::to_owned).into(),
            splits: self.splits.iter().map(split).collect(),
        }
    }

    fn split(&self, name: &str) -> Result<Dataset> {
        let mut first = 0;
        for (own, count, _) in self.splits {
            if *own == name {
                return Dataset::from_slices(self.tensors()?).skip(first as u64).take(*count as u64).ok();
            }
            first += count;
        }
        Err(no_split(self.name, name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::registry::check_builder;
    use super::ALL;

    #[test]
    fn all_are_what_they_say() {
        ALL.iter().for_each(|set| check_builder(set).expect("as it says"));
    }
}
