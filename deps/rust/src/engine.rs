//! What an executor needs of Wasmtime and its C API does not offer, declared in `include/subexec_rust_engine.h`.
//!
//! Objects of the C API are handed in and out as their own C types. Those are single-field structs around the Rust
//! objects; where a field is private, the conversion is a pointer cast, guarded by the assertions below.

use std::ffi::c_void;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;
use std::os::fd::FromRawFd;

use wasmtime_c_api::wasmtime::{
    Config, Enabled, Engine, Error, Module, ModuleVersionStrategy, PoolingAllocationConfig, Precompiled, Trap,
    WasmBacktrace, WasmBacktraceDetails, WasmFeatures,
};
use wasmtime_c_api::{
    wasm_byte_vec_t, wasm_config_t, wasm_engine_t, wasm_trap_t, wasmtime_error_t, wasmtime_module_t,
    wasmtime_pooling_allocation_config_t,
};

/// Two types of the same size and alignment; a single-field struct and its field then share one layout.
macro_rules! assert_same_layout {
    ($($outer:ty = $inner:ty),* $(,)?) => {
        $(const _: () = {
            assert!(size_of::<$outer>() == size_of::<$inner>());
            assert!(align_of::<$outer>() == align_of::<$inner>());
        };)*
    };
}

assert_same_layout!(
    wasm_config_t = Config,
    wasm_engine_t = Engine,
    wasmtime_error_t = Error,
    wasm_trap_t = Error,
    wasmtime_module_t = Module,
    wasmtime_pooling_allocation_config_t = PoolingAllocationConfig,
);

fn config(config: &mut wasm_config_t) -> &mut Config {
    // SAFETY: `#[repr(C)]` with this one field; layout asserted above.
    unsafe { &mut *(config as *mut wasm_config_t).cast::<Config>() }
}

fn engine(engine: &wasm_engine_t) -> &Engine {
    // SAFETY: `#[repr(C)]` with this one field; layout asserted above.
    unsafe { &*(engine as *const wasm_engine_t).cast::<Engine>() }
}

fn module(module: &wasmtime_module_t) -> &Module {
    // SAFETY: one field; layout asserted above.
    unsafe { &*(module as *const wasmtime_module_t).cast::<Module>() }
}

fn new_module(module: Module) -> *mut wasmtime_module_t {
    Box::into_raw(Box::new(module)).cast::<wasmtime_module_t>()
}

fn failure(error: Error) -> *mut wasmtime_error_t {
    Box::into_raw(Box::new(wasmtime_error_t::from(error)))
}

fn fill(out: &mut wasm_byte_vec_t, bytes: Vec<u8>) {
    out.set_buffer(bytes);
}

/// Exact version of the engine, NUL-terminated.
static VERSION: &str = concat!("wasmtime ", env!("SUBX_WASMTIME_VERSION"), "\0");

#[unsafe(no_mangle)]
pub extern "C" fn subx_rust_engine_version() -> *const u8 {
    VERSION.as_ptr()
}

/// Extensions that are switched by bit, since some of them have no setter.
const FEATURES: &[WasmFeatures] = &[
    WasmFeatures::MUTABLE_GLOBAL,
    WasmFeatures::SATURATING_FLOAT_TO_INT,
    WasmFeatures::SIGN_EXTENSION,
    WasmFeatures::REFERENCE_TYPES,
    WasmFeatures::MULTI_VALUE,
    WasmFeatures::BULK_MEMORY,
    WasmFeatures::SIMD,
    WasmFeatures::RELAXED_SIMD,
    WasmFeatures::TAIL_CALL,
    WasmFeatures::MULTI_MEMORY,
    WasmFeatures::MEMORY64,
    WasmFeatures::EXTENDED_CONST,
    WasmFeatures::EXCEPTIONS,
    WasmFeatures::FUNCTION_REFERENCES,
    WasmFeatures::GC,
];

/// Enable exactly the extensions in `bits` (position in `FEATURES`) and disable the others of that list.
#[unsafe(no_mangle)]
pub extern "C" fn subx_rust_config_features(c: &mut wasm_config_t, bits: u32) {
    for (position, feature) in FEATURES.iter().enumerate() {
        config(c).wasm_features(*feature, bits >> position & 1 == 1);
    }
}

/// The engine refuses a Wasm stack above this size, also without async support.
#[unsafe(no_mangle)]
pub extern "C" fn subx_rust_config_stack(c: &mut wasm_config_t, wasm_stack: usize) {
    config(c).max_wasm_stack(wasm_stack).async_stack_size(wasm_stack + (1 << 20));
}

#[unsafe(no_mangle)]
pub extern "C" fn subx_rust_config_dense_image_size(c: &mut wasm_config_t, bytes: u64) {
    config(c).memory_guaranteed_dense_image_size(bytes);
}

/// Frames that a backtrace keeps (0: no backtraces), and whether names are looked up in debug information.
/// Never left to the environment: that would change what artifacts are compatible.
#[unsafe(no_mangle)]
pub extern "C" fn subx_rust_config_backtrace(c: &mut wasm_config_t, max_frames: usize, details: bool) {
    let details = if details { WasmBacktraceDetails::Enable } else { WasmBacktraceDetails::Disable };
    config(c).wasm_backtrace_details(details).wasm_backtrace_max_frames(NonZeroUsize::new(max_frames));
}

