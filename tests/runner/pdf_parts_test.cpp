// PDF files where pictures are expected: by name, in prompts of suites, in what a model is shown.
#include "runner/pdf_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "model/media/image.h"
#include "model/text/language_model.h"
#include "runner/endpoints/open_model.h"
#include "tests/runner/support.h"
#include "tests/support/small_pdf.h"

namespace peira::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string three_pages() {
  return test::small_pdf({{"1 0 0 rg 0 0 100 50 re f"}, {"", "0 0 60 30"}, {"", "0 0 40 20"}});
}

class PdfParts : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file_atomic(path("a.pdf"), three_pages());
    try {
      (void)pictures_of(path("a.pdf"));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable) throw;
      GTEST_SKIP() << error.what();
    }
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  static std::vector<int> widths(const std::vector<Part>& parts) {
    std::vector<int> out;
    for (const Part& part : parts) out.push_back(model::decode_image(part.bytes, "page").width);
    return out;
  }
  std::string refusal(const std::string& name) const {
    try {
      (void)pictures_of(path(name));
    } catch (const Error& error) {
      return error.what();
    }
    return "taken";
  }

  testing::TempFolder folder_;
};

TEST_F(PdfParts, PagesAreChosenBehindTheName) {
  EXPECT_EQ(widths(pictures_of(path("a.pdf"))), (std::vector<int>{200, 120, 80}));
  EXPECT_EQ(widths(pictures_of(path("a.pdf#page=2"))), (std::vector<int>{120}));
  EXPECT_EQ(widths(pictures_of(path("a.pdf#page=2-3"))), (std::vector<int>{120, 80}));
  EXPECT_THAT(refusal("a.pdf#page=4"), HasSubstr("a.pdf: pages 4 to 4 were asked for"));
  for (const char* const bad :
       {"#page=", "#page=0", "#page=x", "#page=3-2", "#page=1-", "#page=-2"}) {
    EXPECT_THAT(refusal(std::string("a.pdf") + bad),
                HasSubstr("pages are numbers from 1\n  try: "));
  }
  write_file_atomic(path("b.png"), "\x89PNG");
  EXPECT_EQ(pictures_of(path("b.png")).at(0).path, path("b.png"));
  EXPECT_THAT(refusal("b.png#page=1"), HasSubstr("only PDF files have pages"));
  EXPECT_THAT(refusal("none.pdf#page=1"), HasSubstr("none.pdf"));
  // A name is a name first.
  write_file_atomic(path("odd.pdf#page=1"), three_pages());
  EXPECT_EQ(pictures_of(path("odd.pdf#page=1")).size(), 3U);
}

TEST_F(PdfParts, PagesStandWhereTheFileStood) {
  Part pdf;
  pdf.kind = PartKind::kImage;
  pdf.bytes = three_pages();
  const auto messages =
      with_pdf_pages({{"user", {Part::from_text("a"), pdf, Part::from_text("b")}}});
  const std::vector<Part>& parts = messages.at(0).parts;
  ASSERT_EQ(parts.size(), 5U);
  EXPECT_EQ(parts[0].text, "a");
  EXPECT_EQ(parts[4].text, "b");
  EXPECT_EQ(widths({parts.begin() + 1, parts.end() - 1}), (std::vector<int>{200, 120, 80}));
  EXPECT_EQ(with_pdf_pages(messages).at(0).parts.size(), 5U);
  Part text = Part::from_text("%PDF-1.4");
  EXPECT_FALSE(is_pdf_part(text));
}

// A question whose picture is a PDF file: the model is shown its pages, the manifest says how they
// became pictures, and a broken file is that sample's failure.
TEST_F(PdfParts, ReachTheModelInARun) {
  std::vector<datasets::Sample> samples = testing::sums(2);
  for (datasets::Sample& sample : samples) {
    Part pdf;
    pdf.kind = PartKind::kImage;
    pdf.bytes = sample.row == 0 ? three_pages() : "%PDF-1.4 and nothing";
    sample.parts.insert(sample.parts.begin(), pdf);
  }
  RunOptions options;
  options.suite = testing::exact_suite();
  for (evals::Profile& profile : options.suite.profiles) {
    profile.prompt = [](const evals::PromptRequest& request, const evals::PromptVariant&) {
      return std::vector<Message>{{"user", request.sample->parts}};
    };
  }
  options.variant = evals::parse_variant("official");
  options.samples = testing::source_from("memory", samples);
  options.max_failures = FailureLimit::parse("100%");
  options.name = "pdf";
  std::size_t num_pictures = 0;
  testing::FakeClient client([](const ModelRequest&) {
    ModelResponse response;
    response.text = "0";
    response.finish_reason = "stop";
    return response;
  });
  client.on_submit = [&](const ModelRequest& request) {
    num_pictures = request.messages.at(0).parts.size() - 1;
  };
  Store store(folder_.path() / "runs.db");
  const RunOutcome outcome = execute_run(store, client, options);
  EXPECT_EQ(num_pictures, 3U);
  EXPECT_EQ(outcome.progress.failures, 1);
  const RunInfo info = store.run("pdf");
  EXPECT_EQ(info.manifest["values"]["media"]["pdf"], (Json{{"dpi", 144.0}, {"max_pages", 100}}));
  const auto story = store.story("pdf", "#1");
  ASSERT_EQ(story.size(), 1U);
  EXPECT_THAT(story[0].answer.failure,
              StartsWith("no prompt: a PDF file of the prompt: a damaged PDF file"));
}

}  // namespace
}  // namespace peira::runner
