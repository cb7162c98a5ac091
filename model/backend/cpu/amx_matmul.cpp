#include "model/backend/cpu/amx_matmul.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "base/error.h"
#include "model/backend/reference/kernels.h"

namespace peira::model::cpu {
namespace {

static_assert(AmxPanels::kRows == kTileOutputs && AmxPanels::kColumns == kTileColumns);

constexpr int kTileLines = 16;  // of 64 bytes
constexpr std::int64_t kLineBytes = 64;
constexpr std::int64_t kLineWords = kLineBytes / 4;
constexpr int kTilesOfOutputs = static_cast<int>(AmxPanels::kRows / AmxPanels::kTileRows);
static_assert(kTilesOfOutputs == 2);
// Tiles of which the first so many hold fewer lines where x has few.
constexpr int kNarrowTiles = 4;
constexpr int kChunkLines = static_cast<int>(AmxPanels::kChunkWords / kLineWords);
// Tiles that hold a line for each piece of each row, at most.
constexpr int kMostTilesOfX = kMostTileRows * kTilePieces / kTileLines;
// How far ahead of a single group of rows its weights are asked for, in chunks: from 4 KiB to 64
// KiB all was within the noise (Sapphire Rapids, 1, 8 and 16 threads).
constexpr std::int64_t kAheadChunks = 8;
// The same of x, where it may be in the third-level cache or in that of another core.
constexpr std::int64_t kAheadOfX = 4;

// The instructions' definition in plain code. source: Intel 64 and IA-32 Architectures Software
// Developer's Manual, TDPBF16PS: denormals are zeros, results round to nearest even, and two
// chains of products begin at zero.
class EmulatedTiles {
 public:
  // Lines of the first four tiles from here on; the others have 16.
  void set_lines(int lines) { lines_ = lines; }
  template <int kTile>
  void zero() {
    tiles_[kTile] = {};
  }
  template <int kTile>
  void load(const void* from) {
    for (int line = 0; line < lines_of(kTile); ++line) {
      std::memcpy(&tiles_[kTile][static_cast<std::size_t>(line) * kTileLines],
                  static_cast<const std::byte*>(from) + line * kLineBytes, kLineBytes);
    }
  }
  template <int kTile>
  void store(float* to) {
    std::memcpy(to, tiles_[kTile].data(), static_cast<std::size_t>(lines_of(kTile)) * kLineBytes);
  }
  template <int kTo, int kA, int kB>
  void multiply() {
    std::array<Line, kTileLines> lower_b;
    std::array<Line, kTileLines> upper_b;
    for (std::size_t k = 0; k < kTileLines; ++k) {
      for (std::size_t n = 0; n < kTileLines; ++n) {
        const std::uint32_t pair = tiles_[kB][k * kTileLines + n];
        lower_b[k][n] = lower(pair);
        upper_b[k][n] = upper(pair);
      }
    }
    for (std::size_t m = 0; m < static_cast<std::size_t>(lines_of(kTo)); ++m) {
      Line even{};
      Line odd{};
      for (std::size_t k = 0; k < kTileLines; ++k) {
        const std::uint32_t pair = tiles_[kA][m * kTileLines + k];
        add_products(lower(pair), lower_b[k], even);
        add_products(upper(pair), upper_b[k], odd);
      }
      for (std::size_t n = 0; n < kTileLines; ++n) {
        std::uint32_t& sum = tiles_[kTo][m * kTileLines + n];
        const float both = flushed(even[n] + odd[n]);
        sum = std::bit_cast<std::uint32_t>(flushed(flushed(std::bit_cast<float>(sum)) + both));
      }
    }
  }

 private:
  using Line = std::array<float, kTileLines>;

  int lines_of(int tile) const { return tile < kNarrowTiles ? lines_ : kTileLines; }
  static float flushed(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return std::bit_cast<float>((bits & 0x7F800000U) == 0 ? bits & 0x80000000U : bits);
  }
  static float lower(std::uint32_t pair) { return flushed(std::bit_cast<float>(pair << 16)); }
  static float upper(std::uint32_t pair) {
    return flushed(std::bit_cast<float>(pair & 0xFFFF0000U));
  }

