#!/usr/bin/env python3
"""Gives the host-call vectors of the context `block` to `subexec batch` and compares what it answers.

usage: batch_vectors.py PROGRAM FOLDER [CASES...]

FOLDER has the guests; CASES are files of vectors (README.md of the vectors), FOLDER/hostcalls-dev.jsonl if not
given. Where a case has another answer without the reference's faults (`sane`), either will do. Exit code 1 if a
case fails.
"""
import json
import os
import subprocess
import sys


def prefixed(pairs):
    return {"0x" + key: "0x" + value for key, value in (pairs or {}).items()}


def bare(pairs):
    return {key[2:]: None if value is None else value[2:] for key, value in pairs.items()}


def request(case, folder):
    children = {"0x" + child: prefixed(pairs) for child, pairs in (case.get("initial_children") or {}).items()}
    return {"id": case["name"], "code": os.path.join(folder, case.get("driver", "driver.wasm")), "method": "run",
            "input": "0x" + case["input"], "state": {"top": prefixed(case.get("initial_top")), "children": children},
            "state_version": case["state_version"], "want": ["root_v0", "root_v1", "changes"],
            "options": {"heap": case["heap"]}}


def difference(expected, answer):
    """What is first found to be another than expected; None if nothing is."""
    if "error" in expected["result"]:
        kind = answer.get("error", {}).get("kind")
        return None if kind == expected["result"]["error"] else "%s instead of %s" % (kind, expected["result"]["error"])
    if "error" in answer:
        return "error %s" % answer["error"]
    children = {child[2:]: bare(pairs) for child, pairs in answer["changes"]["children"].items()}
    pairs = [("output", answer["output"], "0x" + expected["result"]["ok"]),
             ("root_v0", answer["root_v0"], "0x" + expected["final_root_v0"]),
             ("root_v1", answer["root_v1"], "0x" + expected["final_root_v1"]),
             ("changes.top", bare(answer["changes"]["top"]), expected.get("final_top_changes") or {}),
             ("changes.children", children, expected.get("final_child_changes") or {})]
    return next(("%s: %s instead of %s" % pair for pair in pairs if pair[1] != pair[2]), None)


def main():
    program, folder, *files = sys.argv[1:]
    cases = []
    for path in files or [os.path.join(folder, "hostcalls-dev.jsonl")]:
        with open(path, encoding="utf-8") as lines:
            cases += [case for case in map(json.loads, lines) if case["context"] == "block"]
    done = subprocess.run([program, "batch"], input="".join(json.dumps(request(case, folder)) + "\n" for case in cases),
                          stdout=subprocess.PIPE, encoding="utf-8", check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    passed = failed = 0
    for case, answer in zip(cases, answers):
        found = difference(case, answer)
        if found is not None and "sane" in case:
            found = difference({**case, **case["sane"]}, answer)
        passed, failed = passed + (found is None), failed + (found is not None)
        if found is not None:
            print("FAILED %s: %s" % (case["name"], found[:1000]))
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0 or passed == 0 or len(answers) != len(cases)


if __name__ == "__main__":
    sys.exit(main())
