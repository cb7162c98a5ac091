// The byte strings of a vocabulary as a trie, for trying all of them against a grammar at once.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace peira::model::guided {

// threads: const members from any.
class Vocabulary {
 public:
  // tokens  [id]: what each adds to the text, as bytes; empty: never allowed (no token has the id,
  //         or it marks something else than text).
  explicit Vocabulary(std::vector<std::string> tokens);
  // at_start  [id]: what each adds as the first of a text, where a space is dropped there.
  Vocabulary(std::vector<std::string> tokens, std::vector<std::string> at_start);

  // The tokens as the first of a text: this one where that makes no difference.
  const Vocabulary& at_start() const { return at_start_ ? *at_start_ : *this; }
  bool differs_at_start() const { return at_start_ != nullptr; }

  // A node and, right behind it, all below it.
  struct Node {
    std::uint32_t end;          // the first node that is not below this
    std::uint32_t first_token;  // of tokens()
    std::uint16_t num_tokens;
    std::uint16_t depth;  // 0 for the first byte of a token
    unsigned char byte;
  };
  std::span<const Node> nodes() const { return nodes_; }
  std::span<const std::int32_t> tokens(const Node& node) const {
    return std::span(order_).subspan(node.first_token, node.num_tokens);
  }
  std::size_t depth() const { return depth_; }  // of the longest token, in bytes
  std::size_t size() const { return tokens_.size(); }
  std::size_t mask_words() const { return (tokens_.size() + 63) / 64; }
  const std::string& bytes(std::int32_t token) const {
    return tokens_.at(static_cast<std::size_t>(token));
  }
  const std::bitset<256>& single_bytes() const { return single_bytes_; }  // that are tokens

 private:
  std::vector<std::string> tokens_;
  std::vector<std::int32_t> order_;  // ids by bytes
  std::vector<Node> nodes_;
  std::bitset<256> single_bytes_;
  std::size_t depth_ = 0;
  std::unique_ptr<const Vocabulary> at_start_;
};

}  // namespace peira::model::guided
