// peira models: which families run, and what a checkpoint on disk is, needs and lacks.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "model/families/family.h"
#include "model/inspection.h"
#include "model/kv_cache.h"
#include "model/memory_plan.h"
#include "model/text/chat_template.h"
#include "model/text/tokenizer.h"
#include "reports/terminal_table.h"
#include "runner/cli/command.h"
#include "runner/cli/tables.h"
#include "runner/endpoints/open_model.h"

namespace peira::runner::cli {
namespace {

using model::shown_bytes;

int list(bool json) {
  if (json) {
    OrderedJson all = OrderedJson::array();
    for (const model::Family& family : model::families()) {
      all.push_back({{"model_type", std::string(family.model_type)},
                     {"architecture", std::string(family.class_name)}});
    }
    print_json(OrderedJson{{"families", std::move(all)}});
    return kPassed;
  }
  reports::Table table{.headers = {"model_type", "architecture"}, .rows = {}, .alignments = {}};
  for (const model::Family& family : model::families()) {
    table.rows.push_back({std::string(family.model_type), std::string(family.class_name)});
  }
  print(draw(table) + "\npeira models inspect DIR says what a checkpoint is and needs\n");
  return kPassed;
}

// 30532122624 -> "30.5 B".
std::string shown_count(std::int64_t count) {
  struct Unit {
    double size;
    const char* name;
  };
  for (const Unit unit : {Unit{1e9, " B"}, Unit{1e6, " M"}, Unit{1e3, " k"}}) {
    const double value = static_cast<double>(count) / unit.size;
    if (value >= 1) return fixed(value, value < 10 ? 2 : 1) + unit.name;
  }
  return std::to_string(count);
}

std::string layers_text(const model::ModelConfig& config) {
  std::array<int, 3> of_type{};
  int num_moe = 0;
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    ++of_type[static_cast<std::size_t>(config.layer_types[static_cast<std::size_t>(i)])];
    num_moe += config.is_moe_layer(i) ? 1 : 0;
  }
  std::string out = std::to_string(config.num_hidden_layers) + " layers";
  constexpr std::array kNames{"full attention", "sliding attention", "linear attention"};
  std::string kinds;
  for (std::size_t type = 0; type < kNames.size(); ++type) {
    if (of_type[type] == 0) continue;
    kinds += (kinds.empty() ? "" : ", ") + std::to_string(of_type[type]) + " " + kNames[type];
    if (type == 1) kinds += " (" + std::to_string(config.sliding_window) + ")";
  }
  out += ": " + kinds;
  if (num_moe > 0) {
    out += "; " + std::to_string(num_moe) + " with " + std::to_string(config.num_experts) +
           " experts, " + std::to_string(config.num_experts_per_tok) + " a token";
    if (config.shared_expert_intermediate_size > 0) out += " and a shared one";
  }
  return out;
}

std::string heads_text(const model::ModelConfig& config) {
  return "hidden " + std::to_string(config.hidden_size) + ", " +
         std::to_string(config.num_attention_heads) + " query and " +
         std::to_string(config.num_key_value_heads) + " key-value heads of " +
         std::to_string(config.head_dim);
}

// What stands beside text, and the tower that reads it.
std::vector<std::string> tower_texts(const model::ModelConfig& config) {
  std::vector<std::string> out;
  if (config.vision_config) {
    const model::VisionConfig& vision = *config.vision_config;
    out.push_back("pictures and videos: " + std::to_string(vision.depth) + " blocks of " +
                  std::to_string(vision.hidden_size) + ", patches of " +
                  std::to_string(vision.patch_size) + " pixels, " +
                  std::to_string(vision.merge_unit()) + " a token");
  }
  if (config.audio_config) {
    const model::AudioConfig& audio = *config.audio_config;
    out.push_back("sounds: " + std::to_string(audio.encoder_layers) + " layers of " +
                  std::to_string(audio.d_model) + ", " + std::to_string(audio.num_mel_bins) +
                  " mel bands");
  }
  return out;
}

std::string rope_text(const model::RopeParameters& rope) {
  std::string out = "rope theta " + fixed(rope.rope_theta, 0);
  if (rope.rope_type != "default") {
    out += ", " + rope.rope_type + " factor " + fixed(rope.factor, rope.factor < 10 ? 2 : 1);
  }
  return out;
}

// A part of the checkpoint, and what is wrong with it.
struct Part {
  std::string name;
  std::string text;     // what it is, when it loads
  std::string problem;  // why not, when it does not
};

Part inspect_tokenizer(const model::CheckpointFiles& files) {
  Part part{.name = "tokenizer", .text = "none: takes token ids only", .problem = {}};
  const auto text = files.open_text("tokenizer.json");
  if (!text) return part;
  try {
    const model::Tokenizer tokenizer(*text, files.where("tokenizer.json"));
    part.text =
        std::to_string(tokenizer.id_limit()) + " tokens, sha256 " + sha256_hex(*text).substr(0, 12);
  } catch (const Error& error) {
    part.problem = error.what();
  }
  return part;
}

Part inspect_template(const model::CheckpointFiles& files) {
  Part part{.name = "chat template", .text = "none: takes raw prompts only", .problem = {}};
  try {
    if (const auto chat = model::ChatTemplate::load(files)) {
      part.text = std::to_string(chat->source().size()) + " bytes, sha256 " +
                  sha256_hex(chat->source()).substr(0, 12);
    }
  } catch (const Error& error) {
    part.problem = error.what();
  }
  return part;
}

struct Precision {
  const char* name;
  std::int64_t bytes;
};

// Weights in memory as each --weights setting has them.
std::vector<Precision> weight_precisions(const model::WeightCount& count) {
  return {{"as stored", count.stored_bytes},
          {"bf16", 2 * count.parameters},
          {"int8", count.int8_bytes},
          {"int4", count.int4_bytes}};
}

std::vector<Precision> cache_precisions(const model::ModelConfig& config) {
  const auto per_token = [&](model::DType dtype) {
    return model::KvCache::page_bytes(config, dtype) / model::kKvPageTokens;
  };
  return {{"f32", per_token(model::DType::kF32)},
          {"bf16", per_token(model::DType::kBF16)},
          {"int8", per_token(model::DType::kI8)}};
}

OrderedJson as_json(const model::CheckpointFiles& files, const model::Inspection& found,
                    const std::vector<Part>& parts, bool loads) {
  OrderedJson out{{"name", files.name()}, {"loads", loads}};
  if (found.config) {
    const model::ModelConfig& config = *found.config;
    out["model_type"] = config.model_type;
    out["context"] = config.max_position_embeddings;
    out["vocab_size"] = config.vocab_size;
    out["layers"] = config.num_hidden_layers;
    out["hidden_size"] = config.hidden_size;
    out["num_experts"] = config.num_experts;
    out["num_experts_per_tok"] = config.num_experts_per_tok;
    out["dtype"] = config.dtype;
    out["modalities"] = {"text"};
    if (config.vision_config) {
      out["modalities"].push_back("image");
      out["modalities"].push_back("video");
    }
    if (config.audio_config) out["modalities"].push_back("audio");
    OrderedJson cache;
    for (const auto& [name, bytes] : cache_precisions(config)) cache[name] = bytes;
    out["cache_bytes_per_token"] = std::move(cache);
    out["state_bytes_per_sequence"] = model::KvCache::slot_bytes(config);
  }
  if (found.weights) {
    out["parameters"] = found.weights->parameters;
    out["active_parameters"] = found.weights->active_parameters;
    OrderedJson weights;
    for (const auto& [name, bytes] : weight_precisions(*found.weights)) weights[name] = bytes;
    out["weights_bytes"] = std::move(weights);
  }
  OrderedJson problems = OrderedJson::array();
  for (const Part& part : parts) {
    if (part.problem.empty()) {
      if (!part.text.empty()) out[part.name] = part.text;
    } else {
      problems.push_back({{"part", part.name}, {"problem", part.problem}});
    }
  }
  out["problems"] = std::move(problems);
  out["notes"] = found.notes;
  return out;
}

void print_text(const model::CheckpointFiles& files, const model::Inspection& found,
                const std::vector<Part>& parts) {
  reports::Table table{.headers = {files.name(), ""}, .rows = {}, .alignments = {}};
  const auto row = [&](const std::string& name, const std::string& text) {
    table.rows.push_back({name, text});
  };
  if (found.config) {
    const model::ModelConfig& config = *found.config;
    row("architecture", config.model_type + ", " + layers_text(config));
    row("", heads_text(config));
    for (const std::string& text : tower_texts(config)) row("", text);
    if (found.weights) {
      row("parameters", shown_count(found.weights->parameters) + ", of which " +
                            shown_count(found.weights->active_parameters) + " a token");
    }
    row("context", std::to_string(config.max_position_embeddings) + " tokens, " +
                       rope_text(config.rope_parameters));
    std::string text;
    if (found.weights) {
      for (const auto& [name, bytes] : weight_precisions(*found.weights)) {
        text += (text.empty() ? "" : ", ") + shown_bytes(bytes) + " " + name;
      }
      row("weights", text);
    }
    text.clear();
    for (const auto& [name, bytes] : cache_precisions(config)) {
      text += (text.empty() ? "" : ", ") + shown_bytes(bytes * config.max_position_embeddings) +
              " " + name;
    }
    row("cache", text + " for a full context");
    if (const std::int64_t state = model::KvCache::slot_bytes(config); state > 0) {
      row("state", shown_bytes(state) + " a sequence");
    }
  }
  for (const Part& part : parts) {
    if (!part.text.empty() || !part.problem.empty()) {
      row(part.name, part.problem.empty() ? part.text : "DOES NOT LOAD");
    }
  }
  print(draw(table));
  for (const std::string& text : found.notes) print("\nnote: " + text + "\n");
  for (const Part& part : parts) {
    if (!part.problem.empty()) print("\n" + part.name + ": " + part.problem + "\n");
  }
}

int inspect(const std::string& path, bool json) {
  const model::CheckpointFiles files = open_checkpoint(path);
  const model::Inspection found = model::inspect(files);
  const std::vector<Part> parts{{"config", "", found.config_problem},
                                {"weights", "", found.weights_problem},
                                inspect_tokenizer(files),
                                inspect_template(files)};
  bool loads = true;
  for (const Part& part : parts) loads = loads && part.problem.empty();
  if (json) {
    print_json(as_json(files, found, parts, loads));
  } else {
    print_text(files, found, parts);
  }
  return loads ? kPassed : static_cast<int>(ErrorCode::kData);
}

}  // namespace

Command add_models(CLI::App& root) {
  CLI::App* app = add_subcommand(root, "models", "List model families, inspect a checkpoint",
                                 R"(Examples  peira models
          peira models inspect ./Qwen3-30B-A3B
          peira models inspect bundled --json
inspect   exits with 3 when a part would not load, and says which and why)");
  app->require_subcommand(0, 1);
  struct Flags {
    std::string path;
    bool json = false;
  };
  const auto flags = std::make_shared<Flags>();
  app->add_flag("--json", flags->json, "one JSON object");
  CLI::App* list_app = app->add_subcommand("list", "The families of models that run");
  CLI::App* inspect_app = app->add_subcommand(
      "inspect", "What a checkpoint is, the memory it needs, and what would not load");
  inspect_app->add_option("DIR", flags->path, "a checkpoint, or bundled")->required();
  for (CLI::App* one : {list_app, inspect_app}) {
    one->add_flag("--json", flags->json, "one JSON object");
  }
  return {app, [=] {
            if (inspect_app->parsed()) return inspect(flags->path, flags->json);
            return list(flags->json);
          }};
}

}  // namespace peira::runner::cli
