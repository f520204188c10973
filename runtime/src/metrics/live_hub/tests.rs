use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::mpsc;

use tokio::runtime::Builder;
use tokio::time::advance;

use super::*;

fn new_hub(max_viewers: usize) -> &'static LiveHub {
    Box::leak(Box::new(LiveHub::new(max_viewers)))
}

/// Waits for the reading of a viewer.
async fn reading(
    viewer: &mut Viewer,
    make: impl FnOnce(&mut LastReading) -> Bytes + Clone + Send + 'static,
) -> Option<Bytes> {
    poll_fn(|cx| viewer.poll_reading(cx, make.clone())).await
}

/// Waits for an empty reading, and returns whether the viewer had a place for it.
async fn reads(viewer: &mut Viewer) -> bool {
    reading(viewer, |_| Bytes::new()).await.is_some()
}

#[tokio::test(start_paused = true)]
async fn viewers_share_one_reading_a_second_wherever_in_the_second_they_arrive() {
    let hub = new_hub(100);
    let count = Arc::new(AtomicU8::new(0));
    let counter = Arc::clone(&count);
    let make =
        move |_: &mut LastReading| Bytes::copy_from_slice(&[counter.fetch_add(1, Relaxed) + 1]);
    let mut viewers = Vec::new();
    for _ in 0..100 {
        let mut viewer = hub.admit().expect("a hundred viewers are allowed");
        let mut timer = viewer.timer();
        timer.tick().await;
        assert_eq!(reading(&mut viewer, make.clone()).await, Some(Bytes::from_static(&[1])));
        viewers.push((viewer, timer));
        advance(Duration::from_millis(9)).await;
    }
    assert_eq!(count.load(Relaxed), 1, "all viewers arrived within one second");
    for second in 2..=20 {
        for (viewer, timer) in &mut viewers {
            timer.tick().await;
            let expected = Some(Bytes::copy_from_slice(&[second]));
            assert_eq!(reading(viewer, make.clone()).await, expected);
        }
        assert_eq!(count.load(Relaxed), second);
    }
}

#[tokio::test]
async fn viewers_wait_for_the_reading_that_is_being_made() {
    let hub = new_hub(2);
    let (Some(mut first), Some(mut second)) = (hub.admit(), hub.admit()) else {
        panic!("two viewers are allowed")
    };
    let (finish, wait) = mpsc::channel::<()>();
    let cx = Context::from_waker(Waker::noop());
    let slow = move |_: &mut LastReading| {
        wait.recv().expect("the test finishes the reading");
        Bytes::from_static(b"slow")
    };
    assert!(first.poll_reading(&cx, slow).is_pending() && first.is_waiting());
    let unused = |_: &mut LastReading| panic!("a reading is being made");
    assert!(second.poll_reading(&cx, unused).is_pending() && second.is_waiting());
    finish.send(()).expect("the task waits");
    for viewer in [&mut first, &mut second] {
        assert_eq!(reading(viewer, unused).await, Some(Bytes::from_static(b"slow")));
        assert!(!viewer.is_waiting());
    }
}

#[tokio::test]
async fn viewers_lose_their_places_if_a_reading_panics() {
    let hub = new_hub(1);
    let mut viewer = hub.admit().expect("one viewer is allowed");
    assert_eq!(reading(&mut viewer, |_| panic!("a defect")).await, None);
    let mut next = hub.admit().expect("the place is free");
    drop(viewer);
    assert!(reads(&mut next).await && hub.in_flight().is_watched());
}

#[test]
fn viewers_lose_their_places_if_the_runtime_has_ended() {
    let hub = new_hub(2);
    let (Some(mut first), Some(mut second)) = (hub.admit(), hub.admit()) else {
        panic!("two viewers are allowed")
    };
    let runtime = Builder::new_current_thread().build().expect("a runtime can be created");
    let ended = runtime.handle().clone();
    drop(runtime);
    let _entered = ended.enter();
    let cx = Context::from_waker(Waker::noop());
    // The task is dropped at once.
    assert!(first.poll_reading(&cx, |_| Bytes::new()).is_pending());
    for viewer in [&mut first, &mut second] {
        assert_eq!(viewer.poll_reading(&cx, |_| Bytes::new()), Poll::Ready(None));
    }
}

