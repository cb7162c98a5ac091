#include "datasets/subtitles.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace peira::datasets {
namespace {

constexpr std::string_view kOpen = "<font color=\"white\" size=\".72c\">";
constexpr std::string_view kClose = "</font>";
constexpr double kMostFrames = 100'000;

struct Line {
  std::string_view text;
  std::size_t number;  // from 1
};

// Takes the next line off `rest`, as Python's universal newlines end it.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find_first_of("\r\n");
  const std::string_view line = rest.substr(0, end);
  if (end == std::string_view::npos) {
    rest = {};
  } else {
    rest.remove_prefix(end + (rest.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return line;
}

// Takes a whole number of at most nine digits off the front of `text`.
std::optional<long> take_number(std::string_view& text) {
  constexpr std::ptrdiff_t kMostDigits = 9;
  const auto end = std::find_if_not(text.begin(), text.end(),
                                    [](char digit) { return digit >= '0' && digit <= '9'; });
  if (end == text.begin() || end - text.begin() > kMostDigits) return std::nullopt;
  long value = 0;
  std::from_chars(text.begin(), end, value);
  text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
  return value;
}

void skip_blanks(std::string_view& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  text.remove_prefix(first == std::string_view::npos ? text.size() : first);
}

bool take(std::string_view& text, std::string_view marks) {
  if (text.empty() || marks.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// "01:02:03,456" in seconds; the sum is that of Python, rounding and all.
std::optional<double> take_time(std::string_view& text) {
  skip_blanks(text);
  const auto hours = take_number(text);
  if (!hours || !take(text, ":")) return std::nullopt;
  const auto minutes = take_number(text);
  if (!minutes || !take(text, ":")) return std::nullopt;
  const auto seconds = take_number(text);
  if (!seconds || !take(text, ",.")) return std::nullopt;
  const auto milliseconds = take_number(text);
  if (!milliseconds) return std::nullopt;
  return static_cast<double>(*hours * 3600 + *minutes * 60 + *seconds) +
         static_cast<double>(*milliseconds) / 1000;
}

// The times of a cue; positions on the screen may follow them.
std::optional<std::pair<double, double>> times_of(std::string_view line) {
  const auto start = take_time(line);
  if (!start) return std::nullopt;
  skip_blanks(line);
  if (!line.starts_with("-->")) return std::nullopt;
  line.remove_prefix(3);
  const auto end = take_time(line);
  if (!end || (!line.empty() && line.front() != ' ' && line.front() != '\t')) return std::nullopt;
  return std::pair{*start, *end};
}

// What stands in the first element of `text`.
std::optional<std::string_view> element_of(std::string_view text) {
  const std::size_t open = text.find(kOpen);
  if (open == std::string_view::npos) return std::nullopt;
  text.remove_prefix(open + kOpen.size());
  const std::size_t close = text.find(kClose);
  if (close == std::string_view::npos) return std::nullopt;
  return text.substr(0, close);
}

void append_line(std::string& out, std::string_view line) {
  if (!out.empty()) out += '\n';
  out += line;
}

// `text` without what stands between "<" and ">" where a tag's name or "/" follows; ASS's "\N" is
// the break of a line.
std::string without_markup(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() == '<' && text.size() > 1) {
      const char next = text[1];
      const bool is_tag =
          next == '/' || (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z');
      const std::size_t close = text.find('>');
      if (is_tag && close != std::string_view::npos) {
        text.remove_prefix(close + 1);
        continue;
      }
    }
    if (text.starts_with("\\N")) {
      out += ' ';
      text.remove_prefix(2);
      continue;
    }
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace

std::vector<SubtitleCue> read_srt(std::string_view bytes, const std::string& name) {
  const auto refuse = [&](std::size_t line, const std::string& problem) {
    throw Error(ErrorCode::kData, name + ":" + std::to_string(line) + ": " + problem +
                                      "\n  try: unpack subtitle.zip again");
  };
  if (!is_valid_utf8(bytes)) {
    std::size_t line = 1;
    for (std::string_view rest = bytes; !rest.empty(); ++line) {
      if (!is_valid_utf8(take_line(rest))) refuse(line, "subtitles that are no UTF-8 text");
    }
    refuse(line, "subtitles that are no UTF-8 text");
  }
  std::vector<SubtitleCue> cues;
  std::vector<Line> piece;
  const auto take_piece = [&] {
    if (piece.size() >= 3) {
      const auto times = times_of(piece[1].text);
      if (!times) {
        std::string shown = to_valid_utf8(piece[1].text.substr(0, 60));
        refuse(piece[1].number,
               "the times of a subtitle (00:00:01,000 --> 00:00:02,000) were "
               "expected, not \"" +
                   shown + "\"");
      }
      std::string text(piece[2].text);
      for (std::size_t i = 3; i < piece.size(); ++i) {
        text += ' ';
        text += piece[i].text;
      }
      cues.push_back({times->first, times->second, std::move(text)});
    }
    piece.clear();
  };
  std::size_t number = 0;
  while (!bytes.empty()) {
    const std::string_view line = take_line(bytes);
    ++number;
    if (line.empty()) {
      take_piece();
    } else {
      piece.push_back({line, number});
    }
  }
  take_piece();
  return cues;
}

std::vector<std::int64_t> uniform_inclusive_frames(std::int64_t total, std::int64_t count) {
  std::vector<std::int64_t> frames;
  if (total < 1 || count < 1) return frames;
  const double step =
      count == 1 ? 0 : static_cast<double>(total - 1) / static_cast<double>(count - 1);
  for (std::int64_t i = 0; i < count; ++i) {
    frames.push_back(static_cast<std::int64_t>(static_cast<double>(i) * step));
  }
  if (count > 1) frames.back() = total - 1;
  return frames;
}

std::vector<std::int64_t> uniform_interior_frames(std::int64_t total, std::int64_t count) {
  std::vector<std::int64_t> frames;
  const double step = static_cast<double>(total) / static_cast<double>(count + 1);
  for (std::int64_t i = 1; i <= count; ++i) {
    frames.push_back(static_cast<std::int64_t>(static_cast<double>(i) * step));
  }
  return frames;
}

std::vector<std::int64_t> frames_per_second(std::int64_t total, double fps, double per_s) {
  std::vector<std::int64_t> frames;
  const double count = std::floor(static_cast<double>(total) / fps * per_s);
  const double step = fps / per_s;
  for (std::int64_t i = 0; static_cast<double>(i) < count; ++i) {
    const auto frame = static_cast<std::int64_t>(static_cast<double>(i) * step);
    if (frame >= total) break;
    frames.push_back(frame);
  }
  return frames;
}

SubtitleSelection SubtitleSelection::parse(const std::string& text) {
  SubtitleSelection out;
  if (text == "shown") return out;
  out.rule = Rule::kAll;
  if (text == "all") return out;
  struct Named {
    std::string_view prefix;
    Rule rule;
    bool is_whole;
  };
  constexpr std::array<Named, 3> kNamed{{{"uniform-inclusive:", Rule::kUniformInclusive, true},
                                         {"uniform-interior:", Rule::kUniformInterior, true},
                                         {"fps:", Rule::kFps, false}}};
  for (const Named& named : kNamed) {
    if (!text.starts_with(named.prefix)) continue;
    out.rule = named.rule;
    const char* const end = text.data() + text.size();
    const auto [parsed, error] =
        std::from_chars(text.data() + named.prefix.size(), end, out.amount);
    const bool is_number = error == std::errc() && parsed == end && std::isfinite(out.amount);
    if (is_number && out.amount > 0 && out.amount <= kMostFrames &&
        (!named.is_whole || out.amount == std::floor(out.amount))) {
      return out;
    }
    throw Error(ErrorCode::kUsage, "--subtitles " + text + ": " +
                                       (named.is_whole ? "1 to 100000 frames" : "frames a second") +
                                       " were expected behind the colon");
  }
  throw Error(ErrorCode::kUsage, "--subtitles " + text +
                                     ": one of shown, all, uniform-inclusive:N, "
                                     "uniform-interior:N, fps:X");
}

std::string SubtitleSelection::text() const {
  std::array<char, 32> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), amount);
  const std::string number(digits.data(), written.ptr);
  switch (rule) {
    case Rule::kShown:
      return "shown";
    case Rule::kAll:
      return "all";
    case Rule::kUniformInclusive:
      return "uniform-inclusive:" + number;
    case Rule::kUniformInterior:
      return "uniform-interior:" + number;
    case Rule::kFps:
      break;
  }
  return "fps:" + number;
}

std::string lines_at_frames(std::span<const SubtitleCue> cues, std::span<const std::int64_t> frames,
                            double fps) {
  std::vector<std::int64_t> sorted(frames.begin(), frames.end());
  std::sort(sorted.begin(), sorted.end());
  std::map<std::pair<double, double>, std::size_t> last;  // cue of each pair of times
  for (std::size_t i = 0; i < cues.size(); ++i) last[{cues[i].start_s, cues[i].end_s}] = i;
  std::string out;
  for (const SubtitleCue& cue : cues) {
    const auto own = last.find({cue.start_s, cue.end_s});
    if (own == last.end()) continue;  // said by an earlier cue
    const std::string& text = cues[own->second].text;
    last.erase(own);
    // Floored as doubles: times may be far beyond what an integer holds.
    const double first = std::floor(cue.start_s * fps);
    const double end = std::floor(cue.end_s * fps);
    const auto at = std::lower_bound(
        sorted.begin(), sorted.end(), first,
        [](std::int64_t frame, double wanted) { return static_cast<double>(frame) < wanted; });
    if (at == sorted.end() || static_cast<double>(*at) >= end) continue;
    if (const auto line = element_of(text)) append_line(out, *line);
  }
  return out;
}

std::string lines_frame_by_frame(std::span<const SubtitleCue> cues,
                                 std::span<const std::int64_t> frames, double fps) {
  const auto milliseconds = [](double seconds) { return std::round(seconds * 1000); };
  // Where nothing begins any more before a frame: saves looking through the rest of a long file.
  std::vector<double> earliest(cues.size() + 1, std::numeric_limits<double>::infinity());
  for (std::size_t i = cues.size(); i > 0; --i) {
    earliest[i - 1] = std::min(earliest[i], milliseconds(cues[i - 1].start_s));
  }
  std::string out;
  std::size_t begin = 0;  // cues before it have ended
  for (const std::int64_t frame : frames) {
    const double at_ms = std::nearbyint(static_cast<double>(frame) * (1000.0 / fps));
    while (begin < cues.size() && milliseconds(cues[begin].end_s) <= at_ms) ++begin;
    for (std::size_t i = begin; earliest[i] < at_ms; ++i) {
      if (milliseconds(cues[i].start_s) >= at_ms || milliseconds(cues[i].end_s) <= at_ms) continue;
      const std::string line = without_markup(cues[i].text);
      if (line.find_first_not_of(" \t") != std::string::npos) append_line(out, line);
      break;
    }
  }
  return out;
}

std::string all_lines(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    if (const auto line = element_of(take_line(bytes))) append_line(out, *line);
  }
  return out;
}

bool has_official_markup(std::span<const SubtitleCue> cues) {
  return std::any_of(cues.begin(), cues.end(),
                     [](const SubtitleCue& cue) { return element_of(cue.text).has_value(); });
}

}  // namespace peira::datasets
