#include "contribution_paths.hpp"

#include <algorithm>

namespace scoring {
namespace {

int32_t child_of(const Tree& tree, int32_t edge) { return edge % 2 == 0 ? tree.left[edge / 2] : tree.right[edge / 2]; }

// A node without training rows has no shares to go by: LightGBM divides by zero there, here it is an even split.
double share_of(const Tree& tree, int32_t edge) {
  const int32_t child = child_of(tree, edge);
  const double here = tree.internal_count[edge / 2];
  return here == 0.0 ? 0.5 : (child < 0 ? tree.leaf_count[~child] : tree.internal_count[child]) / here;
}

std::vector<int32_t> level_order(const Tree& tree) {
  std::vector<int32_t> order{0};
  order.reserve(tree.leaves - 1);
  for (size_t i = 0; i < order.size(); ++i) {
    for (int side = 0; side < 2; ++side) {
      if (const int32_t child = child_of(tree, 2 * order[i] + side); child >= 0) order.push_back(child);
    }
  }
  return order;
}

}  // namespace

Paths read_paths(const Tree& tree, int32_t features) {
  struct Visit {
    int32_t node, sides_done;
  };
  const size_t nodes = tree.leaves - 1;
  Paths paths;
  paths.order = level_order(tree);
  paths.prior.assign(nodes, no_edge);
  paths.share.resize(2 * nodes);
  paths.kept.resize(2 * nodes);
  std::vector<int32_t> last(features, no_edge);   // per feature: where the path to here left its last node
  std::vector<Visit> path{{0, 0}};                // not by recursion: a tree can be one long chain
  int32_t different = 0;
  while (!path.empty()) {
    Visit& visit = path.back();
    const int32_t node = visit.node, feature = tree.feature[node];
    if (visit.sides_done == 0) {
      paths.prior[node] = last[feature];
      if (last[feature] == no_edge) paths.widest = std::max(paths.widest, ++different);
    }
    const int32_t before = paths.prior[node];
    if (visit.sides_done == 2) {
      last[feature] = before;
      if (before == no_edge) --different;
      path.pop_back();
      continue;
    }
    const int32_t edge = 2 * node + visit.sides_done++, child = child_of(tree, edge);
    paths.share[edge] = share_of(tree, edge);
    paths.kept[edge] = paths.share[edge] * (before == no_edge ? 1.0 : paths.kept[before]);
    last[feature] = edge;
    if (child >= 0) path.push_back({child, 0});
  }
  return paths;
}

double mean_value(const Tree& tree, const Paths& paths) {
  const double rows = tree.internal_count[0];
  double sum = 0.0;
  if (rows != 0.0) {
    for (int32_t leaf = 0; leaf < tree.leaves; ++leaf) sum += tree.leaf_count[leaf] / rows * tree.value[leaf];
    return sum;
  }
  std::vector<double> reach(tree.leaves - 1, 1.0);
  for (const int32_t node : paths.order) {
    for (int32_t edge = 2 * node; edge < 2 * node + 2; ++edge) {
      const int32_t child = child_of(tree, edge);
      const double there = reach[node] * paths.share[edge];
      if (child < 0) sum += there * tree.value[~child];
      else reach[child] = there;
    }
  }
  return sum;
}

}  // namespace scoring
