#!/usr/bin/env python3
"""Makes a state and blocks for the guest chain.wasm, so that `replay` can be tested without real chain data.

usage: make_chain.py PROGRAM chain.wasm FOLDER

    chain-state.json    the guest as :code, what its blocks leave behind, a child trie
    chain-blocks.jsonl  five blocks that change nothing, so that each has the state root of the first
    chain-wrong.jsonl   the same, but the fourth has another state root
    chain-long.jsonl    sixty blocks that each change some keys
    chain-spec.json     the same state as a raw chain specification
"""
import hashlib
import json
import os
import subprocess
import sys

EXTRINSICS_ROOT = "00" * 32  # the guest has no other
SEAL = "0554455354" "0807ff"  # engine TEST, two bytes
NOTHING = "0400"  # an extrinsic of one byte


def block(parent, number, root, extrinsics=None):
    """A SignedBlock and its hash."""
    header = bytes.fromhex(parent) + bytes([number << 2]) + bytes.fromhex(root + EXTRINSICS_ROOT) + b"\x04" + bytes.fromhex(SEAL)
    signed = {"block": {"header": {"parentHash": "0x" + parent, "number": hex(number), "stateRoot": "0x" + root,
                                   "extrinsicsRoot": "0x" + EXTRINSICS_ROOT, "digest": {"logs": ["0x" + SEAL]}},
                        "extrinsics": ["0x" + NOTHING] * number if extrinsics is None else extrinsics},
              "justifications": None}
    return signed, hashlib.blake2b(header, digest_size=32).hexdigest()


def blocks(parent, root, wrong=None):
    lines = []
    for number in range(1, 6):
        signed, parent = block(parent, number, "11" * 32 if number == wrong else root)
        lines.append(json.dumps(signed, separators=(",", ":")) + "\n")
    return lines


def extrinsic(payload):
    assert len(payload) < 64
    return "0x" + (bytes([len(payload) << 2]) + payload).hex()


def change(state, number):
    """Extrinsics of a block that sets two keys and removes another; the state follows."""
    top = state["top"]
    texts = []
    for key, value in ((b"at", number.to_bytes(4, "little")), (b"k%d" % (number * 7 % 40), b"%d." % number * 12)):
        texts.append(extrinsic(b"\x01" + bytes([len(key)]) + key + value))
        top["0x" + key.hex()] = "0x" + value.hex()
    gone = b"k%d" % (number * 11 % 40)
    if "0x" + gone.hex() in top:
        texts.append(extrinsic(b"\x02" + gone))
        del top["0x" + gone.hex()]
    return texts


def root_of(program, folder, state):
    write(folder, "chain-scratch.json", json.dumps(state))
    facts = json.loads(subprocess.run([program, "state", os.path.join(folder, "chain-scratch.json"), "root", "--json"],
                                      stdout=subprocess.PIPE, check=True).stdout)
    return facts["state_root"][2:]


def long_chain(program, folder, state, parent):
    lines = []
    for number in range(1, 61):
        texts = change(state, number)
        signed, parent = block(parent, number, root_of(program, folder, state), texts)
        lines.append(json.dumps(signed, separators=(",", ":")) + "\n")
    os.unlink(os.path.join(folder, "chain-scratch.json"))
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
    specification = {"name": "chain", "genesis": {"raw": {"top": state["top"], "childrenDefault": state["children"]}}}
    write(folder, "chain-spec.json", json.dumps(specification))
    write(folder, "chain-long.jsonl", "".join(long_chain(program, folder, state, genesis)))


if __name__ == "__main__":
    main()
