//! Writes `grafana/dashboards/`, or with `--check` compares what is there. For developers: it works on the source tree that it
//! was built from.

use std::process::ExitCode;

use farol_grafana::files;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] => files::write(),
        ["--check"] => files::check(),
        _ => Err("usage: farol-grafana [--check]".into()),
    };
    match done {
        Ok(said) => {
            eprintln!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("farol-grafana: {error}");
            ExitCode::FAILURE
        }
    }
}
