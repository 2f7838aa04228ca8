//! What the service knows beside the scheduling, and history's bounds.

use insula_types::{AgentId, CellId, TenantId, Time};

use super::Store;
use crate::service::enrollment::Verdict;
use crate::service::{authority, enrollment, module};
use crate::{
    Admission, AgentIdentity, Authority, Digest, EnrollmentToken, Error, Module, ModuleBytes,
    Retention, Sha256, Upload,
};

const READ_TOKEN: &str = "read an enrollment token";
const KEEP_IDENTITY: &str = "keep an agent's identity";

impl Store {
    /// Keeps an authority, unless there is one of that name, and returns the one that is kept: when
    /// two make it at once, both go on with the same one.
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn keep_authority(&self, authority: &Authority) -> Result<Authority, Error> {
        let query = authority::keep(authority)?;
        self.execute(query, "keep a certificate authority").await?;
        let kept = self.authority(&authority.name).await?;
        kept.ok_or_else(|| authority::missing(&authority.name))
    }

    /// The authority of that name, if there is one.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn authority(&self, name: &str) -> Result<Option<Authority>, Error> {
        let query = authority::one(name);
        self.first(query, "read a certificate authority", authority::decode)
            .await
    }

    /// Keeps a new token.
    ///
    /// # Errors
    /// If the database does not do it, as when there is a token with this hash.
    pub async fn add_token(&self, token: &EnrollmentToken) -> Result<(), Error> {
        let query = enrollment::add_token(token)?;
        self.execute(query, "keep an enrollment token").await?;
        Ok(())
    }

    /// The token with that hash, spent and expired ones as well.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn token(&self, hash: &Sha256) -> Result<Option<EnrollmentToken>, Error> {
        let query = enrollment::token(hash);
        self.first(query, READ_TOKEN, enrollment::decode_token)
            .await
    }

    /// Spends one use of a token on an identity, which is kept; a machine that asks again within the
    /// token's life, since the answer was lost, spends nothing.
    ///
    /// # Errors
    /// If the database does not do it, as when another machine has this id; then the token is as it
    /// was.
    pub async fn admit(
        &self,
        hash: &Sha256,
        identity: &AgentIdentity,
        now: Time,
    ) -> Result<Admission, Error> {
        let mut writing = self.write().await?;
        let query = enrollment::token(hash);
        let token = writing
            .lock_first(query, READ_TOKEN, enrollment::decode_token)
            .await?;
        let query = enrollment::of_machine(identity);
        let before = writing
            .lock_first(query, "look for a machine", enrollment::decode_identity)
            .await?;
        match enrollment::judge(token.as_ref(), before, identity, now) {
            Verdict::Answer(admission) => return Ok(admission),
            Verdict::Renew => {
                let query = enrollment::next_certificate(identity);
                writing.execute(query, KEEP_IDENTITY).await?;
            }
            Verdict::Join => {
                let query = enrollment::spend(hash);
                writing.execute(query, "spend an enrollment token").await?;
                let query = enrollment::add_identity(identity)?;
                writing.execute(query, KEEP_IDENTITY).await?;
            }
        }
        writing.commit(KEEP_IDENTITY).await?;
        Ok(Admission::Admitted)
    }

    /// An agent's identity, revoked ones as well.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn identity(&self, agent: &AgentId) -> Result<Option<AgentIdentity>, Error> {
        let query = enrollment::identity(agent);
        self.first(
            query,
            "read an agent's identity",
            enrollment::decode_identity,
        )
        .await
    }

    /// Shuts an agent out for ever; says whether there is one of that id. The first time counts.
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn revoke(&self, agent: &AgentId, now: Time) -> Result<bool, Error> {
        let query = enrollment::revoke(agent, now);
        Ok(self.execute(query, "revoke an agent").await? == 1)
    }

    /// Begins to take in a module of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`Error::NoModules`] for a store in memory; else if the disk or the database does not do it.
    pub async fn upload(&self, bytes_max: u64) -> Result<Upload, Error> {
        match self {
            Self::Sqlite(store) => store.upload(bytes_max).await,
            Self::Postgres(store) => store.upload(bytes_max).await,
        }
    }

    /// A module of the tenant.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn module(
        &self,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Option<Module>, Error> {
        let query = module::one(tenant, digest);
        self.first(query, "read a module", module::decode).await
    }

    /// The tenant's modules by digest, starting after `after`, at most
    /// [`PAGE_ROWS_MAX`](crate::PAGE_ROWS_MAX).
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn list_modules(
        &self,
        tenant: &TenantId,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<Module>, Error> {
        let query = module::page(tenant, after, limit);
        self.all(query, "list modules", module::decode).await
    }

    /// The bytes of a module, whoever owns it: check that first.
    ///
    /// # Errors
    /// If they cannot be opened, as when nobody owns such a module.
    pub async fn open_module(&self, digest: &Digest) -> Result<ModuleBytes, Error> {
        match self {
            Self::Sqlite(store) => store.open_module(digest).await,
            Self::Postgres(store) => store.open_module(digest).await,
        }
    }

    /// Removes the tenant's module, and the bytes with the last owner; says whether there was one.
    ///
    /// # Errors
    /// If the database or the disk does not do it.
    pub async fn remove_module(&self, tenant: &TenantId, digest: &Digest) -> Result<bool, Error> {
        match self {
            Self::Sqlite(store) => store.remove_module(tenant, digest).await,
            Self::Postgres(store) => store.remove_module(tenant, digest).await,
        }
    }

    /// Removes archived tasks that history no longer keeps, the oldest first, with their
    /// descriptions; says how many. Any at all means that there may be more.
    ///
    /// It goes in transactions of `retention.slice` tasks, so that no commit waits long, and needs
    /// no fence: no kernel ever loads or writes an archived row again.
    ///
    /// # Errors
    /// If the database does not do it; then a part may have been removed.
    pub async fn prune(&self, cell: &CellId, retention: Retention) -> Result<u64, Error> {
        match self {
            Self::Sqlite(store) => store.prune(cell, retention).await,
            Self::Postgres(store) => store.prune(cell, retention).await,
        }
    }
}
