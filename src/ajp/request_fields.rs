//! The fields of a request, and how the names stand of those that every request carries.

use std::fmt;

use crate::ajp::codes;

/// The fixed fields of a request, in wire order.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// Method token, case kept; HEAD is `HEAD`, not a GET.
    pub method: &'a [u8],
    /// Such as `HTTP/1.1`.
    pub protocol: &'a [u8],
    /// Path without query, escaped as it is to be forwarded.
    pub uri: &'a [u8],
    /// The client's address as text.
    pub remote_addr: Option<&'a [u8]>,
    /// The client's host name, if it was looked up.
    pub remote_host: Option<&'a [u8]>,
    /// The server's name; the backend uses it where the request has no Host header.
    pub server_name: &'a [u8],
    /// The server's port.
    pub server_port: u16,
    /// Whether the client connection is TLS.
    pub is_tls: bool,
}

/// An optional field of a request. The variants stand in the order in which they are added, which
/// is mod_jk's; the stored method takes its place between the last two by itself.
#[derive(Clone, Copy)]
#[allow(missing_docs)] // the variants are the names of AJP13
pub enum Attribute<'a> {
    Secret(&'a [u8]),
    RemoteUser(&'a [u8]),
    AuthType(&'a [u8]),
    /// What follows the `?`. An empty one is sent, an absent one is not added.
    QueryString(&'a [u8]),
    Route(&'a [u8]),
    /// One or more certificates as PEM text.
    SslCert(&'a [u8]),
    SslCipher(&'a [u8]),
    SslSession(&'a [u8]),
    SslKeySize(u16),
    /// A request attribute the servlet can read; there may be several.
    Request {
        /// Unless the backend knows it, it must match its `allowedRequestAttributesPattern`.
        name: &'a [u8],
        /// Any bytes but NUL, as environment variables may hold certificates.
        value: &'a [u8],
    },
}

/// A request attribute that every request carries, or every one over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the variants are their names
pub enum OwnAttribute<'a> {
    RemotePort(&'a [u8]),
    LocalAddr(&'a [u8]),
    Activation(&'static str),
    SslProtocol(&'a [u8]),
}

impl fmt::Debug for Attribute<'_> {
    /// Shows which attribute it is; the value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { name, .. } => write!(f, "Request({})", name.escape_ascii()),
            Self::Secret(_) => f.write_str("Secret"),
            Self::RemoteUser(_) => f.write_str("RemoteUser"),
            Self::AuthType(_) => f.write_str("AuthType"),
            Self::QueryString(_) => f.write_str("QueryString"),
            Self::Route(_) => f.write_str("Route"),
            Self::SslCert(_) => f.write_str("SslCert"),
            Self::SslCipher(_) => f.write_str("SslCipher"),
            Self::SslSession(_) => f.write_str("SslSession"),
            Self::SslKeySize(bits) => write!(f, "SslKeySize({bits})"),
        }
    }
}

/// What stands before the value of an [`OwnAttribute`], the same each time.
pub(super) mod prefixes {
    use super::named;

    pub const REMOTE_PORT: [u8; 19] = named(b"AJP_REMOTE_PORT");
    pub const LOCAL_ADDR: [u8; 18] = named(b"AJP_LOCAL_ADDR");
    pub const ACTIVATION: [u8; 20] = named(b"JK_LB_ACTIVATION");
    pub const SSL_PROTOCOL: [u8; 20] = named(b"AJP_SSL_PROTOCOL");
}

/// Returns code and name of a request attribute, as they stand before its value.
const fn named<const N: usize>(name: &[u8]) -> [u8; N] {
    assert!(N == name.len() + 4 && name.len() < 256);
    let mut bytes = [0; N];
    (bytes[0], bytes[2]) = (codes::REQUEST_ATTRIBUTE, name.len() as u8);
    let (_, place) = bytes.split_at_mut(3);
    let (place, _) = place.split_at_mut(name.len());
    place.copy_from_slice(name);
    bytes
}
