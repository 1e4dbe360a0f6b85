//! Lends the parts of a request of httpd to a protocol, which decides what is sent.

use std::borrow::Cow;
use std::ffi::c_int;

use crate::config::options::Address;
use crate::exchange::{
    EncodeError, Exchange, NamedEncodeError, Part, Port, RequestBody, RequestParts, Tls,
    chain_number,
};
use crate::httpd::c_strings::c_name;
use crate::httpd::environment::Environment;
use crate::httpd::ffi;
use crate::httpd::request::{Request, Table};
use crate::httpd::server::ServerRuntime;
use crate::httpd::variable_names::Variable;
use crate::sorting;
use crate::text;
use crate::uri_map::forward::{forward_uri, is_forwarded_as_it_is};
use crate::worker::MemberData;

/// What a request is written from.
pub struct RequestSource<'s, 'r> {
    /// The request.
    pub request: &'s Request<'r>,
    /// Its server.
    pub ready: &'r ServerRuntime,
    /// Its variables.
    pub environment: &'s Environment<'r>,
    /// The decoded path with its parameters.
    pub path: &'r [u8],
    /// What is known about its body.
    pub body: RequestBody,
}

/// Writes the request to `out` and returns how many bytes it has; `scratch` is memory to work with,
/// kept for the next one.
pub fn encode<E: Exchange>(
    source: &RequestSource<'_, '_>,
    out: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
    limit: usize,
    member: &MemberData<'_>,
) -> Result<usize, Box<NamedEncodeError>> {
    let RequestSource { request, ready, environment, path, body } = *source;
    let fields = request.fields();
    let raw = request.raw();
    let options = &ready.settings.options;
    let mode = options.forward_uri.unwrap_or_default();
    let uri = match is_forwarded_as_it_is(mode, path) {
        true => path,
        false => {
            let unparsed = request.bytes(fields.unparsed_uri()).unwrap_or_default();
            forward_uri(mode, path, Some(unparsed), scratch).map_err(|_| {
                let is_control = |byte: &&u8| **byte <= b' ' || **byte == 0x7f;
                let byte = path.iter().find(is_control).copied().unwrap_or(b' ');
                let error = EncodeError::ForbiddenByte { part: Part::Uri, byte };
                Box::new(NamedEncodeError { error, name: None })
            })?;
            scratch
        }
    };
    let variable = |variable| environment.get(variable);
    let connection = fields.connection();
    // SAFETY: addresses live as long as the connection.
    let port_of =
        |address: *mut ffi::apr_sockaddr_t| unsafe { address.as_ref() }.map_or(0, |a| a.port);
    let (address, port) = match options.address {
        Some(Address::Local) => (connection.local_ip(), 0),
        Some(Address::Physical) => (connection.client_ip(), port_of(connection.client_addr())),
        Some(Address::Client) | None => (fields.useragent_ip(), port_of(fields.useragent_addr())),
    };
    let own_host = || {
        // SAFETY: httpd looks the name up or returns null, following HostnameLookups.
        let host = unsafe {
            ffi::ap_get_remote_host(
                connection.raw(),
                fields.per_dir_config().cast(),
                ffi::REMOTE_HOST as c_int,
                std::ptr::null_mut(),
            )
        };
        request.bytes(host)
    };
    let own_name = || {
        // SAFETY: httpd returns a C string of the request or the server.
        request.bytes(unsafe { ffi::ap_get_server_name(raw) })
    };
    let is_set = |value: &&[u8]| !value.is_empty();
    let server_port = match variable(Variable::LocalPort).filter(is_set) {
        Some(text) => Port::Text(text),
        // SAFETY: reads the request and the server.
        None => Port::Number(unsafe { ffi::ap_get_server_port(raw) }),
    };
    let extracts = ready.settings.extract_ssl != Some(false);
    // SAFETY: the request is live.
    let is_tls = extracts
        && match variable(Variable::Https) {
            Some(word) => word.eq_ignore_ascii_case(b"on"),
            // SAFETY: the request is live.
            None => 0 != unsafe { ffi::jk_shim_is_tls(raw) },
        };
    let mut pem = Vec::new();
    let forward = RequestParts {
        method: request.bytes(fields.method()).unwrap_or(b"GET"),
        protocol: request.bytes(fields.protocol()).unwrap_or(b"HTTP/1.0"),
        uri,
        remote_addr: variable(Variable::RemoteAddr).or_else(|| request.bytes(address)),
        remote_host: variable(Variable::RemoteHost).or_else(own_host),
        remote_port: variable(Variable::RemotePort).map_or(Port::Number(port), Port::Text),
        server_name: variable(Variable::LocalName).or_else(own_name).unwrap_or_default(),
        server_port,
        local_addr: variable(Variable::LocalAddr)
            .or_else(|| request.bytes(connection.local_ip()))
            .unwrap_or_default(),
        body,
        connection: request.headers_named(b"connection").next().unwrap_or_default(),
        secret: member.secret,
        remote_user: variable(Variable::RemoteUser).or_else(|| request.bytes(fields.user())),
        auth_type: variable(Variable::AuthType).or_else(|| request.bytes(fields.ap_auth_type())),
        query: request.bytes(fields.args()),
        route: member.route,
        activation: member.activation,
        tls: is_tls.then(|| tls(source, &mut pem)),
    };
    if !ready.settings.env_vars.is_empty() {
        // SAFETY: both fill the request's environment with the usual variables.
        unsafe { ffi::ap_add_common_vars(raw) };
        // SAFETY: as above.
        unsafe { ffi::ap_add_cgi_vars(raw) };
    }
    let variables = || {
        ready.settings.env_vars.iter().filter_map(|(name, default)| {
            let value = request.get(Table::Environment, &c_name(name)).map(Cow::Borrowed);
            Some((text::raw(name), value.or_else(|| default.as_deref().map(text::raw))?))
        })
    };
    let headers = || request.entries(Table::HeadersIn);
    E::write_request(out, limit, &forward, headers(), variables()).map_err(|error| {
        let name = E::part_name(error.part(), &forward, headers(), variables());
        Box::new(NamedEncodeError { error, name })
    })
}

