//! Suggests a known key for a mistyped one.

/// Returns the known key with the smallest edit distance to `key`, if at most a third of its
/// letters differ.
pub(super) fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let key = key.to_ascii_lowercase().replace('-', "_");
    // A long key resembles no known one, and would take long to compare.
    if key.len() > 64 {
        return None;
    }
    let nearest = known.map(|known| (edit_distance(&key, known), known)).min();
    nearest.filter(|(distance, known)| *distance <= known.len() / 3).map(|(_, known)| known)
}

/// How many letters must be inserted, deleted or replaced.
fn edit_distance(from: &str, to: &str) -> usize {
    // The distances from the letters of `from` so far to each beginning of `to`.
    let mut distances: Vec<_> = (0..=to.chars().count()).collect();
    for letter in from.chars() {
        let mut diagonal = distances[0];
        distances[0] += 1;
        for (index, other) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = distances[index + 1];
            distances[index + 1] = replaced.min(diagonal + 1).min(distances[index] + 1);
        }
    }
    distances.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn nearest_is_the_key_that_was_mistyped() {
        for (typed, meant) in [
            ("ouput", Some("output")),
            ("Input", Some("input")),
            ("cache-read", Some("cache_read")),
            ("cached_write", Some("cache_write")),
            ("cache_write_1hr", Some("cache_write_1h")),
            ("currency", None),
            ("", None),
        ] {
            let known = ["input", "output", "cache_read", "cache_write", "cache_write_1h"];
            assert_eq!(nearest(typed, known.into_iter()), meant, "{typed}");
        }
        assert_eq!(nearest(&"input".repeat(1_000_000), ["input"].into_iter()), None);
    }
}
