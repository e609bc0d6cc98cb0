//! Versions that come and go while requests are on their way, and the end of a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tensorwright_serving::{ModelConfig, Server, VersionPolicy};

use crate::harness::{Folder, Http, Slow, digits, options, server};

async fn states(http: &mut Http) -> Vec<(String, String)> {
    let (_, json) = http.json("/v1/models/digits", "").await;
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    let all = json["model_version_status"].as_array().cloned().unwrap_or_default();
    all.iter().map(|own| (text(&own["version"]), text(&own["state"]))).collect()
}

/// Waits until the versions are so.
async fn wait_for(http: &mut Http, expected: &[(&str, &str)]) {
    for _ in 0..3000 {
        let found = states(http).await;
        if found.iter().map(|(version, state)| (&**version, &**state)).eq(expected.iter().copied()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?} is not {expected:?}", states(http).await);
}

fn rows() -> String {
    json!({"instances": [vec![1.0; 64]]}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_versions_come_and_go() {
    let folder = Folder::new("reload");
    folder.add_version(1, &digits());
    let server = server(options([ModelConfig::new("digits", &folder.0)])).await;
    let (done, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (done, answered, address) = (done.clone(), answered.clone(), server.rest_address());
            tokio::spawn(async move {
                let mut http = Http::connect(address).await;
                while !done.load(Ordering::SeqCst) {
                    let (status, text) = http.post("/v1/models/digits:predict", &rows()).await;
                    assert_eq!(status, 200, "{text}");
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let mut http = Http::connect(server.rest_address()).await;
    let mut expected = vec![("1", "AVAILABLE")];
    for (version, name) in [(2, "2"), (3, "3")] {
        wait_for(&mut http, &expected).await;
        folder.add_version(version, &digits());
        expected[0].1 = "END";
        expected.insert(0, (name, "AVAILABLE"));
    }
    wait_for(&mut http, &expected).await;
    std::fs::remove_dir_all(folder.0.join("3")).expect("the folder can be removed");
    wait_for(&mut http, &[("3", "END"), ("2", "AVAILABLE"), ("1", "END")]).await;
    done.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.expect("no request failed");
    }
    assert!(answered.load(Ordering::SeqCst) > 8);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_version_does_not_replace_one_that_answers() {
    let folder = Folder::new("broken");
    folder.add_version(1, &digits());
    let server = server(options([ModelConfig::new("digits", &folder.0)])).await;
    let mut http = Http::connect(server.rest_address()).await;
    let broken = folder.0.join("2");
    std::fs::create_dir_all(&broken).expect("a folder can be made");
    std::fs::write(broken.join("model.onnx"), b"no model").expect("a file can be written");
    wait_for(&mut http, &[("2", "END"), ("1", "AVAILABLE")]).await;
    let (_, json) = http.json("/v1/models/digits/versions/2", "").await;
    let status = &json["model_version_status"][0]["status"];
    assert!(
        status["error_code"] == "INTERNAL"
            && status["error_message"].as_str().unwrap_or_default().contains("no ONNX model"),
        "{json}"
    );
    assert_eq!(http.post("/v1/models/digits:predict", &rows()).await.0, 200);
    // It is tried again once its files change.
    std::fs::copy(digits(), broken.join("model.onnx")).expect("the model can be copied");
    wait_for(&mut http, &[("2", "AVAILABLE"), ("1", "END")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_and_labels_choose_versions() {
    let folder = Folder::new("policy");
    for version in [1, 2, 3] {
        folder.add_version(version, &digits());
    }
    let config = ModelConfig::new("digits", &folder.0).policy(VersionPolicy::Specific(vec![1, 3]));
    let server = server(options([config.label("stable", 1)])).await;
    let mut http = Http::connect(server.rest_address()).await;
    assert_eq!(states(&mut http).await.len(), 2);
    for (path, status) in
        [("versions/1", 200), ("versions/2", 404), ("labels/stable", 200), ("labels/canary", 400)]
    {
        let (found, text) = http.post(&format!("/v1/models/digits/{path}:predict"), &rows()).await;
        assert_eq!(found, status, "{path}: {text}");
    }
    server
        .reload(vec![ModelConfig::new("digits", &folder.0).policy(VersionPolicy::Latest(2))])
        .await
        .expect("they load");
    let expected = [("3", "AVAILABLE"), ("2", "AVAILABLE"), ("1", "END")];
    wait_for(&mut http, &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_ready_once_models_are_warm_and_answers_what_it_took_before_it_ends() {
    let slow = Slow::new(Duration::from_millis(300));
    let server =
        Server::start(options([ModelConfig::of_servable("slow", slow.clone())])).await.expect("it starts");
    let mut http = Http::connect(server.rest_address()).await;
    assert_eq!(http.get("/v2/health/ready").await.0, 503);
    assert_eq!(http.get("/v2/health/live").await.0, 200);
    let (status, text) = http.post("/v1/models/slow:predict", "{\"instances\": [[1, 2]]}").await;
    assert!(matches!(status, 404 | 503), "{status}: {text}");
    server.ready().await;
    assert_eq!(http.get("/v2/health/ready").await.0, 200);
    let address = server.rest_address();
    let request =
        tokio::spawn(
            async move { http.post("/v1/models/slow:predict", "{\"instances\": [[1, 2]]}").await.0 },
        );
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.shutdown().await;
    assert_eq!(request.await.expect("an answer"), 200);
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is closed");
}
