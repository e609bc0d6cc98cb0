//! Ops that do something besides giving results.

use smallvec::smallvec;

use super::{format, rule};
use crate::eval::{Datum, EvalError, Evaluator};
use crate::op::rule::tensor;
use crate::op::sample::{Draw, Operand, Values, tensor_hint};
use crate::op::{Arity, ControlDef, Lowering, Sample, TypeError, Types};
use crate::{DType, DTypeClass, Graph, Literal, TensorType, Type, attributes};

attributes! {
    /// A token that comes after nothing: `-> token`. The first effect takes it.
    pub struct TokenNew {}
}

attributes! {
    /// Prints a text with the values of its operands in it: `token, A, B.. -> token`.
    pub struct Print {
        /// The text; each `{}` stands for an operand, `{{` and `}}` for braces.
        pub format: String,
    }
}

attributes! {
    /// Stops with an error unless the predicate holds, which says the values of the other operands: `token, bool[], A, B.. -> token`.
    pub struct Assert {
        /// What the error says; each `{}` stands for an operand after the predicate, `{{` and `}}` for braces.
        pub message: String,
    }
}

attributes! {
    /// Stops with an error if an element is NaN or infinite: `token, F[..] -> token`. Of complex numbers
    /// all real parts are looked at first.
    pub struct CheckFinite {
        /// What the error says first.
        pub message: String,
    }
}

impl Print {
    /// The op whose operands that are `complex` come as pairs along a last axis.
    pub fn of_pairs(&self, complex: &[bool]) -> Print {
        Print { format: format::with_pairs(&self.format, complex) }
    }

    /// The text with these values in it. Values that are too few are left out.
    pub fn render(&self, values: &[&Literal]) -> String {
        format::render(&self.format, values)
    }
}

impl Assert {
    /// As [`Print::of_pairs`].
    pub fn of_pairs(&self, complex: &[bool]) -> Assert {
        Assert { message: format::with_pairs(&self.message, complex) }
    }

    /// The message with these values in it. Values that are too few are left out.
    pub fn render(&self, values: &[&Literal]) -> String {
        format::render(&self.message, values)
    }
}

impl ControlDef for TokenNew {
    const NAME: &'static str = "token_new";
    const ARITY: Arity = Arity::Exact(0);
    const REGIONS: Arity = Arity::Exact(0);
    const LOWERING: Lowering = Lowering::Token;

    fn infer(&self, _operands: &[&Type], _regions: &[Graph]) -> Result<Types, TypeError> {
        Ok(smallvec![Type::Token])
    }

    fn eval(
        &self,
        _evaluator: &mut Evaluator<'_>,
        _operands: &[&Datum],
        _regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        Ok(vec![Datum::Token])
    }

    fn sample(_draw: &mut Draw<'_>, _hint: &Type) -> Sample<TokenNew> {
        Sample::exact(TokenNew {}, [])
    }
}

impl ControlDef for Print {
    const NAME: &'static str = "print";
    const ARITY: Arity = Arity::AtLeast(1);
    const REGIONS: Arity = Arity::Exact(0);
    const LOWERING: Lowering = Lowering::Effect;

    fn infer(&self, operands: &[&Type], _regions: &[Graph]) -> Result<Types, TypeError> {
        shows("format", &self.format, operands, 1)?;
        token_to_token(operands)
    }

    fn eval(
        &self,
        evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        _regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        let values: Vec<&Literal> = operands[1..].iter().map(|x| x.tensor()).collect();
        evaluator.print(&self.render(&values));
        Ok(vec![Datum::Token])
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Print> {
        let values = draw.below(3);
        let format = draw.choose(&["x", "{{}}", "\"é\"\n", ""]).to_owned() + &" {}".repeat(values);
        let values = std::iter::repeat_n(tensor_hint(hint).into(), values);
        Sample::exact(Print { format }, std::iter::once(Type::Token).chain(values).map(Operand::any))
    }
}

impl ControlDef for Assert {
    const NAME: &'static str = "assert";
    const ARITY: Arity = Arity::AtLeast(2);
    const REGIONS: Arity = Arity::Exact(0);
    const LOWERING: Lowering = Lowering::Effect;

    fn infer(&self, operands: &[&Type], _regions: &[Graph]) -> Result<Types, TypeError> {
        rule::operand_is(operands, 1, "the predicate", TensorType::scalar(DType::Bool))?;
        shows("message", &self.message, operands, 2)?;
        token_to_token(operands)
    }

    fn eval(
        &self,
        _evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        _regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        if operands[1].tensor().get(0).to_bool() {
            return Ok(vec![Datum::Token]);
        }
        let values: Vec<&Literal> = operands[2..].iter().map(|x| x.tensor()).collect();
        Err(EvalError::Assertion { message: self.render(&values), location: None })
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Assert> {
        let values = draw.below(2);
        let message =
            draw.choose(&["it holds", "", "a \"quoted\" {{one}}"]).to_owned() + &" {}".repeat(values);
        let predicate = Operand::new(TensorType::scalar(DType::Bool), Values::Range(1.0, 1.0));
        let values = std::iter::repeat_n(Operand::any(tensor_hint(hint)), values);
        Sample::exact(Assert { message }, [Operand::any(Type::Token), predicate].into_iter().chain(values))
    }
}

impl ControlDef for CheckFinite {
    const NAME: &'static str = "check_finite";
    const ARITY: Arity = Arity::Exact(2);
    const REGIONS: Arity = Arity::Exact(0);
    const LOWERING: Lowering = Lowering::Effect;

    fn infer(&self, operands: &[&Type], _regions: &[Graph]) -> Result<Types, TypeError> {
        rule::tensor_of(operands, 1, DTypeClass::Inexact)?;
        token_to_token(operands)
    }

    fn eval(
        &self,
        _evaluator: &mut Evaluator<'_>,
        operands: &[&Datum],
        _regions: &[Graph],
        _results: &[Type],
    ) -> Result<Vec<Datum>, EvalError> {
        let x = operands[1].tensor();
        let parts = |part: usize| x.iter().map(move |element| element.parts()[part]).enumerate();
        match parts(0).chain(parts(1)).find(|(_, element)| !element.to_f64().is_finite()) {
            None => Ok(vec![Datum::Token]),
            Some((index, element)) => {
                let (message, element) = (self.message.clone(), Literal::scalar(element).to_string());
                Err(EvalError::NotFinite { message, index, element, location: None })
            }
        }
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<CheckFinite> {
        let message = draw.choose(&["x", "", "the loss"]).to_owned();
        let x = draw.like(&tensor_hint(hint), DTypeClass::Float, 0);
        Sample::exact(CheckFinite { message }, [Operand::any(Type::Token), Operand::moderate(x)])
    }
}

/// Checks that a text has a place for each operand from this one on, which are tensors.
fn shows(attribute: &'static str, text: &str, operands: &[&Type], first: usize) -> Result<(), TypeError> {
    let pieces = format::pieces(text).map_err(|reason| TypeError::attribute(attribute, reason))?;
    let places =
        pieces.iter().filter(|p| matches!(p, format::Piece::Operand | format::Piece::Complex)).count();
    let values = operands.len() - first;
    if places != values {
        let reason = format!("{places} places for {values} values");
        return Err(TypeError::attribute(attribute, reason));
    }
    operands.iter().enumerate().skip(first).try_for_each(|(i, ty)| tensor(ty, i).map(drop))
}

fn token_to_token(operands: &[&Type]) -> Result<Types, TypeError> {
    rule::operand_is(operands, 0, "the token", Type::Token)?;
    Ok(smallvec![Type::Token])
}
