// The viewer's pages in a real browser: what is on them once their scripts have run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>

#include "runner/viewer/server.h"
#include "tests/runner/viewer_store.h"
#include "tests/support/temporary_folder.h"

namespace peira::runner::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ViewerBrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
      const std::string probe = std::string("command -v ") + name + " >/dev/null 2>&1";
      if (browser_.empty() && std::system(probe.c_str()) == 0) browser_ = name;
    }
    if (browser_.empty()) GTEST_SKIP() << "no Chromium here (apt install chromium)";
    testing::make_viewer_store(folder_ / "peira.sqlite");
    testing::make_viewer_experiments(folder_ / "experiments.sqlite");
    server_.emplace(ServerOptions{.store = folder_ / "peira.sqlite",
                                  .experiments = folder_ / "experiments.sqlite",
                                  .host = "127.0.0.1",
                                  .port = 0});
    thread_ = std::thread([this] { server_->run(); });
  }
  void TearDown() override {
    if (!server_) return;
    server_->stop();
    thread_.join();
  }

  // The document at `address`, as it stands when its scripts have nothing left to do.
  std::string dom(const std::string& address) {
    const std::string command = browser_ +
                                " --headless=new --no-sandbox --disable-gpu --dump-dom "
                                "--virtual-time-budget=5000 --user-data-dir='" +
                                (folder_ / "profile").string() + "' '" + server_->url() + address +
                                "' 2>/dev/null";
    std::string out;
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return out;
    std::array<char, 4096> buffer{};
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
      out.append(buffer.data(), size);
    }
    pclose(pipe);
    return out;
  }

  test::TemporaryFolder folder_;
  std::string browser_;
  std::optional<Server> server_;
  std::thread thread_;
};

TEST_F(ViewerBrowser, ListsRunsAndTheirWrongAnswers) {
  const std::string runs = dom("");
  EXPECT_THAT(runs, HasSubstr("href=\"/run?run=a\""));
  EXPECT_THAT(runs, HasSubstr("✓ </span>complete"));
  // For those who hear the page: what a table is, and a way past the bar.
  EXPECT_THAT(runs, HasSubstr("<caption class=\"sr\">Runs</caption>"));
  EXPECT_THAT(runs, HasSubstr("<a class=\"skip\" href=\"#main\">"));
  const std::string wrong = dom("run?run=a&only=wrong");
  EXPECT_THAT(wrong, HasSubstr("1 to 6 of 6 answers"));
  EXPECT_THAT(wrong, HasSubstr("row=11"));
  EXPECT_THAT(wrong, Not(HasSubstr("row=10&")));
  EXPECT_THAT(wrong, HasSubstr("aria-current=\"true\""));
}

TEST_F(ViewerBrowser, ShowsWhatAHostileModelSaysAsText) {
  const std::string page = dom("sample?run=a&row=0");
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;document.title='owned'&lt;/script&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<script>document")));
  EXPECT_THAT(page, Not(HasSubstr("<img src=\"x\"")));
  EXPECT_THAT(page, Not(HasSubstr("<h1>owned")));
  EXPECT_THAT(page, Not(HasSubstr("<title>owned")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(page, HasSubstr("title=\"U+001B\""));
  EXPECT_THAT(page, HasSubstr("title=\"U+202E\""));
}

TEST_F(ViewerBrowser, ShowsMediaAndComparesSampleBySample) {
  EXPECT_THAT(dom("sample?run=a&row=1"), HasSubstr("<img src=\"/api/media?run=a&amp;row=1"));
  const std::string comparison = dom("compare?a=a&b=b");
  EXPECT_THAT(comparison, HasSubstr("1 to 3 of 3"));
  EXPECT_THAT(comparison, HasSubstr("points"));
  const std::string pair = dom("pair?a=a&b=b&row_a=8&row_b=8");
  EXPECT_THAT(pair, HasSubstr("✓ right"));
  EXPECT_THAT(pair, HasSubstr("✗ wrong"));
}

TEST_F(ViewerBrowser, ShowsAnExperimentWithItsCourse) {
  EXPECT_THAT(dom("experiments"), HasSubstr("href=\"/experiment?id=prompt_v2\""));
  const std::string page = dom("experiment?id=prompt_v2");
  EXPECT_THAT(page, HasSubstr("ship new"));
  EXPECT_THAT(page, HasSubstr("split as declared"));
  EXPECT_THAT(page, HasSubstr("solved, new: 4 days, the last at +30"));
  EXPECT_THAT(page, Not(HasSubstr("<h1>owned")));
}

TEST_F(ViewerBrowser, SaysPlainlyWhatIsNotThere) {
  EXPECT_THAT(dom("run?run=gone"), HasSubstr("there is no run 'gone'"));
}

}  // namespace
}  // namespace peira::runner::viewer
