#include "isa.hpp"

#include <cstdlib>
#include <cstring>

namespace scoring {
namespace {

Isa widest() {
#if SCORING_X86
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2")) return Isa::baseline;
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("avx512dq");
  return wide ? Isa::avx512 : Isa::avx2;
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
