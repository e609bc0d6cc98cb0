//! The server: ports, connections, and its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tonic::body::Body;

use crate::batching::BatchOptions;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::models::config::ModelConfig;
use crate::models::loader::Loader;
use crate::models::registry::Registry;
use crate::service::Service;
use crate::{grpc, rest};

/// What a server serves, where, and within which limits.
///
/// ```
/// use tensorwright_serving::{BatchOptions, ModelConfig, ServerOptions};
///
/// let mut options = ServerOptions::new([ModelConfig::new("digits", "/models/digits")]);
/// options.batching = BatchOptions::batched();
/// assert!(options.rest_address.ip().is_loopback());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The models.
    pub models: Vec<ModelConfig>,
    /// Where HTTP is spoken; 127.0.0.1:8501. gRPC is understood there too.
    pub rest_address: SocketAddr,
    /// Where gRPC is spoken; 127.0.0.1:8500. HTTP is understood there too.
    pub grpc_address: SocketAddr,
    /// How requests wait and run together.
    pub batching: BatchOptions,
    /// How often folders are looked at for other versions; never if it is left out.
    pub poll: Option<Duration>,
    /// The most bytes of a request.
    pub max_request_bytes: usize,
    /// How long a request may take, from its head on.
    pub request_timeout: Duration,
    /// How long the head of a request may take, and how long a connection may be idle.
    pub header_timeout: Duration,
    /// So many connections are open at once; others wait.
    pub max_connections: usize,
    /// How long requests may still take when the server ends.
    pub drain_timeout: Duration,
    /// The key that requests must have, as `Authorization: Bearer KEY` or `X-Api-Key: KEY`.
    pub api_key: Option<String>,
}

impl ServerOptions {
    /// The options for these models: on this machine alone, at TensorFlow Serving's ports.
    pub fn new(models: impl IntoIterator<Item = ModelConfig>) -> ServerOptions {
        ServerOptions {
            models: models.into_iter().collect(),
            rest_address: SocketAddr::from(([127, 0, 0, 1], 8501)),
            grpc_address: SocketAddr::from(([127, 0, 0, 1], 8500)),
            batching: BatchOptions::default(),
            poll: Some(Duration::from_secs(1)),
            max_request_bytes: 64 << 20,
            request_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(60),
            max_connections: 1024,
            drain_timeout: Duration::from_secs(30),
            api_key: None,
        }
    }
}

/// A server that runs. Dropping it closes its ports; [`Server::shutdown`] waits for requests on their way.
pub struct Server {
    rest_address: SocketAddr,
    grpc_address: SocketAddr,
    service: Arc<Service>,
    ends: watch::Sender<bool>,
    ports: Vec<JoinHandle<()>>,
    drain_timeout: Duration,
}

impl Server {
    /// Opens the ports and begins to load the models. Must be called within a runtime of `tokio`.
    ///
    /// # Errors
    /// When a port cannot be opened, or options contradict each other.
    pub async fn start(options: ServerOptions) -> Result<Server> {
        options.batching.check()?;
        let open = async |address: SocketAddr| {
            let failed = |error| Error::internal(format!("{address}: {error}"));
            TcpListener::bind(address).await.map_err(failed)
        };
        let (rest, grpc) = (open(options.rest_address).await?, open(options.grpc_address).await?);
        let (rest_address, grpc_address) =
            (rest.local_addr().map_err(Error::internal)?, grpc.local_addr().map_err(Error::internal)?);
        let (registry, metrics) = (Arc::new(Registry::new()), Arc::new(Metrics::new()?));
        let batching = Arc::new(options.batching.clone());
        let models = options.models.clone();
        let loader = Loader::start(models, registry.clone(), batching, metrics.clone(), options.poll)?;
        let service = Arc::new(Service {
            registry,
            metrics,
            loader,
            request_timeout: options.request_timeout,
            max_request_bytes: options.max_request_bytes,
            api_key: options.api_key.clone(),
            since: Instant::now(),
        });
        let ends = watch::Sender::new(false);
        let places = Arc::new(Semaphore::new(options.max_connections));
        let port = |listener: TcpListener| {
            let port = Port {
                service: service.clone(),
                places: places.clone(),
                builder: builder(&options),
                header_timeout: options.header_timeout,
                drain_timeout: options.drain_timeout,
            };
            tokio::spawn(port.accept(listener, ends.subscribe()))
        };
        let ports = vec![port(rest), port(grpc)];
        tracing::info!(rest = %rest_address, grpc = %grpc_address, "listens");
        let drain_timeout = options.drain_timeout;
        Ok(Server { rest_address, grpc_address, service, ends, ports, drain_timeout })
    }

