#include "model_tree.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fault.hpp"
#include "numbers.hpp"

namespace scoring {
namespace {

constexpr std::string_view key_names[TreeText::key_count] = {
    "num_leaves", "num_cat",    "split_feature",  "threshold",      "decision_type", "left_child", "right_child",
    "leaf_value", "leaf_count", "internal_count", "cat_boundaries", "cat_threshold", "is_linear"};

constexpr auto any_value = [](auto) { return true; };

}  // namespace

void TreeText::add(std::string_view key, std::string_view value) {
  const auto* const found = std::find(std::begin(key_names), std::end(key_names), key);
  if (found == std::end(key_names)) return;
  const auto index = static_cast<Key>(found - std::begin(key_names));
  if (present_[index]) fail(index, "is given twice");
  present_[index] = true;
  values_[index] = value;
}

void TreeText::fail(Key key, const std::string& what) const {
  throw Fault("tree " + std::to_string(number_) + ": " + std::string(key_names[key]) + " " + what);
}

int64_t TreeText::integer(Key key, int64_t low, int64_t high) const {
  if (!present_[key]) fail(key, "is missing");
  int64_t value = 0;
  if (!whole(values_[key], value)) fail(key, "is not a whole number");
  if (value < low || value > high) {
    fail(key, "is " + std::to_string(value) + ", outside " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

// `length` may come from damaged text, so memory follows the length of the line: a number takes at least two characters.
template <class Element, class Check>
std::vector<Element> TreeText::array(Key key, size_t length, Check check) const {
  if (!present_[key]) fail(key, "is missing");
  std::string_view rest = values_[key];
  using Number = std::conditional_t<std::is_floating_point_v<Element>, double, int64_t>;
  std::vector<Element> elements;
  elements.reserve(std::min(length, rest.size() / 2 + 1));
  for (;;) {
    Number number{};
    const Scan scan = take(rest, number);
    if (scan == Scan::end) break;
    const auto place = [&] { return "has a bad entry at position " + std::to_string(elements.size()); };
    if (scan == Scan::damaged || !check(number)) fail(key, place());
    if (elements.size() == length) fail(key, "has more than the " + std::to_string(length) + " entries that belong there");
    elements.push_back(static_cast<Element>(number));
  }
  if (elements.size() != length) {
    fail(key, "has " + std::to_string(elements.size()) + " entries where " + std::to_string(length) + " belong");
  }
  return elements;
}

std::vector<double> TreeText::counts(Key key, size_t length) const {
  if (!present_[key] || values_[key].empty()) return {};
  return array<double>(key, length, [](double count) { return count >= 0 && std::isfinite(count); });
}

// A tree of one leaf has empty node arrays in the text, and LightGBM reads nothing but its leaf value.
Tree TreeText::read(int32_t features) const {
  // A linear leaf is a regression on features; leaf_value is then only what LightGBM falls back to.
  if (present_[is_linear] && integer(is_linear, 0, 1) == 1) {
    fail(is_linear, "is 1: linear trees (linear_tree=true) are not supported; train with linear_tree=false");
  }
  Tree tree;
  tree.leaves = static_cast<int32_t>(integer(num_leaves, 1, std::numeric_limits<int32_t>::max()));
  const auto leaves = static_cast<size_t>(tree.leaves);
  const size_t nodes = leaves - 1;
  tree.value = array<double>(leaf_value, leaves, [](double value) { return std::isfinite(value); });
  tree.leaf_count = counts(leaf_count, leaves);
  if (nodes == 0) return tree;

  tree.feature = array<int32_t>(split_feature, nodes, [=](int64_t feature) { return feature >= 0 && feature < features; });
  tree.threshold = array<double>(threshold, nodes, [](double value) { return !std::isnan(value); });
  // Bits 2 and 3 are the missing type, of which LightGBM defines 0, 1 and 2.
  tree.decision = array<uint8_t>(decision_type, nodes, [](int64_t type) { return type >= 0 && type < 12; });
  const auto child = [&](int64_t index) { return index < static_cast<int64_t>(nodes) && ~index < tree.leaves; };
  tree.left = array<int32_t>(left_child, nodes, child);
  tree.right = array<int32_t>(right_child, nodes, child);
  tree.internal_count = counts(internal_count, nodes);
  read_sets(tree);
  check_shape(tree);
  return tree;
}

// Categories are bit sets of 32-bit words, all in one array that the boundaries cut; a node's threshold is the number of its set.
void TreeText::read_sets(Tree& tree) const {
  const int64_t sets = present_[num_cat] ? integer(num_cat, 0, std::numeric_limits<int32_t>::max() - 1) : 0;
  for (size_t node = 0; node < tree.feature.size(); ++node) {
    if (!tree.categorical(static_cast<int32_t>(node))) continue;
    const double set = tree.threshold[node];
    if (!(set >= 0 && set < static_cast<double>(sets) && set == std::floor(set))) {
      fail(threshold, "of categorical node " + std::to_string(node) + " is not the number of a set");
    }
  }
  if (sets == 0) return;
  constexpr int64_t word_max = std::numeric_limits<uint32_t>::max();
  const auto word = [](int64_t value) { return value >= 0 && value <= word_max; };
  tree.set_start = array<uint32_t>(cat_boundaries, static_cast<size_t>(sets) + 1, word);
  if (tree.set_start.front() != 0) fail(cat_boundaries, "does not begin with 0");
  if (!std::is_sorted(tree.set_start.begin(), tree.set_start.end())) fail(cat_boundaries, "is not ascending");
  // A category is an int in LightGBM, so no set can be longer than this.
  for (size_t set = 0; set + 1 < tree.set_start.size(); ++set) {
    if (tree.set_start[set + 1] - tree.set_start[set] > (1u << 26)) fail(cat_boundaries, "has a set beyond category 2147483647");
  }
  tree.set_words = array<uint32_t>(cat_threshold, tree.set_start.back(), word);
}

// Children were checked to exist. A tree has exactly one way to every node and leaf; anything else would loop or double.
void TreeText::check_shape(const Tree& tree) const {
  std::vector<bool> node_seen(tree.feature.size());
  std::vector<bool> leaf_seen(tree.value.size());
  std::vector<int32_t> open{0};
  node_seen[0] = true;
  size_t nodes = 0;
  while (!open.empty()) {
    const int32_t node = open.back();
    open.pop_back();
    ++nodes;
    const auto visit = [&](Key key, int32_t child) {
      const bool leaf = child < 0;
      auto seen = leaf ? leaf_seen[static_cast<size_t>(~child)] : node_seen[static_cast<size_t>(child)];
      if (seen) {
        fail(key, "of node " + std::to_string(node) + " leads to " + (leaf ? "leaf " : "node ") +
                      std::to_string(leaf ? ~child : child) + ", which is reached twice");
      }
      seen = true;
      if (!leaf) open.push_back(child);
    };
    visit(left_child, tree.left[static_cast<size_t>(node)]);
    visit(right_child, tree.right[static_cast<size_t>(node)]);
  }
  // n - 1 nodes reached have n distinct leaves below them, so the leaves need no count of their own.
  if (nodes != tree.feature.size()) fail(left_child, "and right_child leave nodes that cannot be reached from the root");
}

}  // namespace scoring
