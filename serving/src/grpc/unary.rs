//! One message in, one out: what the code that `tonic` generates does for each method.

use std::future::Future;
use std::pin::Pin;

use hyper::body::Incoming;
use hyper::{Request as HttpRequest, Response as HttpResponse};
use prost::Message;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::error::Result;

/// A function as a service that is called once.
struct Once<H>(Option<H>);

type Answered<A> = Pin<Box<dyn Future<Output = Result<Response<A>, Status>> + Send>>;

impl<Q, A, H, F> UnaryService<Q> for Once<H>
where
    H: FnOnce(Q) -> F,
    F: Future<Output = Result<A>> + Send + 'static,
{
    type Response = A;
    type Future = Answered<A>;

    fn call(&mut self, request: Request<Q>) -> Answered<A> {
        match self.0.take() {
            Some(handler) => {
                let answer = handler(request.into_inner());
                Box::pin(async move { Ok(Response::new(answer.await?)) })
            }
            None => Box::pin(async { Err(Status::internal("a message was handled twice")) }),
        }
    }
}

/// Reads the message of a request of at most so many bytes, and writes the one that the handler gives.
pub(super) async fn unary<Q, A, F>(
    most: usize,
    request: HttpRequest<Incoming>,
    handler: impl FnOnce(Q) -> F,
) -> HttpResponse<Body>
where
    Q: Message + Default + Send + 'static,
    A: Message + Send + Sync + 'static,
    F: Future<Output = Result<A>> + Send + 'static,
{
    let codec = ProstCodec::<A, Q>::default();
    let mut grpc = Grpc::new(codec).max_decoding_message_size(most).max_encoding_message_size(usize::MAX);
    grpc.unary(Once(Some(handler)), request).await
}
