#include <gmock/gmock.h>
#include <zlib.h>

#include <optional>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/json.h"
#include "datasets/date_window.h"
#include "datasets/program.h"
#include "tests/datasets/support.h"

namespace peira::datasets {
namespace {

using testing::HasSubstr;

// benchmarks.md 4.3.
constexpr const char* kVector =
    "eJxrYJlqxwABPVbR1UqZeQWlJUpWCkqGCkYxeUo6Ckr5pSVQIWOIQElqcUlJZUEqSKi4JCUzT6k2dooeALEqFJ0=";

std::string deflated(const std::string& text) {
  uLongf size = compressBound(static_cast<uLong>(text.size()));
  std::string out(size, '\0');
  EXPECT_EQ(compress(reinterpret_cast<Bytef*>(out.data()), &size,
                     reinterpret_cast<const Bytef*>(text.data()), static_cast<uLong>(text.size())),
            Z_OK);
  out.resize(size);
  return out;
}

std::string packed(const std::string& pickle) { return to_base64(deflated(pickle)); }

// A pickle of `text` as protocol 4 writes it; `opcode` and its length bytes may be others.
std::string pickle_of(const std::string& text) {
  return std::string("\x80\x04\x8c", 3) + static_cast<char>(text.size()) + text + "\x94.";
}

std::string refusal(const std::string& cell) {
  return error_of(ErrorCode::kData, [&] { read_tests(cell, "row 3"); });
}

TEST(PackedTests, ReadsTheDocumentedVector) {
  const std::vector<ProgramTest> tests = read_tests(kVector, "t");
  ASSERT_EQ(tests.size(), 1U);
  EXPECT_EQ(tests[0].input, "1 2\n");
  EXPECT_EQ(tests[0].output, "3\n");
}

TEST(PackedTests, ReadsEveryFormOfOneText) {
  const std::string text = "[]";
  const std::string forms[] = {
      std::string("\x80\x02X\x02\0\0\0", 7) + text + std::string("q\0.", 3),
      std::string("\x80\x03X\x02\0\0\0", 7) + text + std::string("r\0\0\0\0.", 6),
      std::string("\x80\x04\x95\x06\0\0\0\0\0\0\0\x8c\x02", 13) + text + "\x94.",
      std::string("\x80\x05\x8d\x02\0\0\0\0\0\0\0", 11) + text + "."};
  for (const std::string& form : forms) EXPECT_EQ(unpack_tests(packed(form), "t"), text);
}

TEST(PackedTests, RefusesAnyOtherPickle) {
  // os.system("true") as a pickle carries it out, and a list of a text.
  EXPECT_THAT(refusal(packed(std::string("cos\nsystem\n(S'true'\ntR.", 23))),
              HasSubstr("no pickle"));
  EXPECT_THAT(refusal(packed(std::string("\x80\x04"
                                         "cos\nsystem\n",
                                         13))),
              HasSubstr("row 3: tests are not packed as the official files pack them: pickle "
                        "opcode 0x63 stands where the opcode of a text belongs"));
  EXPECT_THAT(refusal(packed(std::string("\x80\x04]\x94\x8c\x02[]\x94"
                                         "a.",
                                         11))),
              HasSubstr("opcode 0x5d"));
  EXPECT_THAT(refusal(packed(pickle_of("[]") + ".")), HasSubstr("bytes follow the pickle"));
  EXPECT_THAT(refusal(packed(std::string("\x80\x04\x8c\x02[]\x94\x85.", 9))),
              HasSubstr("opcode 0x85 stands where the end belongs"));
  EXPECT_THAT(refusal(packed(std::string("\x80\x04\x8c\x09[]", 6))), HasSubstr("9 bytes where 2"));
  EXPECT_THAT(refusal(packed(std::string("\x80\x04\x95\x63\0\0\0\0\0\0\0\x8c\x02[]\x94.", 17))),
              HasSubstr("a frame of 99 bytes"));
  EXPECT_THAT(refusal(packed(std::string("\x80\x09", 2))), HasSubstr("pickle protocol 9"));
  EXPECT_THAT(refusal(packed(std::string("\x80", 1))), HasSubstr("ends before its protocol"));
}

TEST(PackedTests, RefusesWhatIsNotBase64OfZlib) {
  EXPECT_THAT(refusal("no base64!"), HasSubstr("neither a JSON list nor base64"));
  EXPECT_THAT(refusal(""), HasSubstr("neither a JSON list nor base64"));
  EXPECT_THAT(refusal(std::string(kVector) + "\n"), HasSubstr("neither a JSON list nor base64"));
  EXPECT_THAT(refusal(to_base64("plain text")), HasSubstr("zlib"));
  const std::string stream = deflated(pickle_of("[]"));
  EXPECT_THAT(refusal(to_base64(stream.substr(0, stream.size() - 6))), HasSubstr("is cut"));
  EXPECT_THAT(refusal(to_base64(stream + "x")), HasSubstr("bytes follow the zlib stream"));
}

TEST(PackedTests, RefusesEveryCutAndChangedByteOrReadsTheSame) {
  const std::string pickle = pickle_of(R"([{"input": "1", "output": "2", "testtype": "stdin"}])");
  for (std::size_t cut = 0; cut < pickle.size(); ++cut) {
    EXPECT_NE(refusal(packed(pickle.substr(0, cut))), "");
  }
  for (std::size_t i = 0; i < pickle.size(); ++i) {
    for (const char c : {'\0', '\xff', '"', '.', 'R'}) {
      std::string changed = pickle;
      changed[i] = c;
      try {
        read_tests(packed(changed), "t");
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kData);
      }
    }
  }
}

TEST(TestList, ReadsTextsOfPython) {
  const auto tests = read_tests(
      R"( [ {"testtype":"functional","output":"\ud83d\ude00\u00e4\ud800x","input":"a\n\t\"\\\/"} , )"
      R"({"input": "", "output": "", "testtype": "stdin"} ] )",
      "t");
  ASSERT_EQ(tests.size(), 2U);
  EXPECT_EQ(tests[0].input, "a\n\t\"\\/");
  EXPECT_EQ(tests[0].output, "\xF0\x9F\x98\x80\xC3\xA4\xED\xA0\x80x");
}

