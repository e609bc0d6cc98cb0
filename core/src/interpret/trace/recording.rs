//! What the trace of a function comes to.

use tensorwright_compiler::lower::Promises;
use tensorwright_ir::Graph;
use tensorwright_runtime::buffer::SharedBuffer;

use crate::state::Variable;

/// What a trace comes to.
pub(crate) struct Recording {
    pub(crate) graph: Graph,
    /// What the graph's last inputs are.
    pub(crate) captures: Vec<Outside>,
    /// The variables that are assigned: their new values are the last outputs.
    pub(crate) assigned: Vec<Variable>,
}

impl Recording {
    /// What calls do with inputs: they donate the old values of variables, and give the same captured tensors each time.
    pub(crate) fn promises(&self) -> Promises {
        Promises { donated: self.donations(), lasting: self.lasting() }
    }

    /// The inputs that are captured tensors.
    fn lasting(&self) -> Vec<usize> {
        let first_input = self.graph.inputs().len() - self.captures.len();
        let captures = self.captures.iter().enumerate();
        captures
            .filter(|(_, outside)| matches!(outside, Outside::Buffer(_)))
            .map(|(at, _)| first_input + at)
            .collect()
    }

    /// The inputs that hold the old values of variables, which a call donates, with the outputs that hold the new ones.
    fn donations(&self) -> Vec<(usize, usize)> {
        let first_input = self.graph.inputs().len() - self.captures.len();
        let first_output = self.graph.outputs().len() - self.assigned.len();
        let pair = |(at, outside): (usize, &Outside)| match outside {
            Outside::Assigned(own) => Some((first_input + at, first_output + own)),
            Outside::Buffer(_) | Outside::Variable(_) | Outside::Carried(_) => None,
        };
        self.captures.iter().enumerate().filter_map(pair).collect()
    }
}

/// Where the value of an input of a function comes from that is no argument.
pub(crate) enum Outside {
    /// A tensor.
    Buffer(SharedBuffer),
    /// A variable that is only read, at the time of the call.
    Variable(Variable),
    /// A variable that is assigned, by its position among these.
    Assigned(usize),
    /// What an earlier subgraph of the function has carried, by its position among all that was carried.
    Carried(usize),
}

impl Outside {
    /// The variable, if it is one, where these are assigned.
    pub(crate) fn variable<'v>(&'v self, assigned: &'v [Variable]) -> Option<&'v Variable> {
        match self {
            Outside::Buffer(_) | Outside::Carried(_) => None,
            Outside::Variable(variable) => Some(variable),
            Outside::Assigned(own) => Some(&assigned[*own]),
        }
    }

    /// The variable that is only read.
    pub(crate) fn read_only(&self) -> Option<&Variable> {
        match self {
            Outside::Buffer(_) | Outside::Carried(_) | Outside::Assigned(_) => None,
            Outside::Variable(variable) => Some(variable),
        }
    }
}
