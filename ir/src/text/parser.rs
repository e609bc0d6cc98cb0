//! Text to graphs: recursive descent over regions (of limited depth), everything else loops.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::error::{ParseError, Span};
use super::lexer::{Kind, Lexer, Token};
use super::literal::integer;
use super::weights::Reader;
use super::{Code, MAX_DEPTH, MAX_FILL_BYTES, suggest};
use crate::op::{AttrMap, AttrValue, AttributeError, Op, OpKind, TypeError, Types};
use crate::{DType, Graph, Location, Type, Value};

/// Kinds of ops by mnemonic.
static KINDS: LazyLock<HashMap<&'static str, OpKind>> =
    LazyLock::new(|| Op::kinds().into_iter().map(|kind| (kind.name, kind)).collect());

pub(super) fn parse(text: &str, weights: Option<&[u8]>) -> Result<Graph, ParseError> {
    let mut parser = Parser::new(text, weights)?;
    parser.whole()
}

/// The graph of a text whose type annotations are believed, not checked: for tests of what checks graphs.
#[cfg(test)]
pub(crate) fn parse_trusting(text: &str) -> Result<Graph, ParseError> {
    let mut parser = Parser::new(text, None)?;
    parser.trusting = true;
    parser.whole()
}

pub(super) struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// The token that comes next.
    pub(super) token: Token,
    /// The token before it.
    last: Span,
    files: HashMap<&'a str, Arc<str>>,
    pub(super) weights: Reader<'a>,
    /// Bytes that tensors written as one element may still take.
    pub(super) fill_budget: usize,
    depth: usize,
    trusting: bool,
}

/// How a value is written: its name, and the digits that tell it from others of the name.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Label<'a> {
    name: Option<Cow<'a, str>>,
    digits: &'a str,
}

/// A graph under construction.
struct Body<'a> {
    graph: Graph,
    values: HashMap<Label<'a>, (Value, Span)>,
}

impl<'a> Body<'a> {
    fn bind(&mut self, label: Label<'a>, value: Value, span: Span) {
        self.graph.set_value_name(value, label.name.as_deref().map(str::to_owned));
        self.values.insert(label, (value, span));
    }
}

/// What stands before `=`.
type Bound<'a> = SmallVec<[(Label<'a>, Span); 2]>;

