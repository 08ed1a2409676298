#include "kernel.hpp"

#include "isa.hpp"

namespace scoring {

namespace graph_baseline {
#include "kernel.inc"
}  // namespace graph_baseline

#if SCORING_X86
SCORING_TARGET_BEGIN("avx2")
namespace graph_avx2 {
#include "kernel.inc"
}  // namespace graph_avx2
SCORING_TARGET_END

SCORING_TARGET_BEGIN("avx2,avx512f,avx512bw,avx512vl,avx512dq")
namespace graph_avx512 {
#include "kernel.inc"
}  // namespace graph_avx512
SCORING_TARGET_END
#endif

const Kernel& kernel() {
#if SCORING_X86
  if (isa() == Isa::avx512) return graph_avx512::kernel;
  if (isa() == Isa::avx2) return graph_avx2::kernel;
#endif
  return graph_baseline::kernel;
}

double unary(const Node& node, double x) {
  switch (node.op) {
    case Op::lookup: return looked_up(x, node.table.data(), static_cast<int32_t>(node.table.size()) - 2);
    case Op::match: return matched(x, node);
    case Op::equal: return equals(x, node.value);
    case Op::isnan: return is_missing(x) ? 1.0 : 0.0;
    case Op::fill: return filled(x, node.value);
    case Op::clip: return clipped(x, node.low, node.high);
    default: return date_part(x, node.part);
  }
}

}  // namespace scoring
