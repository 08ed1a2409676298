#include "contribution_plan.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "contribution_quadrature.hpp"
#include "fault.hpp"

namespace scoring {
namespace {

constexpr int32_t nothing = -1;

constexpr int32_t bytes(int32_t doubles) { return doubles * static_cast<int32_t>(sizeof(double)); }

bool twig(const Tree& tree, int32_t node) { return tree.left[node] < 0 && tree.right[node] < 0; }

View view_of(const Tree& tree, int32_t node) {
  switch (tree.missing(node)) {
    case Missing::zero: return tree.default_left(node) ? View::zero_left : View::zero_right;
    case Missing::nan: return tree.default_left(node) ? View::nan_left : View::nan_right;
    default: return View::plain;
  }
}

// What the walk from the root tells about the splits of one tree.
struct Paths {
  std::vector<int32_t> order;    // nodes, each after its parent
  std::vector<int32_t> prior;    // per node: 2 * (the last node above on the same feature) + side, or nothing
  std::vector<double> share;     // per edge 2 * node + side: part of the node's rows that goes there
  std::vector<double> kept;      // per edge: product of the shares of this edge and those above on the same feature
  int32_t widest = 0;            // most different features on a path
};

class Planner {
 public:
  explicit Planner(const Model& model) : model_(model), part_(model.features, nothing), code_(model.features, nothing) {
    plan_.features = model.features;
    plan_.outputs = model.outputs;
    plan_.bias.assign(model.outputs, 0.0);
  }

  ContributionPlan run() {
    number_features();
    for (int32_t output = 0; output < model_.outputs; ++output) {
      plan_.first_tree.push_back(plan_.trees.size());
      for (size_t t = output; t < model_.trees.size(); t += model_.outputs) add(model_.trees[t], t, output);
    }
    plan_.first_tree.push_back(plan_.trees.size());
    return std::move(plan_);
  }

 private:
  void number_features() {
    for (const Tree& tree : model_.trees) {
      for (int32_t node = 0; node + 1 < tree.leaves; ++node) {
        part_[tree.feature[node]] = 0;
        if (tree.categorical(node)) code_[tree.feature[node]] = 0;
      }
    }
    for (int32_t f = 0; f < model_.features; ++f) {
      if (part_[f] != nothing) {
        part_[f] = static_cast<int32_t>(plan_.used.size());
        plan_.used.push_back(f);
      }
      if (code_[f] != nothing) {
        code_[f] = static_cast<int32_t>(plan_.coded.size());
        plan_.coded.push_back(f);
      }
    }
  }

