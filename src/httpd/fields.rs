//! The fields of a request and of its connection, each read and written by itself.
//!
//! httpd, other modules and this one write to the same records between two looks at them, so there is
//! never a reference to a whole record: a field is copied out, or set, through the pointer.

use std::ffi::{CStr, c_char, c_int, c_uint};
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::httpd::ffi;
use crate::httpd::ffi::{
    ap_conf_vector_t, apr_off_t, apr_pool_t, apr_sockaddr_t, apr_table_t, apr_time_t, conn_rec,
    request_rec, server_rec,
};
use crate::httpd::pool_string::PoolCString;

/// The fields of a request.
#[derive(Clone, Copy)]
pub struct Fields<'r> {
    raw: NonNull<request_rec>,
    lives: PhantomData<&'r request_rec>,
}

/// The fields of a request's connection.
#[derive(Clone, Copy)]
pub struct ConnectionFields<'r> {
    raw: NonNull<conn_rec>,
    lives: PhantomData<&'r conn_rec>,
}

/// Makes a function for each field that returns a copy of it.
macro_rules! getters {
    ($($name:ident: $kind:ty,)*) => {$(
        #[doc = concat!("Returns `", stringify!($name), "`.")]
        #[inline]
        pub fn $name(self) -> $kind {
            // SAFETY: the record lives for `'r` and only this thread uses it, by the contract of `new`;
            // the field is copied.
            unsafe { (*self.raw.as_ptr()).$name }
        }
    )*};
}

impl<'r> Fields<'r> {
    /// # Safety
    ///
    /// `raw` must be a request that lives for `'r` and is used by this thread only.
    pub unsafe fn new(raw: NonNull<request_rec>) -> Self {
        Self { raw, lives: PhantomData }
    }

    getters! {
        pool: *mut apr_pool_t,
        server: *mut server_rec,
        main: *mut request_rec,
        proxyreq: c_int,
        protocol: *mut c_char,
        status_line: *const c_char,
        status: c_int,
        request_time: apr_time_t,
        method: *const c_char,
        the_request: *mut c_char,
        assbackwards: c_int,
        proto_num: c_int,
        bytes_sent: apr_off_t,
        sent_bodyct: apr_off_t,
        clength: apr_off_t,
        expecting_100: c_uint,
        headers_in: *mut apr_table_t,
        headers_out: *mut apr_table_t,
        err_headers_out: *mut apr_table_t,
        subprocess_env: *mut apr_table_t,
        notes: *mut apr_table_t,
        content_type: *const c_char,
        handler: *const c_char,
        user: *mut c_char,
        ap_auth_type: *mut c_char,
        unparsed_uri: *mut c_char,
        uri: *mut c_char,
        filename: *mut c_char,
        args: *mut c_char,
        eos_sent: c_int,
        useragent_addr: *mut apr_sockaddr_t,
        useragent_ip: *mut c_char,
        request_config: *mut ap_conf_vector_t,
        per_dir_config: *mut ap_conf_vector_t,
    }

    /// Returns the fields of the connection, which lives longer than its requests.
    #[inline]
    pub fn connection(self) -> ConnectionFields<'r> {
        // SAFETY: as for the other fields.
        let raw = unsafe { (*self.raw.as_ptr()).connection };
        // SAFETY: httpd makes no request without a connection.
        ConnectionFields { raw: unsafe { NonNull::new_unchecked(raw) }, lives: PhantomData }
    }

    /// Tells whether the request line has a password in it.
    pub fn has_password(self) -> bool {
        // SAFETY: as for the other fields.
        !unsafe { (*self.raw.as_ptr()).parsed_uri.password }.is_null()
    }

    /// Returns the parts of the request's URI.
    pub fn parsed_uri(self) -> *const ffi::apr_uri_t {
        // SAFETY: makes a pointer to a part of the record, and no reference.
        unsafe { &raw const (*self.raw.as_ptr()).parsed_uri }
    }

    /// Returns what kind of file the request is for, as far as that is known.
    pub fn file_type(self) -> ffi::apr_filetype_e {
        // SAFETY: as for the other fields.
        unsafe { (*self.raw.as_ptr()).finfo.filetype }
    }

    /// Returns the place for what is known of the file.
    pub fn file_info(self) -> *mut ffi::apr_finfo_t {
        // SAFETY: makes a pointer to a part of the record, and no reference.
        unsafe { &raw mut (*self.raw.as_ptr()).finfo }
    }

    /// Says what kind of file the request is for.
    pub fn set_file_type(self, kind: ffi::apr_filetype_e) {
        // SAFETY: as for the other fields; the request is ours during a hook.
        unsafe { (*self.raw.as_ptr()).finfo.filetype = kind };
    }

    /// Sets the path.
    pub fn set_uri(self, path: PoolCString<'r>) {
        // SAFETY: as for the other fields; the text lives as long as the request.
        unsafe { (*self.raw.as_ptr()).uri = path.as_ptr().cast_mut() };
    }

    /// Sets the file name.
    pub fn set_filename(self, name: PoolCString<'r>) {
        // SAFETY: as for the other fields; the text lives as long as the request.
        unsafe { (*self.raw.as_ptr()).filename = name.as_ptr().cast_mut() };
    }

    /// Sets the handler.
    pub fn set_handler(self, name: &'static CStr) {
        // SAFETY: as for the other fields; the text is static.
        unsafe { (*self.raw.as_ptr()).handler = name.as_ptr() };
    }

    /// Sets the status.
    pub fn set_status(self, status: c_int) {
        // SAFETY: as for the other fields.
        unsafe { (*self.raw.as_ptr()).status = status };
    }

    /// Sets the status line.
    pub fn set_status_line(self, line: PoolCString<'r>) {
        // SAFETY: as for the other fields; the text lives as long as the request.
        unsafe { (*self.raw.as_ptr()).status_line = line.as_ptr() };
    }

    /// Sets the length of the response's body.
    pub fn set_clength(self, length: apr_off_t) {
        // SAFETY: as for the other fields.
        unsafe { (*self.raw.as_ptr()).clength = length };
    }
}

impl ConnectionFields<'_> {
    getters! {
        client_addr: *mut apr_sockaddr_t,
        client_ip: *mut c_char,
        local_ip: *mut c_char,
        master: *mut conn_rec,
    }

    /// Returns httpd's pointer.
    pub fn raw(self) -> *mut conn_rec {
        self.raw.as_ptr()
    }

    /// Has the client's connection closed after this request.
    pub fn close(self) {
        // SAFETY: as for the other fields.
        unsafe { (*self.raw.as_ptr()).keepalive = ffi::ap_conn_keepalive_e_AP_CONN_CLOSE };
    }

    /// Tells whether the client is gone.
    #[inline]
    pub fn is_aborted(self) -> bool {
        // SAFETY: as for the other fields.
        unsafe { (*self.raw.as_ptr()).aborted != 0 }
    }
}
