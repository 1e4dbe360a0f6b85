//! The configuration of one server, on httpd's configuration pool.

use std::ffi::c_void;
use std::sync::Arc;

use once_cell::sync::OnceCell;

use crate::config::ServerSettings;
use crate::httpd::ffi::{apr_pool_t, server_rec};
use crate::httpd::pool::give_to_pool;
use crate::httpd::variable_names::VariableNames;
use crate::log::Log;
use crate::worker::{MountFiles, ReloadableMap, RuntimeConfig};

/// What httpd's configuration vector points at for each server.
#[derive(Debug, Default)]
pub struct ServerConf {
    /// What the directives said.
    pub settings: ServerSettings,
    /// What became of it, filled at the end of the configuration.
    pub ready: OnceCell<ServerRuntime>,
}

/// A server ready to serve.
#[derive(Debug)]
pub struct ServerRuntime {
    /// Its rules.
    pub map: Arc<ReloadableMap>,
    /// The maps of all servers, with their files.
    pub mounts: Arc<MountFiles>,
    /// The workers, the same for all servers.
    pub workers: Arc<RuntimeConfig>,
    /// Its log.
    pub log: Arc<Log>,
    /// Settings with the main server's joined in.
    pub settings: ServerSettings,
    /// Whether anything in the configuration reads the notes about members.
    pub wants_notes: bool,
    /// Whether anything reads how long a request took.
    pub wants_duration: bool,
    /// Names of the variables of the environment that are read.
    pub names: VariableNames,
    /// Unprotected status workers by way of this server.
    pub open_status: Vec<String>,
}

/// Makes the configuration of a server, with httpd's pool as owner.
///
/// # Safety
///
/// `pool` must be the pool httpd gives to this callback.
pub unsafe extern "C" fn mod_jk_create_server_config(
    pool: *mut apr_pool_t,
    _server: *mut server_rec,
) -> *mut c_void {
    // SAFETY: `pool` is httpd's configuration pool, by this function's own contract.
    unsafe { give_to_pool(pool, Box::<ServerConf>::default()) }.cast()
}

/// Joins the main server's configuration into that of a virtual host.
///
/// # Safety
///
/// `base` and `over` must come from [`mod_jk_create_server_config`].
pub unsafe extern "C" fn mod_jk_merge_server_config(
    pool: *mut apr_pool_t,
    base: *mut c_void,
    over: *mut c_void,
) -> *mut c_void {
    // SAFETY: both come from `create`, and httpd changes neither meanwhile.
    let base = unsafe { &*base.cast::<ServerConf>() };
    // SAFETY: as above.
    let over = unsafe { &*over.cast::<ServerConf>() };
    let settings = ServerSettings::merge(&base.settings, &over.settings);
    let merged = Box::new(ServerConf { settings, ready: OnceCell::new() });
    // SAFETY: `pool` is httpd's configuration pool.
    unsafe { give_to_pool(pool, merged) }.cast()
}
