//! Errors as people like to read them: the offending line of the file, marked, and what to do about it.

use std::io::IsTerminal;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use clap::ValueEnum;
use tensorwright_ir::text::{ParseError, Span};

/// When to colour messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// The renderer for messages on standard error.
    pub(crate) fn renderer(self) -> Renderer {
        let wanted = match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::io::stderr().is_terminal()
            }
        };
        if wanted { Renderer::styled() } else { Renderer::plain() }
    }
}

/// An error without a place.
pub(crate) fn plain(message: &str, renderer: Renderer) -> String {
    renderer.render(&[Group::with_title(Level::ERROR.primary_title(message))])
}

/// An error in the text of a graph.
pub(crate) fn text(path: &Path, text: &[u8], error: &ParseError, renderer: Renderer) -> String {
    let path = path.display().to_string();
    let marks = marks(error);
    let excerpts = excerpts(text, &marks);
    let mut group = Group::with_title(Level::ERROR.primary_title(error.message()).id(error.code().number()));
    for (excerpt, marks) in &excerpts {
        let annotations = marks.iter().map(|mark| mark.kind.span(excerpt.span(mark.span)).label(mark.label));
        let snippet = Snippet::source(excerpt.text.as_str()).line_start(excerpt.line).path(path.as_str());
        group = group.element(snippet.annotations(annotations));
    }
    if let Some(help) = error.help() {
        group = group.element(Level::HELP.message(help));
    }
    let more = format!("`wright explain {}` tells more", error.code());
    renderer.render(&[group.element(Level::NOTE.message(more.as_str()))])
}

/// A marked place.
#[derive(Clone, Copy)]
struct Mark<'a> {
    span: Span,
    label: &'a str,
    kind: AnnotationKind,
}

fn marks(error: &ParseError) -> Vec<Mark<'_>> {
    let primary = Mark { span: error.span(), label: error.label(), kind: AnnotationKind::Primary };
    let related =
        error.related().map(|r| Mark { span: r.span, label: &r.label, kind: AnnotationKind::Context });
    std::iter::once(primary).chain(related).collect()
}

/// One excerpt around all marks, or one for each if they are far apart.
fn excerpts<'a>(text: &[u8], marks: &[Mark<'a>]) -> Vec<(Excerpt, Vec<Mark<'a>>)> {
    let start = marks.iter().map(|mark| mark.span.start).min().unwrap_or(0);
    let end = marks.iter().map(|mark| mark.span.end).max().unwrap_or(0);
    if end - start < MOST / 2 {
        return vec![(Excerpt::new(text, Span { start, end }), marks.to_vec())];
    }
    marks.iter().map(|mark| (Excerpt::new(text, mark.span), vec![*mark])).collect()
}

/// The most bytes of a text that are shown.
const MOST: usize = 4000;

/// The lines around a place. A text may be a single line of a gigabyte, so long lines are cut.
struct Excerpt {
    text: String,
    line: usize,
    /// Bytes of the whole text before the excerpt.
    start: usize,
}

impl Excerpt {
    fn new(text: &[u8], place: Span) -> Excerpt {
        let (first, last) = (place.start.min(text.len()), place.end.min(text.len()));
        let line_start = text[..first].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        let line_end = text[last..].iter().position(|&b| b == b'\n').map_or(text.len(), |i| last + i);
        let start = boundary(text, line_start.max(first.saturating_sub(MOST / 4)));
        let end = boundary(text, line_end.min(first + MOST)).max(start);
        let line = text[..start].iter().filter(|&&b| b == b'\n').count() + 1;
        // Lossy decoding would move the places behind a wrong byte, so wrong bytes are shown as question marks.
        let text = match std::str::from_utf8(&text[start..end]) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                text[start..end].iter().map(|&b| if b.is_ascii() { char::from(b) } else { '?' }).collect()
            }
        };
        Excerpt { text, line, start }
    }

    /// A place of the whole text in the excerpt.
    fn span(&self, span: Span) -> Range<usize> {
        let at = |offset: usize| {
            let mut at = offset.saturating_sub(self.start).min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        at(span.start)..at(span.end)
    }
}

/// The next start of a character.
fn boundary(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|b| b & 0xc0 == 0x80) {
        at += 1;
    }
    at
}
