//! A request of httpd as FORWARD_REQUEST.

use std::ffi::c_int;

use super::environment::{Environment, Variable};
use super::ffi;
use super::mapping::c_name;
use super::request::{Request, Table};
use super::server::Ready;
use crate::ajp::{
    Attribute, EncodeError, OwnAttribute, Part, RequestBody, RequestEncoder, RequestHead,
    RequestHeader,
};
use crate::config::options::Address;
use crate::uri_map::forward::{forward_uri, is_forwarded_as_it_is};
use crate::worker::MemberData;

/// What a request is written from.
pub struct Source<'s, 'r> {
    /// The request.
    pub request: &'s Request<'r>,
    /// Its server.
    pub ready: &'r Ready,
    /// Its variables.
    pub environment: &'s Environment<'r>,
    /// The decoded path with its parameters.
    pub path: &'r [u8],
    /// What is known about its body.
    pub body: RequestBody,
}

/// Writes the request to `out` and returns how many bytes it has; `scratch` is memory to work with,
/// kept for the next one.
pub fn encode(
    source: &Source<'_, '_>,
    out: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
    limit: usize,
    member: &MemberData<'_>,
) -> Result<usize, EncodeError> {
    let Source { request, ready, environment, path, body } = *source;
    let fields = request.fields();
    let raw = request.raw();
    let options = &ready.settings.options;
    let mode = options.forward_uri.unwrap_or_default();
    let uri = match is_forwarded_as_it_is(mode, path) {
        true => path,
        false => {
            let unparsed = request.bytes(fields.unparsed_uri).unwrap_or_default();
            forward_uri(mode, path, Some(unparsed), scratch).map_err(|_| {
                let is_control = |byte: &&u8| **byte <= b' ' || **byte == 0x7f;
                let byte = path.iter().find(is_control).copied().unwrap_or(b' ');
                EncodeError::ForbiddenByte { part: Part::Uri, byte }
            })?;
            scratch
        }
    };
    let variable = |variable| environment.get(variable);
    // SAFETY: httpd keeps the connection as long as its requests.
    let connection = unsafe { &*fields.connection };
    // SAFETY: addresses live as long as the connection.
    let port_of =
        |address: *mut ffi::apr_sockaddr_t| unsafe { address.as_ref() }.map_or(0, |a| a.port);
    let (address, port) = match options.address {
        Some(Address::Local) => (connection.local_ip, 0),
        Some(Address::Physical) => (connection.client_ip, port_of(connection.client_addr)),
        Some(Address::Client) | None => (fields.useragent_ip, port_of(fields.useragent_addr)),
    };
    let non_empty = |value: &&[u8]| !value.is_empty();
    let remote_addr = match variable(Variable::RemoteAddr) {
        Some(value) => Some(value).filter(non_empty),
        None => request.bytes(address),
    };
    let remote_host = match variable(Variable::RemoteHost) {
        Some(value) => Some(value).filter(non_empty),
        None => {
            // SAFETY: httpd looks the name up or returns null, following HostnameLookups.
            let host = unsafe {
                ffi::ap_get_remote_host(
                    fields.connection,
                    fields.per_dir_config.cast(),
                    ffi::REMOTE_HOST as c_int,
                    std::ptr::null_mut(),
                )
            };
            request.bytes(host)
        }
    };
    let server_name = variable(Variable::LocalName).or_else(|| {
        // SAFETY: httpd returns a C string of the request or the server.
        request.bytes(unsafe { ffi::ap_get_server_name(raw) })
    });
    let server_port = variable(Variable::LocalPort)
        .filter(non_empty)
        .map(leading_number)
        // SAFETY: reads the request and the server.
        .unwrap_or_else(|| unsafe { ffi::ap_get_server_port(raw) });
    let extracts = ready.settings.extract_ssl != Some(false);
    // SAFETY: the request is live.
    let is_tls = extracts
        && match variable(Variable::Https) {
            Some(word) => word.eq_ignore_ascii_case(b"on"),
            // SAFETY: the request is live.
            None => 0 != unsafe { ffi::jk_shim_is_tls(raw) },
        };
    let head = RequestHead {
        method: request.bytes(fields.method).unwrap_or(b"GET"),
        protocol: request.bytes(fields.protocol).unwrap_or(b"HTTP/1.0"),
        uri,
        remote_addr,
        remote_host,
        server_name: server_name.unwrap_or_default(),
        server_port,
        is_tls,
    };
    let mut encoder = RequestEncoder::new(out, limit, &head);
    headers(request, body, &mut encoder);

    // ---- attributes, in mod_jk's order ----
    if let Some(secret) = member.secret {
        encoder.attribute(Attribute::Secret(secret.as_bytes()));
    }
    let user = variable(Variable::RemoteUser).or_else(|| request.bytes(fields.user));
    if let Some(user) = user.filter(non_empty) {
        encoder.attribute(Attribute::RemoteUser(user));
    }
    let auth = variable(Variable::AuthType).or_else(|| request.bytes(fields.ap_auth_type));
    if let Some(auth) = auth.filter(non_empty) {
        encoder.attribute(Attribute::AuthType(auth));
    }
    if let Some(query) = request.bytes(fields.args) {
        encoder.attribute(Attribute::QueryString(query));
    }
    if let Some(route) = member.route {
        encoder.attribute(Attribute::Route(route.as_bytes()));
    }
    if is_tls {
        tls(source, &mut encoder);
    }
    let mut digits = Digits::default();
    let port = variable(Variable::RemotePort).unwrap_or_else(|| digits.of(port.into()));
    encoder.own_attribute(OwnAttribute::RemotePort(port));
    let local = variable(Variable::LocalAddr).or_else(|| request.bytes(connection.local_ip));
    encoder.own_attribute(OwnAttribute::LocalAddr(local.unwrap_or_default()));
    encoder.own_attribute(OwnAttribute::Activation(member.activation));
    if !ready.settings.env_vars.is_empty() {
        variables(request, ready, &mut encoder);
    }
    encoder.finish()
}

