//! What the status of a response says: the only place that classifies statuses.

use http::StatusCode;

/// The classes of statuses that outcomes distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusClass {
    /// From 100 to 399.
    Success,
    /// From 400 to 499.
    ClientError,
    /// From 500. HTTP assigns no meaning to the statuses from 600 to 999, and a client treats a
    /// status outside the range from 100 to 599 as a server error (RFC 9110, section 15).
    ServerError,
}

impl StatusClass {
    #[inline]
    pub(crate) fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            ..400 => Self::Success,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }

    /// Returns whether the response describes an error.
    #[inline]
    pub(crate) fn is_error(self) -> bool {
        self != Self::Success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_class_follows_from_the_hundreds() {
        for (status, class) in [
            (100, StatusClass::Success),
            (399, StatusClass::Success),
            (400, StatusClass::ClientError),
            (499, StatusClass::ClientError),
            (500, StatusClass::ServerError),
            (599, StatusClass::ServerError),
            (600, StatusClass::ServerError),
            (999, StatusClass::ServerError),
        ] {
            let code = StatusCode::from_u16(status).expect("three digits are a status");
            assert_eq!(StatusClass::of(code), class, "{status}");
        }
    }
}
