#!/usr/bin/env python3
"""Installs into an empty prefix and uses what is there, and nothing else of the tree but test programs.

usage: consumers.py --build FOLDER --examples FOLDER --cc PATH --generator NAME
"""
import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Consumers:
    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, Path(folder)
        self.prefix = self.folder / "prefix"
        self.guest = Path(arguments.build) / "tests/guest/basic.wasm"
        self.environment = dict(os.environ, SUBEXEC_CACHE="none")
        self.count = 0

    def run(self, *command, **more):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=self.folder,
                              env=self.environment, **more)
        if done.returncode != 0:
            sys.exit(f"{' '.join(str(part) for part in command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def expect(self, what, found, wanted):
        self.count += 1
        if found != wanted:
            sys.exit(f"{what}: {found!r} instead of {wanted!r}")
        print(f"{what}: right")

    def install(self):
        self.run("cmake", "--install", self.arguments.build, "--prefix", self.prefix)
        self.library = next(self.prefix.glob("lib*/**/libsubexec.so"))
        self.environment["PKG_CONFIG_PATH"] = str(self.library.parent / "pkgconfig")
        self.environment["LD_LIBRARY_PATH"] = str(self.library.parent)

    def staged(self):
        """DESTDIR: the same files below another root."""
        root = self.folder / "root"
        self.environment["DESTDIR"] = str(root)
        self.run("cmake", "--install", self.arguments.build, "--prefix", "/opt/subexec")
        del self.environment["DESTDIR"]
        names = [sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir())
                 for top in (self.prefix, root / "opt/subexec")]
        self.expect("DESTDIR", names[1], names[0])

    def flags(self, *more):
        return self.run("pkg-config", *more, "subexec").split()

    def shared(self):
        self.run(self.arguments.cc, HERE / "consumer.c", *self.flags("--cflags", "--libs"), "-o", "shared")
        self.expect("C, shared library", self.run("./shared", self.guest), "c\n")
        self.expect("version of pkg-config", self.flags("--modversion")[0], self.run("./program", "--version").split()[1])

    def static(self):
        archive = self.library.with_suffix(".a")
        private = [flag for flag in self.flags("--libs", "--static") if flag != "-lsubexec"]
        self.run(self.arguments.cc, HERE / "consumer.c", *self.flags("--cflags"), archive, *private, "-o", "static")
        del self.environment["LD_LIBRARY_PATH"]
        self.expect("C, static library", self.run("./static", self.guest), "c\n")
        self.environment["LD_LIBRARY_PATH"] = str(self.library.parent)
        symbols = self.run("readelf", "--syms", "--wide", archive).splitlines()
        fields = [line.split() for line in symbols]
        public = {part[7] for part in fields
                  if len(part) == 8 and part[0][:-1].isdigit() and part[4] != "LOCAL" and part[6] != "UND"}
        wanted = set(Path(self.arguments.build, "public-symbols.txt").read_text(encoding="utf-8").split())
        self.expect("symbols of the static library", sorted(public ^ wanted), [])

    def cpp(self):
        self.run("c++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", HERE / "consumer.cpp",
                 *self.flags("--cflags", "--libs"), "-o", "cpp")
        self.expect("C++", self.run("./cpp", self.guest), "c++\n")

    def plugin(self):
        self.run(self.arguments.cc, HERE / "plugin.c", *self.flags("--cflags"), "-ldl", "-o", "plugin")
        self.expect("dlopen", self.run("./plugin", self.library), self.flags("--modversion")[0] + "\n")

    def cmake(self):
        source = self.folder / "project"
        source.mkdir()
        (source / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.22)\nproject(consumer C)\n"
            "find_package(subexec 0.1 REQUIRED)\nforeach(kind IN ITEMS subexec static)\n"
            f"    add_executable(with_${{kind}} \"{HERE / 'consumer.c'}\")\n"
            "    target_link_libraries(with_${kind} PRIVATE subexec::${kind})\nendforeach()\n", encoding="utf-8")
        self.run("cmake", "-G", self.arguments.generator, "-S", source, "-B", "project-build",
                 f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_C_COMPILER={self.arguments.cc}")
        self.run("cmake", "--build", "project-build")
        for kind in ("subexec", "static"):
            self.expect(f"find_package, {kind}", self.run(f"project-build/with_{kind}", self.guest), "c\n")

    def examples(self):
        for source in sorted(Path(self.arguments.examples).glob("*.c")):
            self.run(self.arguments.cc, source, *self.flags("--cflags", "--libs"), "-o", source.stem)
            self.expect(f"example {source.stem}", os.access(self.folder / source.stem, os.X_OK), True)
        self.expect("it runs", self.run("./minimal", self.guest) != "", True)

    def program(self):
        os.symlink(self.prefix / "bin/subexec", self.folder / "program")
        self.expect("program", self.run("./program", "call", self.guest, "echo", "--input", "0x07"), "0x07\n")
        manual = (self.prefix / "share/man/man1/subexec.1").read_text(encoding="utf-8")
        completion = next(self.prefix.glob("share/bash-completion/completions/subexec"))
        self.run("bash", "-n", completion)
        commands = ("inspect", "call", "prepare", "instrument", "batch", "bench", "state", "replay", "cache")
        self.expect("manual", [name for name in commands if f".SS {name}\n" not in manual], [])
        script = f'. {completion}; COMP_WORDS=(subexec re); COMP_CWORD=1; _subexec; echo "${{COMPREPLY[@]}}"'
        self.expect("completion of a command", self.run("bash", "-c", script), "replay\n")
        script = f'. {completion}; COMP_WORDS=(subexec call --stra); COMP_CWORD=2; _subexec; echo "${{COMPREPLY[@]}}"'
        self.expect("completion of an option", self.run("bash", "-c", script), "--strategy\n")


def main():
    parser = argparse.ArgumentParser()
    for name in ("--build", "--examples", "--cc", "--generator"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        consumers = Consumers(arguments, folder)
        consumers.install()
        for step in (consumers.program, consumers.shared, consumers.static, consumers.cpp, consumers.plugin,
                     consumers.cmake, consumers.examples, consumers.staged):
            step()
        print(f"{consumers.count} checks passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
