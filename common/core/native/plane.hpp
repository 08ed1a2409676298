// How far rows lie off the plane that the training rows span: scoring.distance says what is computed.
#pragma once
#include <cstdint>
#include <vector>

#include "source.hpp"

namespace scoring {

class Plane {
 public:
  // `columns` are the inputs that are measured; `components` holds their weights, one component after the other.
  Plane(std::vector<int32_t> columns, std::vector<double> center, std::vector<double> scale, std::vector<double> components)
      : columns_(std::move(columns)), center_(std::move(center)), scale_(std::move(scale)), components_(std::move(components)) {}

  // Distances of `rows` rows with `inputs` inputs. Every sum is taken in order, in doubles.
  void lengths(const Source& source, int64_t rows, int32_t inputs, double* out) const;

 private:
  std::vector<int32_t> columns_;
  std::vector<double> center_, scale_, components_;
};

}  // namespace scoring
