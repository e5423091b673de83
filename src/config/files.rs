//! Owns: whether the files and folders that settings name are fit for their use, found out before anything starts.
//! Never knows: what the modules do with them.

use std::{collections::BTreeMap, io, path::Path};

use rustls::pki_types::{
    CertificateDer,
    pem::{self, PemObject},
};

use super::{
    bind::{Binder, Given, Part, Raw, Slot},
    check::InForce,
    diagnostic::Diagnostic,
    settings::Config,
    value::one_line,
};

/// Why a file of certificates is of no use.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("holds no certificate")]
    Empty,
}

impl Binder {
    /// Looks at the files of settings that are valid by themselves.
    pub(super) fn check_files(
        &mut self,
        config: &Config,
        given: &BTreeMap<Slot, Given>,
        values: &BTreeMap<Slot, InForce>,
    ) {
        for (slot, in_force) in values {
            let Some(one) = given.get(slot) else {
                continue;
            };
            match (one.place.key().path, &one.raw) {
                ("voice.caFile", Raw::Scalar(part)) => {
                    if let Some(file) = &config.voice.ca_file {
                        self.check_certificates(one, part, file, in_force);
                    }
                }
                ("lavalink.server.localRoots", Raw::List(parts)) => {
                    self.check_roots(config, one, parts, in_force);
                }
                _ => {}
            }
        }
    }

    fn check_certificates(&mut self, given: &Given, part: &Part, file: &Path, value: &InForce) {
        let Err(why) = has_certificate(file) else {
            return;
        };
        let message = format!("{}: {} {why}", given.place.path(), named(file, value));
        self.errors.push(
            Diagnostic::error(part.origin.clone(), message)
                .allowing("the path of a PEM file with one `BEGIN CERTIFICATE` at least")
                .showing(part.excerpt.clone()),
        );
    }

    fn check_roots(
        &mut self,
        config: &Config,
        given: &Given,
        parts: &BTreeMap<usize, Part>,
        value: &InForce,
    ) {
        let path = given.place.path();
        if !config.lavalink.sources.local {
            let message =
                format!("{path} has no effect while lavalink.server.sources.local is false");
            self.warnings
                .push(Diagnostic::warning(given.origin.clone(), message));
            return;
        }
        let roots = config.lavalink.local_roots.iter().flatten();
        for (part, root) in parts.values().zip(roots).filter(|(_, root)| !root.is_dir()) {
            let root = named(root, value);
            let message = format!("{path}: {root} is not a directory; no file lies in it");
            self.warnings.push(
                Diagnostic::warning(part.origin.clone(), message).showing(part.excerpt.clone()),
            );
        }
    }
}

/// A path as a message names it.
fn named(path: &Path, value: &InForce) -> String {
    if value.is_secret {
        return "`***`".to_owned();
    }
    format!("`{}`", one_line(&path.display().to_string()))
}

/// Whether connections will find anything to trust in the file. Read as they read it, so that both mean the same.
fn has_certificate(file: &Path) -> Result<(), Unfit> {
    let unfit = |error| match error {
        pem::Error::Io(error) => Unfit::Unreadable(error),
        _ => Unfit::Empty,
    };
    for item in CertificateDer::pem_file_iter(file).map_err(unfit)? {
        match item {
            Ok(_) => return Ok(()),
            Err(pem::Error::Io(error)) => return Err(error.into()),
            // a damaged one is passed over
            Err(_) => {}
        }
    }
    Err(Unfit::Empty)
}
