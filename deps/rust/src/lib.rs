//! The one Rust static library of subexec. Everything else is C.
//!
//! - `wasmtime_c_api`: Wasmtime's C API, exported as it is;
//! - [`engine`]: what that API lacks and an executor needs;
//! - [`crypto`]: primitives whose exact behaviour is part of consensus.

pub use wasmtime_c_api::*;

mod crypto;
mod engine;
