//! The guide, with one module for each chapter. An [mdBook] of the same chapters can be made from
//! the repository.
//!
//! A chapter's snippets use the dependencies that [Getting started](getting_started) names, and
//! those that the chapter names itself.
//!
//! [mdBook]: https://rust-lang.github.io/mdBook/

/// Declares one module for each chapter, with the text of a file in `docs`.
///
/// The chapters link to each other's files. `links.md` comes first in each module, because the
/// first definition of a link's label applies: there the labels lead to modules instead.
macro_rules! chapters {
    ($($name:ident $file:literal)*) => {$(
        #[doc = include_str!("links.md")]
        #[doc = include_str!(concat!("../../docs/", $file))]
        pub mod $name {}
    )*};
}

chapters! {
    getting_started "getting-started.md"
    metrics "metrics.md"
    errors "errors.md"
    streaming "streaming.md"
    llm_calls "llm-calls.md"
    protocols "protocols.md"
    gateway "gateway.md"
    monitoring "monitoring.md"
    alerts "alerts.md"
    live "live.md"
    promql "promql.md"
    request_labels "request-labels.md"
    exporting "exporting.md"
    testing "testing.md"
    turning_off "turning-off.md"
    deployment "deployment.md"
    from_fastapi "from-fastapi.md"
    from_other_crates "from-other-crates.md"
    metrics_facade "metrics-facade.md"
    performance "performance.md"
    limitations "limitations.md"
    architecture "architecture.md"
}
