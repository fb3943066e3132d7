#!/usr/bin/env -S python3 -B
"""Writes scripts of host calls, without answers, for tests/vectors/hostcalls-extra.jsonl (README.md here).

    bench/peers/hostcalls_extra.py >CASES
    bench/peers/hostcalls_extra.py --random 5000 --seed 1 >CASES
    sc-executor-peer hostcalls tests/vectors/hostcalls CASES >tests/vectors/hostcalls-extra.jsonl

The scripts are about storage: removal of keys that are not there, transactions left open, cached roots, long keys,
values that change how they stand in the trie, blocks in sequence. The random ones are the same at every run.
"""

import argparse
import json
import random
from pathlib import Path

OPS = json.loads((Path(__file__).resolve().parent.parent.parent / "tests/vectors/hostcalls/ops.json").read_text())
HOST = {f["name"]: f for f in OPS["host"]}
CONTROL = {c["name"]: c["opcode"] for c in OPS["control"]}
SILENT = 0x4000
CHILD_PREFIX = b":child_storage:default:"


def u16(n):
    return n.to_bytes(2, "little")


def u32(n):
    return n.to_bytes(4, "little")


# ---- Arguments: mode byte and data (tests/vectors/hostcalls/README.md) ----

class Argument(bytes):
    """An argument ready to be written."""


def number(n):
    return Argument(b"\0" + n.to_bytes(8, "little"))


def data(content):
    return Argument(b"\2" + u32(len(content)) + content)


def pointer(content):
    return Argument(b"\1" + u32(len(content)) + content)


def register(r, add=0):
    return Argument(b"\3" + bytes([r]) + add.to_bytes(8, "little", signed=True))


def range_at(r, add, length):
    return Argument(b"\7" + bytes([r]) + add.to_bytes(4, "little", signed=True) + u32(length))


def address(r, add=0):
    return Argument(b"\4" + bytes([r]) + add.to_bytes(4, "little", signed=True))


def some(content):
    return b"\1" + content


def option_limit(limit):
    return b"\0" if limit is None else some(u32(limit))


def option_bytes(content):
    return b"\0" if content is None else some(bytes([4 * len(content)]) + content)


def scratch(length):
    return Argument(b"\5" + u32(length))


def argument(kind, value):
    if isinstance(value, Argument):
        return value
    if isinstance(value, int):
        return number(value)
    return pointer(value) if kind[0] == "p" else data(value)


def op(name, *values, silent=False):
    full = name if name in HOST else f"ext_{name}"
    function = HOST[full]
    assert len(values) == len(function["params"]), name
    out = u16(function["opcode"] | (SILENT if silent else 0))
    return out + b"".join(argument(kind, value) for kind, value in zip(function["params"], values))


def control(name, operands=b"", silent=False):
    return u16(CONTROL[name] | (SILENT if silent else 0)) + operands


# ---- The operations, by short names ----

def put(key, value):
    return op("storage_set_version_1", key, value)


def clear(key):
    return op("storage_clear_version_1", key)


def get(key):
    return op("storage_get_version_1", key)


def exists(key):
    return op("storage_exists_version_1", key)


def following(key):
    return op("storage_next_key_version_1", key)


def append(key, item):
    return op("storage_append_version_1", key, item)


def clear_prefix(prefix, limit=None):
    return op("storage_clear_prefix_version_2", prefix, option_limit(limit))


def root(version=None):
    return op("storage_root_version_1") if version is None else op("storage_root_version_2", version)


def child_put(child, key, value):
    return op("default_child_storage_set_version_1", child, key, value)


def child_clear(child, key):
    return op("default_child_storage_clear_version_1", child, key)


def child_get(child, key):
    return op("default_child_storage_get_version_1", child, key)


def child_clear_prefix(child, prefix, limit=None):
    return op("default_child_storage_clear_prefix_version_2", child, prefix, option_limit(limit))


def child_following(child, key):
    return op("default_child_storage_next_key_version_1", child, key)


