//! What a body's tokens tell without being parsed.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// The label of a body that an attribute has made: within it, everything that leaves is caught.
pub(crate) const CAUGHT: &str = "__streamgauge";

/// Whether a body may leave its function before its end, as far as its tokens show: what a macro hides
/// in them counts as leaving.
pub(crate) fn may_leave(body: &Group) -> bool {
    leaves(body.stream())
}

/// Whether an attribute has made the body.
pub(crate) fn is_caught(body: &Group) -> bool {
    let mut start = body.stream().into_iter();
    let apostrophe = start.next();
    matches!(apostrophe, Some(TokenTree::Punct(punct)) if punct.as_char() == '\'')
        && matches!(start.next(), Some(TokenTree::Ident(label)) if label == CAUGHT)
}

/// What may stand before a `!` that negates.
const KEYWORDS: &[&str] =
    &["if", "while", "match", "in", "else", "return", "break", "let", "mut", "move", "await", "as"];

/// `return`, `?`, or a macro's call.
fn leaves(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    let mut names_macro = false;
    while let Some(token) = tokens.next() {
        let leaves = match &token {
            TokenTree::Ident(name) => name == "return",
            TokenTree::Punct(punct) if punct.as_char() == '?' => true,
            TokenTree::Punct(punct) if punct.as_char() == '!' => {
                names_macro
                    && punct.spacing() == Spacing::Alone
                    && matches!(tokens.peek(), Some(TokenTree::Group(_)))
            }
            TokenTree::Group(group) => leaves(group.stream()),
            _ => false,
        };
        if leaves {
            return true;
        }
        names_macro = match token {
            TokenTree::Ident(name) => !KEYWORDS.iter().any(|keyword| name == keyword),
            // A name that a `macro_rules!` macro was given as a path.
            TokenTree::Group(group) => group.delimiter() == Delimiter::None,
            _ => false,
        };
    }
    false
}

/// Whether a body is nothing but a macro that never returns, as one is that is still to be written.
pub(crate) fn is_stub(body: &Group) -> bool {
    let mut tokens = body.stream().into_iter();
    let named = matches!(tokens.next(), Some(TokenTree::Ident(name))
        if ["todo", "unimplemented", "unreachable", "panic"].iter().any(|known| name == known));
    let is = |token: Option<TokenTree>, wanted| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    named
        && is(tokens.next(), '!')
        && matches!(tokens.next(), Some(TokenTree::Group(_)))
        && tokens.next().is_none_or(|token| is(Some(token), ';'))
        && tokens.next().is_none()
}

/// Every identifier in some tokens, but for those of fields and methods.
pub(crate) fn names_in(tokens: TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    let mut after_dot = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(name) if !after_dot => names.push(name.to_string()),
            TokenTree::Group(group) => names.extend(names_in(group.stream())),
            _ => {}
        }
        after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
    }
    names
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;

    use super::leaves;

    fn leaves_early(body: &str) -> bool {
        leaves(body.parse::<TokenStream>().expect("tokens"))
    }

    #[test]
    fn what_returns_leaves() {
        for body in [
            "if a { return 1 } 2",
            "a?",
            "f(g(a)?)",
            "bail!(\"no\")",
            "anyhow::bail!{}",
            "{ [x![]] }",
            "return",
        ] {
            assert!(leaves_early(body), "{body}");
        }
    }

    #[test]
    fn what_runs_to_its_end_does_not() {
        for body in [
            "a + 1",
            "if a != (b) { !c } else { d }",
            "if !(a) { b } else { !(c) }",
            "while !(a && b) {}",
            "a.await; loop { break 1 }",
            "self.returned()",
            "let r#return = 1;",
            "match a { x if !x.y() => 1, _ => 2 }",
        ] {
            assert!(!leaves_early(body), "{body}");
        }
    }
}
