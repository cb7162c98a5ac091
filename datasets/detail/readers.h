// The formats behind open_samples(): one function each.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "datasets/dataset.h"
#include "datasets/formats/table_reader.h"

namespace peira::datasets {

// GPQA as published: CSV of 78 columns in any order, or a mirror with fewer. Text is verbatim,
// options are [Correct Answer, Incorrect Answer 1, 2, 3]. Metadata: domain, subdomain, difficulty,
// expert_accuracy, explanation, each where the file has a value. Drafts ("Pre-Revision ...") and
// "Extra Revised ..." are never read.
std::unique_ptr<SampleReader> open_gpqa(std::unique_ptr<TableReader> table);

// AIME in every layout published on the hub: names of columns in upper or lower case, the answer as
// a number, as text, or boxed in the solution. Metadata, each where it can be known: year, paper
// (I or II), number, problem_type, difficulty, explanation.
// name   the dataset's: "aime_2024_II" tells year and paper where no column does.
std::unique_ptr<SampleReader> open_aime(std::unique_ptr<TableReader> table,
                                        const std::string& name);

// Humanity's Last Exam as published: Parquet, or the same columns in another container. The target
// is the answer (for multiple choice a letter: the options are in the question's own text), a
// picture the second part of the question. Metadata: answer_type, modality (text or image),
// category, raw_subject, explanation.
// text_only   leaves out the questions with a picture; rows keep their numbers.
std::unique_ptr<SampleReader> open_hle(std::unique_ptr<TableReader> table, bool text_only);
// Exercises in the layout of Aider-AI/polyglot-benchmark: LANGUAGE/exercises/practice/NAME with
// .meta/config.json (files.solution, files.test, files.example) and .docs/instructions*.md. In the
// order of their paths. Ids are LANGUAGE/NAME; metadata: language; clusters are names. The
// editable files are files.solution without CMakeLists.txt, Cargo.toml, tests and examples.
// throws Error(kData): an exercise without configuration, tests or instructions, a path in it that
//        leads out, no exercise at all.
std::unique_ptr<SampleReader> open_exercises(const DatasetFile& file);
// Whether `folder` has a LANGUAGE/exercises/practice in it.
bool holds_exercises(const std::filesystem::path& folder);
// SHA-256 over paths, modes and bytes of all files of all exercises.
std::string digest_of_exercises(const DatasetFile& file);

// LiveCodeBench's code generation (lite), JSONL; rows of several files follow each other. Metadata:
// difficulty, platform, contest_date ("2024-08-03T18:30:00"), month, contest, title, and unless it
// is our sample set, errata: what the authors say is wrong with a problem, or "none". Every row's
// tests are unpacked and read once, to see that they can be.
std::unique_ptr<SampleReader> open_livecodebench(std::vector<std::unique_ptr<TableReader>> tables,
                                                 bool is_sample_set);

// MMMU and MMMU-Pro as published, one file or all subjects in a folder. The question's text comes
// first, as the file has it with its marks "<image 2>", then the pictures, each with its mark as
// Part::text; options are those of the Python list in the file. Open questions have the gold as
// target, a Python list of alternatives as it stands. MMMU-Pro's vision rows have one picture and
// no text. Metadata: subject, discipline, subfield, topic_difficulty, question_type
// (multiple-choice or open), img_type. Rows whose answer is "?" are told of in warnings().
std::unique_ptr<SampleReader> open_mmmu(std::unique_ptr<TableReader> table);

// Video-MME as published. The video comes first, then the question; options lose the letter in
// front ("A. "). Videos lie in the folder "data" in the folder of tables, or beside the table or
// its folder; those of the embedded set are in the binary. Metadata: duration, domain,
// sub_category, task_type; the cluster is the video.
//
// path            of the table or the folder; empty for the embedded set.
// with_subtitles  samples tell where their subtitles lie: videoID.srt in the folder "subtitle"
//                 beside "data". A video may have none; warnings() names the first of them.
// throws          Error(kData), from next(): a video is missing, or the whole folder "subtitle"
//                 (names sample and path).
std::unique_ptr<SampleReader> open_video_mme(std::unique_ptr<TableReader> table,
                                             const std::filesystem::path& path,
                                             bool with_subtitles);

// The embedded file of a sample set by its name without folders, if there is one.
std::optional<std::string_view> embedded_sample_file(std::string_view file_name);

// Any table, its columns declared by file.fields.
std::unique_ptr<SampleReader> open_declared_table(const DatasetFile& file);

// Throws the schema error of `table`: what is missing and what is there; `hint` may be empty.
[[noreturn]] void throw_missing_columns(const TableReader& table, const std::string& what,
                                        const std::string& hint);

// The value of a cell as it enters a Sample; lists of texts are joined with ", ". "" without value.
std::string plain_text(const Cell& cell);

// The elements of a JSON list of texts or numbers, as text.
// throws Error(kData) naming `where`: not such a list.
std::vector<std::string> list_items(std::string_view json, const std::string& where);

// The error of a second sample with the id of the one at `first_position`.
Error duplicate_error(const TableReader& table, const Row& row, std::int64_t first_position,
                      const std::string& id, bool is_content_id);

}  // namespace peira::datasets
