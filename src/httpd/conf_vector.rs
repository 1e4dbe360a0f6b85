//! The one symbol httpd looks up.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

use crate::httpd::ffi::{
    MODULE_MAGIC_NUMBER_MAJOR, MODULE_MAGIC_NUMBER_MINOR, jk_shim_commands, module,
};
use crate::httpd::{ffi, server};

/// What `LoadModule jk_module` loads. httpd writes its index and its place in the list of modules
/// into it, and no other code writes.
#[unsafe(no_mangle)]
pub static mut jk_module: module = {
    // SAFETY: all-zero is a valid `module`: integers, null pointers and absent callbacks. The
    // fields differ between releases of 2.4, so those not named here stay zero.
    let mut own: module = unsafe { MaybeUninit::zeroed().assume_init() };
    own.version = MODULE_MAGIC_NUMBER_MAJOR as i32;
    own.minor_version = MODULE_MAGIC_NUMBER_MINOR as i32;
    own.module_index = -1;
    // The name existing files test with <IfModule mod_jk.c>.
    own.name = c"mod_jk.c".as_ptr();
    own.magic = MODULE_MAGIC_COOKIE;
    own.create_server_config = Some(server::mod_jk_create_server_config);
    own.merge_server_config = Some(server::mod_jk_merge_server_config);
    own.cmds = ptr::addr_of!(jk_shim_commands).cast();
    own.register_hooks = Some(ffi::jk_shim_register_hooks);
    own
};

/// Says that this is a module of httpd 2: "AP24" as httpd spells it.
const MODULE_MAGIC_COOKIE: std::ffi::c_ulong = 0x4150_3234;

/// Returns where a vector of configurations has ours: what httpd's macros `ap_get_module_config` and
/// `ap_set_module_config` do. Its functions of these names are for other languages; requests that are
/// not ours would pay for the calls.
///
/// # Safety
///
/// `vector` must be one of httpd's, for a server or a request, and httpd must have loaded the module.
#[inline]
pub unsafe fn place_in(vector: *mut ffi::ap_conf_vector_t) -> *mut *mut c_void {
    let own = &raw const jk_module;
    // SAFETY: httpd wrote the index before it called any of our functions, and it is not written later.
    let index = unsafe { (*own).module_index };
    // SAFETY: a vector has a place for the index of each module that is loaded.
    unsafe { vector.cast::<*mut c_void>().offset(index as isize) }
}
