//! `#[instrument_endpoint]`: records the requests that a handler serves.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{Error, LitStr, Path};

use crate::arguments::Arguments;
use crate::endpoint::Endpoint;
use crate::errors::Errors;
use crate::function::Function;
use crate::objective::{Condition, Objective};
use crate::tokens::{hygienic, option};
use crate::wrap::{Recording, wrap};

const NAME: &str = "instrument_endpoint";

/// Expands the attribute.
pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let mut errors = Errors::default();
    let args = Args::parse(args, &mut errors);
    let function = errors.keep(Function::parse(NAME, item));
    let handler = Handler::validate(args, function, &mut errors);
    errors.finish()?;
    Ok(handler.map(Handler::expand).unwrap_or_default())
}

/// The arguments as written.
struct Args {
    endpoint: Option<LitStr>,
    method: Option<LitStr>,
    objective: Option<(Ident, TokenStream)>,
    krate: Path,
}

impl Args {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let known = &["endpoint", "method", "objective", "crate"];
        let mut given = Arguments::parse(NAME, known, tokens, errors);
        Self {
            endpoint: given.string("endpoint", errors),
            method: given.string("method", errors),
            objective: given.list("objective"),
            krate: given.crate_path(),
        }
    }
}

/// A valid use of the attribute.
struct Handler {
    function: Function,
    endpoint: Option<Endpoint>,
    method: Method,
    objective: Objective,
    krate: Path,
}

impl Handler {
    fn validate(args: Args, function: Option<Function>, errors: &mut Errors) -> Option<Self> {
        let conditions = [Condition::Success, Condition::Latency];
        let objective =
            Objective::validate(args.objective, &conditions, args.endpoint.as_ref(), errors);
        // A function with a method serves requests.
        let endpoint = match args.method {
            Some(_) => Endpoint::validate_route(args.endpoint, errors),
            None => Endpoint::validate(args.endpoint, errors),
        };
        let method = Method::validate(args.method.as_ref(), errors);
        Some(Self { function: function?, endpoint, method, objective, krate: args.krate })
    }

    fn expand(self) -> TokenStream {
        let Self { function, endpoint, method, objective, krate } = self;
        let objective = objective.expand(&krate);
        let private = quote! { #krate::__private };
        let (name, endpoint, method) =
            (function.name(), option(endpoint), hygienic(method.variant));
        let guard = hygienic("__guard");
        let recording = Recording {
            attribute: NAME,
            krate: &krate,
            labels: TokenStream::new(),
            identifiers: Vec::new(),
            guard: guard.clone(),
            open: quote! {
                #private::start(#private::site!(
                    #private::Site::requests(#name, #endpoint, #private::Method::#method) #objective
                ))
            },
            enters_call: false,
            close: &|reply| {
                quote! {
                    #private::finish(#guard, #private::inspect!(&#reply));
                    #reply
                }
            },
        };
        wrap(function, &recording).into_token_stream()
    }
}

/// A value of the label `method`.
struct Method {
    /// The variant of `streamgauge::__private::Method`.
    variant: &'static str,
}

/// The values of the argument `method`, each with its variant.
const METHODS: &[(&str, &str)] = &[
    ("GET", "Get"),
    ("HEAD", "Head"),
    ("POST", "Post"),
    ("PUT", "Put"),
    ("DELETE", "Delete"),
    ("PATCH", "Patch"),
    ("OPTIONS", "Options"),
    ("TRACE", "Trace"),
    ("CONNECT", "Connect"),
];

impl Method {
    /// Outside a request, without the argument.
    const UNKNOWN: Self = Self { variant: "Unknown" };

    fn validate(method: Option<&LitStr>, errors: &mut Errors) -> Self {
        let Some(method) = method else { return Self::UNKNOWN };
        let value = method.value();
        if let Some((_, variant)) = METHODS.iter().find(|(name, _)| *name == value) {
            return Self { variant };
        }
        let in_capitals = METHODS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&value));
        let message = match in_capitals {
            Some((name, _)) => format!("methods are written in capitals: \"{name}\""),
            None => {
                let known: Vec<_> = METHODS.iter().map(|(name, _)| *name).collect();
                format!("unknown method {value:?}; the methods are {}", known.join(", "))
            }
        };
        errors.at(method, message);
        Self::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::{TokenStream, TokenTree};
    use quote::{ToTokens, quote};
    use streamgauge::__private::Method;

    use super::{METHODS, attribute};

    /// All variants that name a method. The `match` fails to compile when the runtime has another
    /// one.
    fn variants() -> [Method; 9] {
        use Method::{
            Connect, Delete, Get, Head, Options, Other, Patch, Post, Put, Trace, Unknown,
        };
        match Unknown {
            Get | Head | Post | Put | Delete | Patch | Options | Trace | Connect | Other
            | Unknown => {}
        }
        [Get, Head, Post, Put, Delete, Patch, Options, Trace, Connect]
    }

    #[test]
    fn methods_are_those_of_the_runtime() {
        let runtime = variants().map(|method| (method.as_str().to_owned(), format!("{method:?}")));
        let macros: Vec<_> = METHODS
            .iter()
            .map(|(name, variant)| ((*name).to_owned(), (*variant).to_owned()))
            .collect();
        assert_eq!(macros, runtime);
    }

    fn tokens(source: &str) -> TokenStream {
        source.parse().expect("the source consists of tokens")
    }

    /// Splits a function into the tokens before its body, and the body.
    fn split(expanded: TokenStream) -> (String, TokenStream) {
        let mut tokens: Vec<TokenTree> = expanded.into_iter().collect();
        let body = tokens.pop().map(TokenTree::into_token_stream).unwrap_or_default();
        (tokens.into_iter().collect::<TokenStream>().to_string(), body)
    }

    fn contains_group(tokens: TokenStream, wanted: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Group(group) => {
                group.to_string() == wanted || contains_group(group.stream(), wanted)
            }
            _ => false,
        })
    }

    /// While a user types, an editor expands the function and completes what follows the dot.
    #[test]
    fn unfinished_body_is_kept_in_a_function_that_parses() {
        for body in ["{ request. }", "{ let x = request. ; if x { return } }", "{ request.id? + }"]
        {
            let body = tokens(body).to_string();
            for start in ["async fn f(request: Request) -> u32", "pub fn f(request: Request)"] {
                let item = tokens(&format!("{start} {body}"));
                let expanded = attribute(quote! {}, item).expect("the function is valid");
                let (signature, expanded) = split(expanded);
                assert_eq!(signature, tokens(start).to_string());
                assert!(contains_group(expanded, &body), "{body}");
            }
        }
    }
}
