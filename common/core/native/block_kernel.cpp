#include "block_plan.hpp"
#include "isa.hpp"

#if SCORING_X86
#include <immintrin.h>
#endif

namespace scoring {

namespace block_baseline {
#define VECTOR_BYTES 16
#define MASK_BYTES 32
#include "block_kernel.inc"
#undef MASK_BYTES
#undef VECTOR_BYTES
}  // namespace block_baseline

#if SCORING_X86
#define SCORING_KERNEL_X86
SCORING_TARGET_BEGIN("avx2,bmi,bmi2")
namespace block_avx2 {
#define VECTOR_BYTES 32
#define MASK_BYTES 32
#include "block_kernel.inc"
#undef MASK_BYTES
#undef VECTOR_BYTES
}  // namespace block_avx2
SCORING_TARGET_END

SCORING_TARGET_BEGIN("avx2,bmi,bmi2,avx512f,avx512bw,avx512vl,avx512dq")
namespace block_avx512 {
#define VECTOR_BYTES 64
#define MASK_BYTES 64
#include "block_kernel.inc"
#undef MASK_BYTES
#undef VECTOR_BYTES
}  // namespace block_avx512
SCORING_TARGET_END
#endif

BlockKernel block_kernel() {
#if SCORING_X86
  if (isa() == Isa::avx512) return {64, block_avx512::evaluate_narrow, block_avx512::evaluate_wide};
  if (isa() == Isa::avx2) return {32, block_avx2::evaluate_narrow, block_avx2::evaluate_wide};
#endif
  return {32, block_baseline::evaluate_narrow, block_baseline::evaluate_wide};
}

}  // namespace scoring
