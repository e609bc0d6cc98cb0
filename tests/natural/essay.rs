//! The worked example of `core/src/control/natural`.

use tensorwright::prelude::*;

#[function]
fn halved(x: Tensor) -> Tensor {
    let mut x = x;
    while x > 1.0 {
        if x > 100.0 {
            return x;
        }
        x = x / 2.0;
    }
    x
}

#[test]
fn the_example_is_what_the_essay_says() {
    for (x, wanted) in [(0.5f32, 0.5f32), (12.0, 0.75), (3200.0, 3200.0)] {
        assert_eq!(halved(Tensor::from(x)).item::<f32>().unwrap(), wanted);
    }
    let graph = halved::function().dump(Stage::Traced).unwrap();
    assert_eq!(["while", "if"].map(|op| graph.matches(&format!("= {op}(")).count()), [1, 3], "{graph}");
}
