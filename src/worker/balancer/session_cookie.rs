//! The cookie by which a client finds its member again.

use crate::lb::Election;
use crate::worker::balancer::members::Lb;
use crate::worker::{Downstream, RequestSettings, SessionCookie};

impl Lb {
    /// Sets the cookie that brings the client back to this member, unless its session did.
    pub(in crate::worker) fn set_cookie<D: Downstream>(
        &self,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
        election: &Election,
    ) {
        if !self.config.set_session_cookie && !settings.set_session_cookie {
            return;
        }
        let name = settings.session_cookie.unwrap_or(&self.config.session_cookie);
        let path = match settings.session_cookie_path {
            Some("-") => "",
            Some(path) => path,
            None => &self.config.session_cookie_path,
        };
        let cookie = SessionCookie {
            name,
            route: &self.balancer.members[election.member].route,
            path,
            same_site: self.config.session_cookie_samesite,
        };
        downstream.set_session_cookie((!election.is_sticky).then_some(&cookie));
    }

    /// Returns the cookie of sessions that only find their member again by the route in it.
    pub(in crate::worker) fn watched_cookie<'s>(
        &'s self,
        settings: &RequestSettings<'s>,
    ) -> Option<&'s str> {
        let sets_own = self.config.set_session_cookie || settings.set_session_cookie;
        let matters = self.config.sticky_session
            && self.members.len() > 1
            && !(sets_own || settings.sticky_ignore || settings.stateless);
        matters.then(|| settings.session_cookie.unwrap_or(&self.config.session_cookie))
    }
}
