// What the paths of one tree say about its splits.
#pragma once
#include <cstdint>
#include <vector>

#include "model.hpp"

namespace scoring {

constexpr int32_t no_edge = -1;

// An edge is 2 * node + side, where side is 0 for the left child and 1 for the right one.
struct Paths {
  std::vector<int32_t> order;    // nodes level by level, from the root
  std::vector<int32_t> prior;    // per node: the edge by which its path left the last node above on the same feature, or no_edge
  std::vector<double> share;     // per edge: part of the node's training rows that goes there
  std::vector<double> kept;      // per edge: product of the shares of this edge and of those above on the same feature
  int32_t widest = 0;            // most different features on a path
};

// Of a tree with two leaves or more, and with counts; `features` is the model's.
Paths read_paths(const Tree& tree, int32_t features);

// LightGBM's expected value of such a tree: the mean of its leaves over the training rows.
double mean_value(const Tree& tree, const Paths& paths);

}  // namespace scoring
