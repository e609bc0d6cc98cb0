//! `x.set(index, value)` and its kin, `scatter_add` and its kin, sections at computed places.

use std::panic::Location;

use tensorwright::prelude::*;
use tensorwright::{Index, IntoIndex, Result};
use tensorwright_testkit::literals::Random;

#[track_caller]
fn check(y: Tensor, expected: &[i32]) {
    assert_eq!(y.to_vec::<i32>().unwrap(), expected);
}

fn square() -> Tensor {
    Tensor::arange(6, DType::I32).reshape((2, 3))
}

/// One item of a random index; tensors are numbered.
#[derive(Clone, Debug)]
enum Item {
    Fixed(Index),
    Tensor(usize),
    Window(usize, usize),
}

/// A random index of a tensor of a random shape, with what it takes.
struct Case {
    shape: Vec<usize>,
    items: Vec<Item>,
    tensors: Vec<Tensor>,
}

impl Case {
    fn draw(random: &mut Random) -> Case {
        let shape: Vec<usize> = (0..random.below(4)).map(|_| 1 + random.below(4)).collect();
        let positions: &[usize] = [&[][..], &[3], &[2, 2]][random.below(3)];
        let mut case = Case { shape: shape.clone(), items: Vec::new(), tensors: Vec::new() };
        for &extent in &shape {
            if random.below(6) == 0 {
                case.items.push(Item::Fixed(Index::NewAxis));
            }
            let item = case.item(extent, positions, random);
            case.items.push(item);
        }
        if random.below(3) == 0 {
            case.items.truncate(random.below(case.items.len() + 1));
            let place = random.below(case.items.len() + 1);
            case.items.insert(place, Item::Fixed(Index::Ellipsis));
            // Items after an ellipsis are for other axes than before: extents may not fit them.
            case.items.truncate(place + 1);
        }
        case
    }

    fn item(&mut self, extent: usize, positions: &[usize], random: &mut Random) -> Item {
        let signed = |random: &mut Random| random.below(2 * extent) as i64 - extent as i64;
        let at = Location::caller();
        match random.below(7) {
            0 => Item::Fixed(Index::At(signed(random))),
            1 => {
                let (a, b) = (signed(random), signed(random));
                let step = [1, 2, -1, -2, 3][random.below(5)];
                Item::Fixed((a..=b).by(step).into_index(at))
            }
            2 => Item::Fixed((random.below(extent)..).into_index(at)),
            3 => self.tensor(&[], |_| signed(random)),
            4 => self.tensor(positions, |_| signed(random)),
            5 => {
                let len = 1 + random.below(extent);
                let start = random.below(extent - len + 1) as i64;
                self.tensors.push(Tensor::from(start));
                Item::Window(self.tensors.len() - 1, len)
            }
            _ => Item::Fixed((..).into_index(at)),
        }
    }

    fn tensor(&mut self, shape: &[usize], mut number: impl FnMut(usize) -> i64) -> Item {
        let count = shape.iter().product();
        let numbers: Vec<i64> = (0..count).map(&mut number).collect();
        self.tensors.push(Tensor::from_slice(&numbers, shape));
        Item::Tensor(self.tensors.len() - 1)
    }

    fn index(items: &[Item], tensors: &[Tensor]) -> Vec<Index> {
        let item = |item: &Item| match item {
            Item::Fixed(index) => index.clone(),
            Item::Tensor(i) => Index::Tensor(tensors[*i].clone()),
            Item::Window(i, len) => Index::Window(window(&tensors[*i], *len)),
        };
        items.iter().map(item).collect()
    }

    /// Places of what is picked in the flat tensor, and their shape.
    fn places(&self) -> (Vec<i32>, Vec<usize>) {
        let count = self.shape.iter().product();
        let places = Tensor::arange(count, DType::I32).reshape(&self.shape);
        let picked = places.i(Case::index(&self.items, &self.tensors));
        (picked.to_vec().unwrap(), picked.shape().unwrap().sizes().to_vec())
    }
}

type Update = fn(&Tensor, Vec<Index>, &Tensor) -> Tensor;
type Join = fn(f64, f64) -> f64;

const UPDATES: [(Update, Join); 5] = [
    (|x, i, v| x.set(i, v), |_, new| new),
    (|x, i, v| x.add_at(i, v), |old, new| old + new),
    (|x, i, v| x.mul_at(i, v), |old, new| old * new),
    (|x, i, v| x.min_at(i, v), f64::min),
    (|x, i, v| x.max_at(i, v), f64::max),
];

