#include "vector_and.hpp"

#include "isa.hpp"

namespace scoring {

namespace and_baseline {
#define VECTOR_BYTES 16
#include "vector_and.inc"
#undef VECTOR_BYTES
}  // namespace and_baseline

#if SCORING_X86
SCORING_TARGET_BEGIN("avx2")
namespace and_avx2 {
#define VECTOR_BYTES 32
#include "vector_and.inc"
#undef VECTOR_BYTES
}  // namespace and_avx2
SCORING_TARGET_END

SCORING_TARGET_BEGIN("avx512f")
namespace and_avx512 {
#define VECTOR_BYTES 64
#include "vector_and.inc"
#undef VECTOR_BYTES
}  // namespace and_avx512
SCORING_TARGET_END
#endif

AndLines and_lines() {
#if SCORING_X86
  if (isa() == Isa::avx512) return and_avx512::and_lines;
  if (isa() == Isa::avx2) return and_avx2::and_lines;
#endif
  return and_baseline::and_lines;
}

}  // namespace scoring
