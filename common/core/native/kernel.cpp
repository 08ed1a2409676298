#include "kernel.hpp"

#include "clones.hpp"

namespace scoring {

SCORING_CLONES void arithmetic_column(Op op, const double* __restrict a, const double* __restrict b, double by, double* __restrict out,
                                      int rows) {
  // The choice stays outside the loops: each becomes vector code.
  switch (op) {
    case Op::add:
      if (b) for (int i = 0; i < rows; ++i) out[i] = a[i] + b[i];
      else for (int i = 0; i < rows; ++i) out[i] = a[i] + by;
      break;
    case Op::sub:
      if (b) for (int i = 0; i < rows; ++i) out[i] = a[i] - b[i];
      else for (int i = 0; i < rows; ++i) out[i] = a[i] - by;
      break;
    case Op::mul:
      if (b) for (int i = 0; i < rows; ++i) out[i] = a[i] * b[i];
      else for (int i = 0; i < rows; ++i) out[i] = a[i] * by;
      break;
    default:
      if (b) for (int i = 0; i < rows; ++i) out[i] = divided(a[i], b[i]);
      else for (int i = 0; i < rows; ++i) out[i] = divided(a[i], by);
  }
}

SCORING_CLONES void standardized_column(const double* __restrict x, double fill, double center, double scale, double* __restrict out,
                                        int rows) {
  for (int i = 0; i < rows; ++i) out[i] = standardized(x[i], fill, center, scale);
}

SCORING_CLONES void weighted_column(const double* __restrict z, double weight, double* __restrict out, int rows) {
  for (int i = 0; i < rows; ++i) out[i] += z[i] * weight;
}

SCORING_CLONES void unary_column(const Node& node, const double* __restrict x, double* __restrict out, int rows) {
  switch (node.op) {
    case Op::lookup: {
      const double* table = node.table.data();
      const auto size = static_cast<int32_t>(node.table.size()) - 2;
      for (int i = 0; i < rows; ++i) out[i] = looked_up(x[i], table, size);
      break;
    }
    case Op::match:
      for (int i = 0; i < rows; ++i) out[i] = matched(x[i], node);
      break;
    case Op::equal: {
      const double value = node.value;
      for (int i = 0; i < rows; ++i) out[i] = equals(x[i], value);
      break;
    }
    case Op::isnan:
      for (int i = 0; i < rows; ++i) out[i] = is_missing(x[i]) ? 1.0 : 0.0;
      break;
    case Op::fill: {
      const double value = node.value;
      for (int i = 0; i < rows; ++i) out[i] = filled(x[i], value);
      break;
    }
    case Op::clip: {
      const double low = node.low, high = node.high;
      for (int i = 0; i < rows; ++i) out[i] = clipped(x[i], low, high);
      break;
    }
    default:
      for (int i = 0; i < rows; ++i) out[i] = date_part(x[i], node.part);
  }
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
