//! Whether the sessions that a member begins come back to it.

use std::sync::atomic::Ordering::Relaxed;

use crate::exchange::{Exchange, HeaderName, ResponseHeader, ResponseParts};
use crate::lb::session;
use crate::log::{LONGEST_NAME, excerpt};
use crate::messages::MessageCode::JK413;
use crate::text;
use crate::worker::ajp13::response::ResponseReader;

impl<E: Exchange> ResponseReader<'_, E> {
    /// Says once that the member's sessions end in another route than its own: they would not come
    /// back to it. A session with the right one ends the matter.
    #[cold]
    pub(super) fn compare_routes(&self, head: &E::Head<'_>, cookie: &str) {
        let cookie = text::raw(cookie);
        let own = self.route.unwrap_or_default();
        for (name, value) in head.headers() {
            if name != HeaderName::Known(ResponseHeader::SetCookie) {
                continue;
            }
            let Some(route) = session::route_of_new(value, &cookie) else { continue };
            let count = &self.metrics.record.foreign_routes;
            if route == own {
                if count.load(Relaxed) > 0 {
                    count.store(0, Relaxed);
                }
            } else if count.fetch_add(1, Relaxed) == 0 {
                let name = self.worker.name.as_str();
                let (own, route) = (excerpt(own, LONGEST_NAME), excerpt(route, LONGEST_NAME));
                let found = match route.is_empty() {
                    true => "have no route".to_owned(),
                    false => format!("end in the route \"{route}\""),
                };
                tracing::warn!(
                    worker = name,
                    "{JK413} member {name} at {}: its session ids {found} instead of \"{own}\", so \
                     sessions do not return to it: set jvmRoute=\"{own}\" in its server.xml, or \
                     correct worker.{name}.route",
                    self.worker.pool.target().name()
                );
            }
        }
    }
}
