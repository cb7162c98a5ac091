#include "runner/run_plan.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/error.h"
#include "evals/comparison.h"
#include "evals/prompt_strategies.h"
#include "runner/code_desk.h"
#include "runner/judge.h"
#include "runner/manifest.h"
#include "runner/pdf_parts.h"
#include "runner/request_key.h"
#include "runner/revision.h"
#include "runner/sandbox/sandbox.h"

namespace peira::runner {
namespace {

Plan make_plan(ModelClient& model, const RunOptions& options) {
  const auto usage = [](const std::string& message) { throw Error(ErrorCode::kUsage, message); };
  if (options.epochs < 1) usage("--epochs must be at least 1");
  if (options.limit && *options.limit < 1) usage("--limit must be at least 1");
  if (options.max_tokens && *options.max_tokens < 1) usage("--max-tokens must be at least 1");
  if (options.timeout_s && !(*options.timeout_s > 0)) usage("--timeout must be above 0 seconds");
  if (options.retries < 0) usage("--retries must not be negative");
  if (options.method != "generate" && options.method != "loglikelihood") {
    usage("--method " + options.method + ": no such method\n  one of: generate, loglikelihood");
  }

  Plan plan;
  plan.profile = &options.suite.profile(options.profile);
  check_judge(options.suite, *plan.profile, options.judge);
  plan.variant = options.variant;
  plan.by_likelihood = options.method == "loglikelihood";
  if (plan.by_likelihood) {
    if (!plan.profile->option_continuation) {
      usage("--method loglikelihood: suite " + options.suite.name +
            " has no options to choose from\n  try: --method generate");
    }
    // The official wording asks for work before the answer; likelihood looks at the answer alone.
    if (plan.variant.name.empty() || plan.variant.name == "official") {
      plan.variant = evals::parse_variant("direct");
    }
  }
  if (plan.variant.name.empty()) plan.variant = evals::parse_variant("official");
  plan.sampling = options.sampling.over(model.default_sampling());
  plan.max_tokens = options.max_tokens.value_or(options.suite.default_max_tokens);
  if (!plan.by_likelihood) {
    plan.format = options.response_format.value_or(plan.profile->format_of(plan.variant));
    model.prepare(plan.format);
  } else if (options.response_format && !options.response_format->is_free()) {
    usage(options.response_format->where +
          ": nothing is written under --method loglikelihood that could have a form");
  }

  const std::optional<datasets::Sample> first = options.samples.open()->next();
  if (!first) {
    throw Error(ErrorCode::kData, options.samples.name + ": holds no samples");
  }
  if (const auto misfit = evals::strategy_misfit(plan.variant, *first)) {
    usage("--prompt " + plan.variant.name + " " + *misfit);
  }
  if (plan.by_likelihood && first->choices.empty()) {
    usage("--method loglikelihood: " + options.samples.name +
          " has no options to choose from\n  try: --method generate");
  }

  if (first->subtitle_file != nullptr) {
    plan.subtitles = std::make_shared<SubtitleDesk>(
        model, options.subtitles.value_or(datasets::SubtitleSelection()));
  }

  plan.warnings = model.notes();
  Json shots = nullptr;
  if (plan.variant.num_shots > 0) {
    shots = {{"num", plan.variant.num_shots},
             {"pool", options.shots ? options.shots->identity : Json("same file")}};
    if (!options.shots) {
      plan.warnings.push_back(
          "few-shot examples come from the evaluated file: never the sample itself, but other "
          "samples' answers are shown (--shots FILE takes them from elsewhere)");
    }
  }
  if (!plan.by_likelihood && options.epochs > 1 && plan.sampling.temperature == 0 &&
      (first->choices.empty() || plan.profile->option_order == evals::OptionOrder::kGpqaBaseline)) {
    plan.warnings.push_back("temperature is 0: all " + std::to_string(options.epochs) +
                            " epochs of a sample will be equal");
  }

  Json values = Json::object();
  const Json identity = model.identity();
  for (const auto& item : identity.items()) values[item.key()] = item.value();
  plan.model_identity = dump_json(identity);
  const bool shows_video =
      std::any_of(first->parts.begin(), first->parts.end(),
                  [](const Part& part) { return part.kind == PartKind::kVideo; });
  if (const Json video = shows_video ? model.video_settings() : Json(nullptr); !video.is_null()) {
    values["media"]["video"] = video;
    plan.model_identity += dump_json(video);
    if (video.value("sent", "") == "frames") {
      plan.warnings.push_back("videos are sent as " + dump_json(video["frames"]) +
                              " frames each, as pictures and without sound (--endpoint-video)");
    }
  }
  if (std::any_of(first->parts.begin(), first->parts.end(), is_pdf_part)) {
    values["media"]["pdf"] = pdf_settings();
  }
  values["prompt"] = prompt_value(*plan.profile, plan.variant, *first, shots);
  if (plan.subtitles != nullptr) values["prompt"]["subtitles"] = plan.subtitles->value();
  values["dataset"] = options.samples.identity;
  values["scorer"] = scorer_value(options.suite, *plan.profile);
  if (plan.profile->code != nullptr) {
    plan.programs = open_code_runner({.unsafe_no_sandbox = options.unsafe_no_sandbox});
    values["scorer"]["execution"] = execution_value(*plan.profile->code, *plan.programs);
    if (options.unsafe_no_sandbox) {
      plan.warnings.push_back("programs ran without a sandbox (--unsafe-no-sandbox)");
    }
  }
  if (!plan.by_likelihood) {
    values["sampling"] = sampling_json(plan.sampling);
    values["sampling"]["max_tokens"] = plan.max_tokens;
    values["sampling"]["stop"] = options.stop;
  }
  if (!plan.format.is_free()) values["response_format"] = canonical_json(plan.format);
  if (!values.contains("media")) values["media"] = nullptr;  // the model's, where it takes some
  values["seed"] = options.seed;
  values["epochs"] = options.epochs;
  values["limit"] = options.limit ? Json(*options.limit) : Json(nullptr);
  values["method"] = options.method;
  if (options.judge != nullptr) values["judge"] = options.judge->value();
  if (options.control != nullptr) {
    values["stop"] = options.control->manifest_value(options.arm_identity);
  }

  RunInfo& info = plan.info;
  info.manifest = make_manifest(values);
  info.identity = manifest_identity(info.manifest);
  put_revision(revision_of("."), info.manifest);
  info.suite = options.suite.name;
  info.profile = plan.profile->name;
  info.variant = plan.variant.name;
  info.model = model.name();
  info.dataset = options.samples.name;
  info.method = options.method;
  info.epochs = options.epochs;
  info.seed = options.seed;
  info.restricted = options.samples.restricted;
  info.breakdowns = options.suite.breakdowns;
  info.warnings = plan.warnings;
  return plan;
}

// Whether two manifests differ in that date at most.
bool agree_but_for_date(const Json& a, const Json& b) {
  for (const std::string& part : evals::differing_parts(a, b)) {
    Json template_a = a["values"].value(part, Json(nullptr));
    Json template_b = b["values"].value(part, Json(nullptr));
    if (part != "template" || !template_a.is_object() || !template_b.is_object()) return false;
    template_a.erase("date");
    template_b.erase("date");
    if (template_a != template_b) return false;
  }
  return true;
}

}  // namespace

Plan make_dated_plan(const Store& store, ModelClient& model, const RunOptions& options) {
  const std::string today = model.opening_date();
  if (today.empty()) return make_plan(model, options);
  model.set_date(today);
  Plan plan = make_plan(model, options);
  if (options.resume == Resume::kNew) return plan;
  const std::string id = options.resume == Resume::kRun ? options.resume_run : options.name;
  for (const RunInfo& run : store.runs()) {
    const bool is_meant = id.empty() ? !run.complete && run.rescored_from.empty() : run.id == id;
    if (!is_meant || !agree_but_for_date(run.manifest, plan.info.manifest)) continue;
    if (const std::string date = template_date(run.manifest); date != today) {
      model.set_date(date);
      return make_plan(model, options);
    }
    break;
  }
  return plan;
}

}  // namespace peira::runner
