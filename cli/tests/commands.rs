//! The `wright` binary on the files of the corpus: what it prints and how it exits.

mod harness;

use std::path::Path;

use harness::{Folder, fails, prints, wright};

fn corpus(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(name);
    file.display().to_string()
}

#[test]
fn dumps_parse_back() {
    let folder = Folder::new("dump");
    for stage in ["traced", "expand", "cse", "optimized", "fused"] {
        let text = prints(&["dump", &corpus("layer.tw"), "--stage", stage]);
        let again = folder.write("again.tw", &text);
        assert_eq!(prints(&["dump", &again]), text, "{stage}");
    }
}

#[test]
fn every_stage_can_be_seen() {
    let layer = corpus("layer.tw");
    for stage in ["kernels", "plan", "merge", "place"] {
        assert!(prints(&["dump", &layer, "--stage", stage]).contains("program @layer"), "{stage}");
    }
    assert!(prints(&["dump", &layer, "--stage", "fuse"]).contains("cluster 0"));
    assert!(prints(&["dump", &layer, "--stage", "nests"]).contains("nests for "));
    for stage in ["clif", "asm"] {
        assert!(prints(&["dump", &layer, "--stage", stage]).contains("kernel 0"), "{stage}");
    }
    let all = prints(&["dump", &layer, "--stage", "all"]);
    for title in
        ["// ---- traced", ": expand, ", "// ---- donate", "// ---- kernels", "// ---- clif", "// ---- asm"]
    {
        assert!(all.contains(title), "{title}");
    }
    assert!(fails(&["dump", &layer, "--stage", "nonsense"], 2).contains("stages are traced"));
}

#[test]
fn pictures_are_drawn_of_graphs_only() {
    let layer = corpus("layer.tw");
    let svg = prints(&["dump", &layer, "--stage", "fused", "--format", "svg"]);
    assert!(svg.starts_with("<svg") && svg.contains("softmax") != svg.contains("cluster 0"), "{svg}");
    assert!(prints(&["dump", &layer, "--format", "dot"]).starts_with("digraph \"layer\" {"));
    assert!(fails(&["dump", &layer, "--stage", "asm", "--format", "svg"], 2).contains("no picture"));
}

#[test]
fn large_constants_go_to_the_side_file() {
    let folder = Folder::new("weights");
    let elements: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    let text =
        format!("graph() {{ %0 = constant() {{value = i32[100] [{}]}} return %0 }}", elements.join(", "));
    let from = folder.write("from.tw", text);
    let to = folder.file("to.tw");
    prints(&["dump", &from, "-o", &to]);
    assert!(std::fs::read_to_string(&to).unwrap().contains("blob(64, "));
    assert_eq!(prints(&["dump", &to]), prints(&["dump", &from]));
    std::fs::remove_file(folder.file("to.tww")).unwrap();
    assert!(fails(&["dump", &to], 3).contains("E019"));
}

#[test]
fn errors_show_the_offending_line() {
    let folder = Folder::new("errors");
    let file = folder
        .write("bad.tw", "graph(%x: f32[4]) {\n  %y = redcue(%x) {kind = sum, axes = [0]}\n  return %y\n}\n");
    let message = fails(&["dump", &file], 3);
    for part in ["error[E005]", "bad.tw:2:8", "redcue(%x)", "did you mean `reduce`?", "wright explain E005"] {
        assert!(message.contains(part), "{part} in\n{message}");
    }
    assert!(!message.contains('\u{1b}'), "output that is no terminal has no colours");
    assert!(fails(&["--color", "always", "dump", &file], 3).contains('\u{1b}'));
    let twice = folder.write("twice.tw", "graph(%x: f32[4]) {\n  %x = neg(%x)\n  return %x\n}\n");
    assert!(fails(&["dump", &twice], 3).contains("defined here first"));
    assert!(fails(&["dump", &folder.write("bytes.tw", b"graph \xff")], 3).contains("E022"));
    assert!(fails(&["dump", &folder.file("missing.tw")], 3).contains("cannot read"));
}

#[test]
fn passes_are_checked_against_the_evaluator() {
    let small = corpus("small.tw");
    assert!(!prints(&["opt", &small, "--verify"]).contains("softmax"));
    let expanded = prints(&["opt", &small, "--passes=expand,cse", "--verify", "--samples", "2"]);
    assert!(expanded.contains("exp("), "{expanded}");
    assert_eq!(prints(&["opt", &small, "--stop-after", "0"]), prints(&["dump", &small]));
    assert!(fails(&["opt", &small, "--passes=nonsense"], 2).contains("passes are"));
}

