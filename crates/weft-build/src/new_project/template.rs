//! Templates of `wfctl new`, by language.

use super::Language;

/// File names and texts; `{{name}}` is the crate or project, `{{dag}}` the DAG's function.
type Template = &'static [(&'static str, &'static str)];

/// Files, each with the template that it is made of, in a folder below `templates`.
macro_rules! template {
    ($folder:literal, $($path:literal: $file:literal,)*) => {
        &[$(($path, include_str!(concat!("../templates/", $folder, "/", $file, ".template"))),)*]
    };
}

impl Language {
    pub(super) const fn template(self) -> Template {
        match self {
            Self::Rust => template! {
                "rust",
                "Cargo.toml": "Cargo.toml",
                "src/lib.rs": "lib.rs",
                ".gitignore": "gitignore",
                "README.md": "README.md",
            },
            Self::Go => template! {
                "go",
                "main.go": "main.go",
                "main_test.go": "main_test.go",
                "go.mod": "go.mod",
                ".gitignore": "gitignore",
                "README.md": "README.md",
            },
            Self::C => template! {
                "c",
                "src/{{dag}}.c": "tasks.c",
                ".gitignore": "gitignore",
                "README.md": "README.md",
            },
            Self::Ts => template! {
                "ts",
                "dags/{{dag}}.ts": "dag.ts",
                "tests/{{dag}}.test.ts": "dag.test.ts",
                "package.json": "package.json",
                "tsconfig.json": "tsconfig.json",
                ".gitignore": "gitignore",
                "README.md": "README.md",
            },
            Self::Js => template! {
                "js",
                "dags/{{dag}}.js": "dag.js",
                "tests/{{dag}}.test.js": "dag.test.js",
                "package.json": "package.json",
                ".gitignore": "gitignore",
                "README.md": "README.md",
            },
            Self::Python => template! {
                "python",
                "dags/{{dag}}.py": "dag.py",
                "tests/test_{{dag}}.py": "test_dag.py",
                "pyproject.toml": "pyproject.toml",
                ".gitignore": "gitignore",
                "README.md": "README.md",
            },
        }
    }
}
