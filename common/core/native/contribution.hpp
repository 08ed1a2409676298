// Exact Shapley values of a forest (the path-dependent TreeSHAP that LightGBM's pred_contrib computes).
#pragma once
#include <cstdint>
#include <memory>

#include "model.hpp"

namespace scoring {

class Contribution {
 public:
  explicit Contribution(const Model& model);   // throws Fault when the model's text carries no counts; keeps no reference
  ~Contribution();
  Contribution(const Contribution&) = delete;
  Contribution& operator=(const Contribution&) = delete;

  // Parts of the raw scores of one row, laid out as pred_contrib does: for each output, model.features parts and then the bias.
  // Safe to call from many threads at once.
  void row(const double* x, double* out) const;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace scoring
