//! Event files: what is written is read back, also by TensorBoard itself, and broken files are found out.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tensorwright::Tensor;
use tensorwright_nn::tensorboard::{EventWriter, LoggedEvent, What, read_events};

/// A folder of its own for each test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tensorwright-events-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn written(name: &str) -> PathBuf {
    let mut writer = EventWriter::create(folder(name)).expect("a file");
    for step in 0..5 {
        writer.scalar("epoch_loss", step, 1.0 / (step + 1) as f32).expect("a point");
    }
    writer.histogram("dense/kernel", 4, &Tensor::from([0.5f32, -1.0, 2.0, 2.0])).expect("a histogram");
    writer.text("summary", 0, "| layer | shape |").expect("a text");
    writer.finish().expect("a file")
}

#[test]
fn what_is_written_is_read_back() {
    let path = written("back");
    let events: Vec<LoggedEvent> =
        read_events(&path).expect("a file").collect::<Result<_, _>>().expect("events");
    assert_eq!(events.len(), 8);
    assert!(events[0].values.is_empty() && events[0].wall_time > 1.5e9);
    let losses: Vec<f32> = events.iter().filter_map(|event| event.scalar("epoch_loss")).collect();
    assert_eq!(losses, [1.0, 0.5, 1.0 / 3.0, 0.25, 0.2]);
    let What::Histogram { count, sum, counts, .. } = &events[6].values[0].what else { panic!("a histogram") };
    assert_eq!((*count, *sum, counts.iter().sum::<f64>()), (4.0, 3.5, 4.0));
    assert_eq!(events[7].values[0].what, What::Text("| layer | shape |".to_owned()));
    fs::remove_dir_all(path.parent().expect("a folder")).expect("it can be removed");
}

#[test]
fn a_broken_file_is_an_error_after_what_is_whole() {
    let path = written("broken");
    let bytes = fs::read(&path).expect("a file");
    fs::write(&path, &bytes[..bytes.len() - 3]).expect("it can be cut");
    let mut events = read_events(&path).expect("a file");
    assert_eq!(events.by_ref().take_while(Result::is_ok).count(), 7);
    assert!(events.next().is_none(), "after an error there are no more");
    let cut = read_events(&path).expect("a file").find_map(Result::err).expect("an error").to_string();
    assert!(cut.contains("is cut off") && cut.contains("tfevents"), "{cut}");
    let mut huge = u64::MAX.to_le_bytes().to_vec();
    huge.extend([0; 20]);
    fs::write(&path, huge).expect("it can be written");
    assert!(read_events(&path).expect("a file").next().expect("an item").is_err());
    fs::remove_dir_all(path.parent().expect("a folder")).expect("it can be removed");
}

/// Needs Python with the package `tensorboard`; without it nothing is checked. `TENSORBOARD_PYTHON` names another Python.
#[test]
fn tensorboard_reads_what_is_written() {
    let python = std::env::var("TENSORBOARD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let path = written("python");
    let folder = path.parent().expect("a folder");
    let script = "import sys\n\
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n\
        a = EventAccumulator(sys.argv[1], size_guidance={'histograms': 0})\n\
        a.Reload()\n\
        print([(e.step, round(e.value, 4)) for e in a.Scalars('epoch_loss')])\n\
        print(a.Tags()['histograms'], a.Histograms('dense/kernel')[0].histogram_value.num if a.Tags()['histograms'] else 0)\n\
        print(a.Tensors('summary')[0].tensor_proto.string_val[0].decode())";
    let probe = Command::new(&python).args(["-c", "import tensorboard.backend.event_processing"]).output();
    if probe.is_ok_and(|probe| probe.status.success()) {
        let output = Command::new(&python).args(["-c", script]).arg(folder).output().expect("python runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let wanted = "[(0, 1.0), (1, 0.5), (2, 0.3333), (3, 0.25), (4, 0.2)]\n['dense/kernel'] 4.0\n| layer | shape |\n";
        assert_eq!(said, wanted, "{}", String::from_utf8_lossy(&output.stderr));
    } else {
        println!("skipped: {python} has no package tensorboard");
    }
    fs::remove_dir_all(folder).expect("it can be removed");
}