def kill(child, limit=None):
    return op("default_child_storage_storage_kill_version_3", child, option_limit(limit))


def child_root(child, version=None):
    name = "default_child_storage_root_version_"
    return op(name + "1", child) if version is None else op(name + "2", child, version)


START = op("storage_start_transaction_version_1")
COMMIT = op("storage_commit_transaction_version_1")
ROLLBACK = op("storage_rollback_transaction_version_1")


# ---- Cases ----

def script(operations, flags=0, capacity=16384):
    return (bytes([1, flags]) + u32(capacity) + b"".join(operations)).hex()


def trie(entries):
    return {key.hex(): value.hex() for key, value in sorted(entries.items())}


def case(name, blocks, top=None, children=None, version=0, capacity=16384):
    """`blocks`: a list of operations, or lists with the version each is committed under: (version, operations)."""
    out = {"name": name, "context": "block", "heap": "static:2048", "state_version": version}
    if top:
        out["initial_top"] = trie(top)
    if children:
        out["initial_children"] = {child.hex(): trie(entries) for child, entries in sorted(children.items())}
    if isinstance(blocks[0], bytes):
        out["input"] = script(blocks, capacity=capacity)
    else:
        out["steps"] = [{"commit_version": committed, "input": script(operations, capacity=capacity)}
                        for committed, operations in blocks]
    print(json.dumps(out, sort_keys=True))


def unhex(text):
    return [bytes.fromhex(key) for key in text.split()]


def numbered(keys, length=3):
    return {key: bytes([i + 1]) * length for i, key in enumerate(keys)}


# Removal of keys that are not there: base, what happens ("-" removes, "+" sets), both hex.
REMOVALS = [
    ("empty-of-branch", "ab ab10 ab20", "-"),
    ("empty-of-one-child", "ab ab10", "-"),
    ("empty-of-leaf", "ab", "-"),
    ("empty-of-fork", "10 20", "-"),
    ("inner", "6110 611011 611022 62", "-61"),
    ("inner-alone", "6110 611011 611022", "-61"),
    ("inner-sibling-before", "6110 611011 611022", "-61 +60"),
    ("inner-sibling-after", "6110 611011 611022", "-61 +62"),
    ("inner-both-gone", "60 6110 611011 611022", "-60 -61"),
    ("inner-next-gone", "6110 611011 611022 62", "-61 -62"),
    ("inner-set-again", "6110 611011 611022 62", "-61 +6110"),
    ("inner-removed-too", "6110 611011 611022 62", "-61 -6110"),
    ("inner-grows", "6110 611011 62", "-61 +611022"),
    ("inner-one-child", "6110 611011 62", "-61"),
    ("inner-no-value", "611011 611022 62", "-61"),
    ("inner-leaf", "6110 62", "-61"),
    ("longer-partial", "61101112 6110111213 6110111222 62", "-61"),
    ("longer-partial-middle", "61101112 6110111213 6110111222 62", "-6110"),
    ("odd-nibble", "6118 611811 611822 6f", "-61"),
    ("beyond-branch", "6110 611011 611022 62", "-6111"),
    ("below-branch", "6110 611011 611022 62", "-611012"),
    ("below-leaf", "6110 611011 611022 62", "-61101122"),
    ("between", "6110 611011 611022 62", "-611015"),
    ("two-in-a-row", "a110 a11011 a11022 b110 b11011 b11022 c0", "-a1 -b1"),
    ("two-levels", "61 6110 611010 61101010 61101020 62", "-611010 -6110 -61"),
    ("set-then-removed", "6110 611011 611022 62", "+61 -61"),
    ("value-of-other-form", "6110 611011 611022 62", "-61 +63"),
]


def removal_operations(text):
    for word in text.split():
        key = bytes.fromhex(word[1:])
        yield clear(key) if word[0] == "-" else put(key, b"new")