    /// Where HTTP is spoken.
    pub fn rest_address(&self) -> SocketAddr {
        self.rest_address
    }

    /// Where gRPC is spoken.
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc_address
    }

    /// Waits until what was configured has been loaded and warmed up.
    pub async fn ready(&self) {
        // The registry outlives the wait.
        let _ = self.service.registry.readiness().wait_for(|ready| *ready).await;
    }

    /// Serves other models from now on; waits until all are loaded.
    ///
    /// # Errors
    /// When one of them cannot be loaded.
    pub async fn reload(&self, models: Vec<ModelConfig>) -> Result<()> {
        self.service.loader.replace(models).await
    }

    /// Takes no more connections, answers the requests on their way, and ends.
    pub async fn shutdown(self) {
        self.service.registry.set_ready(false);
        self.ends.send_replace(true);
        tracing::info!("ends");
        let limit = self.drain_timeout + Duration::from_secs(1);
        for port in self.ports {
            let _ = tokio::time::timeout(limit, port).await;
        }
        // The loader may be at work, which must not hold up others here.
        let _ = tokio::task::spawn_blocking(move || drop(self.service)).await;
    }
}

/// How connections are served: by HTTP/1.1 or HTTP/2, whichever the client speaks.
fn builder(options: &ServerOptions) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(options.header_timeout).max_headers(100);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_concurrent_streams(1024)
        .max_header_list_size(32 << 10)
        .keep_alive_interval(Some(options.header_timeout))
        .keep_alive_timeout(options.header_timeout);
    builder
}

/// One port.
struct Port {
    service: Arc<Service>,
    places: Arc<Semaphore>,
    builder: Builder<TokioExecutor>,
    header_timeout: Duration,
    drain_timeout: Duration,
}

impl Port {
    /// Takes connections until the server ends, and waits for them then.
    async fn accept(self, listener: TcpListener, mut ends: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.next(&listener) => accepted,
                _ = ends.wait_for(|ends| *ends) => break,
            };
            match accepted {
                Ok((stream, place)) => self.serve(stream, place, &graceful, ends.clone()),
                Err(error) => {
                    // Out of files, for one: the next try needs a moment.
                    tracing::warn!(fault = %error, "a connection cannot be taken");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        drop(listener);
        if tokio::time::timeout(self.drain_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests on their way were given up");
        }
    }

    /// The next connection, once there is a place for it.
    async fn next(&self, listener: &TcpListener) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let place = self.places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
        Ok((listener.accept().await?.0, place))
    }

    fn serve(
        &self,
        stream: TcpStream,
        place: OwnedSemaphorePermit,
        graceful: &GracefulShutdown,
        mut ends: watch::Receiver<bool>,
    ) {
        // Small answers go at once.
        let _ = stream.set_nodelay(true);
        let service = self.service.clone();
        let answer = service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(answer(&service, request).await) }
        });
        let (builder, watcher, timeout) = (self.builder.clone(), graceful.watcher(), self.header_timeout);
        let connections = self.service.metrics.connections.clone();
        connections.inc();
        tokio::spawn(async move {
            let speaks = tokio::select! {
                speaks = tokio::time::timeout(timeout, speaks(&stream)) => speaks.unwrap_or(false),
                _ = ends.wait_for(|ends| *ends) => false,
            };
            if !speaks {
                connections.dec();
                return;
            }
            let connection = builder.serve_connection(TokioIo::new(stream), answer);
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(fault = %error, "a connection broke");
            }
            connections.dec();
            drop(place);
        });
    }
}

/// How HTTP/2 begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Waits until a connection has said which protocol it speaks; whether it has said anything at all.
async fn speaks(stream: &TcpStream) -> bool {
    let mut begin = [0; PREFACE.len()];
    loop {
        match stream.peek(&mut begin).await {
            Ok(0) | Err(_) => return false,
            Ok(count) if count == PREFACE.len() || begin[..count] != PREFACE[..count] => return true,
            // The beginning of the beginning.
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn answer(service: &Arc<Service>, request: Request<Incoming>) -> Response<Body> {
    match grpc::is_grpc(request.headers()) {
        true => grpc::answer(service, request).await,
        false => rest::answer(service, request).await,
    }
}
