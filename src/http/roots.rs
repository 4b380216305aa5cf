//! The certificate roots of the system: named in the environment, found where systems keep them, or compiled in.

use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

/// What the environment says of the roots. The variables are OpenSSL's, and every client on it knows them.
#[derive(Debug, Default)]
pub struct NamedRoots {
    /// `SSL_CERT_FILE`.
    pub file: Option<String>,
    /// `SSL_CERT_DIR`: folders, with colons between them.
    pub folders: Option<String>,
}

impl NamedRoots {
    /// Reads the roots.
    ///
    /// Whoever names roots means those and no others: that what they name cannot be read, or is empty, is an error.
    /// The compiled-in ones stand in only where nothing is named and the system has none, as in an empty image.
    pub(super) fn load(&self) -> anyhow::Result<Vec<reqwest::Certificate>> {
        let found = if self.file.is_none() && self.folders.is_none() { system()? } else { self.named()? };
        if found.certs.is_empty() {
            return Ok(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| certificate(der)).collect());
        }
        Ok(found.certs.iter().filter_map(|der| certificate(der)).collect())
    }

    fn named(&self) -> anyhow::Result<CertificateResult> {
        let mut all = CertificateResult::default();
        if let Some(file) = &self.file {
            let of_file = load_certs_from_paths(Some(Path::new(file)), None);
            if let Some(error) = of_file.errors.first() {
                return Err(anyhow!("{error}")).context("the roots that SSL_CERT_FILE names cannot be read");
            }
            ensure!(!of_file.certs.is_empty(), "SSL_CERT_FILE names {file}, which holds no PEM certificate");
            all.certs.extend(of_file.certs);
        }
        for folder in self.folders.iter().flat_map(|folders| folders.split(':')).filter(|folder| !folder.is_empty()) {
            let of_folder = load_certs_from_paths(None, Some(Path::new(folder)));
            all.certs.extend(of_folder.certs);
            all.errors.extend(of_folder.errors);
        }
        match all.errors.first() {
            _ if !all.certs.is_empty() => Ok(all),
            Some(error) => Err(anyhow!("{error}")).context("the roots that SSL_CERT_DIR names cannot be read"),
            None => Err(anyhow!("SSL_CERT_DIR names no folder that holds a PEM certificate")),
        }
    }
}

/// What stands where systems keep their roots; a bundle that is there and cannot be read is not the same as none.
fn system() -> anyhow::Result<CertificateResult> {
    let found = load_native_certs();
    match found.errors.first() {
        Some(error) if found.certs.is_empty() => {
            Err(anyhow!("{error}")).context("the system's certificate roots cannot be read")
        }
        _ => Ok(found),
    }
}

fn certificate(der: &[u8]) -> Option<reqwest::Certificate> {
    reqwest::Certificate::from_der(der).ok()
}
