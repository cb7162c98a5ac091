#include "model/text/guided/vocabulary.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace peira::model::guided {
namespace {

// Longer tokens, and ids beyond so many of equal bytes, are left out: no text needs them.
constexpr std::size_t kMaxTokenBytes = 4096;
constexpr std::size_t kMaxEqualTokens = std::numeric_limits<std::uint16_t>::max();

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> tokens, std::vector<std::string> at_start)
    : Vocabulary(std::move(tokens)) {
  if (at_start != tokens_) at_start_ = std::make_unique<const Vocabulary>(std::move(at_start));
}

Vocabulary::Vocabulary(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
  const auto text = [&](std::int32_t token) -> const std::string& {
    return tokens_[static_cast<std::size_t>(token)];
  };
  for (std::size_t id = 0; id < tokens_.size(); ++id) {
    if (tokens_[id].empty() || tokens_[id].size() > kMaxTokenBytes) continue;
    order_.push_back(static_cast<std::int32_t>(id));
    if (tokens_[id].size() == 1) single_bytes_.set(static_cast<unsigned char>(tokens_[id][0]));
  }
  std::sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) {
    return text(a) != text(b) ? text(a) < text(b) : a < b;
  });
  std::vector<std::uint32_t> open;  // nodes from the root to where the last token ended
  const auto close_to = [&](std::size_t depth) {
    for (; open.size() > depth; open.pop_back()) {
      nodes_[open.back()].end = static_cast<std::uint32_t>(nodes_.size());
    }
  };
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const std::string& bytes = text(order_[i]);
    const std::string& last = i == 0 ? std::string() : text(order_[i - 1]);
    const auto common = static_cast<std::size_t>(
        std::mismatch(bytes.begin(), bytes.end(), last.begin(), last.end()).first - bytes.begin());
    close_to(common);
    for (std::size_t depth = common; depth < bytes.size(); ++depth) {
      open.push_back(static_cast<std::uint32_t>(nodes_.size()));
      nodes_.push_back({.end = 0,
                        .first_token = static_cast<std::uint32_t>(i),
                        .num_tokens = 0,
                        .depth = static_cast<std::uint16_t>(depth),
                        .byte = static_cast<unsigned char>(bytes[depth])});
    }
    Node& node = nodes_[open.back()];
    if (node.num_tokens == 0) node.first_token = static_cast<std::uint32_t>(i);
    if (node.num_tokens < kMaxEqualTokens) ++node.num_tokens;
    depth_ = std::max(depth_, bytes.size());
  }
  close_to(0);
}

}  // namespace peira::model::guided