#[test]
fn graphs_run_on_files_and_random_numbers() {
    let folder = Folder::new("run");
    let small = corpus("small.tw");
    let save = folder.file("out");
    prints(&["run", &small, "--input", "x=random:3", "--input", "1=count", "--save", &save, "--check"]);
    let again = prints(&["run", &small, "-i", &format!("x={save}/0.npy"), "-i", "b=count", "--evaluate"]);
    assert!(again.starts_with("f32[2,3] ["), "{again}");
    assert!(prints(&["run", &small, "--random", "--time", "--threads", "1"]).contains("median"));
    assert!(fails(&["run", &small], 2).contains("no source for input 0 (x: f32[2,3])"));
    assert!(fails(&["run", &small, "--random", "-i", "nonsense=count"], 2).contains("inputs are 0 (x"));
    assert!(
        fails(&["run", &small, "--random", "-i", &format!("b={save}/0.npy")], 3).contains("must be f32[3]")
    );
}

#[test]
fn results_do_not_depend_on_threads() {
    let layer = corpus("layer.tw");
    let on = |threads| prints(&["run", &layer, "--random", "--threads", threads, "--elements", "400"]);
    assert_eq!(on("1"), on("2"));
}

#[test]
#[cfg(unix)]
fn failing_graphs_shrink() {
    let folder = Folder::new("reduce");
    let small = folder.file("small.tw");
    prints(&["reduce", &corpus("layer.tw"), "--check", "cmd:! grep -q softmax {}", "-o", &small]);
    let text = std::fs::read_to_string(&small).unwrap();
    assert!(text.contains("softmax") && !text.contains("dot_general") && text.contains("[1,1]"), "{text}");
    assert!(fails(&["reduce", &corpus("small.tw"), "--check", "pipeline"], 1).contains("nothing to reduce"));
    assert!(fails(&["reduce", &small, "--check", "cmd:true"], 2).contains("`{}`"));
}

#[test]
fn listings_and_explanations() {
    assert!(
        prints(&["list-ops"]).lines().any(|line| line.starts_with("reduce ") && line.ends_with("kind, axes"))
    );
    assert!(prints(&["list-passes"]).contains("expand: "));
    assert!(prints(&["explain", "e012"]).starts_with("E012: "));
    assert!(prints(&["explain"]).lines().count() > 20);
    assert!(fails(&["explain", "E999"], 2).contains("no error code"));
    assert!(fails(&["list-ops", "nonsense"], 2).contains("no operation"));
    for command in ["dump", "opt", "run", "reduce", "list-ops", "list-passes", "explain"] {
        assert!(prints(&[command, "--help"]).contains("Example"), "{command}");
    }
    assert!(prints(&["--help"]).contains("Exit codes:"));
}

const LOOP: &str = "graph @f(%n: i32[]) {
  %t = token_new()
  %zero = constant() {value = 0:i32}
  %u, %i = while(%t, %zero, %n) {carried = 2} (
    graph @condition(%t: token, %i: i32[], %n: i32[]) { %go = lt(%i, %n) return %go },
    graph @body(%t: token, %i: i32[], %n: i32[]) {
      %u = print(%t, %i) {format = \"i = {}\"}
      %one = constant() {value = 1:i32}
      %next = add(%i, %one)
      return %u, %next
    }
  ) @ \"a.rs\":1:2
  %three = constant() {value = 3:i32}
  %small = lt(%i, %three)
  %v = assert(%u, %small) {message = \"few\"} @ \"a.rs\":3:4
  return %i
}";

#[test]
fn control_flow_is_evaluated_compiled_optimised_and_drawn() {
    let folder = Folder::new("control");
    let text = folder.write("loop.tw", LOOP);
    let inputs = ["--input", "n=count"];
    let out = prints(&[&["run", &text, "--evaluate"][..], &inputs].concat());
    assert!(out.contains("i32[]") && !out.contains("i = "), "{out}");
    prints(&[&["run", &text, "--check"][..], &inputs].concat());
    for format in ["dot", "svg"] {
        let picture = prints(&["dump", &text, "--format", format]);
        assert!(picture.contains("region 1"), "{picture}");
    }
    assert!(prints(&["opt", &text]).contains("while"));
}

#[test]
fn effects_happen_evaluated_and_compiled() {
    let folder = Folder::new("effects");
    let five = "%m: i32[]) { %n = constant() {value = 5:i32} %t";
    let text = folder.write("five.tw", LOOP.replace("%n: i32[]) {\n  %t", five));
    for how in [&["--evaluate"][..], &[]] {
        let output = wright(&[&["run", &text, "--random"][..], how].concat());
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(printed, "i = 0\ni = 1\ni = 2\ni = 3\ni = 4\n");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains("assertion failed: few (written at a.rs:3:4)"), "{message}");
        assert_eq!(output.status.code(), Some(1), "{message}");
    }
}

