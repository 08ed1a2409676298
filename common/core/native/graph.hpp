// The transform graph (features.json): input columns in, feature columns out, executed with a fixed order of operations.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "forest.hpp"   // block_rows

namespace scoring {

class Graph {
 public:
  explicit Graph(std::string_view json);   // throws Fault naming the node and key that is wrong
  // The part of `whole` that computes only the wanted features (ascending); the others come out as NaN, or nullptr from `block`.
  Graph(const Graph& whole, const std::vector<int32_t>& wanted);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  int32_t inputs() const;
  int32_t features() const;
  bool identity() const;                             // features are the inputs, in order
  const std::vector<int32_t>& inputs_read() const;   // ascending; the others are never touched
  const std::vector<std::string>& input_names() const;
  const std::vector<std::string>& feature_names() const;
  // How a feature's contribution is shared among the inputs: features() x inputs(), row-major, rows sum to 1.
  // An input has all of itself; a node of one operand passes on all, of two operands half and half, a projection in proportion to
  // the weights' sizes; along a path the shares multiply. Worked out at the first call.
  const std::vector<double>& shares() const;

  // Doubles of working memory for a row.
  int32_t row_size() const;
  // One row: inputs() doubles in, features() doubles out. The same bits as `block`.
  void row(const double* x, double* features, double* memory) const;

  // A block: columns[i] points to block_rows doubles of input i; memory holds row_size() * block_rows doubles, 64-byte aligned.
  // Sets features[f] to the column of feature f, which is either one of the inputs or inside memory. Only the first `rows` are computed.
  void block(const double* const* columns, double* memory, const double** features, int rows = block_rows) const;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace scoring