  // sums = flushed(fma(a, b, sums)). The product of two bfloat16 is exact in float32 as long
  // as it is in its range, and adding it then is what fma() does.
  static void add_products(float a, const Line& b, Line& sums) {
    Line products;
    bool is_exact = true;
    for (std::size_t n = 0; n < kTileLines; ++n) {
      products[n] = a * b[n];
      const float magnitude = std::abs(products[n]);
      is_exact &= (magnitude >= 0x1p-100F || a == 0 || b[n] == 0) & (magnitude < 0x1p127F);
    }
    if (is_exact) {
      for (std::size_t n = 0; n < kTileLines; ++n) sums[n] = flushed(sums[n] + products[n]);
    } else {
      for (std::size_t n = 0; n < kTileLines; ++n) sums[n] = flushed(std::fma(a, b[n], sums[n]));
    }
  }

  int lines_ = 0;
  std::array<std::array<std::uint32_t, kTileLines * kTileLines>, 8> tiles_{};
};

#if defined(__x86_64__) && defined(__linux__)
// The instructions themselves, written out: no compiler allots tiles, and the intrinsics need all
// functions around them compiled for the extension.
class ProcessorTiles {
 public:
  ProcessorTiles() = default;
  // Left set up, tiles would be saved at each switch of threads.
  ~ProcessorTiles() { __asm__ volatile("tilerelease" ::: "memory"); }
  ProcessorTiles(const ProcessorTiles&) = delete;
  ProcessorTiles& operator=(const ProcessorTiles&) = delete;

  // As EmulatedTiles::set_lines().
  void set_lines(int lines) {
    if (lines == lines_) return;
    lines_ = lines;
    struct alignas(64) {
      std::uint8_t palette = 1;
      std::uint8_t start_row = 0;
      std::array<std::uint8_t, 14> reserved{};
      std::array<std::uint16_t, 16> line_bytes{};
      std::array<std::uint8_t, 16> lines{};
    } config;
    for (std::size_t tile = 0; tile < 8; ++tile) {
      config.line_bytes[tile] = kLineBytes;
      config.lines[tile] = static_cast<std::uint8_t>(tile < kNarrowTiles ? lines : kTileLines);
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(config));
  }

  template <int kTile>
  void zero() {
    __asm__ volatile("tilezero %%tmm%c0" ::"i"(kTile));
  }
  template <int kTile>
  void load(const void* from) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(kLineBytes), "i"(kTile)
                     : "memory");
  }
  template <int kTile>
  void store(float* to) {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(kLineBytes), "i"(kTile)
                     : "memory");
  }
  template <int kTo, int kA, int kB>
  void multiply() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kTo), "i"(kA), "i"(kB));
  }

 private:
  int lines_ = 0;
};
#endif

// What to ask for meanwhile, into the second-level cache: of each chunk of a panel some lines. The
// first `count` chunks are at `here`, the others at `after`.
struct Ahead {
  const std::uint32_t* here;
  std::int64_t count;
  const std::uint32_t* after;
  int first_line;
  int num_lines;
  bool of_x;  // and what comes next of x

  const std::uint32_t* of_chunk(std::int64_t chunk) const {
    return (chunk < count ? here + chunk * AmxPanels::kChunkWords
                          : after + (chunk - count) * AmxPanels::kChunkWords) +
           first_line * kLineWords;
  }
};

void ask_for(const void* from, int first, int last) {
  for (int line = first; line < last; ++line) {
    __builtin_prefetch(static_cast<const std::byte*>(from) + line * kLineBytes, 0, 2);
  }
}

// One group of rows by one panel. A piece of a row is a line: sums of pieces are apart until all
// columns are through, so that few rows fill a tile and are multiplied together.
template <class T>
class PanelProduct {
 public:
  // sums  [tiles of x, 2, 16, 16]; lines past the last piece hold anything.
  static void run(T& tiles, const TileRows& x, const std::uint32_t* words, std::int64_t num_chunks,
                  const Ahead& ahead, float* sums) {
    const Source source{x.values, x.num_rows * kTilePieces, words, num_chunks, &ahead};
    if (source.num_lines <= kTileLines) {
      tiles.set_lines(source.num_lines);
      return one(tiles, source, sums);
    }
    tiles.set_lines(kTileLines);
    if (source.num_lines <= 2 * kTileLines) return two(tiles, source, sums);
    three(tiles, source, sums);
  }

 private:
  struct Source {
    const std::uint16_t* x;
    int num_lines;  // of x in a chunk
    const std::uint32_t* words;
    std::int64_t num_chunks;
    const Ahead* ahead;