def removals():
    for name, base, changes in REMOVALS:
        keys = unhex(base)
        top = numbered(keys, 40 if name == "value-of-other-form" else 3)
        changes = list(removal_operations(changes)) or [clear(b"")]
        reads = [get(key) for key in keys]
        # The root inside the call shows the fault, or the call fails; the commit shows it without.
        case(f"removal-{name}-root", changes + reads + [root(1)] + reads, top, version=1)
        case(f"removal-{name}-blocks", [
            (0, changes + reads),
            (0, reads + [root(0)]),
            (1, [put(keys[0], b"again"), root(1), get(keys[0])]),
        ], top)


def removals_of_children():
    children = {bytes.fromhex(c): numbered(unhex("01 0102")) for c in ("a10a", "a10a10", "a10a20", "a2")}
    names = [bytes.fromhex(c) for c in ("a10a", "a10a10", "a10a20", "a2")]
    touches = {
        "kill": [kill(b"\xa1")],
        "clear": [child_clear(b"\xa1", b"k")],
        "clear-prefix": [child_clear_prefix(b"\xa1", b"k")],
        "set-and-clear": [child_put(b"\xa1", b"k", b"v"), child_clear(b"\xa1", b"k")],
        "root-only": [child_root(b"\xa1", 0)],
        "read-only": [child_get(b"\xa1", b"k")],
        "rolled-back": [START, child_put(b"\xa1", b"k", b"v"), ROLLBACK],
        "rolled-back-kill": [START, kill(b"\xa1"), ROLLBACK],
        "committed": [START, kill(b"\xa1"), COMMIT],
        "left-open": [START, child_put(b"\xa1", b"k", b"v")],
        "left-open-kill": [START, kill(b"\xa1")],
        "left-open-root": [START, child_root(b"\xa1", 0)],
        "left-open-root-after": [START, child_put(b"\xa1", b"k", b"v"), child_root(b"\xa1", 0)],
        "nested-left-open": [START, START, child_put(b"\xa1", b"k", b"v"), COMMIT],
        "nested-rolled-back": [START, START, child_put(b"\xa1", b"k", b"v"), COMMIT, ROLLBACK],
        "nested-inner-rolled-back": [START, START, child_put(b"\xa1", b"k", b"v"), ROLLBACK, COMMIT],
        "before-and-rolled-back": [child_clear(b"\xa1", b"k"), START, child_put(b"\xa1", b"k", b"v"), ROLLBACK],
        "prefix-inside": [START, child_clear_prefix(b"\xa1", b"k"), ROLLBACK],
        "limited-kill": [kill(b"\xa1", 0)],
        "emptied": [kill(b"\xa1\x0a")],
        "emptied-all": [kill(name) for name in names],
    }
    reads = [child_get(name, b"\x01") for name in names]
    for name, operations in touches.items():
        case(f"removal-child-{name}", [
            (0, operations + reads),
            (0, reads + [root(0)] + [get(CHILD_PREFIX + c) for c in names]),
            (0, [child_put(names[0], b"\x05", b"five"), child_root(names[0], 0), root(0)] + reads),
        ], children=children)


# ---- Transactions left open, cached roots ----

def dangling():
    top = numbered(unhex("10 1010 1020 20 30"))
    children = {b"c1": numbered(unhex("01 02")), b"c2": numbered(unhex("01"))}
    tails = {
        "set": [START, put(b"\x10", b"x")],
        "nested": [START, put(b"\x10", b"x"), START, clear(b"\x20")],
        "nested-committed": [START, START, put(b"\x10", b"x"), COMMIT],
        "root-inside": [START, put(b"\x10", b"x"), root(0)],
        "root-before": [put(b"\x10", b"x"), root(0), START, put(b"\x10", b"y")],
        "root-before-and-inside": [put(b"\x10", b"x"), root(0), START, put(b"\x10", b"y"), root(0)],
        "child-set": [START, child_put(b"c1", b"\x01", b"x")],
        "child-root-inside": [START, child_put(b"c1", b"\x01", b"x"), child_root(b"c1", 0)],
        "child-all-roots-inside": [START, child_put(b"c1", b"\x01", b"x"), child_root(b"c1", 0), root(0)],
        "child-kill": [START, kill(b"c1")],
        "child-new": [START, child_put(b"c3", b"k", b"v"), child_root(b"c3", 0)],
        "child-new-root": [START, child_put(b"c3", b"k", b"v"), root(0)],
        "append": [append(b"list", b"\x04"), START, append(b"list", b"\x08")],
        "append-root": [append(b"list", b"\x04"), root(0), START, append(b"list", b"\x08")],
    }
    for name, operations in tails.items():
        reads = [get(b"\x10"), get(b"list"), child_get(b"c1", b"\x01"), get(CHILD_PREFIX + b"c1"), root(0)]
        case(f"dangling-{name}", operations, top, children)
        case(f"dangling-{name}-blocks", [(0, operations), (0, reads), (1, [root(1)] + reads)], top, children)


