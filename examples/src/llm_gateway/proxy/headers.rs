//! Request and reply headers that the proxy removes or replaces.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, HOST, InvalidHeaderValue, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Headers that apply to one connection, in addition to those that `Connection` lists (RFC 9110,
/// section 7.6.1).
const HOP_BY_HOP: [HeaderName; 6] =
    [CONNECTION, HeaderName::from_static("keep-alive"), TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// The upstream's API key, as a value for either header that the APIs use.
pub(super) struct Key {
    bearer: HeaderValue,
    bare: HeaderValue,
}

impl Key {
    pub(super) fn new(key: &str) -> Result<Self, InvalidHeaderValue> {
        let [mut bearer, mut bare] =
            [HeaderValue::from_str(&format!("Bearer {key}"))?, HeaderValue::from_str(key)?];
        bearer.set_sensitive(true);
        bare.set_sensitive(true);
        Ok(Self { bearer, bare })
    }
}

/// The header in which an API expects its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyHeader {
    /// `Authorization: Bearer KEY`
    Authorization,
    /// `X-Api-Key: KEY`
    ApiKey,
}

/// Removes the headers that apply only to the connection on which they arrived.
pub(super) fn remove_hop_by_hop_headers(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let proxy_headers: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("proxy-")).cloned().collect();
    for name in listed.iter().chain(&proxy_headers).chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Turns the headers of a client's request into those of the request to the upstream.
///
/// A `key` replaces the client's key, in the header that the client used or else in
/// `default_header`.
pub(super) fn prepare_request_headers(
    headers: &mut HeaderMap,
    key: Option<&Key>,
    default_header: KeyHeader,
) {
    remove_hop_by_hop_headers(headers);
    headers.remove(HOST);
    // Usage cannot be read from a compressed reply.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let Some(key) = key else { return };
    // With a key for the upstream, the client's key is meant for this gateway.
    let has_authorization = headers.remove(AUTHORIZATION).is_some();
    headers.remove(X_API_KEY);
    if has_authorization || default_header == KeyHeader::Authorization {
        headers.insert(AUTHORIZATION, key.bearer.clone());
    } else {
        headers.insert(X_API_KEY, key.bare.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| {
                (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    #[test]
    fn hop_by_hop_headers_are_removed() {
        let mut received = headers(&[
            ("connection", "keep-alive, X-Mine"),
            ("connection", "x-other,, not a name"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic eDp5"),
            ("proxy-connection", "close"),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-mine", "1"),
            ("x-other", "1"),
            ("content-length", "12"),
            ("x-request-id", "7"),
        ]);
        remove_hop_by_hop_headers(&mut received);
        assert_eq!(received, headers(&[("content-length", "12"), ("x-request-id", "7")]));
    }

    #[test]
    fn accept_encoding_is_replaced_by_identity() {
        let mut forwarded = headers(&[("host", "here"), ("accept-encoding", "gzip, br")]);
        prepare_request_headers(&mut forwarded, None, KeyHeader::Authorization);
        assert_eq!(forwarded, headers(&[("accept-encoding", "identity")]));
    }

    #[test]
    fn client_key_is_forwarded_without_a_key_for_the_upstream() {
        let own =
            [("accept-encoding", "identity"), ("authorization", "theirs"), ("x-api-key", "too")];
        let mut forwarded = headers(&own);
        prepare_request_headers(&mut forwarded, None, KeyHeader::ApiKey);
        assert_eq!(forwarded, headers(&own));
    }

    #[test]
    fn key_is_sent_in_the_header_of_the_client_or_else_of_the_api() {
        use KeyHeader::{ApiKey, Authorization};
        let key = Key::new("ours").unwrap();
        let (bearer, bare) = (("authorization", "Bearer ours"), ("x-api-key", "ours"));
        for (client, default_header, expected) in [
            (&[("authorization", "Bearer theirs")][..], Authorization, bearer),
            (&[("authorization", "Bearer theirs"), ("x-api-key", "theirs")], ApiKey, bearer),
            (&[("authorization", "Bearer theirs")], ApiKey, bearer),
            (&[("x-api-key", "theirs")], ApiKey, bare),
            (&[("x-api-key", "theirs")], Authorization, bearer),
            (&[], Authorization, bearer),
            (&[], ApiKey, bare),
        ] {
            let mut forwarded = headers(client);
            prepare_request_headers(&mut forwarded, Some(&key), default_header);
            let identity = ("accept-encoding", "identity");
            assert_eq!(forwarded, headers(&[identity, expected]), "{client:?} {default_header:?}");
        }
    }

    #[test]
    fn key_is_never_part_of_debug_output_or_errors() {
        let key = Key::new("sk-secret").unwrap();
        assert_eq!(format!("{:?} {:?}", key.bearer, key.bare), "Sensitive Sensitive");
        for invalid in ["sk-secret\n", "sk-\0secret", "\u{7f}secret"] {
            let error = Key::new(invalid).err().unwrap();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }
}
