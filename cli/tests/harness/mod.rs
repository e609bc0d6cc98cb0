//! Runs the `wright` binary: what tests of it share.

use std::path::PathBuf;
use std::process::{Command, Output};

pub(crate) fn wright(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wright")).args(args).output().expect("the binary runs")
}

/// Standard output of a command that must succeed.
pub(crate) fn prints(args: &[&str]) -> String {
    let output = wright(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// Standard error of a command that must end with this exit code.
pub(crate) fn fails(args: &[&str], code: i32) -> String {
    let output = wright(args);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    message
}

/// A folder of one test, removed at its end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("wright-test-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.join(name), text).expect("the file can be written");
        self.file(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
