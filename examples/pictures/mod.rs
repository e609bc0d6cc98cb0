//! Pictures that the examples draw, in the folder `target` of the workspace.

#![allow(dead_code, reason = "each example draws some of them")]

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use plotters::prelude::*;

/// Where the picture of this name is.
pub(crate) fn path(name: &str) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?.join(name))
}

/// Writes an SVG, and says where.
pub(crate) fn write(name: &str, svg: &str) -> Result<()> {
    let path = path(name)?;
    fs::write(&path, svg).with_context(|| path.display().to_string())?;
    println!("picture: {}", path.display());
    Ok(())
}

/// A curve with its name.
pub(crate) struct Curve<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Draws curves into an SVG.
pub(crate) fn curves(
    name: &str,
    title: [&str; 3],
    x: Range<f64>,
    y: Range<f64>,
    curves: &[Curve<'_>],
) -> Result<()> {
    let mut svg = String::new();
    {
        let [title, along_x, along_y] = title;
        let area = SVGBackend::with_string(&mut svg, (720, 420)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d(x, y)?;
        chart.configure_mesh().x_desc(along_x).y_desc(along_y).light_line_style(TRANSPARENT).draw()?;
        for (i, curve) in curves.iter().enumerate() {
            let color = Palette99::pick(i).to_rgba();
            let line = LineSeries::new(curve.points.iter().copied(), color.stroke_width(2));
            let legend = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2));
            chart.draw_series(line)?.label(curve.name).legend(legend);
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()?;
    }
    write(name, &svg)
}

/// Writes rows of shades from 0 (black) to 1 as PNG, each pixel `scale` times `scale` of the picture's, and says where.
pub(crate) fn shades(name: &str, width: usize, values: &[f32], scale: usize) -> Result<()> {
    let path = path(name)?;
    let height = values.len() / width;
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    let mut encoder = png::Encoder::new(file, (width * scale) as u32, (height * scale) as u32);
    encoder.set_color(png::ColorType::Grayscale);
    let pixel = |at: usize| {
        let (row, column) = (at / (width * scale) / scale, at % (width * scale) / scale);
        (values[row * width + column].clamp(0.0, 1.0) * 255.0).round() as u8
    };
    let pixels: Vec<u8> = (0..width * height * scale * scale).map(pixel).collect();
    encoder.write_header()?.write_image_data(&pixels)?;
    println!("picture: {}", path.display());
    Ok(())
}
