#include "contribution_plan.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "contribution_paths.hpp"
#include "contribution_quadrature.hpp"
#include "fault.hpp"

namespace scoring {
namespace {

constexpr int32_t unused = -1;

constexpr int32_t bytes(int32_t doubles) { return doubles * static_cast<int32_t>(sizeof(double)); }

// Points enough for an integrand of degree widest - 1, in whole registers.
int32_t points_for(int32_t widest) {
  const int32_t least = (widest + 1) / 2;
  return least <= narrow_lanes ? narrow_lanes : (least + wide_lanes - 1) / wide_lanes * wide_lanes;
}

bool is_twig(const Tree& tree, int32_t node) { return tree.left[node] < 0 && tree.right[node] < 0; }

View view_of(const Tree& tree, int32_t node) {
  switch (tree.missing(node)) {
    case Missing::zero: return tree.default_left(node) ? View::zero_left : View::zero_right;
    case Missing::nan: return tree.default_left(node) ? View::nan_left : View::nan_right;
    default: return View::plain;
  }
}

class Planner {
 public:
  explicit Planner(const Model& model) : model_(model), part_(model.features, unused), code_(model.features, unused) {
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
  // What the trees of one number of points share.
  struct Rule {
    Quadrature nodes;
    int32_t weights = 0, absent = 0, first_time = 0;   // where these stand in the mesh
  };

  void number_features() {
    for (const Tree& tree : model_.trees) {
      for (int32_t node = 0; node + 1 < tree.leaves; ++node) {
        part_[tree.feature[node]] = 0;
        if (tree.categorical(node)) code_[tree.feature[node]] = 0;
      }
    }
    for (int32_t f = 0; f < model_.features; ++f) {
      if (part_[f] != unused) {
        part_[f] = static_cast<int32_t>(plan_.used.size());
        plan_.used.push_back(f);
      }
      if (code_[f] != unused) {
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
    const Paths paths = read_paths(tree, model_.features);
    plan_.bias[output] += mean_value(tree, paths);
    const Rule& rule = rule_for(points_for(paths.widest));

    TreePlan built;
    built.points = static_cast<int32_t>(rule.nodes.at.size());
    built.weights = rule.weights;
    built.absent = rule.absent;
    built.first_branch = plan_.branches.size();
    built.first_twig = plan_.twigs.size();
    for (const int32_t node : paths.order) ++(is_twig(tree, node) ? built.twigs : built.branches);
    std::vector<int32_t> rank(nodes);
    for (int32_t i = 0, branch = 0, twig = built.branches; i < built.splits(); ++i) {
      const int32_t node = paths.order[i];
      rank[node] = is_twig(tree, node) ? twig++ : branch++;
    }

    const int32_t first_split = static_cast<int32_t>(plan_.numerics.size());
    plan_.numerics.resize(first_split + nodes);
    std::map<int32_t, int32_t> pair_of;   // of edges
    for (const int32_t node : paths.order) {
      add_decision(tree, node, first_split + rank[node]);
      const int32_t part = bytes(part_[tree.feature[node]] * wide_lanes);
      int32_t prior = 2 * built.branches, pair = rule.first_time;
      if (const int32_t edge = paths.prior[node]; edge != no_edge) {
        prior = 2 * rank[edge / 2] + edge % 2;
        const auto [found, fresh] = pair_of.try_emplace(edge, 0);
        if (fresh) found->second = add_pair(rule.nodes, paths.kept[edge]);
        pair = found->second;
      }
      add_split(tree, node, built, rank, &paths.share[2 * node], part, pair, prior);
    }
    plan_.most_splits = std::max(plan_.most_splits, built.splits());
    plan_.trees.push_back(built);
  }

  void add_split(const Tree& tree, int32_t node, const TreePlan& built, const std::vector<int32_t>& rank, const double* share,
                 int32_t part, int32_t pair, int32_t prior) {
    const int32_t child[2] = {tree.left[node], tree.right[node]};
    double value[2];
    int32_t place[2];
    for (int side = 0; side < 2; ++side) {
      value[side] = child[side] < 0 ? tree.value[~child[side]] : 0.0;
      place[side] = bytes(std::min(built.points, wide_lanes)) * (child[side] < 0 ? built.splits() : rank[child[side]]);
    }
    if (is_twig(tree, node)) {
      const double lost_left = (1.0 - share[0]) * value[0] - share[1] * value[1];
      const double lost_right = (1.0 - share[1]) * value[1] - share[0] * value[0];
      plan_.twigs.push_back({{lost_left, lost_right}, {value[0], value[1]}, part, pair, prior});
    } else {
      plan_.branches.push_back({{share[0], share[1]}, {value[0], value[1]}, {place[0], place[1]}, part, pair, prior});
    }
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

  const Rule& rule_for(int32_t points) {
    const auto [found, fresh] = rules_.try_emplace(points);
    Rule& rule = found->second;
    if (fresh) {
      rule.nodes = gauss_legendre(points);
      rule.weights = room(points);
      std::copy(rule.nodes.weight.begin(), rule.nodes.weight.end(), mesh(rule.weights));
      rule.absent = room(2 * points);
      std::fill_n(mesh(rule.absent), points, 1.0);
      rule.first_time = add_pair(rule.nodes, 1.0);
    }
    return rule;
  }

  // q and s after the splits above on the same feature have kept this share of the training rows.
  int32_t add_pair(const Quadrature& nodes, double kept) {
    const int32_t points = static_cast<int32_t>(nodes.at.size()), place = room(2 * points);
    double* const q = mesh(place);
    double* const s = q + points;
    for (int32_t i = 0; i < points; ++i) {
      const double t = nodes.at[i], here = t + (1.0 - t) * kept;
      q[i] = (1.0 - t) * kept / here;
      s[i] = kept / (here * here);
    }
    return place;
  }

  double* mesh(int32_t place) { return plan_.mesh[place / sizeof(Lanes)].of; }

  int32_t room(int32_t doubles) {
    const size_t place = plan_.mesh.size() * sizeof(Lanes), more = (doubles + wide_lanes - 1) / wide_lanes;
    if (place + more * sizeof(Lanes) > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
      throw Fault("the model is too large for contributions: its repeated splits need more than 2 GiB");
    }
    plan_.mesh.resize(plan_.mesh.size() + more);
    return static_cast<int32_t>(place);
  }

  const Model& model_;
  ContributionPlan plan_;
  std::vector<int32_t> part_, code_;   // per feature: its number among those used, among the categorical ones
  std::map<std::pair<int32_t, View>, int32_t> view_;
  std::map<int32_t, Rule> rules_;
};

}  // namespace

ContributionPlan plan_contribution(const Model& model) { return Planner(model).run(); }

}  // namespace scoring
