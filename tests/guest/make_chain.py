#!/usr/bin/env python3
"""Makes a state and blocks for the guest chain.wasm, so that `replay` can be tested without real chain data.

usage: make_chain.py PROGRAM chain.wasm FOLDER

    chain-state.json    the guest as :code, what its blocks leave behind, a child trie
    chain-blocks.jsonl  five blocks that change nothing, so that each has the state root of the first
    chain-wrong.jsonl   the same, but the fourth has another state root
"""
import hashlib
import json
import os
import subprocess
import sys

EXTRINSICS_ROOT = "00" * 32  # the guest has no other
SEAL = "0554455354" "0807ff"  # engine TEST, two bytes
NOTHING = "0400"  # an extrinsic of one byte


def block(parent, number, root):
    """A SignedBlock and its hash."""
    header = bytes.fromhex(parent) + bytes([number << 2]) + bytes.fromhex(root + EXTRINSICS_ROOT) + b"\x04" + bytes.fromhex(SEAL)
    signed = {"block": {"header": {"parentHash": "0x" + parent, "number": hex(number), "stateRoot": "0x" + root,
                                   "extrinsicsRoot": "0x" + EXTRINSICS_ROOT, "digest": {"logs": ["0x" + SEAL]}},
                        "extrinsics": ["0x" + NOTHING] * number},
              "justifications": None}
    return signed, hashlib.blake2b(header, digest_size=32).hexdigest()


def blocks(parent, root, wrong=None):
    lines = []
    for number in range(1, 6):
        signed, parent = block(parent, number, "11" * 32 if number == wrong else root)
        lines.append(json.dumps(signed, separators=(",", ":")) + "\n")
    return lines


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="ascii") as out:
        out.write(text)


def main():
    program, guest, folder = sys.argv[1:]
    with open(guest, "rb") as wasm:
        code = wasm.read().hex()
    state = {"top": {"0x3a636f6465": "0x" + code, "0x" + b"ran".hex(): "0x" + b"mark-one".hex(), "0x01": "0x", "0x0102": "0xff"},
             "children": {"0xc1": {"0x0a": "0x0b", "0x0c": "0x"}}}
    write(folder, "chain-state.json", json.dumps(state))
    facts = json.loads(subprocess.run([program, "state", os.path.join(folder, "chain-state.json"), "root", "--json"],
                                      stdout=subprocess.PIPE, check=True).stdout)
    root, genesis = facts["state_root"][2:], facts["genesis_hash"][2:]
    write(folder, "chain-blocks.jsonl", "".join(blocks(genesis, root)))
    write(folder, "chain-wrong.jsonl", "".join(blocks(genesis, root, wrong=4)))


if __name__ == "__main__":
    main()