    const std::uint16_t* x_of(std::int64_t chunk, int tile = 0) const {
      return x + (chunk * num_lines + tile * kTileLines) * kTileColumns;
    }
    const std::uint32_t* words_of(std::int64_t chunk, int tile = 0) const {
      return words + chunk * AmxPanels::kChunkWords + tile * AmxPanels::kTileWords;
    }
    // A half of what a chunk asks for: all at once would keep the loads of tiles waiting.
    void ask(std::int64_t chunk, bool is_second) const {
      const int half = ahead->num_lines / 2;
      ask_for(ahead->of_chunk(chunk), is_second ? half : 0, is_second ? ahead->num_lines : half);
      if (ahead->of_x && is_second) ask_for(x_of(chunk + kAheadOfX), 0, num_lines);
    }
  };

  // Two chunks have tiles of their own, so that one is loaded while the other is multiplied.
  template <int kX, int kW>
  static void narrow_chunk(T& tiles, const Source& source, std::int64_t chunk) {
    tiles.template load<kX>(source.x_of(chunk));
    tiles.template load<kW>(source.words_of(chunk, 0));
    source.ask(chunk, false);
    tiles.template multiply<0, kX, kW>();
    tiles.template load<kW + 1>(source.words_of(chunk, 1));
    source.ask(chunk, true);
    tiles.template multiply<1, kX, kW + 1>();
  }

  static void one(T& tiles, const Source& source, float* sums) {
    zero<0, 1>(tiles);
    std::int64_t chunk = 0;
    for (; chunk + 1 < source.num_chunks; chunk += 2) {
      narrow_chunk<2, 4>(tiles, source, chunk);
      narrow_chunk<3, 6>(tiles, source, chunk + 1);
    }
    if (chunk < source.num_chunks) narrow_chunk<2, 4>(tiles, source, chunk);
    store<0, 1>(tiles, sums);
  }

  static void two(T& tiles, const Source& source, float* sums) {
    zero<0, 1, 2, 3>(tiles);
    for (std::int64_t chunk = 0; chunk < source.num_chunks; ++chunk) {
      tiles.template load<4>(source.x_of(chunk, 0));
      tiles.template load<6>(source.words_of(chunk, 0));
      tiles.template multiply<0, 4, 6>();
      tiles.template load<7>(source.words_of(chunk, 1));
      source.ask(chunk, false);
      tiles.template multiply<1, 4, 7>();
      tiles.template load<5>(source.x_of(chunk, 1));
      tiles.template multiply<2, 5, 6>();
      source.ask(chunk, true);
      tiles.template multiply<3, 5, 7>();
    }
    store<0, 1, 2, 3>(tiles, sums);
  }

  // The last tile of x that meets the first of weights is the first that meets the second.
  static void three(T& tiles, const Source& source, float* sums) {
    zero<0, 1, 2, 3, 4, 5>(tiles);
    for (std::int64_t chunk = 0; chunk < source.num_chunks; ++chunk) {
      tiles.template load<6>(source.words_of(chunk, 0));
      tiles.template load<7>(source.x_of(chunk, 0));
      tiles.template multiply<0, 7, 6>();
      tiles.template load<7>(source.x_of(chunk, 1));
      tiles.template multiply<2, 7, 6>();
      source.ask(chunk, false);
      tiles.template load<7>(source.x_of(chunk, 2));
      tiles.template multiply<4, 7, 6>();
      tiles.template load<6>(source.words_of(chunk, 1));
      tiles.template multiply<5, 7, 6>();
      tiles.template load<7>(source.x_of(chunk, 1));
      tiles.template multiply<3, 7, 6>();
      source.ask(chunk, true);
      tiles.template load<7>(source.x_of(chunk, 0));
      tiles.template multiply<1, 7, 6>();
    }
    store<0, 1, 2, 3, 4, 5>(tiles, sums);
  }

  template <int... kTiles>
  static void zero(T& tiles) {
    (tiles.template zero<kTiles>(), ...);
  }
  template <int... kTiles>
  static void store(T& tiles, float* sums) {
    (tiles.template store<kTiles>(sums + kTiles * kTileLines * kTileLines), ...);
  }
};

