//! The id of the request that a line is about.

use std::cell::Cell;

use once_cell::sync::OnceCell;

/// Returns the id of the present request, made safe, or the tag of what runs.
pub fn id() -> String {
    let own = OF_REQUEST.get().and_then(|own| own());
    match own.filter(|id| !id.is_empty()) {
        Some(id) => id,
        None => TAG.get().to_owned(),
    }
}

/// Says, once, how to learn the id of the request that the running thread serves.
pub fn ask(own: fn() -> Option<String>) {
    // A second time changes nothing, as with the subscriber.
    let _ = OF_REQUEST.set(own);
}

/// Sets what stands in place of an id where a thread serves no request. Returns what stood there.
pub fn set_tag(tag: &'static str) -> &'static str {
    TAG.replace(tag)
}

/// Set in a child only.
static OF_REQUEST: OnceCell<fn() -> Option<String>> = OnceCell::new();

thread_local! {
    static TAG: Cell<&'static str> = const { Cell::new(NO_ID) };
}

/// What stands for the id of a request that has none, as in mod_jk since 1.2.49.
pub const NO_ID: &str = "NO-ID";
