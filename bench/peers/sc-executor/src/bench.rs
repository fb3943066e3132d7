//! What `subexec bench --json` measures, in the same form: minimum, median and 99th percentile of
//! one call, in microseconds, with other threads making the same call.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use codec::Encode;
use sc_executor_common::runtime_blob::RuntimeBlob;
use sc_executor_common::wasm_runtime::{HeapAllocStrategy, WasmModule};
use sc_executor_wasmtime::InstantiationStrategy;
use serde_json::{json, Value};
use sp_io::SubstrateHostFunctions;
use sp_state_machine::BasicExternalities;

use crate::{config, Arguments, Failure};

const HEAP: HeapAllocStrategy = HeapAllocStrategy::Static { extra_pages: 2048 };

/// The same as `subexec bench`: warm-up, calls to make, time to spend.
const WARM_CALLS: std::ops::Range<usize> = 3..1000;
const WARM_TIME: Duration = Duration::from_millis(50);
const CALLS: std::ops::Range<usize> = 30..20_000;

/// Pages of 64 KiB that `dirty_1mb` writes into.
const DIRTY_PAGES: u32 = 16;

struct Length {
    calls: std::ops::Range<usize>,
    time: Duration,
}

struct Function {
    name: String,
    method: String,
    input: Vec<u8>,
}

/// The value of the i32 global that the code exports as `__heap_base`.
fn heap_base(wasm: &[u8]) -> Result<u32, Failure> {
    let mut globals = Vec::new();
    let mut index = None;
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        match payload? {
            wasmparser::Payload::GlobalSection(section) => {
                for global in section {
                    let mut operators = global?.init_expr.get_operators_reader();
                    globals.push(match operators.read()? {
                        wasmparser::Operator::I32Const { value } => value as u32,
                        _ => 0,
                    });
                }
            }
            wasmparser::Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if export.name == "__heap_base" {
                        index = Some(export.index as usize);
                    }
                }
            }
            _ => (),
        }
    }
    let index = index.ok_or("the code exports no __heap_base")?;
    Ok(*globals
        .get(index)
        .ok_or("__heap_base is no global of the code's own")?)
}

/// Call as long as `count`, which is told how long each call took, wants more.
fn call_while(
    module: &dyn WasmModule,
    function: &Function,
    count: &mut dyn FnMut(Duration) -> bool,
) -> Result<(), Failure> {
    let mut instance = module.new_instance(HEAP)?;
    let mut ext = BasicExternalities::default();
    sp_externalities::set_and_run_with_externalities(&mut ext, || loop {
        let start = Instant::now();
        let result = instance.call(&function.method, &function.input);
        let spent = start.elapsed();
        if let Err(error) = result {
            return Err(error.to_string().into());
        }
        if !count(spent) {
            return Ok(());
        }
    })
}

fn measure(
    module: &dyn WasmModule,
    function: &Function,
    length: &Length,
) -> Result<Vec<Duration>, Failure> {
    let mut warm = 0;
    let start = Instant::now();
    call_while(module, function, &mut |_| {
        warm += 1;
        warm < WARM_CALLS.start || (warm < WARM_CALLS.end && start.elapsed() <= WARM_TIME)
    })?;
    let mut times = Vec::with_capacity(length.calls.end);
    let start = Instant::now();
    call_while(module, function, &mut |time| {
        times.push(time);
        times.len() < length.calls.start
            || (times.len() < length.calls.end && start.elapsed() < length.time)
    })?;
    times.sort();
    Ok(times)
}

/// Measure on this thread while `others` make the same call.
fn measure_beside(
    module: &dyn WasmModule,
    function: &Function,
    others: usize,
    length: &Length,
) -> Result<Vec<Duration>, Failure> {
    let (stop, spinning) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..others {
            scope.spawn(|| {
                let mut is_first = true;
                let _ = call_while(module, function, &mut |_| {
                    if std::mem::take(&mut is_first) {
                        spinning.fetch_add(1, Ordering::SeqCst);
                    }
                    !stop.load(Ordering::Relaxed)
                });
                if is_first {
                    spinning.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        while spinning.load(Ordering::SeqCst) < others {
            std::thread::sleep(Duration::from_micros(100));
        }
        let out = measure(module, function, length);
        stop.store(true, Ordering::Relaxed);
        out
    })
}

fn row(
    function: &Function,
    strategy: &str,
    threads: usize,
    times: Result<Vec<Duration>, Failure>,
) -> Value {
    let mut out = json!({"function": function.name, "strategy": strategy, "threads": threads});
    match times {
        Ok(times) => {
            let at = |index: usize| times[index].as_nanos() as f64 / 1e3;
            out["calls"] = json!(times.len());
            out["min_us"] = json!(at(0));
            out["median_us"] = json!(at(times.len() / 2));
            out["p99_us"] = json!(at((times.len() * 99 + 99) / 100 - 1));
        }
        Err(error) => out["error"] = json!({"kind": "Other", "message": error.to_string()}),
    }
    out
}

fn strategy_of(name: &str) -> Result<InstantiationStrategy, Failure> {
    Ok(match name {
        "pooling_cow" => InstantiationStrategy::PoolingCopyOnWrite,
        "recreate_cow" => InstantiationStrategy::RecreateInstanceCopyOnWrite,
        "pooling" => InstantiationStrategy::Pooling,
        "recreate" => InstantiationStrategy::RecreateInstance,
        _ => return Err(format!("unknown strategy {name}").into()),
    })
}

pub fn run(path: &str, arguments: &Arguments) -> Result<bool, Failure> {
    let blob = RuntimeBlob::uncompress_if_needed(&std::fs::read(path)?)?;
    let dirty = (heap_base(&blob.clone().serialize())?, DIRTY_PAGES).encode();
    let mut functions = vec![
        Function {
            name: "empty".into(),
            method: "test_empty_return".into(),
            input: vec![],
        },
        Function {
            name: "dirty_1mb".into(),
            method: "test_dirty_plenty_memory".into(),
            input: dirty,
        },
    ];
    for method in arguments.all("method") {
        functions.push(Function {
            name: method.into(),
            method: method.into(),
            input: vec![],
        });
    }
    let mut length = Length {
        calls: CALLS,
        time: Duration::from_millis(300),
    };
    if let Some(calls) = arguments.get("calls") {
        let calls = calls.parse::<usize>()?.max(1);
        length = Length {
            calls: calls..calls,
            time: Duration::ZERO,
        };
    }
    if let Some(seconds) = arguments.get("seconds") {
        length = Length {
            calls: 30..1_000_000,
            time: Duration::from_secs_f64(seconds.parse()?),
        };
    }
    let strategies = arguments
        .get("strategy")
        .unwrap_or("pooling_cow,recreate_cow,pooling,recreate");
    let mut rows = Vec::new();
    for strategy in strategies.split(',') {
        let config = config(strategy_of(strategy)?, HEAP);
        let module =
            sc_executor_wasmtime::create_runtime::<SubstrateHostFunctions>(blob.clone(), config)?;
        for threads in arguments.get("threads").unwrap_or("1,2").split(',') {
            let threads: usize = threads.parse()?;
            for function in &functions {
                let times = measure_beside(&module, function, threads.max(1) - 1, &length);
                rows.push(row(function, strategy, threads, times));
            }
        }
    }
    let good = rows.iter().all(|row| row["error"].is_null());
    println!("{}", serde_json::to_string_pretty(&rows)?);
    Ok(good)
}
