// Pages of PDF files: what is drawn where, and that no file does more than end in an error.
#include "model/media/pdf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "base/error.h"
#include "tests/support/small_pdf.h"

namespace peira::model {
namespace {

using test::PdfPage;
using test::small_pdf;
using ::testing::HasSubstr;

constexpr const char* kRedLeftHalf = "1 0 0 rg 0 0 50 50 re f";
constexpr const char* kBlue = "0 0 1 rg 0 0 100 50 re f";

std::vector<RgbImage> pages(const std::string& bytes, PageRange range = {},
                            const PdfOptions& options = {}) {
  std::vector<RgbImage> out;
  read_pdf(bytes, "f.pdf", range, options,
           [&](RgbImage image) { out.push_back(std::move(image)); });
  return out;
}

std::string error(const std::string& bytes, PageRange range = {}, const PdfOptions& options = {}) {
  try {
    pages(bytes, range, options);
  } catch (const Error& failure) {
    EXPECT_EQ(static_cast<int>(failure.code()), static_cast<int>(ErrorCode::kData))
        << failure.what();
    return failure.what();
  }
  return "drawn";
}

using Colour = std::array<int, 3>;
Colour at(const RgbImage& image, int x, int y) {
  const std::size_t pixel = (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                             static_cast<std::size_t>(x)) *
                            3;
  return {image.pixels[pixel], image.pixels[pixel + 1], image.pixels[pixel + 2]};
}
constexpr Colour kRed{255, 0, 0}, kBlueColour{0, 0, 255}, kWhite{255, 255, 255};

// Skips where this build has no Poppler; that it says so is tested below.
class Pdf : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      pages(small_pdf({{kBlue}}));
    } catch (const Error& failure) {
      if (failure.code() != ErrorCode::kUnavailable) throw;
      EXPECT_THAT(failure.what(), HasSubstr("f.pdf: this build of Peira reads no PDF files"));
      GTEST_SKIP() << failure.what();
    }
  }
};

// 100 x 50 points are 200 x 100 dots at 144 an inch; PDF's y points upwards.
TEST_F(Pdf, DrawsAPageOnWhiteAtTheStatedResolution) {
  const auto drawn = pages(small_pdf({{std::string(kRedLeftHalf) + " 0 0 1 rg 50 25 50 25 re f"}}));
  ASSERT_EQ(drawn.size(), 1U);
  EXPECT_EQ(drawn[0].width, 200);
  EXPECT_EQ(drawn[0].height, 100);
  EXPECT_EQ(at(drawn[0], 50, 50), kRed);
  EXPECT_EQ(at(drawn[0], 150, 25), kBlueColour);
  EXPECT_EQ(at(drawn[0], 150, 75), kWhite);
  const auto fine = pages(small_pdf({{kBlue}}), {}, {.dpi = 288});
  EXPECT_EQ(fine.at(0).width, 400);
}

TEST_F(Pdf, TurnsAPageAndShowsItsCropBox) {
  const auto turned = pages(small_pdf({{kRedLeftHalf, "0 0 100 50", "/Rotate 90"}}));
  EXPECT_EQ(turned.at(0).width, 100);
  EXPECT_EQ(turned[0].height, 200);
  EXPECT_EQ(at(turned[0], 50, 50), kRed);  // clockwise: left is up
  EXPECT_EQ(at(turned[0], 50, 150), kWhite);
  const auto cropped = pages(small_pdf({{kRedLeftHalf, "0 0 100 50", "/CropBox [50 0 100 50]"}}));
  EXPECT_EQ(cropped.at(0).width, 100);
  EXPECT_EQ(at(cropped[0], 50, 50), kWhite);
}

TEST_F(Pdf, GivesThePagesAskedForInTheirOrder) {
  const std::string file = small_pdf({{kRedLeftHalf}, {kBlue}, {""}});
  EXPECT_EQ(pages(file).size(), 3U);
  const auto some = pages(file, {.first = 2, .last = 3});
  ASSERT_EQ(some.size(), 2U);
  EXPECT_EQ(at(some[0], 50, 50), kBlueColour);
  EXPECT_EQ(at(some[1], 50, 50), kWhite);
  EXPECT_EQ(error(file, {.first = 3, .last = 4}),
            "f.pdf: pages 3 to 4 were asked for, and there are 3");
  EXPECT_THAT(error(file, {.first = 4}), HasSubstr("there are 3"));
  EXPECT_EQ(error(file, {}, {.max_pages = 2}),
            "f.pdf: 3 pages, the limit is 2 at once\n  try: #page=1-2 behind its name");
  EXPECT_EQ(pages(file, {.first = 2}, {.max_pages = 2}).size(), 2U);
}

