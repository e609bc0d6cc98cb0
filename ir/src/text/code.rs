//! The numbers of errors in texts and graphs, and what `wright explain` says about each.

use std::fmt;

macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident = $number:literal, $title:literal, $text:literal;)*) => {
        /// A kind of error. `E0xx` are about texts, `E1xx` about graphs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $title] $variant),* }

        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The number, such as `E005`.
            pub const fn number(self) -> &'static str {
                match self { $(Code::$variant => $number),* }
            }

            /// One line.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title),* }
            }

            /// Meaning of the code, and what to do about such an error. In codes about texts, the lines of four spaces and more are a text that
            /// has the error.
            pub const fn explanation(self) -> &'static str {
                match self { $(Code::$variant => $text),* }
            }
        }
    };
}

codes! {
    UnexpectedCharacter = "E001", "unexpected character", "\
No word of the text form starts with this character. Names with unusual characters are written in quotes.

    graph @f(%x: f32[4]) { return ?x }
";
    BadString = "E002", "malformed string", "\
A string ends with a quote on the line it starts on. The escapes are \\\" \\\\ \\n \\r \\t and \\u{1f600}.

    graph @\"half of a name(%x: f32[4]) { return %x }
";
    UnexpectedToken = "E003", "something else was expected here", "\
The grammar allows other words at this place; the message names them. The grammar is in the documentation of
`tensorwright_ir::text`.

    graph @f(%x f32[4]) { return %x }
";
    BadNumber = "E004", "not a number of this kind", "\
The number is malformed, or too large for the dtype or the place where it stands. Floats that would round to infinity are
errors too; write `inf` where infinity is meant.

    graph @f() { %0 = constant() {value = i8[2] [1, 200]} return %0 }
";
    UnknownOp = "E005", "unknown operation", "\
There is no operation of this name. `wright list-ops` lists all of them.

    graph @f(%x: f32[4]) { %y = redcue(%x) {kind = sum, axes = [0]} return %y }
";
    UnknownAttribute = "E006", "unknown attribute", "\
The operation has no attribute of this name. `wright list-ops` shows the attributes of each operation.

    graph @f(%x: f32[4]) { %y = reduce(%x) {kind = sum, axis = [0]} return %y }
";
    MissingAttribute = "E007", "missing attribute", "\
All attributes of an operation must be given; there are no defaults.

    graph @f(%x: f32[4]) { %y = reduce(%x) {kind = sum} return %y }
";
    DuplicateAttribute = "E008", "attribute given twice", "\
Each attribute is given once.

    graph @f(%x: f32[4]) { %y = reduce(%x) {kind = sum, kind = max, axes = [0]} return %y }
";
    AttributeKind = "E009", "attribute of the wrong kind", "\
The attribute is there, but its value is of another kind than the operation wants, or a word that it does not know.

    graph @f(%x: f32[4]) { %y = reduce(%x) {kind = median, axes = [0]} return %y }
";
    UndefinedValue = "E010", "undefined value", "\
A value must be defined above its use: as an input, or before `=` in an earlier statement. A region (a graph inside a
statement) sees nothing of the graph around it; what it needs is passed as an operand and declared as its input.

    graph @f(%x: f32[4]) { %y = neg(%z) return %y }
";
    RedefinedValue = "E011", "value defined twice", "\
Every value is defined once. Two different values may have the same name if a suffix tells them apart: `%x` and `%x#1`.

    graph @f(%x: f32[4]) { %x = neg(%x) return %x }
";
    TypeMismatch = "E012", "annotated type disagrees", "\
The type written after `:` or `->` is not what the operation, or the list of outputs, gives. Types follow from the operands
and attributes; an annotation never converts anything. Leave it out, or correct it, or insert a `cast` or `broadcast_in_dim`.

    graph @f(%x: f32[4]) { %y = neg(%x) : f32[8] return %y }
";
    Rejected = "E013", "operation does not accept its operands", "\
The number, dtypes or shapes of the operands break a rule of the operation. Element-wise operations want operands of one and
the same type: there is no implicit broadcasting and no implicit promotion, insert `broadcast_in_dim` and `cast`.

    graph @f(%x: f32[4], %s: f32[]) { %y = add(%x, %s) return %y }
