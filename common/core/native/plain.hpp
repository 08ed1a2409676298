// The forest flattened to arrays and walked on doubles, node by node. It has no limits of its own, so it takes every model;
// the faster layouts are built from it when they are first needed.
#pragma once
#include <cstdint>
#include <vector>

#include "model.hpp"

namespace scoring {

// LightGBM's predict on a dense row first drops values of this size or less to 0, whatever the missing type of a node.
constexpr double zero_threshold = 1e-35f;
// Categories are ints: LightGBM truncates towards 0, so -0.5 is category 0. What no int holds, and NaN, is in no set.
constexpr double category_low = -1.0, category_end = 2147483648.0;

struct PlainNode {
  double threshold;
  int32_t left, right;   // child >= 0 is a node of the forest, child < 0 is leaf ~child of the forest
  int32_t feature;
  uint32_t set_first;    // categorical: words set_first .. set_first + set_words
  uint32_t set_words;
  float weight;          // share of the training rows that pass here, 0 to 1: only a hint for laying out memory
  uint8_t decision;

  bool categorical() const { return decision & 1; }
  bool default_left() const { return decision & 2; }
  Missing missing() const { return static_cast<Missing>(decision >> 2 & 3); }
};

struct PlainTree {
  int32_t root;          // as a child
  int32_t first_node, first_leaf, leaves;
};

class Plain {
 public:
  explicit Plain(const Model& model);

  int32_t outputs() const { return outputs_; }
  int32_t features() const { return features_; }
  const std::vector<PlainTree>& trees() const { return trees_; }
  const std::vector<PlainNode>& nodes() const { return nodes_; }
  const std::vector<double>& leaves() const { return leaves_; }

  // Whether a set of a categorical node has a category.
  bool in_set(const PlainNode& node, uint32_t category) const {
    return category / 32 < node.set_words && (words_[node.set_first + category / 32] >> (category % 32) & 1);
  }
  const uint32_t* set(const PlainNode& node) const { return words_.data() + node.set_first; }

  // Raw scores; feature f of the row is x[f].
  void row(const double* x, double* out) const;
  // Raw scores of one row of a block; feature f of the row is columns[f][row].
  void row_of(const double* const* columns, int64_t row, double* out) const;

 private:
  bool goes_left(const PlainNode& node, double value) const;
  template <class Read>
  void sum(Read read, double* out) const;

  int32_t outputs_, features_;
  std::vector<PlainTree> trees_;
  std::vector<PlainNode> nodes_;
  std::vector<double> leaves_;
  std::vector<uint32_t> words_;
};

// The leaves of a tree numbered from left to right, so that those below a node are a range.
class LeafOrder {
 public:
  LeafOrder(const Plain& plain, const PlainTree& tree);

  int32_t code(int32_t leaf) const { return code_[static_cast<size_t>(leaf - first_leaf_)]; }
  // Range of codes below a child (node or leaf), and where its right part begins.
  struct Range {
    int32_t first, middle, end;
  };
  Range range(int32_t child) const;

 private:
  int32_t first_node_, first_leaf_;
  std::vector<int32_t> code_;
  std::vector<Range> node_;
};

}  // namespace scoring
