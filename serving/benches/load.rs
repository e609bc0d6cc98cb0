//! Requests per second of a served network, 784-512-512-10, one row each, over 64 connections that stay open, by HTTP and by gRPC:
//!
//! ```sh
//! cargo bench -p tensorwright-serving --bench load -- [SECONDS [CONNECTIONS]]
//! ```
//!
//! Clients are in this process, on a thread of their own, and send bytes that were made before, so that they take as little as they can from the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prost::Message;
use tensorwright_core::{DType, Tensor};
use tensorwright_nn::layers::Dense;
use tensorwright_nn::{Activation, Model, Sequential};
use tensorwright_serving::proto::tensor::{DimProto, TensorProto, TensorShapeProto};
use tensorwright_serving::proto::tf_serving::{ModelSpec, PredictRequest};
use tensorwright_serving::{BatchOptions, ModelConfig, Server, ServerOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let seconds = Duration::from_secs(numbers.first().copied().unwrap_or(10));
    let connections = numbers.get(1).copied().unwrap_or(64);
    let path = std::env::temp_dir().join(format!("wright-load-{}", std::process::id()));
    network().save(&path).expect("a file can be written");
    tensorwright_core::set_threads(1);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let server = runtime.block_on(async {
        let mut options = ServerOptions::new([ModelConfig::new("mlp", &path)]);
        options.rest_address = SocketAddr::from(([127, 0, 0, 1], 0));
        options.grpc_address = options.rest_address;
        options.batching = BatchOptions::batched();
        options.batching.max_batch_size = 64;
        let server = Server::start(options).await.expect("ports");
        server.ready().await;
        server
    });
    let clients = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a thread");
    let row: Vec<f32> = (0..784).map(|i| (i % 256) as f32 / 256.0).collect();
    for (name, address, protocol) in [
        ("REST", server.rest_address(), Protocol::Http(http_request(&row))),
        ("gRPC", server.grpc_address(), Protocol::Grpc(grpc_message(&row))),
    ] {
        let (count, latency) = clients.block_on(load(address, Arc::new(protocol), connections, seconds));
        println!("{name}: {:.0} requests/s, {latency:.2} ms each", count as f64 / seconds.as_secs_f64());
    }
    runtime.block_on(server.shutdown());
    // Nothing depends on it.
    let _ = std::fs::remove_file(path);
}

fn network() -> Model {
    let layer = |units| Dense::new(units).activation(Activation::Relu);
    let model = Model::new(Sequential::new().add(layer(512)).add(layer(512)).add(Dense::new(10)));
    model.build(&[Tensor::zeros((1, 784), DType::F32)]).expect("weights");
    model
}

/// What a connection sends.
enum Protocol {
    Http(Vec<u8>),
    Grpc(Vec<u8>),
}

fn http_request(row: &[f32]) -> Vec<u8> {
    let body = serde_json::json!({"instances": [row]}).to_string();
    let length = body.len();
    format!(
        "POST /v1/models/mlp:predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn grpc_message(row: &[f32]) -> Vec<u8> {
    let dim = [1, 784].map(|size| DimProto { size, name: String::new() }).to_vec();
    let tensor = TensorProto {
        dtype: 1,
        tensor_shape: Some(TensorShapeProto { dim, unknown_rank: false }),
        tensor_content: row.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>().into(),
        ..TensorProto::default()
    };
    let message = PredictRequest {
        model_spec: Some(ModelSpec { name: "mlp".to_owned(), ..ModelSpec::default() }),
        inputs: [("input_0".to_owned(), tensor)].into(),
        output_filter: Vec::new(),
    };
    let message = message.encode_to_vec();
    [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat()
}

/// Asks over and over; gives the number of answers, and the mean time of one in milliseconds.
async fn load(address: SocketAddr, protocol: Arc<Protocol>, connections: u64, time: Duration) -> (u64, f64) {
    let count = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + time;
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let (count, protocol) = (count.clone(), protocol.clone());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("the port is open");
                stream.set_nodelay(true).expect("a socket");
                match &*protocol {
                    Protocol::Http(request) => http(&mut stream, request, end, &count).await,
                    Protocol::Grpc(message) => grpc(&mut stream, message, end, &count).await,
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("all requests are answered");
    }
    let count = count.load(Ordering::Relaxed);
    (count, time.as_secs_f64() * 1e3 * connections as f64 / count as f64)
}

async fn http(stream: &mut TcpStream, request: &[u8], end: Instant, count: &AtomicU64) {
    let mut buffer = Vec::with_capacity(4096);
    while Instant::now() < end {
        stream.write_all(request).await.expect("the connection is open");
        buffer.clear();
        loop {
            let read = stream.read_buf(&mut buffer).await.expect("the connection is open");
            assert!(read > 0, "the connection was closed");
            // An answer ends with the brace of its object, which is at the beginning of a line.
            if buffer.ends_with(b"\n}\n") {
                break;
            }
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer));
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of a request, without compression: a literal for each field, with the static table's names where it has them.
fn head() -> Vec<u8> {
    let field = |name: u8, value: &str| [&[name, value.len() as u8][..], value.as_bytes()].concat();
    let own = |name: &str, value: &str| {
        [&[0, name.len() as u8][..], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
    };
    [
        vec![0x83, 0x86],
        field(0x04, "/tensorflow.serving.PredictionService/Predict"),
        field(0x01, "localhost"),
        own("content-type", "application/grpc"),
        own("te", "trailers"),
    ]
    .concat()
}

async fn grpc(stream: &mut TcpStream, message: &[u8], end: Instant, count: &AtomicU64) {
    let preface = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &frame(4, 0, 0, &[]),
        &frame(8, 0, 0, &(1u32 << 30).to_be_bytes()),
    ];
    stream.write_all(&preface.concat()).await.expect("the connection is open");
    let (head, mut buffer, mut number) = (head(), Vec::with_capacity(4096), 1);
    while Instant::now() < end {
        let request = [frame(1, 4, number, &head), frame(0, 1, number, message)].concat();
        stream.write_all(&request).await.expect("the connection is open");
        while !answered(stream, &mut buffer, number).await {
            let read = stream.read_buf(&mut buffer).await.expect("the connection is open");
            assert!(read > 0, "the connection was closed");
        }
        count.fetch_add(1, Ordering::Relaxed);
        number += 2;
    }
}

/// Takes whole frames out of the buffer; whether the last one of a stream was among them.
async fn answered(stream: &mut TcpStream, buffer: &mut Vec<u8>, number: u32) -> bool {
    let (mut at, mut ended) = (0, false);
    while buffer.len() >= at + 9 {
        let length = u32::from_be_bytes([0, buffer[at], buffer[at + 1], buffer[at + 2]]) as usize;
        if buffer.len() < at + 9 + length {
            break;
        }
        let (kind, flags) = (buffer[at + 3], buffer[at + 4]);
        let own = u32::from_be_bytes([buffer[at + 5], buffer[at + 6], buffer[at + 7], buffer[at + 8]]);
        assert!(!matches!(kind, 3 | 7), "a stream or the connection was given up");
        match kind {
            4 if flags == 0 => stream.write_all(&frame(4, 1, 0, &[])).await.expect("the connection is open"),
            6 if flags == 0 => {
                let payload = buffer[at + 9..at + 9 + length].to_vec();
                stream.write_all(&frame(6, 1, 0, &payload)).await.expect("the connection is open");
            }
            _ => {}
        }
        ended |= own == number && matches!(kind, 0 | 1) && flags & 1 == 1;
        at += 9 + length;
    }
    buffer.drain(..at);
    ended
}
