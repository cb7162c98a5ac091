"""Programming exercises in the layout of Aider-AI/polyglot-benchmark, packed into one file: each of a
few small tasks in six languages, with stubs, tests and reference solutions of our own.

    python3 datasets/generated/exercises.py > datasets/samples/aider-sample.jsonl

Tests need the languages' own tools alone: no package is downloaded. The same bytes every time.
"""

import json
import random


def digit_sum(number):
    return sum(int(digit) for digit in str(number))


def vowel_count(text):
    return sum(text.count(vowel) for vowel in "aeiou")


def run_lengths(text):
    runs = []
    for letter in text:
        if runs and runs[-1][0] == letter:
            runs[-1][1] += 1
        else:
            runs.append([letter, 1])
    return "".join(f"{letter}{count}" for letter, count in runs)


def words(rng, count):
    return ["".join(rng.choice("abcdeioru") * rng.randint(1, 3) for _ in range(rng.randint(1, 6))) for _ in range(count)]


RNG = random.Random("aider-sample")

# name, argument and result ("int" or "text"), what is asked, reference, arguments tested.
TASKS = [
    ("digit-sum", "int", "int",
     "Add up the decimal digits of a whole number that is not negative.\n\nThe digits of 405 are 4, 0 and 5, so the result "
     "for 405 is 9.\n", digit_sum, [0, 7, 10] + [RNG.randrange(11, 10**8) for _ in range(5)]),
    ("vowel-count", "text", "int",
     "Count how many letters of a word are vowels.\n\nThe vowels are `a`, `e`, `i`, `o` and `u`. Words are in lower case and may "
     "be empty.\n", vowel_count, ["", "x", "aeiou"] + words(RNG, 5)),
    ("run-lengths", "text", "text",
     "Shorten a word by writing each run of equal letters as the letter and the length of the run.\n\nThe word `aaab` becomes "
     "`a3b1`; the empty word stays empty.\n", run_lengths, ["", "a", "ab"] + words(RNG, 5)),
]

SOLUTIONS = {
    "digit-sum": {
        "python": "    return sum(int(digit) for digit in str(argument))\n",
        "javascript": "  return String(argument).split('').reduce((sum, digit) => sum + Number(digit), 0);\n",
        "go": "\tsum := 0\n\tfor ; argument > 0; argument /= 10 {\n\t\tsum += argument % 10\n\t}\n\treturn sum\n",
        "rust": "    let mut rest = argument;\n    let mut sum = 0;\n    while rest > 0 {\n        sum += rest % 10;\n        rest /= 10;\n    }\n    sum\n",
        "java": "        int sum = 0;\n        for (int rest = argument; rest > 0; rest /= 10) sum += rest % 10;\n        return sum;\n",
        "cpp": "    int sum = 0;\n    for (; argument > 0; argument /= 10) sum += argument % 10;\n    return sum;\n",
    },
    "vowel-count": {
        "python": "    return sum(letter in 'aeiou' for letter in argument)\n",
        "javascript": "  return [...argument].filter((letter) => 'aeiou'.includes(letter)).length;\n",
        "go": "\tcount := 0\n\tfor _, letter := range argument {\n\t\tswitch letter {\n\t\tcase 'a', 'e', 'i', 'o', 'u':\n\t\t\tcount++\n\t\t}\n\t}\n\treturn count\n",
        "rust": "    argument.chars().filter(|letter| \"aeiou\".contains(*letter)).count() as i64\n",
        "java": "        int count = 0;\n        for (char letter : argument.toCharArray()) if (\"aeiou\".indexOf(letter) >= 0) count++;\n        return count;\n",
        "cpp": "    int count = 0;\n    for (char letter : argument) {\n        if (std::string(\"aeiou\").find(letter) != std::string::npos) ++count;\n    }\n    return count;\n",
    },
    "run-lengths": {
        "python": "    import itertools\n    return ''.join(f'{letter}{len(list(run))}' for letter, run in itertools.groupby(argument))\n",
        "javascript": "  return argument.replace(/(.)\\1*/g, (run) => run[0] + run.length);\n",
        "go": "\tout := \"\"\n\tfor start := 0; start < len(argument); {\n\t\tend := start\n\t\tfor end < len(argument) && argument[end] == argument[start] {\n\t\t\tend++\n\t\t}\n\t\tout += fmt.Sprintf(\"%c%d\", argument[start], end-start)\n\t\tstart = end\n\t}\n\treturn out\n",
        "rust": "    let mut out = String::new();\n    let letters: Vec<char> = argument.chars().collect();\n    let mut start = 0;\n    while start < letters.len() {\n        let mut end = start;\n        while end < letters.len() && letters[end] == letters[start] {\n            end += 1;\n        }\n        out += &format!(\"{}{}\", letters[start], end - start);\n        start = end;\n    }\n    out\n",
        "java": "        StringBuilder out = new StringBuilder();\n        for (int start = 0, end = 0; start < argument.length(); start = end) {\n            while (end < argument.length() && argument.charAt(end) == argument.charAt(start)) end++;\n            out.append(argument.charAt(start)).append(end - start);\n        }\n        return out.toString();\n",
        "cpp": "    std::string out;\n    for (std::size_t start = 0, end = 0; start < argument.size(); start = end) {\n        while (end < argument.size() && argument[end] == argument[start]) ++end;\n        out += argument[start] + std::to_string(end - start);\n    }\n    return out;\n",
    },
}

