use streamgauge::{Usage, track_tokens};

#[track_tokens(provider = "house", model = "small-1", endpoint = "nightly")]
pub async fn summarize(words: u64) -> Usage {
    Usage::new(words, 20)
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use streamgauge::Metrics;
    use streamgauge::testing::Page;

    use super::*;

    #[tokio::test]
    async fn nightly_summary_is_one_call() -> Result<(), Box<dyn Error>> {
        let before = Page::scrape(Metrics::global())?;
        summarize(12).await;
        let after = Page::scrape(Metrics::global())?;

        let nightly = [("endpoint", "nightly")];
        assert_eq!(after.increase_since(&before, "app_llm_calls_total", nightly), 1.0);
        assert_eq!(after.increase_since(&before, "app_token_usage_total", nightly), 32.0);
        Ok(())
    }
}
