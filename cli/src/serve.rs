//! `wright serve`: models behind TensorFlow Serving's interface.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use tensorwright_serving::{BatchOptions, ModelConfig, Server, ServerOptions};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

use crate::fault::Fault;

/// The environment's variable of the API key.
const API_KEY: &str = "WRIGHT_API_KEY";

/// Serve models by HTTP and gRPC, as TensorFlow Serving does: ONNX files, saved models of layers, `.keras` files, folders of `wright run --save`.
///
/// A model's path is the model itself, or a folder with a folder for each version, named by its number; other versions are loaded as they appear. Options of TensorFlow Serving
/// are understood under their own names too. Requests are taken from this machine alone unless `--host` says otherwise; if the variable WRIGHT_API_KEY is set, each must have that key.
/// SIGTERM ends the server once the requests on their way are answered.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A model and its path. May be given several times.
    #[arg(long = "model", value_name = "NAME=PATH")]
    models: Vec<String>,
    /// The name of the model at `--model-base-path`.
    #[arg(long, default_value = "default", alias = "model_name", value_name = "NAME")]
    model_name: String,
    /// The path of one model.
    #[arg(long, alias = "model_base_path", value_name = "PATH")]
    model_base_path: Option<PathBuf>,
    /// A file of models in TensorFlow Serving's format, with policies and labels of versions.
    #[arg(long, alias = "model_config_file", value_name = "FILE")]
    model_config_file: Option<PathBuf>,
    /// The address to listen at.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port of HTTP; 0 is any.
    #[arg(long, default_value_t = 8501, alias = "rest_api_port")]
    rest_port: u16,
    /// The port of gRPC; 0 is any.
    #[arg(long, default_value_t = 8500)]
    port: u16,
    /// Run requests together that wait at the same time.
    #[arg(long, alias = "enable_batching")]
    enable_batching: bool,
    /// How requests run together, in TensorFlow Serving's format; turns `--enable-batching` on.
    #[arg(long, alias = "batching_parameters_file", value_name = "FILE")]
    batching_parameters_file: Option<PathBuf>,
    /// How often folders are looked at for other versions; 0 is never.
    #[arg(long, default_value_t = 1, alias = "file_system_poll_wait_seconds", value_name = "SECONDS")]
    poll: u64,
    /// The most bytes of a request.
    #[arg(long, default_value_t = 64 << 20, value_name = "BYTES")]
    max_request_bytes: usize,
    /// How long a request may take.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    request_timeout: u64,
    /// How long requests on their way may still take when the server ends.
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    drain_timeout: u64,
    /// Threads that one run of a model shares its work among; all cores if it is left out.
    #[arg(long, alias = "tensorflow_intra_op_parallelism", value_name = "COUNT")]
    threads: Option<usize>,
    /// How the log is written, line by line on standard error.
    #[arg(long, value_enum, default_value = "text")]
    log: Log,
    /// Log each request that fails, and connections that break.
    #[arg(long)]
    verbose: bool,
}

/// Forms of the log.
#[derive(Clone, Copy, ValueEnum)]
enum Log {
    /// For people.
    Text,
    /// For programs: an object of JSON in each line.
    Json,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let options = options(args)?;
    start_log(args);
    if let Some(threads) = args.threads {
        tensorwright::set_threads(threads);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(options))
}

fn start_log(args: &Args) {
    let level = if args.verbose { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).with_ansi(false);
    // There is one log in a process, and this is the place that starts it.
    match args.log {
        Log::Text => log.with_target(false).init(),
        Log::Json => log.json().flatten_event(true).with_target(false).init(),
    }
}

/// Serves until somebody ends the process.
async fn serve(options: ServerOptions) -> anyhow::Result<()> {
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let server = Server::start(options).await.map_err(Fault::input)?;
    println!("HTTP: http://{}  gRPC: {}", server.rest_address(), server.grpc_address());
    tokio::select! {
        () = async { server.ready().await; println!("ready"); std::future::pending().await } => {}
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    server.shutdown().await;
    Ok(())
}

fn options(args: &Args) -> anyhow::Result<ServerOptions> {
    let mut models = Vec::new();
    for model in &args.models {
        let (name, path) = model
            .split_once('=')
            .ok_or_else(|| Fault::usage(format!("`--model {model}` is not NAME=PATH")))?;
        models.push(ModelConfig::new(name, path));
    }
    if let Some(path) = &args.model_base_path {
        models.push(ModelConfig::new(&args.model_name, path));
    }
    if let Some(file) = &args.model_config_file {
        models.extend(ModelConfig::parse(&read(file)?).map_err(in_file(file))?);
    }
    if models.is_empty() {
        return Err(
            Fault::usage("no model is given: use --model, --model-base-path or --model-config-file").into()
        );
    }
    let mut options = ServerOptions::new(models);
    options.rest_address = SocketAddr::new(args.host, args.rest_port);
    options.grpc_address = SocketAddr::new(args.host, args.port);
    options.batching.enabled = args.enable_batching;
    if let Some(file) = &args.batching_parameters_file {
        options.batching = BatchOptions::parse(&read(file)?).map_err(in_file(file))?;
    }
    options.poll = (args.poll > 0).then(|| Duration::from_secs(args.poll));
    options.max_request_bytes = args.max_request_bytes;
    options.request_timeout = Duration::from_secs(args.request_timeout);
    options.drain_timeout = Duration::from_secs(args.drain_timeout);
    options.api_key = std::env::var(API_KEY).ok().filter(|key| !key.is_empty());
    Ok(options)
}

fn read(file: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(file)
        .map_err(|error| Fault::input(format!("cannot read {}: {error}", file.display())))
}

fn in_file(file: &Path) -> impl Fn(tensorwright_serving::Error) -> Fault {
    move |error| Fault::input(format!("{}: {error}", file.display()))
}
