// A golden checkpoint with something changed, in a folder of its own: for tests of what is refused.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "model/engine.h"
#include "model/inspection.h"
#include "model/safetensors.h"
#include "tests/model/golden.h"

namespace peira::test {

class EditedCheckpoint {
 public:
  struct Stored {
    std::string name;
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::string bytes;
  };
  Json config;
  std::vector<Stored> tensors;

  // `name`: a folder of tests/golden/tiny whose tensors lie in one file.
  explicit EditedCheckpoint(const std::string& name) : EditedCheckpoint(golden_folder(name)) {}
  // A literal would be a path as well as a name.
  explicit EditedCheckpoint(const char* name) : EditedCheckpoint(std::string(name)) {}
  explicit EditedCheckpoint(const std::filesystem::path& from)
      : config(parse_json(read_file(from / "config.json"), from.string())) {
    const std::string name = from.filename().string();
    const std::string file = read_file(from / "model.safetensors");
    for (const model::StoredTensor& tensor :
         model::parse_safetensors(std::as_bytes(std::span(file.data(), file.size())), name)) {
      tensors.push_back(
          {tensor.name, tensor.dtype, tensor.shape,
           std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size())});
    }
  }

  Stored& tensor(const std::string& name) {
    for (Stored& stored : tensors) {
      if (stored.name == name) return stored;
    }
    throw Error(ErrorCode::kInternal, "the test's checkpoint has no " + name);
  }
  void remove(const std::string& name) {
    tensor(name);
    std::erase_if(tensors, [&](const Stored& stored) { return stored.name == name; });
  }

  // What inspect() says against its configuration and weights; "no error" where they load.
  std::string problem() const {
    const std::filesystem::path folder = write();
    const model::Inspection found = model::inspect(model::CheckpointFiles::folder(folder));
    std::filesystem::remove_all(folder);
    const std::string message = found.config_problem + found.weights_problem;
    return message.empty() ? "no error" : message;
  }

  // What loading it says; "no error" where it loads.
  std::string error() const {
    const std::filesystem::path folder = write();
    std::string message = "no error";
    try {
      const model::Engine engine(model::CheckpointFiles::folder(folder), {});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kData);
      message = error.what();
    }
    std::filesystem::remove_all(folder);
    return message;
  }

 private:
  // Returns the folder.
  std::filesystem::path write() const {
    std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    for (char& c : test) c = c == '/' ? '_' : c;
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() /
        ("peira_edited_" + std::to_string(::getpid()) + "_" + test);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "config.json") << dump_json(config);
    Json header = Json::object();
    std::string data;
    for (const Stored& stored : tensors) {
      const std::size_t first = data.size();
      data += stored.bytes;
      header[stored.name] = {
          {"dtype", stored.dtype}, {"shape", stored.shape}, {"data_offsets", {first, data.size()}}};
    }
    std::string text = dump_json(header);
    text.resize((text.size() + 7) / 8 * 8, ' ');
    std::ofstream out(folder / "model.safetensors", std::ios::binary);
    for (int i = 0; i < 8; ++i) out.put(static_cast<char>(text.size() >> (8 * i) & 0xFF));
    out << text << data;
    return folder;
  }
};

}  // namespace peira::test
