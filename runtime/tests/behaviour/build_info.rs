//! The gauge `build_info`, whose labels describe the running build.

use prometheus::{IntCounter, IntGauge, Opts, Registry};
use streamgauge::{BuildError, Metrics, MetricsBuilder};
use streamgauge_test_support::page_of;

fn page(builder: MetricsBuilder) -> String {
    page_of(&builder.build().expect("valid"))
}

fn refused(builder: MetricsBuilder) -> String {
    builder.build().expect_err("the settings are invalid").to_string()
}

#[test]
fn build_info_has_its_own_and_the_constant_labels() {
    let builder = Metrics::builder()
        .prefix("shop")
        .label("region", "eu")
        .build_info([("version", "1.2.3"), ("revision", "")])
        .build_info(vec![("branch".to_owned(), "the \"main\" one".to_owned())]);
    let page = page(builder);
    let line =
        r#"shop_build_info{branch="the \"main\" one",region="eu",revision="",version="1.2.3"} 1"#;
    assert!(page.lines().any(|candidate| candidate == line), "{page}");
    assert!(page.contains("# TYPE shop_build_info gauge\n"), "{page}");
    assert!(page.contains("# HELP shop_build_info Always 1"), "{page}");
}

#[test]
fn build_info_is_off_by_default_and_follows_the_prefix() {
    let unprefixed = page(Metrics::builder().prefix("").build_info([("version", "1")]));
    assert!(unprefixed.contains("\nbuild_info{version=\"1\"} 1\n"), "{unprefixed}");
    assert!(!page(Metrics::builder()).contains("build_info"));
}

#[test]
fn build_info_labels_may_repeat_label_names_of_the_families() {
    let page = page(Metrics::builder().build_info([("model", "x86"), ("version", "1")]));
    assert!(page.contains("app_build_info{model=\"x86\",version=\"1\"} 1\n"), "{page}");
}

#[test]
fn build_info_rejects_invalid_labels() {
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
fn build_info_name_clash_leaves_the_registry_unchanged() {
    let registry = Registry::new();
    let build = || {
        let builder = Metrics::builder().registry(registry.clone());
        builder.build_info([("version", "1")]).build()
    };
    let own = Opts::new("app_build_info", "Mine.");
    let own = IntGauge::with_opts(own.const_label("version", "1")).expect("valid");
    registry.register(Box::new(own.clone())).expect("the name is free");
    let error = build().expect_err("the name is taken");
    assert!(matches!(error, BuildError::Registry(_)), "{error}");
    assert_eq!(registry.gather().len(), 1);
    // The families have been removed again: an instance without the gauge can be registered.
    Metrics::builder().registry(registry.clone()).build().expect("the registry has free names");

    let registry = Registry::new();
    let families = Metrics::builder().registry(registry.clone()).build().expect("valid");
    let second = Metrics::builder().registry(registry.clone()).build_info([("version", "1")]);
    assert!(matches!(second.build(), Err(BuildError::Registry(_))));
    let free = IntCounter::new("app_build_info", "Mine.").expect("a name");
    registry.register(Box::new(free)).expect("the name is free");
    drop(families);
}
