#!/usr/bin/env python3
"""Kills `subexec replay --state DATABASE` at random instants, and lets it go on until the end.

usage: kill_replay.py [--kills N] [--seed N] [--folder PATH] [--verbose] PROGRAM STATE BLOCKS

STATE is a chain specification or pairs, BLOCKS the blocks that follow, a line each. Most runs get the blocks
through a pipe, one by one: when the program has taken a line, the block two lines before is in the database, and must
be there after the kill (SIGKILL). The last block and the state root at the end must be those of a replay in memory, and
the keys and values of the database must have that root too. Exit code 1 if anything is not so.
"""
import argparse
import fcntl
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import termios
import time

ANSWER = 600  # seconds that a run may take


def fail(text):
    sys.exit("kill_replay: " + text)


def output_of(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=ANSWER, check=False)
    if done.returncode != 0:
        fail("%s: exit code %d: %s" % (" ".join(command), done.returncode, done.stderr.decode()))
    return done.stdout


class Feeder:
    """Writes lines to a pipe, the next one when the reader has taken the one before."""

    def __init__(self, stream, lines, at_once):
        self.stream, self.lines = stream, lines
        self.pending = b"".join(lines[:at_once])  # these are in the database already
        self.fed = at_once
        self.taken = 0
        os.set_blocking(stream.fileno(), False)

    def step(self):
        """The number of lines that are taken."""
        if self.pending:
            try:
                self.pending = self.pending[os.write(self.stream.fileno(), self.pending):]
            except BlockingIOError:
                pass
        elif not self.stream.closed:
            left = fcntl.ioctl(self.stream.fileno(), termios.FIONREAD, b"\0\0\0\0")
            if left == b"\0\0\0\0":
                self.taken = self.fed
                if self.fed == len(self.lines):
                    self.stream.close()
                else:
                    self.pending = self.lines[self.fed]
                    self.fed += 1
        return self.taken


class Run:
    """One run of the program; how it ended."""

    def __init__(self):
        self.finished = False
        self.acknowledged = 0  # blocks that must be in the database
        self.resumed = None
        self.out = ""


def parse(run, out):
    run.out = out
    found = re.match(r"resumed +after block (\d+), ", out)
    if found:
        run.resumed = int(found.group(1))


def run_with_pipe(command, lines, head, rng, usual):
    """Kill after a number of lines and a moment, or after a time."""
    run = Run()
    process = subprocess.Popen(command + ["-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    start = time.monotonic()
    feeder = Feeder(process.stdin, lines, min(head, len(lines)))
    by_lines = rng.random() < 0.8
    wanted = rng.randint(head, len(lines)) if by_lines else None
    deadline = None if by_lines else start + rng.uniform(0, 1.1 * usual)
    try:
        while process.poll() is None:
            taken = feeder.step()
            run.acknowledged = max(run.acknowledged, taken - 2)
            now = time.monotonic()
            if deadline is None and taken >= wanted:
                deadline = now + rng.choice((0, rng.uniform(0, 0.003), rng.uniform(0, 0.1)))
            if deadline is not None and now >= deadline:
                process.kill()
                break
            if now - start > ANSWER:
                process.kill()
                fail("no answer")
            if feeder.pending or feeder.taken < feeder.fed:
                time.sleep(0.00005)
    except BrokenPipeError:
        pass
    return ended(run, process)


def run_with_file(command, blocks, rng, usual):
    run = Run()
    process = subprocess.Popen(command + [blocks], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        process.wait(rng.uniform(0, 1.1 * usual))
    except subprocess.TimeoutExpired:
        process.kill()
    return ended(run, process)


def ended(run, process):
    if process.stdin is not None and not process.stdin.closed:
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
    process.stdin = None
    out, err = process.communicate(timeout=ANSWER)
    if process.returncode not in (0, -9):
        fail("replay: exit code %d: %s" % (process.returncode, err.decode()))
    run.finished = process.returncode == 0
    parse(run, out.decode())
    return run


class Test:
    def __init__(self, options, folder):
        self.program, self.state, self.blocks = options.program, options.state, options.blocks
        self.database = os.path.join(folder, "database")
        self.export = os.path.join(folder, "export.json")
        self.rng = random.Random(options.seed)
        self.verbose = options.verbose
        with open(options.blocks, "rb") as stream:
            self.lines = [line if line.endswith(b"\n") else line + b"\n" for line in stream if line.strip()]
        start = time.monotonic()
        self.expected = json.loads(output_of([self.program, "replay", "--state", self.state, self.blocks, "--json"]))
        self.usual = time.monotonic() - start
        self.version = str(json.loads(output_of([self.program, "state", self.state, "root", "--json"]))["state_version"])
        self.kills = self.resumes = self.chains = 0

    def begin(self):
        shutil.rmtree(self.database, ignore_errors=True)
        output_of([self.program, "state", "import", self.state, self.database])
        self.head = 0  # what must be there at least
        self.chains += 1

    def check_end(self):
        facts = json.loads(output_of([self.program, "state", self.database, "root", "--json"]))
        if facts["state_root"] != self.expected["state_root"] or facts["head"] != {"number": self.expected["last"],
                                                                                   "hash": self.expected["hash"]}:
            fail("at the end: %s instead of %s" % (facts, self.expected))
        output_of([self.program, "state", self.database, "export", "-o", self.export])
        again = json.loads(output_of([self.program, "state", self.export, "root", "--json", "--state-version",
                                      self.version]))
        if again["state_root"] != self.expected["state_root"]:
            fail("the keys and values of the database have another root than it says")

    def one_run(self):
        command = [self.program, "replay", "--state", self.database]
        start = time.monotonic()
        if self.rng.random() < 0.75:
            run = run_with_pipe(command, self.lines, self.head, self.rng, self.usual)
        else:
            run = run_with_file(command, self.blocks, self.rng, self.usual)
        if run.resumed is not None:
            self.resumes += 1
            if run.resumed < self.head:
                fail("block %d was in the database, but it goes on after block %d" % (self.head, run.resumed))
            self.head = run.resumed
        elif run.out and self.head > 0:
            fail("it does not say where it goes on: %s" % run.out)
        self.head = max(self.head, run.acknowledged)
        facts = json.loads(output_of([self.program, "state", self.database, "root", "--json"]))
        if facts["head"]["number"] < self.head:
            fail("block %d was in the database, but it is after block %d" % (self.head, facts["head"]["number"]))
        self.head = facts["head"]["number"]
        self.kills += not run.finished
        if self.verbose:
            print("%.2f s, %s, resumed %s, acknowledged %d, head %d" % (time.monotonic() - start,
                  "finished" if run.finished else "killed", run.resumed, run.acknowledged, self.head), flush=True)
        return run.finished

    def run(self, kills):
        self.begin()
        while self.kills < kills:
            if self.one_run() or self.head + 3 > len(self.lines):
                self.end()
                self.begin()
        self.end()

    def end(self):
        output_of([self.program, "replay", "--state", self.database, self.blocks])
        self.check_end()


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1][7:])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("program")
    parser.add_argument("state")
    parser.add_argument("blocks")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        # what is compiled once leaves more of the time for blocks
        os.environ["SUBEXEC_CACHE"] = os.path.join(folder, "cache")
        test = Test(options, folder)
        test.run(options.kills)
    print("%d kills, %d times gone on, %d databases to the end, nothing lost" % (test.kills, test.resumes, test.chains))


if __name__ == "__main__":
    main()
