//! A safe view of one request.

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::httpd::conf_vector::place_in;
use crate::httpd::ffi;
use crate::httpd::ffi::{apr_table_entry_t, apr_table_t, request_rec};
use crate::httpd::fields::Fields;
use crate::httpd::pool::place_in_pool;
use crate::httpd::pool_string::{CStringBlock, PoolCString};
use crate::httpd::server::ServerRuntime;
use crate::httpd::servers;
use crate::log::request_label;

/// A request while a hook runs.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    raw: NonNull<request_rec>,
    lives: PhantomData<&'r request_rec>,
}

/// One of a request's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `subprocess_env`.
    Environment,
    /// `headers_in`.
    HeadersIn,
    /// `headers_out`.
    HeadersOut,
    /// `err_headers_out`, which an error page keeps.
    ErrorHeadersOut,
    /// `notes`.
    Notes,
}

impl<'r> Request<'r> {
    /// Takes httpd's pointer; `None` if it is null.
    ///
    /// # Safety
    ///
    /// `raw` must be null, or a request that lives for `'r` and is used by this thread only.
    pub unsafe fn from_raw(raw: *mut request_rec) -> Option<Self> {
        Some(Self { raw: NonNull::new(raw)?, lives: PhantomData })
    }

    /// Returns httpd's pointer.
    pub fn raw(self) -> *mut request_rec {
        self.raw.as_ptr()
    }

