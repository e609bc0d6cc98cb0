//! The pages of `docs/guide`, whose programs are tests.

macro_rules! pages {
    ($($name:ident: $file:literal)*) => {$(
        #[doc = include_str!(concat!("../docs/guide/src/", $file, ".md"))]
        mod $name {}
    )*};
}

pages! {
    introduction: "introduction"
    first_function: "first-function"
    signatures: "signatures"
    control_flow: "control-flow"
    gradients: "gradients"
    state: "state"
    training: "training"
    data: "data"
    onnx: "onnx"
    weights: "weights"
    looking_inside: "looking-inside"
    saving: "saving"
    service: "service"
    serving: "serving"
}
