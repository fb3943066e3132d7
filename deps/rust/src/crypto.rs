//! Primitives for `src/crypto`, declared in `include/subexec_rust_crypto.h`. A malformed key, signature or phrase is
//! simply not valid. Nothing panics, but for one case: without the system's randomness no signature is made.

use schnorrkel::derive::{ChainCode, Derivation};
use schnorrkel::{ExpansionMode, MiniSecretKey, SecretKey};
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

/// The seed of a secret phrase as the Polkadot-SDK has it: BIP-39 stretches the text of the phrase, this its entropy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_phrase_seed(
    phrase: *const u8,
    phrase_len: usize,
    password: *const u8,
    password_len: usize,
    seed: *mut [u8; 32],
) -> bool {
    let (phrase, password) = unsafe { (slice(phrase, phrase_len), slice(password, password_len)) };
    let Ok(phrase) = std::str::from_utf8(phrase) else { return false };
    let Ok(phrase) = bip39::Mnemonic::parse_in_normalized(bip39::Language::English, phrase) else { return false };
    let (entropy, len) = phrase.to_entropy_array();
    let salt = [b"mnemonic", password].concat();
    // PBKDF2 makes 64 bytes in one block; the seed is the first half.
    let mut stretched = [0; 64];
    pbkdf2::pbkdf2_hmac::<sha2::Sha512>(&entropy[..len], &salt, 2048, &mut stretched);
    unsafe { (*seed).copy_from_slice(&stretched[..32]) };
    true
}

/// Room for the longest phrase of twelve words: 8 letters each, and the spaces between.
const PHRASE_ROOM: usize = 12 * 8 + 11;

/// The phrase of twelve words that has this entropy; returns its length in bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_phrase_of(entropy: *const [u8; 16], phrase: *mut [u8; PHRASE_ROOM]) -> usize {
    let (entropy, phrase) = unsafe { (&*entropy, &mut *phrase) };
    let words = bip39::Mnemonic::from_entropy(entropy).expect("16 bytes are a size of BIP-39");
    let mut len = 0;
    for (position, word) in words.words().enumerate() {
        if position > 0 {
            phrase[len] = b' ';
            len += 1;
        }
        phrase[len..len + word.len()].copy_from_slice(word.as_bytes());
        len += word.len();
    }
    len
}

/// A secret key in schnorrkel's own form: scalar, then nonce.
fn sr25519_secret(bytes: &[u8; 64]) -> SecretKey {
    SecretKey::from_bytes(bytes).expect("made by the functions below")
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_sr25519_expand(seed: *const [u8; 32], secret: *mut [u8; 64]) {
    let mini = MiniSecretKey::from_bytes(unsafe { &*seed }).expect("32 bytes");
    unsafe { *secret = mini.expand(ExpansionMode::Ed25519).to_bytes() };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_sr25519_derive(secret: *mut [u8; 64], chain_code: *const [u8; 32], hard: bool) {
    let (secret, chain_code) = unsafe { (&mut *secret, ChainCode(*chain_code)) };
    let parent = sr25519_secret(secret);
    let child = if hard {
        parent.hard_derive_mini_secret_key(Some(chain_code), b"").0.expand(ExpansionMode::Ed25519)
    } else {
        // Only the nonce of the child is random, not its key.
        parent.derived_key_simple(chain_code, b"").0
    };
    *secret = child.to_bytes();
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_sr25519_public(secret: *const [u8; 64], public_key: *mut [u8; 32]) {
    unsafe { *public_key = sr25519_secret(&*secret).to_public().to_bytes() };
}

/// Randomized: the same message gives another signature each time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_sr25519_sign(
    secret: *const [u8; 64],
    message: *const u8,
    len: usize,
    signature: *mut [u8; 64],
) {
    let (secret, message) = unsafe { (sr25519_secret(&*secret), slice(message, len)) };
    let public_key = secret.to_public();
    unsafe { *signature = secret.sign_simple(SIGNING_CONTEXT, message, &public_key).to_bytes() };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_ed25519_public(seed: *const [u8; 32], public_key: *mut [u8; 32]) {
    let key = ed25519_zebra::SigningKey::from(unsafe { *seed });
    unsafe { *public_key = ed25519_zebra::VerificationKeyBytes::from(&key).into() };
}

/// RFC 8032: deterministic.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn subx_rust_ed25519_sign(
    seed: *const [u8; 32],
    message: *const u8,
    len: usize,
    signature: *mut [u8; 64],
) {
    let key = ed25519_zebra::SigningKey::from(unsafe { *seed });
    unsafe { *signature = key.sign(slice(message, len)).into() };
}
