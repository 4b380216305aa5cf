//! The sandbox straight under the transport: no sockets, and on a paused clock no time either.

use async_trait::async_trait;
use bytes::Bytes;
use tokenwheel_sandbox::{Request, Sandbox};

use crate::http::{Broken, Transport};

/// A transport whose every host is a fake, named by the first label of the host.
pub struct Mounted(pub Sandbox);

#[async_trait]
impl Transport for Mounted {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let (head, body) = request.into_parts();
        let host = head.uri.host().unwrap_or_default().split('.').next().unwrap_or_default().to_owned();
        let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let request = Request { method: head.method, host, target, headers: head.headers, body };
        let answer = self.0.call(request).await.map_err(|lost| Broken::NoAnswer(lost.to_string()))?;
        let mut response = http::Response::new(answer.body);
        *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}
