#include "runner/exchange/run_source.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "runner/exchange/fields.h"
#include "runner/manifest.h"

namespace peira::runner::exchange {
namespace {

constexpr std::size_t kBatch = 512;

// 128 bits of a SHA-256: no two texts of a file share them.
using Mark = std::array<std::uint64_t, 2>;

Mark mark_of(std::string_view text) {
  const std::string hex = sha256_hex(text);
  Mark mark{};
  for (std::size_t i = 0; i < 2; ++i) {
    mark[i] = std::strtoull(hex.substr(16 * i, 16).c_str(), nullptr, 16);
  }
  return mark;
}

// What a first reading finds: how many samples and epochs, which rows they get, and that no answer
// is there twice. Holds marks, not texts.
class Census {
 public:
  explicit Census(std::string file) : file_(std::move(file)) {}

  void add(const FinishedAnswer& answer) {
    const SampleRecord& sample = answer.sample;
    ids_.push_back({mark_of(sample.id), count_, sample.row});
    answers_.push_back(mark_of(std::to_string(answer.answer.epoch) + " " + sample.id));
    contents_.push_back(mark_of(sample.digest.empty() ? sample.id : sample.digest));
    has_rows_ = has_rows_ && sample.row >= 0;
    last_row_ = std::max(last_row_, sample.row);
    epochs_ = std::max(epochs_, answer.answer.epoch + 1);
    ++count_;
    if (contents_.size() >= 2 * unique_contents_ + 65536) shrink();
  }

  // Settles the rows. throws Error(kData): an answer twice, one row for two samples.
  void close() {
    if (count_ == 0) throw Error(ErrorCode::kData, file_ + ": holds no answers");
    std::sort(answers_.begin(), answers_.end());
    if (std::adjacent_find(answers_.begin(), answers_.end()) != answers_.end()) {
      throw Error(ErrorCode::kData, file_ + ": a sample is answered twice in the same epoch");
    }
    answers_ = {};
    shrink();
    std::sort(ids_.begin(), ids_.end(), [](const Place& a, const Place& b) {
      return std::tie(a.id, a.position) < std::tie(b.id, b.position);
    });
    ids_.erase(
        std::unique(ids_.begin(), ids_.end(),
                    [](const Place& a, const Place& b) { return a.id == b.id && a.row == b.row; }),
        ids_.end());
    const auto same_id = [](const Place& a, const Place& b) { return a.id == b.id; };
    if (std::adjacent_find(ids_.begin(), ids_.end(), same_id) != ids_.end()) {
      throw Error(ErrorCode::kData, file_ + ": a sample stands in two rows of the dataset");
    }
    if (!has_rows_) {
      std::sort(ids_.begin(), ids_.end(),
                [](const Place& a, const Place& b) { return a.position < b.position; });
      for (std::size_t i = 0; i < ids_.size(); ++i) ids_[i].row = static_cast<std::int64_t>(i);
      last_row_ = static_cast<std::int64_t>(ids_.size()) - 1;
    } else {
      std::sort(ids_.begin(), ids_.end(),
                [](const Place& a, const Place& b) { return a.row < b.row; });
      const auto same_row = [](const Place& a, const Place& b) { return a.row == b.row; };
      if (const auto twice = std::adjacent_find(ids_.begin(), ids_.end(), same_row);
          twice != ids_.end()) {
        throw Error(ErrorCode::kData, file_ + ": two samples stand in row " +
                                          std::to_string(twice->row) + " of the dataset");
      }
    }
    std::sort(ids_.begin(), ids_.end(), [](const Place& a, const Place& b) { return a.id < b.id; });
  }

  std::int64_t row_of(const std::string& id) const {
    const Mark mark = mark_of(id);
    const auto place =
        std::lower_bound(ids_.begin(), ids_.end(), mark,
                         [](const Place& a, const Mark& wanted) { return a.id < wanted; });
    if (place == ids_.end() || place->id != mark) {
      throw Error(ErrorCode::kData, file_ + ": changed while it was being read");
    }
    return place->row;
  }

  // One digest for the set of questions, whatever their order.
  std::string digest() const {
    return sha256_hex(std::string_view(reinterpret_cast<const char*>(contents_.data()),
                                       contents_.size() * sizeof(Mark)));
  }
  std::int64_t num_answers() const { return count_; }
  std::int64_t num_samples() const { return static_cast<std::int64_t>(ids_.size()); }
  std::int64_t num_rows() const { return last_row_ + 1; }
  int epochs() const { return epochs_; }