// out = the sums of the pieces, the smallest first, plus the bias, of outputs [n, n + count).
void store_sums(const float* sums, int num_rows, const MatmulPart& part, std::int64_t n,
                std::int64_t count, float* out) {
  std::array<float, AmxPanels::kRows> bias{};
  for (std::int64_t i = 0; part.bias && i < count; ++i) {
    bias[static_cast<std::size_t>(i)] = reference::weight_at(part.bias, n + i);
  }
  for (int r = 0; r < num_rows; ++r, out += part.out_stride) {
    for (std::int64_t first = 0; first < count; first += kTileLines) {
      std::array<const float*, kTilePieces> of_piece;
      for (int piece = 0; piece < kTilePieces; ++piece) {
        const int line = piece * num_rows + r;
        of_piece[static_cast<std::size_t>(piece)] =
            sums + ((line / kTileLines * kTilesOfOutputs + first / kTileLines) * kTileLines +
                    line % kTileLines) *
                       kTileLines;
      }
      const std::int64_t end = std::min<std::int64_t>(kTileLines, count - first);
      for (std::int64_t i = 0; i < end; ++i) {
        out[first + i] = of_piece[0][i] + of_piece[1][i] + of_piece[2][i] +
                         bias[static_cast<std::size_t>(first + i)];
      }
    }
  }
}

// A panel of `matrix`: its own copy, or one written for the occasion.
const std::uint32_t* panel_of(const AmxPanels& matrix, std::int64_t index) {
  if (const std::uint32_t* const panel = matrix.panel(index)) return panel;
  thread_local Tensor written;
  const std::int64_t words = matrix.panel_words();
  if (written.view().num_elements() < words) written = host_tensor(DType::kI32, {words});
  auto* const out = static_cast<std::uint32_t*>(written.view().data);
  matrix.write_panel(index, out);
  return out;
}

// is_first  x was not read before.
// after     what comes when the part is through, or null.
template <class T>
void multiply_part(T& tiles, std::span<const TileRows> x, const MatmulPart& part, bool is_first,
                   const std::uint32_t* after) {
  const AmxPanels& matrix = amx_panels_of(*part.weight);
  const std::int64_t num_chunks = matrix.num_chunks();
  const auto num_groups = static_cast<int>(x.size());
  alignas(64) std::array<float, kMostTilesOfX * kTilesOfOutputs * kTileLines * kTileLines> sums;
  for (std::int64_t n = part.first; n < part.last; n += AmxPanels::kRows) {
    const std::uint32_t* const words = panel_of(matrix, n / AmxPanels::kRows);
    const std::int64_t left = (part.last - n + AmxPanels::kRows - 1) / AmxPanels::kRows;
    // A single group asks for what it comes to soon; several share the asking for the next panel.
    const std::int64_t distance = num_groups == 1 ? kAheadChunks : num_chunks;
    Ahead ahead{.here = words + distance * AmxPanels::kChunkWords,
                .count = left * num_chunks - distance,
                .after = after != nullptr ? after : words,
                .first_line = 0,
                .num_lines = 0,
                .of_x = is_first && n == part.first};
    if (ahead.count < 0) {
      ahead.after -= ahead.count * AmxPanels::kChunkWords;
      ahead.count = 0;
    }
    const bool asks = matrix.panel(0) != nullptr;
    float* out = part.out + (n - part.first);
    for (int g = 0; g < num_groups; ++g) {
      const TileRows& rows = x[static_cast<std::size_t>(g)];
      ahead.first_line = kChunkLines * g / num_groups;
      ahead.num_lines = asks ? kChunkLines * (g + 1) / num_groups - ahead.first_line : 0;
      ahead.of_x = ahead.of_x && rows.num_rows * kTilePieces > kTileLines;
      PanelProduct<T>::run(tiles, rows, words, num_chunks, ahead, sums.data());
      store_sums(sums.data(), rows.num_rows, part, n, std::min(AmxPanels::kRows, part.last - n),
                 out);
      out += rows.num_rows * part.out_stride;
    }
  }
}

bool is_ours(const MatmulPart& part, Tiles tiles) {
  return has_tiles(*part.weight) && amx_panels_of(*part.weight).tiles() == tiles;
}

template <class T>
void multiply_parts(std::span<const TileRows> x, std::span<const MatmulPart> parts,
                    const MatmulPart* next, Tiles which) {
  T tiles;
  bool is_first = true;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    if (!is_ours(parts[p], which)) continue;
    const MatmulPart* const after = p + 1 < parts.size() ? &parts[p + 1] : next;
    const std::uint32_t* words = nullptr;
    if (after != nullptr && is_ours(*after, which)) {
      words = amx_panels_of(*after->weight).panel(after->first / AmxPanels::kRows);
    }
    multiply_part(tiles, x, parts[p], is_first, words);
    is_first = false;
  }
}

bool meets(std::span<const MatmulPart> parts, Tiles tiles) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const MatmulPart& part) { return is_ours(part, tiles); });
}

