//! Ways out of the scratch folder, and trees that are hard to remove.

use crate::case::Case;
use std::{fs, path::Path};
use weft_tests::isolated;

const PROGRAMS: [&str; 2] = ["hostile-program", "hostile-module"];

/// Not by `..`, not by an absolute path, not by a symbolic link, not by a trailing slash.
#[test]
pub(super) fn read_outside() {
    isolated!(|| {
        let before = fs::read("/etc/passwd").expect("there are users");
        for program in PROGRAMS {
            let seen = Case::program(program, "read_outside").run();
            assert_eq!(seen.succeeds(&[]), "\"escaped: \"", "{program}");
        }
        assert_eq!(fs::read("/etc/passwd").expect("there are users"), before);
        assert!(!Path::new("/tmp/owned").exists());
    });
}

/// The folder is gone afterwards, however deep: asserted with every case.
#[test]
pub(super) fn deep_folders() {
    isolated!(|| {
        for program in PROGRAMS {
            Case::program(program, "deep_folders")
                .run()
                .succeeds(&["made "]);
        }
    });
}

/// A link is not followed when files become artifacts.
#[test]
pub(super) fn link_in_out() {
    isolated!(|| {
        for program in PROGRAMS {
            let seen = Case::program(program, "link_in_out").run();
            seen.succeeds(&["honest true"]);
            let contents = seen.artifact_store.contents();
            assert_eq!(
                contents,
                ["honest"],
                "{program}: only the honest file became an artifact"
            );
        }
    });
}
