//! What a mistyped name was meant to be.

/// The known name that is nearest to a name, if it is near.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let known = known.iter().map(|known| (distance(name, known), *known));
    known.min().filter(|(distance, known)| *distance <= known.len() / 3).map(|(_, known)| known)
}

/// How many letters must be put in, taken out, changed, or swapped with the next.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<_>, Vec<_>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let change = usize::from(from[i - 1] != to[j - 1]);
            let mut best =
                (rows[i - 1][j - 1] + change).min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
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
    fn a_slip_of_the_finger_is_seen_through() {
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
    fn another_word_is_not_taken_for_one_that_is_known() {
        for typed in ["path", "x", "", "name", "labels", "status"] {
            assert_eq!(nearest(typed, KNOWN), None, "{typed}");
        }
    }
}
