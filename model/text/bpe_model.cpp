#include "model/text/bpe_model.h"

#include <algorithm>

#include "base/utf8.h"
#include "model/text/byte_alphabet.h"
#include "model/text/parts.h"

namespace peira::model {
namespace {

constexpr std::size_t kDirectSymbols = std::size_t{1} << 16U;

std::string fallback_token(unsigned byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">";
}

// As decode_utf8, for text that is known to be valid: the loops that take each character need it.
DecodedCodePoint decode_valid(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at + i]));
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  if (lead < 0xE0) return {((lead & 0x1FU) << 6U) | (byte(1) & 0x3FU), 2, true};
  if (lead < 0xF0) {
    return {((lead & 0x0FU) << 12U) | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU), 3, true};
  }
  return {((lead & 0x07U) << 18U) | ((byte(1) & 0x3FU) << 12U) | ((byte(2) & 0x3FU) << 6U) |
              (byte(3) & 0x3FU),
          4, true};
}

char32_t first_of(std::string_view text) { return decode_utf8(text, 0).code_point; }

char32_t last_of(std::string_view text) {
  std::size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) --begin;
  return decode_utf8(text, begin).code_point;
}

}  // namespace

void Joints::add(char32_t left, char32_t right) {
  bits_.resize((std::size_t{1} << kLogBits) / 64);
  const std::size_t bit = bit_of(left, right);
  bits_[bit / 64] |= std::uint64_t{1} << (bit % 64);
}

void BpeModel::reserve(std::size_t file_bytes) {
  vocabulary_.reserve(file_bytes / 64);
  merges_.reserve(file_bytes / 64);
  pairs_.reserve(file_bytes / 64);
}

void BpeModel::read_vocabulary(JsonReader& reader) {
  reader.object([&](std::string_view text) {
    const std::int64_t id = reader.integer();
    if (id < 0 || id > kMaxTokenId) {
      reader.fail("token id " + std::to_string(id) + " is outside 0 to " +
                  std::to_string(kMaxTokenId));
    }
    if (!is_valid_utf8(text)) reader.fail("token " + std::to_string(id) + " is not valid UTF-8");
    const auto narrow = static_cast<std::int32_t>(id);
    if (vocabulary_.has(narrow) && vocabulary_.text(narrow) != text) {
      reader.fail("token id " + std::to_string(id) + " is given twice");
    }
    vocabulary_.insert(text, narrow);
  });
}