TYPES = {
    "python": {"int": "int", "text": "str"},
    "javascript": {"int": "", "text": ""},
    "go": {"int": "int", "text": "string"},
    "rust": {"int": "i64", "text": "&str"},
    "java": {"int": "int", "text": "String"},
    "cpp": {"int": "int", "text": "std::string"},
}


def literal(value):
    return json.dumps(value)


def python(name, takes, gives, cases, body):
    function = name.replace("-", "_")
    types = TYPES["python"]
    head = f"def {function}(argument: {types[takes]}) -> {types[gives]}:\n"
    test = "import unittest\n\n" + f"from {function} import {function}\n\n\n"
    test += f"class {camel(name)}Test(unittest.TestCase):\n"
    for number, (argument, result) in enumerate(cases):
        test += f"    def test_case_{number}(self):\n        self.assertEqual({function}({literal(argument)}), {literal(result)})\n\n"
    return {
        f"{function}.py": head + "    pass\n",
        f"{function}_test.py": test.rstrip("\n") + "\n",
        ".meta/example.py": head + body,
    }, [f"{function}.py"], [f"{function}_test.py"], [".meta/example.py"]


def camel(name):
    return "".join(part.capitalize() for part in name.split("-"))


def javascript(name, takes, gives, cases, body):
    function = camel(name)[0].lower() + camel(name)[1:]
    head = f"const {function} = (argument) => {{\n"
    tail = f"}};\n\nmodule.exports = {{ {function} }};\n"
    test = f"const test = require('node:test');\nconst assert = require('node:assert');\nconst {{ {function} }} = require('./{name}');\n\nconst xtest = test.skip;\n\n"
    for number, (argument, result) in enumerate(cases):
        test += f"{'test' if number == 0 else 'xtest'}('case {number}', () => {{\n  assert.strictEqual({function}({literal(argument)}), {literal(result)});\n}});\n\n"
    package = {"name": name, "version": "1.0.0", "private": True, "scripts": {"test": f"node --test {name}.spec.js"}}
    return {
        f"{name}.js": head + "  throw new Error('not written yet');\n" + tail,
        f"{name}.spec.js": test.rstrip("\n") + "\n",
        "package.json": json.dumps(package, indent=2) + "\n",
        ".meta/proof.ci.js": head + body + tail,
    }, [f"{name}.js"], [f"{name}.spec.js"], [".meta/proof.ci.js"]


def go(name, takes, gives, cases, body):
    file = name.replace("-", "_")
    package = name.replace("-", "")
    types = TYPES["go"]
    head = f"func {camel(name)}(argument {types[takes]}) {types[gives]} {{\n"
    imports = "import \"fmt\"\n\n" if "fmt." in body else ""
    test = f"package {package}\n\nimport \"testing\"\n\nfunc Test{camel(name)}(t *testing.T) {{\n\tcases := []struct {{\n\t\targument {types[takes]}\n\t\twant     {types[gives]}\n\t}}{{\n"
    for argument, result in cases:
        test += f"\t\t{{{literal(argument)}, {literal(result)}}},\n"
    test += f"\t}}\n\tfor _, c := range cases {{\n\t\tif got := {camel(name)}(c.argument); got != c.want {{\n\t\t\tt.Errorf(\"{camel(name)}(%v) is %v, want %v\", c.argument, got, c.want)\n\t\t}}\n\t}}\n}}\n"
    return {
        f"{file}.go": f"package {package}\n\n{head}\tpanic(\"not written yet\")\n}}\n",
        f"{file}_test.go": test,
        "go.mod": f"module {package}\n\ngo 1.18\n",
        ".meta/example.go": f"package {package}\n\n{imports}{head}{body}}}\n",
    }, [f"{file}.go"], [f"{file}_test.go"], [".meta/example.go"]


def rust(name, takes, gives, cases, body):
    crate = name.replace("-", "_")
    types = dict(TYPES["rust"])
    result_type = "String" if gives == "text" else types[gives]
    head = f"pub fn {crate}(argument: {types[takes]}) -> {result_type} {{\n"
    test = f"use {crate}::{crate};\n\n"
    for number, (argument, result) in enumerate(cases):
        ignored = "" if number == 0 else "#[ignore]\n"
        test += f"#[test]\n{ignored}fn case_{number}() {{\n    assert_eq!({crate}({literal(argument)}), {literal(result)});\n}}\n\n"
    return {
        "src/lib.rs": f"{head}    todo!(\"{crate} of {{argument:?}}\");\n}}\n",
        f"tests/{name}.rs": test.rstrip("\n") + "\n",
        "Cargo.toml": f"[package]\nname = \"{crate}\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[dependencies]\n",
        ".meta/example.rs": head + body + "}\n",
    }, ["src/lib.rs", "Cargo.toml"], [f"tests/{name}.rs"], [".meta/example.rs"]


