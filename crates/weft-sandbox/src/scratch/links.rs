//! Where a symbolic link may point.

/// Whether a link at `path` to `target` stays beneath the folder that `path`
/// starts from. By the words alone: what lies there is checked again whenever
/// the link is followed, so this only prevents misleading links.
pub(crate) fn stays_inside(target: &str, path: &str) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let mut depth: i64 = -1; // The link's own name.
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth <= 0 => return false,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::stays_inside;

    #[test]
    fn links_may_climb_as_high_as_they_are_deep() {
        for (target, path, stays) in [
            ("b", "a", true),
            ("./x/../b", "a", true),
            ("../b", "a", false),
            ("../b", "d/a", true),
            ("../b", "d//./a/", true),
            ("../../b", "d/a", false),
            ("x/../../../b", "d/a", false),
            ("/etc/passwd", "a", false),
            ("..", "a", false),
            ("../b", "d/../a", false),
        ] {
            assert_eq!(stays_inside(target, path), stays, "{target} at {path}");
        }
    }
}
