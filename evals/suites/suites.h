// One function a shipped suite; registry.cpp lists them.
#pragma once

#include <string>

#include "evals/suite.h"

namespace peira::evals {

// GPQA: graduate-level multiple choice. Profiles simple-evals (default) and official.
Suite gpqa_suite();

// AIME: integer answers from 0 to 999. Profiles official (MathArena) and math-verify.
Suite aime_suite();

// Humanity's Last Exam. Profiles official (judged by a model) and hle-rule (offline, ours).
// text_only   "hle-text": without the questions that have a picture.
Suite hle_suite(bool text_only);
// Aider's polyglot benchmark: a profile for each edit format, whole (default), diff, diff-fenced.
Suite aider_suite();

// LiveCodeBench, code generation: programs judged by tests. Profiles official and fixed.
Suite livecodebench_suite();

// MMMU and MMMU-Pro: multiple choice and open questions over pictures. Profile official. They have
// no sample set: --data.
Suite mmmu_suite();
Suite mmmu_pro_suite();

// Video-MME: multiple choice over videos. Profile official.
// with_subtitles  "video-mme-subtitles": the setting whose prompts show the videos' subtitles.
Suite video_mme_suite(bool with_subtitles);

// A suite declared in a JSON file; the fields are described in evals/README.md.
// throws Error(kData) "file:field: ..." for a declaration that is malformed, Error(kUnavailable)
//        for a file that cannot be read.
Suite declared_suite(const std::string& path);

}  // namespace peira::evals
