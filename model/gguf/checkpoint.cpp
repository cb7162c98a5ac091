#include "model/gguf/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "base/error.h"
#include "model/gguf/architecture.h"

namespace peira::model {
namespace {

constexpr std::array<std::string_view, 4> kDerived{"config.json", "generation_config.json",
                                                   "tokenizer.json", "tokenizer_config.json"};

// NAME-00002-of-00003.gguf: the parts of a set. Empty when `file` names none.
struct PartName {
  std::string stem;  // NAME
  int count = 0;
};
std::optional<PartName> part_name(const std::string& file) {
  constexpr std::string_view kEnd = ".gguf";
  constexpr std::string_view kOf = "-of-";
  constexpr std::size_t kDigits = 5;
  constexpr std::size_t kTail = 1 + kDigits + kOf.size() + kDigits;  // -00002-of-00003
  if (!file.ends_with(kEnd) || file.size() <= kTail + kEnd.size()) return std::nullopt;
  const std::string name = file.substr(0, file.size() - kEnd.size());
  const std::string_view tail = std::string_view(name).substr(name.size() - kTail);
  const auto is_number = [](std::string_view digits) {
    return std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const std::string_view count = tail.substr(kTail - kDigits);
  if (tail[0] != '-' || !is_number(tail.substr(1, kDigits)) ||
      tail.substr(1 + kDigits, kOf.size()) != kOf || !is_number(count)) {
    return std::nullopt;
  }
  PartName out;
  out.stem = name.substr(0, name.size() - kTail);
  std::from_chars(count.data(), count.data() + count.size(), out.count);
  return out;
}

std::string five_digits(int number) {
  std::string digits = std::to_string(number);
  return std::string(5 - std::min<std::size_t>(5, digits.size()), '0') + digits;
}

}  // namespace

GgufCheckpoint::GgufCheckpoint(const std::vector<Part>& parts) : parts_(parts) {
  for (const Part& part : parts) files_.emplace_back(part.bytes, part.where);
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const GgufFile& file = files_[i];
    const std::int64_t count = file.integer("split.count").value_or(1);
    if (count != static_cast<std::int64_t>(files_.size())) {
      file.fail("is one of " + std::to_string(count) + " parts (split.count) but " +
                std::to_string(files_.size()) + (files_.size() == 1 ? " is here" : " are here") +
                "\n  try: all parts in one folder, named NAME-00001-of-" +
                five_digits(static_cast<int>(std::clamp<std::int64_t>(count, 1, 99999))) + ".gguf");
    }
    const std::int64_t number = file.integer("split.no").value_or(0);
    if (number != static_cast<std::int64_t>(i)) {
      file.fail("is part " + std::to_string(number) + " (split.no) but stands in place " +
                std::to_string(i));
    }
    for (const StoredTensor& tensor : file.tensors()) {
      const auto [found, is_new] = tensors_.emplace(tensor.name, Found{&tensor, &file});
      if (!is_new) {
        file.fail("tensor " + shown_name(tensor.name) + " is also in " +
                  found->second.file->where());
      }
    }
  }
  const GgufFile& first = files_.front();
  if (const auto total = first.integer("split.tensors.count");
      total && *total != static_cast<std::int64_t>(tensors_.size())) {
    first.fail("split.tensors.count is " + std::to_string(*total) + " but the parts have " +
               std::to_string(tensors_.size()) + " tensors");
  }
  const auto architecture = first.text("general.architecture");
  if (!architecture) first.fail("metadata key general.architecture is missing");
  architecture_ = *architecture;
}

std::unique_ptr<GgufCheckpoint> GgufCheckpoint::open(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> paths{path};
  if (const auto set = part_name(path.filename().string()); set && set->count > 1) {
    paths.clear();
    for (int number = 1; number <= set->count; ++number) {
      const std::filesystem::path part =
          path.parent_path() /
          (set->stem + "-" + five_digits(number) + "-of-" + five_digits(set->count) + ".gguf");
      std::error_code ignored;
      if (!std::filesystem::exists(part, ignored)) {
        throw Error(ErrorCode::kData, path.string() + ": is one of " + std::to_string(set->count) +
                                          " parts, but " + part.filename().string() +
                                          " is not there");
      }
      paths.push_back(part);
    }
  }
  std::vector<MappedFile> mapped;
  std::vector<Part> parts;
  for (const std::filesystem::path& part : paths) {
    mapped.emplace_back(part);
    parts.push_back({part.string(), mapped.back().bytes()});
  }
  auto out = std::make_unique<GgufCheckpoint>(parts);
  out->mapped_ = std::move(mapped);
  out->paths_ = std::move(paths);
  return out;
}

const StoredTensor* GgufCheckpoint::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second.tensor;
}

std::vector<std::string> GgufCheckpoint::derived_files() const {
  std::vector<std::string> out;
  for (const std::string_view file : kDerived) {
    if (file != "tokenizer.json" || metadata().has("tokenizer.ggml.tokens") ||
        metadata().has("tokenizer.huggingface.json")) {
      out.emplace_back(file);
    }
  }
  return out;
}

std::optional<std::string_view> GgufCheckpoint::derived(std::string_view file) const {
  if (std::find(kDerived.begin(), kDerived.end(), file) == kDerived.end()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  auto found = derived_.find(file);
  if (found == derived_.end()) {
    std::optional<std::string> text;
    if (file == "config.json") {
      text = dump_json(gguf_config(*this));
    } else if (file == "generation_config.json") {
      text = dump_json(gguf_generation_config(metadata()));
    } else if (file == "tokenizer.json") {
      text = gguf_tokenizer(metadata());
    } else {
      text = dump_json(gguf_tokenizer_config(metadata()));
    }
    found = derived_.emplace(std::string(file), std::move(text)).first;
  }
  if (!found->second) return std::nullopt;
  return std::string_view(*found->second);
}

std::vector<GgufTensor> GgufCheckpoint::tensors() const {
  const GgufArchitecture& architecture = architecture_of(*this);
  std::vector<GgufTensor> out;
  for (const auto& [name, found] : tensors_) {
    architecture.rename(*this, *found.tensor, [&](GgufTensor renamed) {
      renamed.where = found.file->where() + ": tensor " + shown_name(name);
      out.push_back(std::move(renamed));
    });
  }
  return out;
}

}  // namespace peira::model