def cached_roots():
    top = numbered(unhex("10 1010 1020 20 30"))
    children = {b"c1": numbered(unhex("01 02")), b"c2": numbered(unhex("01"))}
    change = put(b"\x10", b"x")
    # After each sequence: what the root is, then what it is once the cache is surely gone.
    sequences = {
        "start-commit": [change, root(0), START, COMMIT],
        "start-rollback": [change, root(0), START, ROLLBACK],
        "start-append-commit": [change, root(0), START, append(b"l", b"\4"), COMMIT],
        "start-append-rollback": [change, root(0), START, append(b"l", b"\4"), ROLLBACK],
        "append": [change, root(0), append(b"l", b"\4")],
        "append-start-commit": [change, root(0), append(b"l", b"\4"), START, COMMIT],
        "append-start-rollback": [change, root(0), append(b"l", b"\4"), START, ROLLBACK],
        "append-start-append-rollback": [change, root(0), append(b"l", b"\4"), START, append(b"l", b"\4"), ROLLBACK],
        "append-nested-rollback": [change, root(0), append(b"l", b"\4"), START, START, ROLLBACK, COMMIT],
        "append-left-open": [change, root(0), append(b"l", b"\4"), START],
        "append-child-start-commit": [root(0), append(b"l", b"\4"), child_root(b"c1", 0), START, COMMIT],
        "append-child-start-rollback": [root(0), append(b"l", b"\4"), START, child_root(b"c1", 0), ROLLBACK],
        "append-inside-outer-root-commit": [START, change, root(0), append(b"l", b"\4"), START, COMMIT, COMMIT],
        "append-commit-child": [child_put(b"c1", b"k", b"v"), root(0), append(b"l", b"\4"), START, COMMIT],
        "inside-commit": [START, change, root(0), COMMIT],
        "inside-rollback": [START, change, root(0), ROLLBACK],
        "inside-append-commit": [START, change, root(0), append(b"l", b"\4"), COMMIT],
        "inside-append-rollback": [START, change, root(0), append(b"l", b"\4"), ROLLBACK],
        "nested-rollback": [change, START, root(0), START, put(b"\x20", b"y"), ROLLBACK, COMMIT],
        "nested-root-rollback": [change, START, START, root(0), ROLLBACK, COMMIT],
        "nested-root-outer-rollback": [START, change, START, root(0), COMMIT, ROLLBACK],
        "other-version": [change, root(1)],
        "other-version-commit": [change, root(1), START, COMMIT],
        "child-root-commit": [child_put(b"c1", b"k", b"v"), child_root(b"c1", 0), START, COMMIT],
        "child-change-after": [root(0), child_put(b"c1", b"k", b"v"), child_root(b"c1", 0)],
        "child-change-after-root": [child_put(b"c1", b"k", b"v"), root(0), child_put(b"c1", b"k", b"w")],
        "child-change-rollback": [child_put(b"c1", b"k", b"v"), root(0), START, child_put(b"c1", b"k", b"w"), ROLLBACK],
        "child-kill-rollback": [root(0), START, kill(b"c1"), ROLLBACK],
        "no-op-set": [root(0), put(b"\x20", b"\2\2\2")],
        "no-op-clear": [root(0), clear(b"\x21")],
        "no-op-clear-prefix": [root(0), clear_prefix(b"\x99")],
        "no-op-child-clear": [root(0), child_clear(b"c1", b"zz")],
        "reads": [change, root(0), get(b"\x10"), following(b"\x10"), child_get(b"c1", b"\1")],
        "refused-write": [change, root(0), put(CHILD_PREFIX + b"c1", b"x" * 32), clear_prefix(b":child_sto")],
        "refused-inside": [change, START, root(0), put(CHILD_PREFIX + b"c9", b"x"), ROLLBACK],
    }
    for name, operations in sequences.items():
        tail = [root(0), child_root(b"c1", 0), child_root(b"c2", 0), root(1), root(0)]
        sure = [put(b"sure", b"s"), root(0), child_root(b"c1", 0)]
        case(f"cached-{name}", operations + tail, top, children)
        case(f"cached-{name}-sure", operations + sure + tail, top, children, version=1)
        case(f"cached-{name}-blocks", [(0, operations), (0, [root(0), get(b"l"), child_get(b"c1", b"k")])],
             top, children)


