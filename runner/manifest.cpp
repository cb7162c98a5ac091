#include "runner/manifest.h"

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "evals/comparison.h"

namespace peira::runner {
namespace {

// The most of a value that is shown to a person.
std::string shortened(const Json& value) {
  constexpr std::size_t kLongest = 160;
  std::string text = dump_json(value);
  if (text.size() <= kLongest) return text;
  std::size_t cut = kLongest;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "... (" + std::to_string(text.size()) + " bytes)";
}

Json value_of(const Json& manifest, const std::string& part) {
  const auto values = manifest.find("values");
  if (values == manifest.end() || !values->is_object()) return nullptr;
  const auto value = values->find(part);
  return value == values->end() ? Json(nullptr) : *value;
}

// Where two values differ, without what they share: objects are entered as long as only one of
// their members differs or the whole would be long.
void narrow(Json& a, Json& b, std::string& path) {
  while (a.is_object() && b.is_object()) {
    std::set<std::string> keys;
    for (const auto& item : a.items()) keys.insert(item.key());
    for (const auto& item : b.items()) keys.insert(item.key());
    std::vector<std::string> differing;
    for (const std::string& key : keys) {
      if (!a.contains(key) || !b.contains(key) || a[key] != b[key]) differing.push_back(key);
    }
    if (differing.size() != 1) {
      for (const std::string& key : keys) {
        if (std::find(differing.begin(), differing.end(), key) == differing.end()) {
          a.erase(key);
          b.erase(key);
        }
      }
      return;
    }
    const std::string& key = differing.front();
    Json inner_a = a.contains(key) ? a[key] : Json(nullptr);
    Json inner_b = b.contains(key) ? b[key] : Json(nullptr);
    path += "." + key;
    a = std::move(inner_a);
    b = std::move(inner_b);
  }
}

}  // namespace

const std::vector<std::string>& manifest_parts() {
  static const std::vector<std::string> parts{
      "weights",  "tokenizer", "template", "engine", "prompt", "dataset", "scorer",
      "sampling", "media",     "seed",     "epochs", "limit",  "method"};
  return parts;
}

Json make_manifest(const Json& values) {
  Json manifest{{"digests", Json::object()}, {"values", Json::object()}};
  const auto put = [&](const std::string& part, const Json& value) {
    manifest["values"][part] = value;
    manifest["digests"][part] = sha256_hex(dump_json(value));
  };
  for (const std::string& part : manifest_parts()) {
    put(part, values.contains(part) ? values[part] : Json(nullptr));
  }
  for (const auto& item : values.items()) put(item.key(), item.value());
  return manifest;
}

std::string manifest_identity(const Json& manifest) {
  return sha256_hex(dump_json(require(manifest, "digests", "manifest")));
}

std::string template_date(const Json& manifest) {
  const Json made_by = value_of(manifest, "template");
  if (!made_by.is_object()) return {};
  const auto date = made_by.find("date");
  return date != made_by.end() && date->is_string() ? date->get<std::string>() : std::string();
}

std::vector<std::string> explain_differences(const Json& a, const Json& b,
                                             const std::string& name_a, const std::string& name_b) {
  std::vector<std::string> lines;
  for (const std::string& part : evals::differing_parts(a, b)) {
    Json value_a = value_of(a, part);
    Json value_b = value_of(b, part);
    std::string path = part;
    narrow(value_a, value_b, path);
    path += ": " + shortened(value_a);
    path += " in " + name_a + ", ";
    path += shortened(value_b) + " in ";
    lines.push_back(path + name_b);
  }
  return lines;
}

Json prompt_value(const evals::Profile& profile, const evals::PromptVariant& variant,
                  const datasets::Sample& like, const Json& shots) {
  // Stand-ins for everything that comes from the data; the wording around them is what counts.
  const auto stand_in = [&](const std::string& name) {
    datasets::Sample sample;
    sample.id = name;
    sample.parts = {Part::from_text("{" + name + " question}")};
    for (std::size_t i = 0; i < like.choices.size(); ++i) {
      sample.choices.push_back("{" + name + " choice " + std::to_string(i) + "}");
    }
    sample.correct_choice = like.choices.empty() ? -1 : 0;
    sample.target = like.choices.empty() ? "1" : sample.choices.front();
    for (const auto& [key, value] : like.metadata) {
      std::string text = "{" + name;
      sample.metadata[key] = text.append(" ").append(key).append("}");
    }
    sample.cluster = name;
    if (like.subtitle_file != nullptr) sample.subtitles = "{" + name + " subtitles}";
    if (like.exercise != nullptr) {
      auto exercise = std::make_shared<datasets::Exercise>();
      exercise->name = name;
      exercise->files = {{"file", "{" + name + " file}\n", false}};
      exercise->editable = {"file"};
      sample.exercise = std::move(exercise);
    }
    return sample;
  };
  const datasets::Sample sample = stand_in("sample");
  std::vector<datasets::Sample> examples;
  examples.reserve(static_cast<std::size_t>(variant.num_shots));
  for (int i = 0; i < variant.num_shots; ++i) {
    examples.push_back(stand_in("shot " + std::to_string(i)));
  }
  evals::PromptRequest request;
  request.sample = &sample;
  request.shots = examples;
  for (int i = 0; i < static_cast<int>(sample.choices.size()); ++i) {
    request.permutation.push_back(i);
  }
  Json messages = Json::array();
  for (const Message& message : profile.prompt(request, variant)) {
    messages.push_back({{"role", message.role}, {"content", text_of(message)}});
  }
  static constexpr const char* kOrders[] = {"hashed", "gpqa-baseline", "simple-evals", "file"};
  return {{"variant", variant.name},
          {"messages", std::move(messages)},
          {"option_order", kOrders[static_cast<int>(profile.option_order)]},
          {"skipped_rows", profile.skipped_rows},
          {"shots", shots}};
}

Json scorer_value(const evals::Suite& suite, const evals::Profile& profile) {
  return {{"suite", suite.name},
          {"profile", profile.name},
          {"version", profile.version},
          {"source", profile.source}};
}

}  // namespace peira::runner
