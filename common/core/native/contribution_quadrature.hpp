// Gauss-Legendre quadrature on [0, 1].
#pragma once
#include <vector>

namespace scoring {

struct Quadrature {
  std::vector<double> at;       // ascending, inside (0, 1)
  std::vector<double> weight;   // sums to 1
};

// `points` nodes: exact for polynomials up to degree 2 * points - 1. Plain arithmetic only, so that every platform
// computes the same bits.
Quadrature gauss_legendre(int points);

}  // namespace scoring