def state_versions():
    """The version is an argument of a byte in an i32."""
    top = {b"\x10": b"a" * 40, b"\x20": b"short"}
    children = {b"c1": {b"\x01": b"b" * 40}}
    for version in (0, 1, 2, 3, 4, 127, 128, 255, 256, 257, 258, 259, 65536, 0x80000001, 0xffffffff):
        writes = [put(b"\x11", b"c" * 40), child_put(b"c1", b"\x02", b"d" * 40)]
        case(f"version-main-{version}", writes + [root(version)], top, children)
        case(f"version-child-{version}", writes + [child_root(b"c1", version)], top, children)
        case(f"version-child-absent-{version}", [child_root(b"none", version)], top, children)


# ---- Long keys, values that change form ----

LONG = [512, 513, 1024, 4096, 32767, 32768, 65535, 65536, 70000]


def long_key(length):
    """Registers: 1 is a buffer of 80000 bytes 0x5a, whose first `length` are the key."""
    return range_at(1, 0, length)


def make_buffer():
    return [
        op("allocator_malloc_version_1", 80000, silent=True), control("save", b"\1"),
        control("mem_fill", address(1) + b"\x5a" + u32(80000), silent=True),
    ]


def hash_of_last():
    """Long answers as their hash."""
    return [control("save", b"\2"), op("hashing_blake2_256_version_1", register(2))]


def long_keys():
    for length in LONG:
        top = {b"\x5a": b"short", b"\x5b": b"next"}
        children = {b"c1": {b"\x5a": b"in child"}}
        key = long_key(length)
        near = range_at(1, 0, length - 1)
        writes = make_buffer() + [
            op("storage_set_version_1", key, b"long"), op("default_child_storage_set_version_1", b"c1", key, b"v" * 40),
            op("storage_set_version_1", near, b"v" * 33), root(0), root(1),
        ]
        reads = make_buffer() + [
            op("storage_get_version_1", key), op("storage_exists_version_1", near),
            op("default_child_storage_get_version_1", b"c1", key),
            op("storage_next_key_version_1", b"\x5a", silent=True), *hash_of_last(),
            op("storage_next_key_version_1", near, silent=True), *hash_of_last(),
            op("storage_next_key_version_1", key),
            op("default_child_storage_next_key_version_1", b"c1", b"\x5a", silent=True), *hash_of_last(),
            op("storage_set_version_1", key, b"w" * 34), root(1),
        ]
        ends = make_buffer() + [
            op("storage_clear_version_1", range_at(1, 0, length - 2)), op("storage_get_version_1", key),
            op("storage_clear_version_1", near), root(1), op("storage_clear_version_1", key),
            op("default_child_storage_clear_version_1", b"c1", key), root(1),
        ]
        case(f"long-key-{length}", [(0, writes), (1, reads), (1, ends)], top, children)
    names = make_buffer() + [op("default_child_storage_set_version_1", range_at(1, 0, 600), b"k", b"v"), root(0)]
    reads = make_buffer() + [
        op("default_child_storage_get_version_1", range_at(1, 0, 600), b"k"),
        op("storage_next_key_version_1", b"", silent=True), *hash_of_last(),
        op("default_child_storage_storage_kill_version_3", range_at(1, 0, 600), b"\0"), root(0),
    ]
    case("long-key-child-name", [(0, names), (0, reads)])
    prefix = make_buffer() + [op("storage_set_version_1", range_at(1, 0, n), b"v") for n in (600, 601, 602, 700)] + [
        root(1), op("storage_clear_prefix_version_2", range_at(1, 0, 601), option_limit(None)), root(1)]
    more = make_buffer() + [
        op("storage_next_key_version_1", b"", silent=True), *hash_of_last(),
        op("storage_clear_prefix_version_2", range_at(1, 0, 512), option_limit(2)), root(1)]
    case("long-key-prefix", [(1, prefix), (1, more)], {b"\x5a": b"v", b"\x5a\x5a\x5b": b"w"})


