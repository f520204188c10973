//! Endpoints that are neither route templates nor names of functions.

use streamgauge::instrument_endpoint;

#[instrument_endpoint(endpoint = "items/new")]
async fn no_slash() {}

#[instrument_endpoint(endpoint = "items", method = "GET")]
async fn name_of_a_handler() {}

#[instrument_endpoint(endpoint = "nightly import")]
async fn name_with_space() {}

#[instrument_endpoint(endpoint = "unmatched")]
async fn name_of_the_library() {}

#[instrument_endpoint(endpoint = "")]
async fn empty() {}

#[instrument_endpoint(endpoint = "/items/:id/parts")]
async fn colon() {}

#[instrument_endpoint(endpoint = "/files/*rest")]
async fn star() {}

#[instrument_endpoint(endpoint = "/files/*")]
async fn bare_star() {}

#[instrument_endpoint(endpoint = "/files/{*rest}/end")]
async fn wildcard_in_the_middle() {}

#[instrument_endpoint(endpoint = "/items/{id")]
async fn open_brace() {}

#[instrument_endpoint(endpoint = "/items/{}")]
async fn no_name() {}

#[instrument_endpoint(endpoint = "/items/{a}{b}")]
async fn two_in_one_segment() {}

#[instrument_endpoint(endpoint = "/items/{id}/parts/{id}")]
async fn twice() {}

#[instrument_endpoint(endpoint = "/items\n")]
async fn control_character() {}

#[instrument_endpoint(endpoint = "https://example.com/items")]
async fn url() {}

#[instrument_endpoint(endpoint = "/items?page={page}")]
async fn query() {}

#[instrument_endpoint(endpoint = "/items#{id}")]
async fn fragment() {}

#[instrument_endpoint(endpoint = "/my items")]
async fn space() {}

#[instrument_endpoint(endpoint = "/items/{id} ")]
async fn space_at_the_end() {}

#[instrument_endpoint(endpoint = " /items")]
async fn space_before() {}

fn main() {
    drop(query());
    drop(fragment());
    drop(space());
    drop(space_at_the_end());
    drop(space_before());
    drop(no_slash());
    drop(name_of_a_handler());
    drop(name_with_space());
    drop(name_of_the_library());
    drop(empty());
    drop(colon());
    drop(star());
    drop(bare_star());
    drop(wildcard_in_the_middle());
    drop(open_brace());
    drop(no_name());
    drop(two_in_one_segment());
    drop(twice());
    drop(control_character());
    drop(url());
}
