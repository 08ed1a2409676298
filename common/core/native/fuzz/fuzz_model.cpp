// Any bytes at all, read as a model: either a Fault says what is wrong, or the forest scores nasty rows, and all of its paths agree
// with the plain walk to the last bit. With clang this is a libFuzzer target (-fsanitize=fuzzer,address,undefined); elsewhere link
// it with mutate.cpp, which brings a main of its own.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "../fault.hpp"
#include "../forest.hpp"
#include "../memory.hpp"
#include "../model.hpp"
#include "../plain.hpp"

namespace {

using Limits = std::numeric_limits<double>;

constexpr double nasty[] = {
    0.0, -0.0, 1.0, -1.0, 2.0, 3.7, -0.5, 1e-35, 1.0000001e-35, -1e-36, 1e300, -1e300, 4294967296.0, 2147483647.0, 63.0, 0.5,
    Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), Limits::denorm_min(), 31.0, 32.0};
constexpr size_t nasty_count = sizeof nasty / sizeof *nasty;

bool same(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b); }

void expect_same(const std::vector<double>& expected, const double* found, const char* path) {
  for (size_t k = 0; k < expected.size(); ++k) {
    if (same(expected[k], found[k])) continue;
    std::fprintf(stderr, "the %s path gives %.17g for output %zu where the plain walk gives %.17g\n", path, found[k], k, expected[k]);
    std::abort();
  }
}

void score(const scoring::Model& model) {
  constexpr int rows = 9;
  const scoring::Forest forest(model);
  const scoring::Plain plain(model);
  const auto scratch = forest.scratch();
  const auto features = static_cast<size_t>(model.features);
  const auto outputs = static_cast<size_t>(model.outputs);

  std::vector<double> x(features * rows);
  for (size_t i = 0; i < x.size(); ++i) x[i] = nasty[(i * 7 + i / features) % nasty_count];
  scoring::Aligned memory;
  const auto& read = forest.features_read();
  auto* const cells = reinterpret_cast<double*>(memory.reserve((read.size() + 1) * scoring::block_rows * sizeof(double)));
  std::vector<const double*> columns(features, nullptr);
  for (size_t i = 0; i < read.size(); ++i) {
    double* const column = cells + i * scoring::block_rows;
    columns[static_cast<size_t>(read[i])] = column;
    for (size_t r = 0; r < scoring::block_rows; ++r) {
      column[r] = r < rows ? x[r * features + static_cast<size_t>(read[i])] : nasty[(r + i) % nasty_count];
    }
  }

  std::vector<double> expected(outputs), one(outputs), block(outputs * rows);
  forest.block(columns.data(), rows, block.data(), *scratch);
  for (size_t r = 0; r < rows; ++r) {
    plain.row(x.data() + r * features, expected.data());
    forest.row(x.data() + r * features, one.data(), *scratch);
    expect_same(expected, one.data(), "row");
    expect_same(expected, block.data() + r * outputs, "block");
  }
  scoring::convert_outputs(model, block.data(), rows);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    score(scoring::read_model(std::string_view(reinterpret_cast<const char*>(data), size)));
  } catch (const scoring::Fault&) {
  }
  return 0;
}
