// The bundled model looks at what it is asked about: it answers the media samples far above chance,
// and at chance where each question comes with the pictures or the clip of another.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "datasets/dataset.h"
#include "runner/endpoints/open_model.h"
#include "runner/executor.h"
#include "tests/runner/support.h"

namespace peira::runner::testing {
namespace {

constexpr double kChance = 0.25;

std::unique_ptr<ModelClient> open_bundled(bool with_sound) {
  ModelOptions options;
  options.video_sound = with_sound;
  try {
    return open_model("bundled", options);
  } catch (const Error& failure) {
    if (failure.code() == ErrorCode::kUnavailable) return nullptr;
    throw;
  }
}

std::vector<datasets::Sample> samples_of(const SampleSource& source) {
  const std::unique_ptr<datasets::SampleReader> reader = source.open();
  std::vector<datasets::Sample> samples;
  while (std::optional<datasets::Sample> sample = reader->next()) {
    samples.push_back(std::move(*sample));
  }
  return samples;
}

std::vector<Part*> media_of(datasets::Sample& sample) {
  std::vector<Part*> media;
  for (Part& part : sample.parts) {
    if (part.kind != PartKind::kText) media.push_back(&part);
  }
  return media;
}

// Gives each question the media of the one `away` further on among those with as many.
void exchange_media(std::vector<datasets::Sample>& samples, std::size_t away) {
  std::map<std::size_t, std::vector<std::vector<Part*>>> groups;
  for (datasets::Sample& sample : samples) {
    std::vector<Part*> media = media_of(sample);
    groups[media.size()].push_back(std::move(media));
  }
  for (const auto& [count, group] : groups) {
    std::vector<std::vector<Part>> before;
    for (const std::vector<Part*>& media : group) {
      before.emplace_back();
      for (const Part* part : media) before.back().push_back(*part);
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      for (std::size_t k = 0; k < count; ++k) {
        const Part& other = before[(i + away) % before.size()][k];
        group[i][k]->bytes = other.bytes;
        group[i][k]->path = other.path;
      }
    }
  }
}

double accuracy(ModelClient& model, const std::string& suite,
                std::vector<datasets::Sample> samples) {
  const TempFolder folder;
  Store store(folder / "peira.sqlite");
  RunOptions options;
  options.suite = evals::find_suite(suite);
  options.variant = evals::parse_variant("official");
  options.samples = source_from(suite, std::move(samples));
  options.max_tokens = 4;
  options.use_cache = false;
  const RunOutcome outcome = execute_run(store, model, options);
  EXPECT_TRUE(outcome.complete) << outcome.why_stopped;
  return outcome.progress.mean_score;
}

void expect_it_looks(const std::string& suite, const std::string& data, std::size_t away,
                     bool with_sound) {
  const std::unique_ptr<ModelClient> model = open_bundled(with_sound);
  if (model == nullptr) GTEST_SKIP() << "built without model/peira-mini";
  std::vector<datasets::Sample> samples;
  try {
    samples =
        samples_of(source_of(datasets::find_dataset(data, evals::find_suite(suite).data_kind)));
  } catch (const Error& error) {  // a build without Parquet
    if (error.code() != ErrorCode::kUnavailable) throw;
    GTEST_SKIP() << error.what();
  }
  const double seen = accuracy(*model, suite, samples);
  EXPECT_GE(seen, 0.45);
  EXPECT_LE(seen, 0.95);
  exchange_media(samples, away);
  const double exchanged = accuracy(*model, suite, samples);
  // Three standard errors of 120 questions.
  EXPECT_NEAR(exchanged, kChance, 0.12);
}

TEST(BundledModel, LooksAtPictures) { expect_it_looks("mmmu", "mmmu-sample", 7, false); }

// Three questions a clip.
TEST(BundledModel, LooksAtClips) { expect_it_looks("video-mme", "video-mme-sample", 21, false); }

TEST(BundledModel, LooksAtClipsAndListens) {
  expect_it_looks("video-mme", "video-mme-sample", 21, true);
}

}  // namespace
}  // namespace peira::runner::testing
