#include "plain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fault.hpp"

namespace scoring {
namespace {

void check_size(const Model& model) {
  size_t leaves = 0;
  size_t words = 0;
  for (const Tree& tree : model.trees) {
    leaves += tree.value.size();
    words += tree.set_words.size();
  }
  if (leaves > static_cast<size_t>(std::numeric_limits<int32_t>::max()) || words > std::numeric_limits<uint32_t>::max()) {
    throw Fault("the model has more leaves or category sets than the engine can number");
  }
}

float weight_of(const Tree& tree, int32_t node) {
  if (tree.internal_count.empty() || !(tree.internal_count[0] > 0)) return 0.0f;
  return static_cast<float>(tree.internal_count[static_cast<size_t>(node)] / tree.internal_count[0]);
}

}  // namespace

Plain::Plain(const Model& model) : outputs_(model.outputs), features_(model.features) {
  check_size(model);
  size_t leaves = 0;
  for (const Tree& tree : model.trees) leaves += tree.value.size();
  trees_.reserve(model.trees.size());
  nodes_.reserve(leaves - model.trees.size());
  leaves_.reserve(leaves);
  for (const Tree& tree : model.trees) {
    const auto node_base = static_cast<int32_t>(nodes_.size());
    const auto leaf_base = static_cast<int32_t>(leaves_.size());
    const auto word_base = static_cast<uint32_t>(words_.size());
    const auto placed = [&](int32_t child) { return child >= 0 ? node_base + child : ~(leaf_base + ~child); };
    trees_.push_back({placed(tree.leaves > 1 ? 0 : ~0), node_base, leaf_base, tree.leaves});
    for (int32_t i = 0; i + 1 < tree.leaves; ++i) {
      PlainNode node{tree.threshold[i], placed(tree.left[i]), placed(tree.right[i]), tree.feature[i], 0, 0, weight_of(tree, i),
                     tree.decision[i]};
      if (tree.categorical(i)) {
        const auto set = static_cast<size_t>(tree.threshold[i]);
        node.set_first = word_base + tree.set_start[set];
        node.set_words = tree.set_start[set + 1] - tree.set_start[set];
      }
      nodes_.push_back(node);
    }
    leaves_.insert(leaves_.end(), tree.value.begin(), tree.value.end());
    words_.insert(words_.end(), tree.set_words.begin(), tree.set_words.end());
  }
}

bool Plain::goes_left(const PlainNode& node, double value) const {
  if (node.categorical()) {
    return value > category_low && value < category_end && in_set(node, static_cast<uint32_t>(static_cast<int32_t>(value)));
  }
  const bool zero = !(std::fabs(value) > zero_threshold);   // NaN too: without missing type NaN it counts as 0
  if (node.missing() == Missing::nan && std::isnan(value)) return node.default_left();
  if (node.missing() == Missing::zero && zero) return node.default_left();
  return (zero ? 0.0 : value) <= node.threshold;
}

template <class Read>
void Plain::sum(Read read, double* out) const {
  std::fill(out, out + outputs_, 0.0);
  int32_t k = 0;
  for (const PlainTree& tree : trees_) {
    int32_t at = tree.root;
    while (at >= 0) {
      const PlainNode& node = nodes_[static_cast<size_t>(at)];
      at = goes_left(node, read(node.feature)) ? node.left : node.right;
    }
    out[k] += leaves_[static_cast<size_t>(~at)];
    if (++k == outputs_) k = 0;
  }
}

void Plain::row(const double* x, double* out) const {
  sum([=](int32_t feature) { return x[feature]; }, out);
}

void Plain::row_of(const double* const* columns, int64_t row, double* out) const {
  sum([=](int32_t feature) { return columns[feature][row]; }, out);
}

// Trees may be chains of any depth, so the walk keeps its own stack.
LeafOrder::LeafOrder(const Plain& plain, const PlainTree& tree)
    : first_node_(tree.first_node),
      first_leaf_(tree.first_leaf),
      code_(static_cast<size_t>(tree.leaves)),
      node_(static_cast<size_t>(tree.leaves - 1)) {
  int32_t next = 0;
  enum Step : int32_t { enter, between, leave };
  std::vector<std::pair<int32_t, Step>> open{{tree.root, enter}};
  while (!open.empty()) {
    const auto [at, step] = open.back();
    if (at < 0) {
      code_[static_cast<size_t>(~at - first_leaf_)] = next++;
      open.pop_back();
      continue;
    }
    const PlainNode& node = plain.nodes()[static_cast<size_t>(at)];
    Range& range = node_[static_cast<size_t>(at - first_node_)];
    if (step == enter) {
      range.first = next;
      open.back().second = between;
      open.emplace_back(node.left, enter);
    } else if (step == between) {
      range.middle = next;
      open.back().second = leave;
      open.emplace_back(node.right, enter);
    } else {
      range.end = next;
      open.pop_back();
    }
  }
}

LeafOrder::Range LeafOrder::range(int32_t child) const {
  if (child >= 0) return node_[static_cast<size_t>(child - first_node_)];
  const int32_t own = code(~child);
  return {own, own + 1, own + 1};
}

}  // namespace scoring
