#include "model/text/media_prompt.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <utility>

#include "base/error.h"

namespace peira::model {
namespace {

constexpr std::array kModalities{Modality::kImage, Modality::kVideo, Modality::kAudio};

using Queues = std::array<std::deque<ReadMedium>, kModalities.size()>;

Queues by_modality(std::span<const ReadMedium> media) {
  Queues out;
  for (const ReadMedium& one : media) {
    out[static_cast<std::size_t>(one.medium->modality)].push_back(one);
  }
  return out;
}

std::string repeated(const std::string& mark, std::size_t count) {
  std::string out;
  out.reserve(mark.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += mark;
  return out;
}

std::string seconds_text(double seconds) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "<%.1f seconds>", seconds);
  return text.data();
}

std::string places_of(const ReadMedium& read, const std::string& mark, const MediaMarks& marks,
                      const Engine& engine) {
  const std::vector<PlaceholderRun> runs = engine.placeholder_runs(*read.medium);
  const bool is_timed = read.medium->modality == Modality::kVideo &&
                        engine.config().video_layout == VideoLayout::kTimestamps;
  std::string out;
  if (read.medium->sound != nullptr) {
    const std::int32_t audio = engine.config().media_tokens.audio_token_id;
    for (const PlaceholderRun& run : runs) {
      out += repeated(run.token == audio ? marks.audio : mark, run.positions.size());
    }
    return marks.audio_start + out + marks.audio_end;
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string places = repeated(mark, runs[i].positions.size());
    if (is_timed) {
      out += seconds_text(read.timestamps_s.at(i)) + marks.vision_start + places + marks.vision_end;
    } else {
      out += places;
    }
  }
  return out;
}

}  // namespace

MediaPrompt expand_placeholders(const std::string& text, std::span<const ReadMedium> media,
                                const MediaMarks& marks, const Engine& engine,
                                const std::string& where) {
  const std::array<const std::string*, kModalities.size()> mark_of{&marks.image, &marks.video,
                                                                   &marks.audio};
  Queues queues = by_modality(media);
  std::array<std::size_t, kModalities.size()> given{};
  for (std::size_t m = 0; m < given.size(); ++m) given[m] = queues[m].size();
  std::array<std::size_t, kModalities.size()> places{};
  MediaPrompt out;
  std::size_t at = 0;
  while (true) {
    // The next mark of a kind that was given; others stay text.
    std::size_t next = std::string::npos;
    std::size_t kind = 0;
    for (std::size_t m = 0; m < kModalities.size(); ++m) {
      if (given[m] == 0 || mark_of[m]->empty()) continue;
      const std::size_t found = text.find(*mark_of[m], at);
      if (found < next) {
        next = found;
        kind = m;
      }
    }
    if (next == std::string::npos) break;
    out.text.append(text, at, next - at);
    at = next + mark_of[kind]->size();
    ++places[kind];
    if (queues[kind].empty()) continue;  // told below
    out.text += places_of(queues[kind].front(), *mark_of[kind], marks, engine);
    out.media.push_back(std::move(queues[kind].front()));
    queues[kind].pop_front();
  }
  out.text.append(text, at);
  for (std::size_t m = 0; m < kModalities.size(); ++m) {
    if (given[m] == places[m]) continue;
    const std::string name = name_of(kModalities[m]);
    throw Error(ErrorCode::kData,
                where + ": " + std::to_string(given[m]) + " " + name +
                    (given[m] == 1 ? " is" : " parts are") + " given, but the prompt has " +
                    std::to_string(places[m]) + " places (\"" + *mark_of[m] +
                    "\") for them\n  try: a checkpoint whose chat template shows them, or, with a "
                    "raw prompt, one place each");
  }
  return out;
}

std::vector<ReadMedium> in_token_order(std::span<const std::int32_t> tokens,
                                       std::span<const ReadMedium> media, const Engine& engine) {
  const MediaTokens& ids = engine.config().media_tokens;
  const std::array<std::int32_t, kModalities.size()> id_of{ids.image_token_id, ids.video_token_id,
                                                           ids.audio_token_id};
  Queues queues = by_modality(media);
  std::array<std::size_t, kModalities.size()> left{};  // placeholders of the last one of a kind
  std::vector<ReadMedium> out;
  for (const std::int32_t token : tokens) {
    for (std::size_t m = 0; m < kModalities.size(); ++m) {
      if (id_of[m] < 0 || token != id_of[m]) continue;
      if (left[m] == 0 && !queues[m].empty()) {
        for (const PlaceholderRun& run : engine.placeholder_runs(*queues[m].front().medium)) {
          // A video that comes with its sound has placeholders of both kinds.
          const auto of = std::find(id_of.begin(), id_of.end(), run.token) - id_of.begin();
          left.at(static_cast<std::size_t>(of)) += run.positions.size();
        }
        out.push_back(std::move(queues[m].front()));
        queues[m].pop_front();
      }
      if (left[m] > 0) --left[m];
    }
  }
  for (std::deque<ReadMedium>& queue : queues) {
    for (ReadMedium& one : queue) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace peira::model
