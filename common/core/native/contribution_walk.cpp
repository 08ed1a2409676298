#include "contribution_walk.hpp"

#include "isa.hpp"

#define SCORING_INLINE inline __attribute__((always_inline))

namespace scoring {
namespace {

template <int Doubles>
struct Register;
template <>
struct Register<2> {
  typedef double type __attribute__((vector_size(16), may_alias));
};
template <>
struct Register<4> {
  typedef double type __attribute__((vector_size(32), may_alias));
};
template <>
struct Register<8> {
  typedef double type __attribute__((vector_size(64), may_alias));
};

// The `Count` points of the quadrature from number `first` on, in registers of `Doubles` doubles.
template <int Doubles, int Count>
SCORING_INLINE void pass(const ContributionPlan& plan, const TreePlan& tree, int32_t first, const uint8_t* hots,
                         const ContributionWork& work) {
  using V = typename Register<Doubles>::type;
  constexpr int registers = Count / Doubles;
  constexpr size_t slot_bytes = Count * sizeof(double);
  const BranchPlan* const branches = plan.branches.data() + tree.first_branch;
  const TwigPlan* const twigs = plan.twigs.data() + tree.first_twig;
  const int32_t count = tree.branches, absent = tree.absent;
  const ptrdiff_t q_to_s = tree.points * sizeof(double);
  const char* const mesh = reinterpret_cast<const char*>(plan.mesh.data()->of + first);
  uint8_t* const __restrict__ agrees = work.agrees;
  int32_t* const __restrict__ meshes = work.mesh;
  char* const slots = reinterpret_cast<char*>(work.slots);
  char* const parts = reinterpret_cast<char*>(work.parts);
  const auto lanes = [](char* place, int r) -> V& { return reinterpret_cast<V*>(place)[r]; };
  const auto fixed = [](const char* place, int r) -> const V& { return reinterpret_cast<const V*>(place)[r]; };
  const auto choose = [&](int32_t pair, int32_t prior) {   // without a jump: it would be guessed wrong too often
    return absent ^ ((absent ^ pair) & -static_cast<int32_t>(agrees[prior]));
  };

  for (int r = 0; r < registers; ++r) lanes(slots, r) = fixed(mesh + tree.weights, r);
  agrees[2 * count] = 1;
  char* slot = slots;
  for (int32_t i = 0; i < count; ++i, slot += slot_bytes) {   // down: how likely each split is reached
    const BranchPlan& split = branches[i];
    const int hot = hots[i], cold = hot ^ 1;
    const int32_t pair = choose(split.pair, split.prior);
    agrees[2 * i + hot] = agrees[split.prior];
    agrees[2 * i + cold] = 0;
    meshes[i] = pair;
    const double kept = split.share[cold], gone = 1.0 - split.share[hot];
    for (int r = 0; r < registers; ++r) {
      const V reach = lanes(slot, r), away = reach * fixed(mesh + pair, r);
      lanes(slots + split.child[hot], r) = reach - gone * away;
      lanes(slots + split.child[cold], r) = kept * away;
    }
  }
  for (int32_t i = 0; i < tree.twigs; ++i, slot += slot_bytes) {
    const TwigPlan& split = twigs[i];
    const int hot = hots[count + i];
    const char* const q = mesh + choose(split.pair, split.prior);
    const double lost = split.lost[hot], below = split.value[hot];
    for (int r = 0; r < registers; ++r) {
      lanes(parts + split.part, r) += lanes(slot, r) * fixed(q + q_to_s, r) * lost;
      lanes(slot, r) = below - fixed(q, r) * lost;
    }
  }
  for (int r = 0; r < registers; ++r) lanes(slot, r) = V{};   // the leaves', written on the way down
  slot = slots + count * slot_bytes;
  for (int32_t i = count - 1; i >= 0; --i) {   // up: the mean output below each split
    slot -= slot_bytes;
    const BranchPlan& split = branches[i];
    const int hot = hots[i], cold = hot ^ 1;
    const char* const q = mesh + meshes[i];
    const double kept = split.share[cold], gone = 1.0 - split.share[hot];
    for (int r = 0; r < registers; ++r) {
      const V below = lanes(slots + split.child[hot], r) + split.value[hot];
      const V lost = gone * below - kept * (lanes(slots + split.child[cold], r) + split.value[cold]);
      lanes(parts + split.part, r) += lanes(slot, r) * fixed(q + q_to_s, r) * lost;
      lanes(slot, r) = below - fixed(q, r) * lost;
    }
  }
}

template <int Doubles>
SCORING_INLINE void walk(const ContributionPlan& plan, size_t tree_from, size_t tree_to, const ContributionWork& work) {
  constexpr int narrow = Doubles < narrow_lanes ? Doubles : narrow_lanes;
  for (size_t t = tree_from; t < tree_to; ++t) {
    const TreePlan& tree = plan.trees[t];
    const uint8_t* hots = work.hot + tree.first_branch + tree.first_twig;
    if (tree.points == narrow_lanes) {
      pass<narrow, narrow_lanes>(plan, tree, 0, hots, work);
      continue;
    }
    for (int32_t first = 0; first < tree.points; first += wide_lanes) {
      pass<Doubles, wide_lanes>(plan, tree, first, hots, work);
    }
  }
}

void walk_any(const ContributionPlan& plan, size_t from, size_t to, const ContributionWork& work) {
  walk<2>(plan, from, to, work);
}

#if SCORING_X86
__attribute__((target("avx2"))) void walk_avx2(const ContributionPlan& plan, size_t from, size_t to, const ContributionWork& work) {
  walk<4>(plan, from, to, work);
}

#define SCORING_AVX512 "avx512f,avx512vl,avx512dq,avx512bw"
__attribute__((target(SCORING_AVX512))) void walk_avx512(const ContributionPlan& plan, size_t from, size_t to,
                                                         const ContributionWork& work) {
  walk<8>(plan, from, to, work);
}
#endif

}  // namespace

ContributionWalk contribution_walk() {
#if SCORING_X86
  if (isa() == Isa::avx512) return walk_avx512;
  if (isa() == Isa::avx2) return walk_avx2;
#endif
  return walk_any;
}

}  // namespace scoring
