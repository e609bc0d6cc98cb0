//! Whether a graph still fails.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tensorwright_compiler::complex::in_reals;
use tensorwright_compiler::passes::{self, Pass, PassOptions, PassRun, run_passes, run_pipeline};
use tensorwright_ir::{Graph, Literal};

use crate::fault::Fault;
use crate::tensors::{self, Tolerance};
use crate::{output, run};

/// What is checked.
#[derive(Clone, Debug)]
pub(super) enum Check {
    Pass(&'static dyn Pass),
    Pipeline,
    Compile,
    Command(String),
}

impl Check {
    /// The check of this name, for the command line.
    pub(super) fn parse(text: &str) -> Result<Check, String> {
        match (text, text.strip_prefix("pass="), text.strip_prefix("cmd:")) {
            ("pipeline", _, _) => Ok(Check::Pipeline),
            ("compile", _, _) => Ok(Check::Compile),
            (_, Some(name), _) => passes::by_name(name).map(Check::Pass).ok_or_else(|| {
                let names: Vec<&str> = passes::all().iter().map(|pass| pass.name()).collect();
                format!("passes are {}", names.join(", "))
            }),
            (_, _, Some(command)) if command.contains("{}") => Ok(Check::Command(command.to_owned())),
            (_, _, Some(_)) => Err("the command must have `{}` where the file of the graph goes".to_owned()),
            _ => Err("checks are pass=NAME, pipeline, compile and cmd:COMMAND".to_owned()),
        }
    }
}

/// Exit code of a command that takes too long, as that of timeout(1).
const TIMED_OUT: i32 = 124;

/// Runs a check on candidates.
pub(super) struct Tester<'a> {
    check: &'a Check,
    samples: u32,
    timeout: Duration,
    /// The exit code that a command has for the whole graph.
    exit_code: i32,
    scratch: Scratch,
}

impl<'a> Tester<'a> {
    /// Fails if a command cannot be run at all.
    pub(super) fn new(
        check: &'a Check,
        samples: u32,
        timeout: u64,
        graph: &Graph,
    ) -> anyhow::Result<Tester<'a>> {
        let timeout = Duration::from_secs(timeout);
        let mut tester = Tester { check, samples, timeout, exit_code: 0, scratch: Scratch::new() };
        if let Check::Command(command) = check {
            tester.exit_code = tester.command(command, graph)?;
        }
        Ok(tester)
    }

    /// Why the graph fails; `None` if it passes. A panic is a failure like any other.
    pub(super) fn failure(&self, graph: &Graph) -> Option<String> {
        let hook = take_hook();
        set_hook(Box::new(|_| {}));
        let result = catch_unwind(AssertUnwindSafe(|| self.problem(graph)));
        set_hook(hook);
        result.unwrap_or_else(|_| Some("it panics".to_owned()))
    }

    fn problem(&self, graph: &Graph) -> Option<String> {
        let options = PassOptions { verify: true, ..PassOptions::default() };
        match self.check {
            Check::Pass(pass) => {
                let result = run_passes(graph.clone(), &[*pass], &options, &mut |_: &PassRun<'_>| {});
                self.compared(graph, result)
            }
            Check::Pipeline => match in_reals(graph) {
                Ok(graph) => self.compared(&graph, run_pipeline(graph.clone().into_owned(), &options)),
                Err(error) => Some(error.to_string()),
            },
            Check::Compile => {
                self.first_difference(graph, tensors::moderate_inputs, Tolerance::Relative(None), |inputs| {
                    run::compiled(graph, inputs).map_err(|fault| fault.to_string())
                })
            }
            Check::Command(command) => match self.command(command, graph) {
                Ok(code) if code == self.exit_code && code != 0 => {
                    Some(format!("the command ends with exit code {code}"))
                }
                _ => None,
            },
        }
    }

    fn compared<E: std::fmt::Display>(&self, graph: &Graph, result: Result<Graph, E>) -> Option<String> {
        let after = match result {
            Ok(after) => after,
            Err(error) => return Some(error.to_string()),
        };
        let evaluated =
            |inputs: &[Literal]| tensors::evaluated(&after, inputs).map_err(|error| error.to_string());
        self.first_difference(graph, tensors::any_inputs, Tolerance::Exact, evaluated)
    }

    /// What `found` does other than the evaluator, over all sets of inputs.
    fn first_difference(
        &self,
        graph: &Graph,
        inputs: impl Fn(&Graph, u32) -> Vec<Literal>,
        tolerance: Tolerance,
        found: impl Fn(&[Literal]) -> Result<Vec<Literal>, String>,
    ) -> Option<String> {
        (0..self.samples).find_map(|seed| {
            let inputs = inputs(graph, seed);
            let expected = tensors::evaluated(graph, &inputs).ok()?;
            match found(&inputs) {
                Err(problem) => Some(problem),
                Ok(found) => {
                    tensors::difference(&expected, &found, tolerance, &inputs).map(|d| d.to_string())
                }
            }
        })
    }

    fn command(&self, command: &str, graph: &Graph) -> anyhow::Result<i32> {
        output::save_graph(&self.scratch.path, graph)?;
        let file = self.scratch.path.display().to_string();
        let command = command.replace("{}", &file);
        let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut child = Command::new(shell)
            .args([option, &command])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Fault::usage(format!("cannot run `{command}`: {error}")))?;
        let end = Instant::now() + self.timeout;
        loop {
            if let Some(status) = child.try_wait()? {
                // A command that a signal ended has no code.
                return Ok(status.code().unwrap_or(128));
            }
            if Instant::now() >= end {
                child.kill()?;
                child.wait()?;
                return Ok(TIMED_OUT);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A file for candidates, removed at the end.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("wright-reduce-{}-{}.tw", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Scratch { path: std::env::temp_dir().join(name) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whether they exist depends on the check.
        let _ = std::fs::remove_file(&self.path);
        let _ = std::fs::remove_file(self.path.with_extension("tww"));
    }
}
