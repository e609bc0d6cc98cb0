//! Text to graphs: recursive descent over regions (of limited depth), everything else loops.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::error::{ParseError, Span};
use super::lexer::{Kind, Lexer, Token};
use super::weights::Reader;
use super::{Code, MAX_DEPTH, MAX_FILL_BYTES, suggest};
use crate::op::{Op, OpKind, TypeError, Types};
use crate::{Graph, Location, Type, Value};

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
    pub(super) text: &'a str,
    pub(super) lexer: Lexer<'a>,
    /// The token that comes next.
    pub(super) token: Token,
    /// The token before it.
    pub(super) last: Span,
    files: HashMap<&'a str, Arc<str>>,
    pub(super) weights: Reader<'a>,
    /// Bytes that tensors written as one element may still take.
    pub(super) fill_budget: usize,
    depth: usize,
    trusting: bool,
}

/// How a value is written: its name, and the digits that tell it from others of the name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Label<'a> {
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) digits: &'a str,
}

/// A graph under construction.
struct PartialGraph<'a> {
    graph: Graph,
    values: HashMap<Label<'a>, (Value, Span)>,
}

impl<'a> PartialGraph<'a> {
    fn bind(&mut self, label: Label<'a>, value: Value, span: Span) {
        self.graph.set_value_name(value, label.name.as_deref().map(str::to_owned));
        self.values.insert(label, (value, span));
    }
}

/// What stands before `=`.
type Bound<'a> = SmallVec<[(Label<'a>, Span); 2]>;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, weights: Option<&'a [u8]>) -> Result<Parser<'a>, ParseError> {
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
        let mut body = PartialGraph { graph: Graph::new(name), values: HashMap::new() };
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

    fn input(&mut self, body: &mut PartialGraph<'a>) -> Result<(), ParseError> {
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
        body: &mut PartialGraph<'a>,
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

    fn statement(&mut self, body: &mut PartialGraph<'a>) -> Result<(), ParseError> {
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
    fn bound(&mut self, body: &PartialGraph<'a>) -> Result<Bound<'a>, ParseError> {
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

    pub(super) fn kind(&self, name: &str, at: Span) -> Result<OpKind, ParseError> {
        KINDS.get(name).copied().ok_or_else(|| {
            let names = KINDS.keys().copied().collect::<std::collections::BTreeSet<_>>();
            let near = suggest::nearest(name, names).map(|near| format!("did you mean `{near}`?"));
            let help = near.or_else(|| Some("`wright list-ops` lists all operations".to_owned()));
            self.error(Code::UnknownOp, at, format!("unknown operation `{name}`"), "not an operation")
                .with_help(help)
        })
    }

    fn operands(&mut self, body: &PartialGraph<'a>) -> Result<SmallVec<[Value; 4]>, ParseError> {
        let mut operands = SmallVec::new();
        self.list('(', ')', |p| {
            operands.push(p.operand(body)?);
            Ok(())
        })?;
        Ok(operands)
    }

    fn operand(&mut self, body: &PartialGraph<'a>) -> Result<Value, ParseError> {
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
    pub(super) fn location(&mut self) -> Result<Option<Location>, ParseError> {
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
        body: &PartialGraph<'a>,
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

    fn check_new(&self, body: &PartialGraph<'a>, label: &Label<'a>, span: Span) -> Result<(), ParseError> {
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
}

fn join(types: &[impl std::fmt::Display]) -> String {
    types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