namespace {

// The two texts of a merge, read from the file.
struct MergeText {
  std::string_view left;
  std::string_view right;
  std::size_t position = 0;  // in the file, for errors
  std::string left_buffer;   // hold the texts where the file escapes them
  std::string right_buffer;
};

// False: a header line of the old merges.txt.
bool read_merge(JsonReader& reader, std::size_t rank, MergeText& merge) {
  if (reader.peek() == '[') {
    int count = 0;
    reader.array([&] {
      ++count;
      if (count == 1) {
        merge.left = reader.string(merge.left_buffer);
      } else {
        merge.right = reader.string(merge.right_buffer);
      }
    });
    if (count != 2) reader.fail("merge " + std::to_string(rank) + " is not a pair");
  } else {
    const std::string_view both = reader.string(merge.left_buffer);
    if (both.starts_with("#version")) return false;
    const std::size_t space = both.find(' ');
    if (space == std::string_view::npos || both.find(' ', space + 1) != std::string_view::npos) {
      reader.fail("merge " + std::to_string(rank) + " is not two tokens with a space between");
    }
    merge.left = both.substr(0, space);
    merge.right = both.substr(space + 1);
  }
  merge.position = reader.position();
  return true;
}

// The id of a merge's two texts joined. Merges mostly stand in the order of what they make, several
// to a token: the last one's id and the next are tried first.
class JoinedFinder {
 public:
  explicit JoinedFinder(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  std::optional<std::int32_t> find(std::string_view left, std::string_view right) {
    for (const std::int32_t id : {last_, last_ + 1}) {
      const std::string_view text = vocabulary_.text(id);
      if (text.size() == left.size() + right.size() && text.starts_with(left) &&
          text.ends_with(right) && vocabulary_.has(id)) {
        last_ = id;
        return id;
      }
    }
    joined_.assign(left);
    joined_ += right;
    const auto id = vocabulary_.find(joined_);
    if (id) last_ = *id;
    return id;
  }

 private:
  const Vocabulary& vocabulary_;
  std::int32_t last_ = -1;
  std::string joined_;
};

constexpr std::size_t kMergesAtATime = 32;

}  // namespace

void BpeModel::read_merges(JsonReader& reader) {
  std::vector<MergeText> batch(kMergesAtATime);
  std::array<std::array<std::uint32_t, 2>, kMergesAtATime> hashes{};
  std::array<std::array<std::int32_t, 3>, kMergesAtATime> ids{};  // left, right, joined
  std::size_t count = 0;
  std::size_t num_done = 0;
  JoinedFinder joined(vocabulary_);
  const auto refuse = [&](const std::string& text, std::size_t i) {
    reader.fail_at(batch[i].position, "merge " + std::to_string(num_done + i) + ": \"" +
                                          to_valid_utf8(text) + "\" is not in the vocabulary");
  };
  // Nearly all the time goes to waiting for memory: each loop asks for what the next one reads.
  const auto take_batch = [&] {
    for (std::size_t i = 0; i < count; ++i) {
      hashes[i] = {Vocabulary::hash(batch[i].left), Vocabulary::hash(batch[i].right)};
      for (const std::uint32_t hash : hashes[i]) vocabulary_.prefetch_slot(hash);
    }
    for (std::size_t i = 0; i < count; ++i) {
      for (const std::uint32_t hash : hashes[i]) vocabulary_.prefetch_text(hash);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto& [left, right, position, left_buffer, right_buffer] = batch[i];
      const auto left_id = vocabulary_.find(left, hashes[i][0]);
      if (!left_id) refuse(std::string(left), i);
      const auto right_id = vocabulary_.find(right, hashes[i][1]);
      if (!right_id) refuse(std::string(right), i);
      const auto joined_id = joined.find(left, right);
      if (!joined_id) refuse(std::string(left).append(right), i);
      ids[i] = {*left_id, *right_id, *joined_id};
      merges_.prefetch(*left_id, *right_id);
    }
    for (std::size_t i = 0; i < count; ++i) {
      merges_.insert(ids[i][0], ids[i][1], {static_cast<std::int32_t>(num_done + i), ids[i][2]});
      pairs_.emplace_back(ids[i][0], ids[i][1]);
    }
    num_done += count;
    count = 0;
  };
  reader.array([&] {
    if (!read_merge(reader, num_done + count, batch[count])) return;
    if (++count == kMergesAtATime) take_batch();
  });
  take_batch();
}

void BpeModel::read_options(const std::vector<std::pair<std::string, Json>>& options,
                            const std::string& where) {
  for (const auto& [key, value] : options) {
    std::string here = where;
    here.append(": ").append(key);
    const std::string written = dump_json(value);
    const auto refuse = [&](const char* supported) {
      fail_data(here.append(" ").append(written).append(" is not supported").append(supported));
    };
    if (key == "type") {
      if (value != "BPE") refuse("\n  supported: BPE");
    } else if (key == "unk_token") {
      if (value.is_null()) continue;
      if (!value.is_string()) fail_data(here + " is not a string");
      unknown_ = vocabulary_.find(value.get<std::string>());
      if (!unknown_)
        fail_data(here.append(" ").append(written).append(" is not in the vocabulary"));
    } else if (key == "fuse_unk") {
      fuse_unknown_ = value == true;
    } else if (key == "ignore_merges") {
      ignore_merges_ = value == true;
    } else if (key == "byte_fallback") {
      byte_fallback_ = value == true;
    } else if (key == "dropout") {
      if (!value.is_null() && value != 0) {
        fail_data(here +
                  " would make the same text encode differently each time\n  supported: null");
      }
    } else if (key == "continuing_subword_prefix" || key == "end_of_word_suffix") {
      const bool is_empty =
          value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
      if (!is_empty) refuse("\n  supported: null or empty");
    } else {
      fail_data(here +
                " is not known\n  supported: type, vocab, merges, unk_token, fuse_unk, "
                "ignore_merges, byte_fallback, dropout, continuing_subword_prefix, "
                "end_of_word_suffix");
    }
  }
}

void BpeModel::read(JsonReader& reader) {
  const std::string where = reader.where() + ": model";
  std::vector<std::pair<std::string, Json>> options;
  bool has_vocabulary = false;
  bool has_merges = false;
  std::string_view early_merges;  // written before the vocabulary that gives them meaning
  reader.object([&](std::string_view key) {
    if (key == "vocab") {
      if (has_vocabulary) reader.fail("a second vocab");
      if (reader.peek() != '{') fail_data(where + ": vocab is not an object\n  supported: BPE");
      read_vocabulary(reader);
      has_vocabulary = true;
    } else if (key == "merges") {
      if (has_merges) reader.fail("a second merges");
      has_merges = true;
      if (has_vocabulary) {
        read_merges(reader);
      } else {
        early_merges = reader.raw();
      }
    } else {
      const std::string name(key);
      options.emplace_back(name, parse_json(reader.raw(), where + ": " + to_valid_utf8(name)));
    }
  });
  // The type first: another model's vocabulary and options mean something else.
  std::stable_partition(options.begin(), options.end(),
                        [](const auto& option) { return option.first == "type"; });
  read_options(options, where);
  if (!has_vocabulary) fail_data(where + ": has no vocab");
  if (!has_merges) fail_data(where + ": has no merges\n  supported: BPE");
  if (!early_merges.empty()) {
    const std::string merges_where = where + ": merges";
    JsonReader again(early_merges, merges_where);
    read_merges(again);
  }
}

void BpeModel::prepare(bool words_are_bytes) {
  words_are_bytes_ = words_are_bytes;
  bool falls_back = byte_fallback_;
  bytes_have_tokens_ = true;
  const ByteAlphabet& alphabet = ByteAlphabet::instance();
  for (unsigned byte = 0; byte < 256; ++byte) {
    fallback_[byte] = vocabulary_.find(fallback_token(byte)).value_or(-1);
    falls_back = falls_back && fallback_[byte] >= 0;
    const std::string& character = alphabet.character(static_cast<unsigned char>(byte));
    byte_tokens_[byte] = vocabulary_.find(character).value_or(-1);
    bytes_have_tokens_ = bytes_have_tokens_ && byte_tokens_[byte] >= 0;
  }
  if (!words_are_bytes_ || !bytes_have_tokens_) {
    symbols_.assign(kDirectSymbols, -1);
    for (std::int32_t id = 0; id < vocabulary_.id_limit(); ++id) {
      const std::string_view text = vocabulary_.text(id);
      if (text.empty() || text.size() > 3) continue;
      const DecodedCodePoint decoded = decode_utf8(text, 0);
      if (decoded.valid && decoded.size_bytes == text.size()) symbols_[decoded.code_point] = id;
    }
    // What an unknown character becomes must not depend on its neighbours, nor a word on being
    // whole.
    if (falls_back && !ignore_merges_) find_joints();
  }
  pairs_ = {};
}

// A merge across a border joins a token that ends with the character before it to one that begins
// with the character behind it, so only such pairs of characters can be joined. Bytes stand for
// other characters than they are spelled with: no cuts where a merge takes one.
void BpeModel::find_joints() {
  std::vector<bool> stands_for_other(static_cast<std::size_t>(vocabulary_.id_limit()), false);
  for (const std::int32_t id : fallback_) stands_for_other[static_cast<std::size_t>(id)] = true;
  Joints joints;
  for (const auto& [left, right] : pairs_) {
    if (stands_for_other[static_cast<std::size_t>(left)] ||
        stands_for_other[static_cast<std::size_t>(right)]) {
      return;
    }
    const std::string_view left_text = vocabulary_.text(left);
    const std::string_view right_text = vocabulary_.text(right);
    if (left_text.empty() || right_text.empty()) return;
    joints.add(last_of(left_text), first_of(right_text));
  }
  joints_ = std::move(joints);
}

std::int32_t BpeModel::symbol(char32_t code_point, std::string_view character) const {
  if (code_point < kDirectSymbols) return symbols_[code_point];
  return vocabulary_.find(character).value_or(-1);
}

bool BpeModel::append_whole(std::string_view word, std::vector<std::int32_t>& out) const {
  std::string spelled;
  if (words_are_bytes_) {
    ByteAlphabet::instance().append_characters(spelled, word);
    word = spelled;
  }
  const auto id = vocabulary_.find(word);
  if (id) out.push_back(*id);
  return id.has_value();
}

void BpeModel::append_bytes(std::string_view word, std::vector<std::int32_t>& out) const {
  for (const char byte : word) out.push_back(byte_tokens_[static_cast<unsigned char>(byte)]);
}

// One token a character, before any merge.
void BpeModel::append_characters(std::string_view text, std::vector<std::int32_t>& out) const {
  bool unknown_is_due = false;
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCodePoint decoded = decode_valid(text, i);
    const std::string_view character = text.substr(i, decoded.size_bytes);
    i += decoded.size_bytes;
    const std::int32_t token = symbol(decoded.code_point, character);
    if (token >= 0) {
      if (unknown_is_due) out.push_back(*unknown_);
      unknown_is_due = false;
      out.push_back(token);
      continue;
    }
    if (byte_fallback_ && std::all_of(character.begin(), character.end(), [&](char byte) {
          return fallback_[static_cast<unsigned char>(byte)] >= 0;
        })) {
      // An unknown token that is due comes after these, as the reference has it.
      for (const char byte : character) out.push_back(fallback_[static_cast<unsigned char>(byte)]);
      continue;
    }
    if (!unknown_) continue;
    if (unknown_is_due && !fuse_unknown_) out.push_back(*unknown_);
    unknown_is_due = true;
  }
  if (unknown_is_due) out.push_back(*unknown_);
}

