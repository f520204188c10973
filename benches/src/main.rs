//! streamgauge measured against its peers, in one run:
//! `cargo run --release -p streamgauge-benches`.
//!
//! Absolute times move with the machine and with what else it does. Contenders are therefore measured in
//! turns of a few milliseconds, and what counts are the differences within one run.

mod chunk;
mod measure;
mod router;

fn main() -> std::io::Result<()> {
    // Peers spawn tasks of their own.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    router::run();
    chunk::run();
    Ok(())
}
