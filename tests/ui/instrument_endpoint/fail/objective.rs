//! Objectives that an attribute cannot have.

use streamgauge::instrument_endpoint;

#[instrument_endpoint(objective(success = 99.9))]
async fn without_endpoint() {}

#[instrument_endpoint(endpoint = "/a", objective())]
async fn without_condition() {}

#[instrument_endpoint(endpoint = "/a", objective = 99.9)]
async fn without_parentheses() {}

#[instrument_endpoint(endpoint = "/a", objective(success = 99.99991))]
async fn all_requests() {}

#[instrument_endpoint(endpoint = "/a", objective(success = "99"))]
async fn percentage_in_quotes() {}

#[instrument_endpoint(endpoint = "/a", objective(latency("250 ms", 99.0)))]
async fn time_with_a_space() {}

#[instrument_endpoint(endpoint = "/a", objective(latency = 99.0))]
async fn latency_without_time() {}

#[instrument_endpoint(endpoint = "/a", objective(latency("250ms")))]
async fn latency_without_percentage() {}

#[instrument_endpoint(endpoint = "/a", objective(success = 99.0, success = 98.0))]
async fn twice() {}

#[instrument_endpoint(endpoint = "/a", objective(first_token("1s", 95.0)))]
async fn condition_of_streams() {}

#[instrument_endpoint(endpoint = "/a", objective(sucess = 99.9))]
async fn misspelled() {}

fn main() {}