  void add(const Tree& tree, size_t number, int32_t output) {
    if (tree.leaves == 1) {
      plan_.bias[output] += tree.value[0];
      return;
    }
    const size_t nodes = tree.leaves - 1;
    if (tree.leaf_count.size() != nodes + 1 || tree.internal_count.size() != nodes) {
      throw Fault("contributions need the number of training rows at every node, but tree " + std::to_string(number) +
                  " of the model's text has no leaf_count and internal_count; save the model with LightGBM itself");
    }
    const Paths paths = walk(tree);
    plan_.bias[output] += mean(tree, paths);

    TreePlan built;
    for (const int32_t node : paths.order) ++(twig(tree, node) ? built.twigs : built.branches);
    built.points = paths.widest <= 2 * narrow_lanes ? narrow_lanes
                                                    : (paths.widest + 2 * wide_lanes - 1) / (2 * wide_lanes) * wide_lanes;
    built.first_branch = plan_.branches.size();
    built.first_twig = plan_.twigs.size();
    const std::pair<int32_t, int32_t> fixed = fixed_mesh(built.points);
    built.weights = fixed.first;
    built.absent = fixed.second;
    const int32_t first_time = built.absent + bytes(2 * built.points);   // the pair for z = 1 follows that of an absent feature

    const size_t first_split = plan_.numerics.size();
    plan_.numerics.resize(first_split + nodes, {0.0, 0});
    std::vector<int32_t> rank(nodes);
    int32_t branches = 0, twigs = built.branches;
    for (const int32_t node : paths.order) {
      rank[node] = twig(tree, node) ? twigs++ : branches++;
      add_decision(tree, node, static_cast<int32_t>(first_split) + rank[node]);
    }
    const int32_t slot = bytes(std::min(built.points, wide_lanes));
    std::map<int32_t, int32_t> mesh_of;   // edges above a split on the same feature
    for (const int32_t node : paths.order) {
      const int32_t part = bytes(part_[tree.feature[node]] * wide_lanes);
      int32_t prior = 2 * built.branches, mesh = first_time;
      if (const int32_t edge = paths.prior[node]; edge != nothing) {
        prior = 2 * rank[edge / 2] + edge % 2;
        const auto [found, fresh] = mesh_of.try_emplace(edge, 0);
        if (fresh) found->second = add_mesh(built.points, paths.kept[edge]);
        mesh = found->second;
      }
      const double share[2] = {paths.share[2 * node], paths.share[2 * node + 1]};
      const int32_t child[2] = {tree.left[node], tree.right[node]};
      const double value[2] = {child[0] < 0 ? tree.value[~child[0]] : 0.0, child[1] < 0 ? tree.value[~child[1]] : 0.0};
      if (twig(tree, node)) {
        plan_.twigs.push_back({{(1.0 - share[0]) * value[0] - share[1] * value[1], (1.0 - share[1]) * value[1] - share[0] * value[0]},
                               {value[0], value[1]}, part, mesh, prior});
        continue;
      }
      const auto stands = [&](int32_t at) { return slot * (at < 0 ? built.splits() : rank[at]); };
      plan_.branches.push_back({{share[0], share[1]}, {value[0], value[1]}, {stands(child[0]), stands(child[1])}, part, mesh, prior});
    }
    plan_.most_splits = std::max(plan_.most_splits, built.splits());
    plan_.trees.push_back(built);
  }

  Paths walk(const Tree& tree) {
    struct Frame {
      int32_t node, side;
      int32_t before;   // what `last` held for the node's feature
    };
    const size_t nodes = tree.leaves - 1;
    Paths paths;
    paths.prior.assign(nodes, nothing);
    paths.share.resize(2 * nodes);
    paths.kept.resize(2 * nodes);
    std::vector<int32_t>& last = last_;   // per feature: the edge of the current path that split on it last
    last.assign(plan_.used.size(), nothing);
    int32_t different = 0;
    std::vector<Frame> stack;
    const auto enter = [&](int32_t node) {
      paths.order.push_back(node);
      const int32_t before = last[part_[tree.feature[node]]];
      paths.prior[node] = before;
      const double here = tree.internal_count[node];
      for (int side = 0; side < 2; ++side) {
        const int32_t child = side == 0 ? tree.left[node] : tree.right[node];
        const double there = child < 0 ? tree.leaf_count[~child] : tree.internal_count[child];
        // A node without training rows has no shares to go by: LightGBM divides by zero here, we call it even.
        const double share = here == 0.0 ? 0.5 : there / here;
        paths.share[2 * node + side] = share;
        paths.kept[2 * node + side] = share * (before == nothing ? 1.0 : paths.kept[before]);
      }
      if (before == nothing) paths.widest = std::max(paths.widest, ++different);
      stack.push_back({node, 0, before});
    };
    enter(0);
    while (!stack.empty()) {
      Frame& top = stack.back();
      const int32_t part = part_[tree.feature[top.node]];
      if (top.side == 2) {
        last[part] = top.before;
        if (top.before == nothing) --different;
        stack.pop_back();
        continue;
      }
      last[part] = 2 * top.node + top.side;
      const int32_t child = top.side++ == 0 ? tree.left[top.node] : tree.right[top.node];
      if (child >= 0) enter(child);
    }
    paths.order.assign(1, 0);
    for (size_t i = 0; i < paths.order.size(); ++i) {
      const int32_t node = paths.order[i];
      if (tree.left[node] >= 0) paths.order.push_back(tree.left[node]);
      if (tree.right[node] >= 0) paths.order.push_back(tree.right[node]);
    }
    return paths;
  }