    /// Returns the fields.
    #[inline]
    pub fn fields(&self) -> Fields<'r> {
        // SAFETY: `raw` is such a request, by the contract of `from_raw`.
        unsafe { Fields::new(self.raw) }
    }

    /// Names the request in a line by its method and a path, normally its own.
    pub fn label(&self, path: &[u8]) -> String {
        request_label(self.bytes(self.fields().method()).unwrap_or_default(), path)
    }

    /// Tells whether the client's connection is no more. It may change with every call of httpd.
    pub fn is_aborted(&self) -> bool {
        self.fields().connection().is_aborted()
    }

    /// Tells whether the request is one of several streams over a connection.
    pub fn is_stream(&self) -> bool {
        !self.fields().connection().master().is_null()
    }

    /// Tells whether the end of the response went to httpd's filters, from us or from another module.
    pub fn has_ended(&self) -> bool {
        self.fields().eos_sent() != 0
    }

    /// Returns the request this one is a sub-request of.
    pub fn main(&self) -> Option<Request<'r>> {
        // SAFETY: httpd keeps the main request alive longer than its sub-requests.
        unsafe { Self::from_raw(self.fields().main()) }
    }

    /// Returns the server's configuration, if it is ready.
    pub fn ready(&self) -> Option<&'r ServerRuntime> {
        // SAFETY: httpd keeps the server as long as its requests.
        unsafe { servers::of(self.fields().server()) }?.ready.get()
    }

    /// Returns a C string of the request as bytes; null is `None`.
    pub fn bytes(&self, text: *const c_char) -> Option<&'r [u8]> {
        // SAFETY: fields of a request are C strings in its pool, or null.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
    }

    /// Compares a C string of the request with a word; null is none.
    #[inline]
    pub fn is_text(&self, text: *const c_char, word: &CStr) -> bool {
        // SAFETY: fields of a request are C strings in its pool, or null.
        let Some(first) = (unsafe { text.as_ref() }) else { return false };
        // Most words differ in the first byte.
        // SAFETY: both are C strings.
        word.to_bytes_with_nul().first() == Some(&first.cast_unsigned())
            && unsafe { libc::strcmp(text, word.as_ptr()) } == 0
    }

    /// Tells whether the path is the same text that it was.
    #[inline]
    pub fn has_path(&self, text: PoolCString<'_>) -> bool {
        let path = self.fields().uri();
        // SAFETY: both are C strings, the path one of the request's.
        !path.is_null() && unsafe { libc::strcmp(path, text.as_ptr()) } == 0
    }

    /// Returns a value of a table.
    pub fn get(&self, table: Table, name: &CStr) -> Option<&'r [u8]> {
        // SAFETY: the table belongs to the request; the value is a C string or null.
        self.bytes(unsafe { ffi::apr_table_get(self.table(table), name.as_ptr()) })
    }

    /// Sets a value of a table.
    pub fn set(&self, table: Table, name: &'static CStr, value: &[u8]) {
        let value = self.keep(value);
        // SAFETY: the name is static, the value lies in the request's pool, as long as the table.
        unsafe { ffi::apr_table_setn(self.table(table), name.as_ptr(), value) };
    }

    /// Sets a value of a table; the name is copied as well.
    pub fn replace(&self, table: Table, name: &[u8], value: &[u8]) {
        let (name, value) = (self.keep(name), self.keep(value));
        // SAFETY: both strings lie in the request's pool, as long as the table.
        unsafe { ffi::apr_table_setn(self.table(table), name, value) };
    }

    /// Adds a value to a table beside others of its name.
    pub fn add(&self, table: Table, name: &[u8], value: &[u8]) {
        let (name, value) = (self.keep(name), self.keep(value));
        // SAFETY: as in `set`.
        unsafe { ffi::apr_table_addn(self.table(table), name, value) };
    }

    /// Adds a value beside others of its name without copying either.
    pub fn add_kept(&self, table: Table, name: PoolCString<'r>, value: PoolCString<'r>) {
        // SAFETY: both are C strings that live as long as the request and its table.
        unsafe { ffi::apr_table_addn(self.table(table), name.as_ptr(), value.as_ptr()) };
    }

    /// Sets a value of a table without copying either.
    pub fn set_kept(&self, table: Table, name: PoolCString<'r>, value: PoolCString<'r>) {
        // SAFETY: both are C strings that live as long as the request and its table.
        unsafe { ffi::apr_table_setn(self.table(table), name.as_ptr(), value.as_ptr()) };
    }

    /// Remembers what is in a table. Only one that is not empty is copied.
    pub fn save(&self, table: Table) -> SavedTable<'r> {
        let copy = (!self.rows(table).is_empty()).then(|| {
            // SAFETY: table and pool belong to the request.
            unsafe { ffi::apr_table_copy(self.fields().pool(), self.table(table)) }
        });
        SavedTable { copy, lives: PhantomData }
    }

    /// Brings a table back to what was in it.
    pub fn restore(&self, table: Table, saved: SavedTable<'r>) {
        let table = self.table(table);
        // SAFETY: the table belongs to the request.
        unsafe { ffi::apr_table_clear(table) };
        // SAFETY: the copy lies in the request's pool and nothing changes it.
        let rows = saved.copy.map(|copy| unsafe { rows_of::<'r>(copy) });
        for row in rows.unwrap_or_default() {
            // SAFETY: the texts were in this table before, and lie in the request's pool.
            unsafe { ffi::apr_table_addn(table, row.key, row.val) };
        }
    }

    /// Iterates over a table in its order.
    pub fn entries(&self, table: Table) -> impl Iterator<Item = (&'r [u8], &'r [u8])> {
        let this = *self;
        let rows = self.rows(table).iter();
        rows.filter_map(move |row| Some((this.bytes(row.key)?, this.bytes(row.val)?)))
    }

    /// Iterates over the values of one header of the client's; `name` is lower-case letters.
    pub fn headers_named(&self, name: &'static [u8]) -> impl Iterator<Item = &'r [u8]> {
        let this = *self;
        let rows = self.rows(Table::HeadersIn).iter().filter(move |row| has_name(row, name));
        rows.filter_map(move |row| this.bytes(row.val))
    }

    fn rows(&self, table: Table) -> &'r [apr_table_entry_t] {
        // SAFETY: the table belongs to the request, and is not changed while its rows are read.
        unsafe { rows_of(self.table(table)) }
    }

    /// Copies bytes into the request's pool as a C string.
    pub fn keep(&self, text: &[u8]) -> *mut c_char {
        // SAFETY: APR copies `len` bytes and ends them with NUL.
        unsafe { ffi::apr_pstrmemdup(self.fields().pool(), text.as_ptr().cast(), text.len()) }
    }

    /// Copies bytes in the same way, for tables.
    pub fn copied(&self, text: &[u8]) -> PoolCString<'r> {
        // SAFETY: APR has just copied it into the request's pool and ended it with NUL.
        unsafe { PoolCString::new(self.keep(text)) }
    }

    /// Tells whether the request is marked to be left alone.
    pub fn is_left_alone(&self) -> bool {
        self.get(Table::Environment, c"no-jk").is_some()
    }

    /// Moves a plain value into the request's pool.
    pub fn place<T: Copy>(&self, value: T) -> &'r T {
        // APR aligns to eight bytes.
        const { assert!(align_of::<T>() <= 8) };
        // SAFETY: the request's pool is live.
        let place = unsafe { ffi::apr_palloc(self.fields().pool(), size_of::<T>()) }.cast::<T>();
        // SAFETY: APR ends the process rather than return null; the place is large enough and
        // aligned.
        unsafe { place.write(value) };
        // SAFETY: it was just filled and lives as long as the request; there is no other reference.
        unsafe { &*place }
    }

    /// Moves a value into the request's pool, which drops it at its end.
    pub fn place_owned<T>(&self, value: T) -> &'r T {
        // SAFETY: the request's pool is live.
        let place = unsafe { place_in_pool(self.fields().pool(), value) };
        // SAFETY: it was just filled and lives as long as the request; there is no other reference.
        unsafe { &*place }
    }

    /// Leaves a value with the request for later hooks.
    pub fn leave<T>(&self, value: &'r T) {
        const { assert!(align_of::<T>() > TEXT) };
        self.set_left(std::ptr::from_ref(value).cast_mut().cast());
    }

    /// Leaves a copy of a text with the request for later hooks, in place of a value.
    pub fn leave_text(&self, text: &[u8]) {
        // APR aligns to eight bytes.
        self.set_left(self.keep(text).cast::<c_void>().map_addr(|address| address | TEXT));
    }

    /// Copies text with NUL bytes in it into the request's pool at once.
    pub fn keep_block<'b>(&self, block: &'b [u8]) -> CStringBlock<'r, 'b> {
        // SAFETY: APR has just copied all of the block into the request's pool and ended it with NUL.
        unsafe { CStringBlock::new(block, self.keep(block)) }
    }

    /// Returns what was left with the request last.
    ///
    /// # Safety
    ///
    /// `T` must be the type given to [`leave`](Self::leave), and live no longer than the request.
    #[inline]
    pub unsafe fn left<T>(&self) -> Option<RequestState<'r, T>> {
        // SAFETY: the vector belongs to the request.
        let place = unsafe { place_in(self.fields().request_config()) };
        // SAFETY: the place is ours, and null until something is left.
        let left = unsafe { *place };
        if left.addr() & TEXT != 0 {
            let text = left.map_addr(|address| address & !TEXT).cast();
            // SAFETY: `leave_text` has put it into the request's pool.
            return Some(RequestState::Text(unsafe { PoolCString::new(text) }));
        }
        // SAFETY: of this type by contract, and alive as long as the request's pool.
        unsafe { left.cast::<T>().as_ref() }.map(RequestState::Value)
    }

    fn set_left(&self, left: *mut c_void) {
        // SAFETY: the vector belongs to the request.
        let place = unsafe { place_in(self.fields().request_config()) };
        // SAFETY: the place is ours; what is left lives as long as the request's pool.
        unsafe { *place = left };
    }

    fn table(&self, table: Table) -> *mut apr_table_t {
        let fields = self.fields();
        match table {
            Table::Environment => fields.subprocess_env(),
            Table::HeadersIn => fields.headers_in(),
            Table::HeadersOut => fields.headers_out(),
            Table::ErrorHeadersOut => fields.err_headers_out(),
            Table::Notes => fields.notes(),
        }
    }
}

