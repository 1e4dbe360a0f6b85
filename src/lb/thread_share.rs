//! How many of httpd's threads a worker may hold at once. Without such a bound a backend that hangs takes
//! all of them within seconds, and neither static files nor healthy workers are served any more.

/// Most threads that a worker may hold, over all child processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadShare(u32);

impl ThreadShare {
    /// No bound.
    pub const OFF: Self = Self(u32::MAX);

    /// Returns a share of so many per cent of all `threads`, at least one of them. There is no bound for 0
    /// per cent, and where it is not known how many threads there are.
    pub fn of(percent: u32, threads: u32) -> Self {
        match (percent, threads) {
            (0, _) | (_, 0) => Self::OFF,
            _ => {
                let most = u64::from(threads) * u64::from(percent.min(100)) / 100;
                Self(u32::try_from(most).map_or(1, |most| most.clamp(1, u32::MAX - 1)))
            }
        }
    }

    /// Returns the bound, if there is one.
    pub fn most(self) -> Option<u32> {
        self.is_on().then_some(self.0)
    }

    /// Tells whether there is a bound.
    #[inline]
    pub fn is_on(self) -> bool {
        self != Self::OFF
    }

    /// Tells whether so many threads are more than it allows.
    #[inline]
    pub fn is_exceeded_by(self, held: u32) -> bool {
        held > self.0
    }

    /// Returns how many requests may wait in the queue of a worker that has `busy` of them in flight,
    /// where `parked` of both hold no thread.
    pub fn places_in_queue(self, busy: u32, parked: u32) -> u32 {
        self.0.saturating_add(parked).saturating_sub(busy)
    }
}

/// Returns how many threads requests hold of which some are parked.
pub fn held(requests: u32, parked: u32) -> u32 {
    // The two are not read in the same moment.
    requests.saturating_sub(parked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down_and_never_less_than_one_thread() {
        let most = |percent, threads| ThreadShare::of(percent, threads).most();
        assert_eq!(most(25, 400), Some(100));
        assert_eq!(most(25, 15), Some(3), "not 3.75");
        assert_eq!(most(1, 5), Some(1), "a worker that gets no request is of no use");
        assert_eq!(most(100, 400), Some(400));
        assert_eq!(most(250, 400), Some(400), "not more than there are");
        assert_eq!(most(100, u32::MAX), Some(u32::MAX - 1), "which is a bound");
    }

    #[test]
    fn nothing_is_a_bound_without_a_setting_or_without_threads() {
        for off in [ThreadShare::of(0, 400), ThreadShare::of(50, 0), ThreadShare::OFF] {
            assert_eq!((off.most(), off.is_on()), (None, false));
            assert!(!off.is_exceeded_by(u32::MAX));
        }
    }

    #[test]
    fn the_last_thread_of_the_share_may_be_used() {
        let share = ThreadShare::of(50, 8);
        assert!(!share.is_exceeded_by(held(4, 0)) && share.is_exceeded_by(held(5, 0)));
        assert!(!share.is_exceeded_by(held(204, 200)), "who is parked holds none");
        assert!(share.is_exceeded_by(held(205, 200)));
        assert_eq!(held(3, 5), 0, "the two numbers are not of the same moment");
    }

    #[test]
    fn a_queue_has_the_places_that_requests_in_flight_leave() {
        let share = ThreadShare::of(50, 8);
        assert_eq!(share.places_in_queue(1, 0), 3);
        assert_eq!(share.places_in_queue(4, 0), 0);
        assert_eq!(share.places_in_queue(9, 0), 0);
        // Two are in flight, and three of those in the queue are parked.
        assert_eq!(share.places_in_queue(2, 3), 5, "three that hold none, and two that may");
        assert_eq!(share.places_in_queue(2, 1), 3);
    }
}
