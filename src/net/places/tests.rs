use parking_lot::Mutex;

use super::*;

#[derive(Debug, Default)]
struct Kept(Mutex<Places>);

impl PlaceKeeper for Kept {
    fn with_places<T>(&self, run: impl FnOnce(&mut Places) -> T) -> T {
        run(&mut self.0.lock())
    }
}

fn stand(kept: &Kept) -> Queued<'_, Kept> {
    assert!(!kept.with_places(|places| places.take(Some(1))));
    Queued::new(kept, kept.with_places(Places::stand))
}

fn taken(kept: &Kept) -> usize {
    kept.with_places(|places| places.taken())
}

#[test]
fn a_place_that_becomes_free_goes_to_the_first_that_waits() {
    let kept = Kept::default();
    assert!(kept.with_places(|places| places.take(Some(1))));
    let (first, second) = (stand(&kept), stand(&kept));
    kept.with_places(Places::give_back);
    assert!(first.turn().is_given() && !second.turn().is_given());
    assert!(first.end(Ok(true)).expect("no error"));
    kept.with_places(Places::give_back);
    assert!(second.end(Ok(true)).expect("no error"));
    assert_eq!(taken(&kept), 1);
    kept.with_places(Places::give_back);
    assert_eq!(taken(&kept), 0);
}

#[test]
fn a_place_that_is_given_at_the_last_moment_is_taken() {
    let kept = Kept::default();
    assert!(kept.with_places(|places| places.take(Some(1))));
    let (late, missed) = (stand(&kept), stand(&kept));
    kept.with_places(Places::give_back);
    assert!(late.end(Ok(false)).expect("no error"), "it was given after the wait had ended");
    assert!(!missed.end(Ok(false)).expect("no error"));
    kept.with_places(Places::give_back);
    assert_eq!(taken(&kept), 0, "the one that left is not in the queue any more");
}

#[test]
fn a_request_that_is_given_up_keeps_no_place() {
    let kept = Kept::default();
    assert!(kept.with_places(|places| places.take(Some(1))));
    let (dropped, failed, given) = (stand(&kept), stand(&kept), stand(&kept));
    drop(dropped);
    let error = failed.end(Err(io::ErrorKind::BrokenPipe.into()));
    assert!(error.is_err());
    kept.with_places(Places::give_back);
    assert!(given.turn().is_given());
    drop(given);
    assert_eq!(taken(&kept), 0);
}
