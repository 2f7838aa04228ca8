//! Wasm modules.

use bytes::Bytes;
use http::Method;
use insula_proto::rest::Module;

use crate::transport::{empty, escape, whole};
use crate::{Client, Error};

impl Client {
    /// Uploads a module under a name; the same bytes twice are one module.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is not a module that can run here, and the transport's errors.
    pub async fn push_module(&self, name: &str, bytes: Bytes) -> Result<Module, Error> {
        let path = format!("/v1/modules?name={}", escape(name));
        let response = self
            .send(Method::PUT, &path, Some("application/wasm"), whole(bytes))
            .await?;
        self.read(&path, response).await
    }

    /// All modules.
    ///
    /// # Errors
    /// The transport's errors.
    pub async fn modules(&self) -> Result<Vec<Module>, Error> {
        self.pages("/v1/modules", "").await
    }

    /// Removes a module by its digest.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is none, and the transport's errors.
    pub async fn remove_module(&self, digest: &str) -> Result<(), Error> {
        let path = format!("/v1/modules/{}", escape(digest));
        self.send(Method::DELETE, &path, None, empty()).await?;
        Ok(())
    }
}
