#include "model/text/added_tokens.h"

#include <algorithm>

#include "base/utf8.h"
#include "model/text/unicode.h"

namespace peira::model {
AddedTokenFinder::AddedTokenFinder() : nodes_(1) {}

void AddedTokenFinder::add(const AddedToken& token, std::string_view content) {
  if (content.empty()) return;
  starts_[static_cast<unsigned char>(content[0])] = true;
  std::uint32_t at = 0;
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    auto& children = nodes_[at].children;
    const auto found = std::lower_bound(
        children.begin(), children.end(), byte,
        [](const auto& child, unsigned char value) { return child.first < value; });
    if (found != children.end() && found->first == byte) {
      at = found->second;
      continue;
    }
    const auto next = static_cast<std::uint32_t>(nodes_.size());
    children.insert(found, {byte, next});
    nodes_.emplace_back();
    at = next;
  }
  nodes_[at].token = static_cast<std::int32_t>(tokens_.size());
  tokens_.push_back(token);
}

std::int32_t AddedTokenFinder::longest_at(std::string_view text, std::size_t begin,
                                          std::size_t& end) const {
  std::int32_t best = -1;
  std::uint32_t at = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto& children = nodes_[at].children;
    const auto found = std::lower_bound(
        children.begin(), children.end(), byte,
        [](const auto& child, unsigned char value) { return child.first < value; });
    if (found == children.end() || found->first != byte) break;
    at = found->second;
    if (nodes_[at].token >= 0) {
      best = nodes_[at].token;
      end = i + 1;
    }
  }
  return best;
}

std::vector<Segment> AddedTokenFinder::split(std::string_view text) const {
  std::vector<Segment> segments;
  std::size_t done = 0;  // all before it lies in segments
  std::size_t i = 0;
  while (!tokens_.empty() && i < text.size()) {
    std::size_t end = 0;
    const std::int32_t index =
        starts_[static_cast<unsigned char>(text[i])] ? longest_at(text, i, end) : std::int32_t{-1};
    if (index < 0) {
      ++i;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<std::size_t>(index)];
    std::size_t begin = i;
    i = end;  // a match refused below is passed over whole, as the reference does
    if (token.single_word && ((begin > 0 && is_word(code_point_before(text, begin))) ||
                              (end < text.size() && is_word(decode_utf8(text, end).code_point)))) {
      continue;
    }
    if (token.lstrip) begin = std::max(white_space_before(text, begin), done);
    if (token.rstrip) end = white_space_after(text, end);
    if (done < begin) segments.push_back({-1, text.substr(done, begin - done)});
    begin = std::min(begin, end);
    segments.push_back({token.id, text.substr(begin, end - begin)});
    // May lie before the space that an earlier token took with it: what follows is then encoded
    // again, as the reference does.
    done = end;
  }
  if (done < text.size()) segments.push_back({-1, text.substr(done)});
  return segments;
}

}  // namespace peira::model
