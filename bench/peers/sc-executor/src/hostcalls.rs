//! Answers of the reference to scripts of host calls: cases of tests/vectors/hostcalls come in,
//! the same cases with what came of them go out; with --check both are compared.

use std::collections::HashMap;
use std::io::BufRead;
use std::panic::{catch_unwind, AssertUnwindSafe};

use sc_executor_common::error::Error;
use sc_executor_common::runtime_blob::RuntimeBlob;
use sc_executor_common::wasm_runtime::{HeapAllocStrategy, WasmModule};
use sc_executor_wasmtime::InstantiationStrategy;
use serde_json::{json, Map, Value};
use sp_core::storage::{well_known_keys, ChildInfo, StateVersion};
use sp_externalities::Extensions;
use sp_io::SubstrateHostFunctions;
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_state_machine::backend::BackendTransaction;
use sp_state_machine::{Backend, Ext, InMemoryBackend, IterArgs, OverlayedChanges};

use crate::state::{storage, unhex, version_of};
use crate::{config, Failure, Hasher};

type State = InMemoryBackend<Hasher>;
type Root = <Hasher as sp_core::Hasher>::Out;
type Entries = std::collections::BTreeMap<Vec<u8>, Vec<u8>>;

/// Guests that were compiled, by file and heap.
struct Guests {
    folder: String,
    modules: HashMap<(String, String), Box<dyn WasmModule>>,
}

fn heap_of(text: &str) -> Result<HeapAllocStrategy, Failure> {
    Ok(match text.split_once(':') {
        Some(("static", pages)) => HeapAllocStrategy::Static {
            extra_pages: pages.parse()?,
        },
        Some(("dynamic", pages)) => HeapAllocStrategy::Dynamic {
            maximum_pages: Some(pages.parse()?),
        },
        _ if text == "dynamic" => HeapAllocStrategy::Dynamic {
            maximum_pages: None,
        },
        _ => return Err(format!("unknown heap {text}").into()),
    })
}

impl Guests {
    fn call(
        &mut self,
        case: &Map<String, Value>,
        input: &[u8],
        ext: &mut dyn sp_externalities::Externalities,
    ) -> Result<Result<Vec<u8>, Error>, Failure> {
        let driver = case
            .get("driver")
            .and_then(Value::as_str)
            .unwrap_or("driver.wasm");
        let heap_text = case
            .get("heap")
            .and_then(Value::as_str)
            .unwrap_or("static:2048");
        let heap = heap_of(heap_text)?;
        let key = (driver.to_string(), heap_text.to_string());
        if !self.modules.contains_key(&key) {
            let code = std::fs::read(format!("{}/{driver}", self.folder))?;
            let blob = RuntimeBlob::uncompress_if_needed(&code)?;
            let config = config(InstantiationStrategy::PoolingCopyOnWrite, heap);
            let module =
                sc_executor_wasmtime::create_runtime::<SubstrateHostFunctions>(blob, config)?;
            self.modules.insert(key.clone(), Box::new(module));
        }
        let mut instance = self.modules[&key].new_instance(heap)?;
        let run = AssertUnwindSafe(|| {
            sp_externalities::set_and_run_with_externalities(ext, || instance.call("run", input))
        });
        Ok(catch_unwind(run).unwrap_or_else(|_| Err(Error::Other("host panicked".into()))))
    }
}

fn extensions(is_offchain: bool) -> Extensions {
    let mut out = Extensions::default();
    let executor = sc_executor::WasmExecutor::<SubstrateHostFunctions>::builder().build();
    out.register(sp_core::traits::ReadRuntimeVersionExt::new(executor));
    if is_offchain {
        out.register(KeystoreExt::new(MemoryKeystore::new()));
    }
    out
}

fn result_json(result: &Result<Vec<u8>, Error>) -> Value {
    let kind = match result {
        Ok(output) => return json!({"ok": hex::encode(output)}),
        Err(Error::AbortedDueToTrap(_)) => "AbortedDueToTrap",
        Err(Error::AbortedDueToPanic(_)) => "AbortedDueToPanic",
        Err(Error::OutputExceedsBounds) => "OutputExceedsBounds",
        Err(Error::RuntimePanicked(_)) => "RuntimePanicked",
        Err(_) => "Other",
    };
    let text = match result {
        Err(Error::AbortedDueToTrap(message)) | Err(Error::AbortedDueToPanic(message)) => {
            message.message.clone()
        }
        Err(other) => other.to_string(),
        Ok(_) => String::new(),
    };
    json!({"error": kind, "text": text})
}