#[tokio::test(start_paused = true)]
async fn late_viewer_gets_the_newest_reading_once() {
    let hub = new_hub(1);
    let viewer = hub.admit().expect("one viewer is allowed");
    let mut timer = viewer.timer();
    timer.tick().await;
    advance(Duration::from_millis(10_500)).await;
    timer.tick().await;
    let before = Instant::now();
    timer.tick().await;
    assert_eq!(before.elapsed(), Duration::from_millis(500), "the next full second");
}

#[tokio::test(start_paused = true)]
async fn stalled_viewer_loses_its_place_to_another_one() {
    let hub = new_hub(2);
    let (Some(mut first), Some(mut second)) = (hub.admit(), hub.admit()) else {
        panic!("two viewers are allowed")
    };
    advance(STALLED / 2).await;
    assert!(reads(&mut second).await);
    assert!(hub.admit().is_none(), "no viewer has stalled");
    advance(STALLED / 2).await;
    let mut third = hub.admit().expect("the first viewer has stalled");
    assert!(hub.admit().is_none(), "the other viewers have not");
    assert!(!reads(&mut first).await && reads(&mut second).await && reads(&mut third).await);
    drop(first);
    assert!(hub.admit().is_none(), "the first viewer had no place any more");
    drop((second, third));
    assert!(hub.admit().is_some());
}

#[tokio::test(start_paused = true)]
async fn requests_are_kept_if_the_only_viewer_loses_its_place() {
    let hub = new_hub(1);
    let first = hub.admit().expect("one viewer is allowed");
    let request = hub.in_flight().keep(Some("/slow"));
    advance(STALLED).await;
    let second = hub.admit().expect("the first viewer has stalled");
    assert_eq!(hub.in_flight().requests().len(), 1);
    drop(request);
    assert!(hub.in_flight().requests().is_empty());
    drop((first, second));
    assert!(!hub.in_flight().is_watched());
}

#[tokio::test(start_paused = true)]
async fn viewer_that_has_been_connected_longest_loses_its_place_after_five_minutes() {
    let hub = new_hub(2);
    let (Some(mut first), Some(mut second)) = (hub.admit(), hub.admit()) else {
        panic!("two viewers are allowed")
    };
    for _ in 1..LONG_CONNECTED.as_secs() {
        advance(PERIOD).await;
        assert!(reads(&mut first).await && reads(&mut second).await && hub.admit().is_none());
    }
    advance(PERIOD).await;
    assert!(reads(&mut first).await && reads(&mut second).await, "nobody else needs a place");
    let mut third = hub.admit().expect("the first viewer has been connected for five minutes");
    assert!(!reads(&mut first).await && reads(&mut second).await && reads(&mut third).await);
    drop(first);
    assert!(hub.admit().is_some(), "so has the second one");
}

#[tokio::test(start_paused = true)]
async fn last_viewer_takes_the_reading_with_it() {
    let hub = new_hub(2);
    let viewers = (hub.admit(), hub.admit());
    assert!(hub.admit().is_none(), "two viewers are allowed");
    let (Some(mut first), Some(second)) = viewers else { panic!("two viewers are allowed") };
    let make = |last: &mut LastReading| {
        last.shown.insert(("requests", ["/", ""]));
        Bytes::new()
    };
    assert!(reading(&mut first, make).await.is_some());
    drop(first);
    assert!(hub.state.lock().newest.is_some() && hub.in_flight().is_watched());
    drop(second);
    assert!(!hub.in_flight().is_watched());
    let state = hub.state.lock();
    assert!(state.newest.is_none() && state.last.shown.is_empty() && state.start.is_none());
}

#[tokio::test]
async fn reading_for_viewers_that_have_left_is_dropped() {
    let hub = new_hub(1);
    let mut viewer = hub.admit().expect("one viewer is allowed");
    let (finish, wait) = mpsc::channel::<()>();
    let old = move |_: &mut LastReading| {
        wait.recv().expect("the test finishes the reading");
        Bytes::from_static(b"old")
    };
    let cx = Context::from_waker(Waker::noop());
    assert!(viewer.poll_reading(&cx, old).is_pending());
    drop(viewer);
    let mut viewer = hub.admit().expect("the place is free");
    let new = |_: &mut LastReading| Bytes::from_static(b"new");
    assert!(viewer.poll_reading(&cx, new).is_pending());
    finish.send(()).expect("the task waits");
    assert_eq!(reading(&mut viewer, new).await, Some(Bytes::from_static(b"new")));
}