fn numbers(count: usize, random: &mut Random) -> Vec<f64> {
    (0..count).map(|_| (random.symmetric() * 64.0).round() / 8.0).collect()
}

#[test]
fn updates_are_those_of_the_elements_one_by_one() -> Result<()> {
    let mut random = Random::new(26);
    for round in 0..60 {
        let case = Case::draw(&mut random);
        let (places, shape) = case.places();
        let (update, join) = UPDATES[round % 5];
        let count: usize = case.shape.iter().product();
        let (mut expected, mut operands) = (Vec::new(), [Vec::new(), Vec::new()]);
        for _ in 0..2 {
            let (x, v) = (numbers(count, &mut random), numbers(places.len(), &mut random));
            let mut y = x.clone();
            places.iter().zip(&v).for_each(|(&at, &new)| y[at as usize] = join(y[at as usize], new));
            expected.push(y);
            operands[0].push(Tensor::from_slice(&x, case.shape.as_slice()));
            operands[1].push(Tensor::from_slice(&v, shape.as_slice()));
        }
        let eager = update(&operands[0][0], Case::index(&case.items, &case.tensors), &operands[1][0]);
        assert_eq!(eager.to_vec::<f64>()?, expected[0], "{:?} of {:?}", case.items, case.shape);

        let items = case.items.clone();
        let apply = move |(x, v, tensors): (Tensor, Tensor, Vec<Tensor>)| {
            update(&x, Case::index(&items, &tensors), &v)
        };
        let compiled = function(apply.clone());
        let y = compiled.call((&operands[0][1], &operands[1][1], &case.tensors))?;
        assert_eq!(y.to_vec::<f64>()?, expected[1], "{:?} of {:?}", case.items, case.shape);

        let [x, v] = operands.map(|both| Tensor::stack(&both, 0));
        let tensors: Vec<Tensor> = case.tensors.iter().map(|t| Tensor::stack(&[t, t], 0)).collect();
        let y = vmap(apply).call((x, v, tensors))?;
        assert_eq!(y.to_vec::<f64>()?, expected.concat(), "vmap: {:?} of {:?}", case.items, case.shape);
    }
    Ok(())
}

#[test]
fn gradients_of_updates_are_differences() -> Result<()> {
    let mut random = Random::new(7);
    for round in 0..15 {
        let case = Case::draw(&mut random);
        let (places, shape) = case.places();
        let update = UPDATES[round % 5].0;
        let count: usize = case.shape.iter().product();
        let x = Tensor::from_slice(&numbers(count, &mut random), case.shape.as_slice());
        // Never equal to an element, so that extrema have a slope.
        let v = Tensor::from_slice(&numbers(places.len(), &mut random), shape.as_slice()) + 0.03;
        let weights = Tensor::linspace(0.5f64, 1.5, count).reshape(&case.shape);
        let f = move |(x, v): (Tensor, Tensor)| {
            // A value that replaces all of the tensor leaves nothing of it.
            let both = (&x + x.square() * 0.1).sum(..) + (&v * 0.5).sum(..);
            (update(&x, Case::index(&case.items, &case.tensors), &v) * &weights).sum(..) + both
        };
        let (dx, dv) = grad(f.clone()).call((&x, &v))?;
        let value = |x: &Tensor, v: &Tensor| f((x.clone(), v.clone())).item::<f64>();
        let step = 1e-4;
        for (k, found) in dx.to_vec::<f64>()?.into_iter().enumerate() {
            let nudge = |by: f64| x.reshape(-1).add_at(k, by).reshape(x.shape().unwrap());
            let slope = (value(&nudge(step), &v)? - value(&nudge(-step), &v)?) / (2.0 * step);
            assert!((slope - found).abs() < 1e-6 * slope.abs().max(1.0), "by x[{k}]: {found}, {slope}");
        }
        for (k, found) in dv.to_vec::<f64>()?.into_iter().enumerate() {
            let nudge = |by: f64| v.reshape(-1).add_at(k, by).reshape(v.shape().unwrap());
            let slope = (value(&x, &nudge(step))? - value(&x, &nudge(-step))?) / (2.0 * step);
            assert!((slope - found).abs() < 1e-6 * slope.abs().max(1.0), "by v[{k}]: {found}, {slope}");
        }
    }
    Ok(())
}

