#include "contribution.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "contribution_plan.hpp"
#include "contribution_walk.hpp"

namespace scoring {
namespace {

constexpr float smallest = 1e-35f;   // LightGBM's prediction on dense rows takes |x| up to this for 0
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double seen(double x, View view) {
  const bool missing = std::isnan(x), zero = missing || std::fabs(x) <= smallest;
  switch (view) {
    case View::zero_left: return zero ? -infinity : x;
    case View::zero_right: return zero ? nan : x;
    case View::nan_left: return missing ? -infinity : zero ? 0.0 : x;
    case View::nan_right: return missing ? nan : zero ? 0.0 : x;
    default: return zero ? 0.0 : x;
  }
}

// LightGBM truncates towards zero, so that -0.5 is category 0; what does not fit is in no set.
uint32_t category(double x) {
  return x > -1.0 && x < 2147483648.0 ? static_cast<uint32_t>(x < 0.0 ? 0.0 : x) : no_category;
}

// Working memory of a thread, kept from row to row.
struct Scratch {
  std::vector<double> views;
  std::vector<uint32_t> codes;
  std::vector<uint8_t> hot, agrees;
  std::vector<int32_t> mesh;
  std::vector<Lanes> slots, parts;

  ContributionWork fit(const ContributionPlan& plan) {
    const size_t splits = plan.most_splits;
    grow(views, plan.views.size() + 1);   // one at least: splits on categories look at the first, in vain
    grow(codes, plan.coded.size());
    grow(hot, plan.numerics.size());
    grow(agrees, 2 * splits + 1);
    grow(mesh, splits);
    grow(slots, splits + 1);
    grow(parts, plan.used.size() + 1);
    return {hot.data(), agrees.data(), mesh.data(), slots.data()->of, parts.data()->of};
  }

  void decide(const ContributionPlan& plan, const double* x) {
    for (size_t v = 0; v < plan.views.size(); ++v) views[v] = seen(x[plan.views[v].feature], plan.views[v].view);
    for (size_t c = 0; c < plan.coded.size(); ++c) codes[c] = category(x[plan.coded[c]]);
    const size_t splits = plan.numerics.size();
    const NumericPlan* numeric = plan.numerics.data();
    const double* const view = views.data();
    uint8_t* const __restrict__ side = hot.data();
    for (size_t i = 0; i < splits; ++i) side[i] = !(view[numeric[i].view] <= numeric[i].threshold);
    for (const CategoricalPlan& split : plan.categoricals) {
      const uint32_t code = codes[split.code], word = code / 32;
      side[split.split] = !(word < split.words && (plan.words[split.first + word] >> (code % 32) & 1));
    }
  }

 private:
  template <class T>
  static void grow(std::vector<T>& memory, size_t count) {
    if (memory.size() < count) memory.resize(count);
  }
};

double sum(const double (&lane)[wide_lanes]) {
  static_assert(wide_lanes == 8);
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

}  // namespace

struct Contribution::Body {
  ContributionPlan plan;
  ContributionWalk walk;
};

Contribution::Contribution(const Model& model) : body_(new Body{plan_contribution(model), contribution_walk()}) {}

Contribution::~Contribution() = default;

void Contribution::row(const double* x, double* out) const {
  const ContributionPlan& plan = body_->plan;
  thread_local Scratch scratch;
  const ContributionWork work = scratch.fit(plan);
  scratch.decide(plan, x);
  for (int32_t output = 0; output < plan.outputs; ++output) {
    std::fill_n(scratch.parts.begin(), plan.used.size(), Lanes{});
    body_->walk(plan, plan.first_tree[output], plan.first_tree[output + 1], work);
    std::fill_n(out, plan.features, 0.0);
    for (size_t part = 0; part < plan.used.size(); ++part) out[plan.used[part]] = sum(scratch.parts[part].of);
    out[plan.features] = plan.bias[output];
    out += plan.features + 1;
  }
}

}  // namespace scoring
