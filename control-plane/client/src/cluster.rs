//! Looking at the cell.

use http::Method;
use insula_proto::rest::{Agent, Framework, MakeToken, Offer, Partition, Replica, Token, Version};

use crate::transport::{empty, escape};
use crate::{Client, Error, EventStream};

impl Client {
    /// All agents.
    ///
    /// # Errors
    /// The transport's errors.
    pub async fn agents(&self) -> Result<Vec<Agent>, Error> {
        self.pages("/v1/agents", "").await
    }

    /// Has an agent kill and forget the tasks that the control plane has no record of.
    ///
    /// # Errors
    /// [`Error::Refused`] if it holds none or cannot be told; and the transport's errors.
    pub async fn discard_held(&self, agent: &str) -> Result<(), Error> {
        let path = format!("/v1/agents/{}/discard", escape(agent));
        self.send(Method::POST, &path, None, empty()).await?;
        Ok(())
    }

    /// All frameworks that are not removed.
    ///
    /// # Errors
    /// The transport's errors.
    pub async fn frameworks(&self) -> Result<Vec<Framework>, Error> {
        self.pages("/v1/frameworks", "").await
    }

    /// All outstanding offers.
    ///
    /// # Errors
    /// The transport's errors.
    pub async fn offers(&self) -> Result<Vec<Offer>, Error> {
        self.pages("/v1/offers", "").await
    }

    /// All replicas of the control plane.
    ///
    /// # Errors
    /// The transport's errors.
    pub async fn replicas(&self) -> Result<Vec<Replica>, Error> {
        self.pages("/v1/replicas", "").await
    }

    /// All partitions, and who owns them.
    ///
    /// # Errors
    /// The transport's errors.
    pub async fn partitions(&self) -> Result<Vec<Partition>, Error> {
        self.pages("/v1/partitions", "").await
    }

    /// The newest `tail` events, and with `follow` those that come.
    ///
    /// # Errors
    /// The transport's errors.
    pub async fn events(&self, tail: u32, follow: bool) -> Result<EventStream, Error> {
        let path = format!("/v1/events?tail={tail}&follow={follow}");
        let response = self.send(Method::GET, &path, None, empty()).await?;
        Ok(EventStream::new(self, response))
    }

    /// Makes a token that lets machines join.
    ///
    /// # Errors
    /// [`Error::Refused`] if the caller may not or the numbers are out of range, and the transport's
    /// errors.
    pub async fn make_token(&self, wanted: &MakeToken) -> Result<Token, Error> {
        self.post("/v1/tokens", wanted).await
    }

    /// What answers there.
    ///
    /// # Errors
    /// The transport's errors.
    pub async fn version(&self) -> Result<Version, Error> {
        self.get("/v1/version").await
    }
}
