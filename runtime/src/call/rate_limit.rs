//! What a reply says is left of the provider's rate limit.

use http::{HeaderMap, HeaderName};

use crate::series::Resource;

/// The response headers that say how much is left. The documentation of the module
/// [`call`](super) has the same table, with the providers that send them.
const HEADERS: &[(&str, Resource)] = &[
    ("x-ratelimit-remaining-requests", Resource::Requests),
    ("x-ratelimit-remaining-tokens", Resource::Tokens),
    ("anthropic-ratelimit-requests-remaining", Resource::Requests),
    ("anthropic-ratelimit-tokens-remaining", Resource::Tokens),
    ("anthropic-ratelimit-input-tokens-remaining", Resource::InputTokens),
    ("anthropic-ratelimit-output-tokens-remaining", Resource::OutputTokens),
    ("x-ratelimit-remaining-tokens-prompt", Resource::InputTokens),
    ("x-ratelimit-remaining-tokens-generated", Resource::OutputTokens),
    ("x-ratelimit-remaining-requests-day", Resource::Requests),
    ("x-ratelimit-remaining-tokens-minute", Resource::Tokens),
    ("x-ratelimit-remaining-req-minute", Resource::Requests),
    ("x-ratelimit-remaining", Resource::Requests),
    ("x-tokenlimit-remaining", Resource::Tokens),
];

/// What is left of each resource, as far as a reply says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RateLimits([Option<u64>; Resource::COUNT]);

impl RateLimits {
    /// Reads the headers of a reply. A value that is not a whole number is ignored. Of several
    /// headers for one resource the first in the table counts.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut limits = Self::default();
        for (name, resource) in HEADERS {
            let left = &mut limits.0[resource.index()];
            if left.is_none() {
                *left = headers.get(HeaderName::from_static(name)).and_then(|value| {
                    let digits = value.to_str().ok()?.trim();
                    // `parse` accepts a sign.
                    if digits.starts_with('+') { None } else { digits.parse().ok() }
                });
            }
        }
        limits
    }

    /// Iterates over what is known.
    pub(crate) fn iter(self) -> impl Iterator<Item = (Resource, u64)> {
        Resource::ALL.into_iter().filter_map(move |resource| {
            let left = self.0[resource.index()]?;
            Some((resource, left))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(headers: &[(&'static str, &'static str)]) -> Vec<(&'static str, u64)> {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), value.parse().expect("a header value"))
        });
        let limits = RateLimits::read(&headers.collect());
        limits.iter().map(|(resource, left)| (resource.as_str(), left)).collect()
    }

    #[test]
    fn rate_limits_are_read_from_the_headers_of_openai_and_anthropic() {
        assert_eq!(
            left(&[
                ("x-ratelimit-remaining-requests", "59"),
                ("x-ratelimit-remaining-tokens", "149984")
            ]),
            [("requests", 59), ("tokens", 149_984)]
        );
        assert_eq!(
            left(&[
                ("anthropic-ratelimit-requests-remaining", "7"),
                ("anthropic-ratelimit-input-tokens-remaining", "80000"),
                ("anthropic-ratelimit-output-tokens-remaining", "16000"),
            ]),
            [("requests", 7), ("input_tokens", 80_000), ("output_tokens", 16_000)]
        );
    }

    #[test]
    fn rate_limits_ignore_text_signs_and_fractions() {
        for value in ["unlimited", "", "-1", "+1", "1.5", "99999999999999999999999", "0x10", "1e3"]
        {
            assert_eq!(left(&[("x-ratelimit-remaining-tokens", value)]), [], "{value}");
        }
        assert_eq!(left(&[("x-ratelimit-remaining-tokens", " 12 ")]), [("tokens", 12)]);
    }
}
