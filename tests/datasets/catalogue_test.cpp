#include "datasets/catalogue.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <set>

#include "base/files.h"
#include "base/hash.h"
#include "datasets/canary.h"
#include "tests/datasets/support.h"

namespace peira::datasets {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// An own, empty cache for as long as it lives.
class OwnCache {
 public:
  OwnCache() { ::setenv("PEIRA_CACHE_DIR", folder_.path().c_str(), 1); }
  ~OwnCache() { ::unsetenv("PEIRA_CACHE_DIR"); }
  void put(const CatalogueEntry& entry, std::string_view text) const {
    std::filesystem::create_directories(cached_path(entry).parent_path());
    write_file_atomic(cached_path(entry), text);
  }

 private:
  TemporaryFolder folder_;
};

TEST(Catalogue, HoldsWhatIsPublished) {
  std::set<std::string> names;
  for (const CatalogueEntry& entry : catalogue()) names.insert(entry.name);
  EXPECT_EQ(names,
            (std::set<std::string>{
                "aider-sample",     "aime-sample",          "aime25",           "aime_2024",
                "aime_2024_I",      "aime_2024_II",         "aime_2025",        "gpqa-sample",
                "gpqa_diamond",     "gpqa_extended",        "gpqa_main",        "hle",
                "hle-sample",       "livecodebench-sample", "livecodebench_v1", "livecodebench_v2",
                "livecodebench_v3", "livecodebench_v4",     "livecodebench_v5", "livecodebench_v6",
                "mmmu-sample",      "video-mme-sample"}));
  const CatalogueEntry* const diamond = find_entry("gpqa_diamond");
  ASSERT_NE(diamond, nullptr);
  EXPECT_EQ(diamond->repo, "Idavidrein/gpqa");
  EXPECT_EQ(diamond->num_samples, 198);
  EXPECT_TRUE(diamond->gated);
  EXPECT_EQ(find_entry("nothing"), nullptr);
}

// Where an entry says that its counts are all there are, they must add up.
TEST(Catalogue, CountsAddUp) {
  for (const CatalogueEntry& entry : catalogue()) {
    for (const ExpectedValues& rule : entry.values) {
      std::int64_t sum = 0;
      for (const ExpectedCount& count : rule.counts) sum += count.count;
      if (rule.complete) {
        EXPECT_EQ(sum, entry.num_samples) << entry.name << " " << rule.key;
      } else {
        EXPECT_LE(sum, entry.num_samples) << entry.name << " " << rule.key;
      }
    }
  }
}

TEST(Catalogue, SampleSetsAreGoodAndOpenToAll) {
  for (const char* const name : {"gpqa-sample", "aime-sample"}) {
    const VerifyResult result = verify(*find_entry(name));
    for (const VerifiedFact& fact : result.facts) {
      EXPECT_TRUE(fact.holds) << name << ": " << fact.what << " " << fact.found;
    }
    EXPECT_TRUE(result.ok);
    EXPECT_GE(result.num_samples, 200);
    const DatasetFile file = find_dataset(name, "");
    EXPECT_FALSE(file.restricted);
    EXPECT_FALSE(is_restricted(file));
    EXPECT_EQ(count_samples(file), result.num_samples);
    EXPECT_EQ(digest_of(file), sha256_hex(file.embedded));
  }
  const auto choice = samples_of(find_dataset("gpqa-sample", "gpqa"));
  EXPECT_EQ(choice.front().choices.size(), 4U);
  for (const char* const key : {"domain", "subdomain", "difficulty", "explanation"}) {
    EXPECT_EQ(choice.front().metadata.count(key), 1U) << key;
  }
  const auto number = samples_of(find_dataset("aime-sample", "aime"));
  EXPECT_EQ(number.front().metadata.count("problem_type"), 1U);
  EXPECT_EQ(number.front().metadata.count("difficulty"), 1U);
  EXPECT_THAT(number.front().id, StartsWith("sha256:"));
}

TEST(FindDataset, SaysHowToGetWhatIsNotHere) {
  const OwnCache cache;
  EXPECT_THAT(error_of(ErrorCode::kUnavailable, [] { find_dataset("gpqa_diamond", "gpqa"); }),
              HasSubstr("peira datasets fetch gpqa_diamond"));
  EXPECT_THAT(error_of(ErrorCode::kUsage, [] { find_dataset("gpqa_dimond", "gpqa"); }),
              AllOf(StartsWith("gpqa_dimond: neither a file nor a known dataset"),
                    HasSubstr("gpqa_diamond")));
  EXPECT_THAT(error_of(ErrorCode::kUsage, [] { find_dataset("gpqa-sample", "aime"); }),
              HasSubstr("of kind gpqa, not aime"));
}

TEST(FindDataset, FindsFilesAndWhatTheyAre) {
  const TemporaryFolder folder;
  const auto aime = folder.write("aime_2025.csv", "problem_idx,problem,answer\n16,p,5\n");
  const DatasetFile file = find_dataset(aime, "");
  EXPECT_EQ(file.kind, "aime");
  EXPECT_EQ(file.name, "aime_2025");
  EXPECT_EQ(samples_of(file).front().id, "aime-2025-II-1");
  const auto other = folder.write("other.csv", "a,b\n1,2\n");
  EXPECT_THAT(error_of(ErrorCode::kData, [&] { find_dataset(other, ""); }),
              HasSubstr("a file of no benchmark that is known here"));
}

TEST(FindDataset, TakesTheCacheForNamesInTheCatalogue) {
  const OwnCache cache;
  const CatalogueEntry& entry = *find_entry("aime25");
  const std::string text = "{\"problem\":\"p\",\"answer\":\"5\",\"id\":\"0\"}\n";
  cache.put(entry, text);
  const DatasetFile file = find_dataset("aime25", "aime");
  EXPECT_EQ(file.path, cached_path(entry));
  EXPECT_EQ(samples_of(file).size(), 1U);
  bool is_listed = false;
  for (const ListedDataset& one : list()) {
    if (one.entry->name == "aime25") {
      is_listed = one.available && one.size_bytes == static_cast<std::int64_t>(text.size());
    }
    if (one.entry->name == "gpqa_main") {
      EXPECT_FALSE(one.available);
    }
    if (one.entry->name == "gpqa-sample") {
      EXPECT_TRUE(one.available);
    }
  }
  EXPECT_TRUE(is_listed);
}

TEST(Verify, ShowsEveryFactThatDoesNotHold) {
  const OwnCache cache;
  CatalogueEntry entry = *find_entry("gpqa_diamond");
  entry.num_samples = 2;
  entry.values = {{"domain", false, true, {{"Physics", 2}}},
                  {"difficulty", true, true, {{"hard undergraduate", 1}, {"", 1}}}};
  entry.text_counts = {{"multi_line_questions", 1},
                       {"multi_line_choices", 1},
                       {"padded_choices", 1},
                       {"identical_choices", 1},
                       {"repeated_answer", 0}};
  cache.put(entry,
            "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer "
            "3,High-level domain,Writer's Difficulty Estimate,Canary String\n"
            "\"a\nb\",1,2,2,\xC2\xA0"
            "4,Physics,Hard Undergraduate level,none\n"
            "c,1,\"2\n5\",3,4,Alchemy,,none\n");

  const VerifyResult result = verify(entry);

  EXPECT_FALSE(result.ok);
  EXPECT_EQ(result.num_samples, 2);
  std::vector<std::string> broken;
  for (const VerifiedFact& fact : result.facts) {
    if (!fact.holds) broken.push_back(fact.what + ": " + fact.expected + " / " + fact.found);
  }
  EXPECT_EQ(broken,
            (std::vector<std::string>{"domain = Physics: 2 / 1", "domain = Alchemy: 0 / 1"}));
}

// The rules of the gated sets: no canary of theirs in any file that git keeps here. A canary is a
// prefix with something behind it; the bare prefixes may stand in code.
TEST(Release, NoTrackedFileCarriesACanary) {
  const std::string source = PEIRA_SOURCE_DIR;
  if (!std::filesystem::exists(source + "/.git")) GTEST_SKIP() << "not a git checkout";
  FILE* const pipe = ::popen(("git -C '" + source + "' ls-files -z 2>/dev/null").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string names;
  char buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    names.append(buffer, got);
  }
  if (::pclose(pipe) != 0 || names.empty()) GTEST_SKIP() << "git ls-files does not run here";
  int num_files = 0;
  for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
    const std::string path = source + "/" + names.substr(at, names.find('\0', at) - at);
    if (!std::filesystem::is_regular_file(path)) continue;
    ++num_files;
    const MappedFile file(path);
    const std::string_view text = file.text();
    for (const std::string& prefix :
         {std::string("gpqa:") + "4b24:", std::string("hle:") + "3r2s:"}) {
      for (std::size_t i = text.find(prefix); i != std::string_view::npos;
           i = text.find(prefix, i + 1)) {
        const std::string_view rest = text.substr(i + prefix.size(), 16);
        const auto length = rest.find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-");
        EXPECT_LT(std::min(length, rest.size()), 12U) << path << " carries a canary";
      }
    }
  }
  EXPECT_GT(num_files, 50);
}

}  // namespace
}  // namespace peira::datasets
