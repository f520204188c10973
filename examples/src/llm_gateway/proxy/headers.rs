//! Which headers pass a proxy.

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, HOST, InvalidHeaderValue, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What belongs to one connection alone, beside what `Connection` names (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 6] =
    [CONNECTION, HeaderName::from_static("keep-alive"), TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// The upstream's key, in the forms in which the APIs ask for it.
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

/// The header in which an API wants its key, where the client has not chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyHeader {
    Authorization,
    ApiKey,
}

/// Leaves out what is between a neighbour and this gateway only.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let of_proxies: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("proxy-")).cloned().collect();
    for name in named.iter().chain(&of_proxies).chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Makes a client's headers those of a request to the upstream.
pub(super) fn forward(headers: &mut HeaderMap, key: Option<&Key>, wanted: KeyHeader) {
    strip_hop_by_hop(headers);
    headers.remove(HOST);
    // What is compressed could not be read on its way.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let Some(key) = key else { return };
    // Whatever the client knows of keys is between it and this gateway.
    let bearer = headers.remove(AUTHORIZATION).is_some();
    headers.remove(X_API_KEY);
    if bearer || wanted == KeyHeader::Authorization {
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
    fn what_is_of_one_connection_stays_there() {
        let mut both = headers(&[
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
        strip_hop_by_hop(&mut both);
        assert_eq!(both, headers(&[("content-length", "12"), ("x-request-id", "7")]));
    }

    #[test]
    fn replies_are_asked_for_as_they_are() {
        let mut asked = headers(&[("host", "here"), ("accept-encoding", "gzip, br")]);
        forward(&mut asked, None, KeyHeader::Authorization);
        assert_eq!(asked, headers(&[("accept-encoding", "identity")]));
    }

    #[test]
    fn without_a_key_the_clients_own_passes() {
        let own =
            [("accept-encoding", "identity"), ("authorization", "theirs"), ("x-api-key", "too")];
        let mut asked = headers(&own);
        forward(&mut asked, None, KeyHeader::ApiKey);
        assert_eq!(asked, headers(&own));
    }

    #[test]
    fn the_key_stands_where_the_client_or_else_the_api_has_it() {
        use KeyHeader::{ApiKey, Authorization};
        let key = Key::new("ours").unwrap();
        let (bearer, bare) = (("authorization", "Bearer ours"), ("x-api-key", "ours"));
        for (client, wanted, expected) in [
            (&[("authorization", "Bearer theirs")][..], Authorization, bearer),
            (&[("authorization", "Bearer theirs"), ("x-api-key", "theirs")], ApiKey, bearer),
            (&[("authorization", "Bearer theirs")], ApiKey, bearer),
            (&[("x-api-key", "theirs")], ApiKey, bare),
            (&[("x-api-key", "theirs")], Authorization, bearer),
            (&[], Authorization, bearer),
            (&[], ApiKey, bare),
        ] {
            let mut asked = headers(client);
            forward(&mut asked, Some(&key), wanted);
            let identity = ("accept-encoding", "identity");
            assert_eq!(asked, headers(&[identity, expected]), "{client:?} {wanted:?}");
        }
    }

    #[test]
    fn a_key_is_sensitive_or_refused_without_its_text() {
        let key = Key::new("sk-secret").unwrap();
        assert_eq!(format!("{:?} {:?}", key.bearer, key.bare), "Sensitive Sensitive");
        for bad in ["sk-secret\n", "sk-\0secret", "\u{7f}secret"] {
            let error = Key::new(bad).err().unwrap();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }
}
