//! What `subexec replay --json` measures: blocks executed on the state of a genesis specification,
//! every state root checked. The state is a trie in memory, the host functions are sp-io's.

use std::time::{Duration, Instant};

use codec::Encode;
use sc_executor::{RuntimeVersionOf, WasmExecutor};
use serde_json::{json, Value};
use sp_core::storage::{well_known_keys, StateVersion};
use sp_core::traits::{CallContext, ReadRuntimeVersionExt, RuntimeCode, WrappedRuntimeCode};
use sp_externalities::Extensions;
use sp_io::SubstrateHostFunctions;
use sp_runtime::generic;
use sp_runtime::traits::BlakeTwo256;
use sp_runtime::OpaqueExtrinsic;
use sp_state_machine::{
    Backend, BasicExternalities, InMemoryBackend, OverlayedChanges, StateMachine,
};

use crate::{Failure, Hasher};

type Block = generic::Block<generic::Header<u32, BlakeTwo256>, OpaqueExtrinsic>;
type State = InMemoryBackend<Hasher>;
type Executor = WasmExecutor<SubstrateHostFunctions>;

/// The code of the state, compiled.
struct Code {
    bytes: Vec<u8>,
    hash: Vec<u8>,
    heap_pages: Option<u64>,
    state_version: StateVersion,
}

impl Code {
    fn load(state: &State, executor: &Executor) -> Result<Code, Failure> {
        let bytes = state
            .storage(well_known_keys::CODE)?
            .ok_or("the state has no :code")?;
        let heap_pages = state.storage(well_known_keys::HEAP_PAGES)?.and_then(|v| {
            v.get(..8)
                .map(|v| u64::from_le_bytes(v.try_into().expect("eight")))
        });
        let hash = <Hasher as sp_core::Hasher>::hash(&bytes)
            .as_bytes()
            .to_vec();
        let mut out = Code {
            bytes,
            hash,
            heap_pages,
            state_version: StateVersion::V0,
        };
        let version = {
            let fetcher = WrappedRuntimeCode(out.bytes.as_slice().into());
            executor.runtime_version(&mut BasicExternalities::default(), &out.describe(&fetcher))?
        };
        out.state_version = version.state_version();
        Ok(out)
    }

    fn describe<'a>(&self, fetcher: &'a WrappedRuntimeCode<'a>) -> RuntimeCode<'a> {
        RuntimeCode {
            code_fetcher: fetcher,
            hash: self.hash.clone(),
            heap_pages: self.heap_pages,
        }
    }
}

#[derive(Default)]
struct Times {
    runtime: Duration,
    read: Duration,
    execution: Duration,
    root: Duration,
    commit: Duration,
}

/// A block of a line of the file, without its seal, as the runtime wants it.
fn read_block(line: &str) -> Result<Block, Failure> {
    let mut value: Value = serde_json::from_str(line)?;
    let value = match value.get_mut("result") {
        Some(inner) => inner.take(),
        None => value,
    };
    let mut block: Block = serde_json::from_value(value["block"].clone())?;
    while matches!(
        block.header.digest.logs.last(),
        Some(sp_runtime::DigestItem::Seal(..))
    ) {
        block.header.digest.logs.pop();
    }
    Ok(block)
}

fn execute(
    state: &mut State,
    code: &Code,
    executor: &Executor,
    block: &Block,
    times: &mut Times,
) -> Result<bool, Failure> {
    let mut overlay = OverlayedChanges::<Hasher>::default();
    let mut extensions = Extensions::default();
    extensions.register(ReadRuntimeVersionExt::new(executor.clone()));
    let fetcher = WrappedRuntimeCode(code.bytes.as_slice().into());
    let runtime_code = code.describe(&fetcher);
    let start = Instant::now();
    let input = block.encode();
    StateMachine::new(
        &*state,
        &mut overlay,
        executor,
        "Core_execute_block",
        &input,
        &mut extensions,
        &runtime_code,
        CallContext::Onchain { import: true },
    )
    .execute()
    .map_err(|e| format!("block {}: {e}", block.header.number))?;
    let executed = Instant::now();
    let changes = overlay.drain_storage_changes(&*state, code.state_version)?;
    let rooted = Instant::now();
    if changes.transaction_storage_root != block.header.state_root {
        let (got, wanted) = (changes.transaction_storage_root, block.header.state_root);
        return Err(format!("block {}: root {got}, not {wanted}", block.header.number).into());
    }
    let changes_code = changes
        .main_storage_changes
        .iter()
        .any(|(key, _)| key == well_known_keys::CODE || key == well_known_keys::HEAP_PAGES);
    state.apply_transaction(changes.transaction_storage_root, changes.transaction);
    times.execution += executed - start;
    times.root += rooted - executed;
    times.commit += rooted.elapsed();
    Ok(changes_code)
}

pub fn run(spec: &str, blocks: &str) -> Result<bool, Failure> {
    let storage = crate::state::genesis(spec)?;
    let executor = Executor::builder()
        .with_allow_missing_host_functions(true)
        .build();
    let mut state = State::from((storage, StateVersion::V0));
    let text = std::fs::read_to_string(blocks)?;
    let mut times = Times::default();
    let (mut count, mut extrinsics, mut changes) = (0u64, 0u64, 0u64);
    let begin = Instant::now();
    let mut code = Code::load(&state, &executor)?;
    times.runtime += begin.elapsed();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let start = Instant::now();
        let block = read_block(line)?;
        times.read += start.elapsed();
        let changes_code = execute(&mut state, &code, &executor, &block, &mut times)?;
        count += 1;
        extrinsics += block.extrinsics.len() as u64;
        if changes_code {
            let start = Instant::now();
            code = Code::load(&state, &executor)?;
            times.runtime += start.elapsed();
            changes += 1;
        }
    }
    let total = begin.elapsed();
    let spent = (total - times.runtime).as_secs_f64();
    let nanoseconds = |time: Duration| time.as_nanos() as u64;
    let out = json!({
        "blocks": count,
        "extrinsics": extrinsics,
        "state_root": format!("0x{}", hex::encode(state.root().as_bytes())),
        "runtime_changes": changes,
        "blocks_per_second": count as f64 / spent,
        "extrinsics_per_second": extrinsics as f64 / spent,
        "time_ns": {
            "total": nanoseconds(total),
            "runtime": nanoseconds(times.runtime),
            "read": nanoseconds(times.read),
            "execution": nanoseconds(times.execution),
            "root": nanoseconds(times.root),
            "commit": nanoseconds(times.commit),
        },
    });
    println!("{}", serde_json::to_string_pretty(&out)?);
    Ok(true)
}