#[test]
fn one_cell_is_one_update_of_a_small_section() -> Result<()> {
    let table = function(|(x, i, j): (Tensor, Tensor, Tensor)| x.set((&i, 1.., &j), 5.0));
    let args = (Tensor::zeros((2, 3, 4), DType::F32), Tensor::from(1), Tensor::from(2u8));
    let text = table.concrete(&args)?.dump(Stage::Traced)?;
    assert_eq!(text.matches("dynamic_update_slice").count(), 1, "{text}");
    assert_eq!(text.matches("scatter").count() + text.matches("gather").count(), 0, "{text}");

    let fibonacci = function(|n: Tensor| {
        let row = Tensor::zeros(10, DType::I32).set(1, 1);
        fori_loop(2, n, row, |j, row| row.set(&j, row.i(&j - 1) + row.i(&j - 2)))
    });
    check(fibonacci.call(10)?, &[0, 1, 1, 2, 3, 5, 8, 13, 21, 34]);
    Ok(())
}

#[test]
fn computed_places_out_of_range_are_left_out() -> Result<()> {
    let x = Tensor::from([1, 2, 3]);
    for (j, expected) in [(-4i64, [1, 2, 3]), (-3, [9, 2, 3]), (2, [1, 2, 9]), (3, [1, 2, 3])] {
        check(x.set(Tensor::from(j), 9), &expected);
        check(x.set(Tensor::from([j]), 9), &expected);
        let compiled = function(|(x, j): (Tensor, Tensor)| x.set(&j, 9));
        check(compiled.call((&x, j))?, &expected);
        check(compiled.call((&x, &Tensor::from([j])))?, &expected);
    }
    check(x.add_at(window(3, 2), 9), &[1, 2, 3]);
    check(x.add_at(window(2, 2), 9), &[1, 2, 3]);
    check(x.add_at(window(-2, 2), 9), &[1, 11, 12]);
    let (dx, dv) = grad(|(x, v, j): (Tensor, Tensor, Tensor)| x.mul_at(&j, &v).sum(..))
        .call(([1.0f64, 2.0], f64::INFINITY, 2i64))
        .map(|(dx, dv, _)| (dx, dv))?;
    assert_eq!((dx.to_vec::<f64>()?, dv.item::<f64>()?), (vec![1.0, 1.0], 0.0));
    Ok(())
}

#[test]
fn indices_beyond_i64_do_not_wrap() -> Result<()> {
    let x = Tensor::from([1, 2, 3]);
    let far = Tensor::from(u64::MAX);
    check(x.set(&far, 9), &[1, 2, 3]);
    check(x.set(Tensor::from([u64::MAX, 0]), 9), &[9, 2, 3]);
    check(x.i(&far), &[3]);
    check(x.i(Tensor::from([u64::MAX])), &[3]);
    check(x.scatter_add(0, Tensor::from([u64::MAX, 1]), 5), &[1, 7, 3]);
    check(x.dynamic_slice([u64::MAX], 1), &[3]);
    check(x.dynamic_slice((&far,), 1), &[3]);
    check(x.take(&far, 0), &[3]);
    let compiled = function(|(x, j): (Tensor, Tensor)| (x.set(&j, 9), x.i(&j), x.take(&j, 0)));
    let (set, read, taken) = compiled.call((&x, &far))?;
    check(set, &[1, 2, 3]);
    check(read, &[3]);
    check(taken, &[3]);
    assert!(x.i(u64::MAX).ok().is_err() && x.set(i64::MIN, 0).ok().is_err());
    assert!(x.i([3]).ok().is_err() && x.set([0, -4], 0).ok().is_err());
    Ok(())
}

#[test]
fn masks() -> Result<()> {
    let x = square();
    check(x.set(x.gt(3), 0), &[0, 1, 2, 3, 0, 0]);
    check(x.add_at((x.i((.., 0)).gt(0), 1..), 10), &[0, 1, 2, 3, 14, 15]);
    check(x.mul_at((1, Tensor::from([true, false, true])), [2, 3, 4]), &[0, 1, 2, 6, 4, 20]);
    check(x.i(x.rem(2).eq(1)), &[1, 3, 5]);
    check(x.i((Ellipsis, Tensor::from([true, false, true]))), &[0, 2, 3, 5]);
    check(x.i((Tensor::from([false, true]), 1)), &[4]);
    let compiled = function(|x: Tensor| x.max_at(x.lt(2), 7));
    check(compiled.call(&x)?, &[7, 7, 2, 3, 4, 5]);
    let error = x.set(Tensor::from([true, false, true]), 0).ok().unwrap_err().to_string();
    assert!(error.contains("a mask of shape [3] for axis 0 of extent 2"), "{error}");
    // Where the mask is false nothing of the value counts, not even in the derivative.
    let f = |(x, v): (Tensor, Tensor)| x.mul_at(x.gt(1.5), &v).sum(..);
    let (dx, dv) = grad(f).call(([1.0f64, 2.0], [f64::INFINITY, 3.0]))?;
    assert_eq!((dx.to_vec::<f64>()?, dv.to_vec::<f64>()?), (vec![1.0, 3.0], vec![0.0, 2.0]));
    Ok(())
}

