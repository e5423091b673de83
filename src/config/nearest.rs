//! Owns: how alike two names are, and which known name a mistyped one probably means.
//! Never knows: where the names come from.

/// Edits from `a` to `b`: insertions, deletions, replacements, and swaps of neighbours count one each
/// (optimal string alignment). Names beyond 128 characters are never alike.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().max(b.len()) > 128 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i);
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The candidate with the fewest edits, if it is near enough to be meant: at most a third of the name, at least one.
/// Candidates are pairs of the form to compare and whatever is to be returned.
pub(super) fn nearest<'a, T>(
    name: &str,
    candidates: impl Iterator<Item = (String, T)> + 'a,
) -> Option<(usize, T)>
where
    T: 'a,
{
    let most = (name.chars().count() / 3).max(1);
    candidates
        .map(|(form, what)| (distance(name, &form), what))
        .filter(|(edits, _)| *edits <= most)
        .min_by_key(|(edits, _)| *edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_is_one_edit() {
        assert_eq!(distance("prot", "port"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let names = || ["port", "address"].into_iter().map(|n| (n.to_owned(), n));
        assert_eq!(nearest("prot", names()), Some((1, "port")));
        assert_eq!(nearest("adress", names()), Some((1, "address")));
        assert_eq!(nearest("zebra", names()), None);
    }
}