/// Returns the rows of a table.
///
/// # Safety
///
/// The table must live for `'t`, and must not be changed while the rows are in use.
unsafe fn rows_of<'t>(table: *mut apr_table_t) -> &'t [apr_table_entry_t] {
    // SAFETY: the table is live.
    let array = unsafe { ffi::apr_table_elts(table) };
    // SAFETY: the array is the table's own and lives as long.
    let array = unsafe { &*array };
    let count = usize::try_from(array.nelts).unwrap_or(0);
    match array.elts.is_null() {
        true => &[],
        // SAFETY: APR keeps `nelts` rows there; the table is not changed while they are read.
        false => unsafe { std::slice::from_raw_parts(array.elts.cast(), count) },
    }
}

/// Compares the name of a row with one of lower-case letters. Most differ in their first byte, and to
/// know how long a name is costs more than that.
fn has_name(row: &apr_table_entry_t, name: &'static [u8]) -> bool {
    debug_assert!(name.iter().all(u8::is_ascii_lowercase), "other bytes have no such bit");
    let byte = |at: usize| {
        // SAFETY: a name is a C string, and this is its end at most: all bytes before are letters.
        let place = unsafe { row.key.add(at) }.cast::<u8>();
        // SAFETY: as above.
        unsafe { *place }
    };
    !row.key.is_null()
        && name.iter().enumerate().all(|(at, own)| byte(at) | 0x20 == *own)
        && byte(name.len()) == 0
}

/// What was in a table of a request.
pub struct SavedTable<'r> {
    copy: Option<*mut apr_table_t>,
    lives: PhantomData<&'r apr_table_t>,
}

/// What a hook has left with a request.
pub enum RequestState<'r, T> {
    /// A value.
    Value(&'r T),
    /// A text.
    Text(PoolCString<'r>),
}

/// Marks the address of a text that is left with a request; values are aligned.
const TEXT: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rows() {
        let cases: &[(&CStr, bool)] = &[
            (c"cookie", true),
            (c"CooKIE", true),
            (c"Cookie2", false),
            (c"Cooki", false),
            (c"", false),
            (c"\x03ookie", false),
            (c"Host", false),
        ];
        for (name, expected) in cases {
            let row = apr_table_entry_t {
                key: name.as_ptr().cast_mut(),
                val: std::ptr::null_mut(),
                key_checksum: 0,
            };
            assert_eq!(has_name(&row, b"cookie"), *expected, "{name:?}");
        }
        let null = std::ptr::null_mut();
        assert!(!has_name(&apr_table_entry_t { key: null, val: null, key_checksum: 0 }, b"cookie"));
    }
}
