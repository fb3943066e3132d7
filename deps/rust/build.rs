//! Puts the C headers of exactly this Wasmtime where the C build finds them, and takes the engine's exact
//! version from the lock file (the version string in the header can lag behind the crate that is linked).

use std::{env, fs, path::Path};

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("creating the header folder");
    for entry in fs::read_dir(from).expect("reading Wasmtime's headers") {
        let entry = entry.expect("reading Wasmtime's headers");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            // Written only if different, so that nothing is compiled again for an equal header.
            let new = fs::read(entry.path()).expect("reading a header");
            if fs::read(&target).ok().as_deref() != Some(&new[..]) {
                fs::write(&target, new).expect("writing a header");
            }
        }
    }
}

fn locked_version(lock: &str, name: &str) -> String {
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != wanted).skip(1);
    let line = lines.next().expect("the crate is in the lock file");
    line.trim_start_matches("version = ").trim_matches('"').to_string()
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.lock");
    println!("cargo:rerun-if-env-changed=SUBX_RUST_INCLUDE");

    let lock = fs::read_to_string("Cargo.lock").expect("reading Cargo.lock");
    println!("cargo:rustc-env=SUBX_WASMTIME_VERSION={}", locked_version(&lock, "wasmtime"));

    let headers = env::var("DEP_WASMTIME_C_API_INCLUDE").expect("set by wasmtime-c-api-impl");
    let target = match env::var("SUBX_RUST_INCLUDE") {
        Ok(folder) => folder,
        Err(_) => format!("{}/include", env::var("OUT_DIR").expect("set by Cargo")),
    };
    copy_tree(Path::new(&headers), Path::new(&target));
}
