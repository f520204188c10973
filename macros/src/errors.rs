//! Collects the errors of one use of a macro, so that the user sees all of them at once.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::Error;

/// The errors found so far.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    /// Adds an error.
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Adds an error that points at `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    /// Returns the value of `result`, or adds its error.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Adds an error at `tokens` if streamgauge is built without its feature `axum`, which enables
    /// the feature of the same name of this crate.
    pub(crate) fn require_axum(&mut self, what: &str, tokens: impl ToTokens) {
        if !cfg!(feature = "axum") {
            let message =
                format!("{what} needs axum's types: enable the feature `axum` of streamgauge");
            self.at(tokens, message);
        }
    }

    /// Whether there are no errors so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns all errors as one, if there are any.
    pub(crate) fn finish(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Emits compile errors next to `item`. The item stays, so that code that uses it does not fail to
/// compile as well.
pub(crate) fn report(error: &Error, item: TokenStream) -> TokenStream {
    let mut tokens = item;
    tokens.extend(error.to_compile_error());
    tokens
}