/// Collects what is known about the client's TLS connection; `pem` is memory for certificates.
fn tls<'p>(source: &RequestSource<'_, 'p>, pem: &'p mut Vec<u8>) -> Tls<'p> {
    let RequestSource { request, ready, environment, .. } = *source;
    let raw = request.raw();
    let lookup = |variable| {
        let name = ready.names.of(variable);
        environment
            .get(variable)
            // SAFETY: the request is live; mod_ssl answers with a C string or null.
            .or_else(|| request.bytes(unsafe { ffi::jk_shim_tls_variable(raw, name.as_ptr()) }))
    };
    if let Some(own) = lookup(Variable::Certificate).filter(|own| !own.is_empty()) {
        pem.extend_from_slice(own);
        if ready.settings.options.forward_ssl_cert_chain == Some(true) {
            chain(source, pem);
        }
    }
    let sends_size = ready.settings.options.forward_key_size != Some(false);
    Tls {
        certificate: Some(pem),
        cipher: lookup(Variable::Cipher),
        session: lookup(Variable::Session),
        key_size: sends_size.then(|| lookup(Variable::KeySize)).flatten(),
        protocol: lookup(Variable::SslProtocol),
    }
}

/// Appends the certificates of the chain: the variables with the prefix by their numbers, or what
/// mod_ssl itself has where `SSLOptions +ExportCertData` is missing.
fn chain(source: &RequestSource<'_, '_>, pem: &mut Vec<u8>) {
    let prefix = source.ready.names.of(Variable::ChainPrefix).to_bytes();
    let entries = source.request.entries(Table::Environment);
    let mut found: Vec<_> =
        entries.filter_map(|(name, value)| Some((chain_number(prefix, name)?, value))).collect();
    if found.is_empty() {
        let raw = source.request.raw();
        for number in 0.. {
            let name = c_name(&format!("{}{number}", text::decode(prefix)));
            // SAFETY: the request is live; mod_ssl answers with a C string or null.
            let value = unsafe { ffi::jk_shim_tls_variable(raw, name.as_ptr()) };
            match source.request.bytes(value) {
                Some(value) => found.push((number, value)),
                None => break,
            }
        }
    }
    sorting::by_key(&mut found, |(number, _)| *number);
    found.iter().for_each(|(_, certificate)| pem.extend_from_slice(certificate));
}
