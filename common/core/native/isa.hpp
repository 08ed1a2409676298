// Which vector instructions this process uses: the widest that the processor and the system support.
// For tests and measurements, the environment variable SCORING_ISA=baseline|avx2|avx512, read once, lowers the choice.
#pragma once
#include <cstdint>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define SCORING_X86 1
#else
#define SCORING_X86 0
#endif

// Between these two, functions are compiled for an instruction set that the file as a whole is not. Standard headers must come
// before: inline functions that another file shares must not be compiled for more than the baseline.
#define SCORING_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define SCORING_TARGET_BEGIN(isa) SCORING_PRAGMA(clang attribute push(__attribute__((target(isa))), apply_to = function))
#define SCORING_TARGET_END SCORING_PRAGMA(clang attribute pop)
#else
#define SCORING_TARGET_BEGIN(isa) SCORING_PRAGMA(GCC push_options) SCORING_PRAGMA(GCC target(isa))
#define SCORING_TARGET_END SCORING_PRAGMA(GCC pop_options)
#endif

namespace scoring {

enum class Isa : uint8_t { baseline, avx2, avx512 };

Isa isa();

}  // namespace scoring
