"""Dataset files with invented rows in every published layout, and what Python reads from them.

Made with Python 3.11 (csv) and pyarrow 26.0.1:  python tests/golden/make_datasets.py
"""
import csv
import json
import pathlib
import random

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = pathlib.Path(__file__).parent / "datasets"


def write_csv_cells():
    """Random cells of everything that is hard in CSV, quoted where they must be or by chance; Python's csv reads them back."""
    rng = random.Random(7)
    pieces = ["a", "B7", " ", ",", '"', '""', "\n", "\r\n", "\r", "\t", "é", "漢字", "𝛼", "'", ";", "\u00a0", "\u2028", "\ufeff", ""]
    rows = [["id", "text, quoted", 'a "name"', "multi\nline", "plain"]]
    for index in range(200):
        rows.append([str(index)] + ["".join(rng.choice(pieces) for _ in range(rng.randrange(8))) for _ in range(4)])
    for name, ending in (("cells_lf.csv", "\n"), ("cells_crlf.csv", "\r\n")):
        with open(FOLDER / name, "w", encoding="utf-8", newline="") as file:
            for row in rows:
                file.write(",".join('"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',"\r\n') or rng.random() < 0.3
                                    else cell for cell in row) + ending)
        with open(FOLDER / name, encoding="utf-8", newline="") as file:
            assert list(csv.reader(file)) == rows
    (FOLDER / "cells.json").write_text(json.dumps(rows, ensure_ascii=False))


def write_parquet(name, table, **options):
    pq.write_table(table, FOLDER / name, write_page_checksum=True, **options)


def write_aime_layouts():
    problems = [f"Invented problem {n}: what is {n} + {n}?" for n in range(1, 31)]
    golds = [2 * n for n in range(1, 31)]
    write_parquet("matharena.parquet", pa.table({
        "problem_idx": pa.array(range(1, 31), pa.int64()), "problem": problems, "answer": pa.array(golds, pa.int64()),
        "problem_type": pa.array([["Algebra"], ["Algebra", "Number Theory"]] * 15, pa.list_(pa.string()))}),
        compression="snappy", row_group_size=7)
    write_parquet("h4.parquet", pa.table({
        "id": pa.array(range(60, 90), pa.int64()), "problem": problems,
        "solution": [f"Adding gives \\boxed{{{g:03d}}}." for g in golds], "answer": [f"{g:03d}" for g in golds],
        "url": [f"https://example.org/wiki/index.php/2024_AIME_{'I' if n <= 15 else 'II'}_Problems/Problem_{(n - 1) % 15 + 1}" for n in range(1, 31)],
        "year": ["2024"] * 30}), compression="zstd")
    write_parquet("maxwell.parquet", pa.table({
        "ID": [f"2024-{'I' if n <= 15 else 'II'}-{(n - 1) % 15 + 1}" for n in range(1, 31)], "Problem": problems,
        "Solution": ["By adding."] * 30, "Answer": pa.array(golds, pa.int64())}), compression="gzip")
    write_parquet("aime24.parquet", pa.table({
        "id": pa.array(range(30), pa.int64()), "problem": problems, "solution": [f"\\boxed{{{g}}}" for g in golds],
        "url": [f"https://example.org/{n}" for n in range(30)]}), compression="none", use_dictionary=False)


def write_mmmu():
    """MMMU as published: a folder of Parquet files a subject, splits side by side; MMMU-Pro's standard and vision files."""
    picture = (FOLDER.parent / "media" / "images" / "002_grey.png").read_bytes()
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

    def images(*present):
        return pa.array([{"bytes": picture, "path": "x.png"} if there else None for there in present], image)

    def write(path, rows):
        columns = {key: [row[key] for row in rows] for key in rows[0] if not key.startswith("image_")}
        table = pa.table(columns)
        for k in range(1, 8):
            table = table.append_column(f"image_{k}", images(*[k in row["image_"] for row in rows]))
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        write_parquet(path, table)

    def row(name, question, options, answer, kind, shown, **more):
        return {"id": name, "question": question, "options": options, "explanation": "", "img_type": "['Diagrams']",
                "answer": answer, "topic_difficulty": "Easy", "question_type": kind, "subfield": "Invented",
                "image_": shown} | more

    choice, text = "multiple-choice", "short-answer"
    write("mmmu/Art/validation-00000-of-00001.parquet", [
        row("validation_Art_1", "Which is <image 1>?", "['grey', \"it's blue\", '<image 2>']", "B", choice, {1, 2}),
        row("validation_Art_2", "How many marks?", "[]", "['24/7', '3.429']", text, {1})])
    write("mmmu/Basic_Medical_Science/validation-00000-of-00001.parquet", [
        row("validation_Basic_Medical_Science_1", "What is it?", "['a', 'b']", "?", choice, {1})])
    write("mmmu/Art/test-00000-of-00001.parquet", [
        row("test_Art_1", "Not of this split?", "['a', 'b']", "A", choice, {1})])
    pro = row("validation_Music_9", "See <image 1>", str([f"o{n}" for n in range(10)]), "J", choice, {1})
    del pro["question_type"]
    write("mmmu_pro_standard.parquet", [pro | {"subject": "Music"}])
    write_parquet("mmmu_pro_vision.parquet", pa.table({
        "id": ["test_Math_3"], "image": images(True), "options": ["['1', '2', '3']"], "answer": ["C"], "subject": ["Math"]}))


