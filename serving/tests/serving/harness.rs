//! Servers, clients and models of the tests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use serde_json::Value as Json;
use tensorwright_serving::{ModelConfig, Port, Result, Servable, Server, ServerOptions, Signature, Value};
use tokio::net::TcpStream;
use tonic::Status;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

/// The classifier of handwritten digits among the samples.
pub(crate) fn digits() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/digits.onnx")
}

/// Options with any free ports.
pub(crate) fn options(models: impl IntoIterator<Item = ModelConfig>) -> ServerOptions {
    let mut options = ServerOptions::new(models);
    options.rest_address = SocketAddr::from(([127, 0, 0, 1], 0));
    options.grpc_address = options.rest_address;
    options.poll = Some(Duration::from_millis(20));
    options
}

/// A server that is ready.
pub(crate) async fn server(options: ServerOptions) -> Server {
    let server = Server::start(options).await.expect("the server starts");
    server.ready().await;
    server
}

/// A connection that speaks HTTP/1.1.
pub(crate) struct Http(http1::SendRequest<Full<Bytes>>);

impl Http {
    pub(crate) async fn connect(address: SocketAddr) -> Http {
        let stream = TcpStream::connect(address).await.expect("the port is open");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        Http(sender)
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> (StatusCode, Bytes) {
        self.0.ready().await.expect("the connection is open");
        let response = self.0.send_request(request).await.expect("an answer");
        let status = response.status();
        (status, response.into_body().collect().await.expect("a body").to_bytes())
    }

    pub(crate) async fn text(&mut self, method: Method, path: &str, body: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(path).header("host", "localhost");
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("a request");
        let (status, body) = self.send(request).await;
        (status.as_u16(), String::from_utf8(body.to_vec()).expect("UTF-8"))
    }

    pub(crate) async fn get(&mut self, path: &str) -> (u16, String) {
        self.text(Method::GET, path, "").await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> (u16, String) {
        self.text(Method::POST, path, body).await
    }

    /// The JSON of an answer that must be one.
    pub(crate) async fn json(&mut self, path: &str, body: &str) -> (u16, Json) {
        match body {
            "" => {
                let (status, text) = self.get(path).await;
                (status, parsed(&text))
            }
            body => self.posted(path, body).await,
        }
    }

    pub(crate) async fn posted(&mut self, path: &str, body: &str) -> (u16, Json) {
        let (status, text) = self.post(path, body).await;
        (status, parsed(&text))
    }
}

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A connection that speaks HTTP/2, for the client of `tonic`.
#[derive(Clone)]
pub(crate) struct Channel {
    sender: http2::SendRequest<Body>,
    address: SocketAddr,
}

impl Channel {
    pub(crate) async fn connect(address: SocketAddr) -> Channel {
        let stream = TcpStream::connect(address).await.expect("the port is open");
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        Channel { sender, address }
    }

    pub(crate) async fn call<Q, A>(&self, path: &'static str, message: Q) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        self.request(path, tonic::Request::new(message)).await
    }

    pub(crate) async fn request<Q, A>(
        &self,
        path: &'static str,
        request: tonic::Request<Q>,
    ) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = Grpc::new(self.clone());
        grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let codec = ProstCodec::<Q, A>::default();
        Ok(grpc.unary(request, path.parse().expect("a path"), codec).await?.into_inner())
    }
}

impl tower_service::Service<Request<Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.sender.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("http://{}{path}", self.address).parse().expect("an address");
        Box::pin(self.sender.send_request(request))
    }
}

/// A model that takes its time, and says how many rows it has run.
pub(crate) struct Slow {
    signatures: BTreeMap<String, Signature>,
    pause: Duration,
    pub(crate) runs: AtomicUsize,
    pub(crate) rows: AtomicUsize,
}

impl Slow {
    /// `y = x + 1` for any number of rows of two numbers. A negative number is refused.
    pub(crate) fn new(pause: Duration) -> Arc<Slow> {
        let signature =
            Signature::new(vec![Port::f32("x", [None, Some(2)])], vec![Port::f32("y", [None, Some(2)])]);
        let signatures = [("serving_default".to_owned(), signature)].into();
        Arc::new(Slow { signatures, pause, runs: AtomicUsize::new(0), rows: AtomicUsize::new(0) })
    }
}

impl Servable for Slow {
    fn platform(&self) -> &str {
        "test"
    }

    fn signatures(&self) -> &BTreeMap<String, Signature> {
        &self.signatures
    }

    fn call(&self, _signature: &str, inputs: &[Value]) -> Result<Vec<Value>> {
        std::thread::sleep(self.pause);
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.rows.fetch_add(inputs[0].shape()[0], Ordering::SeqCst);
        let x = inputs[0].to_f32()?;
        if let Some(negative) = x.iter().find(|x| **x < 0.0) {
            return Err(tensorwright_serving::Error::invalid(format!("{negative} is negative")));
        }
        let y: Vec<f32> = x.iter().map(|x| x + 1.0).collect();
        Ok(vec![Value::of_f32(inputs[0].shape().to_vec(), &y)])
    }
}

/// A folder of one test, removed at its end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("wright-serving-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }

    /// Puts a model where a version of it is looked for, whole or not at all.
    pub(crate) fn add_version(&self, version: i64, model: &Path) {
        let partial = self.0.join(".partial");
        std::fs::create_dir_all(&partial).expect("a folder can be made");
        std::fs::copy(model, partial.join("model.onnx")).expect("the model can be copied");
        std::fs::rename(partial, self.0.join(version.to_string())).expect("the folder can be renamed");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
