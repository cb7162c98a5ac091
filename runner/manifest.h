// What a run is made of: one digest per part, and what was digested. Equal manifests, equal bytes.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "evals/suite.h"

namespace peira::runner {

// The parts, in the order they are told to people: weights, tokenizer, template, engine, prompt,
// dataset, scorer, sampling, media, seed, epochs, limit, method.
const std::vector<std::string>& manifest_parts();

// A further part, "response_format", is there when replies are held to a form; left away otherwise,
// so that the identities of other runs are what they were before there were forms.

// {"digests": {part: sha256 of the value's dump}, "values": {part: value}} of `values`.
// A value may be anything; a part that is missing is null.
Json make_manifest(const Json& values);

// SHA-256 over all digests: equal exactly for manifests whose parts are all equal.
std::string manifest_identity(const Json& manifest);

// The date that the prompts of a run were told by their template; "" where they were told none.
std::string template_date(const Json& manifest);

// One line per differing part with both values, shortened where long:
//   sampling: {"temperature":0.0} in A, {"temperature":0.7} in B
std::vector<std::string> explain_differences(const Json& a, const Json& b,
                                             const std::string& name_a, const std::string& name_b);

// The manifest value that stands for a prompt: the messages `profile` makes in `variant` of a
// stand-in sample shaped like `like` (as many options, the same metadata keys), so that a changed
// byte of the wording changes the digest and another dataset does not.
// shots  where few-shot examples come from, null when there are none.
Json prompt_value(const evals::Profile& profile, const evals::PromptVariant& variant,
                  const datasets::Sample& like, const Json& shots);

// {"suite", "profile", "version", "source"}.
Json scorer_value(const evals::Suite& suite, const evals::Profile& profile);

}  // namespace peira::runner
