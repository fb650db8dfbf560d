//! Compiles one guest and ends: the program that a sandbox under test starts.

use std::process::ExitCode;

fn main() -> ExitCode {
    weft_sandbox::compiler::main(std::env::args_os().skip(1))
}
