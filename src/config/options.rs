//! `JkOptions` and the arithmetic of its plus and minus.

use crate::uri_map::forward::ForwardUri;

/// The options of one server. `None` means that the server says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // named after the words of JkOptions
pub struct Options {
    pub forward_uri: Option<ForwardUri>,
    pub forward_directories: Option<bool>,
    /// Whose address the backend is told.
    pub address: Option<Address>,
    pub flush_packets: Option<bool>,
    pub flush_header: Option<bool>,
    pub disable_reuse: Option<bool>,
    pub forward_ssl_cert_chain: Option<bool>,
    pub forward_key_size: Option<bool>,
    pub reject_unsafe_uri: Option<bool>,
    pub forbid_unsafe_uri: Option<bool>,
}

/// Which address is forwarded as the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// The client's, as mod_remoteip or httpd knows it.
    Client,
    /// The server's own.
    Local,
    /// The TCP peer's.
    Physical,
}

impl Options {
    /// Takes the words of one directive; a later word wins.
    ///
    /// # Errors
    ///
    /// A word that does not exist, or a minus where there is none.
    pub fn set(&mut self, words: &str) -> Result<(), String> {
        for word in words.split_whitespace() {
            let (on, name) = match word.strip_prefix('-') {
                Some(name) => (false, name),
                None => (true, word.strip_prefix('+').unwrap_or(word)),
            };
            let mode = |mode| match on {
                true => Ok(Some(mode)),
                // check: option-that-cannot-be-switched-off
                false => Err(format!(
                    "JkOptions: {word} cannot be switched off, name another ForwardURI option instead"
                )),
            };
            match name.to_ascii_lowercase().as_str() {
                "forwarduriproxy" => self.forward_uri = mode(ForwardUri::Proxy)?,
                "forwarduricompat" => self.forward_uri = mode(ForwardUri::Compat)?,
                "forwarduricompatunparsed" => self.forward_uri = mode(ForwardUri::CompatUnparsed)?,
                "forwarduriescaped" => self.forward_uri = mode(ForwardUri::Escaped)?,
                "collapseslashesall" | "collapseslashesnone" | "collapseslashesunmount" => {}
                "forwarddirectories" => self.forward_directories = Some(on),
                "forwardlocaladdress" => self.set_address(on, Address::Local),
                "forwardphysicaladdress" => self.set_address(on, Address::Physical),
                "flushpackets" => self.flush_packets = Some(on),
                "flushheader" => self.flush_header = Some(on),
                "disablereuse" => self.disable_reuse = Some(on),
                "forwardsslcertchain" => self.forward_ssl_cert_chain = Some(on),
                "forwardkeysize" => self.forward_key_size = Some(on),
                "rejectunsafeuri" => self.reject_unsafe_uri = Some(on),
                "forbidunsafeuri" => self.forbid_unsafe_uri = Some(on),
                // check: unknown-option
                _ => return Err(format!("JkOptions: unknown option \"{word}\"")),
            }
        }
        Ok(())
    }

    fn set_address(&mut self, on: bool, address: Address) {
        self.address = Some(if on { address } else { Address::Client });
    }

    /// Returns the options of a virtual host: its own, else the main server's.
    pub fn merge(base: &Self, over: &Self) -> Self {
        Self {
            forward_uri: over.forward_uri.or(base.forward_uri),
            forward_directories: over.forward_directories.or(base.forward_directories),
            address: over.address.or(base.address),
            flush_packets: over.flush_packets.or(base.flush_packets),
            flush_header: over.flush_header.or(base.flush_header),
            disable_reuse: over.disable_reuse.or(base.disable_reuse),
            forward_ssl_cert_chain: over.forward_ssl_cert_chain.or(base.forward_ssl_cert_chain),
            forward_key_size: over.forward_key_size.or(base.forward_key_size),
            reject_unsafe_uri: over.reject_unsafe_uri.or(base.reject_unsafe_uri),
            forbid_unsafe_uri: over.forbid_unsafe_uri.or(base.forbid_unsafe_uri),
        }
    }
}
