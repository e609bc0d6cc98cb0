//! Lists of tensors: the same eagerly and compiled, and errors with their lines.

use tensorwright::Error;
use tensorwright::prelude::*;

/// What the function gives, compiled and eagerly; both must be the same.
fn both<R: Clone + PartialEq + std::fmt::Debug>(
    f: &Function<Tensor, Vec<Tensor>>,
    x: f32,
    of: impl Fn(&[Tensor]) -> R,
) -> R {
    let compiled = of(&f.call(x).expect("it runs"));
    f.run_eagerly(true);
    let eager = of(&f.call(x).expect("it runs eagerly"));
    f.run_eagerly(false);
    assert_eq!(compiled, eager);
    compiled
}

fn floats(results: &[Tensor]) -> Vec<Vec<f32>> {
    results.iter().map(|x| x.cast(DType::F32).to_vec().expect("floats")).collect()
}

#[test]
fn a_list_is_a_stack() {
    let list =
        TensorList::new([2], DType::F32).push(Tensor::from([1.0f32, 2.0])).push(Tensor::from([3.0f32, 4.0]));
    assert_eq!(list.ty().unwrap().to_string(), "list<f32[2]>");
    assert_eq!(list.len().item::<i32>().unwrap(), 2);
    assert_eq!(list.stack(2).to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(list.get(-5).to_vec::<f32>().unwrap(), [1.0, 2.0]);
    assert_eq!(list.get(9i64).to_vec::<f32>().unwrap(), [3.0, 4.0]);
    let (rest, last) = list.pop();
    assert_eq!(last.to_vec::<f32>().unwrap(), [3.0, 4.0]);
    let (empty, first) = rest.pop();
    assert_eq!(first.to_vec::<f32>().unwrap(), [1.0, 2.0]);
    assert_eq!(empty.pop().1.to_vec::<f32>().unwrap(), [0.0, 0.0]);
    assert_eq!(empty.get(0).to_vec::<f32>().unwrap(), [0.0, 0.0]);
    assert_eq!(empty.stack(0).shape().unwrap().sizes()[..], [0, 2]);
    assert_eq!(list.len().item::<i32>().unwrap(), 2);
    let set = list.set(0, Tensor::from([5.0f32, 6.0])).set(9, Tensor::from([7.0f32, 8.0]));
    assert_eq!(set.stack(2).to_vec::<f32>().unwrap(), [5.0, 6.0, 7.0, 8.0]);
    assert_eq!(list.stack(2).to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(empty.set(0, &last).len().item::<i32>().unwrap(), 0);
    let refused = list.set(0, Tensor::from(1.0f32)).error().unwrap().to_string();
    assert!(refused.contains("the row"), "{refused}");
}

#[test]
fn loops_set_rows_of_lists() {
    let reversed = function(|x: Tensor| {
        let list = TensorList::new([], DType::F32).push(&x).push(&x * 2.0).push(&x * 3.0);
        let (list,) = fori_loop(0i32, 3i32, (list,), |i, (list,)| {
            let row = list.get(2 - &i) * 10.0;
            Ok::<_, Error>((list.set(i, row),))
        })?;
        Ok::<_, Error>(vec![list.get(0), list.get(1), list.get(2)])
    });
    assert_eq!(both(&reversed, 1.0, floats), [[30.0], [20.0], [300.0]]);
}

#[test]
fn loops_carry_lists() {
    let halvings = function(|x: Tensor| {
        let list = TensorList::new([], DType::F32);
        let (last, list) = while_loop(
            (x, list),
            |(x, _)| x.gt(1.0),
            |(x, list)| {
                let list = list.push(&x);
                (x * 0.5, list)
            },
        )?;
        let (rest, popped) = list.pop();
        Ok::<_, Error>(vec![last, list.len(), list.get(1), popped, rest.len()])
    });
    assert_eq!(both(&halvings, 10.0, floats), [[0.625], [4.0], [5.0], [1.25], [3.0]]);
    assert_eq!(both(&halvings, 0.5, floats), [[0.5], [0.0], [0.0], [0.0], [0.0]]);
}

#[test]
fn scans_carry_lists_and_branches_give_them() {
    let positive = function(|x: Tensor| {
        let list = TensorList::new([], DType::F32);
        let (list, _) = scan(list, Tensor::from([1.0f32, -2.0, 3.0]) * x, |list, x| {
            let list = cond(&x.gt(0.0), || list.push(&x), || list.clone())?;
            Ok::<_, Error>((list, x))
        })?;
        let (sum, list) = fori_loop(0i32, 5i32, (Tensor::from(0.0f32), list), |_, (sum, list)| {
            let (list, x) = list.pop();
            (sum + x, list)
        })?;
        Ok::<_, Error>(vec![sum, list.len()])
    });
    assert_eq!(both(&positive, 2.0, floats), [[8.0], [0.0]]);
    assert_eq!(both(&positive, -1.0, floats), [[2.0], [0.0]]);
}

#[test]
fn a_list_with_values_goes_into_a_function_by_capture() {
    let list = TensorList::new([], DType::F32).push(Tensor::from(3.0f32)).push(Tensor::from(4.0f32));
    let f = function(move |x: Tensor| vec![list.push(&x).stack(3), list.len()]);
    assert_eq!(both(&f, 5.0, floats), [vec![3.0, 4.0, 5.0], vec![2.0]]);
}

#[test]
fn a_long_list_is_dropped_without_recursion() {
    let row = Tensor::from(0u8);
    let list = (0..200_000).fold(TensorList::new([], DType::U8), |list, _| list.push(&row));
    assert_eq!(list.len().item::<i32>().unwrap(), 200_000);
}

#[test]
fn wrong_rows_and_lengths_are_errors_with_lines() {
    let list = TensorList::new([2], DType::F32);
    let wrong = list.push(Tensor::from(1.0f32));
    let error = wrong.len().item::<i32>().unwrap_err().to_string();
    assert!(error.contains("operand 1, the row, must be f32[2], found f32[]"), "{error}");
    assert!(error.contains("list.rs"), "{error}");
    assert!(wrong.error().is_some());
    let error = list.stack(3).to_vec::<f32>().unwrap_err();
    assert!(matches!(error, Error::Check { .. }), "{error}");
    let f = function(|x: Tensor| TensorList::new([], DType::F32).push(x).stack(2));
    let error = f.call(1.0f32).unwrap_err();
    assert!(matches!(error, Error::Check { .. }), "{error}");
    assert!(error.to_string().contains("must have 2 rows to be stacked, found 1"), "{error}");
}

#[test]
fn a_list_that_changes_its_type_in_a_loop_is_refused() {
    let f = function(|x: Tensor| {
        let list = TensorList::new([], DType::F32);
        fori_loop(0i32, 3i32, list, |_, _| TensorList::new([2], DType::F32))
            .map(|list| list.len() + x.cast(DType::I32))
    });
    let error = f.call(1.0f32).unwrap_err().to_string();
    assert!(error.contains("list<f32[]>") && error.contains("list<f32[2]>"), "{error}");
}

#[test]
fn functions_take_and_give_tensors() {
    let f = function(|x: Tensor| TensorList::new([], DType::F32).push(x));
    let error = f.call(1.0f32).unwrap_err().to_string();
    assert!(error.contains("output 0 of the function is a list<f32[]>"), "{error}");
}
