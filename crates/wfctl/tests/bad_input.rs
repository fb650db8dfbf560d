//! Every bad input has one clear message: what, where, the fix, and its exit
//! code. The snapshots are what a user sees in a pipe.

#[path = "support/place.rs"]
mod support;

use support::Place;

const MANIFEST: &str = "\
[dag]
id = \"hello\"

[dag.params]
greeting = \"hi\"
times = { schema = { type = \"integer\", minimum = 1 }, default = 3 }

[tasks.first]
program = \"hello.wasm\"

[tasks.second]
program = \"hello.wasm\"
inputs = { text = \"first\" }
";

fn hello() -> Place {
    let place = Place::new();
    place.program("hello.wasm", "\"hello\"");
    place.write("dag.toml", MANIFEST);
    place
}

fn with(manifest: &str) -> Place {
    let place = hello();
    place.write("dag.toml", manifest);
    place
}

macro_rules! says {
    ($name:ident, $place:expr, $args:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!($place.said($args));
        }
    };
}

says!(file_not_found, Place::new(), "run dag.wasm");
says!(file_not_found_with_a_near_name, hello(), "run dag.tml");
says!(empty_folder, Place::new(), "run");
says!(
    source_instead_of_wasm,
    {
        let place = Place::new();
        place.write("dag.rs", "fn main() {}");
        place
    },
    "run dag.rs"
);
says!(
    text_named_wasm,
    {
        let place = Place::new();
        place.write("dag.wasm", "hello");
        place
    },
    "run dag.wasm"
);
says!(
    truncated_wasm,
    {
        let place = Place::new();
        place.write("dag.wasm", b"\0asm\x0d\0\x01\0\x05\xff\xff");
        place
    },
    "run dag.wasm"
);
says!(
    module_without_start,
    {
        let place = Place::new();
        place.wat("dag.wasm", "(module (func (export \"add\")))");
        place
    },
    "run dag.wasm"
);
says!(
    component_without_tasks,
    {
        let place = Place::new();
        place.wat("dag.wasm", "(component)");
        place
    },
    "run dag.wasm"
);
says!(program_without_manifest, hello(), "run hello.wasm");
says!(
    import_not_offered,
    {
        let place = Place::new();
        place.wat(
            "hello.wasm",
            "(module (import \"env\" \"launch\" (func)) (memory (export \"memory\") 1) (func (export \"_start\")))",
        );
        place.write("dag.toml", MANIFEST);
        place
    },
    "run"
);
says!(
    unknown_contract_version,
    with(&format!("contract = \"weft.dag/9\"\n{MANIFEST}")),
    "run"
);
says!(
    unknown_field,
    with(&MANIFEST.replace("inputs =", "colour = \"red\"\ninputs =")),
    "run"
);
says!(
    typo_in_a_manifest,
    with(&MANIFEST.replace("inputs =", "retris = 3\ninputs =")),
    "check"
);
says!(
    cycle,
    with(&MANIFEST.replace(
        "[tasks.first]\n",
        "[tasks.first]\ninputs = { text = \"second\" }\n"
    )),
    "run"
);
says!(
    unknown_upstream,
    with(&MANIFEST.replace("text = \"first\"", "text = \"frist\"")),
    "check"
);
says!(
    several_problems_at_once,
    with(
        "[dag]\nid = \"a b\"\n\n[tasks.x]\nprogram = \"hello.wasm\"\nretries = \"many\"\nafter = [\"y\"]\n"
    ),
    "check"
);
says!(toml_that_does_not_parse, with("[dag\nid = 3"), "run");
says!(
    json_that_does_not_parse,
    {
        let place = hello();
        place.write("dag.json", "{\"dag\": {\"id\": \"a\",}}");
        place
    },
    "run dag.json"
);
says!(
    file_of_a_task_not_found,
    with(&MANIFEST.replace("hello.wasm", "helo.wasm")),
    "check"
);
says!(
    file_outside_of_the_folder,
    with(&MANIFEST.replace("hello.wasm", "../hello.wasm")),
    "check"
);
says!(
    program_named_as_a_component,
    with(&MANIFEST.replace("program =", "component =")),
    "check"
);
says!(unknown_task, hello(), "run --task secnd");
says!(unknown_dag, hello(), "run --dag bye");
says!(missing_input, hello(), "run --task second");
says!(
    input_is_not_json,
    hello(),
    "run --task second --input second.text={"
);
says!(
    input_of_no_parameter,
    hello(),
    "run --task second --input second.txt=1"
);
says!(nothing_to_go_on_from, hello(), "run --from second");
says!(unknown_parameter, hello(), "run --param greting=ho");
says!(
    parameter_of_the_wrong_type,
    hello(),
    "run --param times=many"
);
says!(parameter_out_of_its_range, hello(), "run --param times=0");
says!(parameter_without_a_value, hello(), "run --param times");
says!(
    parameter_that_must_be_given,
    with(&MANIFEST.replace(
        "greeting = \"hi\"",
        "greeting = { schema = { type = \"string\" }, description = \"What is said.\" }"
    )),
    "run"
);
says!(
    parameter_from_a_missing_file,
    hello(),
    "run --param greeting=@none.txt"
);
says!(no_date, hello(), "run --logical-date yesterday");
says!(unknown_option, hello(), "run --jbos 3");
says!(unknown_command, hello(), "rnu");
says!(refused_by_the_policy, with(&MANIFEST.replace("inputs =", "grants = { http = [\"http://10.0.0.1\", \"*.example.org\"], variables = [\"key\"] }\ninputs =")), "run");
says!(
    invalid_policy,
    {
        let place = hello();
        place.write("policy.toml", "[http]\npubic_https = false\n");
        place
    },
    "run --policy policy.toml"
);

/// The run goes on without keeping compiled code, and says so once.
#[test]
fn no_space_for_the_cache() {
    let place = hello();
    // A file where the folder should be: what a full or read-only disk looks like to a test that runs as root.
    place.write("full", "");
    let output = place
        .command()
        .arg("run")
        .env("WEFT_CACHE_DIR", place.path().join("full/cache"))
        .output()
        .expect("starts");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr)
        .replace(&place.path().display().to_string(), "[PLACE]");
    insta::assert_snapshot!(said);
}

/// Without a place for logs and artifacts nothing starts.
#[test]
fn no_space_for_the_data() {
    let place = hello();
    place.write("full", "");
    let output = place
        .command()
        .arg("run")
        .env("WEFT_DATA_DIR", place.path().join("full/data"))
        .output()
        .expect("starts");
    insta::assert_snapshot!(place.transcript(&output));
}
says!(
    exit_codes_of_a_command_component,
    {
        let place = hello();
        place.wat(
            "command.wasm",
            r#"(component
              (core module $main (func (export "run") (result i32) (i32.const 0)))
              (core instance $main (instantiate $main))
              (func $run (result (result)) (canon lift (core func $main "run")))
              (instance $run (export "run" (func $run)))
              (export "wasi:cli/run@0.2.0" (instance $run)))"#,
        );
        place.write(
            "dag.toml",
            "[dag]\nid = \"codes\"\n\n[tasks.kept]\nprogram = \"command.wasm\"\nfail_on_exit = [1]\n\n\
             [tasks.lost]\nprogram = \"command.wasm\"\nfail_on_exit = [1, 65]\n",
        );
        place
    },
    "check"
);
