//! States: genesis specifications, and how long the root takes from nothing.

use std::time::Instant;

use serde_json::{json, Map, Value};
use sp_core::storage::{ChildInfo, StateVersion, Storage, StorageChild};
use sp_state_machine::{Backend, InMemoryBackend};

use crate::{Arguments, Failure, Hasher};

pub fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    Ok(hex::decode(text.strip_prefix("0x").unwrap_or(text))?)
}

/// An object of hex keys and hex values.
pub fn pairs(object: Option<&Map<String, Value>>) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Failure> {
    let mut out = Vec::new();
    for (key, value) in object.into_iter().flatten() {
        out.push((
            unhex(key)?,
            unhex(value.as_str().ok_or("a value is no string")?)?,
        ));
    }
    Ok(out)
}

pub fn storage(
    top: Option<&Map<String, Value>>,
    children: Option<&Map<String, Value>>,
) -> Result<Storage, Failure> {
    let mut out = Storage {
        top: pairs(top)?.into_iter().collect(),
        ..Default::default()
    };
    for (name, entries) in children.into_iter().flatten() {
        let name = unhex(name)?;
        let child = StorageChild {
            data: pairs(entries.as_object())?.into_iter().collect(),
            child_info: ChildInfo::new_default(&name),
        };
        out.children_default.insert(name, child);
    }
    Ok(out)
}

/// The state of a raw genesis specification.
pub fn genesis(path: &str) -> Result<Storage, Failure> {
    let spec: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let raw = &spec["genesis"]["raw"];
    if raw["top"].as_object().is_none() {
        return Err(format!("{path}: no raw genesis").into());
    }
    storage(raw["top"].as_object(), raw["childrenDefault"].as_object())
}

pub fn version_of(number: u64) -> Result<StateVersion, Failure> {
    match number {
        0 => Ok(StateVersion::V0),
        1 => Ok(StateVersion::V1),
        _ => Err(format!("no state version {number}").into()),
    }
}

pub fn run(path: &str, arguments: &Arguments) -> Result<bool, Failure> {
    let repeat: usize = arguments.get("repeat").unwrap_or("5").parse()?;
    let storage = genesis(path)?;
    let empty = InMemoryBackend::<Hasher>::default();
    let top: Vec<(&[u8], Option<&[u8]>)> = storage
        .top
        .iter()
        .map(|(k, v)| (k.as_slice(), Some(v.as_slice())))
        .collect();
    let mut times = Vec::new();
    let mut root = Default::default();
    for _ in 0..repeat.max(1) {
        let start = Instant::now();
        let children = storage.children_default.values().map(|child| {
            let delta = child
                .data
                .iter()
                .map(|(k, v)| (k.as_slice(), Some(v.as_slice())));
            (&child.child_info, delta)
        });
        let delta = top.iter().copied();
        (root, _) = empty.full_storage_root(delta, children, StateVersion::V0);
        times.push(start.elapsed());
    }
    times.sort();
    let milliseconds = |index: usize| times[index].as_secs_f64() * 1e3;
    let out = json!({
        "root": format!("0x{}", hex::encode(root.as_bytes())),
        "entries": top.len(),
        "repeated": times.len(),
        "min_ms": milliseconds(0),
        "median_ms": milliseconds(times.len() / 2),
    });
    println!("{out}");
    Ok(true)
}