/// Sends the variables of JkEnvVar.
fn variables(request: &Request<'_>, ready: &Ready, encoder: &mut RequestEncoder<'_>) {
    let raw = request.raw();
    // SAFETY: both fill the request's environment with the usual variables.
    unsafe { ffi::ap_add_common_vars(raw) };
    // SAFETY: as above.
    unsafe { ffi::ap_add_cgi_vars(raw) };
    for (name, default) in &ready.settings.env_vars {
        let value = request.get(Table::Environment, &c_name(name));
        if let Some(value) = value.or(default.as_ref().map(String::as_bytes)) {
            encoder.attribute(Attribute::Request { name: name.as_bytes(), value });
        }
    }
}

/// Sends the client's headers but for those that concern its connection only. The one
/// Content-Length is our own, from the length httpd verified.
fn headers(request: &Request<'_>, body: RequestBody, encoder: &mut RequestEncoder<'_>) {
    let connection = request.headers_named(b"connection").next().unwrap_or_default();
    let mut length = match body {
        RequestBody::None => Some(0),
        RequestBody::Known(length) => Some(length),
        RequestBody::Unknown => None,
    };
    for (name, value) in request.entries(Table::HeadersIn) {
        let code = RequestHeader::find(name);
        if code == Some(RequestHeader::ContentLength) {
            content_length(length.take(), encoder);
            continue;
        }
        let is_named = !connection.is_empty()
            && !name.eq_ignore_ascii_case(b"host")
            && !is_forwarding(name)
            && connection
                .split(|&byte| byte == b',')
                .any(|word| word.trim_ascii().eq_ignore_ascii_case(name));
        match code {
            _ if is_named => {}
            Some(RequestHeader::Connection) => {}
            Some(code) => encoder.coded_header(code, value),
            None if is_hop_by_hop(name) => {}
            None => encoder.spelled_header(name, value),
        }
    }
    content_length(length, encoder);
}

fn content_length(length: Option<u64>, encoder: &mut RequestEncoder<'_>) {
    match length {
        Some(0) => encoder.coded_header(RequestHeader::ContentLength, b"0"),
        Some(length) => {
            encoder.coded_header(RequestHeader::ContentLength, Digits::default().of(length));
        }
        None => {}
    }
}