#[test]
fn masks_beside_index_tensors() -> Result<()> {
    let x = square(); // 0 1 2, 3 4 5
    let (rows, columns) = (Tensor::from([true, true]), Tensor::from([true, false, true]));
    // x[[True, True], [2, 0]], x[:, [True, False, True]], x[[True, True], [True, False, True]]
    check(x.i((&rows, [2, 0])), &[2, 3]);
    check(x.i((.., [true, false, true])), &[0, 2, 3, 5]);
    check(x.i((&rows, &columns)), &[0, 5]);
    check(x.i((vec![false, true], [1])), &[4]);
    // x[[True, True], [2, 0]] = [7, 8], and += for masks on both axes
    check(x.set((&rows, [2, 0]), [7, 8]), &[0, 1, 7, 8, 4, 5]);
    check(x.add_at((&rows, &columns), 10), &[10, 1, 2, 3, 4, 15]);
    // x[x > 2] = [7, 8, 9]: one value for each place, if it is known which these are
    check(x.set(x.gt(2), [7, 8, 9]), &[0, 1, 2, 7, 8, 9]);
    check(x.mul_at(([false, true], ..), [[2, 3, 4]]), &[0, 1, 2, 6, 12, 20]);
    let error = x.set(x.gt(2), [7, 8]).ok().unwrap_err().to_string();
    assert!(error.contains("a value of shape [2] does not broadcast to [3]"), "{error}");
    let error = x.i((&rows, [0, 1, 2])).ok().unwrap_err().to_string();
    assert!(error.contains("shapes [2] and [3] do not broadcast"), "{error}");
    // A mask from outside of a trace is known in it; where one is traced, data decide how many places there are.
    let outer = rows.clone();
    let known = function(move |x: Tensor| x.set((&outer, [2, 0]), 9));
    check(known.call(&x)?, &[0, 1, 9, 9, 4, 5]);
    let traced = function(|(x, m): (Tensor, Tensor)| x.set((m, [2, 0]), 9));
    check(traced.call((&x, &rows))?, &[0, 1, 9, 9, 4, 5]);
    let each = function(|x: Tensor| x.set(x.gt(2), [7, 8, 9]));
    check(each.call(&x)?, &[0, 1, 2, 7, 8, 9]);
    let slopes = grad(move |x: Tensor| x.i((&rows, [2, 0])).square().sum(..));
    assert_eq!(
        slopes.call([[1.0f64, 2.0, 3.0], [4.0, 5.0, 6.0]])?.to_vec::<f64>()?,
        [0., 0., 6., 8., 0., 0.]
    );
    Ok(())
}

#[test]
fn values_broadcast_as_in_numpy() {
    let x = square();
    check(x.set(.., [7, 8, 9]), &[7, 8, 9, 7, 8, 9]);
    check(x.set(0, [[7, 8, 9]]), &[7, 8, 9, 3, 4, 5]);
    check(x.set((.., 1), Tensor::from([5, 6])), &[0, 5, 2, 3, 6, 5]);
    check(x.set((NewAxis, 0), [[1, 1, 1]]), &[1, 1, 1, 3, 4, 5]);
    check(x.set((), x.zeros_like()), &[0; 6]);
    check(x.set((0, 2..2), Tensor::zeros(0, DType::I32)), &[0, 1, 2, 3, 4, 5]);
    check(Tensor::from(3).set((), 4), &[4]);
    let error = x.set(0, [1, 2]).ok().unwrap_err().to_string();
    assert!(error.contains("a value of shape [2] does not broadcast to [3]"), "{error}");
    let error = x.set(0, Tensor::from(1.0f32)).ok().unwrap_err().to_string();
    assert!(error.contains("set") && error.contains("the elements are i32"), "{error}");
    assert!(x.set(0, 1.5).ok().is_err() && x.set((0, 3), 1).ok().is_err());
}

