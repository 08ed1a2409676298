// Any bytes at all, read as features.json: either a Fault says what is wrong, or rows and blocks agree to the last bit.
// With clang a libFuzzer target; elsewhere link it with mutate.cpp, which brings a main of its own.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "../fault.hpp"
#include "../graph.hpp"

namespace {

// Wide graphs only cost time: one of them says no more than a narrow one.
constexpr int32_t wide = 64;

bool same_bits(double a, double b) { return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0; }

struct AlignedFree {
  void operator()(double* memory) const { ::operator delete(memory, std::align_val_t(64)); }
};

std::unique_ptr<double, AlignedFree> aligned(size_t count) {
  return std::unique_ptr<double, AlignedFree>(
      static_cast<double*>(::operator new((count + 1) * sizeof(double), std::align_val_t(64))));
}

void compare(const scoring::Graph& graph) {
  static const double some[] = {0.0,
                                -0.0,
                                1.0,
                                -1.0,
                                2.5,
                                7.0,
                                1e300,
                                -1e-310,
                                1.7e9,
                                -3e12,
                                std::nan(""),
                                std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity()};
  constexpr int rows = 19;   // a vector's width and some more
  const auto inputs = static_cast<size_t>(graph.inputs());
  const auto columns = aligned(inputs * scoring::block_rows);
  const auto memory = aligned(static_cast<size_t>(graph.row_size()) * scoring::block_rows);
  std::vector<const double*> in(inputs), out(static_cast<size_t>(graph.features()));
  for (size_t i = 0; i < inputs; ++i) {
    in[i] = columns.get() + i * scoring::block_rows;
    for (int r = 0; r < rows; ++r)
      columns.get()[i * scoring::block_rows + r] = some[(static_cast<size_t>(r) * 7 + i * 5) % std::size(some)];
  }
  graph.block(in.data(), memory.get(), out.data(), rows);
  std::vector<double> x(inputs), features(out.size()), row_memory(static_cast<size_t>(graph.row_size()) + 1);
  for (int r = 0; r < rows; ++r) {
    for (size_t i = 0; i < inputs; ++i) x[i] = in[i][r];
    graph.row(x.data(), features.data(), row_memory.data());
    for (size_t f = 0; f < out.size(); ++f) {
      if (!same_bits(features[f], out[f][r])) std::abort();
    }
  }
  for (const double share : graph.shares()) {
    if (!(share >= 0.0 && share <= 1.0 + 1e-9)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const scoring::Graph graph(std::string_view(reinterpret_cast<const char*>(data), size));
    if (graph.inputs() <= wide && graph.features() <= wide && graph.row_size() <= wide) compare(graph);
  } catch (const scoring::Fault&) {
  }
  return 0;
}
