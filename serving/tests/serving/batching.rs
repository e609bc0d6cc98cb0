//! Requests that run together, wait, and are refused.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tensorwright_serving::{BatchOptions, ModelConfig, Server};

use crate::harness::{Http, Slow, options, server};

const PREDICT: &str = "/v1/models/slow:predict";

async fn batched(pause: Duration, batching: BatchOptions) -> (Server, Arc<Slow>) {
    let slow = Slow::new(pause);
    let mut options = options([ModelConfig::of_servable("slow", slow.clone())]);
    options.batching = batching;
    let server = server(options).await;
    // What warmed it up does not count.
    slow.runs.store(0, Ordering::SeqCst);
    slow.rows.store(0, Ordering::SeqCst);
    (server, slow)
}

/// Sends one row per connection, all at once; gives status and text of each.
async fn rows(server: &Server, values: impl IntoIterator<Item = f32>) -> Vec<(u16, String)> {
    let address = server.rest_address();
    let requests: Vec<_> = values
        .into_iter()
        .map(|x| {
            tokio::spawn(async move {
                let mut http = Http::connect(address).await;
                http.post(PREDICT, &format!("{{\"instances\": [[{x}, {x}]]}}")).await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.expect("an answer"));
    }
    answers
}

fn answer(y: f32) -> (u16, String) {
    (200, format!("{{\n    \"predictions\": [[{y:.1}, {y:.1}]]\n}}\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_run_together() {
    let mut batching = BatchOptions::batched();
    batching.max_batch_size = 16;
    let (server, slow) = batched(Duration::from_millis(100), batching).await;
    let answers = rows(&server, (0..17).map(|x| x as f32)).await;
    for (x, found) in answers.into_iter().enumerate() {
        assert_eq!(found, answer(x as f32 + 1.0));
    }
    let runs = slow.runs.load(Ordering::SeqCst);
    assert!((2..=6).contains(&runs), "{runs} runs for 17 requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_waits_for_others_if_it_is_told_so() {
    let mut batching = BatchOptions::batched();
    (batching.max_batch_size, batching.allowed_batch_sizes) = (4, vec![4]);
    batching.timeout = Duration::from_secs(5);
    let (server, slow) = batched(Duration::ZERO, batching).await;
    assert_eq!(rows(&server, [1.0, 2.0, 3.0, 4.0]).await, [2.0, 3.0, 4.0, 5.0].map(answer));
    assert_eq!((slow.runs.load(Ordering::SeqCst), slow.rows.load(Ordering::SeqCst)), (1, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_at_fault_is_told_so() {
    let mut batching = BatchOptions::batched();
    (batching.max_batch_size, batching.allowed_batch_sizes) = (3, vec![3]);
    batching.timeout = Duration::from_secs(5);
    let (server, _) = batched(Duration::ZERO, batching).await;
    let answers = rows(&server, [1.0, -2.0, 3.0]).await;
    assert_eq!((&answers[0], &answers[2]), (&answer(2.0), &answer(4.0)));
    assert!(answers[1].0 == 400 && answers[1].1.contains("-2 is negative"), "{:?}", answers[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_run_in_parts() {
    let mut batching = BatchOptions::batched();
    batching.max_batch_size = 4;
    let (server, slow) = batched(Duration::ZERO, batching).await;
    let mut http = Http::connect(server.rest_address()).await;
    let instances: Vec<[f32; 2]> = (0..11).map(|x| [x as f32, 0.0]).collect();
    let (status, json) = http.posted(PREDICT, &serde_json::json!({"instances": instances}).to_string()).await;
    let expected: Vec<[f32; 2]> = (0..11).map(|x| [x as f32 + 1.0, 1.0]).collect();
    assert_eq!((status, json), (200, serde_json::json!({"predictions": expected})));
    assert_eq!((slow.runs.load(Ordering::SeqCst), slow.rows.load(Ordering::SeqCst)), (3, 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once() {
    let mut batching = BatchOptions::default();
    (batching.threads, batching.max_enqueued_batches) = (1, 2);
    let (server, slow) = batched(Duration::from_millis(200), batching).await;
    let answers = rows(&server, (0..12).map(|x| x as f32)).await;
    let refused = answers.iter().filter(|(status, _)| *status == 429).count();
    assert!(refused >= 6 && answers.iter().all(|(status, _)| matches!(status, 200 | 429)), "{answers:?}");
    assert_eq!(slow.runs.load(Ordering::SeqCst), 12 - refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_gives_up_its_place() {
    let mut batching = BatchOptions::default();
    batching.threads = 1;
    let (server, slow) = batched(Duration::from_millis(800), batching).await;
    let address = server.rest_address();
    let ask = move || async move {
        let mut http = Http::connect(address).await;
        http.post(PREDICT, "{\"instances\": [[1, 1]]}").await
    };
    let first = tokio::spawn(ask());
    tokio::time::sleep(Duration::from_millis(100)).await;
    // These connections close before the model is free.
    for _ in 0..4 {
        let _ = tokio::time::timeout(Duration::from_millis(20), ask()).await;
    }
    assert_eq!(first.await.expect("an answer").0, 200);
    assert_eq!(ask().await.0, 200);
    assert_eq!(slow.runs.load(Ordering::SeqCst), 2);
}
