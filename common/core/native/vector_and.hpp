// The AND of lines of masks, compiled for each instruction set.
#pragma once
#include <cstddef>

namespace scoring {

// out = the AND of `count` lines of `bytes` bytes (a multiple of 64, all aligned to 64); all ones when there are none.
using AndLines = void (*)(const std::byte* const* lines, int count, size_t bytes, std::byte* out);

AndLines and_lines();

}  // namespace scoring