  // LightGBM's expected value of a tree.
  static double mean(const Tree& tree, const Paths& paths) {
    const double rows = tree.internal_count[0];
    double sum = 0.0;
    if (rows != 0.0) {
      for (int32_t leaf = 0; leaf < tree.leaves; ++leaf) sum += tree.leaf_count[leaf] / rows * tree.value[leaf];
      return sum;
    }
    std::vector<double> reach(tree.leaves - 1, 1.0);
    for (const int32_t node : paths.order) {
      for (int side = 0; side < 2; ++side) {
        const int32_t child = side == 0 ? tree.left[node] : tree.right[node];
        const double there = reach[node] * paths.share[2 * node + side];
        if (child < 0) sum += there * tree.value[~child];
        else reach[child] = there;
      }
    }
    return sum;
  }

  void add_decision(const Tree& tree, int32_t node, int32_t split) {
    const int32_t feature = tree.feature[node];
    if (tree.categorical(node)) {
      const auto set = static_cast<size_t>(tree.threshold[node]);
      const uint32_t first = static_cast<uint32_t>(plan_.words.size());
      plan_.words.insert(plan_.words.end(), tree.set_words.begin() + tree.set_start[set],
                         tree.set_words.begin() + tree.set_start[set + 1]);
      plan_.categoricals.push_back({first, static_cast<uint32_t>(plan_.words.size()) - first, code_[feature], split});
      return;
    }
    const auto key = std::make_pair(feature, view_of(tree, node));
    const auto [found, fresh] = view_.try_emplace(key, static_cast<int32_t>(plan_.views.size()));
    if (fresh) plan_.views.push_back({feature, key.second});
    plan_.numerics[split] = {tree.threshold[node], found->second};
  }

  const Quadrature& rule(int32_t points) {
    auto found = rules_.find(points);
    if (found == rules_.end()) found = rules_.emplace(points, gauss_legendre(points)).first;
    return found->second;
  }

  // The weights, and the pairs for an absent feature and for z = 1, that all trees of so many points share.
  std::pair<int32_t, int32_t> fixed_mesh(int32_t points) {
    const auto [found, fresh] = fixed_.try_emplace(points);
    if (fresh) {
      const Quadrature& nodes = rule(points);
      found->second.first = room(points);
      std::copy(nodes.weight.begin(), nodes.weight.end(), mesh(found->second.first));
      found->second.second = room(2 * points);
      std::fill_n(mesh(found->second.second), points, 1.0);
      add_mesh(points, 1.0);
    }
    return found->second;
  }

  int32_t add_mesh(int32_t points, double kept) {
    const int32_t start = room(2 * points);
    const Quadrature& nodes = rule(points);
    double* q = mesh(start);
    double* s = q + points;
    for (int32_t i = 0; i < points; ++i) {
      const double t = nodes.at[i], here = t + (1.0 - t) * kept;
      q[i] = (1.0 - t) * kept / here;
      s[i] = kept / (here * here);
    }
    return start;
  }

  double* mesh(int32_t start) { return plan_.mesh[start / sizeof(Lanes)].of; }

  int32_t room(int32_t doubles) {
    const size_t start = plan_.mesh.size() * sizeof(Lanes), more = (doubles + wide_lanes - 1) / wide_lanes;
    if (start + more * sizeof(Lanes) > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
      throw Fault("the model is too large for contributions");
    }
    plan_.mesh.resize(plan_.mesh.size() + more);
    return static_cast<int32_t>(start);
  }

  const Model& model_;
  ContributionPlan plan_;
  std::vector<int32_t> part_, code_;   // per feature: its number among those used, among the categorical ones
  std::vector<int32_t> last_;
  std::map<std::pair<int32_t, View>, int32_t> view_;
  std::map<int32_t, Quadrature> rules_;
  std::map<int32_t, std::pair<int32_t, int32_t>> fixed_;
};

}  // namespace

ContributionPlan plan_contribution(const Model& model) { return Planner(model).run(); }

}  // namespace scoring
