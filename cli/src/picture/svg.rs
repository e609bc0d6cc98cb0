//! SVG, laid out in layers by the `layout` crate and drawn here.

use std::fmt::Write;
use std::sync::mpsc;
use std::time::Duration;

use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow as Edge, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::{Figure, Kind, Shape};

/// How long the layout may take. It takes less than a second for graphs that anybody could read; how much more for others is
/// hard to foresee.
const PATIENCE: Duration = Duration::from_secs(20);

const TITLE_SIZE: f64 = 13.0;
const LINE_SIZE: f64 = 11.0;
const LABEL_SIZE: f64 = 10.0;
/// Width of a letter of a monospaced font, in its size.
const LETTER: f64 = 0.61;
/// What the layout takes for the font size of labels on arrows. It believes letters to be as wide as high.
const LAYOUT_LABEL_SIZE: usize = 7;

/// The figure as SVG; `None` if it is too large to be laid out in a reasonable time.
pub(crate) fn svg(figure: Figure) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    // A layout that takes too long goes on until the process ends, which is soon.
    let draw = move || sender.send(drawn(&figure));
    std::thread::Builder::new().name("layout".to_owned()).spawn(draw).ok()?;
    receiver.recv_timeout(PATIENCE).ok()
}

fn drawn(figure: &Figure) -> String {
    let mut canvas = Canvas {
        figure,
        boxes: Vec::new(),
        arrows: String::new(),
        labels: String::new(),
        size: (40.0, 40.0),
    };
    if figure.len() > 0 {
        arranged(figure).do_it(false, false, false, &mut canvas);
    }
    canvas.finish()
}

fn arranged(figure: &Figure) -> VisualGraph {
    let mut graph = VisualGraph::new(Orientation::TopToBottom);
    // The layout would look for cycles after each step, in a time that doubles with each branch that joins again. There are
    // none; and as arrows into a box come before arrows out of it, its search for backward arrows ends at once.
    graph.dag.set_validate(false);
    let handles: Vec<_> = figure
        .boxes
        .iter()
        .enumerate()
        .map(|(i, shape)| {
            // The number in the place of the text comes back when the box is drawn.
            let kind = ShapeKind::new_box(&i.to_string());
            graph.add_node(Element::create(
                kind,
                look(LINE_SIZE as usize),
                Orientation::TopToBottom,
                size(shape),
            ))
        })
        .collect();
    for arrow in &figure.arrows {
        let style = if arrow.enters { LineStyleKind::Dashed } else { LineStyleKind::Normal };
        let edge = Edge::new(
            LineEndKind::None,
            LineEndKind::Arrow,
            style,
            &arrow.label,
            &look(LAYOUT_LABEL_SIZE),
            &None,
            &None,
        );
        graph.add_edge(edge, handles[arrow.from], handles[arrow.to]);
    }
    graph
}

fn look(font_size: usize) -> StyleAttr {
    StyleAttr::new(Color::fast("black"), 1, None, 0, font_size)
}

fn size(shape: &Shape) -> Point {
    let wide = |text: &str, size: f64| text.chars().count() as f64 * size * LETTER;
    let width =
        shape.lines.iter().map(|line| wide(line, LINE_SIZE)).fold(wide(&shape.title, TITLE_SIZE), f64::max);
    Point::new(width + 20.0, 14.0 + TITLE_SIZE * 1.2 + shape.lines.len() as f64 * LINE_SIZE * 1.25)
}

/// Collects what the layout draws, in the order in which it must cover each other.
struct Canvas<'a> {
    figure: &'a Figure,
    /// Upper left corner and size, in the order of the figure's boxes.
    boxes: Vec<(Point, Point)>,
    arrows: String,
    labels: String,
    size: (f64, f64),
}

impl Canvas<'_> {
    fn finish(self) -> String {
        let (width, height) =
            (self.size.0 + 20.0, self.size.1 + 20.0 + 18.0 * self.figure.groups.len() as f64);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n{STYLE}<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        );
        out.push_str(&self.arrows);
        for (shape, &(corner, size)) in self.figure.boxes.iter().zip(&self.boxes) {
            draw_box(&mut out, shape, corner, size);
        }
        out.push_str(&self.labels);
        self.legend(&mut out);
        out.push_str("</svg>\n");
        out
    }

    /// The names of the groups, under the picture.
    fn legend(&self, out: &mut String) {
        for (group, title) in self.figure.groups.iter().enumerate() {
            let (y, fill) =
                (self.size.1 + 18.0 * group as f64, super::GROUP_COLOURS[group % super::GROUP_COLOURS.len()]);
            put(
                out,
                format_args!(
                    "<rect x=\"10\" y=\"{y:.1}\" width=\"14\" height=\"14\" fill=\"{fill}\" stroke=\"#444444\"/>"
                ),
            );
            put(
                out,
                format_args!(
                    "<text class=\"line\" x=\"30\" y=\"{:.1}\">{}</text>\n",
                    y + 11.0,
                    escaped(title)
                ),
            );
        }
    }

    fn grow(&mut self, x: f64, y: f64) {
        self.size = (self.size.0.max(x), self.size.1.max(y));
    }
}

