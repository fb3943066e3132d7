//! The Rust executor of the Polkadot SDK as a program: measures what `subexec bench`, `replay` and
//! `state root` measure, and answers scripts of host calls. See ../README.md.

mod bench;
mod hostcalls;
mod probe;
mod replay;
mod state;

use sc_executor_common::wasm_runtime::HeapAllocStrategy;
use sc_executor_wasmtime::{Config, InstantiationStrategy, Semantics};

pub type Hasher = sp_core::Blake2Hasher;
pub type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "usage:
  sc-executor-peer bench CODE [--method NAME]... [--strategy LIST] [--threads LIST]
                              [--calls COUNT | --seconds SECONDS]
  sc-executor-peer replay SPEC BLOCKS
  sc-executor-peer root SPEC [--repeat COUNT]
  sc-executor-peer hostcalls [--check] DRIVERS CASES
  sc-executor-peer probe DRIVER";

/// How code is compiled, whatever is done with it: as a node does.
pub fn config(strategy: InstantiationStrategy, heap: HeapAllocStrategy) -> Config {
    Config {
        allow_missing_func_imports: true,
        cache_path: None,
        semantics: Semantics {
            instantiation_strategy: strategy,
            deterministic_stack_limit: None,
            canonicalize_nans: false,
            parallel_compilation: true,
            heap_alloc_strategy: heap,
            wasm_multi_value: false,
            wasm_bulk_memory: false,
            wasm_reference_types: false,
            wasm_simd: false,
        },
    }
}

/// Options behind a command: `--name value`, `--flag`; the rest in order.
pub struct Arguments {
    pub positional: Vec<String>,
    pub options: Vec<(String, String)>,
}

impl Arguments {
    fn read(flags: &[&str], given: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut out = Arguments {
            positional: Vec::new(),
            options: Vec::new(),
        };
        let mut given = given;
        while let Some(argument) = given.next() {
            match argument.strip_prefix("--") {
                Some(name) if flags.contains(&name) => {
                    out.options.push((name.into(), String::new()))
                }
                Some(name) => {
                    let value = given.next().ok_or(format!("--{name} lacks its value"))?;
                    out.options.push((name.into(), value));
                }
                None => out.positional.push(argument),
            }
        }
        Ok(out)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).last()
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

fn run() -> Result<bool, Failure> {
    let mut given = std::env::args().skip(1);
    let command = given.next().ok_or(USAGE)?;
    let arguments = Arguments::read(&["check"], given)?;
    let names: Vec<&str> = arguments.positional.iter().map(String::as_str).collect();
    match (command.as_str(), names.as_slice()) {
        ("bench", [code]) => bench::run(code, &arguments),
        ("replay", [spec, blocks]) => replay::run(spec, blocks),
        ("root", [spec]) => state::run(spec, &arguments),
        ("hostcalls", [drivers, cases]) => hostcalls::run(drivers, cases, arguments.has("check")),
        ("probe", [driver]) => probe::run(driver),
        _ => Err(USAGE.into()),
    }
}

fn main() {
    match run() {
        Ok(true) => (),
        Ok(false) => std::process::exit(1),
        Err(failure) => {
            eprintln!("{failure}");
            std::process::exit(2);
        }
    }
}
