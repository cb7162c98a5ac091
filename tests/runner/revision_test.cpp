#include "runner/revision.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/files.h"
#include "tests/runner/support.h"

namespace peira::runner::testing {
namespace {

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

class RevisionOf : public ::testing::Test {
 protected:
  RevisionOf() {
    for (const char* name : {"GITHUB_HEAD_REF", "GITHUB_REF_NAME", "GITHUB_SHA"}) unsetenv(name);
  }
  ~RevisionOf() override {
    for (const char* name : {"GITHUB_HEAD_REF", "GITHUB_REF_NAME", "GITHUB_SHA"}) unsetenv(name);
  }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    write_file_atomic(folder_ / name, text);
  }
  // "branch commit" as seen from a folder inside the work tree.
  std::string seen() const {
    std::filesystem::create_directories(folder_ / "work/deep");
    const Revision revision = revision_of(folder_ / "work/deep");
    return revision.branch + " " + revision.commit;
  }
  TempFolder folder_;
};

TEST_F(RevisionOf, AWorkTreeIsReadAsGitWritesIt) {
  EXPECT_EQ(seen(), " ");
  write("work/.git/HEAD", "ref: refs/heads/topic/one\n");
  EXPECT_EQ(seen(), "topic/one ");  // nothing committed yet
  write("work/.git/packed-refs", std::string("# pack-refs with: peeled fully-peeled sorted\n") +
                                     kCommit + " refs/heads/topic/one\n^" + kCommit + "\n");
  EXPECT_EQ(seen(), std::string("topic/one ") + kCommit);
  write("work/.git/refs/heads/topic/one", "fedcba9876543210fedcba9876543210fedcba98\n");
  EXPECT_EQ(seen(), "topic/one fedcba9876543210fedcba9876543210fedcba98");
  write("work/.git/HEAD", std::string(kCommit) + "\n");  // detached
  EXPECT_EQ(seen(), std::string(" ") + kCommit);
}

TEST_F(RevisionOf, AFurtherWorkTreeIsFoundThroughItsFile) {
  write("main/.git/worktrees/w/HEAD", "ref: refs/heads/side\r\n");
  write("main/.git/worktrees/w/commondir", "../..\n");
  write("main/.git/refs/heads/side", std::string(kCommit) + "\n");
  write("work/.git", "gitdir: ../main/.git/worktrees/w\n");
  EXPECT_EQ(seen(), std::string("side ") + kCommit);
}

TEST_F(RevisionOf, GitHubsWordsStandBeforeTheFolders) {
  write("work/.git/HEAD", "ref: refs/heads/topic\n");
  setenv("GITHUB_REF_NAME", "main", 1);
  setenv("GITHUB_SHA", kCommit, 1);
  EXPECT_EQ(seen(), std::string("main ") + kCommit);
  setenv("GITHUB_HEAD_REF", "their-topic", 1);  // of a pull request
  EXPECT_EQ(seen(), std::string("their-topic ") + kCommit);
}

TEST_F(RevisionOf, WhatIsNoGitIsQuietlyUnknown) {
  write("work/.git/HEAD", std::string(100'000, 'x'));
  EXPECT_EQ(seen(), " ");
  write("work/.git/HEAD", "ref: elsewhere\n");
  EXPECT_EQ(seen(), " ");
  write("work/.git/HEAD", "ref: refs/heads/\xff\xfe\n");
  EXPECT_NO_THROW(static_cast<void>(dump_json(Json(revision_of(folder_ / "work").branch))));
  EXPECT_EQ(revision_of(folder_ / "gone/and/away").branch, "");
}

TEST_F(RevisionOf, EveryRunIsInItsManifestButNotInItsIdentity) {
  Store store(folder_ / "peira.sqlite");
  FakeClient model(mostly_right);
  RunOptions options = sums_options(10);
  options.resume = Resume::kNew;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(std::filesystem::temp_directory_path());
  const RunInfo outside = store.run(execute_run(store, model, options).run_id);
  EXPECT_FALSE(outside.manifest.contains("revision"));
  EXPECT_EQ(revision_from(outside.manifest).branch, "");

  write("work/.git/HEAD", "ref: refs/heads/main\n");
  write("work/.git/refs/heads/main", std::string(kCommit) + "\n");
  std::filesystem::current_path(folder_ / "work");
  const RunInfo inside = store.run(execute_run(store, model, options).run_id);
  std::filesystem::current_path(before);
  EXPECT_EQ(revision_from(inside.manifest).branch, "main");
  EXPECT_EQ(revision_from(inside.manifest).commit, kCommit);
  EXPECT_EQ(inside.identity, outside.identity);
}

}  // namespace
}  // namespace peira::runner::testing