bool ask_for_amx() {
#if defined(__x86_64__) && defined(__linux__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kAmxBf16 = 1U << 22;
  constexpr unsigned kAmxTile = 1U << 24;
  if ((d & kAmxBf16) == 0 || (d & kAmxTile) == 0) return false;
  // Linux saves tiles for those who ask: ARCH_REQ_XCOMP_PERM of XFEATURE_XTILE_DATA.
  constexpr long kRequest = 0x1023;
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
#else
  return false;
#endif
}

std::int64_t blocks(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

}  // namespace

bool has_amx() {
  static const bool has = ask_for_amx();
  return has;
}

std::optional<Tiles> tiles_of_environment() {
  const char* const variable = std::getenv("PEIRA_AMX");
  const std::string value = variable != nullptr ? variable : "";
  if (value.empty() || value == "off") return std::nullopt;
  if (value == "emulated") return Tiles::kEmulated;
  if (value == "on" && has_amx()) return Tiles::kProcessor;
  if (value == "on") {
    throw Error(ErrorCode::kUnavailable,
                "PEIRA_AMX is \"on\", but this processor has no AMX for bfloat16, or the system "
                "withholds it\n  try: PEIRA_AMX=off");
  }
  throw Error(ErrorCode::kUsage, "PEIRA_AMX is \"" + value + "\"\n  try: on, off or emulated");
}

AmxPanels::AmxPanels(const Weight& weight, Tiles tiles)
    : PlacedMatrix(Layout::kAmxPanels),
      tiles_(tiles),
      num_rows_(weight.shape()[0]),
      num_columns_(weight.shape()[1]),
      num_chunks_(blocks(num_columns_, kColumns)),
      values_(static_cast<const std::uint16_t*>(weight.values.data)) {}

AmxPanels::AmxPanels(const Weight& weight, Tiles tiles, Arena& arena, const ForRows& for_panels)
    : AmxPanels(weight, tiles) {
  words_ = reinterpret_cast<std::uint32_t*>(arena.allocate(size_bytes(weight.shape())));
  for_panels(blocks(num_rows_, kRows), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t index = first; index < last; ++index) {
      write_panel(index, words_ + index * panel_words());
    }
  });
}

bool AmxPanels::suits(const Shape& shape) {
  constexpr std::int64_t kSmallBytes = 1 << 20;
  const std::int64_t size = size_bytes(shape);
  return size <= kSmallBytes || size <= shape[0] * shape[1] * 2 / 8 * 9;
}

std::int64_t AmxPanels::size_bytes(const Shape& shape) {
  return blocks(shape[0], kRows) * blocks(shape[1], kColumns) * kChunkWords * 4;
}

void AmxPanels::write_panel(std::int64_t index, std::uint32_t* out) const {
  const std::int64_t first = index * kRows;
  const std::int64_t count = std::min(kRows, num_rows_ - first);
  if (count < kRows) std::fill_n(out, panel_words(), 0U);
  for (std::int64_t k = 0; k < num_columns_; k += kColumns, out += kChunkWords) {
    for (std::int64_t n = 0; n < count; ++n) {
      std::array<std::uint16_t, kColumns> rest{};
      const std::uint16_t* from = values_ + (first + n) * num_columns_ + k;
      if (k + kColumns > num_columns_) {
        std::copy_n(from, num_columns_ - k, rest.begin());
        from = rest.data();
      }
      std::uint32_t* const to = out + n / kTileRows * kTileWords + n % kTileRows;
      for (std::int64_t i = 0; i < kColumns / 2; ++i) {
        to[i * kTileRows] = from[2 * i] | static_cast<std::uint32_t>(from[2 * i + 1]) << 16;
      }
    }
  }
}

bool has_tiles(const Weight& weight) {
  return has_layout(weight, PlacedMatrix::Layout::kAmxPanels);
}

void matmul_amx(std::span<const TileRows> x, std::span<const MatmulPart> parts,
                const MatmulPart* next) {
  if (x.empty()) return;
#if defined(__x86_64__) && defined(__linux__)
  if (meets(parts, Tiles::kProcessor)) {
    multiply_parts<ProcessorTiles>(x, parts, next, Tiles::kProcessor);
  }
#endif
  if (meets(parts, Tiles::kEmulated)) {
    multiply_parts<EmulatedTiles>(x, parts, next, Tiles::kEmulated);
  }
}

}  // namespace peira::model::cpu
