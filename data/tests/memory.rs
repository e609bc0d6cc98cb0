//! Memory that a process takes for its pipelines: its own binary, so that nothing else is measured.
#![cfg(target_os = "linux")]

use tensorwright::prelude::*;
use tensorwright_data::{Compression, DataError, Dataset, Item, Parallel, Result, Spec, TfRecordWriter};

const MIB: usize = 1 << 20;

/// A line of what the system says of the process, in bytes.
fn status(line: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux says it");
    let own = text.lines().find_map(|own| own.strip_prefix(line)).expect("there is such a line");
    let kib: usize = own.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}

/// Bytes as numbers of [0, 1], shuffled and in batches.
fn pipeline(records: &Dataset, size: usize) -> Dataset {
    let numbers = |record: Item| match &record {
        Item::Text(bytes) => Item::array(DType::U8, &[bytes.len()], bytes),
        _ => Err(DataError::invalid("a record is wanted")),
    };
    let numbers = records.map_items(Spec::number(DType::U8, [size]), numbers).shuffle((32, 7));
    numbers.map_parallel(Parallel::new(2), |x: Tensor| x.cast(DType::F32) / 255.0).batch(8).prefetch(2)
}

fn read(dataset: &Dataset) -> usize {
    let rows = |batch: Result<Item>| batch.expect("whole files").rows().unwrap_or(0);
    dataset.iter().expect("it can be built").map(rows).sum()
}

#[test]
fn what_is_larger_than_memory_streams_and_epochs_take_no_more() {
    let (size, count, files, limit) = (64 << 10, 256, 20, 32 * MIB);
    let path = std::env::temp_dir().join(format!("tensorwright-memory-{}", std::process::id()));
    let mut writer = TfRecordWriter::create(&path, Compression::None).expect("a file");
    (0..count).for_each(|i| writer.write(&vec![i as u8; size]).expect("written"));
    writer.finish().expect("written");

    // Code, threads and their stacks are not what is measured.
    assert_eq!(read(&pipeline(&Dataset::tfrecords([&path], Compression::None).take(8), size)), 8);
    let before = status("VmHWM");
    let records = Dataset::tfrecords(vec![&path; files], Compression::None);
    assert!(size * count * files >= 10 * limit, "ten times what it may take");
    assert_eq!(read(&pipeline(&records, size)), count * files);
    let taken = status("VmHWM") - before;
    println!("{} MiB of records took {} KiB", size * count * files / MIB, taken / 1024);
    assert!(taken < limit, "{taken} bytes");

    // A batch that stayed in memory after each epoch would be 100 MiB in the end; which buffers are in use at once is a matter of chance.
    let epoch = pipeline(&Dataset::tfrecords([&path], Compression::None).take(64), size);
    (0..50).for_each(|_| assert_eq!(read(&epoch), 64));
    let taken = status("VmHWM") - before;
    println!("with 50 epochs they took {} KiB", taken / 1024);
    assert!(taken < limit, "{taken} bytes");
    std::fs::remove_file(path).expect("removed");
}
