// Reads artifacts that may be damaged, as the extension does, and scores rows with those that open: for a build that a sanitizer
// watches. Prints how many opened; the exit code is 0 unless something crashed.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "pipeline.h"

namespace {

const char* const cells[] = {"", " ", "NA", "1e999", "-1e-999", "0x10", "inf", "\xc2\xa0 1 ", "2018-01-31T23:59:59.123456789+14:00", "\xff\xfe"};
const double numbers[] = {0.0, -0.0, 1e300, 5e-324, std::numeric_limits<double>::infinity(), std::nan("")};

void score(const scorer* opened) {
  const int inputs = scorer_inputs(opened), outputs = scorer_outputs(opened);
  constexpr int rows = 70;
  std::vector<double> row(static_cast<size_t>(inputs) * rows), out(static_cast<size_t>(outputs) * rows);
  double value = 0.0;
  for (int i = 0; i < inputs; ++i) {
    for (const char* cell : cells) scorer_text_cell(opened, i, cell, std::char_traits<char>::length(cell), &value);
    for (const double number : numbers) scorer_number_cell(opened, i, number, &value);
    scorer_whole_cell(opened, i, std::numeric_limits<int64_t>::min(), &value);
    scorer_truth_cell(opened, i, 1, &value);
  }
  for (size_t i = 0; i < row.size(); ++i) row[i] = numbers[i % std::size(numbers)];
  char why[200];
  scorer_row(opened, row.data(), out.data(), why, sizeof why);
  scorer_batch(opened, row.data(), rows, out.data(), why, sizeof why);
  for (const int original : {0, 1}) {
    const int parts = scorer_parts(opened, original);
    std::vector<double> found(static_cast<size_t>(parts) * static_cast<size_t>(scorer_groups(opened)));
    if (parts > 0) scorer_contributions(opened, row.data(), original, found.data(), why, sizeof why);
    for (int part = 0; part < parts; ++part) scorer_part(opened, original, part);
  }
}

bool attack(const std::string& data) {
  char why[40];   // short, so that messages are cut
  scorer* const opened = scorer_read(data.data(), data.size(), why, sizeof why);
  if (opened == nullptr) return false;
  for (int i = 0; i < scorer_members(opened); ++i) {
    size_t size;
    const char *name, *sha256;
    scorer_member(opened, i, &size, &name, &sha256);
  }
  const bool good = scorer_open(opened, why, sizeof why) == 0;
  if (good) score(opened);
  scorer_close(opened);
  return good;
}

}  // namespace

int main(int count, char** paths) {
  int opened = 0;
  for (int i = 1; i < count; ++i) {
    std::ifstream file(paths[i], std::ios::binary);
    opened += attack({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  }
  std::printf("%d of %d opened\n", opened, count - 1);
}
