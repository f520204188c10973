//! The gauge that tells which build is running.

use prometheus::{IntCounter, IntGauge, Opts, Registry};
use streamgauge::{BuildError, Metrics, MetricsBuilder};
use streamgauge_test_support::page_of;

fn page(builder: MetricsBuilder) -> String {
    page_of(&builder.build().expect("valid"))
}

fn refused(builder: MetricsBuilder) -> String {
    builder.build().expect_err("this does not work").to_string()
}

#[test]
fn it_is_there_from_the_start_with_its_labels_and_the_constant_ones() {
    let builder = Metrics::builder()
        .prefix("shop")
        .label("region", "eu")
        .build_info([("version", "1.2.3"), ("revision", "")])
        .build_info(vec![("branch".to_owned(), "the \"main\" one".to_owned())]);
    let page = page(builder);
    let line =
        r#"shop_build_info{branch="the \"main\" one",region="eu",revision="",version="1.2.3"} 1"#;
    assert!(page.lines().any(|there| there == line), "{page}");
    assert!(page.contains("# TYPE shop_build_info gauge\n"), "{page}");
    assert!(page.contains("# HELP shop_build_info Always 1"), "{page}");
}

#[test]
fn without_a_prefix_its_name_is_bare_and_unasked_it_is_not_there() {
    let bare = page(Metrics::builder().prefix("").build_info([("version", "1")]));
    assert!(bare.contains("\nbuild_info{version=\"1\"} 1\n"), "{bare}");
    assert!(!page(Metrics::builder()).contains("build_info"));
}

#[test]
fn its_labels_may_have_names_that_the_families_have() {
    let page = page(Metrics::builder().build_info([("model", "x86"), ("version", "1")]));
    assert!(page.contains("app_build_info{model=\"x86\",version=\"1\"} 1\n"), "{page}");
}

#[test]
fn labels_that_do_not_work_are_errors() {
    for name in ["", "my-version", "1st", "a:b"] {
        let error = refused(Metrics::builder().build_info([(name, "1")]));
        assert!(error.contains(&format!("{name:?} is not a label name")), "{error}");
    }
    for name in ["__name__", "le", "quantile"] {
        let error = refused(Metrics::builder().build_info([(name, "1")]));
        assert!(error.contains(&format!("{name:?} is taken")), "{error}");
    }
    let twice = [
        Metrics::builder().build_info([("version", "1"), ("version", "1")]),
        Metrics::builder().build_info([("version", "1")]).build_info([("version", "2")]),
        Metrics::builder().label("version", "1").build_info([("version", "2")]),
    ];
    for builder in twice {
        let error = refused(builder);
        assert!(error.contains("\"version\" is given twice"), "{error}");
    }
    let error = refused(Metrics::builder().build_info([("", ""); 0]));
    assert!(error.contains("CARGO_PKG_VERSION"), "{error}");
}

#[test]
fn a_name_that_is_taken_is_an_error_that_leaves_nothing_in_the_registry() {
    let registry = Registry::new();
    let build = || {
        let builder = Metrics::builder().registry(registry.clone());
        builder.build_info([("version", "1")]).build()
    };
    let own = Opts::new("app_build_info", "Mine.");
    let own = IntGauge::with_opts(own.const_label("version", "1")).expect("valid");
    registry.register(Box::new(own.clone())).expect("it is new");
    let error = build().expect_err("the name is taken");
    assert!(matches!(error, BuildError::Registry(_)), "{error}");
    assert_eq!(registry.gather().len(), 1);
    // The families are out again: an instance without the gauge fits.
    Metrics::builder().registry(registry.clone()).build().expect("nothing of it was left");

    let registry = Registry::new();
    let families = Metrics::builder().registry(registry.clone()).build().expect("valid");
    let second = Metrics::builder().registry(registry.clone()).build_info([("version", "1")]);
    assert!(matches!(second.build(), Err(BuildError::Registry(_))));
    let free = IntCounter::new("app_build_info", "Mine.").expect("a name");
    registry.register(Box::new(free)).expect("the name is free");
    drop(families);
}
