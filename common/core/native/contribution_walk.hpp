// One row through the trees of one output, by the widest vector registers that the processor has.
#pragma once
#include <cstddef>
#include <cstdint>

#include "contribution_plan.hpp"

namespace scoring {

struct ContributionWork {
  const uint8_t* hot;   // per split of the forest: side that the row takes
  uint8_t* agrees;      // 2 * most_splits + 1, per edge: the row takes it, and all above on the same feature
  int32_t* mesh;        // most_splits
  double* slots;        // most_splits + 1 times wide_lanes, 64-byte aligned
  double* parts;        // used.size() times wide_lanes, 64-byte aligned: added to, lane by lane
};

using ContributionWalk = void (*)(const ContributionPlan& plan, size_t tree_from, size_t tree_to, const ContributionWork& work);

// All of them add the same numbers in the same order: the choice shows in time alone.
ContributionWalk contribution_walk();

}  // namespace scoring
