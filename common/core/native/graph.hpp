// The transform graph (features.json): input columns in, feature columns out, executed with a fixed order of operations.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace scoring {

class Graph {
 public:
  explicit Graph(std::string_view json);   // throws Fault naming the node and key that is wrong
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  int32_t inputs() const;
  int32_t features() const;
  bool identity() const;                                       // features are the inputs, in order
  const std::vector<std::string>& feature_names() const;
  // How a feature's contribution is shared among the inputs: features() x inputs(), row-major, rows sum to 1.
  const std::vector<double>& shares() const;

  // Doubles of working memory for a row.
  int32_t row_size() const;
  // One row: inputs() doubles in, features() doubles out.
  void row(const double* x, double* features, double* memory) const;

  // A block: columns[i] points to block_rows doubles of input i; memory holds row_size() * block_rows doubles, 64-byte aligned.
  // Sets features[f] to the column of feature f, which is either one of the inputs or inside memory.
  void block(const double* const* columns, double* memory, const double** features) const;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace scoring
