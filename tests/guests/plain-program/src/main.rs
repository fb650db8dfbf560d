//! The well-behaved program, as people write them: no SDK, standard input and
//! output, arguments, files under `/in` and `/out`, exit codes.

use std::{
    env, fs,
    io::{self, Read, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        // Standard input is the output.
        Some("echo") => {
            let mut input = Vec::new();
            io::stdin()
                .read_to_end(&mut input)
                .expect("standard input can be read");
            io::stdout()
                .write_all(&input)
                .expect("standard output takes bytes");
        }
        Some("words") => println!("{}", args[1..].join(" ")),
        Some("environment") => {
            let value = env::var("GREETING").unwrap_or_default();
            println!("{value:?}");
        }
        // Every file under /in goes to /out in capital letters.
        Some("capitals") => {
            let mut count = 0;
            for entry in fs::read_dir("/in").expect("/in can be listed") {
                let entry = entry.expect("/in can be listed");
                let text = fs::read_to_string(entry.path()).expect("a file under /in is text");
                let out = format!("/out/{}", entry.file_name().to_string_lossy());
                fs::write(out, text.to_uppercase()).expect("/out takes files");
                count += 1;
            }
            println!("{count}");
        }
        Some("scratch") => {
            fs::create_dir("folder").expect("the scratch folder takes folders");
            fs::write("folder/file", "kept").expect("the scratch folder takes files");
            fs::rename("folder/file", "moved").expect("files can be renamed");
            println!(
                "{:?}",
                fs::read_to_string("moved").expect("files can be read")
            );
        }
        Some("exit") => {
            eprintln!("leaving with {}", args[1]);
            return ExitCode::from(args[1].parse::<u8>().expect("an exit code"));
        }
        other => panic!("the first argument says what to do, not {other:?}"),
    }
    ExitCode::SUCCESS
}
