//! How we log in to one service: the slot that holds the credential, and the question who it belongs to.

use std::any::Any;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use crate::token::{TokenRecord, TokenValue};

/// The place of a credential, shared by all that log in with it.
///
/// When a refresher turns, [`crate::rotation`] switches the slot between mint and verify, so that the new token is
/// saved by a login with itself.
#[derive(Clone, Default)]
pub struct Slot(Arc<RwLock<Option<TokenValue>>>);

impl Slot {
    /// A slot that holds this credential.
    pub fn holding(value: TokenValue) -> Self {
        Self(Arc::new(RwLock::new(Some(value))))
    }

    /// Lends the credential, if there is one.
    pub fn lend(&self) -> Option<TokenValue> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another credential in its place.
    pub fn switch(&self, value: TokenValue) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

/// Who a credential turned out to be.
pub struct Login {
    /// Whose it is, for people: `@platform-bot`. Some services do not tell.
    pub who: Option<String>,
    /// Its record, where the service tells it.
    pub record: Option<TokenRecord>,
    /// What it may do, in the service's own words.
    pub rights: Vec<String>,
    /// What it may do beyond what tokenwheel could ever need.
    pub too_wide: Option<String>,
}

/// Why a credential is of no use now.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoginError {
    /// The service says that it is expired, revoked or unknown.
    #[error("{0}")]
    Dead(String),
    /// The service could not be asked.
    #[error("{0}")]
    Unreachable(String),
}

/// One service at one address, with one credential.
#[async_trait]
pub trait Connection: Any + Send + Sync {
    /// The host, for people and for subjects.
    fn host(&self) -> &str;

    /// Where its credential is kept.
    fn slot(&self) -> &Slot;

    /// Asks the service who a credential belongs to, without using it for anything else.
    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError>;

    /// The same service, logged in to with another credential.
    fn sibling(&self, slot: Slot) -> Arc<dyn Connection>;

    /// Names under which the config means one and the same thing here, each in a sentence. Asked once it is logged in.
    async fn aliases(&self) -> anyhow::Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Forgets what was listed in this run, so that the next look is a fresh one.
    fn forget(&self);
}

/// The connection as its own service knows it. Wrong only if the catalogue pairs a kind with a foreign service, which
/// a test rules out.
pub fn own<T: Connection>(connection: &Arc<dyn Connection>) -> anyhow::Result<Arc<T>> {
    let any: Arc<dyn Any + Send + Sync> = Arc::<dyn Connection>::clone(connection);
    any.downcast().map_err(|_| anyhow::anyhow!("this kind belongs to another service than its connection"))
}

/// What a connection is made of.
pub struct Connecting {
    /// The address of the service.
    pub url: url::Url,
    /// The credential.
    pub slot: Slot,
    /// The door to the network.
    pub http: Arc<crate::http::Http>,
}

/// One service, as the catalogue lists it.
pub struct ServiceKind {
    /// Its name.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// The variable in which a job of this very service finds its address.
    pub own_address: Option<&'static str>,
    /// Makes a connection.
    pub connect: fn(Connecting) -> Arc<dyn Connection>,
}
