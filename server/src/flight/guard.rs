//! Authentication of every call, before its body is read.
//!
//! A wrapper around the whole gRPC service, so that no method can be forgotten: only `Handshake` passes without a token.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;

use super::ticket::Tokens;

/// The one method that needs no token: it gives one.
const HANDSHAKE: &str = "/arrow.flight.protocol.FlightService/Handshake";

/// Lets calls pass that carry a valid token; their session goes into the request's extensions.
#[derive(Debug, Clone)]
pub(super) struct Guard<S> {
    service: S,
    tokens: Arc<Tokens>,
}

impl<S> Guard<S> {
    /// Guards `service`.
    pub(super) fn new(service: S, tokens: Arc<Tokens>) -> Self {
        Self { service, tokens }
    }
}

impl<S: NamedService> NamedService for Guard<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<http::Request<B>> for Guard<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        if request.uri().path() != HANDSHAKE {
            let session = bearer(request.headers()).and_then(|token| self.tokens.session(token));
            let Some(session) = session else {
                let refused =
                    Status::unauthenticated("a valid bearer token is needed; Handshake gives one").into_http();
                return Box::pin(std::future::ready(Ok(refused)));
            };
            request.extensions_mut().insert(session);
        }
        Box::pin(self.service.call(request))
    }
}

/// The token of an `authorization: Bearer …` header.
fn bearer(headers: &http::HeaderMap) -> Option<&str> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_tokens_are_taken() {
        let with = |value: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(http::header::AUTHORIZATION, value.parse().expect("a header"));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(with("Bearer abc"), Some("abc".to_owned()));
        assert_eq!(with("bearer abc"), Some("abc".to_owned()));
        assert_eq!(with("Basic YTpi"), None);
        assert_eq!(with("abc"), None);
        assert_eq!(bearer(&http::HeaderMap::new()), None);
    }
}
