#!/usr/bin/env python3
"""Runs the program by case files and compares exit code, standard output and standard error.

usage: run.py --program PATH --guests FOLDER [--update] [--case NAME] [--list] CASES...

A case file holds cases, one after the other:

    == name of the case
    file bad.bin hex 00ff           a file in the case's folder, which starts with the guests only, and with what
                                    was made of them if the command names it
    file note.txt text hello\\n       the same from text; \\n and \\t are known
    $ subexec call basic.wasm echo --input 0x01
    exit 0
    stderr part of a message        any number of them; without one, standard error must be empty
    | exact lines of standard output; <any> stands for any text within a line

The command is one for a shell; `subexec` is the program. --update writes exit codes and standard
output anew, and keeps a line with <any> that still fits. Exit code 1 if a case fails.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

TIMEOUT = 120


class Case:
    def __init__(self, name, line):
        self.name, self.line = name, line
        self.head = []  # lines before `exit`, as they are in the file
        self.files, self.stderr, self.stdout = [], [], []
        self.command, self.exit = None, 0


def parse(path):
    """The comment lines at the top, and the cases."""
    comments, cases = [], []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if line.startswith("== "):
                cases.append(Case(line[3:], number))
            elif not cases:
                comments.append(line)
            else:
                take(cases[-1], line, "%s:%d" % (path, number))
    for case in cases:
        if case.command is None:
            sys.exit("%s:%d: case without a command" % (path, case.line))
    return comments, cases


def take(case, line, where):
    if line == "|" or line.startswith("| "):
        case.stdout.append(line[2:])
    elif line.startswith("$ "):
        case.command = line[2:]
        case.head.append(line)
    elif line.startswith("file "):
        name, kind, text = line[5:].split(" ", 2)
        case.files.append((name, content(kind, text, where)))
        case.head.append(line)
    elif line.startswith("exit "):
        case.exit = int(line[5:])
    elif line.startswith("stderr "):
        case.stderr.append(line[7:])
    elif line != "":
        sys.exit("%s: not understood: %s" % (where, line))


def content(kind, text, where):
    if kind == "hex":
        return bytes.fromhex(text)
    if kind == "text":
        return text.replace("\\n", "\n").replace("\\t", "\t").encode()
    sys.exit("%s: a file is hex or text, not %s" % (where, kind))


def execute(case, program, guests):
    with tempfile.TemporaryDirectory() as folder:
        for guest in os.listdir(guests):
            if guest.endswith(".wasm") or guest in case.command:
                os.symlink(os.path.join(guests, guest), os.path.join(folder, guest))
        os.mkdir(os.path.join(folder, ".bin"))
        os.symlink(program, os.path.join(folder, ".bin", "subexec"))
        for name, data in case.files:
            with open(os.path.join(folder, name), "wb") as out:
                out.write(data)
        environment = dict(os.environ, PATH=os.path.join(folder, ".bin") + ":" + os.environ["PATH"], LC_ALL="C", SUBEXEC_CACHE="none")
        environment.pop("NO_COLOR", None)
        done = subprocess.run(["sh", "-c", case.command], cwd=folder, env=environment, timeout=TIMEOUT,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def fits(pattern, line):
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("<any>")), line) is not None


def first_difference(expected, found):
    for i in range(max(len(expected), len(found))):
        if i >= len(found):
            return "line %d of standard output is missing: %s" % (i + 1, expected[i])
        if i >= len(expected):
            return "standard output has a line more: %s" % found[i]
        if not fits(expected[i], found[i]):
            return "line %d of standard output\n      expected: %s\n      found:    %s" % (i + 1, expected[i], found[i])
    return None


def differences(case, code, out, err):
    problems = []
    if code != case.exit:
        problems.append("exit code %d instead of %d; standard error: %s" % (code, case.exit, err.strip()))
    problems += ["standard error lacks: %s\n      it is: %s" % (part, err.strip())
                 for part in case.stderr if part not in err]
    if not case.stderr and err:
        problems.append("standard error should be empty: %s" % err.strip())
    difference = first_difference(case.stdout, out.splitlines())
    return problems + ([difference] if difference else [])


def updated(case, code, out):
    """The case with what was found, as lines of the file."""
    found = [case.stdout[i] if i < len(case.stdout) and fits(case.stdout[i], line) else line
             for i, line in enumerate(out.splitlines())]
    lines = ["== " + case.name] + case.head + ["exit %d" % code]
    lines += ["stderr " + part for part in case.stderr]
    lines += ["| " + line if line else "|" for line in found]
    return lines + [""]


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1][7:])
    parser.add_argument("--program", required=True)
    parser.add_argument("--guests", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--case")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    if not os.access(options.program, os.X_OK):
        sys.exit("%s: no program" % options.program)
    passed = failed = 0
    for path in options.files:
        comments, cases = parse(path)
        lines = list(comments)
        for case in cases:
            if options.list:
                print(case.name)
                continue
            if options.case not in (None, case.name):
                continue
            code, out, err = execute(case, os.path.abspath(options.program), os.path.abspath(options.guests))
            problems = differences(case, code, out, err)
            passed, failed = passed + (not problems), failed + bool(problems)
            if problems:
                print("FAILED %s:%d %s\n  $ %s" % (path, case.line, case.name, case.command))
                print("".join("    %s\n" % problem for problem in problems), end="")
            lines += updated(case, code, out)
        if options.update and options.case is None and not options.list:
            with open(path, "w", encoding="utf-8") as out:
                out.write("\n".join(lines))
    if not options.list:
        print("%d passed, %d failed" % (passed, failed))
        if passed + failed == 0:
            print("no such case")
    return failed > 0 or (passed == 0 and not options.list)


if __name__ == "__main__":
    sys.exit(main())
