//! `#[track_caller]` reports the caller's location if the body has no early exit.

use std::panic::Location;

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
#[track_caller]
fn outside() -> &'static Location<'static> {
    Location::caller()
}

#[track_caller]
#[instrument_endpoint]
fn inside() -> &'static Location<'static> {
    Location::caller()
}

struct Place(u8);

impl Place {
    #[instrument_endpoint]
    #[track_caller]
    fn of(&self, line: &mut u32) -> &'static Location<'static> {
        let location = Location::caller();
        *line = location.line() + u32::from(self.0);
        location
    }
}

#[instrument_endpoint]
#[track_caller]
fn checked(number: Option<u8>) -> u8 {
    number.expect("the number is present")
}

/// A body with `?` or `return` has a stack frame of its own, so its caller is not the outer caller.
#[instrument_endpoint]
#[track_caller]
fn early(text: &str) -> Option<&'static Location<'static>> {
    let _first = text.chars().next()?;
    Some(Location::caller())
}

#[test]
fn track_caller_reports_the_location_of_the_caller() {
    let here = (outside(), line!());
    assert_eq!((here.0.file(), here.0.line()), (file!(), here.1));
    let here = (inside(), line!());
    assert_eq!((here.0.file(), here.0.line()), (file!(), here.1));
    let mut line = 0;
    let here = (Place(0).of(&mut line), line!());
    assert_eq!((here.0.file(), here.0.line(), line), (file!(), here.1, here.1));
}

#[test]
fn panic_is_reported_at_the_location_of_the_caller() {
    use std::sync::{Arc, Mutex};

    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = std::panic::take_hook();
    let inner = Arc::clone(&seen);
    let this = std::thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == this {
            let location = panic.location().map(|location| (location.line(), location.column()));
            inner.lock().expect("the mutex is not poisoned").push(location);
        } else {
            hook(panic);
        }
    }));
    let result = std::panic::catch_unwind(|| checked(None));
    let line = line!() - 1;
    drop(std::panic::take_hook());
    assert!(result.is_err());
    let seen = seen.lock().expect("the mutex is not poisoned");
    assert_eq!(seen.iter().flatten().map(|(line, _)| *line).collect::<Vec<_>>(), [line]);
}

#[test]
fn early_returns_work_with_track_caller() {
    assert!(early("").is_none());
    assert!(early("a").is_some());
}
