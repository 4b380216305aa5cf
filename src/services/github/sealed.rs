//! Sealed boxes: only GitHub opens them.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::aead::rand_core::{self, CryptoRng, RngCore};
use octocrab::models::PublicKey;

use crate::connection::Means;
use crate::token::TokenValue;

/// The value in a sealed box, as GitHub wants it.
/// <https://docs.github.com/en/rest/guides/encrypting-secrets-for-the-rest-api>
pub(super) fn sealed(value: &TokenValue, key: &PublicKey, means: &Means) -> anyhow::Result<String> {
    let bytes = STANDARD.decode(&key.key).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let key = crypto_box::PublicKey::from(bytes.context("GitHub's public key is none")?);
    let sealed = key.seal(&mut Handed(means), value.expose().as_bytes());
    Ok(STANDARD.encode(sealed.map_err(|_| anyhow::anyhow!("the box does not close"))?))
}

/// The randomness that the run was handed, in the form that the box wants.
struct Handed<'a>(&'a Means);

impl CryptoRng for Handed<'_> {}

impl RngCore for Handed<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        (self.0.random)(buffer);
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(buffer);
        Ok(())
    }
}
