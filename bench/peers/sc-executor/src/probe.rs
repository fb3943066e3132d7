//! Questions that no script of host calls can put: prints what the reference answers.

use sc_executor::WasmExecutor;
use sc_executor_common::wasm_runtime::HeapAllocStrategy;
use sp_core::traits::{CallContext, CodeExecutor, RuntimeCode, WrappedRuntimeCode};
use sp_io::SubstrateHostFunctions;
use sp_state_machine::BasicExternalities;

use crate::Failure;

/// Values of `:heappages`: none, few, more than 32 bits hold, and such that twice as many are too
/// many for a memory or for 32 bits.
const HEAP_PAGES: [Option<u64>; 5] = [
    None,
    Some(7),
    Some((1 << 32) + 7),
    Some((1 << 31) + 7),
    Some(40_000),
];

/// A script for the guest of tests/vectors/hostcalls: 12 times `mem_grow 1`, then 4 times 3000.
/// Its first record says how many pages the memory has at the start.
fn grow_script() -> Vec<u8> {
    let mut script = vec![1, 2, 0x00, 0x04, 0, 0];
    for pages in [1u32; 12].into_iter().chain([3000; 4]) {
        script.extend(12294u16.to_le_bytes());
        script.extend(pages.to_le_bytes());
    }
    script
}

fn u32_at(bytes: &[u8], at: usize) -> i64 {
    let word = bytes[at..at + 4].try_into().expect("four bytes");
    i64::from(u32::from_le_bytes(word) as i32)
}

/// Pages at the start, and what each growth answered.
fn describe(output: &[u8]) -> String {
    let grown: Vec<i64> = (22..output.len())
        .step_by(10)
        .map(|at| u32_at(output, at + 6))
        .collect();
    format!("{} pages, growth {grown:?}", u32_at(output, 6 + 12))
}

pub fn run(driver: &str) -> Result<bool, Failure> {
    let code = std::fs::read(driver)?;
    let fetcher = WrappedRuntimeCode(code.as_slice().into());
    let fixed = |pages| HeapAllocStrategy::Static { extra_pages: pages };
    let dynamic = |pages| HeapAllocStrategy::Dynamic {
        maximum_pages: Some(pages),
    };
    let contexts = [
        ("offchain", CallContext::Offchain),
        ("onchain", CallContext::Onchain { import: false }),
        ("import", CallContext::Onchain { import: true }),
    ];
    for (name, heap) in [
        ("default", None),
        ("static:100", Some(fixed(100))),
        ("static:40000", Some(fixed(40000))),
        ("dynamic:5", Some(dynamic(5))),
        ("dynamic:5000", Some(dynamic(5000))),
        (
            "dynamic",
            Some(HeapAllocStrategy::Dynamic {
                maximum_pages: None,
            }),
        ),
    ] {
        for heap_pages in HEAP_PAGES {
            for (context_name, context) in contexts {
                let mut builder = WasmExecutor::<SubstrateHostFunctions>::builder();
                if let Some(heap) = heap {
                    builder = builder
                        .with_onchain_heap_alloc_strategy(heap)
                        .with_offchain_heap_alloc_strategy(heap);
                }
                let executor = builder.build();
                let code = RuntimeCode {
                    code_fetcher: &fetcher,
                    heap_pages,
                    hash: vec![1],
                };
                let mut ext = BasicExternalities::default();
                let (result, _) = executor.call(&mut ext, &code, "run", &grow_script(), context);
                let text = match result {
                    Ok(output) => describe(&output),
                    Err(error) => format!("{error}"),
                };
                println!("heap {name}, :heappages {heap_pages:?}, {context_name}: {text}");
            }
        }
    }
    let executor = WasmExecutor::<SubstrateHostFunctions>::builder().build();
    let code = RuntimeCode {
        code_fetcher: &fetcher,
        heap_pages: None,
        hash: vec![1],
    };
    for method in ["nope", "memory", "__heap_base", "bad_signature", ""] {
        let mut ext = BasicExternalities::default();
        let (result, _) = executor.call(&mut ext, &code, method, &[], CallContext::Offchain);
        println!("method {method:?}: {result:?}");
        if let Err(error) = result {
            println!("  text: {error}");
        }
    }
    Ok(true)
}