const STYLE: &str = "<style>
text { font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #222222; }
.title { font-size: 13px; font-weight: bold; text-anchor: middle; }
.line { font-size: 11px; }
.middle { text-anchor: middle; }
.label, .halo { font-size: 10px; text-anchor: middle; fill: #555555; }
.halo { stroke: #ffffff; stroke-width: 4px; }
.arrow { fill: none; stroke: #888888; stroke-width: 1.2px; }
</style>
<defs><marker id=\"head\" markerWidth=\"9\" markerHeight=\"7\" refX=\"8\" refY=\"3.5\" orient=\"auto\"><path d=\"M0,0 L9,3.5 L0,7 z\" fill=\"#666666\"/></marker></defs>
";

fn draw_box(out: &mut String, shape: &Shape, corner: Point, size: Point) {
    let (fill, stroke) = (shape.fill(), shape.stroke());
    let round = if shape.kind == Kind::Input { 14 } else { 4 };
    put(
        out,
        format_args!(
            "<rect class=\"box\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round}\" fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"1.4\"/>",
            corner.x, corner.y, size.x, size.y
        ),
    );
    let middle = corner.x + size.x / 2.0;
    let mut y = corner.y + 6.0 + TITLE_SIZE;
    put(
        out,
        format_args!("<text class=\"title\" x=\"{middle:.1}\" y=\"{y:.1}\">{}</text>", escaped(&shape.title)),
    );
    for line in &shape.lines {
        y += LINE_SIZE * 1.25;
        put(
            out,
            format_args!(
                "<text class=\"line middle\" x=\"{middle:.1}\" y=\"{y:.1}\">{}</text>",
                escaped(line)
            ),
        );
    }
    out.push('\n');
}

impl RenderBackend for Canvas<'_> {
    fn draw_rect(&mut self, xy: Point, size: Point, _: &StyleAttr, _: Option<String>, _: Option<ClipHandle>) {
        self.boxes.push((xy, size));
        self.grow(xy.x + size.x, xy.y + size.y);
    }

    fn draw_line(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_circle(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    /// Labels of arrows; the texts of boxes are drawn with the boxes.
    fn draw_text(&mut self, xy: Point, text: &str, look: &StyleAttr) {
        if look.font_size != LAYOUT_LABEL_SIZE {
            return;
        }
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let y = xy.y + LABEL_SIZE * (1.15 * (i as f64 - (lines.len() - 1) as f64 / 2.0) + 0.35);
            // Not every viewer knows `paint-order`, so the white that sets the label off the arrow is a text of its own.
            for class in ["halo", "label"] {
                let (x, line) = (xy.x, escaped(line));
                put(
                    &mut self.labels,
                    format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{line}</text>\n"),
                );
            }
            self.grow(xy.x + line.chars().count() as f64 * LABEL_SIZE * LETTER / 2.0, y + LABEL_SIZE);
        }
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        dashed: bool,
        head: (bool, bool),
        _: &StyleAttr,
        _: Option<String>,
        _: &str,
    ) {
        let mut d = String::new();
        for (i, (first, second)) in path.iter().enumerate() {
            // The first pair is where the curve starts and its control point; each other pair a control point and where it goes.
            let letter = ["M", "", "S"][i.min(2)];
            let separator = if i == 0 { " C" } else { "" };
            put(
                &mut d,
                format_args!(
                    "{letter}{:.1},{:.1}{separator} {:.1},{:.1} ",
                    first.x, first.y, second.x, second.y
                ),
            );
            self.grow(first.x.max(second.x), first.y.max(second.y));
        }
        let dash = if dashed { " stroke-dasharray=\"4,3\"" } else { "" };
        let marker = if head.1 { " marker-end=\"url(#head)\"" } else { "" };
        put(&mut self.arrows, format_args!("<path class=\"arrow\" d=\"{}\"{dash}{marker}/>\n", d.trim_end()));
    }

    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML forbids control characters.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string does not fail");
}
