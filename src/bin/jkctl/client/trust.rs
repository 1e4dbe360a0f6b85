//! https: whose certificates are accepted, and what went wrong in words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::CertificateError;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::disk;

/// Makes the settings of a connection: the server's certificate must be signed by an authority of the file,
/// or else of this machine. Nothing turns that off.
pub fn tls_config(cacert: Option<&Path>) -> Result<TlsConfig, String> {
    let file = match cacert {
        Some(file) => file.to_path_buf(),
        None => usual_bundle().ok_or_else(|| {
            format!(
                "no certificates of authorities in the usual places ({}): name a file with --cacert",
                BUNDLES.join(", ")
            )
        })?,
    };
    let text = std::fs::read(&file)
        .map_err(|why| format!("{}: {}", file.display(), disk::reason(&why)))?;
    let certificates: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(own)) => Some(own),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(format!("{}: no certificate in PEM format is in it", file.display()));
    }
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(certificates)))
        .build())
}

/// Where the authorities of this machine are.
fn usual_bundle() -> Option<PathBuf> {
    let given = std::env::var_os("SSL_CERT_FILE").filter(|own| !own.is_empty());
    let usual = || BUNDLES.iter().map(PathBuf::from).find(|path| path.exists());
    given.map(PathBuf::from).or_else(usual)
}

/// Says what is wrong with TLS, and what to do.
pub fn explain(error: &ureq::Error) -> Option<String> {
    let error = tls_error(error)?;
    Some(match error {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => "the server's certificate is signed by an authority that is unknown here: name its certificate with --cacert".to_owned(),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("{why}: give the URL with a name of the certificate")
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("{why}: renew the server's certificate, and check the clock of this machine")
            }
            other => format!("the server's certificate is not accepted: {other:?}"),
        },
        rustls::Error::InvalidMessage(_) => {
            "the server does not speak TLS at this port: give an http URL, or the port of https".to_owned()
        }
        other => format!("no connection over TLS: {other}"),
    })
}

/// Tells whether it failed before a request was sent.
pub fn is_handshake(error: &ureq::Error) -> bool {
    use rustls::Error::{InvalidCertificate, InvalidMessage, PeerIncompatible};
    matches!(
        tls_error(error),
        Some(InvalidCertificate(_) | InvalidMessage(_) | PeerIncompatible(_))
    )
}

fn tls_error(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(own) => Some(own),
        // What the handshake finds comes as an error of the connection.
        ureq::Error::Io(why) => why.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// Debian, Alpine and Arch; Fedora and RHEL; SUSE.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];