#[test]
fn scatter_takes_slices_and_elements() -> Result<()> {
    let x = Tensor::zeros((2, 3), DType::I32);
    check(x.scatter_add(0, [1, 1], [[1, 2, 3], [4, 5, 6]]), &[0, 0, 0, 5, 7, 9]);
    check(x.scatter_add(-1, [0, -1, 7], 1), &[1, 0, 1, 1, 0, 1]);
    check(x.scatter_set(1, [[0], [2]], [[8], [9]]), &[8, 0, 0, 0, 0, 9]);
    check(x.scatter_set(1, [[0, 1]], [[8, 9]]), &[8, 9, 0, 0, 0, 0]);
    check(x.scatter_max(0, Tensor::from(1), [4, 5, 6]), &[0, 0, 0, 4, 5, 6]);
    check(x.scatter_add(1, [[0, 1], [2, 2]], Tensor::ones((2, 2, 2), DType::I32)), &[1, 1, 2, 1, 1, 2]);
    check(square().scatter_mul(0, 0, 10), &[0, 10, 20, 3, 4, 5]);
    check(square().scatter_min(0, [0], [[-1, 9, 9]]), &[-1, 1, 2, 3, 4, 5]);
    let error = x.scatter_add(0, [0, 1], [1, 2]).ok().unwrap_err().to_string();
    assert!(error.contains("for indices [2] along axis 0 of [2,3] they have the shape [2,3]"), "{error}");
    assert!(x.scatter_add(2, [0], 1).ok().is_err() && x.scatter_add(0, [0.5], 1).ok().is_err());
    let counts = function(|i: Tensor| Tensor::zeros(3, DType::I32).scatter_add(0, &i, 1));
    check(counts.call([2i32, 2, 0])?, &[1, 0, 2]);
    Ok(())
}

#[test]
fn starts_are_numbers_and_tensors() -> Result<()> {
    let x = square();
    let (one, two) = (Tensor::from(1i32), Tensor::from(2u64));
    check(x.dynamic_slice((1, &one), (1, 2)), &[4, 5]);
    check(x.dynamic_slice((&one, &two), [1, 1]), &[5]);
    check(x.dynamic_slice([&one, &one], [1, 2]), &[4, 5]);
    check(x.dynamic_slice([one.clone(), two.clone()], [1, 1]), &[5]);
    let (starts, sizes) = (vec![1usize, 0], vec![1, 2]);
    check(x.dynamic_slice(&starts, &sizes), &[3, 4]);
    check(x.dynamic_slice(starts, &sizes[..]), &[3, 4]);
    check(x.dynamic_slice(&[0i64, 1][..], [2, 1]), &[1, 4]);
    check(x.dynamic_slice(Tensor::from([1, 0]), [1, 2]), &[3, 4]);
    check(x.reshape(6).dynamic_slice(&two, 2), &[2, 3]);
    check(x.reshape(6).dynamic_slice(9, 2), &[4, 5]);
    check(x.dynamic_update_slice([[9]], (&one, 0)), &[0, 1, 2, 9, 4, 5]);
    let compiled = function(|(x, j): (Tensor, Tensor)| x.dynamic_update_slice([[7, 7]], (0, &j)));
    check(compiled.call((&x, 5i32))?, &[0, 7, 7, 3, 4, 5]);
    assert!(
        x.dynamic_slice((0,), [1, 1]).ok().is_err()
            && x.dynamic_slice((0, Tensor::from(0.5)), [1, 1]).ok().is_err()
    );
    Ok(())
}

#[test]
fn a_large_carried_tensor_is_read_and_written_at_several_computed_places() -> Result<()> {
    // Longest common subsequence, cell by cell.
    let length = function(|(a, b): (Tensor, Tensor)| -> Result<Tensor> {
        let (n, m) = (a.shape()?.size(0), b.shape()?.size(0));
        let table = fori_loop(0, (n * m) as i32, Tensor::zeros((n + 1, m + 1), DType::I32), |k, table| {
            let (i, j) = (k.floordiv(m), k.rem(m));
            let same = a.i(&i).eq(b.i(&j));
            let longer = table.i((&i, &j + 1)).maximum(table.i((&i + 1, &j)));
            table.set((&i + 1, &j + 1), same.select(table.i((&i, &j)) + 1, longer))
        })?;
        Ok(table.i((-1, -1)))
    });
    let (a, b) = (b"the quick brown fox".to_vec(), b"a thick crown box".to_vec());
    check(length.call((a, b))?, &[13]);
    Ok(())
}
