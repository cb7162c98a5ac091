"""Writes the rows of model/text/unicode_ranges.inc: code points that the libraries behind tokenizers
0.23.3 judge otherwise than utf8proc 2.8 (Unicode 15) does. Rust's own tables are newer (Unicode 16 and
17), those of its normalization and category packages older.
Run: python make_unicode_ranges.py > ../../../model/text/unicode_ranges.inc
"""
import ctypes
import ctypes.util
import textwrap

from tokenizers import normalizers, pre_tokenizers

lib = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
MARKS, NUMBERS, PUNCTUATION = (6, 7, 8), (9, 10, 11), range(12, 19)
WORD = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)
POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def of_category(categories):
    return {c for c in POINTS if lib.utf8proc_category(c) in categories}


def isolated(splitter):
    pieces = splitter.pre_tokenize_str("a" + "a".join(map(chr, POINTS)))
    return {ord(text) for text, _ in pieces if len(text) == 1 and text != "a"}


def print_ranges(name, code_points):
    ranges = []
    for c in sorted(code_points):
        if ranges and ranges[-1][1] == c - 1:
            ranges[-1][1] = c
        else:
            ranges.append([c, c])
    rows = ", ".join("{0x%X, 0x%X}" % (a, b) for a, b in ranges)
    print(f"constexpr Range {name}[] = {{\n" + textwrap.fill(rows, 96, initial_indent="    ", subsequent_indent="    ") + ",\n};\n")


def main():
    print("// Made by tests/golden/text/make_unicode_ranges.py.\n// clang-format off\n")
    without_marks = set(map(ord, normalizers.StripAccents().normalize_str("".join(map(chr, POINTS)))))
    marks = {c for c in POINTS if c not in without_marks}
    print_ranges("kNotYetMarks", of_category(MARKS) - marks)
    print_ranges("kStillMarks", marks - of_category(MARKS))
    punctuation = isolated(pre_tokenizers.Punctuation("isolated"))
    ours = of_category(PUNCTUATION) | set(map(ord, "$+<=>^`|~"))
    print_ranges("kNotYetPunctuation", ours - punctuation)
    print_ranges("kStillPunctuation", punctuation - ours)
    print_ranges("kNewNumbers", isolated(pre_tokenizers.Digits(True)) - of_category(NUMBERS))
    joined = pre_tokenizers.Whitespace().pre_tokenize_str(" ".join("a" + chr(c) for c in POINTS))
    symbols = {0x200C, 0x200D, *range(0x24B6, 0x24EA), *range(0x1F130, 0x1F14A), *range(0x1F150, 0x1F16A), *range(0x1F170, 0x1F18A)}
    words = {ord(text[1]) for text, _ in joined if len(text) == 2 and text[0] == "a"}
    print_ranges("kNewWordCharacters", words - of_category(WORD) - symbols)
    lower = normalizers.Lowercase()
    pairs = [(c, lower.normalize_str(chr(c))) for c in POINTS if c != 0x130 and lower.normalize_str(chr(c)) != chr(lib.utf8proc_tolower(c))]
    rows = ", ".join("{0x%X, 0x%X}" % (c, ord(text)) for c, text in pairs)
    print("constexpr Range kNewLowerCase[] = {  // the letter, what it becomes\n" + textwrap.fill(rows, 96, initial_indent="    ", subsequent_indent="    ") + ",\n};\n")
    print("// clang-format on")


if __name__ == "__main__":
    main()
