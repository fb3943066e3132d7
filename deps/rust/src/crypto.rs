//! Primitives for `src/crypto`, declared in `include/subexec_rust_crypto.h`. Nothing here fails or panics: a
//! malformed key or signature is simply not valid.

use sha3::Digest;

/// A slice from C: `data` may be anything when `len` is 0.
unsafe fn slice<'a>(data: *const u8, len: usize) -> &'a [u8] {
    if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, len) } }
}

/// BLAKE2b without a key; the digest length is a parameter of the hash, not a truncation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_blake2b(data: *const u8, len: usize, out: *mut u8, out_len: usize) {
    let digest = blake2b_simd::Params::new().hash_length(out_len).hash(unsafe { slice(data, len) });
    unsafe { std::ptr::copy_nonoverlapping(digest.as_bytes().as_ptr(), out, out_len) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_keccak_256(data: *const u8, len: usize, out: *mut [u8; 32]) {
    unsafe { *out = sha3::Keccak256::digest(slice(data, len)).into() };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_keccak_512(data: *const u8, len: usize, out: *mut [u8; 64]) {
    unsafe { *out = sha3::Keccak512::digest(slice(data, len)).into() };
}

/// The context in which every signature of a Polkadot-SDK chain is made.
const SIGNING_CONTEXT: &[u8] = b"substrate";

#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_sr25519_verify(
    signature: *const [u8; 64],
    message: *const u8,
    len: usize,
    public_key: *const [u8; 32],
) -> bool {
    let (signature, message, public_key) = unsafe { (&*signature, slice(message, len), &*public_key) };
    let Ok(signature) = schnorrkel::Signature::from_bytes(signature) else { return false };
    let Ok(public_key) = schnorrkel::PublicKey::from_bytes(public_key) else { return false };
    public_key.verify_simple(SIGNING_CONTEXT, message, &signature).is_ok()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_sr25519_verify_deprecated(
    signature: *const [u8; 64],
    message: *const u8,
    len: usize,
    public_key: *const [u8; 32],
) -> bool {
    let (signature, message, public_key) = unsafe { (&*signature, slice(message, len), &*public_key) };
    let Ok(public_key) = schnorrkel::PublicKey::from_bytes(public_key) else { return false };
    public_key.verify_simple_preaudit_deprecated(SIGNING_CONTEXT, message, signature).is_ok()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_ed25519_verify(
    signature: *const [u8; 64],
    message: *const u8,
    len: usize,
    public_key: *const [u8; 32],
) -> bool {
    let (signature, message, public_key) = unsafe { (&*signature, slice(message, len), &*public_key) };
    let Ok(public_key) = ed25519_zebra::VerificationKey::try_from(&public_key[..]) else { return false };
    public_key.verify(&ed25519_zebra::Signature::from(*signature), message).is_ok()
}
