//! Owns: which certificates are trusted.
//! Never knows: who is talked to.

use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject};
use std::{env, fs, path::Path, path::PathBuf, sync::Arc};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file named by `SSL_CERT_FILE` cannot be read.
    #[error("reading certificates from {}: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// rustls refuses the configuration.
    #[error("configuring TLS")]
    Config(#[from] rustls::Error),
}

/// A configuration that trusts Mozilla's roots, and those of `SSL_CERT_FILE` and `SSL_CERT_DIR` as OpenSSL reads them.
/// Crypto by ring.
///
/// # Errors
/// When `SSL_CERT_FILE` cannot be read. In the directory, what is no certificate is passed over.
pub fn client_config() -> Result<ClientConfig, TlsError> {
    let file = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let dir = env::var_os("SSL_CERT_DIR").map(PathBuf::from);
    let roots = roots(file.as_deref(), dir.as_deref())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn roots(file: Option<&Path>, dir: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = file {
        let failed = |error: rustls::pki_types::pem::Error| TlsError::Certificates {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
            .map_err(failed)?
            .collect();
        roots.add_parsable_certificates(found.map_err(failed)?);
    }
    let entries = dir.and_then(|dir| fs::read_dir(dir).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let found = CertificateDer::pem_file_iter(entry.path());
        roots.add_parsable_certificates(found.into_iter().flatten().flatten());
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_a_file_and_a_directory_are_added() {
        let dir = tempfile::tempdir().expect("a directory");
        let made = |name: &str| {
            rcgen::generate_simple_self_signed(vec![name.to_owned()])
                .expect("a certificate")
                .cert
                .pem()
        };
        let file = dir.path().join("a.pem");
        fs::write(&file, made("a.example") + &made("b.example")).expect("written");
        let more = dir.path().join("more");
        fs::create_dir(&more).expect("made");
        fs::write(more.join("c.0"), made("c.example")).expect("written");
        fs::write(more.join("README"), "no certificate").expect("written");
        let plain = roots(None, None).expect("built in").len();
        let all = roots(Some(&file), Some(&more)).expect("readable").len();
        assert_eq!(all, plain + 3);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        assert!(roots(Some(Path::new("/nonexistent.pem")), None).is_err());
    }
}
