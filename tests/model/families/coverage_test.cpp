// Every tensor of a checkpoint is used or named in an error: over what published checkpoints hold
// (tests/golden/published), and over a tiny one of each family with one tensor wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "model/inspection.h"
#include "tests/model/edited_checkpoint.h"

namespace peira::model {
namespace {

using test::EditedCheckpoint;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// --- published names and shapes ---

const Json& published() {
  static const std::filesystem::path path =
      std::filesystem::path(PEIRA_SOURCE_DIR) / "tests/golden/published/checkpoints.json";
  static const Json read = parse_json(read_file(path), path.string());
  return read.at("checkpoints");
}

std::string with_number(std::string text, const std::string& mark, std::int64_t number) {
  const std::size_t at = text.find(mark);
  return at == std::string::npos ? text : text.replace(at, mark.size(), std::to_string(number));
}

// The header that `patterns` (make_published.py) describe, and no byte of data: the file is as long
// as it says, with nothing on the disk behind it.
void write_hollow(const std::filesystem::path& file, const Json& patterns) {
  Json header = Json::object();
  std::int64_t end = 0;
  const auto add = [&](const std::string& name, const std::string& dtype, const Json& shape) {
    std::int64_t size = dtype == "BF16" ? 2 : 1;
    for (const Json& axis : shape) size *= axis.get<std::int64_t>();
    header[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {end, end + size}}};
    end += size;
  };
  for (const Json& row : patterns) {
    const std::vector<std::int64_t> layers =
        row[3].empty() ? std::vector<std::int64_t>{0} : row[3].get<std::vector<std::int64_t>>();
    for (const std::int64_t layer : layers) {
      const std::string name = with_number(row[0].get<std::string>(), "{0}", layer);
      for (std::int64_t expert = 0; expert < std::max<std::int64_t>(row[4].get<std::int64_t>(), 1);
           ++expert) {
        add(with_number(name, "{1}", expert), row[1].get<std::string>(), row[2]);
      }
    }
  }
  std::string text = dump_json(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::ofstream out(file, std::ios::binary);
  for (int i = 0; i < 8; ++i) out.put(static_cast<char>(text.size() >> (8 * i) & 0xFF));
  out << text;
  out.close();
  std::filesystem::resize_file(file, 8 + text.size() + static_cast<std::uintmax_t>(end));
}

class Published : public ::testing::TestWithParam<std::string> {};

TEST_P(Published, TensorsAreAllUsedAndNoneIsMissing) {
  const Json& checkpoint = published().at(GetParam());
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() /
      ("peira_published_" + std::to_string(::getpid()) + "_" + GetParam());
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << dump_json(checkpoint.at("config"));
  write_hollow(folder / "model.safetensors", checkpoint.at("tensors"));

  const Inspection found = inspect(CheckpointFiles::folder(folder));

  std::filesystem::remove_all(folder);
  EXPECT_EQ(found.config_problem, "");
  EXPECT_EQ(found.weights_problem, "");
  ASSERT_TRUE(found.weights.has_value());
  EXPECT_EQ(found.weights->parameters, checkpoint.at("parameters").get<std::int64_t>());
}

std::vector<std::string> published_names() {
  std::vector<std::string> out;
  for (const auto& [name, checkpoint] : published().items()) out.push_back(name);
  return out;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& param) {
  std::string out;
  for (const char c : param.param) out += c == '-' || c == '.' ? '_' : c;
  return out;
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Published, ::testing::ValuesIn(published_names()), test_name);

// --- one tensor wrong ---

// Parts of a checkpoint that do not run, whatever they are.
bool is_left_out(const std::string& name) {
  return name.starts_with("mtp.") || name.starts_with("vision_tower.") ||
         name.starts_with("multi_modal_projector.");
}

class OneTensorWrong : public ::testing::TestWithParam<std::string> {};

TEST_P(OneTensorWrong, ExtraOnesAreNamed) {
  EditedCheckpoint checkpoint(GetParam());
  ASSERT_EQ(checkpoint.problem(), "no error");
  checkpoint.tensors.push_back({"model.layers.0.stray.weight", "BF16", {2}, std::string(4, '\0')});
  EXPECT_THAT(checkpoint.problem(),
              AllOf(HasSubstr("1 tensors are no part of the model"),
                    HasSubstr("model.layers.0.stray.weight"), HasSubstr("peira_edited_")));
}

TEST_P(OneTensorWrong, MissingOnesAreNamed) {
  const EditedCheckpoint whole(GetParam());
  for (const EditedCheckpoint::Stored& stored : whole.tensors) {
    if (is_left_out(stored.name)) continue;
    EditedCheckpoint checkpoint = whole;
    checkpoint.remove(stored.name);
    // Which layout experts have is told by one of their tensors: without it, others are missed.
    EXPECT_THAT(checkpoint.problem(), AllOf(HasSubstr("missing"), HasSubstr("peira_edited_"),
                                            AnyOf(HasSubstr(stored.name), HasSubstr(".experts."))));
  }
}

TEST_P(OneTensorWrong, OtherShapesAreNamed) {
  const EditedCheckpoint whole(GetParam());
  for (std::size_t i = 0; i < whole.tensors.size(); ++i) {
    if (is_left_out(whole.tensors[i].name)) continue;
    EditedCheckpoint checkpoint = whole;
    checkpoint.tensors[i].shape.insert(checkpoint.tensors[i].shape.begin(), 1);
    EXPECT_THAT(checkpoint.problem(),
                AllOf(HasSubstr("model.safetensors: tensor " + whole.tensors[i].name),
                      HasSubstr("has shape [1,"), HasSubstr("asks for [")));
  }
}

TEST_P(OneTensorWrong, OtherTypesAreNamed) {
  const EditedCheckpoint whole(GetParam());
  for (std::size_t i = 0; i < whole.tensors.size(); ++i) {
    if (is_left_out(whole.tensors[i].name)) continue;
    EditedCheckpoint checkpoint = whole;
    std::string& dtype = checkpoint.tensors[i].dtype;
    const bool is_byte = dtype == "U8" || dtype == "F8_E4M3";
    dtype = dtype == "F32" ? "I32" : is_byte ? "I8" : "I16";
    EXPECT_THAT(checkpoint.problem(),
                AllOf(HasSubstr("model.safetensors: tensor " + whole.tensors[i].name),
                      HasSubstr("is " + dtype)));
  }
}

INSTANTIATE_TEST_SUITE_P(Families, OneTensorWrong,
                         ::testing::Values("gqa", "qwen3", "qwen3_fp8", "qwen3_next",
                                           "qwen3_next_fp8", "gpt_oss_mxfp4", "gpt_oss_bf16",
                                           "mixtral", "olmoe", "olmoe_input_major", "fused",
                                           "llama3", "gemma3_text", "gemma3", "qwen2_moe"),
                         test_name);

}  // namespace
}  // namespace peira::model
