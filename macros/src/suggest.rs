//! Suggests a known name for a mistyped one.
//!
//! The edit distance is written out here because the crate `strsim` would be the fifteenth that
//! streamgauge adds to an axum application, and the budget is fourteen (`tests/tests/budgets.rs`).

use syn::LitStr;

use crate::errors::Errors;

/// Returns what belongs to the value of an argument that has a closed set of values, or reports the
/// value. `known` are the values, each with what belongs to it.
pub(crate) fn look_up(
    argument: &str,
    known: &[(&str, &'static str)],
    value: &LitStr,
    errors: &mut Errors,
) -> Option<&'static str> {
    let name = value.value();
    if let Some((_, found)) = known.iter().find(|(known, _)| *known == name) {
        return Some(found);
    }
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    let remedy = match nearest(&name.to_lowercase(), &names) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("the {argument}s are \"{}\"", names.join("\", \"")),
    };
    errors.at(value, format!("unknown {argument} {name:?}; {remedy}"));
    None
}

/// Returns the known name with the smallest edit distance to `name`, if at most a third of its
/// letters differ.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let known = known.iter().map(|known| (edit_distance(name, known), *known));
    known.min().filter(|(distance, known)| *distance <= known.len() / 3).map(|(_, known)| known)
}

/// The optimal string alignment distance: how many letters must be inserted, deleted, replaced or
/// swapped with the next one.
fn edit_distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<_>, Vec<_>) = (from.chars().collect(), to.chars().collect());
    // `rows[i][j]` is the distance from the first `i` letters of `from` to the first `j` of `to`.
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let deleted = rows[i - 1][j] + 1;
            let inserted = row[j - 1] + 1;
            let mut best = replaced.min(deleted).min(inserted);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                let swapped = rows[i - 2][j - 2] + 1;
                best = best.min(swapped);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KNOWN: &[&str] = &["endpoint", "method", "model", "media_type", "crate"];

    #[test]
    fn nearest_is_the_name_that_was_mistyped() {
        for (typed, meant) in [
            ("endpont", "endpoint"),
            ("enpdoint", "endpoint"),
            ("methd", "method"),
            ("modle", "model"),
            ("mediatype", "media_type"),
            ("media-type", "media_type"),
            ("crates", "crate"),
        ] {
            assert_eq!(nearest(typed, KNOWN), Some(meant), "{typed}");
        }
    }

    #[test]
    fn nearest_is_none_for_an_unrelated_word() {
        for typed in ["path", "x", "", "name", "labels", "status"] {
            assert_eq!(nearest(typed, KNOWN), None, "{typed}");
        }
    }
}
