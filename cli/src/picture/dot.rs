//! The DOT language of Graphviz.

use std::fmt::Write;

use super::{Figure, Kind, Shape};

/// The figure in DOT. Groups are clusters.
pub(crate) fn dot(figure: &Figure) -> String {
    let mut out = format!("digraph {} {{\n", quoted(&figure.name));
    out.push_str("  node [shape=box, style=\"filled,rounded\", fontname=\"monospace\", fontsize=11];\n");
    out.push_str("  edge [fontname=\"monospace\", fontsize=9, color=\"#777777\"];\n");
    for (group, title) in figure.groups.iter().enumerate() {
        put(
            &mut out,
            format_args!("  subgraph cluster_{group} {{\n    label={};\n    style=rounded;\n", quoted(title)),
        );
        boxes(&mut out, figure, Some(group), "    ");
        out.push_str("  }\n");
    }
    boxes(&mut out, figure, None, "  ");
    for arrow in &figure.arrows {
        let style = if arrow.enters { ", style=dashed" } else { "" };
        put(
            &mut out,
            format_args!("  b{} -> b{} [label={}{style}];\n", arrow.from, arrow.to, quoted(&arrow.label)),
        );
    }
    out.push_str("}\n");
    out
}

fn boxes(out: &mut String, figure: &Figure, group: Option<usize>, indent: &str) {
    for (i, shape) in figure.boxes.iter().enumerate().filter(|(_, shape)| shape.group == group) {
        let shape_name = if shape.kind == Kind::Input { ", shape=ellipse" } else { "" };
        let (fill, stroke) = (shape.fill(), shape.stroke());
        let label = quoted(&text(shape));
        put(
            out,
            format_args!(
                "{indent}b{i} [label={label}, fillcolor=\"{fill}\", color=\"{stroke}\"{shape_name}];\n"
            ),
        );
    }
}

fn text(shape: &Shape) -> String {
    std::iter::once(&shape.title).chain(&shape.lines).cloned().collect::<Vec<_>>().join("\n")
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string does not fail");
}