TEST(TestList, RefusesOtherShapes) {
  const auto one = [](const std::string& fields) { return refusal("[{" + fields + "}]"); };
  EXPECT_THAT(one(R"("input": "", "output": "")"), HasSubstr("row 3: test 1: no \"testtype\""));
  EXPECT_THAT(one(R"("input": "", "output": "", "testtype": "file")"),
              HasSubstr("testtype \"file\""));
  EXPECT_THAT(one(R"("input": 1, "output": "", "testtype": "stdin")"),
              HasSubstr("a text is needed"));
  EXPECT_THAT(one(R"("input": "", "input": "")"), HasSubstr("\"input\" stands twice"));
  EXPECT_THAT(one(R"("extra": "")"), HasSubstr("a test has no \"extra\""));
  EXPECT_THAT(refusal("[{\"input\": \"a\nb\"}]"), HasSubstr("control character"));
  EXPECT_THAT(refusal("[{\"input\": \"a"), HasSubstr("is not closed"));
  EXPECT_THAT(refusal("[] x"), HasSubstr("text follows the list"));
  EXPECT_THAT(refusal(R"([{"input": "\x41"}])"), HasSubstr("unknown escape"));
  EXPECT_THAT(refusal(R"([{"input": "\u12"}])"), HasSubstr("hexadecimal"));
}

// One row of a file; `changes` replaces columns.
std::string row(const Json& changes = Json::object()) {
  Json fields{{"question_title", "T"},     {"question_content", "Add.\n"},
              {"platform", "atcoder"},     {"question_id", "q1"},
              {"contest_id", "c1"},        {"contest_date", "2024-10-05T18:30:00"},
              {"starter_code", ""},        {"difficulty", "easy"},
              {"public_test_cases", "[]"}, {"private_test_cases", kVector},
              {"metadata", "{}"}};
  for (const auto& item : changes.items()) fields[item.key()] = item.value();
  return dump_json(fields) + "\n";
}

TEST(LiveCodeBench, ReadsARow) {
  const std::string text = row() + row({{"question_id", "q2"},
                                        {"platform", "leetcode"},
                                        {"starter_code", "class Solution:"},
                                        {"metadata", R"({"func_name": "f"})"}});
  const auto samples = samples_of(dataset_of("livecodebench", text));
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].id, "q1");
  EXPECT_EQ(samples[0].parts.front().text, "Add.\n");
  EXPECT_EQ(samples[0].metadata.at("month"), "2024-10");
  EXPECT_EQ(samples[0].target, "passes 1 tests");
  ASSERT_NE(samples[0].program, nullptr);
  EXPECT_FALSE(samples[0].program->is_function());
  EXPECT_EQ(samples[0].program->tests().front().output, "3\n");
  EXPECT_EQ(samples[1].program->function_name, "f");
  EXPECT_EQ(samples[1].program->starter_code, "class Solution:");
}