/// What a fresh computation over the surviving changes gives; None: the reference panics.
fn clean_root(
    state: &State,
    overlay: &mut OverlayedChanges<Hasher>,
    version: StateVersion,
) -> Option<(Root, BackendTransaction<Hasher>)> {
    let children: Vec<_> = overlay
        .children_mut()
        .map(|(entries, info)| {
            let entries: Vec<_> = entries
                .map(|(k, v)| (k.clone(), v.value().cloned()))
                .collect();
            (info.clone(), entries)
        })
        .collect();
    let top: Vec<_> = overlay
        .changes_mut()
        .map(|(k, v)| (k.clone(), v.value().cloned()))
        .collect();
    fn delta(
        entries: &[(Vec<u8>, Option<Vec<u8>>)],
    ) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        entries.iter().map(|(k, v)| (k.as_slice(), v.as_deref()))
    }
    let children = children
        .iter()
        .map(|(info, entries)| (info, delta(entries)));
    catch_unwind(AssertUnwindSafe(|| {
        state.full_storage_root(delta(&top), children, version)
    }))
    .ok()
}

/// What the node commits: the cached root and its nodes if there is one.
fn commit(
    state: &State,
    overlay: &mut OverlayedChanges<Hasher>,
    version: StateVersion,
) -> Option<(Root, BackendTransaction<Hasher>)> {
    let changes = catch_unwind(AssertUnwindSafe(|| {
        overlay.drain_storage_changes(state, version)
    }));
    let changes = changes.ok()?.ok()?;
    Some((changes.transaction_storage_root, changes.transaction))
}

fn with(state: &State, root: Root, transaction: BackendTransaction<Hasher>) -> State {
    let mut out = state.clone();
    out.apply_transaction(root, transaction);
    out
}

fn entries(state: &State, child: Option<&ChildInfo>) -> Result<Entries, String> {
    let mut arguments = IterArgs::default();
    arguments.child_info = child.cloned();
    let mut out = Entries::new();
    for pair in state.pairs(arguments).map_err(|e| e.to_string())? {
        let (key, value) = pair.map_err(|e| e.to_string())?;
        out.insert(key, value);
    }
    Ok(out)
}

fn difference(before: &Entries, after: &Entries) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in after {
        if before.get(key) != Some(value) {
            out.insert(hex::encode(key), json!(hex::encode(value)));
        }
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        out.insert(hex::encode(key), Value::Null);
    }
    out
}

/// The main trie without the roots of child tries, and these tries.
fn split(state: &State) -> Result<(Entries, HashMap<Vec<u8>, Entries>), String> {
    let mut top = entries(state, None)?;
    let prefix = well_known_keys::DEFAULT_CHILD_STORAGE_KEY_PREFIX;
    let names: Vec<Vec<u8>> = top
        .keys()
        .filter(|k| k.starts_with(prefix))
        .map(|k| k[prefix.len()..].to_vec())
        .collect();
    let mut children = HashMap::new();
    for name in names {
        let read = catch_unwind(AssertUnwindSafe(|| {
            entries(state, Some(&ChildInfo::new_default(&name)))
        }));
        if let Ok(Ok(found)) = read {
            top.remove(&[prefix, name.as_slice()].concat());
            children.insert(name, found);
        }
    }
    Ok((top, children))
}

fn put_differences(
    out: &mut Map<String, Value>,
    before: &State,
    after: &State,
) -> Result<(), Failure> {
    let ((top, children), (top_after, children_after)) = (split(before)?, split(after)?);
    let changed = difference(&top, &top_after);
    if !changed.is_empty() {
        out.insert("final_top_changes".into(), changed.into());
    }
    let mut all = Map::new();
    let none = Entries::new();
    for name in children.keys().chain(children_after.keys()) {
        let changed = difference(
            children.get(name).unwrap_or(&none),
            children_after.get(name).unwrap_or(&none),
        );
        if !changed.is_empty() {
            all.insert(hex::encode(name), changed.into());
        }
    }
    if !all.is_empty() {
        out.insert("final_child_changes".into(), all.into());
    }
    Ok(())
}

fn hex_root(root: Root) -> Value {
    json!(hex::encode(root.as_bytes()))
}

/// Perform a call; the overlay is what survived it.
fn perform(
    guests: &mut Guests,
    case: &Map<String, Value>,
    state: &State,
    input: &str,
) -> Result<(Result<Vec<u8>, Error>, OverlayedChanges<Hasher>), Failure> {
    let mut overlay = OverlayedChanges::<Hasher>::default();
    let is_offchain = case.get("context").and_then(Value::as_str) == Some("offchain");
    let mut extensions = extensions(is_offchain);
    overlay
        .enter_runtime()
        .map_err(|_| "already in the runtime")?;
    let result = {
        let mut ext = Ext::new(&mut overlay, state, Some(&mut extensions));
        guests.call(case, &unhex(input)?, &mut ext)?
    };
    overlay.exit_runtime().map_err(|_| "not in the runtime")?;
    Ok((result, overlay))
}

