//! A recurrent network forecasts sunspots a year ahead, from the years before.
//!
//! `cargo run --release -p tensorwright-examples --bin forecast`
//!
//! A pipeline cuts the series into windows; the years before 1940 are for training. Two simple forecasts stand beside the network's: next year is
//! as this one, and next year is as eleven years ago.

mod pictures;

use std::path::Path;

use anyhow::{Result, ensure};
use tensorwright::data::{CsvColumn, CsvOptions, Dataset};
use tensorwright::nn::layers::{Dense, LSTM};
use tensorwright::nn::losses::Huber;
use tensorwright::nn::optimizers::{Adam, Optimizer};
use tensorwright::nn::{Fit, Model, Sequential, set_seed};
use tensorwright::prelude::*;

use pictures::{Curve, curves};

/// Years that the network sees.
const WINDOW: usize = 22;
const FIRST_YEAR: usize = 1700;
/// The first year to be forecast that is not for training.
const FIRST_TEST_YEAR: usize = 1940;
/// A number of sunspots that is 1 for the network.
const UNIT: f32 = 100.0;

/// Sunspots of each year.
fn sunspots() -> Result<Vec<f32>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/sunspots.csv");
    let columns = [CsvColumn::required(DType::I32), CsvColumn::required(DType::F32)];
    let rows = Dataset::csv([path], CsvOptions::new(columns).header());
    Ok(rows.iter_as::<(i32, f32)>()?.map(|row| row.map(|(_, spots)| spots)).collect::<Result<_, _>>()?)
}

/// Windows `f32[n, 22, 1]`, and what comes after each, `f32[n, 1]`.
fn windows(series: &[f32]) -> Result<(Tensor, Tensor)> {
    let rows = series.windows(WINDOW + 1).flatten().map(|spots| spots / UNIT).collect::<Vec<f32>>();
    let rows = Tensor::from_slice(&rows, [series.len() - WINDOW, WINDOW + 1]);
    Ok((rows.i((.., ..WINDOW)).expand_dims(-1).ok()?, rows.i((.., WINDOW..)).ok()?))
}

/// The mean distance of forecasts from what came.
fn error(found: impl Iterator<Item = f32>, truth: &[f32]) -> f32 {
    found.zip(truth).map(|(found, truth)| (found - truth).abs()).sum::<f32>() / truth.len() as f32
}

fn main() -> Result<()> {
    set_seed(1);
    let series = sunspots()?;
    let first_test = FIRST_TEST_YEAR - FIRST_YEAR;
    let (x, y) = windows(&series)?;
    let border = first_test - WINDOW;
    let (train, test) = ((x.i(..border), y.i(..border)), x.i(border..));

    let model = Model::new(Sequential::new().add(LSTM::new(32)).add(Dense::new(1)));
    model.compile(Optimizer::from(Adam::default()).learning_rate(5e-3), Huber::default(), &["mae"]);
    let history = model.fit(train, Fit::new().epochs(150).batch_size(32))?;
    println!("{}{}", model.summary()?, history.last().map(ToString::to_string).unwrap_or_default());

    let truth = &series[first_test..];
    let found: Vec<f32> = model.predict(&test)?.to_vec::<f32>()?.iter().map(|spots| spots * UNIT).collect();
    let before = |years: usize| series[first_test - years..series.len() - years].iter().copied();
    let own = error(found.iter().copied(), truth);
    let simple = [error(before(1), truth), error(before(11), truth)];
    println!(
        "mean error {own:.1} sunspots; as the year before {:.1}, as eleven years before {:.1}",
        simple[0], simple[1]
    );

    let years = |values: &[f32]| {
        values
            .iter()
            .enumerate()
            .map(|(i, &spots)| ((FIRST_TEST_YEAR + i) as f64, f64::from(spots)))
            .collect()
    };
    let lines = [
        Curve { name: "observed", points: years(truth) },
        Curve { name: "forecast a year ahead", points: years(&found) },
    ];
    let title = ["Sunspots of years that the network has not seen", "year", "sunspots"];
    curves("forecast.svg", title, FIRST_TEST_YEAR as f64..2009.0, 0.0..260.0, &lines)?;
    ensure!(own < simple[0], "the network is worse than saying that next year is as this one");
    Ok(())
}
