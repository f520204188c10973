//! Seeds of the fuzz targets.

use std::path::PathBuf;
use std::{env, fs};

use super::samples;
use crate::llm::replay::PROTOCOLS;

/// A directory in which the samples are written as seeds, with a directory for each target.
const SEEDS: &str = "STREAMGAUGE_FUZZ_SEEDS";

/// The chunks of a seed of `whole_versus_cut`: their lengths, which are repeated.
const LENGTHS: [u8; 7] = [40, 1, 13, 200, 0, 2, 90];

/// `fuzz/fuzz_targets` explains the bytes before the sample.
#[test]
fn seeds_are_written_from_the_samples() {
    let directory = env::var_os(SEEDS).map(PathBuf::from);
    let write = |target: &str, name: &str, seed: &[u8]| {
        let Some(directory) = &directory else { return };
        let directory = directory.join(target);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(name), seed).unwrap();
    };
    for sample in samples::all() {
        let protocol = PROTOCOLS.iter().position(|protocol| *protocol == sample.protocol).unwrap();
        let protocol = u8::try_from(protocol).unwrap();
        let reply = sample.bytes.as_bytes();
        write("whole_versus_cut", sample.name, &[&[protocol], &LENGTHS[..], reply].concat());
        if sample.is_object() {
            write("json_scanner", sample.name, &[&[0], reply].concat());
        }
    }
}