TEST(LiveCodeBench, RefusesABadRowBeforeAnythingIsAsked) {
  const auto error = [](const Json& changes) {
    return error_of(ErrorCode::kData, [&] {
      count_samples(dataset_of("livecodebench", row() + row(changes), "lcb"));
    });
  };
  EXPECT_THAT(error({{"question_id", "q1"}}), HasSubstr("duplicate sample id \"q1\""));
  EXPECT_THAT(error({{"question_id", "b"}, {"private_test_cases", "gASVAA=="}}),
              HasSubstr("lcb:2: private_test_cases: tests are not packed"));
  EXPECT_THAT(error({{"question_id", "b"}, {"contest_date", "yesterday"}}),
              HasSubstr("lcb:2: contest_date: \"yesterday\" is not a date"));
  EXPECT_THAT(error({{"question_id", "b"}, {"difficulty", "hardest"}}),
              HasSubstr("difficulty \"hardest\"; known are easy, medium, hard"));
  EXPECT_THAT(error({{"question_id", "b"}, {"metadata", 7}}),
              HasSubstr("\"metadata\" is not a text"));
  EXPECT_THAT(error({{"question_id", "b"}, {"metadata", "[]"}}),
              HasSubstr("a JSON object is needed"));
}

TEST(LiveCodeBench, NamesProblemsKnownToBeFaulty) {
  const TemporaryFolder folder;
  const auto path = folder.write("test.jsonl", row({{"question_id", "abc337_e"}}) +
                                                   row({{"question_title", "Find the Peaks!"}}) +
                                                   row({{"question_id", "q2"}}));
  const auto samples = samples_of(find_dataset(path.string(), ""));
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[0].metadata.at("errata"), "interactive");
  EXPECT_EQ(samples[1].metadata.at("errata"), "several answers right");
  EXPECT_EQ(samples[2].metadata.at("errata"), "none");
}

TEST(LiveCodeBench, ReadsAFolderOfFilesAsOne) {
  const TemporaryFolder folder;
  folder.write("test.jsonl", row());
  folder.write("test2.jsonl", row({{"question_id", "q2"}}));
  folder.write("test4.jsonl", row({{"question_id", "q4"}}));
  const DatasetFile file = find_dataset(folder.path().string(), "livecodebench");
  const auto samples = samples_of(file);
  ASSERT_EQ(samples.size(), 2U);  // test3.jsonl is missing, so the row ends
  EXPECT_EQ(samples[1].id, "q2");
  EXPECT_EQ(samples[1].row, 1);
  EXPECT_EQ(file.name, "livecodebench_v1_v2");
  EXPECT_NE(digest_of(file), digest_of(find_dataset((folder.path() / "test.jsonl").string(), "")));
}

TEST(LiveCodeBench, SampleSetIsWhole) {
  const auto samples = samples_of(find_dataset("livecodebench-sample", ""));
  ASSERT_EQ(samples.size(), 400U);
  for (const Sample& sample : samples) EXPECT_EQ(sample.program->tests().size(), 8U) << sample.id;
}

TEST(DateWindow, IncludesBothMidnights) {
  const DateWindow window = parse_window("2024-10-01", "2024-10-31");
  EXPECT_TRUE(window.contains("2024-10-01T00:00:00"));
  EXPECT_FALSE(window.contains("2024-09-30T23:59:59"));
  EXPECT_TRUE(window.contains("2024-10-31T00:00:00"));
  EXPECT_FALSE(window.contains("2024-10-31T00:00:01"));
  EXPECT_TRUE(parse_window("", "").is_open());
}

TEST(DateWindow, RefusesWhatIsNoDay) {
  for (const char* const text :
       {"2024-13-01", "2023-02-29", "2024-1-1", "tomorrow", "2024-10-01T00"}) {
    EXPECT_THAT(error_of(ErrorCode::kUsage, [&] { parse_window(text, ""); }),
                HasSubstr("not a day"));
  }
  EXPECT_THAT(error_of(ErrorCode::kUsage, [] { parse_window("2024-02-01", "2024-01-01"); }),
              HasSubstr("no day lies between them"));
}

TEST(DateWindow, ReadsIsoTimes) {
  EXPECT_EQ(iso_time("2024-08-03", "t"), "2024-08-03T00:00:00");
  EXPECT_EQ(iso_time("2024-08-03 18:30", "t"), "2024-08-03T18:30:00");
  EXPECT_EQ(iso_time("2024-08-03T18:30:05.250", "t"), "2024-08-03T18:30:05");
  for (const char* const text :
       {"", "2024-08-03T", "2024-08-03T25:00:00", "2024-08-03T18:30:00Z"}) {
    EXPECT_THAT(error_of(ErrorCode::kData, [&] { iso_time(text, "t"); }),
                HasSubstr("is not a date"));
  }
}

}  // namespace
}  // namespace peira::datasets