/// A number as decimal digits, without memory of its own.
#[derive(Default)]
struct Digits([u8; 20]);

impl Digits {
    fn of(&mut self, mut number: u64) -> &[u8] {
        let mut at = self.0.len();
        loop {
            at -= 1;
            self.0[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return &self.0[at..];
            }
        }
    }
}

/// A client must not take away what the container trusts.
fn is_forwarding(name: &[u8]) -> bool {
    name.len() > 11 && name[..11].eq_ignore_ascii_case(b"x-forwarded")
        || name.eq_ignore_ascii_case(b"forwarded")
        || name.eq_ignore_ascii_case(b"authorization")
}

/// Tells whether a header concerns the client's connection only; Connection itself has a code.
fn is_hop_by_hop(name: &[u8]) -> bool {
    let is = |own: &[u8]| name.eq_ignore_ascii_case(own);
    match name.len() {
        2 => is(b"te"),
        6 => is(b"expect"),
        7 => is(b"trailer") || is(b"upgrade"),
        10 => is(b"keep-alive"),
        16 => is(b"proxy-connection"),
        17 => is(b"transfer-encoding"),
        _ => false,
    }
}

/// Reads the digits in front, as mod_jk does; 0 without any, or if they do not fit.
fn leading_number(text: &[u8]) -> u16 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn tls(source: &Source<'_, '_>, encoder: &mut RequestEncoder<'_>) {
    let Source { request, ready, environment, .. } = *source;
    let raw = request.raw();
    let lookup = |variable| {
        let name = ready.names.of(variable);
        environment
            .get(variable)
            // SAFETY: the request is live; mod_ssl answers with a C string or null.
            .or_else(|| request.bytes(unsafe { ffi::jk_shim_tls_variable(raw, name.as_ptr()) }))
            .filter(|value| !value.is_empty())
    };
    if let Some(own) = lookup(Variable::Certificate) {
        let mut pem = own.to_vec();
        if ready.settings.options.forward_ssl_cert_chain == Some(true) {
            chain(source, &mut pem);
        }
        encoder.attribute(Attribute::SslCert(&pem));
    }
    if let Some(cipher) = lookup(Variable::Cipher) {
        encoder.attribute(Attribute::SslCipher(cipher));
    }
    if let Some(session) = lookup(Variable::Session) {
        encoder.attribute(Attribute::SslSession(session));
    }
    if ready.settings.options.forward_key_size != Some(false)
        && let Some(bits) = lookup(Variable::KeySize)
    {
        encoder.attribute(Attribute::SslKeySize(leading_number(bits)));
    }
    if let Some(protocol) = lookup(Variable::SslProtocol) {
        encoder.own_attribute(OwnAttribute::SslProtocol(protocol));
    }
}

/// Appends the certificates of the chain: the variables with the prefix by their numbers, or what
/// mod_ssl itself has where `SSLOptions +ExportCertData` is missing.
fn chain(source: &Source<'_, '_>, pem: &mut Vec<u8>) {
    let prefix = source.ready.names.of(Variable::ChainPrefix).to_bytes();
    let number_of = |name: &[u8]| {
        let (front, number) = name.split_at_checked(prefix.len())?;
        let number = std::str::from_utf8(number).ok().and_then(|text| text.parse::<u32>().ok());
        // What has no number comes behind those that have one, in httpd's order.
        front.eq_ignore_ascii_case(prefix).then_some(number.unwrap_or(u32::MAX))
    };
    let entries = source.request.entries(Table::Environment);
    let mut found: Vec<_> =
        entries.filter_map(|(name, value)| Some((number_of(name)?, value))).collect();
    if found.is_empty() {
        let raw = source.request.raw();
        for number in 0.. {
            let name = c_name(&format!("{}{number}", String::from_utf8_lossy(prefix)));
            // SAFETY: the request is live; mod_ssl answers with a C string or null.
            let value = unsafe { ffi::jk_shim_tls_variable(raw, name.as_ptr()) };
            match source.request.bytes(value) {
                Some(value) => found.push((number, value)),
                None => break,
            }
        }
    }
    found.sort_by_key(|(number, _)| *number);
    found.iter().for_each(|(_, certificate)| pem.extend_from_slice(certificate));
}
