#include "isa.hpp"

#include <cstdlib>
#include <cstring>

#if SCORING_X86
#include <cpuid.h>
#endif

namespace scoring {
namespace {

#if SCORING_X86
// The registers that the operating system saves: bits 1, 2 those of AVX, 5 to 7 those of AVX-512.
uint32_t saved_registers() {
  uint32_t low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}
#endif

// Asks the processor itself: with zig's runtime, __builtin_cpu_supports compiles and always says no.
Isa widest() {
#if SCORING_X86
  constexpr uint32_t avx_saved = 0x06, avx512_saved = 0xE6;
  constexpr uint32_t xsave = 1u << 27, avx = 1u << 28;   // leaf 1, ecx
  constexpr uint32_t avx2_bmi = 1u << 5 | 1u << 3 | 1u << 8;   // leaf 7, ebx: AVX2, BMI, BMI2
  constexpr uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;   // leaf 7, ebx: F, DQ, BW, VL
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & xsave) == 0 || (c & avx) == 0) return Isa::baseline;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & avx2_bmi) != avx2_bmi) return Isa::baseline;
  const uint32_t saved = saved_registers();
  if ((saved & avx_saved) != avx_saved) return Isa::baseline;
  return (b & avx512) == avx512 && (saved & avx512_saved) == avx512_saved ? Isa::avx512 : Isa::avx2;
#else
  return Isa::baseline;
#endif
}

Isa choose() {
  const Isa most = widest();
  const char* const wish = std::getenv("SCORING_ISA");
  if (wish == nullptr) return most;
  Isa wished = most;
  if (std::strcmp(wish, "baseline") == 0) wished = Isa::baseline;
  if (std::strcmp(wish, "avx2") == 0) wished = Isa::avx2;
  return wished < most ? wished : most;
}

}  // namespace

Isa isa() {
  static const Isa chosen = choose();
  return chosen;
}

}  // namespace scoring