def forms():
    """Values of 32 bytes stand inline, of 33 hashed under version 1; those not written again keep their form."""
    lengths = (0, 31, 32, 33, 64, 600)
    for before in lengths:
        key, other = b"\x10", b"\x11"
        top = {key: b"a" * before, other: b"o" * 40}
        blocks = []
        for i, after in enumerate(lengths):
            blocks.append((i % 2, [get(key), put(key, bytes([97 + i]) * after), root(0), root(1)]))
        blocks += [(0, [put(other, b"o" * 40), root(0)]), (1, [put(other, b"o" * 40), root(1)]), (0, [root(0)])]
        for version in (0, 1):
            case(f"form-{before}-from-{version}", blocks, top, version=version)
    top = {bytes([i]): bytes([i]) * 40 for i in range(0x10, 0x20)}
    moves = [(1, [put(b"\x10", b"x" * 40), root(1)]), (0, [put(b"\x10", b"x" * 40), put(b"\x11\x01", b"y")]),
             (1, [clear(b"\x11\x01"), root(0)]), (0, [clear_prefix(b"\x12"), root(1)]), (1, [root(1)])]
    case("form-of-neighbours", moves, top)
    children = {b"c1": {b"k": b"v" * 40, b"l": b"v" * 40}}
    moves = [(1, [child_put(b"c1", b"k", b"w" * 40), root(1)]), (0, [child_put(b"c1", b"k", b"w" * 40), root(0)]),
             (1, [child_put(b"c1", b"m", b""), child_root(b"c1", 1), root(0)]), (0, [child_root(b"c1", 1)])]
    case("form-in-child", moves, children=children)
    grows = [(i % 2, [append(b"list", bytes([i]) * 9), root(1 - i % 2)]) for i in range(8)]
    case("form-append", grows, {b"list": b"\x00"})


# ---- Random scripts ----

# Keys of the main trie and of children, and names of children, such that removal of absent ones goes wrong often.
KEYS = unhex("61 6110 611011 611022 6118 62 60 6120 612011 612022 6f")
NAMES = unhex("a1 a10a a10a10 a10a20 a2")


def random_keys(chance, count):
    """Keys that begin each other."""
    alphabet = bytes(chance.choice((0x00, 0x01, 0x10, 0x11, 0x12, 0x20, 0xf0, 0xff)) for _ in range(3))
    made = {bytes(chance.choice(alphabet) for _ in range(chance.randrange(1, 5))) for _ in range(count)}
    return sorted(made)