impl<'a> Parser<'a> {
    fn new(text: &'a str, weights: Option<&'a [u8]>) -> Result<Parser<'a>, ParseError> {
        let start = Span { start: 0, end: 0 };
        if u32::try_from(text.len()).is_err() {
            return Err(ParseError::new(text, Code::TooLarge, start, "the text is larger than 4 GiB", ""));
        }
        let mut parser = Parser {
            text,
            lexer: Lexer::new(text),
            token: Token { kind: Kind::End, span: start },
            last: start,
            files: HashMap::new(),
            weights: Reader::new(weights),
            fill_budget: MAX_FILL_BYTES,
            depth: 0,
            trusting: false,
        };
        parser.token = parser.lexer.token()?;
        Ok(parser)
    }

    fn whole(&mut self) -> Result<Graph, ParseError> {
        let graph = self.graph()?;
        match self.token.kind {
            Kind::End => Ok(graph),
            _ => Err(self.unexpected("the end of the text")),
        }
    }

    fn graph(&mut self) -> Result<Graph, ParseError> {
        if self.depth == MAX_DEPTH {
            let label = format!("graphs nest at most {MAX_DEPTH} deep");
            return Err(self.error(Code::TooDeep, self.token.span, "regions nest too deep", label));
        }
        self.depth += 1;
        self.keyword("graph")?;
        let name = if self.eat('@')? { self.graph_name()? } else { String::new() };
        let mut body = Body { graph: Graph::new(name), values: HashMap::new() };
        self.list('(', ')', |p| p.input(&mut body))?;
        let declared = self.declared_outputs()?;
        self.expect('{')?;
        while !self.at_word("return") {
            self.statement(&mut body)?;
        }
        self.outputs(&mut body, declared)?;
        self.expect('}')?;
        self.depth -= 1;
        Ok(body.graph)
    }

    fn graph_name(&mut self) -> Result<String, ParseError> {
        if self.token.kind == Kind::Text {
            return self.string().map(Cow::into_owned);
        }
        self.word("the graph's name").map(|(name, _)| name.to_owned())
    }

    fn input(&mut self, body: &mut Body<'a>) -> Result<(), ParseError> {
        let (label, span) = self.label()?;
        self.expect(':')?;
        let (ty, _) = self.ty()?;
        self.check_new(body, &label, span)?;
        let value = body.graph.add_input(ty, None);
        body.bind(label, value, span);
        Ok(())
    }

    fn declared_outputs(&mut self) -> Result<Option<(Vec<Type>, Span)>, ParseError> {
        if self.token.kind != Kind::Arrow {
            return Ok(None);
        }
        self.advance()?;
        let (start, mut types) = (self.token.span, Vec::new());
        self.list('(', ')', |p| {
            types.push(p.ty()?.0);
            Ok(())
        })?;
        Ok(Some((types, start.to(self.last))))
    }

    fn outputs(
        &mut self,
        body: &mut Body<'a>,
        declared: Option<(Vec<Type>, Span)>,
    ) -> Result<(), ParseError> {
        let start = self.advance()?;
        let mut outputs = Vec::new();
        if self.token.kind == Kind::Value {
            outputs.push(self.operand(body)?);
            while self.eat(',')? {
                outputs.push(self.operand(body)?);
            }
        }
        body.graph.set_outputs(&outputs);
        let found = body.graph.output_types();
        match declared {
            Some((types, span)) if types != found => {
                let label = format!("the outputs are ({})", join(&found));
                let message = format!("the graph is declared to give ({})", join(&types));
                Err(self
                    .error(Code::TypeMismatch, start.to(self.last), message, label)
                    .with_related(span, "declared here"))
            }
            _ => Ok(()),
        }
    }

    fn statement(&mut self, body: &mut Body<'a>) -> Result<(), ParseError> {
        let bound = self.bound(body)?;
        let (name, at) = self.word("an operation, a value to define or `return`")?;
        let kind = self.kind(name, at)?;
        let operands = self.operands(body)?;
        let op = self.op(kind, at)?;
        let regions = self.regions()?;
        let call = at.to(self.last);
        let annotation = self.annotation()?;
        let location = self.location()?;
        let types = self.types(body, &op, &operands, &regions, annotation, call)?;
        if bound.len() != types.len() {
            return Err(self.wrong_results(&op, types.len(), &bound, call));
        }
        let results = body.graph.add_node(op, &operands, regions, types, location);
        for ((label, span), &value) in bound.into_iter().zip(&results) {
            self.check_new(body, &label, span)?;
            body.bind(label, value, span);
        }
        Ok(())
    }

    /// The values before `=`.
    fn bound(&mut self, body: &Body<'a>) -> Result<Bound<'a>, ParseError> {
        let mut bound = Bound::new();
        if self.token.kind != Kind::Value {
            return Ok(bound);
        }
        loop {
            let (label, span) = self.label()?;
            self.check_new(body, &label, span)?;
            bound.push((label, span));
            if !self.eat(',')? {
                break;
            }
        }
        self.expect('=')?;
        Ok(bound)
    }

    fn kind(&self, name: &str, at: Span) -> Result<OpKind, ParseError> {
        KINDS.get(name).copied().ok_or_else(|| {
            let names = KINDS.keys().copied().collect::<std::collections::BTreeSet<_>>();
            let near = suggest::nearest(name, names).map(|near| format!("did you mean `{near}`?"));
            let help = near.or_else(|| Some("`wright list-ops` lists all operations".to_owned()));
            self.error(Code::UnknownOp, at, format!("unknown operation `{name}`"), "not an operation")
                .with_help(help)
        })
    }

    fn operands(&mut self, body: &Body<'a>) -> Result<SmallVec<[Value; 4]>, ParseError> {
        let mut operands = SmallVec::new();
        self.list('(', ')', |p| {
            operands.push(p.operand(body)?);
            Ok(())
        })?;
        Ok(operands)
    }

    fn operand(&mut self, body: &Body<'a>) -> Result<Value, ParseError> {
        let (label, span) = self.label()?;
        match body.values.get(&label) {
            Some(&(value, _)) => Ok(value),
            None => {
                let message = format!("undefined value `{}`", self.slice(span));
                let help = if self.depth > 1 {
                    "a region sees nothing but its own inputs and values: pass the value as an operand"
                } else {
                    "a value must be an input or stand before `=` in an earlier line"
                };
                Err(self
                    .error(Code::UndefinedValue, span, message, "nothing above defines it")
                    .with_help(Some(help.to_owned())))
            }
        }
    }

    /// Attributes, and the op that they make.
    fn op(&mut self, kind: OpKind, at: Span) -> Result<Op, ParseError> {
        let mut map = AttrMap::default();
        let mut spans: Vec<(&'a str, Span)> = Vec::new();
        if self.at('{') {
            self.list('{', '}', |p| {
                let (name, span) = p.word("an attribute")?;
                p.check_attribute(kind, name, span, &spans)?;
                p.expect('=')?;
                let start = p.token.span;
                let value = p.attribute()?;
                spans.push((name, start.to(p.last)));
                map.insert(name.to_owned(), value).map_err(|e| p.bad_attribute(kind, e, span, &[]))
            })?;
        }
        let call = at.to(self.last);
        let op = Op::parse(kind.name, &mut map)
            .ok_or_else(|| self.error(Code::UnknownOp, at, format!("unknown operation `{}`", kind.name), ""))?
            .map_err(|error| self.bad_attribute(kind, error, call, &spans))?;
        map.finish().map_err(|error| self.bad_attribute(kind, error, call, &spans))?;
        Ok(op)
    }

    fn check_attribute(
        &self,
        kind: OpKind,
        name: &str,
        span: Span,
        given: &[(&str, Span)],
    ) -> Result<(), ParseError> {
        let op = kind.name;
        if !kind.attributes.contains(&name) {
            let message = format!("`{op}` has no attribute `{name}`");
            let near = suggest::nearest(name, kind.attributes.iter().copied())
                .map(|near| format!("did you mean `{near}`?"))
                .or_else(|| Some(attribute_list(kind)));
            return Err(self
                .error(Code::UnknownAttribute, span, message, "unknown attribute")
                .with_help(near));
        }
        match given.iter().find(|(n, _)| *n == name) {
            Some((_, earlier)) => {
                let message = format!("attribute `{name}` is given twice");
                Err(self
                    .error(Code::DuplicateAttribute, span, message, "given again")
                    .with_related(*earlier, "given here first"))
            }
            None => Ok(()),
        }
    }

    fn bad_attribute(
        &self,
        kind: OpKind,
        error: AttributeError,
        call: Span,
        spans: &[(&str, Span)],
    ) -> ParseError {
        let (code, name) = match &error {
            AttributeError::Missing { name } => (Code::MissingAttribute, *name),
            AttributeError::Duplicate { name } => (Code::DuplicateAttribute, name.as_str()),
            AttributeError::Unknown { name } => (Code::UnknownAttribute, name.as_str()),
            AttributeError::Kind { name, .. } => (Code::AttributeKind, *name),
        };
        let span = spans.iter().find(|(n, _)| *n == name).map_or(call, |(_, span)| *span);
        let help = (code == Code::MissingAttribute).then(|| attribute_list(kind));
        self.error(code, span, format!("`{}`: {error}", kind.name), "").with_help(help)
    }

    /// The value of an attribute. Lists nest, so open lists are kept on a stack.
    fn attribute(&mut self) -> Result<AttrValue, ParseError> {
        let mut open: Vec<Vec<AttrValue>> = Vec::new();
        loop {
            if self.eat('[')? {
                if open.len() == MAX_DEPTH {
                    let label = format!("lists nest at most {MAX_DEPTH} deep");
                    return Err(self.error(Code::TooDeep, self.last, "the list nests too deep", label));
                }
                open.push(Vec::new());
                if !self.at(']') {
                    continue;
                }
            } else {
                let item = self.simple_attribute()?;
                match open.last_mut() {
                    Some(list) => list.push(item),
                    None => return Ok(item),
                }
            }
            while self.eat(']')? {
                let list = AttrValue::List(open.pop().unwrap_or_default());
                match open.last_mut() {
                    Some(outer) => outer.push(list),
                    None => return Ok(list),
                }
            }
            self.expect_one_of(',', ']')?;
        }
    }

    fn simple_attribute(&mut self) -> Result<AttrValue, ParseError> {
        match self.token.kind {
            Kind::Text => self.string().map(|text| AttrValue::Text(text.into_owned())),
            Kind::Number => self.number_attribute(),
            Kind::Word => self.word_attribute(),
            _ => Err(self.unexpected("the value of an attribute")),
        }
    }

    fn number_attribute(&mut self) -> Result<AttrValue, ParseError> {
        let before = (self.token, self.lexer.position());
        let span = self.advance()?;
        if self.at(':') {
            return self.scalar_attribute(before);
        }
        let text = self.slice(span);
        match integer(text) {
            Some(value) => Ok(AttrValue::Int(value)),
            None => Err(self
                .bad_number(span, format!("`{text}` is not an integer"))
                .with_help(Some(format!("a scalar needs its dtype, such as `{text}:f32`")))),
        }
    }

    fn word_attribute(&mut self) -> Result<AttrValue, ParseError> {
        let before = (self.token, self.lexer.position());
        let span = self.advance()?;
        let word = self.slice(span);
        match word.parse::<DType>() {
            Ok(dtype) if self.at('[') => self.literal(dtype, span).map(AttrValue::Literal),
            _ if self.at(':') => self.scalar_attribute(before),
            _ => Ok(AttrValue::Word(word.to_owned())),
        }
    }

    /// `1.5:f32`. The dtype stands behind the element, so this looks ahead for it and then reads the element again.
    fn scalar_attribute(&mut self, before: (Token, usize)) -> Result<AttrValue, ParseError> {
        self.expect(':')?;
        if self.token.kind == Kind::Number {
            self.advance()?;
            self.expect(':')?;
        }
        let (word, span) = self.word("a dtype")?;
        let Ok(dtype) = word.parse::<DType>() else {
            return Err(self.error(
                Code::UnknownDType,
                span,
                format!("unknown dtype `{word}`"),
                "not a dtype",
            ));
        };
        let after = (self.token, self.lexer.position());
        self.rewind(before);
        let (scalar, _) = self.element(dtype)?;
        self.expect(':')?;
        self.word("a dtype")?;
        self.rewind(after);
        self.last = span;
        Ok(AttrValue::Scalar(scalar))
    }

    fn rewind(&mut self, (token, at): (Token, usize)) {
        self.token = token;
        self.lexer.set_position(at);
    }

    /// Whether, at the colon of `nan:..`, the bits follow and not a dtype.
    pub(super) fn nan_bits_follow(&self) -> bool {
        let mut ahead = Lexer::new(self.text);
        ahead.set_position(self.token.span.end);
        ahead.token().is_ok_and(|token| token.kind == Kind::Number)
    }

    fn regions(&mut self) -> Result<Vec<Graph>, ParseError> {
        let mut regions = Vec::new();
        if self.at('(') {
            self.list('(', ')', |p| {
                regions.push(p.graph()?);
                Ok(())
            })?;
        }
        Ok(regions)
    }

    /// The types after `:`.
    fn annotation(&mut self) -> Result<Option<(Types, Span)>, ParseError> {
        if !self.eat(':')? {
            return Ok(None);
        }
        let (start, mut types) = (self.token.span, Types::new());
        loop {
            types.push(self.ty()?.0);
            if !self.eat(',')? {
                return Ok(Some((types, start.to(self.last))));
            }
        }
    }

    /// `@ "src/main.rs":12:8`.
    fn location(&mut self) -> Result<Option<Location>, ParseError> {
        if !self.eat('@')? {
            return Ok(None);
        }
        let span = self.token.span;
        let file = self.string()?;
        let file = self.files.entry(self.slice(span)).or_insert_with(|| file.into()).clone();
        self.expect(':')?;
        let line = self.unsigned("a line")?;
        self.expect(':')?;
        let column = self.unsigned("a column")?;
        Ok(Some(Location::new(file, line, column)))
    }

    /// The result types: inferred, and compared with the annotation if there is one.
    fn types(
        &self,
        body: &Body<'a>,
        op: &Op,
        operands: &[Value],
        regions: &[Graph],
        annotation: Option<(Types, Span)>,
        call: Span,
    ) -> Result<Types, ParseError> {
        if self.trusting {
            return Ok(annotation.map_or_else(Types::new, |(types, _)| types));
        }
        let operands: SmallVec<[&Type; 4]> = operands.iter().map(|&v| body.graph.ty(v)).collect();
        let inferred = op.infer(&operands, regions).map_err(|e| self.rejected(op, &operands, &e, call))?;
        match annotation {
            Some((types, span)) if types != inferred => {
                let message = format!("the results of `{}` have other types than annotated", op.name());
                let label = format!("annotated {}, but inferred {}", join(&types), join(&inferred));
                Err(self
                    .error(Code::TypeMismatch, span, message, label)
                    .with_related(call, format!("gives {}", join(&inferred))))
            }
            _ => Ok(inferred),
        }
    }

    fn rejected(&self, op: &Op, operands: &[&Type], error: &TypeError, call: Span) -> ParseError {
        let message = format!("`{}` does not accept its operands", op.name());
        let help = (!operands.is_empty()).then(|| format!("the operands are {}", join(operands)));
        self.error(Code::Rejected, call, message, error.to_string()).with_help(help)
    }

    fn wrong_results(&self, op: &Op, expected: usize, bound: &Bound<'a>, call: Span) -> ParseError {
        let results = |n: usize| if n == 1 { "1 result".to_owned() } else { format!("{n} results") };
        let message =
            format!("`{}` gives {}, found {} names for them", op.name(), results(expected), bound.len());
        let span = match (bound.first(), bound.last()) {
            (Some((_, first)), Some((_, last))) => first.to(*last),
            _ => call,
        };
        self.error(Code::ResultCount, span, message, format!("{} expected", results(expected)))
    }

    fn check_new(&self, body: &Body<'a>, label: &Label<'a>, span: Span) -> Result<(), ParseError> {
        match body.values.get(label) {
            None => Ok(()),
            Some(&(_, earlier)) => {
                let message = format!("`{}` is defined twice", self.slice(span));
                Err(self
                    .error(Code::RedefinedValue, span, message, "defined again")
                    .with_related(earlier, "defined here first"))
            }
        }
    }

    /// `%x`, `%7`, `%"a b"#3`.
    fn label(&mut self) -> Result<(Label<'a>, Span), ParseError> {
        if self.token.kind != Kind::Value {
            return Err(self.unexpected("a value such as %x"));
        }
        let span = self.advance()?;
        let text = &self.slice(span)[1..];
        let (name, digits) = match text.rfind(['#', '"']) {
            Some(at) if text.as_bytes()[at] == b'#' => (&text[..at], &text[at + 1..]),
            _ => (text, ""),
        };
        if name.bytes().all(|b| b.is_ascii_digit()) {
            return Ok((Label { name: None, digits: name }, span));
        }
        let name = if name.starts_with('"') { self.unescape(name, span)? } else { Cow::Borrowed(name) };
        Ok((Label { name: Some(name), digits }, span))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, ParseError> {
        if self.token.kind != Kind::Text {
            return Err(self.unexpected("a quoted string"));
        }
        let span = self.advance()?;
        self.unescape(self.slice(span), span)
    }

    /// The text between quotes, its escapes resolved.
    fn unescape(&self, quoted: &'a str, span: Span) -> Result<Cow<'a, str>, ParseError> {
        let inner = &quoted[1..quoted.len() - 1];
        if !inner.contains('\\') {
            return Ok(Cow::Borrowed(inner));
        }
        let resolved = unescape(inner).map(Cow::Owned);
        resolved.ok_or_else(|| {
            let known = "known are \\\" \\\\ \\n \\r \\t and \\u{..}";
            self.error(Code::BadString, span, "unknown escape in a string", known)
        })
    }
}

/// Resolves escapes.
fn unescape(text: &str) -> Option<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (c, after) = match rest.get(at + 1..at + 2)? {
            "u" => {
                let (code, after) = rest[at + 2..].strip_prefix('{')?.split_once('}')?;
                let digits = code.len() <= 6 && code.bytes().all(|b| b.is_ascii_hexdigit());
                (char::from_u32(u32::from_str_radix(code, 16).ok().filter(|_| digits)?)?, after)
            }
            simple => {
                let c = match simple {
                    "n" => '\n',
                    "r" => '\r',
                    "t" => '\t',
                    "\"" => '"',
                    "\\" => '\\',
                    _ => return None,
                };
                (c, &rest[at + 2..])
            }
        };
        out.push(c);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// Reading single tokens.
impl<'a> Parser<'a> {
    /// Takes the next token and returns its place.
    pub(super) fn advance(&mut self) -> Result<Span, ParseError> {
        self.last = self.token.span;
        self.token = self.lexer.token()?;
        Ok(self.last)
    }

    /// The place of the token taken last.
    pub(super) fn last_span(&self) -> Span {
        self.last
    }

    pub(super) fn slice(&self, span: Span) -> &'a str {
        &self.text[span.start..span.end]
    }

    pub(super) fn at(&self, c: char) -> bool {
        self.token.kind == Kind::Punct(c)
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.token.kind == Kind::Word && self.slice(self.token.span) == word
    }

    fn eat(&mut self, c: char) -> Result<bool, ParseError> {
        let found = self.at(c);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn expect(&mut self, c: char) -> Result<(), ParseError> {
        if self.eat(c)? { Ok(()) } else { Err(self.unexpected(&format!("`{c}`"))) }
    }

    /// Takes `separator`; the message names `close` too, which the caller has looked for.
    pub(super) fn expect_one_of(&mut self, separator: char, close: char) -> Result<(), ParseError> {
        if self.eat(separator)? {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{separator}` or `{close}`")))
        }
    }

    fn keyword(&mut self, word: &str) -> Result<(), ParseError> {
        if !self.at_word(word) {
            return Err(self.unexpected(&format!("`{word}`")));
        }
        self.advance()?;
        Ok(())
    }

    pub(super) fn word(&mut self, expected: &str) -> Result<(&'a str, Span), ParseError> {
        if self.token.kind != Kind::Word {
            return Err(self.unexpected(expected));
        }
        let span = self.advance()?;
        Ok((self.slice(span), span))
    }

    /// Items in brackets, with commas between.
    pub(super) fn list(
        &mut self,
        open: char,
        close: char,
        mut item: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        self.expect(open)?;
        if self.eat(close)? {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.eat(close)? {
                return Ok(());
            }
            self.expect_one_of(',', close)?;
        }
    }

    /// A whole number from 0 to the greatest of its type.
    pub(super) fn unsigned<T: TryFrom<i128>>(&mut self, what: &str) -> Result<T, ParseError> {
        if self.token.kind != Kind::Number {
            return Err(self.unexpected(what));
        }
        let span = self.advance()?;
        let value = integer(self.slice(span)).and_then(|v| T::try_from(v).ok());
        value.ok_or_else(|| {
            self.bad_number(
                span,
                format!("{what} must be a whole number of at most {} bits", 8 * size_of::<T>()),
            )
        })
    }

    pub(super) fn error(
        &self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> ParseError {
        ParseError::new(self.text, code, span, message, label)
    }

    pub(super) fn bad_number(&self, span: Span, message: String) -> ParseError {
        self.error(Code::BadNumber, span, message, "")
    }

    /// The next token is not what must come here.
    pub(super) fn unexpected(&self, expected: &str) -> ParseError {
        let found = match self.token.kind {
            Kind::End => "the end of the text".to_owned(),
            _ => format!("`{}`", shortened(self.slice(self.token.span))),
        };
        let message = format!("expected {expected}, found {found}");
        self.error(Code::UnexpectedToken, self.token.span, message, format!("expected {expected}"))
    }
}

/// The start of a text that may be long.
fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        None => Cow::Borrowed(text),
        Some((at, _)) => Cow::Owned(format!("{}..", &text[..at])),
    }
}

fn attribute_list(kind: OpKind) -> String {
    match kind.attributes {
        [] => format!("`{}` takes no attributes", kind.name),
        names => format!("`{}` takes the attributes {}", kind.name, names.join(", ")),
    }
}

fn join(types: &[impl std::fmt::Display]) -> String {
    types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