GRADLEW = """#!/bin/sh
# Stands where Gradle's wrapper does: compiles with the JDK alone and runs the tests' main().
set -e
mkdir -p build
javac -d build $(find src -name '*.java')
java -ea -cp build "$(cd src/test/java && ls *Test.java | sed 's/[.]java$//')"
"""


def java(name, takes, gives, cases, body):
    kind = camel(name)
    types = TYPES["java"]
    head = f"class {kind} {{\n    static {types[gives]} of({types[takes]} argument) {{\n"
    test = f"class {kind}Test {{\n    static int failed = 0;\n\n    static void check({types[takes]} argument, {types[gives]} want) {{\n        {types[gives]} got = {kind}.of(argument);\n"
    differs = "!got.equals(want)" if gives == "text" else "got != want"
    test += f"        if ({differs}) {{\n            failed++;\n            System.out.println(\"{kind}.of(\" + argument + \") is \" + got + \", want \" + want);\n        }}\n    }}\n\n    public static void main(String[] arguments) {{\n"
    for argument, result in cases:
        test += f"        check({literal(argument)}, {literal(result)});\n"
    test += "        if (failed > 0) System.exit(1);\n    }\n}\n"
    return {
        f"src/main/java/{kind}.java": head + "        throw new UnsupportedOperationException(\"not written yet\");\n    }\n}\n",
        f"src/test/java/{kind}Test.java": test,
        "gradlew": (GRADLEW, True),
        f".meta/src/reference/java/{kind}.java": head + body + "    }\n}\n",
    }, [f"src/main/java/{kind}.java"], [f"src/test/java/{kind}Test.java"], [f".meta/src/reference/java/{kind}.java"]


CMAKE = """cmake_minimum_required(VERSION 3.5.1)
project({name} CXX)
add_executable({name} {file}_test.cpp {file}.cpp)
set_target_properties({name} PROPERTIES CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON)
add_custom_target(test_{name} ALL DEPENDS {name} COMMAND {name})
"""


def cpp(name, takes, gives, cases, body):
    file = name.replace("-", "_")
    types = TYPES["cpp"]
    declaration = f"{types[gives]} {file}({types[takes]} argument)"
    head = f"#include \"{file}.h\"\n\nnamespace sample {{\n\n"
    test = f"#include <iostream>\n\n#include \"{file}.h\"\n\nint main() {{\n    int failed = 0;\n    const auto check = [&](const {types[takes]}& argument, const {types[gives]}& want) {{\n        const {types[gives]} got = sample::{file}(argument);\n        if (got == want) return;\n        ++failed;\n        std::cout << \"{file}(\" << argument << \") is \" << got << \", want \" << want << '\\n';\n    }};\n"
    for number, (argument, result) in enumerate(cases):
        if number == 1:
            test += "#ifdef EXERCISM_RUN_ALL_TESTS\n"
        test += f"    check({literal(argument)}, {literal(result)});\n"
    test += "#endif\n    return failed == 0 ? 0 : 1;\n}\n"
    # The flag is an option of CMake's; official exercises make it a definition as this does.
    cmake = CMAKE.format(name=name, file=file) + f"if(EXERCISM_RUN_ALL_TESTS)\n  target_compile_definitions({name} PRIVATE EXERCISM_RUN_ALL_TESTS)\nendif()\n"
    return {
        f"{file}.h": f"#pragma once\n\n#include <string>\n\nnamespace sample {{\n\n{declaration};\n\n}}\n",
        f"{file}.cpp": head + "// Write it here.\n\n}\n",
        f"{file}_test.cpp": test,
        "CMakeLists.txt": cmake,
        ".meta/example.cpp": head + declaration + " {\n" + body + "}\n\n}\n",
        ".meta/example.h": f"#pragma once\n\n#include <string>\n\nnamespace sample {{\n\n{declaration};\n\n}}\n",
    }, [f"{file}.cpp", f"{file}.h"], [f"{file}_test.cpp"], [".meta/example.cpp", ".meta/example.h"]


LANGUAGES = {"cpp": cpp, "go": go, "java": java, "javascript": javascript, "python": python, "rust": rust}


def main():
    packed = []
    for name, takes, gives, asked, reference, arguments in TASKS:
        cases = [(argument, reference(argument)) for argument in arguments]
        for language, make in LANGUAGES.items():
            files, solution, tests, examples = make(name, takes, gives, cases, SOLUTIONS[name][language])
            config = {"files": {"solution": solution, "test": tests, "example": examples}, "blurb": asked.split("\n")[0]}
            files[".meta/config.json"] = json.dumps(config, indent=2) + "\n"
            files[".docs/instructions.md"] = "# Instructions\n\n" + asked
            for path, content in files.items():
                text, executable = content if isinstance(content, tuple) else (content, False)
                entry = {"path": f"{language}/exercises/practice/{name}/{path}", "text": text}
                if executable:
                    entry["executable"] = True
                packed.append(entry)
    for entry in sorted(packed, key=lambda entry: entry["path"]):
        print(json.dumps(entry, ensure_ascii=False))


main()