class Script:
    """Makes random operations on some keys and children."""

    def __init__(self, chance, keys, names):
        self.chance, self.keys, self.names = chance, keys, names

    def removal(self, child, key):
        """The forms of removal that the short names do not have."""
        limit = option_limit(self.chance.choice((None, 0, 1, 2, 3)))
        cursor = option_bytes(self.chance.choice((None, None, self.chance.choice(self.keys))))
        return self.chance.choice((
            lambda: op("storage_clear_prefix_version_1", key[:2] or b"\x60"),
            lambda: op("storage_clear_prefix_version_3", key[:1] or b"\x60", limit, cursor),
            lambda: op("default_child_storage_storage_kill_version_1", child),
            lambda: op("default_child_storage_storage_kill_version_2", child, limit),
            lambda: op("default_child_storage_storage_kill_version_4", child, limit, cursor),
            lambda: op("default_child_storage_clear_prefix_version_1", child, key[:1]),
            lambda: op("default_child_storage_clear_prefix_version_3", child, key[:1], limit, cursor),
        ))()

    def operation(self, depth):
        chance = self.chance
        key, child = chance.choice(self.keys + [b""]), chance.choice(self.names)
        value = bytes([chance.randrange(1, 255)]) * chance.choice((1, 1, 32, 33, 40))
        version = chance.choice((0, 1, 1))
        few = chance.choice((None, 0, 1, 2))
        offset = chance.choice((0, 1, 33, 50))
        choices = [
            (10, lambda: put(key, value)),
            (16, lambda: clear(key)),
            (3, lambda: clear_prefix(key[:2] or b"\x61", few)),
            (3, lambda: append(b"list" + key[:1], value[:1])),
            (4, lambda: get(key)),
            (1, lambda: op("storage_read_version_1", key, scratch(40), offset)),
            (3, lambda: following(key)),
            (5, lambda: root(version)),
            (6, lambda: child_put(child, key, value)),
            (5, lambda: child_clear(child, key)),
            (3, lambda: kill(child, few)),
            (2, lambda: child_clear_prefix(child, key[:1], few)),
            (2, lambda: self.removal(child, key)),
            (2, lambda: child_get(child, key)),
            (1, lambda: op("default_child_storage_exists_version_1", child, key)),
            (2, lambda: child_following(child, key)),
            (3, lambda: child_root(child, version)),
            (7 if depth < 4 else 0, lambda: START),
            (5 if depth > 0 else 0, lambda: COMMIT),
            (5 if depth > 0 else 0, lambda: ROLLBACK),
        ]
        return chance.choices([c[1] for c in choices], [c[0] for c in choices])[0]()

    def block(self, count):
        depth, out = 0, []
        for _ in range(count):
            operation = self.operation(depth)
            depth += (operation == START) - (operation in (COMMIT, ROLLBACK))
            out.append(operation)
        while depth > 0 and self.chance.random() < 0.7:
            out.append(self.chance.choice((COMMIT, ROLLBACK)))
            depth -= 1
        if self.chance.random() < 0.6:
            out.append(root(self.chance.choice((0, 1))))
        return out


def random_cases(count, seed):
    chance = random.Random(seed)
    for i in range(count):
        keys, names = KEYS, NAMES
        if i % 2 == 1:
            keys, names = random_keys(chance, 12), random_keys(chance, 5)
        made = Script(chance, keys, names)
        top = {key: bytes([n + 1]) * chance.choice((2, 32, 33)) for n, key in enumerate(keys) if chance.random() < 0.6}
        children = {name: numbered(chance.sample(keys, min(3, len(keys)))) for name in names if chance.random() < 0.6}
        blocks = [(chance.choice((0, 1)), made.block(chance.randrange(3, 16))) for _ in range(3)]
        case(f"random-blocks-{i}", blocks, top, children, version=chance.choice((0, 1)))


def main():
    parser = argparse.ArgumentParser(description="Writes scripts of host calls, without answers.")
    parser.add_argument("--random", type=int, metavar="COUNT", help="only so many random scripts")
    parser.add_argument("--seed", type=int, default=20261125, help="what they are made from")
    given = parser.parse_args()
    if given.random is not None:
        random_cases(given.random, given.seed)
        return
    removals()
    removals_of_children()
    dangling()
    cached_roots()
    state_versions()
    long_keys()
    forms()
    random_cases(60, given.seed)


if __name__ == "__main__":
    main()
