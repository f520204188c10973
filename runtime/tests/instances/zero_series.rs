//! Which instances have the series of a function at zero.

use std::convert::Infallible;

use axum::Router;
use axum::routing::get as route_get;
use futures_util::stream;
use streamgauge::{Metrics, PrometheusLayer, instrument_endpoint, streaming_metrics};
use streamgauge_test_support::client::get;
use streamgauge_test_support::{Scrape, page_of};

use crate::processes::{block_on, in_new_process};

#[instrument_endpoint(endpoint = "/orders", method = "GET")]
async fn orders() {}

#[instrument_endpoint(endpoint = "/users", method = "GET")]
async fn users() {}

#[streaming_metrics(endpoint = "/ticks")]
async fn ticks() -> axum::body::Body {
    axum::body::Body::from_stream(stream::iter([Ok::<_, Infallible>("tick")]))
}

fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/orders", route_get(orders))
        .route("/ticks", route_get(ticks))
        .layer(metrics.layer())
}

fn build() -> Metrics {
    Metrics::builder().build().expect("valid")
}

/// Asserts which endpoints of this file an instance shows.
#[track_caller]
fn assert_shows(metrics: &Metrics, requests: &[&str], streams: &[&str]) {
    let scrape = Scrape::of(metrics);
    assert_eq!(scrape.values("app_http_requests_total", "endpoint"), requests);
    assert_eq!(scrape.values("app_active_streams", "endpoint"), streams);
}

const ALL: (&[&str], &[&str]) = (&["/orders", "/users"], &["/ticks"]);

#[test]
fn zero_series_exist_in_the_only_instance_with_a_layer() {
    in_new_process("zero_series::zero_series_exist_in_the_only_instance_with_a_layer", || {
        let metrics = build();
        let beside = build();
        let _app = app(&metrics);
        assert_shows(&metrics, ALL.0, ALL.1);
        let page = page_of(&metrics);
        for line in [
            r#"app_active_requests{method="GET",endpoint="/orders"} 0"#,
            r#"app_http_requests_total{method="GET",endpoint="/orders",status="200",outcome="success"} 0"#,
            r#"app_active_streams{endpoint="/ticks"} 0"#,
            r#"app_stream_chunks_total{endpoint="/ticks"} 0"#,
        ] {
            assert!(page.lines().any(|candidate| candidate == line), "{line} is not in\n{page}");
        }
        assert_shows(&beside, &[], &[]);
    });
}

#[test]
fn zero_series_are_gathered_from_the_registry() {
    in_new_process("zero_series::zero_series_are_gathered_from_the_registry", || {
        let metrics = build();
        let _app = app(&metrics);
        let gathered = metrics.registry().gather();
        assert!(gathered.iter().any(|family| family.name() == "app_http_requests_total"));
    });
}

#[test]
fn zero_series_do_not_exist_without_a_layer() {
    in_new_process("zero_series::zero_series_do_not_exist_without_a_layer", || {
        assert_shows(&build(), &[], &[]);
    });
}

#[test]
fn zero_series_exist_in_neither_of_two_instances_with_layers() {
    in_new_process(
        "zero_series::zero_series_exist_in_neither_of_two_instances_with_layers",
        || {
            block_on(async {
                let (shop, admin) = (build(), build());
                let shop_app = app(&shop);
                let admin_app =
                    Router::new().route("/users", route_get(users)).layer(admin.layer());
                assert_shows(&shop, &[], &[]);
                assert_shows(&admin, &[], &[]);
                get(&shop_app, "/orders").await;
                get(&shop_app, "/ticks").await;
                get(&admin_app, "/users").await;
                assert_shows(&shop, &["/orders", "/ticks"], &["/ticks"]);
                assert_shows(&admin, &["/users"], &[]);
            });
        },
    );
}

#[test]
fn zero_series_are_decided_at_the_first_request_or_page() {
    in_new_process("zero_series::zero_series_are_decided_at_the_first_request_or_page", || {
        block_on(async {
            let (first, second) = (build(), build());
            assert_shows(&first, &[], &[]);
            let first_app = app(&first);
            get(&first_app, "/orders").await;
            let second_app = app(&second);
            assert_shows(&first, ALL.0, ALL.1);
            assert_shows(&second, &[], &[]);
            drop((first, first_app));
            get(&second_app, "/orders").await;
            assert_shows(&second, &["/orders"], &[]);
        });
    });
}

#[test]
fn zero_series_exist_once_the_other_instance_with_a_layer_is_dropped() {
    in_new_process(
        "zero_series::zero_series_exist_once_the_other_instance_with_a_layer_is_dropped",
        || {
            let (old, new) = (build(), build());
            let old_app = app(&old);
            let _new_app = app(&new);
            drop((old, old_app));
            assert_shows(&new, ALL.0, ALL.1);
        },
    );
}

#[test]
fn zero_series_exist_in_the_installed_instance_beside_one_with_a_layer() {
    in_new_process(
        "zero_series::zero_series_exist_in_the_installed_instance_beside_one_with_a_layer",
        || {
            let shop = Metrics::builder().install().expect("nothing is installed yet");
            let admin = build();
            let _apps = (app(shop), app(&admin));
            assert_shows(shop, ALL.0, ALL.1);
            assert_shows(&admin, &[], &[]);
        },
    );
}

#[test]
fn zero_series_exist_in_the_instance_of_the_default_layer() {
    in_new_process("zero_series::zero_series_exist_in_the_instance_of_the_default_layer", || {
        let _app: Router =
            Router::new().route("/orders", route_get(orders)).layer(PrometheusLayer::new());
        assert_shows(Metrics::global(), ALL.0, ALL.1);
    });
}
