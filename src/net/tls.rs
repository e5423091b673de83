//! Owns: which TLS certificates are trusted, by every connection of this program.
//! Never knows: who is talked to.

use rustls::{
    DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// TLS sessions that are remembered. A repaired connection is often to the same server; more would only be kept.
const REMEMBERED: usize = 32;

/// A configuration that trusts Mozilla's roots, and what is in `files`, `SSL_CERT_FILE` and the files of `SSL_CERT_DIR`. A
/// file that cannot be read is logged and passed over. Crypto by ring.
#[must_use]
pub fn client_config(files: &[PathBuf]) -> Arc<rustls::ClientConfig> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let folder = std::env::var_os("SSL_CERT_DIR").map(PathBuf::from);
    let found: Vec<PathBuf> = files
        .iter()
        .cloned()
        .chain(named)
        .chain(folder.iter().flat_map(|f| files_of(f)))
        .collect();
    let certificates: Vec<_> = found.iter().flat_map(|f| certificates(f)).collect();
    Arc::new(config(certificates))
}

fn config(extra: Vec<CertificateDer<'static>>) -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    roots.add_parsable_certificates(extra.iter().cloned());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3");
    let mut config = if extra.is_empty() {
        builder.with_root_certificates(roots).with_no_client_auth()
    } else {
        let verifier = Arc::new(Verifier::new(roots, extra, provider));
        builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth()
    };
    config.resumption = Resumption::in_memory_sessions(REMEMBERED);
    config
}

fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    match CertificateDer::pem_file_iter(file) {
        Ok(found) => found.filter_map(Result::ok).collect(),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "unreadable certificates");
            Vec::new()
        }
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            let files = entries.flatten().map(|e| e.path());
            files.filter(|p| p.is_file()).collect()
        }
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "unreadable certificates");
            Vec::new()
        }
    }
}

/// The usual rules, and one more: a server whose own certificate was trusted by name of its file is trusted, even if it
/// signed that certificate itself. That is what OpenSSL and Java do; webpki alone refuses such certificates.
#[derive(Debug)]
struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn new(
        roots: RootCertStore,
        trusted: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .expect("there are roots, and no revocation lists to be wrong");
        Self { usual, trusted }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.trusted.iter().any(|t| t == end_entity) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.usual
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    /// As `openssl req -x509` makes them: an authority's certificate that a server uses itself.
    fn self_signed(name: &str) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        certificate.der().clone()
    }

    fn verifies(trusted: &CertificateDer<'static>, shown: &CertificateDer<'_>, name: &str) -> bool {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        Verifier::new(roots, vec![trusted.clone()], provider)
            .verify_server_cert(shown, &[], &name, &[], UnixTime::now())
            .is_ok()
    }

    #[test]
    fn a_self_signed_server_is_trusted_by_its_own_certificate_only() {
        let (mine, other) = (self_signed("127.0.0.1"), self_signed("127.0.0.1"));
        assert!(verifies(&mine, &mine, "127.0.0.1"));
        assert!(!verifies(&mine, &other, "127.0.0.1"));
        assert!(!verifies(&mine, &mine, "127.0.0.2"));
    }
}
