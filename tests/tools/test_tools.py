"""The programs in tools/ must be able to fail: each runs in a small tree with one thing wrong."""

import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent.parent


class ToolTest(unittest.TestCase):
    """A copy of tools/ in a tree of its own, and stand-ins for other programs first on PATH."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.tree = Path(scratch.name) / "tree"
        self.stands = Path(scratch.name) / "bin"
        self.stands.mkdir()
        shutil.copytree(TREE / "tools", self.tree / "tools", ignore=shutil.ignore_patterns("__pycache__"))

    def write(self, name, text):
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def stand_in(self, name, script):
        path = self.stands / name
        path.write_text("#!/bin/sh\n" + script, encoding="utf-8")
        path.chmod(0o755)

    def run_tool(self, name, *arguments):
        environment = {**os.environ, "PATH": f"{self.stands}:{os.environ['PATH']}"}
        result = subprocess.run([self.tree / "tools" / name, *arguments], capture_output=True, text=True,
                                cwd=self.tree, env=environment, stdin=subprocess.DEVNULL, check=False)
        return result.returncode, result.stdout + result.stderr


class Layers(ToolTest):
    def layers(self, **files):
        self.write("src/util/bytes.h", "")
        self.write("src/exec/engine.h", "#include <wasmtime.h>\n")
        self.write("src/crypto/hash.c", "#include <subexec_rust_crypto.h>\n#include \"util/bytes.h\"\n")
        self.write("include/subexec/status.h", "")
        self.write("cli/opt.h", "#include <subexec/status.h>\n")
        for name, text in files.items():
            self.write(name.replace("__", "/").replace("_c", ".c"), text)
        return self.run_tool("check-layers")

    def test_right_edges_pass(self):
        code, text = self.layers(src__host__a_c='#include "util/bytes.h"\n', cli__main_c='#include "opt.h"\n')
        self.assertEqual(code, 0, text)

    def test_wrong_edges_are_named(self):
        wrong = {
            "src__util__a_c": '#include "exec/engine.h"\n',  # an arrow back
            "src__codec__b_c": '  #  include "crypto/hash.h"\n',  # a neighbour; and there is no such file
            "src__host__c_c": "#include <wasmtime.h>\n",
            "src__exec__d_c": "#include <subexec_rust_crypto.h>\n",
            "src__crypto__e_c": "#include <subexec_rust_engine.h>\n",
            "src__host__f_c": '#include "guest.h"\n',  # without its room
            "src__host__g_c": "#include HEADER\n",
            "cli__h_c": '#include "util/bytes.h"\n',
            "src__nowhere__i_c": "",
            "src__exec__bytes.h": "",  # the name is taken
        }
        for name, text in wrong.items():
            with self.subTest(name):
                code, output = self.layers(**{name: text})
                self.assertEqual(code, 1, output)
                self.assertIn(name.split("__")[-1].replace("_c", ".c"), output)
                shutil.rmtree(self.tree / "src")
                shutil.rmtree(self.tree / "cli")

    def test_an_empty_tree_is_no_success(self):
        self.assertEqual(self.run_tool("check-layers")[0], 1)


class Symbols(ToolTest):
    def symbols(self, header, source):
        self.write("include/subexec/a.h", "#define SUBX_API __attribute__((visibility(\"default\")))\n" + header)
        path = self.write("a.c", '#include "include/subexec/a.h"\n' + source)
        library = self.tree / "a.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-fvisibility=hidden", "-o", library, path], check=True)
        return self.run_tool("check-symbols", str(library))

    def test_both_differences_are_named(self):
        declared = "/** What. */\nSUBX_API int subx_a(\n    int a);\n"
        code, text = self.symbols(declared, "int subx_a(int a) { return a; }\n")
        self.assertEqual(code, 0, text)
        code, text = self.symbols(declared + "SUBX_API const char *subx_b(void);\n", "int subx_a(int a) { return a; }\n")
        self.assertEqual((code, "declared, not exported: subx_b" in text), (1, True), text)
        code, text = self.symbols(declared, "int subx_a(int a) { return a; }\nSUBX_API int extra;\n")
        self.assertEqual((code, "exported, not declared: extra" in text), (1, True), text)


class Documents(ToolTest):
    def documents(self, readme, header="/** What. */\nSUBX_API int subx_a(void);\n"):
        self.write("include/subexec/a.h", header)
        self.write("Makefile", "build: ## makes it\n\ttrue\n")
        self.write("cli/cmd_inspect.c", 'static const char help[] = "  --json   facts as JSON";\n')
        self.write("examples/minimal.c", "/* Comment. */\nint main(void);\n")
        self.write("README.md", readme)
        subprocess.run(["git", "init", "--quiet", self.tree], check=True)
        return self.run_tool("check-docs")

    def test_what_is_there_passes(self):
        code, text = self.documents("[a](Makefile)\n```c\nint main(void);\n```\n```sh\nmake build\nbuild/release/subexec inspect CODE --json\n```\n")
        self.assertEqual(code, 0, text)

    def test_what_is_not_there_is_named(self):
        path_of_one_machine = "/".join(["", "home", "somebody", "x"])
        for readme in ("```sh\nmake nothing\n```\n", "```sh\nbuild/release/subexec fly\n```\n",
                       "```console\n$ build/release/subexec inspect CODE --fast\n```\n", "```sh\ntools/nothing\n```\n",
                       "[a](docs/nothing.md)\n", f"see {path_of_one_machine}\n", "```c\nint other;\n```\n"):
            with self.subTest(readme):
                code, text = self.documents(readme)
                self.assertEqual(code, 1, text)
                self.assertIn("README.md:", text)

    def test_versions_of_crates_are_compared(self):
        self.write("deps/rust/Cargo.toml", '[package]\n\n[dependencies]\na-b = { version = "=1.2.3" }\n')
        self.write("docs/dependencies.md", "| `a-b` | 1.2.3 | what for |\n")
        code, text = self.documents("")
        self.assertEqual(code, 0, text)
        self.write("docs/dependencies.md", "| `a-b` | 1.2.2 | what for |\n")
        code, text = self.documents("")
        self.assertEqual((code, "a-b 1.2.3 is missing" in text), (1, True), text)

    def test_a_function_needs_a_comment(self):
        code, text = self.documents("", "/** Other. */\nint b;\nSUBX_API int subx_a(void);\n")
        self.assertEqual((code, "subx_a has no" in text), (1, True), text)


class Headers(ToolTest):
    def test_a_header_that_needs_another_fails(self):
        self.write("include/subexec/a.h", "#include <stddef.h>\n#ifndef A\n#define A\nstruct a { size_t n; };\n#endif\n")
        self.assertEqual(self.run_tool("check-headers")[0], 0)
        self.write("include/subexec/b.h", "#ifndef B\n#define B\nstruct b { size_t n; };\n#endif\n")
        code, text = self.run_tool("check-headers")
        self.assertEqual((code, "<subexec/b.h>" in text), (1, True), text)
        self.write("include/subexec/b.h", "struct b { int unguarded; };\n")
        self.assertEqual(self.run_tool("check-headers")[0], 1)


class FetchData(ToolTest):
    def test_foreign_bytes_never_get_a_name(self):
        """A registry that answers with other files: the fetch fails, and build/data stays without them."""
        package = self.tree / "package/dist/specs"
        package.mkdir(parents=True)
        for name in ("polkadot", "kusama", "westend"):
            (package / f"{name}.json").write_text("{}", encoding="utf-8")
        with tarfile.open(self.stands / "foreign.tgz", "w:gz") as archive:
            archive.add(self.tree / "package", "package")
        # Called as npm pack --loglevel error --pack-destination FOLDER PACKAGE.
        self.stand_in("npm", f'cp "{self.stands}/foreign.tgz" "$5"\necho foreign.tgz\n')
        code, text = self.run_tool("fetch-data")
        self.assertEqual((code, "specs/polkadot.json is not the file" in text), (1, True), text)
        self.assertEqual([p for p in (self.tree / "build").rglob("*") if p.is_file()], [])

    def test_without_a_network_it_says_so(self):
        self.stand_in("npm", "exit 1\n")
        code, text = self.run_tool("fetch-data")
        self.assertEqual((code, "npm pack" in text), (1, True), text)

    def test_what_is_cached_needs_no_client(self):
        self.write("build/data/a/b", "x")
        self.write("tools/data.sha256", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  a/b\n")
        for client in ("npm", "cargo"):
            self.stand_in(client, "exit 1\n")
        self.assertEqual(self.run_tool("fetch-data")[0], 0)
        self.write("build/data/a/b", "y")
        self.assertEqual(self.run_tool("fetch-data")[0], 1)


class Setup(ToolTest):
    def test_wrong_usage(self):
        self.assertEqual(self.run_tool("setup", "--nothing")[0], 2)

    def test_old_programs_are_refused(self):
        for name, version in (("cmake", "cmake version 3.21.9"), ("rustc", "rustc 1.94.1"), ("cargo", "cargo 0.99.0")):
            with self.subTest(name):
                self.stand_in(name, f'echo "{version}"\n')
                code, text = self.run_tool("setup")
                self.assertEqual((code, f"{name} " in text, "too old" in text), (3, True, True), text)
                (self.stands / name).unlink()

    def test_later_major_versions_are_fine(self):
        self.stand_in("cmake", 'echo "cmake version 4.0.1"\n')
        self.assertEqual(self.run_tool("setup")[0], 0)

    def test_a_compiler_that_does_not_work_is_found(self):
        self.stand_in("cc", "exit 1\n")
        code, text = self.run_tool("setup")
        self.assertEqual((code, "does not work" in text), (3, True), text)


class HostApi(ToolTest):
    NAME = "ext_misc_print_num_version_1"

    def host_api(self, *arguments, line="SUBX_HOST_FUNCTION(misc, print_num, 1, (u64(value)), none, print)",
                 fact=f"{NAME}\t2019\tfull", wasm="(i64)->()"):
        self.write("src/host/host_functions.def", f"/* {self.NAME} */\n{line}\n")
        self.write("tools/host-api.tsv", f"# comment\n{fact}\n")
        self.write("tests/vectors/hostcalls/ops.json", f'{{"host": [{{"name": "{self.NAME}", "wasm": "{wasm}"}}]}}')
        (self.tree / "docs").mkdir(exist_ok=True)
        return self.run_tool("host-api", *arguments)

    def test_writes_what_it_then_finds_up_to_date(self):
        self.assertEqual(self.host_api("--check")[0], 1)
        self.assertEqual(self.host_api()[0], 0)
        code, text = self.host_api("--check")
        self.assertEqual((code, text), (0, "host-api: 1 functions, 1 types as in the reference, 0 missing\n"))
        page = (self.tree / "docs/host-api.md").read_text(encoding="utf-8")
        self.assertIn(f"| `{self.NAME}` | `(i64)` | 2019 | full |\n", page)
        self.assertIn("not up to date", self.host_api("--check", fact=f"{self.NAME}\t2020\tfull")[1])

    def test_what_does_not_fit_is_named(self):
        other = "SUBX_HOST_FUNCTION(misc, print_num, 1, (u32(value)), none, print)"
        for text, changed in (("the reference has (i64)", {"line": other}),
                              ("not understood", {"line": "SUBX_HOST_FUNCTION(misc, print_num)"}),
                              ("unknown kind u128", {"line": other.replace("u32", "u128")}),
                              ("has no functions", {"line": ""}),
                              (f"{self.NAME} is missing in tools/host-api.tsv", {"fact": ""}),
                              ("names ext_a, which", {"fact": f"{self.NAME}\t2019\tfull\next_a\t2019\tfull"}),
                              (f"names {self.NAME}, which", {
                                  "fact": f"{self.NAME}\t2019\tfull\n{self.NAME}\t2019\tmissing\t()\ttasks"}),
                              ("there twice", {"fact": f"{self.NAME}\t2019\tfull\n" * 2})):
            with self.subTest(text):
                code, output = self.host_api(**changed)
                self.assertEqual((code, text in output), (1, True), output)

    def test_wrong_usage(self):
        self.assertEqual(self.host_api("--nothing")[0], 2)


if __name__ == "__main__":
    unittest.main()
