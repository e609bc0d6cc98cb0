//! Requests that mean harm: each is answered or its connection closed, and the server goes on.

use std::net::SocketAddr;
use std::time::Duration;

use tensorwright_serving::{ModelConfig, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::grpc::{predict, tensor};
use crate::harness::{Channel, Http, Slow, options, server};

async fn strict() -> Server {
    let mut options = options([ModelConfig::of_servable("slow", Slow::new(Duration::ZERO))]);
    options.max_request_bytes = 1 << 20;
    options.header_timeout = Duration::from_millis(300);
    options.request_timeout = Duration::from_millis(600);
    server(options).await
}

/// Sends bytes and leaves the connection open; gives what comes back until it closes.
async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the port is open");
    // The server may close before all is sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let read = async {
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..count]);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the connection closes");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn still_answers(server: &Server) {
    let mut http = Http::connect(server.rest_address()).await;
    assert_eq!(http.post("/v1/models/slow:predict", "{\"instances\": [[1, 2]]}").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn stalls_and_broken_requests_are_answered_or_closed() {
    let server = strict().await;
    let address = server.rest_address();
    let head = "POST /v1/models/slow:predict HTTP/1.1\r\nhost: localhost\r\n";
    let post = |rest: &str| format!("{head}{rest}");
    for (bytes, answer) in [
        // Nothing, half a head, half a body, half a chunk: the time is up.
        (String::new(), ""),
        ("POST /v1/mod".to_owned(), ""),
        (post("content-length: 100\r\n\r\n{\"instances\""), "504"),
        (post("transfer-encoding: chunked\r\n\r\n5\r\n{\"in"), "504"),
        // No HTTP at all, and heads that contradict themselves.
        ("\u{0}\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), "400"),
        (post("content-length: x\r\n\r\n"), "400"),
        (post("transfer-encoding: chunked\r\n\r\nzz\r\n"), "400"),
        // A length beyond the limit, before anything of it has come.
        (post("content-length: 99999999999\r\n\r\n{"), "413"),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000)), "414"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000)), "431"),
        // The beginning of HTTP/2, and then silence or nonsense.
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), ""),
        (format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}", "x".repeat(1000)), ""),
    ] {
        let found = raw(address, bytes.as_bytes()).await;
        let begin = &bytes[..bytes.len().min(100)];
        assert!(found.contains(answer), "{begin:?} is answered by {found:?}, without {answer}");
    }
    still_answers(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_want_too_much_are_refused() {
    let server = strict().await;
    let mut http = Http::connect(server.rest_address()).await;
    let nested = |depth: usize| format!("{{\"instances\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
    let objects = format!("{{\"instances\": {}1{}}}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    for body in [
        nested(50_000),
        nested(150),
        objects,
        format!("{{\"instances\": [[{}, 1]]}}", "9".repeat(100_000)),
        format!("{{\"instances\": [[1e{}, 1]]}}", "9".repeat(10_000)),
        format!("{{\"instances\": [[\"{}\", 1]]}}", "a".repeat(100_000)),
        format!("{{\"signature_name\": \"{}\", \"instances\": [[1, 2]]}}", "a".repeat(100_000)),
        "{\"instances\": [[1, 2]]} trailing".to_owned(),
        "{\"instances\": [[\"\\ud800\", 1]]}".to_owned(),
        "{\"examples\": [[]]}".to_owned(),
    ] {
        for path in ["/v1/models/slow:predict", "/v1/models/slow:classify", "/v2/models/slow/infer"] {
            let (status, json) = http.posted(path, &body).await;
            let error = json["error"].as_str().unwrap_or_default();
            assert!(status == 400 && !error.is_empty(), "{path}: {status}");
            assert!(error.len() < 2000, "a message of {} bytes", error.len());
        }
    }
    let (status, _) = http.post("/v1/models/slow:predict", &" ".repeat(2 << 20)).await;
    assert_eq!(status, 413);
    still_answers(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_lie_are_refused() {
    let server = strict().await;
    let channel = Channel::connect(server.grpc_address()).await;
    let predict_path = "/tensorflow.serving.PredictionService/Predict";
    let empty = |dims: &[i64]| tensor(dims, &[]);
    for proto in [
        empty(&[1 << 30, 1 << 30]),
        empty(&[i64::MAX]),
        empty(&[-1, 2]),
        empty(&[1 << 27, 2]),
        tensor(&[1, 2], &[1.0; 100]),
        tensor(&[0, 2], &[]),
        tensor(&[1; 300], &[1.0]),
    ] {
        let result: Result<tensorwright_serving::proto::tf_serving::PredictResponse, _> =
            channel.call(predict_path, predict("slow", "x", proto)).await;
        // No rows at all are a tensor too.
        assert!(
            result.as_ref().is_err_and(|status| status.code() == tonic::Code::InvalidArgument)
                || result.is_ok_and(|own| own.outputs["y"].tensor_content.is_empty())
        );
    }
    let large = predict("slow", "x", tensor(&[1 << 20, 2], &vec![1.0; 2 << 20]));
    let status = channel
        .call::<_, tensorwright_serving::proto::tf_serving::PredictResponse>(predict_path, large)
        .await
        .expect_err("too large");
    assert_eq!(status.code(), tonic::Code::OutOfRange);
    still_answers(&server).await;
}
