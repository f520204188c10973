//! Parses the names of types as the compiler writes them.

/// A type, and the part of the compiler's name that describes it.
pub(super) struct Type<'a> {
    pub(super) source: &'a str,
    pub(super) kind: Kind<'a>,
}

pub(super) enum Kind<'a> {
    /// The names of crate, modules, functions and type, without closures and `impl` blocks.
    Path {
        segments: Vec<&'a str>,
        parameters: Vec<Type<'a>>,
    },
    /// A reference or a raw pointer.
    Pointer(Box<Type<'a>>),
    Tuple(Vec<Type<'a>>),
    /// A slice or an array.
    Slice(Box<Type<'a>>),
    /// A trait object, with its first trait.
    Dyn(Box<Type<'a>>),
    /// A function pointer, a lifetime or a constant.
    Other,
}

/// Parses the name of a type. Returns `None` if it is not written as expected: the compiler does
/// not promise a format.
pub(super) fn parse(type_name: &str) -> Option<Type<'_>> {
    let mut parser = Parser { rest: type_name };
    let ty = parser.ty()?;
    parser.rest.is_empty().then_some(ty)
}

/// Returns whether a parameter is a lifetime. A character ends with the quote.
fn is_lifetime(parameter: &str) -> bool {
    parameter.starts_with('\'') && !parameter.ends_with('\'')
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Consumes the bytes up to the next one that `is_end` accepts outside any brackets.
    fn skip_until(&mut self, is_end: impl Fn(u8) -> bool) -> &'a str {
        let bytes = self.rest.as_bytes();
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if depth == 0 && is_end(byte) {
                break;
            }
            match byte {
                b'(' | b'[' | b'{' | b'<' => depth += 1,
                b'>' if at > 0 && bytes[at - 1] == b'-' => {}
                b')' | b']' | b'}' | b'>' if depth == 0 => break,
                b')' | b']' | b'}' | b'>' => depth -= 1,
                // A character as a parameter, which may be a bracket.
                b'\'' if bytes.get(at + 1) == Some(&b'\\') => at += 2,
                b'\'' if bytes.get(at + 2) == Some(&b'\'') => at += 2,
                _ => {}
            }
            at += 1;
        }
        let (skipped, rest) = self.rest.split_at_checked(at).unwrap_or((self.rest, ""));
        self.rest = rest;
        skipped
    }

    fn ty(&mut self) -> Option<Type<'a>> {
        let start = self.rest;
        let kind = self.kind()?;
        let source = &start[..start.len() - self.rest.len()];
        (!source.is_empty()).then_some(Type { source, kind })
    }

    fn kind(&mut self) -> Option<Kind<'a>> {
        let is_end = |byte| matches!(byte, b',' | b';');
        if self.eat("&") {
            if self.rest.starts_with('\'') {
                self.skip_until(|byte| byte == b' ');
                self.eat(" ");
            }
            self.eat("mut ");
            Some(Kind::Pointer(Box::new(self.ty()?)))
        } else if self.eat("*const ") || self.eat("*mut ") {
            Some(Kind::Pointer(Box::new(self.ty()?)))
        } else if self.eat("(") {
            self.list(")").map(Kind::Tuple)
        } else if self.eat("[") {
            let item = self.ty()?;
            if self.eat("; ") {
                self.skip_until(|byte| byte == b']');
            }
            self.eat("]").then(|| Kind::Slice(Box::new(item)))
        } else if self.eat("dyn ") {
            if self.eat("for<") {
                self.skip_until(|byte| byte == b'>');
                self.eat("> ");
            }
            let bound = self.ty()?;
            self.skip_until(is_end);
            Some(Kind::Dyn(Box::new(bound)))
        } else if ["fn(", "unsafe ", "extern ", "for<", "'", "\"", "!", "-"]
            .iter()
            .any(|start| self.rest.starts_with(start))
        {
            self.skip_until(is_end);
            Some(Kind::Other)
        } else {
            self.path()
        }
    }

    /// Parses types that are separated by commas, and the bracket after them.
    fn list(&mut self, end: &str) -> Option<Vec<Type<'a>>> {
        let mut types = Vec::new();
        while !self.eat(end) {
            let ty = self.ty()?;
            // The name of an associated type is left out.
            let ty = if self.eat(" = ") { self.ty()? } else { ty };
            types.push(ty);
            if !self.eat(", ") && !self.eat(",") && !self.rest.starts_with(end) {
                return None;
            }
        }
        Some(types)
    }

    fn path(&mut self) -> Option<Kind<'a>> {
        let is_in_name = |c: char| c.is_alphanumeric() || c == '_' || c == '#';
        let mut segments = Vec::new();
        let mut parameters = Vec::new();
        loop {
            parameters.clear();
            if self.eat("<") {
                // An `impl` block, or a type as a trait.
                self.skip_until(|byte| byte == b'>');
                self.eat(">").then_some(())?;
            } else if self.eat("{") {
                // A closure or another item without a name.
                self.skip_until(|byte| byte == b'}');
                self.eat("}").then_some(())?;
            } else {
                let end = self.rest.find(|c| !is_in_name(c)).unwrap_or(self.rest.len());
                let (segment, rest) = self.rest.split_at(end);
                if segment.is_empty() {
                    return None;
                }
                self.rest = rest;
                segments.push(segment);
                if self.eat("<") {
                    parameters = self.list(">")?;
                    parameters.retain(|parameter| !is_lifetime(parameter.source));
                } else if self.eat("(") {
                    // A trait such as `Fn(A) -> B`.
                    self.list(")")?;
                    if self.eat(" -> ") {
                        self.ty()?;
                    }
                }
            }
            if !self.eat("::") {
                return Some(Kind::Path { segments, parameters });
            }
        }
    }
}
