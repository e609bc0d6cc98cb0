//! What cannot be transformed.

use tensorwright::prelude::*;

fn main() {
    let number = grad(5);
    let by_reference = grad(|x: &Tensor| x.sin());
    let of_two = grad(|x: Tensor, y: Tensor| x * y);
    let gives_no_tensor = grad(|x: Tensor| (x.clone(), x));
    let gives_no_tree = function(|x: Tensor| x.to_vec::<f32>());
    let not_kept = {
        let scale = std::rc::Rc::new(2.0);
        grad(move |x: Tensor| x * *scale)
    };
}
