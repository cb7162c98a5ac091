// A report in a real browser: its script runs under the page's own policy, a reply that attacks the
// page stays text, and ten thousand samples open at once. Skips aloud where no Chromium is.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/files.h"
#include "reports/html.h"
#include "tests/reports/example_report.h"

namespace peira::reports {
namespace {

std::string chromium() {
  for (const char* path :
       {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return "";
}

struct Visit {
  std::string dom, log;
};

class Browser : public testing::Test {
 protected:
  void SetUp() override {
    if (chromium().empty()) GTEST_SKIP() << "no Chromium here: pages are not opened";
    folder_ =
        std::filesystem::temp_directory_path() / ("peira-browser-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  // The document as the browser has it once the page has loaded.
  Visit visit(const std::string& page, const std::string& fragment) {
    write_file_atomic(folder_ / "page.html", page);
    const std::string dom = folder_ / "dom.html", log = folder_ / "log.txt";
    const std::string command =
        "timeout 60 " + chromium() +
        " --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=" +
        (folder_ / "profile").string() + " --enable-logging=stderr --v=0 --dump-dom 'file://" +
        (folder_ / "page.html").string() + fragment + "' > " + dom + " 2> " + log;
    const int status = std::system(command.c_str());
    Visit out;
    EXPECT_EQ(status, 0);
    out.dom = read_file(dom);
    out.log = read_file(log);
    return out;
  }

  std::filesystem::path folder_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Browser, ShowsHostileTextAsText) {
  const Visit got = visit(render_html(example_report()), "#sample-0-1");
  EXPECT_FALSE(has(got.log, "CONSOLE")) << got.log;
  // The reply was shown, as text.
  EXPECT_TRUE(has(got.dom, "<strong class=\"verdict-wrong\">wrong</strong>"));
  EXPECT_TRUE(has(got.dom, "document.title"));
  EXPECT_TRUE(has(got.dom, "\\x1b"));
  EXPECT_FALSE(has(got.dom, "<title>owned"));
  EXPECT_FALSE(has(got.dom, "<img src=\"x\""));
  // Of the two pictures, the one that may be shown.
  EXPECT_TRUE(has(got.dom, "<img src=\"data:image/png;base64,"));
  EXPECT_TRUE(has(got.dom, "no kind that this page shows"));
}

// A script that text brings in has no digest in the policy: even if escaping failed, it would not
// run.
TEST_F(Browser, RunsNoScriptThatThePolicyDoesNotName) {
  std::string page = render_html(example_report());
  const std::size_t end = page.find("</body>");
  page.insert(end,
              "<script>document.title='owned'</script><img src=x onerror=\"document.title="
              "'owned'\">");
  const Visit got = visit(page, "");
  EXPECT_FALSE(has(got.dom, "<title>owned"));
  EXPECT_TRUE(has(got.log, "Content Security Policy"));
}

TEST_F(Browser, OpensTenThousandSamples) {
  Report report = example_report();
  SampleSection& section = report.samples[0];
  const SampleStory model = section.samples[0];
  section.samples.clear();
  for (int i = 0; i < 10'000; ++i) {
    section.samples.push_back(model);
    section.samples.back().id = "question-" + std::to_string(i);
    std::string text;
    for (int word = 0; word < 250; ++word) text += "word" + std::to_string(word * i % 997) + " ";
    for (SampleSide& side : section.samples.back().sides) side.answers[0].response += text;
  }
  std::string page = render_html(report);
  // A copy that tells the time, which the page's own policy would not allow, and drops the data
  // once it is shown: writing it out again would be all that took time.
  const std::size_t policy = page.find("<meta http-equiv=\"Content-Security-Policy\"");
  page.erase(policy, page.find('>', policy) + 1 - policy);
  page.insert(page.find("</body>"),
              "<script>addEventListener('load', () => {document.title = 'loaded after ' + "
              "Math.round(performance.now()) + ' ms'; document.getElementById('sample-lines-0')"
              ".remove();});</script>");
  const Visit got = visit(page, "#sample-0-9999");
  EXPECT_FALSE(has(got.log, "CONSOLE")) << got.log;
  EXPECT_TRUE(has(got.dom, "question-9999"));
  EXPECT_TRUE(has(got.dom, "Showing 9976 to 10000 of 10000."));
  const std::string told = "<title>loaded after ";
  ASSERT_TRUE(has(got.dom, told));
  const double ms = std::stod(got.dom.substr(got.dom.find(told) + told.size(), 12));
  std::printf("%.1f MB opened in %.0f ms\n", static_cast<double>(page.size()) / 1e6, ms);
  EXPECT_LT(ms, 10'000);  // under a second on an idle machine; tests share theirs
}

}  // namespace
}  // namespace peira::reports