/// A case of one call.
fn answer_call(
    guests: &mut Guests,
    case: &Map<String, Value>,
    state: &State,
    out: &mut Map<String, Value>,
) -> Result<(), Failure> {
    let input = case["input"].as_str().ok_or("no input")?;
    let (result, mut overlay) = perform(guests, case, state, input)?;
    out.insert("result".into(), result_json(&result));
    if result.is_err() {
        return Ok(());
    }
    let versions = [StateVersion::V0, StateVersion::V1];
    let finals = versions.map(|version| clean_root(state, &mut overlay, version));
    let roots: Vec<Option<Root>> = finals.iter().map(|f| f.as_ref().map(|f| f.0)).collect();
    for (i, version) in versions.into_iter().enumerate() {
        if let Some(root) = roots[i] {
            out.insert(format!("final_root_v{i}"), hex_root(root));
        }
        // Draining keeps the changes as they are, only the cached root is taken out.
        let mut copy = overlay.clone();
        let committed = commit(state, &mut copy, version).map(|c| c.0);
        if committed.is_some() && !roots.contains(&committed) {
            out.insert(format!("stale_root_v{i}"), hex_root(committed.unwrap()));
        }
    }
    let [_, Some((root, transaction))] = finals else {
        return Ok(());
    };
    put_differences(out, state, &with(state, root, transaction))
}

/// A case of several calls, the changes of each committed as a node does before the next.
fn answer_steps(
    guests: &mut Guests,
    case: &Map<String, Value>,
    state: &State,
    out: &mut Map<String, Value>,
) -> Result<(), Failure> {
    let mut now = state.clone();
    let mut steps = Vec::new();
    for step in case["steps"].as_array().ok_or("steps are no list")? {
        let mut step = step.as_object().ok_or("a step is no object")?.clone();
        for field in ["result", "committed_root"] {
            step.remove(field);
        }
        let version = version_of(step["commit_version"].as_u64().unwrap_or(1))?;
        let input = step["input"].as_str().ok_or("no input")?;
        let (result, mut overlay) = perform(guests, case, &now, input)?;
        step.insert("result".into(), result_json(&result));
        if result.is_ok() {
            if let Some((root, transaction)) = commit(&now, &mut overlay, version) {
                step.insert("committed_root".into(), hex_root(root));
                now = with(&now, root, transaction);
            }
        }
        steps.push(Value::Object(step));
    }
    out.insert("steps".into(), steps.into());
    put_differences(out, state, &now)
}

/// Fields that are answers.
const ANSWERS: [&str; 11] = [
    "initial_root",
    "result",
    "final_root_v0",
    "final_root_v1",
    "stale_root_v0",
    "stale_root_v1",
    "final_top_changes",
    "final_child_changes",
    "quirks",
    "sane",
    "steps",
];

fn answer(guests: &mut Guests, case: &Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let mut out = case.clone();
    for field in ANSWERS {
        out.remove(field);
    }
    let before = storage(
        case.get("initial_top").and_then(Value::as_object),
        case.get("initial_children").and_then(Value::as_object),
    )?;
    let version = version_of(
        case.get("state_version")
            .and_then(Value::as_u64)
            .unwrap_or(0),
    )?;
    let state = State::from((before, version));
    out.insert("initial_root".into(), hex_root(*state.root()));
    if case.contains_key("steps") {
        answer_steps(guests, case, &state, &mut out)?;
    } else {
        answer_call(guests, case, &state, &mut out)?;
    }
    Ok(out)
}

/// The first field in which a case of the file and the answer differ.
fn first_difference(case: &Map<String, Value>, got: &Map<String, Value>) -> Option<String> {
    let known = ANSWERS
        .iter()
        .filter(|field| !["quirks", "sane"].contains(field));
    for field in known {
        if case.get(*field) != got.get(*field) {
            let (theirs, ours) = (case.get(*field), got.get(*field));
            return Some(format!("{field}: {ours:?}, the file has {theirs:?}"));
        }
    }
    None
}

pub fn run(folder: &str, cases: &str, check: bool) -> Result<bool, Failure> {
    std::panic::set_hook(Box::new(|_| ())); // panics are answers here
    let mut guests = Guests {
        folder: folder.into(),
        modules: HashMap::new(),
    };
    let (mut same, mut different) = (0, 0);
    for line in std::io::BufReader::new(std::fs::File::open(cases)?).lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let case = case.as_object().ok_or("a case is no object")?;
        let got = answer(&mut guests, case).map_err(|e| format!("{}: {e}", case["name"]))?;
        if !check {
            println!("{}", Value::Object(got));
            continue;
        }
        match first_difference(case, &got) {
            None => same += 1,
            Some(text) => {
                different += 1;
                println!("{}: {text:.600}", case["name"]);
            }
        }
    }
    if check {
        println!("{same} same, {different} different");
    }
    Ok(different == 0)
}
