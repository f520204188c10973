# The stages of `.ci/run`, for those who use just. `just` by itself lists them.

[private]
default:
    @just --list

# All stages
all:
    .ci/run

# Formatting
format:
    .ci/run format

# Clippy, for the whole workspace
lint:
    .ci/run lint

# Clippy without features and with each feature by itself
features:
    .ci/run features

# The hermetic tests
test:
    .ci/run test

# Tests with client crates, OpenTelemetry and utoipa
integrations:
    .ci/run integrations

# All interleavings of small models of the storage, and a billion additions
models:
    .ci/run models

# The snippets of README and guide, with the dependencies that these name
snippets:
    .ci/run snippets

# Instruction counts of the benchmarks, compared with the kept ones
instructions:
    .ci/run instructions

# Each fuzz target, for ten seconds
fuzz:
    .ci/run fuzz

# Build and test with Rust 1.85
msrv:
    .ci/run msrv

# Build and test with the lowest versions of all dependencies
minimal:
    .ci/run minimal

# Documentation, in all feature sets, and its links
docs:
    .ci/run docs

# Both packages, as they would be published
package:
    .ci/run package

# Licences and sources of dependencies
deny:
    .ci/run deny

# Changes of the public API since the newest release
semver:
    .ci/run semver

# End-to-end tests with real clients and scrapers
e2e:
    .ci/run e2e