 private:
  struct Place {
    Mark id;
    std::int64_t position;
    std::int64_t row;
  };

  void shrink() {
    std::sort(contents_.begin(), contents_.end());
    contents_.erase(std::unique(contents_.begin(), contents_.end()), contents_.end());
    unique_contents_ = contents_.size();
  }

  std::string file_;
  std::vector<Place> ids_;
  std::vector<Mark> answers_, contents_;
  std::size_t unique_contents_ = 0;
  std::int64_t count_ = 0, last_row_ = -1;
  int epochs_ = 0;
  bool has_rows_ = true;
};

// A name the store takes, made of `text`.
std::string plain_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.' || c == '-';
    name += plain ? c : '_';
  }
  return name == "latest" ? std::string() : name;
}

}  // namespace

std::string content_digest(const std::vector<std::string_view>& texts) {
  Sha256 digest;
  for (const std::string_view text : texts) {
    digest.update(std::to_string(text.size()) + ":");
    digest.update(text);
  }
  return digest.hex();
}

ImportedRun store_run(Store& store, RunSource& source, const ImportOptions& options) {
  RunInfo info = source.info();
  const std::string& file = source.files.front();
  Census census(file);
  source.visit([&](FinishedAnswer&& answer) { census.add(answer); });
  census.close();

  Json imported{{"format", source.format}, {"files", Json::array()}};
  for (const std::string& path : source.files) {
    imported["files"].push_back(
        {{"name", std::filesystem::path(path).filename().string()}, {"sha256", sha256_file(path)}});
  }
  if (!info.id.empty()) imported["run"] = info.id;
  if (!info.rescored_from.empty()) imported["rescored_from"] = info.rescored_from;
  if (!source.notes.empty()) imported["notes"] = source.notes;
  if (info.manifest.contains("imported")) imported["earlier"] = info.manifest["imported"];

  Json values = require(info.manifest, "values", file);
  if (values["dataset"].is_null()) {
    values["dataset"] = {{"kind", "imported"},
                         {"samples", census.num_samples()},
                         {"sha256_of_samples", census.digest()}};
  }
  info.manifest = make_manifest(values);
  // Never equal to that of a run asked here, so that no run continues an imported one.
  info.identity = sha256_hex(dump_json(
      Json{{"imported", imported}, {"digests", info.manifest["digests"]}, {"id", info.id}}));
  info.manifest["imported"] = imported;
  info.rescored_from.clear();
  if (info.epochs < census.epochs()) info.epochs = census.epochs();
  if (info.num_rows < census.num_rows()) info.num_rows = census.num_rows();
  if (info.expected_answers < census.num_answers()) info.expected_answers = census.num_answers();

  ImportedRun result;
  result.notes = source.notes;
  std::set<std::string> taken;
  for (const RunInfo& run : store.runs()) {
    taken.insert(run.id);
    const bool same = run.identity == info.identity && run.answers == census.num_answers();
    if (!same || options.again) continue;
    result.id = run.id;
    result.num_answers = run.answers;
    result.was_there = true;
    return result;
  }
  const bool complete = info.complete;
  const std::string why_stopped = info.why_stopped;
  const std::vector<std::string> warnings = info.warnings;
  const std::string finished_at = info.finished_at;
  const std::optional<evals::StopDecision> decision = info.decision;
  const double wall_s = info.wall_s;
  std::string name = options.name.empty() ? plain_name(info.id) : options.name;
  if (options.name.empty() && taken.contains(name)) name.clear();
  info.id = std::move(name);
  info.transcript_key = 0;
  const Store::OpenedRun opened = store.create_run(std::move(info));

  std::vector<FinishedAnswer> batch;
  source.visit([&](FinishedAnswer&& answer) {
    answer.sample.row = census.row_of(answer.sample.id);
    answer.answer.row = answer.sample.row;
    batch.push_back(std::move(answer));
    if (batch.size() < kBatch) return;
    store.commit(opened.info, batch);
    batch.clear();
  });
  store.commit(opened.info, batch, wall_s);
  store.finish_runs(std::vector<Store::Ending>{
      {opened.info, complete, why_stopped, warnings, decision, finished_at}});
  result.id = opened.info.id;
  result.num_answers = census.num_answers();
  return result;
}

}  // namespace peira::runner::exchange