TEST_F(Pdf, RefusesWhatIsNone) {
  EXPECT_EQ(error(""), "f.pdf: no PDF file");
  EXPECT_EQ(error("\x89PNG"), "f.pdf: no PDF file");
  EXPECT_THAT(error("%PDF-1.4\nnothing else"), HasSubstr("f.pdf: a damaged PDF file"));
  EXPECT_THAT(error(small_pdf({})), HasSubstr("f.pdf: a PDF file without pages"));
}

// A square mile, and a page as thin as a line; neither takes memory first.
TEST_F(Pdf, RefusesPagesBeyondTheLimits) {
  EXPECT_THAT(error(small_pdf({{kBlue, "0 0 1000000 1000000"}})),
              HasSubstr("f.pdf#page=1: 2000000x2000000 pixels at 144 dots per inch, the limit is "
                        "50000000 pixels"));
  EXPECT_THAT(error(small_pdf({{kBlue, "0 0 0 50"}})),
              HasSubstr("f.pdf#page=1: a page of no size"));
  EXPECT_THAT(error(small_pdf({{kBlue}}), {}, {.max_pixels = 19'999}), HasSubstr("200x100 pixels"));
  EXPECT_EQ(error(small_pdf({{kBlue}}), {}, {.max_pixels = 20'000}), "drawn");
}

// Pages that contain themselves, forms that draw themselves.
TEST_F(Pdf, SurvivesLoops) {
  const std::string tree = test::pdf_of_objects(
      {"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 9 /Kids [2 0 R 2 0 R] >>"});
  EXPECT_THAT(error(tree), HasSubstr("f.pdf"));
  const std::string form = test::pdf_of_objects(
      {"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
       "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 50] /Contents 4 0 R "
       "/Resources << /XObject << /F 5 0 R >> >> >>",
       "<< /Length 5 >>\nstream\n/F Do\nendstream",
       "<< /Type /XObject /Subtype /Form /BBox [0 0 100 50] /Length 5 "
       "/Resources << /XObject << /F 5 0 R >> >> >>\nstream\n/F Do\nendstream"});
  EXPECT_EQ(error(form), "drawn");
}

// A page that fills itself over and over for minutes.
TEST_F(Pdf, EndsWhatTakesTooLong) {
  std::string content;
  for (int i = 0; i < 200'000; ++i) content += "0 0 m 0 9999 l 9999 9999 l 1 1 l f\n";
  const std::string slow = small_pdf({{content, "0 0 2500 2500"}});
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(error(slow, {}, {.time_limit = std::chrono::milliseconds(200)}),
            "f.pdf: a page took longer than the 200 ms allowed");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

// 6000 x 6000 dots take 103 MiB; Poppler itself would give a picture of one pixel instead.
TEST_F(Pdf, EndsWhatNeedsTooMuchMemory) {
  for (const std::int64_t mib : {0, 1, 50}) {
    EXPECT_THAT(error(small_pdf({{kBlue, "0 0 3000 3000"}}), {}, {.memory_bytes = mib << 20U}),
                HasSubstr(std::to_string(mib) + " MiB allowed"));
  }
}

// Cut anywhere: pages or one line.
TEST_F(Pdf, SurvivesEveryCut) {
  const std::string whole = small_pdf({{kRedLeftHalf}, {kBlue}});
  for (std::size_t size = 5; size < whole.size(); size += 23) {
    const std::string said = error(whole.substr(0, size));
    EXPECT_TRUE(said == "drawn" || said.starts_with("f.pdf")) << said;
  }
}

TEST(Png, IsWrittenAsItIsRead) {
  RgbImage image;
  image.width = 5;
  image.height = 3;
  image.pixels.resize(45);
  for (std::size_t i = 0; i < 45; ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 37);
  const std::string bytes = encode_png(image);
  EXPECT_EQ(image_format(bytes), "png");
  const RgbImage again = decode_image(bytes, "again");
  EXPECT_EQ(again.width, 5);
  EXPECT_EQ(again.height, 3);
  EXPECT_TRUE(std::equal(image.pixels.begin(), image.pixels.end(), again.pixels.begin()));
  EXPECT_THROW((void)encode_png({}), Error);
  EXPECT_THROW((void)encode_jpeg({}, 95), Error);
}

}  // namespace
}  // namespace peira::model