def write_video_mme():
    (FOLDER / "video_mme" / "data").mkdir(parents=True, exist_ok=True)
    (FOLDER / "video_mme" / "data" / "abcDEF_1-2.mp4").write_bytes(
        (FOLDER.parent / "media" / "videos" / "short.mp4").read_bytes())
    write_parquet("video_mme/test-00000-of-00001.parquet", pa.table({
        "video_id": ["001", "001", "002"], "duration": ["short", "short", "long"], "domain": ["Knowledge"] * 3,
        "sub_category": ["Law"] * 3, "url": [""] * 3, "videoID": ["abcDEF_1-2", "abcDEF_1-2", "missing"],
        "question_id": ["001-1", "001-2", "002-1"], "task_type": ["OCR Problems"] * 3, "question": ["What?", "Who?", "When?"],
        "options": [["A. one", "B. two", "C. three", "D. four"]] * 3, "answer": ["D", "A", "B"]}))


def write_types():
    """One column of each type a dataset may have, in several row groups."""
    rows = 11
    def every_third_null(values):
        return [None if i % 3 == 2 else value for i, value in enumerate(values)]
    table = pa.table({
        "string": pa.array(every_third_null([f"s{i} é" for i in range(rows)]), pa.string()),
        "large_string": pa.array([f"l{i}" for i in range(rows)], pa.large_string()),
        "dictionary": pa.array(every_third_null(["red", "green", "red", "blue"] * 2 + ["red"] * 3)).dictionary_encode(),
        "int64": pa.array(every_third_null([i - 2**62 for i in range(rows)]), pa.int64()),
        "int32": pa.array(range(rows), pa.int32()),
        "uint8": pa.array(range(rows), pa.uint8()),
        "double": pa.array([i + 0.5 for i in range(rows)], pa.float64()),
        "whole_double": pa.array([float(i) for i in range(rows)], pa.float64()),
        "bool": pa.array([i % 2 == 0 for i in range(rows)], pa.bool_()),
        "list": pa.array(every_third_null([[f"x{i}", 'q"', None] for i in range(rows)]), pa.list_(pa.string())),
        "numbers": pa.array([[i, i + 1] for i in range(rows)], pa.list_(pa.int64())),
        "null": pa.nulls(rows),
        "image": pa.array(every_third_null([{"bytes": bytes([0, i, 255]), "path": None} for i in range(rows)]),
                          pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        "struct": pa.array([{"a": i, "b": f"b{i}"} for i in range(rows)], pa.struct([("a", pa.int64()), ("b", pa.string())])),
    })
    for name, compression in (("snappy", "snappy"), ("zstd", "zstd"), ("gzip", "gzip"), ("none", "none")):
        write_parquet(f"types_{name}.parquet", table, compression=compression, row_group_size=4,
                      use_dictionary=name != "none", data_page_size=64)
    plain = table.drop_columns(["image"]).to_pylist()
    (FOLDER / "types.json").write_text(json.dumps(plain, ensure_ascii=False))
    # Bytes that are not UTF-8 where the schema promises text.
    bad = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xff\xfe")])
    write_parquet("bad_utf8.parquet", pa.table({"problem": bad, "answer": pa.array([1, 2])}), compression="none")


def write_hle():
    """The columns of Humanity's Last Exam: data URLs, media structs that may be null, its two kinds of answers."""
    media = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    url = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    rows = [{"id": f"6{i:023x}", "question": f"Invented question {i}?", "image": url if i % 3 == 1 else "",
             "image_preview": {"bytes": b"preview", "path": None} if i % 3 == 1 else None,
             "answer": "B" if i % 2 else f"\\frac{{{i}}}{{7}}", "answer_type": "multipleChoice" if i % 2 else "exactMatch",
             "author_name": "nobody", "rationale": f"Because {i}.", "rationale_image": None,
             "raw_subject": "Invention", "category": ["Math", "Biology/Medicine", "Other"][i % 3],
             "canary": "peira: an invented row"} for i in range(7)]
    schema = pa.schema([(name, media if name in ("image_preview", "rationale_image") else pa.string()) for name in rows[0]])
    write_parquet("hle.parquet", pa.Table.from_pylist(rows, schema=schema), compression="snappy", row_group_size=3)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    write_csv_cells()
    write_aime_layouts()
    write_types()
    write_hle()
    write_mmmu()
    write_video_mme()
