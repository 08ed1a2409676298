#include "plane.hpp"

#include <cmath>
#include <limits>

namespace scoring {

void Plane::lengths(const Source& source, int64_t rows, int32_t inputs, double* out) const {
  const size_t fields = columns_.size();
  const size_t count = fields == 0 ? 0 : components_.size() / fields;
  std::vector<double> row(static_cast<size_t>(inputs)), z(fields), parts(count);
  std::vector<double*> places(row.size());
  for (size_t i = 0; i < row.size(); ++i) places[i] = &row[i];
  for (int64_t r = 0; r < rows; ++r) {
    source.gather(r, 1, places.data());
    for (size_t j = 0; j < fields; ++j) {
      const double known = row[static_cast<size_t>(columns_[j])];
      z[j] = ((known != known ? center_[j] : known) - center_[j]) / scale_[j];
    }
    for (size_t k = 0; k < count; ++k) {
      const double* const weights = &components_[k * fields];
      double sum = z[0] * weights[0];
      for (size_t j = 1; j < fields; ++j) sum += z[j] * weights[j];
      parts[k] = sum;
    }
    double total = 0.0;
    for (size_t j = 0; j < fields; ++j) {
      double rest = z[j];
      if (count > 0) {
        double taken = parts[0] * components_[j];
        for (size_t k = 1; k < count; ++k) taken += parts[k] * components_[k * fields + j];
        rest -= taken;
      }
      total = j == 0 ? rest * rest : total + rest * rest;
    }
    const double length = std::sqrt(total);
    out[r] = length != length ? std::numeric_limits<double>::infinity() : length;   // of values that no double can measure
  }
}

}  // namespace scoring
