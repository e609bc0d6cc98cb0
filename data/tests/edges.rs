//! Options at their ends, and places where several readers meet.

use tensorwright::DType;
use tensorwright_data::{
    BucketOptions, Dataset, Extents, Item, PadOptions, Position, Result, Spec, WindowOptions,
};

fn numbers(dataset: &Dataset) -> Vec<i64> {
    dataset.iter_as::<i64>().expect("numbers").collect::<Result<_>>().expect("no errors")
}

#[test]
fn the_largest_options_mean_all() {
    let five = || Dataset::range(5);
    let windows = five().window(WindowOptions::new(usize::MAX).stride(3));
    let all =
        windows.flat_map(|window: std::sync::Arc<tensorwright_data::Window>| Dataset::from_window(&window));
    assert_eq!(numbers(&all), [0, 3]);
    assert_eq!(numbers(&five().batch(usize::MAX).unbatch()), [0, 1, 2, 3, 4]);
    let mut shuffled = numbers(&five().shuffle((usize::MAX, 1)));
    shuffled.sort_unstable();
    assert_eq!(shuffled, [0, 1, 2, 3, 4]);
    assert_eq!(numbers(&five().prefetch(usize::MAX)), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(&five().take(u64::MAX).repeat(u64::MAX).take(7)), [0, 1, 2, 3, 4, 0, 1]);
    assert_eq!(numbers(&five().skip(u64::MAX)), [0; 0]);
    assert_eq!(numbers(&five().shard(u64::MAX, 3)), [3]);
}

#[test]
fn a_bucket_that_nothing_fits_has_no_length() {
    let row = |item: Item| {
        let length = item.to_number()?.to_i128() as usize;
        Item::array(DType::U8, &[length], &vec![1; length])
    };
    let rows = Dataset::from_iter([1i64, 2, 0]).map_items(Spec::number(DType::U8, Extents::new([None])), row);
    let options = BucketOptions::new([0, 4], [1, 3, 1]).pad_to_boundary(PadOptions::new());
    let batches = rows.bucket_by_length(options, |item| Ok(item.rows().unwrap_or(0) as i64));
    let specs: Vec<String> =
        batches.iter().expect("built").map(|batch| batch.expect("no error").spec().to_string()).collect();
    assert_eq!(specs, ["u8[3,3]"]);
}

#[test]
fn a_position_within_cached_elements_is_of_those_and_no_others() {
    // Without a seed, so that each dataset that is built has an order of its own.
    let build = || Dataset::range(50).shuffle(50).cache().repeat(2);
    let mut iter = build().iter_as::<i64>().expect("numbers");
    let all: Vec<i64> = iter.by_ref().take(70).collect::<Result<_>>().expect("no errors");
    let position = iter.save().expect("places");
    let rest: Vec<i64> = iter.collect::<Result<_>>().expect("no errors");
    assert_eq!(all[..20], all[50..], "the second epoch is the first one again");

    let other = build();
    assert_ne!(numbers(&other)[..50], all[..50], "it has cached other elements");
    let mut iter = other.iter_as::<i64>().expect("numbers");
    iter.restore(&Position::from_bytes(position.as_bytes()).expect("a position")).expect("the same pipeline");
    assert_eq!(iter.collect::<Result<Vec<i64>>>().expect("no errors"), rest);
}