/// Put the exact engine version and `format` into artifacts; the engine's own check compares the major version only.
#[unsafe(no_mangle)]
pub extern "C" fn subx_rust_config_artifact_format(c: &mut wasm_config_t, format: u32) -> *mut wasmtime_error_t {
    let version = format!("{} subexec {format}", env!("SUBX_WASMTIME_VERSION"));
    match config(c).module_version(ModuleVersionStrategy::Custom(version)) {
        Ok(_) => std::ptr::null_mut(),
        Err(error) => failure(error),
    }
}

/// Page-map scan of the pool: 0 off, 1 where the kernel has it, 2 or an error.
#[unsafe(no_mangle)]
pub extern "C" fn subx_rust_pool_pagemap_scan(pool: &mut wasmtime_pooling_allocation_config_t, mode: u32) {
    // SAFETY: `#[repr(C)]` with this one field; layout asserted above.
    let pool = unsafe { &mut *(pool as *mut wasmtime_pooling_allocation_config_t).cast::<PoolingAllocationConfig>() };
    pool.pagemap_scan(match mode {
        0 => Enabled::No,
        1 => Enabled::Auto,
        _ => Enabled::Yes,
    });
}

/// Like `wasm_engine_new_with_config`, which aborts the process where this returns an error. Consumes the config.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_engine_new(
    c: Box<wasm_config_t>,
    out: &mut *mut wasm_engine_t,
) -> *mut wasmtime_error_t {
    let mut c = c;
    match Engine::new(config(&mut c)) {
        Ok(engine) => {
            *out = Box::into_raw(Box::new(engine)).cast::<wasm_engine_t>();
            std::ptr::null_mut()
        }
        Err(error) => {
            *out = std::ptr::null_mut();
            failure(error)
        }
    }
}

/// Feeds what Wasmtime hashes into BLAKE2b, since the standard hashers promise nothing between versions.
struct Blake2bHasher(blake2b_simd::State);

impl Hasher for Blake2bHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.finalize();
        u64::from_le_bytes(digest.as_bytes()[..8].try_into().expect("eight bytes"))
    }
}

/// Equal hashes: artifacts of one engine load into the other.
#[unsafe(no_mangle)]
pub extern "C" fn subx_rust_engine_compatibility(e: &wasm_engine_t, out: &mut [u8; 32]) {
    let mut hasher = Blake2bHasher(blake2b_simd::Params::new().hash_length(32).to_state());
    engine(e).precompile_compatibility_hash().hash(&mut hasher);
    out.copy_from_slice(hasher.0.finalize().as_bytes());
}

/// Compile to artifact bytes without loading the code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_engine_precompile(
    e: &wasm_engine_t,
    wasm: *const u8,
    len: usize,
    out: &mut wasm_byte_vec_t,
) -> *mut wasmtime_error_t {
    let wasm = unsafe { std::slice::from_raw_parts(wasm, len) };
    match engine(e).precompile_module(wasm) {
        Ok(bytes) => {
            fill(out, bytes);
            std::ptr::null_mut()
        }
        Err(error) => failure(error),
    }
}

/// Whether the bytes look like a precompiled module (their contents are not checked).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_is_precompiled(bytes: *const u8, len: usize) -> bool {
    let bytes = if len == 0 { &[][..] } else { unsafe { std::slice::from_raw_parts(bytes, len) } };
    matches!(Engine::detect_precompiled(bytes), Some(Precompiled::Module))
}

/// Load an artifact from an open file, which is mapped. The descriptor is taken, in failure too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_module_deserialize_fd(
    e: &wasm_engine_t,
    descriptor: i32,
    out: &mut *mut wasmtime_module_t,
) -> *mut wasmtime_error_t {
    let file = unsafe { File::from_raw_fd(descriptor) };
    match unsafe { Module::deserialize_open_file(engine(e), file) } {
        Ok(module) => {
            *out = new_module(module);
            std::ptr::null_mut()
        }
        Err(error) => {
            *out = std::ptr::null_mut();
            failure(error)
        }
    }
}

/// Make the copy-on-write image of a module now instead of in its first instantiation.
#[unsafe(no_mangle)]
pub extern "C" fn subx_rust_module_prepare_image(m: &wasmtime_module_t) -> *mut wasmtime_error_t {
    match module(m).initialize_copy_on_write_image() {
        Ok(()) => std::ptr::null_mut(),
        Err(error) => failure(error),
    }
}

/// Set the calling thread up for running Wasm now instead of in its first call.
#[unsafe(no_mangle)]
pub extern "C" fn subx_rust_thread_prepare() {
    Engine::tls_eager_initialize();
}

/// What went wrong, in the words of the innermost cause, without the backtrace. `error` is a `wasmtime_error_t` or a
/// `wasm_trap_t`: both are the same single field.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_error_root(error: *const c_void, out: &mut wasm_byte_vec_t) {
    let error = unsafe { &*error.cast::<Error>() };
    fill(out, error.root_cause().to_string().into_bytes());
}

/// Code of the trap that caused the error; false if it was no trap of the guest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_error_trap_code(error: *const c_void, code: &mut u8) -> bool {
    let error = unsafe { &*error.cast::<Error>() };
    match error.downcast_ref::<Trap>() {
        Some(trap) => {
            *code = *trap as u8;
            true
        }
        None => false,
    }
}

/// The guest's frames as Wasmtime prints them; false if there are none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_error_backtrace(error: *const c_void, out: &mut wasm_byte_vec_t) -> bool {
    let error = unsafe { &*error.cast::<Error>() };
    match error.downcast_ref::<WasmBacktrace>() {
        Some(backtrace) => {
            fill(out, backtrace.to_string().into_bytes());
            true
        }
        None => false,
    }
}