";
    ResultCount = "E014", "wrong number of results", "\
Before `=` there must be one name for each result of the operation.

    graph @f(%x: f32[4]) { %y, %z = neg(%x) return %y }
";
    TooLarge = "E015", "too large", "\
A tensor has at most 32 axes, and its elements must be countable in memory: at most 2^60 - 1. A text has at most 4 GiB.

    graph @f(%x: f32[4000000000,4000000000]) { return %x }
";
    FillTooLarge = "E016", "filled tensors too large", "\
A tensor written as one element (`f32[1000] 0.0`) takes memory out of all proportion to the text. Tensors of more than 64
elements may take 16 MiB together. Broadcast a scalar constant with `broadcast_in_dim` instead: that costs nothing.

    graph @f() { %0 = constant() {value = f32[10000000] 0.0} return %0 }
";
    WrongCount = "E017", "wrong number of elements", "\
The elements of a tensor must be as many as its type says.

    graph @f() { %0 = constant() {value = f32[3] [1.0, 2.0]} return %0 }
";
    WrongNesting = "E018", "brackets do not follow the axes", "\
The elements of a tensor stand in one pair of brackets, or nested by axis with the outermost axis outside:
`f32[2,2] [[1.0, 2.0], [3.0, 4.0]]`.

    graph @f() { %0 = constant() {value = f32[2,2] [[1.0], [2.0, 3.0, 4.0]]} return %0 }
";
    SideFile = "E019", "constant cannot be read from the side file", "\
`blob(offset, checksum)` refers to a file of constants: for `NAME.tw`, the file `NAME.tww` beside it. The file is missing, too
short, or another than the one that was written together with the text.

    graph @f() { %0 = constant() {value = f32[1000] blob(64, 0x1234)} return %0 }
";
    UnknownDType = "E020", "unknown dtype", "\
The dtypes are bool, i8, i16, i32, i64, u8, u16, u32, u64, f16, bf16, f32 and f64.

    graph @f(%x: float32[4]) { return %x }
";
    TooDeep = "E021", "nested too deep", "\
Regions, and lists in attributes, nest at most 24 deep.

    graph @f(%x: f32[4]) { %y = reshape(%x) {shape = [[[[[[[[[[[[[[[[[[[[[[[[[[4]]]]]]]]]]]]]]]]]]]]]]]]]]} return %y }
";
    NotUtf8 = "E022", "text is not UTF-8", "\
Texts of graphs are UTF-8. Perhaps the file is another one, such as the side file of constants.
";
    InputTable = "E101", "input that is not one", "\
Each input of a graph is a value whose source is the input at that position. A pass or a tool has made a broken graph: report it.
";
    Numbering = "E102", "values out of order", "\
Values are numbered without gaps: the inputs in order, then the results of one node after the other. A pass or a tool has made
a broken graph: report it.
";
    ResultTable = "E103", "result that is not one", "\
Each result of a node is a value whose source is that node and that position. A pass or a tool has made a broken graph: report it.
";
    OperandOrder = "E104", "operand that comes later", "\
Each operand of a node is an input of the graph or a result of an earlier node. A pass or a tool has made a broken graph: report it.
";
    OutputTable = "E105", "output that is no value", "\
Each output of a graph is one of its values. A pass or a tool has made a broken graph: report it.
";
    NotAccepted = "E106", "operation does not accept its operands", "\
The number or the types of a node's operands, or its regions, break a rule of its operation. A pass or a tool has made a broken
graph: report it.
";
    ResultTypes = "E107", "results of other types than inferred", "\
The types recorded for a node's results are not those that its operation gives. A pass or a tool has made a broken graph: report it.
";
    TypeLimits = "E108", "type beyond all limits", "\
A tensor has at most 32 axes, and its elements must be countable in memory: at most 2^60 - 1.
";
    Nesting = "E109", "regions nested too deep", "\
Graphs nest at most 24 deep: the outermost, the regions of its nodes, the regions of their nodes, and so on.
";
}

impl Code {
    /// The code with this number, in capitals or not.
    pub fn from_number(number: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.number().eq_ignore_ascii_case(number))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}