fn digits() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/digits.onnx").display().to_string()
}

#[test]
fn models_are_inspected() {
    let text = prints(&["inspect", &digits()]);
    for part in
        ["input pixels: float[batch, 64]", "output probabilities", "3 Gemm", "all operators are supported"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text =
        prints(&["inspect", concat!(env!("CARGO_MANIFEST_DIR"), "/../bundle/tests/corpus/format-1.zip")]);
    for line in [
        "f(input: f32[batch, 2]) -> (output_0: f32[batch, 2], output_1: f32[])",
        "variable scale: f32[2]",
        "asset read.me: 19 bytes",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(fails(&["inspect", &corpus("layer.tw")], 3).contains("no ONNX model"));
    assert!(fails(&["inspect", "nowhere.onnx"], 3).contains("nowhere.onnx"));
}

#[test]
fn profiles_say_where_the_time_goes() {
    let folder = Folder::new("profile");
    let trace = folder.file("trace.json");
    let model = &["profile", &digits(), "--input", "pixels=random:64x64", "--runs", "2", "--trace", &trace];
    let graph = &["profile", &corpus("layer.tw"), "--runs", "2"];
    for text in [prints(model), prints(graph)] {
        assert!(text.contains("GFLOP/s step") && text.contains("matmul f32->f32"), "{text}");
    }
    let trace = std::fs::read_to_string(&trace).expect("it is written");
    let trace: serde_json::Value = serde_json::from_str(&trace).expect("it is JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    assert!(events.iter().any(|event| event["args"]["flops"].as_u64() > Some(0)), "{trace}");
    let text = prints(&["dump", &digits(), "--input", "pixels=random:64x64", "--stage", "kernels"]);
    assert!(text.contains("ahead "), "the program that runs puts weights in order once: {text}");
}

#[test]
fn models_run_on_files_and_random_numbers() {
    let folder = Folder::new("model");
    let outputs = folder.file("out.npz");
    let text = prints(&["run", &digits(), "--input", "pixels=random:2x64", "--elements", "3"]);
    assert!(text.starts_with("probabilities: f32[2,10] ["), "{text}");
    prints(&["run", &digits(), "--input", "pixels=random:2x64", "--output", &outputs]);
    assert!(std::fs::read(&outputs).expect("it is written").starts_with(b"PK"));
    prints(&["run", &digits(), "--input", "pixels=random:1x64", "--save", &folder.file("saved")]);
    let again = prints(&["run", &digits(), "--input", &format!("pixels={}", pixels(&folder)), "--time"]);
    assert!(again.contains("f32[1,10]") && again.contains("first run"), "{again}");
    assert!(
        prints(&["bench", &digits(), "--input", "0=random:1x64", "--seconds", "0.01"]).contains("median")
    );
}

/// A file of one picture of the digits.
fn pixels(folder: &Folder) -> String {
    let mut bytes =
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 64), }".to_vec();
    bytes.resize(127, b' ');
    bytes.push(b'\n');
    bytes.extend((0..64).flat_map(|i| ((i % 17) as f32).to_le_bytes()));
    folder.write("pixels.npy", bytes)
}

#[test]
fn models_are_dumped() {
    let text =
        prints(&["dump", &digits(), "--input", "pixels=random:5x64", "--stage", "optimized", "--elide"]);
    assert!(text.contains("f32[5,64]"), "{text}");
}

#[test]
fn what_a_model_lacks_is_said() {
    let message = fails(&["run", &digits()], 2);
    assert!(message.contains("no source for input pixels: float[batch, 64]"), "{message}");
    let message = fails(&["run", &digits(), "--random"], 2);
    assert!(message.contains("leaves extents of pixels: float[batch, 64] open"), "{message}");
    let message = fails(&["run", &digits(), "--input", "image=random:1x64"], 2);
    assert!(message.contains("there is no input `image`"), "{message}");
    let message = fails(&["run", &digits(), "--input", "pixels=random:1x63"], 3);
    assert!(message.contains("must be pixels: float[batch, 64], found f32[1,63]"), "{message}");
}

#[test]
fn pictures_of_the_guide_are_what_dump_draws() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/src/pictures");
    for stage in ["traced", "fused"] {
        let file = folder.join(format!("layer-{stage}.svg"));
        let drawn =
            prints(&["dump", &corpus("layer.tw"), "--no-locations", "--stage", stage, "--format", "svg"]);
        if std::env::var_os("UPDATE_PICTURES").is_some() {
            std::fs::write(&file, &drawn).expect("the picture can be written");
        }
        let kept = std::fs::read_to_string(&file).expect("the picture is there");
        assert!(kept == drawn, "{}: draw it again with UPDATE_PICTURES=1", file.display());
    }
}
