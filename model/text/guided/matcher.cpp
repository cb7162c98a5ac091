#include "model/text/guided/matcher.h"

#include <algorithm>
#include <set>
#include <utility>

namespace peira::model::guided {

std::size_t Matcher::PlacesHash::operator()(const std::vector<Place>& places) const {
  std::uint64_t hash = 0x9E3779B97F4A7C15U;
  for (const Place& place : places) {
    hash ^= (std::uint64_t{place.stack} << 32U) | place.state;
    hash *= 0xD6E8FEB86659FD93U;
    hash ^= hash >> 32U;
  }
  return hash;
}

Matcher::Matcher(std::shared_ptr<const Grammar> grammar, Grammar::Rule root)
    : grammar_(std::move(grammar)), root_(root), class_of_(256) {
  // Ranges of bytes between which no edge begins or ends behave alike.
  std::vector<bool> begins(257);
  for (Grammar::State state = 0; state < grammar_->num_states(); ++state) {
    for (const Grammar::Edge& edge : grammar_->edges(state)) {
      if (edge.kind != Grammar::EdgeKind::kBytes) continue;
      begins[edge.first] = true;
      begins[edge.last + std::size_t{1}] = true;
    }
  }
  std::size_t current = 0;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (byte > 0 && begins[byte]) ++current;
    class_of_[byte] = static_cast<std::uint8_t>(current);
  }
  num_classes_ = current + 1;
  reset();
}

void Matcher::reset() {
  states_.clear();
  next_.clear();
  for (auto& known : known_) known.clear();
  frames_.assign(1, {});
  known_frames_.clear();
  num_places_ = mask_bytes_ = 0;
  intern({});  // kDead
  start_ = intern({{grammar_->start(root_), 0}});
}

std::uint32_t Matcher::push(Frame frame) {
  const std::uint64_t key = (std::uint64_t{frame.parent} << 32U) | frame.state;
  const auto [found, is_new] =
      known_frames_.try_emplace(key, static_cast<std::uint32_t>(frames_.size()));
  if (is_new) frames_.push_back(frame);
  return found->second;
}

// The state of all places that `work` leads to without a byte.
Matcher::State Matcher::intern(std::vector<Place> work) {
  std::set<Place> seen(work.begin(), work.end());
  std::vector<Place> places;
  bool may_end = false;
  const auto visit = [&](Place place) {
    if (seen.insert(place).second) work.push_back(place);
  };
  while (!work.empty() && seen.size() <= kMaxPlaces) {
    const Place place = work.back();
    work.pop_back();
    if (grammar_->accepts(place.state)) {
      if (place.stack == 0) {
        may_end = true;
      } else {
        const Frame& frame = frames_[place.stack];
        visit({frame.state, frame.parent});
      }
    }
    bool takes_bytes = false;
    for (const Grammar::Edge& edge : grammar_->edges(place.state)) {
      switch (edge.kind) {
        case Grammar::EdgeKind::kBytes:
          takes_bytes = true;
          break;
        case Grammar::EdgeKind::kFree:
          visit({edge.target, place.stack});
          break;
        case Grammar::EdgeKind::kCall: {
          // What would only return needs no frame.
          const bool is_tail =
              grammar_->edges(edge.target).empty() && grammar_->accepts(edge.target);
          visit({grammar_->start(edge.rule),
                 is_tail ? place.stack : push({edge.target, place.stack})});
          break;
        }
      }
    }
    if (takes_bytes) places.push_back(place);
  }
  if (seen.size() > kMaxPlaces) {
    places.clear();
    may_end = false;
  }
  std::sort(places.begin(), places.end());
  auto& known = known_[may_end ? 1 : 0];
  if (const auto found = known.find(places); found != known.end()) return found->second;
  const auto state = static_cast<State>(states_.size());
  num_places_ += 2 * places.size();
  known.emplace(places, state);
  states_.push_back({std::move(places), may_end, nullptr});
  next_.resize(next_.size() + num_classes_, -1);
  return state;
}

Matcher::State Matcher::next(State state, unsigned char byte) {
  const std::size_t at = state * num_classes_ + class_of_[byte];
  if (next_[at] >= 0) return static_cast<State>(next_[at]);
  std::vector<Place> reached;
  for (const Place& place : states_[state].places) {
    for (const Grammar::Edge& edge : grammar_->edges(place.state)) {
      if (edge.kind == Grammar::EdgeKind::kBytes && edge.first <= byte && byte <= edge.last) {
        reached.push_back({edge.target, place.stack});
      }
    }
  }
  std::sort(reached.begin(), reached.end());
  reached.erase(std::unique(reached.begin(), reached.end()), reached.end());
  const State to = reached.empty() ? kDead : intern(std::move(reached));
  next_[at] = static_cast<std::int32_t>(to);
  return to;
}

Matcher::State Matcher::next(State state, std::string_view bytes) {
  for (const char c : bytes) {
    if (state == kDead) break;
    state = next(state, static_cast<unsigned char>(c));
  }
  return state;
}

std::shared_ptr<const std::vector<std::uint64_t>> Matcher::allowed(State state,
                                                                   const Vocabulary& vocabulary) {
  if (states_[state].allowed) return states_[state].allowed;
  const auto mask = find_allowed(state, vocabulary);
  mask_bytes_ += mask->size() * sizeof(std::uint64_t);
  states_[state].allowed = mask;
  return mask;
}

std::shared_ptr<const std::vector<std::uint64_t>> Matcher::find_allowed(
    State state, const Vocabulary& vocabulary) {
  auto mask = std::make_shared<std::vector<std::uint64_t>>(vocabulary.mask_words());
  const std::span<const Vocabulary::Node> nodes = vocabulary.nodes();
  trail_.assign(vocabulary.depth() + 1, kDead);
  trail_[0] = state;
  for (std::size_t i = 0; i < nodes.size();) {
    const Vocabulary::Node& node = nodes[i];
    const State here = next(trail_[node.depth], node.byte);
    if (here == kDead) {
      i = node.end;
      continue;
    }
    trail_[node.depth + std::size_t{1}] = here;
    for (const std::int32_t token : vocabulary.tokens(node)) {
      const auto id = static_cast<std::size_t>(token);
      (*mask)[id / 64] |= std::uint64_t{1} << (id % 64);
    }
    ++i;
  }
  return mask;
}

bool Matcher::forget_if_large() {
  constexpr std::size_t kStateBytes = sizeof(StateInfo) + 100;  // with its place in known_
  constexpr std::size_t kFrameBytes = sizeof(Frame) + 40;
  const std::size_t bytes = states_.size() * (kStateBytes + num_classes_ * sizeof(std::int32_t)) +
                            num_places_ * sizeof(Place) + frames_.size() * kFrameBytes +
                            mask_bytes_;
  if (bytes <= kMaxMemoryBytes) return false;
  reset();
  return true;
}

}  // namespace peira::model::guided
