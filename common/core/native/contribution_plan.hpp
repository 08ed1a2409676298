// What a contribution needs of a model, laid out in the order in which a row walks it.
//
// The value of a coalition S of features is the tree's mean output when the features in S follow the row and the others
// branch at random, in proportion to the training rows (Lundberg et al., "From local explanations to global understanding
// with explainable AI for trees", Nature Machine Intelligence 2, 2020: the path-dependent TreeSHAP). The Shapley value of
// feature i is the integral over t in [0, 1] of the slope, along feature i, of the expected value when every feature joins S
// independently with probability t (Owen, "Multilinear extensions of games", Management Science 18, 1972).
//
// At a fixed t that expectation is a walk down the tree. Before a split on feature f, let z be the share of training rows
// that the splits on f so far would have kept (1 at the first of them). While the row itself agrees with all of those, the
// feature is outside S with probability q = (1 - t) z / (t + (1 - t) z); once the row has left the path it is outside for
// certain, q = 1. So with `hot` the child that the row takes and `share` a child's part of its parent's training rows,
//
//   lost         = (1 - share[hot]) G[hot] - share[cold] G[cold]
//   G            = G[hot] - q lost                                     mean output below the split (leaves: their value)
//   reach[hot]   = reach - (1 - share[hot]) q reach                    probability of coming here
//   reach[cold]  = share[cold] q reach
//   part of f   += reach s lost,   s = z / (t + (1 - t) z)^2           -dq/dt; 0 once the row has left the path
//
// A tree with at most D different features on any path makes an integrand of degree D - 1, for which Gauss-Legendre
// quadrature with D / 2 points (rounded up) is exact, not an approximation. All points go through the tree at once, in the
// lanes of vector registers. The same integral is behind Linear TreeShap (Yu et al., NeurIPS 2022), which interpolates the
// polynomial, and Quadrature-TreeSHAP (Wettenstein, Mitchell and Yu, arXiv 2605.04497, 2026).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model.hpp"

namespace scoring {

constexpr int32_t narrow_lanes = 4, wide_lanes = 8;   // quadrature points that walk together
constexpr uint32_t no_category = UINT32_MAX;

struct alignas(64) Lanes {
  double of[wide_lanes];
};

// How a numeric split sees a feature: the value itself (missing counts as 0), or with its missing values (NaN; or NaN and 0)
// moved to -infinity, which goes left at every split, or to NaN, which goes right.
enum class View : uint8_t { plain, zero_left, zero_right, nan_left, nan_right };

struct ViewPlan {
  int32_t feature;
  View view;
};

// A split with a split below it.
struct BranchPlan {
  double share[2];    // of the training rows here: left, right
  double value[2];    // of a child that is a leaf, else 0
  int32_t child[2];   // where the child's lanes stand; those of all leaves follow those of the tree's splits
  int32_t part;       // where the lanes of its feature stand
  int32_t pair;       // where q stands while the row agrees with the splits above on the same feature; s follows
  int32_t prior;      // 2 * (the last split above on the same feature) + side; 2 * branches: there is none
};

// A split into two leaves: what is lost when the row goes left or right is known beforehand.
struct TwigPlan {
  double lost[2];
  double value[2];
  int32_t part, pair, prior;
};

// Whether a row goes left at a numeric split.
struct NumericPlan {
  double threshold = 0.0;
  int32_t view = 0;   // number of the view
};

struct CategoricalPlan {
  uint32_t first, words;   // of the set
  int32_t code;            // number of the feature among the categorical ones
  int32_t split;           // number in the forest
};

// The splits of a tree are numbered in order of depth, those that are twigs after the others.
struct TreePlan {
  int32_t branches = 0, twigs = 0;
  int32_t points = narrow_lanes;   // narrow_lanes or a multiple of wide_lanes
  int32_t weights = 0;             // where the quadrature's weights stand
  int32_t absent = 0;              // where q = 1 stands, and then s = 0
  size_t first_branch = 0, first_twig = 0;

  int32_t splits() const { return branches + twigs; }
};

// Places in lanes and mesh ("where ... stands") are counted in bytes.
struct ContributionPlan {
  int32_t features = 0, outputs = 1, most_splits = 0;
  std::vector<int32_t> used;         // features that some tree asks for, ascending
  std::vector<ViewPlan> views;
  std::vector<int32_t> coded;        // features that some split takes as categories
  std::vector<uint32_t> words;       // of all sets
  std::vector<Lanes> mesh;           // vectors of `points` doubles: weights, and pairs of q and s
  std::vector<double> bias;          // per output: what the trees answer on average
  std::vector<TreePlan> trees;       // grouped by output
  std::vector<size_t> first_tree;    // outputs + 1 entries
  std::vector<BranchPlan> branches;
  std::vector<TwigPlan> twigs;
  std::vector<NumericPlan> numerics;           // of every split in the forest; idle for categorical ones
  std::vector<CategoricalPlan> categoricals;
};

// Throws Fault when a tree has no counts.
ContributionPlan plan_contribution(const Model& model);

}  // namespace scoring
