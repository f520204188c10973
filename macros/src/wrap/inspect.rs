//! Inspects the tokens of a function's body, which is never parsed.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// The label of a block that an attribute of this crate generates around a body. Another attribute
/// on the same function recognizes the block by it.
pub(super) const EXPANSION_LABEL: &str = "__streamgauge";

/// Whether another attribute of this crate generated the body. Such a body has one exit, its end.
pub(super) fn is_expansion(body: &Group) -> bool {
    let mut start = body.stream().into_iter();
    let apostrophe = start.next();
    matches!(apostrophe, Some(TokenTree::Punct(punct)) if punct.as_char() == '\'')
        && matches!(start.next(), Some(TokenTree::Ident(label)) if label == EXPANSION_LABEL)
}

/// Whether a body may leave its function before its end: by `return`, by `?`, or within a macro,
/// which may contain either.
pub(super) fn may_exit_early(body: &Group) -> bool {
    has_exit(body.stream())
}

/// The keywords that can stand before a `!` that negates; the other identifiers name a macro.
const KEYWORDS: &[&str] =
    &["if", "while", "match", "in", "else", "return", "break", "let", "mut", "move", "await", "as"];

fn has_exit(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    let mut after_name = false;
    while let Some(token) = tokens.next() {
        let is_exit = match &token {
            TokenTree::Ident(name) => name == "return",
            TokenTree::Punct(punct) if punct.as_char() == '?' => true,
            TokenTree::Punct(punct) if punct.as_char() == '!' => {
                after_name
                    && punct.spacing() == Spacing::Alone
                    && matches!(tokens.peek(), Some(TokenTree::Group(_)))
            }
            TokenTree::Group(group) => has_exit(group.stream()),
            _ => false,
        };
        if is_exit {
            return true;
        }
        after_name = match token {
            TokenTree::Ident(name) => !KEYWORDS.iter().any(|keyword| name == keyword),
            // A macro's name that a `macro_rules!` macro passes on as a path.
            TokenTree::Group(group) => group.delimiter() == Delimiter::None,
            _ => false,
        };
    }
    false
}

/// Whether a body consists of nothing but `todo!()` or a similar macro that never returns.
pub(super) fn is_placeholder(body: &Group) -> bool {
    let mut tokens = body.stream().into_iter();
    let is_known = matches!(tokens.next(), Some(TokenTree::Ident(name))
        if ["todo", "unimplemented", "unreachable", "panic"].iter().any(|known| name == known));
    let is_punct = |token: Option<TokenTree>, wanted| match token {
        Some(TokenTree::Punct(punct)) => punct.as_char() == wanted,
        _ => false,
    };
    is_known
        && is_punct(tokens.next(), '!')
        && matches!(tokens.next(), Some(TokenTree::Group(_)))
        && tokens.next().is_none_or(|token| is_punct(Some(token), ';'))
        && tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;

    use super::has_exit;

    fn has_exit_in(body: &str) -> bool {
        has_exit(body.parse::<TokenStream>().expect("the body consists of tokens"))
    }

    #[test]
    fn early_exits_are_returns_question_marks_and_macros() {
        for body in [
            "if a { return 1 } 2",
            "a?",
            "f(g(a)?)",
            "bail!(\"no\")",
            "anyhow::bail!{}",
            "{ [x![]] }",
            "return",
        ] {
            assert!(has_exit_in(body), "{body}");
        }
    }

    #[test]
    fn early_exits_are_not_negations_breaks_or_names() {
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
            assert!(!has_exit_in(body), "{body}");
        }
    }
}
