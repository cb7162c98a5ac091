#include "runner/sample_source.h"

#include "base/hash.h"

namespace peira::runner {

SampleSource source_of(const datasets::DatasetFile& file, const datasets::DateWindow& window) {
  SampleSource source;
  source.name = file.name;
  source.restricted = file.restricted;
  // The questions are the same with subtitles and without: runs of both can be compared. What is
  // shown of the subtitles is part of the prompt.
  const std::string kind = file.kind == "video-mme-subtitles" ? "video-mme" : file.kind;
  source.identity = {{"kind", kind}, {"sha256", datasets::digest_of(file)}};
  if (file.kind == "table") {
    source.identity["fields"] = {{"id", file.fields.id},
                                 {"question", file.fields.question},
                                 {"choices", file.fields.choices},
                                 {"answer", file.fields.answer},
                                 {"metadata", file.fields.metadata},
                                 {"cluster", file.fields.cluster},
                                 {"answer_as", file.fields.answer_as}};
  }
  if (window.is_open()) {
    source.open = [file] { return datasets::open_samples(file); };
    source.count = [file] { return datasets::count_samples(file); };
    return source;
  }
  if (!window.since.empty()) source.identity["since"] = window.since;
  if (!window.until.empty()) source.identity["until"] = window.until;
  source.open = [file, window] { return datasets::within(window, datasets::open_samples(file)); };
  source.count = [open = source.open] {
    const auto reader = open();
    std::int64_t count = 0;
    while (reader->next()) ++count;
    return count;
  };
  return source;
}

SampleSource source_of(const evals::Suite& suite, const std::string& data,
                       const datasets::DateWindow& window) {
  datasets::DatasetFile file =
      datasets::find_dataset(data.empty() ? suite.default_data : data, suite.data_kind);
  if (suite.data_kind == "table") file.fields = suite.fields;
  return source_of(file, window);
}

std::string sample_digest(const datasets::Sample& sample) {
  // Each text is preceded by its length, so that no two samples share their bytes.
  Sha256 digest;
  const auto add = [&](std::string_view text) {
    digest.update(std::to_string(text.size()) + ":");
    digest.update(text);
  };
  for (const Part& part : sample.parts) {
    add(std::to_string(static_cast<int>(part.kind)));
    if (part.kind == PartKind::kText) {
      add(part.text);
    } else {
      add(part.path.empty() ? sha256_hex(part.bytes) : sha256_file(part.path));
    }
  }
  add("choices");
  for (const std::string& choice : sample.choices) add(choice);
  add(std::to_string(sample.correct_choice));
  add(sample.target);
  for (const auto& [key, value] : sample.metadata) {
    add(key);
    add(value);
  }
  add(sample.cluster);
  if (sample.subtitle_file != nullptr) add(sample.subtitles);
  if (sample.exercise != nullptr) {
    for (const datasets::ExerciseFile& file : sample.exercise->files) {
      add(file.path);
      add(file.bytes);
    }
    for (const std::string& path : sample.exercise->editable) add(path);
    for (const std::string& path : sample.exercise->tests) add("test " + path);
  }
  if (sample.program != nullptr) {
    add(sample.program->starter_code);
    add(sample.program->function_name);
    add(sample.program->public_tests);
    add(sample.program->private_tests);
  }
  return digest.hex();
}

}  // namespace peira::runner
