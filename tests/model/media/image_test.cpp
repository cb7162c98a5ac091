#include "model/media/image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "model/media/image_features.h"
#include "model/media/resize.h"

namespace peira::model {
namespace {

const std::filesystem::path kGolden =
    std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/media";

std::string picture(const std::string& file) { return read_file(kGolden / "images" / file); }

std::string problem_of(const std::string& bytes, const DecodeOptions& options = {}) {
  try {
    decode_image(bytes, "cat.jpg", options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
  return "";
}

template <class T>
std::string hash_of(const Buffer<T>& values) {
  return sha256_hex(std::as_bytes(std::span(values)));
}

// Pixels as Pillow reads them, patches as transformers' processor makes them, to the bit:
// tests/golden/media/make_image_golden.py.
TEST(DecodeImage, GivesTheReferencesPixelsAndPatches) {
  const auto rows = nlohmann::json::parse(read_file(kGolden / "images.json"));
  ASSERT_EQ(rows.size(), 50U);
  for (const auto& row : rows) {
    const std::string file = row["file"];
    SCOPED_TRACE(file);
    const RgbImage image = decode_image(picture(file), file);
    EXPECT_EQ(image.height, row["size"][0]);
    EXPECT_EQ(image.width, row["size"][1]);
    EXPECT_EQ(hash_of(image.pixels), row["rgb"]);
    const VisionFeatures features = image_features(image, {}, file);
    EXPECT_EQ(nlohmann::json({features.grid_t, features.grid_h, features.grid_w}), row["grid"]);
    EXPECT_EQ(hash_of(features.patches), row["patches"]);
    EXPECT_EQ(features.num_tokens(2) * 4 * 1536,
              static_cast<std::int64_t>(features.patches.size()));
  }
}

// qwen-vl-utils pastes RGBA on white; half of black over white by Pillow's rounding is 127.
TEST(DecodeImage, LaysAlphaOnWhiteWhenAsked) {
  const std::string file = "001_rgba.png";
  const RgbImage dropped = decode_image(picture(file), file);
  const RgbImage pasted = decode_image(picture(file), file, {.alpha = Alpha::kOnWhite});
  ASSERT_EQ(dropped.pixels.size(), pasted.pixels.size());
  bool differs = false;
  for (std::size_t i = 0; i < dropped.pixels.size(); ++i) {
    EXPECT_GE(pasted.pixels[i], dropped.pixels[i]);
    differs = differs || pasted.pixels[i] != dropped.pixels[i];
  }
  EXPECT_TRUE(differs);
}

TEST(DecodeImage, KeepsTheHighByteOfDeepGreyWhenAsked) {
  const std::string file = "004_grey16.png";
  const RgbImage clipped = decode_image(picture(file), file);
  const RgbImage meant = decode_image(picture(file), file, {.grey16 = Grey16::kHighByte});
  EXPECT_NE(clipped.pixels, meant.pixels);
  EXPECT_EQ(clipped.pixels.size(), meant.pixels.size());
}

// Every prefix of every file is refused with a line, never shown grey or black below the break;
// only what follows the last pixel may be missing.
TEST(DecodeImage, RefusesTruncatedFiles) {
  const auto rows = nlohmann::json::parse(read_file(kGolden / "images.json"));
  for (const auto& row : rows) {
    const std::string file = row["file"];
    SCOPED_TRACE(file);
    const std::string whole = picture(file);
    const RgbImage image = decode_image(whole, file);
    for (std::size_t size = 0; size < whole.size();
         size += std::max<std::size_t>(1, whole.size() / 41)) {
      try {
        const RgbImage cut = decode_image(std::string_view(whole).substr(0, size), file);
        EXPECT_EQ(cut.pixels, image.pixels) << size << " of " << whole.size() << " bytes";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kData);
        EXPECT_NE(std::string(error.what()).find(file), std::string::npos);
      }
    }
  }
}

TEST(DecodeImage, SaysWhatTheFileIsInstead) {
  EXPECT_EQ(problem_of(""),
            "cat.jpg: not a picture that can be read: the file is empty\n"
            "  supported: JPEG, PNG, WebP, GIF (first frame)");
  EXPECT_NE(problem_of("BM12").find("this looks like BMP"), std::string::npos);
  EXPECT_NE(problem_of("<!DOCTYPE html>").find("this looks like a web page"), std::string::npos);
  EXPECT_NE(problem_of("version https://git-lfs.github.com/spec/v1\n").find("Git LFS pointer"),
            std::string::npos);
  EXPECT_NE(problem_of("abc").find("it starts with 61 62 63"), std::string::npos);
}

// The header alone says 60,000 x 60,000: refused before any row is unpacked.
TEST(DecodeImage, RefusesBombsByTheirHeader) {
  std::string bomb = picture("000_rgb.png");
  const std::string size("\x00\x00\xea\x60\x00\x00\xea\x60", 8);
  bomb.replace(16, 8, size);
  bomb.replace(29, 4, std::string("\x0f\xb0\xe2\x15", 4));  // CRC-32 of the new IHDR, by zlib.crc32
  const std::string problem = problem_of(bomb);
  EXPECT_NE(problem.find("cat.jpg"), std::string::npos);
  EXPECT_NE(problem.find("60000x60000 pixels, more than the limit of 178956970"), std::string::npos)
      << problem;
  EXPECT_NE(
      problem_of(picture("000_rgb.png"), {.max_pixels = 10}).find("more than the limit of 10"),
      std::string::npos);
}

TEST(ImageFormat, IsToldByTheFirstBytes) {
  EXPECT_EQ(image_format(picture("000_rgb.png")), "png");
  EXPECT_EQ(image_format(picture("012_rgb.jpg")), "jpeg");
  EXPECT_EQ(image_format(picture("018_lossy.webp")), "webp");
  EXPECT_EQ(image_format(picture("022_palette.gif")), "gif");
  EXPECT_EQ(image_format("hello"), "");
}

// smart_resize of transformers 5.17 with factor 32, 65536 and 16777216 pixels.
TEST(SmartResize, RoundsAsTheReference) {
  const auto resized = [](int height, int width) {
    return smart_resize({height, width}, 32, 65536, 16777216, "x");
  };
  EXPECT_EQ(resized(480, 640), (ImageSize{480, 640}));
  EXPECT_EQ(resized(48, 80),
            (ImageSize{224, 352}));  // 1.5 and 2.5 blocks: halves to even, then grown
  EXPECT_EQ(resized(1, 200), (ImageSize{32, 3648}));
  EXPECT_EQ(resized(9000, 7000), (ImageSize{4640, 3584}));
  EXPECT_EQ(resized(1, 1), (ImageSize{256, 256}));
  EXPECT_THROW(resized(1, 201), Error);
}

// SHA-256 of what Pillow 12.3.0 (Image.resize, BICUBIC) and torchvision 0.29.2 (resize, BICUBIC,
// antialias=True) make of bytes i * (7 i + 1): noise, the hardest case for rounding.
TEST(ResizeBicubic, EqualsBothLibraries) {
  RgbImage image;
  image.height = 61;
  image.width = 47;
  for (int i = 0; i < image.height * image.width * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(std::int64_t{i} * i * 7 + i));
  }
  struct Case {
    int height, width;
    const char* pillow;
    const char* torchvision;
  };
  for (const Case& c : {
           Case{23, 31, "3115964f765fcfbdca8d60383a0131bf2bd4c39734bd8ab6e8e289ec05f284f6",
                "11136b6779e5bff816c65854759dddff1e953dfc919eb2b8c1af400d97a6c1b3"},
           Case{61, 20, "5eb7570582f9496ac9e570a38fbfc0618bd87a5f80e0c4b74bb3d7440ebcafd1",
                "33611466a422e166f74480fcd67f1554efd9efe6c194b2fb112e62178ea6270d"},
           Case{100, 47, "55e9d8bb1f4da5f875bf95f49205df0b7b70be68618547f5cf36dfc6e539fb3a",
                "22fb359182b85c9c655cf28f3f016d5bc9d7cfa5bd3ea540549eb97621b68904"},
           Case{150, 149, "a59c27cd590f19e2a481bf7052112d8c0a592e924403907c8020ffefd5a400a7",
                "be9e4e14017ae132827f4213c4227792a49802a7c5269778e69ca5ba25b0f98a"},
       }) {
    SCOPED_TRACE(c.height);
    EXPECT_EQ(hash_of(resize_bicubic(image, c.height, c.width, Resampler::kPillow).pixels),
              c.pillow);
    EXPECT_EQ(hash_of(resize_bicubic(image, c.height, c.width, Resampler::kTorchvision).pixels),
              c.torchvision);
  }
}

TEST(ReadImageProcessorConfig, TakesBothGenerationsOfKeysAndNamesBadOnes) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / "peira_preprocessor_config.json";
  const auto read = [&](const std::string& text) {
    std::ofstream(file) << text;
    return read_image_processor_config(file);
  };
  EXPECT_EQ(read(R"({"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14})").patch_size,
            14);
  EXPECT_EQ(read(R"({"size": {"shortest_edge": 3136, "longest_edge": 12845056}})").max_pixels,
            12845056);
  const auto problem = [&](const std::string& text) -> std::string {
    try {
      read(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(problem("[]").find("expected a JSON object"), std::string::npos);
  EXPECT_NE(problem(R"({"patch_size": 0})")
                .find("patch_size is 0, expected a whole number from 1 to 256"),
            std::string::npos);
  EXPECT_NE(problem(R"({"image_std": [1, 0, 1]})")
                .find("image_std is [1,0,1], expected three numbers above 0"),
            std::string::npos);
  EXPECT_NE(problem(R"({"resample": 2})").find("supported: 3 (bicubic)"), std::string::npos);
  EXPECT_NE(problem(R"({"min_pixels": 9, "max_pixels": 4})")
                .find("the fewest pixels are 9, the most only 4"),
            std::string::npos);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace peira::model