void BpeModel::append_part(std::string_view text, WordCache& cache,
                           std::vector<std::int32_t>& out) const {
  if (cache.append(text, out)) return;
  const std::size_t begin = out.size();
  append_characters(text, out);
  merge_tokens(merges_, out, begin);
  cache.insert(text, out.data() + begin, out.size() - begin);
}

void BpeModel::append_text(std::string_view text, WordCache& cache,
                           std::vector<std::int32_t>& out) const {
  std::size_t begin = 0;
  char32_t previous = 0;
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCodePoint decoded = decode_valid(text, i);
    if (i > begin && !joints_.may_join(previous, decoded.code_point)) {
      append_part(text.substr(begin, i - begin), cache, out);
      begin = i;
    }
    previous = decoded.code_point;
    i += decoded.size_bytes;
  }
  append_part(text.substr(begin), cache, out);
}

void BpeModel::append_word(std::string_view word, WordCache& cache,
                           std::vector<std::int32_t>& out) const {
  if (word.empty()) return;
  if (!joints_.is_empty()) return append_text(word, cache, out);
  if (cache.append(word, out)) return;
  const std::size_t begin = out.size();
  if (!ignore_merges_ || !append_whole(word, out)) {
    if (!words_are_bytes_) {
      append_characters(word, out);
    } else if (bytes_have_tokens_) {
      append_bytes(word, out);
    } else {
      std::string spelled;
      ByteAlphabet::instance().append_characters(spelled, word);
      append_characters(spelled, out);
    }
    merge_tokens(merges_, out, begin);
  }
  cache.insert(word, out.data() + begin, out.size() - begin);
}

}  // namespace peira::model
